//! Nothing is allocated on a media thread for a packet or a tick, whatever way they go.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use far_end::sound::Voice;
use far_end::{
    FarEnd, GATEWAY, aim, connected, engine_by, keys, payload, runtime, speaking_to, statistics,
};
use nix::unistd::gettid;
use ramal_dsp::digit_packets;
use ramal_media::{
    Codec, LineAudio, Multiplexing, Part, Prompt, Protection, Recorder, RecorderConfig, Repeat,
    Room, Stream, Suite,
};

/// Counts what the thread with the number in `WATCHED` allocates and frees.
struct Counting;

static WATCHED: AtomicI32 = AtomicI32::new(0);
static COUNT: AtomicU64 = AtomicU64::new(0);

fn count() {
    let watched = WATCHED.load(Ordering::Relaxed);
    if watched != 0 && gettid().as_raw() == watched {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call is passed to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count();
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn media_thread() -> i32 {
    fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|task| fs::read_to_string(task.join("comm")).unwrap().trim() == "media-0")
        .and_then(|task| task.file_name()?.to_str()?.parse().ok())
        .expect("the media thread")
}

/// A line that says what it hears.
struct Loop;

impl LineAudio for Loop {
    fn exchange(&mut self, transmit: &[u8; 160], receive: &mut [u8; 160]) {
        *receive = *transmit;
    }
}

/// A phone in a transcoded bridge, a room or a bridge with a line, and what it says.
struct Talker {
    stream: Stream,
    phone: FarEnd,
    packets: Vec<Vec<u8>>,
}

fn talker(engine: &ramal_media::Engine, number: u32, codec: Codec) -> Talker {
    let (stream, phone) = connected(engine, number, codec);
    let mut voice = Voice::new(codec, 1_004.0);
    // Prepared here, so that only the media thread is measured.
    let packets = (0..50).map(|_| voice.say()).collect();
    Talker {
        stream,
        phone,
        packets,
    }
}

/// Lets all talk for two seconds or more, losing every tenth packet, and hears what comes.
fn talk(talkers: &mut [Talker]) {
    for turn in 0..120 {
        for talker in &mut *talkers {
            if turn % 10 == 9 {
                talker.phone.sequence = talker.phone.sequence.wrapping_add(1);
                let units = talker.phone.units.unwrap_or(160);
                talker.phone.timestamp = talker.phone.timestamp.wrapping_add(units);
            } else {
                let packet = talker.packets[turn % 50].clone();
                talker.phone.send(&packet);
            }
        }
        if turn % 10 != 9 {
            for talker in &mut *talkers {
                talker.phone.receive();
            }
        }
    }
}

#[test]
fn no_packet_and_no_tick_allocates() {
    for multiplexing in [Multiplexing::Automatic, Multiplexing::Epoll] {
        relaying_digits_playing_and_recording(multiplexing);
        transcoding_rooms_and_lines(multiplexing);
    }
}

fn transcoding_rooms_and_lines(multiplexing: Multiplexing) {
    let engine = engine_by(multiplexing, 22_800..=22_899, 1);
    let codecs = [Codec::G722, Codec::Opus, Codec::Pcma, Codec::Opus];
    let mut bridged: Vec<Talker> = codecs
        .into_iter()
        .enumerate()
        .map(|(number, codec)| talker(&engine, number as u32 + 1, codec))
        .collect();
    for pair in bridged.chunks(2) {
        engine.bridge(&pair[0].stream, &pair[1].stream).unwrap();
    }
    let mut members: Vec<Talker> = [Codec::Pcma, Codec::G722, Codec::Opus]
        .into_iter()
        .enumerate()
        .map(|(number, codec)| talker(&engine, number as u32 + 11, codec))
        .collect();
    let room: Room = engine.room();
    let _events = room.events().unwrap();
    for member in &members {
        runtime()
            .block_on(room.join(&member.stream, Part::Speaker))
            .unwrap();
    }
    let mut on_lines: Vec<Talker> = [Codec::Pcmu, Codec::Opus]
        .into_iter()
        .enumerate()
        .map(|(number, codec)| talker(&engine, number as u32 + 21, codec))
        .collect();
    let lines: Vec<_> = on_lines
        .iter()
        .map(|talker| {
            let line = engine.open_line(Box::new(Loop)).unwrap();
            engine.bridge(&line, &talker.stream).unwrap();
            line
        })
        .collect();
    let music = Arc::new(Prompt::new("music", &[1_000; 1_600]));
    let listener = talker(&engine, 31, Codec::G722);
    let _playing = listener
        .stream
        .play(vec![music.into()], Repeat::Forever)
        .unwrap();
    for talkers in [&mut bridged, &mut members, &mut on_lines] {
        talk(talkers);
        statistics(&talkers[0].stream);
    }

    let before = COUNT.load(Ordering::Relaxed);
    WATCHED.store(media_thread(), Ordering::Relaxed);
    for talkers in [&mut bridged, &mut members, &mut on_lines] {
        talk(talkers);
    }
    for _ in 0..10 {
        listener.phone.receive();
    }
    let counted = COUNT.load(Ordering::Relaxed) - before;
    WATCHED.store(0, Ordering::Relaxed);
    assert_eq!(counted, 0, "allocations on the media thread");
    drop(lines);
}

fn relaying_digits_playing_and_recording(multiplexing: Multiplexing) {
    let engine = engine_by(multiplexing, 22_550..=22_599, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, mut phone_b) = connected(&engine, 2, Codec::Pcmu);
    let (c, mut phone_c) = connected(&engine, 3, Codec::Pcma);
    let (d, phone_d) = connected(&engine, 4, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    c.echo().unwrap();
    let music = Arc::new(Prompt::new("music", &[1_000; 1_600]));
    let playing = d.play(vec![music.into()], Repeat::Forever).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(&RecorderConfig {
        folder: folder.path().to_owned(),
        reserve: 0,
    })
    .unwrap();
    // Between two of the gateway's own streams, one after the other for each suite, voice goes encrypted.
    let mut sealed = Vec::new();
    for suite in Suite::ALL {
        let [near_keys, far_keys] = keys(suite);
        let near = speaking_to(&engine, (GATEWAY, 9).into(), Protection::None);
        let far = speaking_to(&engine, (GATEWAY, near.local_port()).into(), far_keys);
        aim(&near, (GATEWAY, far.local_port()).into(), near_keys);
        let (clear, phone) = connected(&engine, 5, Codec::Pcma);
        engine.bridge(&clear, &near).unwrap();
        far.echo().unwrap();
        statistics(&clear);
        statistics(&far);
        sealed.push((phone, [near, far, clear]));
    }
    let mut recordings = Vec::new();
    for (number, stream) in [&a, &d].into_iter().enumerate() {
        let (mut recording, end) = recorder.begin(&format!("{number}.wav"), Codec::Pcma);
        recording.tap(stream).unwrap();
        recordings.push((recording, end));
    }
    for stream in [&a, &b, &c, &d] {
        statistics(stream);
    }
    phone_a.send(&payload(0));
    phone_b.receive();
    // The same payload every time, prepared here, so that only the media thread is measured.
    let payload = payload(1);

    let before = COUNT.load(Ordering::Relaxed);
    WATCHED.store(media_thread(), Ordering::Relaxed);
    for _ in 0..2_000 {
        phone_a.send(&payload);
        phone_b.receive();
        phone_b.send(&payload);
        phone_a.receive();
        phone_c.send(&payload);
        phone_c.receive();
        for (phone, _) in &mut sealed {
            phone.send(&payload);
            phone.receive();
        }
    }
    for packet in digit_packets('5', 400).unwrap() {
        phone_a.send_event(101, &packet);
        phone_b.receive();
    }
    // Silence, whose noise the tick makes.
    phone_a.payload_type = 13;
    phone_a.send(&[50]);
    for _ in 0..10 {
        phone_b.receive();
        phone_d.receive();
    }
    let counted = COUNT.load(Ordering::Relaxed) - before;
    // A command does allocate, which shows that the counter counts.
    drop(playing);
    drop(a);
    statistics(&b);
    assert!(COUNT.load(Ordering::Relaxed) - before > counted);
    WATCHED.store(0, Ordering::Relaxed);
    assert_eq!(
        counted, 0,
        "allocations on the media thread for 14,000 packets"
    );
}
