//! Nothing is allocated for a relayed, echoed, played or recorded packet.

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

use far_end::{connected, engine, payload, statistics};
use nix::unistd::gettid;
use ramal_dsp::digit_packets;
use ramal_media::{Codec, Prompt, Recorder, RecorderConfig, Repeat};

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

#[test]
fn relaying_digits_playing_and_recording_allocate_nothing() {
    let engine = engine(22_550..=22_599, 1);
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

    WATCHED.store(media_thread(), Ordering::Relaxed);
    for _ in 0..2_000 {
        phone_a.send(&payload);
        phone_b.receive();
        phone_b.send(&payload);
        phone_a.receive();
        phone_c.send(&payload);
        phone_c.receive();
    }
    for packet in digit_packets('5', 400).unwrap() {
        phone_a.send_event(101, &packet);
        phone_b.receive();
    }
    for _ in 0..10 {
        phone_d.receive();
    }
    let counted = COUNT.load(Ordering::Relaxed);
    // A command does allocate, which shows that the counter counts.
    drop(playing);
    drop(a);
    statistics(&b);
    assert!(COUNT.load(Ordering::Relaxed) > counted);
    WATCHED.store(0, Ordering::Relaxed);
    assert_eq!(
        counted, 0,
        "allocations on the media thread for 6,000 packets"
    );
}
