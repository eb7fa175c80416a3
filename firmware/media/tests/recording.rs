//! Recordings of streams with real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::f64::consts::TAU;
use std::path::Path;
use std::time::{Duration, Instant};

use far_end::sound::{self, Voice};
use far_end::{FarEnd, connected, engine, runtime, statistics};
use ramal_dsp::Law;
use ramal_media::{
    Codec, Finished, Recorder, RecorderConfig, RecordingFailure, SampleRate, Stream, recover,
};

const FRAME: Duration = Duration::from_millis(20);
/// -10 dBm0: 3.14 dBm0 is full scale, 32,124 at its peak.
const PEAK: f64 = 7_080.0;

fn recorder(folder: &Path) -> Recorder {
    Recorder::start(&RecorderConfig {
        folder: folder.to_owned(),
        reserve: 0,
    })
    .unwrap()
}

/// A far end that sends a tone in its law, frame by frame.
struct Tone {
    phone: FarEnd,
    law: Law,
    frequency: f64,
    sent: u32,
}

impl Tone {
    fn of(phone: FarEnd, law: Law, frequency: f64) -> Tone {
        Tone {
            phone,
            law,
            frequency,
            sent: 0,
        }
    }

    fn send(&mut self) {
        let samples: Vec<i16> = (0..160)
            .map(|n| {
                let place = f64::from(self.sent * 160 + n) / 8_000.0;
                (PEAK * (TAU * self.frequency * place).sin()) as i16
            })
            .collect();
        let mut octets = [0u8; 160];
        self.law.encode(&samples, &mut octets);
        self.phone.send(&octets);
        self.sent += 1;
    }
}

/// Frames at their own pace until both have sent so many.
fn talk(one: &mut Tone, other: &mut Tone, frames: u32) {
    let start = Instant::now();
    for frame in 1..=frames {
        one.send();
        other.send();
        let due = start + FRAME * frame;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// Both sides of a recording of G.711.
fn sides(path: &Path) -> [Vec<i16>; 2] {
    let file = std::fs::read(path).unwrap();
    let law = match file[20] {
        6 => Law::A,
        7 => Law::Mu,
        tag => panic!("format {tag}"),
    };
    let side = |channel: usize| {
        let octets: Vec<u8> = file[58..].chunks(2).map(|frame| frame[channel]).collect();
        let mut samples = vec![0; octets.len()];
        law.decode(&octets, &mut samples);
        samples
    };
    [side(0), side(1)]
}

/// What sox, which nobody here wrote, says of a file: coding, samples a second, bits and samples.
fn described_by_sox(path: &Path) -> (String, u32, u32, u64) {
    let say = |what: &str| {
        let said = std::process::Command::new("soxi")
            .args([what])
            .arg(path)
            .output()
            .expect("soxi of the Debian package sox");
        assert!(said.status.success(), "{said:?}");
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(say("-c"), "2");
    (
        say("-e"),
        say("-r").parse().unwrap(),
        say("-b").parse().unwrap(),
        say("-s").parse().unwrap(),
    )
}

/// Both sides of a recording as sox reads them.
fn sides_by_sox(path: &Path) -> [Vec<i16>; 2] {
    [1, 2].map(|channel: usize| {
        let read = std::process::Command::new("sox")
            .arg(path)
            .args(["-t", "s16", "-", "remix", &channel.to_string()])
            .output()
            .expect("sox");
        assert!(read.status.success(), "{read:?}");
        // It warns of files whose sizes are wrong.
        assert!(read.stderr.is_empty(), "{read:?}");
        let (pairs, rest) = read.stdout.as_chunks::<2>();
        assert!(rest.is_empty());
        pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
    })
}

/// Level of a frequency in dB relative to what was sent: that of the median tenth of a second, as a far end that began
/// late by the machine's doing is moved to its place meanwhile.
fn level(samples: &[i16], frequency: f64) -> f64 {
    level_at(samples, frequency, 8_000)
}

fn level_at(samples: &[i16], frequency: f64, rate: u32) -> f64 {
    let mut levels: Vec<f64> = samples
        .chunks(rate as usize / 10)
        .map(|block| level_of(block, frequency, rate))
        .collect();
    levels.sort_by(f64::total_cmp);
    levels[levels.len() / 2]
}

fn level_of(samples: &[i16], frequency: f64, rate: u32) -> f64 {
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let angle = TAU * frequency * n as f64 / f64::from(rate);
        sine += f64::from(sample) * angle.sin();
        cosine += f64::from(sample) * angle.cos();
    }
    let amplitude = 2.0 * sine.hypot(cosine) / samples.len() as f64;
    20.0 * (amplitude / PEAK).log10()
}

/// First sample that is loud.
fn onset(samples: &[i16]) -> usize {
    samples
        .iter()
        .position(|sample| sample.abs() > 2_000)
        .expect("something to be heard")
}

fn commands_done(stream: &Stream) {
    statistics(stream);
}

#[test]
fn f078_both_sides_lie_on_their_channels_at_their_level_and_within_20_ms() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path());
    let engine = engine(22_600..=22_619, 1);
    let (a, phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcmu);
    engine.bridge(&a, &b).unwrap();
    let (mut recording, end) = recorder.begin("call.wav", Codec::Pcma);
    recording.tap(&a).unwrap();
    commands_done(&a);
    let mut a_says = Tone::of(phone_a, Law::A, 425.0);
    let mut b_says = Tone::of(phone_b, Law::Mu, 1_000.0);
    talk(&mut a_says, &mut b_says, 100);
    drop(recording);
    let finished = runtime().block_on(end);
    assert_eq!((finished.lost_packets, &finished.failure), (0, &None));
    assert!(finished.duration_ms >= 1_990, "{finished:?}");
    let path = folder.path().join("call.wav");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), finished.bytes);
    let (coding, rate, bits, samples) = described_by_sox(&path);
    assert_eq!((coding.as_str(), rate, bits), ("A-law", 8_000, 8));
    assert_eq!(samples / 8, finished.duration_ms);
    let [left, right] = sides(&path);
    assert_eq!(sides_by_sox(&path)[0].len(), left.len());
    let (from, to) = (onset(&left), onset(&right));
    assert!(from.abs_diff(to) <= 160, "{from} and {to}");
    let middle = 4_000..12_000;
    assert!(level(&left[middle.clone()], 425.0).abs() < 0.5);
    assert!(level(&right[middle.clone()], 1_000.0).abs() < 0.5);
    assert!(level(&left[middle.clone()], 1_000.0) < -40.0);
    assert!(level(&right[middle], 425.0) < -40.0);
}

#[test]
fn f078_a_call_in_another_codec_is_recorded_in_16_bits_at_its_own_rate() {
    let narrow = Codec::L16(SampleRate::Narrow);
    let wide = Codec::L16(SampleRate::Wide);
    for (codec, base, rate) in [
        (Codec::G722, 22_700, 16_000),
        (Codec::Opus, 22_720, 16_000),
        (narrow, 22_740, 8_000),
        (wide, 22_760, 16_000),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let recorder = recorder(folder.path());
        let engine = engine(base..=base + 19, 1);
        let (a, mut phone_a) = connected(&engine, 1, codec);
        let (b, mut phone_b) = connected(&engine, 2, codec);
        engine.bridge(&a, &b).unwrap();
        let (mut recording, end) = recorder.begin("call.wav", codec);
        recording.tap(&a).unwrap();
        commands_done(&a);
        // Above what G.711 carries, where the codec carries it.
        let high = if rate == 16_000 { 5_000.0 } else { 1_000.0 };
        let (mut a_says, mut b_says) = (Voice::new(codec, 425.0), Voice::new(codec, high));
        let start = Instant::now();
        for frame in 1..=100 {
            phone_a.send(&a_says.say());
            phone_b.send(&b_says.say());
            let due = start + FRAME * frame;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        drop(recording);
        let finished = runtime().block_on(end);
        assert_eq!((finished.lost_packets, &finished.failure), (0, &None));
        let path = folder.path().join("call.wav");
        let (coding, hertz, bits, samples) = described_by_sox(&path);
        assert_eq!(
            (coding.as_str(), hertz, bits),
            ("Signed Integer PCM", rate, 16),
            "{codec:?}"
        );
        assert_eq!(samples * 1_000 / u64::from(rate), finished.duration_ms);
        let [left, right] = sides_by_sox(&path);
        let said = 20.0 * (sound::PEAK / PEAK).log10();
        let middle = rate as usize / 2..rate as usize * 3 / 2;
        for (side, own, other) in [(&left, 425.0, high), (&right, high, 425.0)] {
            let level = level_at(&side[middle.clone()], own, rate) - said;
            // Opus spends its bits where the ear is.
            let allowed = if codec == Codec::Opus { 1.0 } else { 0.5 };
            assert!(level.abs() < allowed, "{codec:?}: {own} Hz {level} dB");
            assert!(level_at(&side[middle.clone()], other, rate) < -35.0);
        }
    }
}

#[test]
fn f078_another_codec_in_the_middle_of_a_recording_is_brought_to_its_form() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path());
    let engine = engine(22_780..=22_799, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::G722);
    let (b, mut phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    let (mut recording, end) = recorder.begin("both.wav", Codec::G722);
    recording.tap(&a).unwrap();
    commands_done(&a);
    let mut a_says = Voice::new(Codec::G722, 425.0);
    let mut b_says = Voice::new(Codec::Pcma, 1_000.0);
    let mut talk = || {
        let start = Instant::now();
        for frame in 1..=75 {
            phone_a.send(&a_says.say());
            phone_b.send(&b_says.say());
            let due = start + FRAME * frame;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    };
    talk();
    recording.tap(&b).unwrap();
    commands_done(&b);
    commands_done(&a);
    talk();
    drop(recording);
    let finished = runtime().block_on(end);
    assert_eq!((finished.lost_packets, &finished.failure), (0, &None));
    let [left, right] = sides_by_sox(&folder.path().join("both.wav"));
    let said = 20.0 * (sound::PEAK / PEAK).log10();
    for (side, range, own) in [
        (&left, 4_000..20_000, 425.0),
        (&right, 4_000..20_000, 1_000.0),
        (&left, 28_000..44_000, 1_000.0),
        (&right, 28_000..44_000, 425.0),
    ] {
        let level = level_at(&side[range.clone()], own, 16_000) - said;
        assert!(level.abs() < 0.5, "{own} Hz in {range:?}: {level} dB");
    }
}

#[test]
fn f087_a_recording_moves_to_another_channel_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path());
    let engine = engine(22_620..=22_639, 2);
    let (a, phone_a) = connected(&engine, 1, Codec::Pcmu);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    let (mut recording, end) = recorder.begin("moved.wav", Codec::Pcmu);
    recording.tap(&a).unwrap();
    assert!(recording.is_on(&a) && !recording.is_on(&b));
    commands_done(&a);
    let mut a_says = Tone::of(phone_a, Law::Mu, 425.0);
    let mut b_says = Tone::of(phone_b, Law::A, 1_000.0);
    talk(&mut a_says, &mut b_says, 75);
    recording.tap(&b).unwrap();
    commands_done(&b);
    commands_done(&a);
    talk(&mut a_says, &mut b_says, 75);
    drop(recording);
    let finished = runtime().block_on(end);
    assert_eq!((finished.lost_packets, &finished.failure), (0, &None));
    let [left, right] = sides(&folder.path().join("moved.wav"));
    let (before, after) = (2_000..10_000, 14_000..22_000);
    assert!(level(&left[before.clone()], 425.0).abs() < 0.5);
    assert!(level(&right[before], 1_000.0).abs() < 0.5);
    // Seen from the other end, the sides change.
    assert!(level(&left[after.clone()], 1_000.0).abs() < 0.5);
    assert!(level(&right[after], 425.0).abs() < 0.5);
}

#[test]
fn f078_a_call_goes_on_when_its_recording_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let full = Recorder::start(&RecorderConfig {
        folder: folder.path().to_owned(),
        reserve: u64::MAX,
    })
    .unwrap();
    let engine = engine(22_640..=22_659, 1);
    let (a, phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    let (mut recording, end) = full.begin("none.wav", Codec::Pcma);
    recording.tap(&a).unwrap();
    let finished = runtime().block_on(end);
    assert_eq!(
        finished,
        Finished {
            failure: Some(RecordingFailure::DiskFull),
            ..Finished::default()
        }
    );
    assert!(!folder.path().join("none.wav").exists());
    let mut a_says = Tone::of(phone_a, Law::A, 425.0);
    let mut b_says = Tone::of(phone_b, Law::A, 1_000.0);
    for _ in 0..300 {
        a_says.send();
        b_says.phone.receive();
        b_says.send();
        a_says.phone.receive();
    }
}

/// Kills a process that records, at any moment, and looks at what it leaves.
#[test]
fn a_killed_process_leaves_recordings_that_play() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(folder) = std::env::var_os("RAMAL_RECORD_UNTIL_KILLED") {
        record_until_killed(Path::new(&folder));
    }
    for kill_after in [1_300u64, 1_710, 2_040] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_killed_process_leaves_recordings_that_play"])
            .env("RAMAL_RECORD_UNTIL_KILLED", folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let began = folder.path().join("began");
        let deadline = Instant::now() + far_end::PATIENCE;
        while !began.exists() {
            assert!(Instant::now() < deadline, "the process does not record");
            std::thread::sleep(Duration::from_millis(1));
        }
        let start = Instant::now();
        std::thread::sleep(Duration::from_millis(kill_after));
        child.kill().unwrap();
        let lasted = start.elapsed();
        child.wait().unwrap();
        let path = folder.path().join("killed.wav");
        let file = std::fs::read(&path).unwrap();
        let claimed = u32::from_le_bytes(file[54..58].try_into().unwrap());
        assert!(file.len() >= 58 + claimed as usize);
        let recovered = recover(&path).unwrap();
        let lacks = lasted.saturating_sub(Duration::from_millis(recovered.duration_ms));
        assert!(lacks < Duration::from_secs(1), "{lacks:?} are missing");
        std::fs::remove_file(path).unwrap();
        std::fs::remove_file(began).unwrap();
    }
}

fn record_until_killed(folder: &Path) -> ! {
    let recorder = recorder(folder);
    let engine = engine(22_660..=22_679, 1);
    let (a, phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    let (mut recording, _end) = recorder.begin("killed.wav", Codec::Pcma);
    recording.tap(&a).unwrap();
    commands_done(&a);
    std::fs::write(folder.join("began"), "").unwrap();
    let mut a_says = Tone::of(phone_a, Law::A, 425.0);
    let mut b_says = Tone::of(phone_b, Law::A, 1_000.0);
    loop {
        talk(&mut a_says, &mut b_says, 50);
    }
}
