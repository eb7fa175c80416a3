//! Lines: clocked by the tick, bridged with RTP streams and with each other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use far_end::{PATIENCE, connected, engine, statistics};
use nix::sys::eventfd::{EfdFlags, EventFd};
use ramal_dsp::{Law, alaw_to_ulaw};
use ramal_media::{Codec, LineAudio, Prompt, Repeat};

/// Frames a line is sent, with the time of each.
type Heard = Receiver<(Instant, [u8; 160])>;

/// A line that says what the test gives it and shows the test what it is sent.
struct TestLine {
    says: Receiver<u8>,
    hears: SyncSender<(Instant, [u8; 160])>,
}

impl LineAudio for TestLine {
    fn exchange(&mut self, transmit: &[u8; 160], receive: &mut [u8; 160]) {
        receive.fill(self.says.try_recv().unwrap_or(Law::A.silence()));
        let _ = self.hears.try_send((Instant::now(), *transmit));
    }
}

fn line() -> (Box<TestLine>, Sender<u8>, Heard) {
    let (say, says) = channel();
    let (hears, heard) = sync_channel(10_000);
    (Box::new(TestLine { says, hears }), say, heard)
}

/// First octets of the frames that are not silent, until `count` of them came.
fn spoken(heard: &Heard, count: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    while octets.len() < count {
        let (_, frame) = heard.recv_timeout(PATIENCE).expect("a frame in time");
        assert!(
            frame.iter().all(|&octet| octet == frame[0]),
            "frames stay whole"
        );
        if frame[0] != Law::A.silence() {
            octets.push(frame[0]);
        }
    }
    octets
}

/// A line with a clock of its own: says 20 ms at each beat.
struct BeatingLine {
    bell: Arc<EventFd>,
    said: Arc<AtomicUsize>,
    answered: SyncSender<[u8; 160]>,
    hears: [u8; 160],
}

impl LineAudio for BeatingLine {
    fn exchange(&mut self, transmit: &[u8; 160], receive: &mut [u8; 160]) {
        let more = |said: usize| said.checked_sub(1);
        let _ = self
            .said
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        receive.fill(7);
        self.hears = *transmit;
    }

    fn beat(&self) -> Option<BorrowedFd<'_>> {
        Some(self.bell.as_fd())
    }

    fn waiting(&self) -> usize {
        self.said.load(Ordering::Acquire)
    }

    fn answered(&mut self) {
        let _ = self.answered.try_send(self.hears);
    }
}

#[test]
fn sound_of_a_line_with_its_own_clock_waits_for_no_tick_and_goes_on_when_the_clock_stops() {
    let engine = engine(22_600..=22_649, 1);
    let bell = Arc::new(EventFd::from_flags(EfdFlags::EFD_NONBLOCK).unwrap());
    let said = Arc::<AtomicUsize>::default();
    let (answered, answers) = sync_channel(10_000);
    let audio = BeatingLine {
        bell: bell.clone(),
        said: said.clone(),
        answered,
        hears: [0; 160],
    };
    let line = engine.open_line(Box::new(audio)).unwrap();
    let (stream, mut phone) = connected(&engine, 1, Codec::Pcma);
    engine.bridge(&line, &stream).unwrap();
    statistics(&stream);
    let mut delays = Vec::new();
    for _ in 0..60 {
        phone.send(&[0x2A; 160]);
        // Neither the beat of ticks nor a multiple of it.
        std::thread::sleep(Duration::from_millis(17));
        while answers.try_recv().is_ok() {}
        phone.socket.set_nonblocking(true).unwrap();
        while phone.socket.recv(&mut [0; 256]).is_ok() {}
        phone.socket.set_nonblocking(false).unwrap();
        let begin = Instant::now();
        said.fetch_add(1, Ordering::AcqRel);
        bell.write(1).unwrap();
        assert_eq!(phone.receive().payload, [7; 160]);
        delays.push(begin.elapsed());
    }
    delays.sort();
    // By ticks half of them would take ten milliseconds.
    assert!(delays[30] < Duration::from_millis(5), "{delays:?}");
    // What the phone said meanwhile was there when the line beat.
    let heard = answers.recv_timeout(PATIENCE).unwrap();
    assert!(heard.contains(&0x2A), "{heard:?}");
    for _ in 0..10 {
        assert_eq!(phone.receive().payload, [7; 160]);
    }
}

#[test]
fn a_line_is_clocked_every_20_ms() {
    let engine = engine(22_100..=22_149, 1);
    let (audio, _say, heard) = line();
    let _line = engine.open_line(audio).unwrap();
    let times: Vec<Instant> = (0..51)
        .map(|_| heard.recv_timeout(PATIENCE).unwrap().0)
        .collect();
    let lasted = times[50].duration_since(times[0]);
    assert!(
        (Duration::from_millis(960)..Duration::from_millis(1_080)).contains(&lasted),
        "{lasted:?}"
    );
}

#[test]
fn a_line_and_a_phone_hear_each_other_in_either_law() {
    for (codec, base) in [(Codec::Pcma, 22_150), (Codec::Pcmu, 22_200)] {
        let engine = engine(base..=base + 49, 1);
        let (audio, say, heard) = line();
        let line = engine.open_line(audio).unwrap();
        let (stream, mut phone) = connected(&engine, 1, codec);
        engine.bridge(&line, &stream).unwrap();
        statistics(&stream);

        for number in 1..=20u8 {
            say.send(number).unwrap();
        }
        let said: Vec<u8> = std::iter::from_fn(|| Some(phone.receive().payload[0]))
            .map(|octet| {
                let mut octet = [octet];
                if codec == Codec::Pcmu {
                    ramal_dsp::ulaw_to_alaw(&mut octet);
                }
                octet[0]
            })
            .filter(|&octet| octet != Law::A.silence())
            .take(10)
            .collect();
        // Mu-law has no place for every A-law value; order and neighbourhood remain.
        let expected: Vec<u8> = (1..=10u8)
            .map(|octet| {
                let mut octet = [octet];
                if codec == Codec::Pcmu {
                    alaw_to_ulaw(&mut octet);
                    ramal_dsp::ulaw_to_alaw(&mut octet);
                }
                octet[0]
            })
            .collect();
        assert_eq!(said, expected);

        while heard.try_recv().is_ok() {}
        let (mut wanted, mut frames) = (Vec::new(), Vec::new());
        for number in 0x21..=0x28u8 {
            phone.send(&[number; 160]);
            // The line's beat is the phone's.
            frames.push(heard.recv_timeout(PATIENCE).unwrap().1);
            let mut octet = [number];
            if codec == Codec::Pcmu {
                ramal_dsp::ulaw_to_alaw(&mut octet);
            }
            wanted.push([octet[0]; 160]);
        }
        frames.retain(|frame| *frame != [Law::A.silence(); 160]);
        let first = |frames: &[[u8; 160]]| frames.iter().map(|f| f[0]).collect::<Vec<_>>();
        assert!(
            frames.len() > 4 && wanted.starts_with(&frames),
            "{:?} {:?}",
            first(&frames),
            first(&wanted)
        );
    }
}

#[test]
fn two_lines_hear_each_other() {
    let engine = engine(22_250..=22_299, 1);
    let (audio_a, say_a, heard_a) = line();
    let (audio_b, say_b, heard_b) = line();
    let (a, b) = (
        engine.open_line(audio_a).unwrap(),
        engine.open_line(audio_b).unwrap(),
    );
    engine.bridge(&a, &b).unwrap();
    for number in 1..=20u8 {
        say_a.send(number).unwrap();
        say_b.send(number + 100).unwrap();
    }
    let (by_a, by_b) = (spoken(&heard_a, 10), spoken(&heard_b, 10));
    assert!(
        by_a.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{by_a:?}"
    );
    assert!(
        by_b.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{by_b:?}"
    );
    assert!(by_a[0] > 100 && by_b[0] < 100);
}

#[test]
fn a_line_hears_prompts_and_its_own_echo() {
    let engine = engine(22_300..=22_349, 1);
    let (audio, say, heard) = line();
    let line = engine.open_line(audio).unwrap();
    let prompt = Prompt::new("tone", &[7_000; 480]);
    let octet = prompt.frame(Codec::Pcma, 0).unwrap()[0];
    line.play(vec![std::sync::Arc::new(prompt).into()], Repeat::Once)
        .unwrap()
        .detach();
    assert_eq!(spoken(&heard, 3), [octet; 3]);
    line.echo().unwrap();
    far_end::runtime().block_on(line.statistics()).unwrap();
    for number in 1..=5u8 {
        say.send(number).unwrap();
    }
    assert_eq!(spoken(&heard, 5), [1, 2, 3, 4, 5]);
}

#[test]
fn keys_are_pressed_on_a_line_as_their_tones() {
    use ramal_dsp::{DtmfDetector, DtmfEvent, DtmfLimits};

    let engine = engine(22_250..=22_299, 1);
    let (audio, _say, heard) = line();
    let line = engine.open_line(audio).unwrap();
    for key in "15#".chars() {
        line.press(key).unwrap();
    }
    let (mut detector, mut keys) = (DtmfDetector::new(DtmfLimits::default()), String::new());
    while keys.len() < 3 {
        let (_, frame) = heard.recv_timeout(PATIENCE).expect("a frame in time");
        let mut samples = [0; 160];
        Law::A.decode(&frame, &mut samples);
        detector.process(&samples, |event| {
            if let DtmfEvent::Up { key, .. } = event {
                keys.push(key);
            }
        });
    }
    assert_eq!(keys, "15#");
}
