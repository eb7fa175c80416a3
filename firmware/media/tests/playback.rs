//! Prompts as the far end hears them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::sync::Arc;
use std::time::Duration;

use far_end::{connected, engine, event, payload, runtime, statistics};
use ramal_media::{Codec, PlayEnd, Prompt, Repeat, Sound, StreamEvent};

/// A prompt of `frames` times 20 ms in which every frame has its own level.
fn prompt(id: &str, first: i16, frames: usize) -> Arc<Prompt> {
    let samples: Vec<i16> = (0..frames)
        .flat_map(|frame| [first.wrapping_add(500 * (frame % 50) as i16); 160])
        .collect();
    Arc::new(Prompt::new(id, &samples))
}

fn frames(prompt: &Prompt, codec: Codec) -> Vec<Vec<u8>> {
    (0..)
        .map_while(|index| prompt.frame(codec, index))
        .map(|frame| frame.to_vec())
        .collect()
}

#[test]
fn a_play_list_is_heard_whole_and_in_order_in_the_far_ends_codec() {
    for (codec, base) in [(Codec::Pcma, 21_800), (Codec::Pcmu, 21_850)] {
        let engine = engine(base..=base + 49, 1);
        let (stream, phone) = connected(&engine, 1, codec);
        let mut events = stream.events().unwrap();
        let (one, two) = (prompt("one", 1_000, 20), prompt("two", -12_000, 7));
        let list = vec![
            one.clone().into(),
            Sound::Silence { ms: 60 },
            two.clone().into(),
        ];
        let mut playing = stream.play(list, Repeat::Times(2)).unwrap();

        let quiet = vec![codec.law().unwrap().silence(); 160];
        let round: Vec<Vec<u8>> = frames(&one, codec)
            .into_iter()
            .chain(std::iter::repeat_n(quiet, 3))
            .chain(frames(&two, codec))
            .collect();
        let heard: Vec<_> = (0..60).map(|_| phone.receive()).collect();
        let payloads: Vec<Vec<u8>> = heard.iter().map(|packet| packet.payload.clone()).collect();
        assert_eq!(payloads, [round.clone(), round].concat());

        assert!(heard[0].marker && heard[1..].iter().all(|packet| !packet.marker));
        for pair in heard.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
            assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
            assert_eq!(pair[1].ssrc, pair[0].ssrc);
        }
        // 59 steps of 20 ms; a busy machine may delay single packets, not the beat.
        let lasted = heard[59].at.duration_since(heard[0].at);
        assert!(
            (Duration::from_millis(1_140)..Duration::from_millis(1_300)).contains(&lasted),
            "{lasted:?}"
        );
        assert_eq!(runtime().block_on(playing.wait()), PlayEnd::Completed);
        assert_eq!(event(&mut events), StreamEvent::PlayEnded);
        assert!(phone.is_quiet());
    }
}

#[test]
fn a_stopped_list_ends_at_once_and_a_dropped_handle_stops_it() {
    let engine = engine(21_900..=21_949, 1);
    let (stream, phone) = connected(&engine, 1, Codec::Pcma);
    let long = prompt("long", 0, 50);
    let (clock_stream, clock) = connected(&engine, 2, Codec::Pcma);
    let _beat = clock_stream
        .play(vec![long.clone().into()], Repeat::Forever)
        .unwrap();
    for _ in 0..3 {
        let playing = stream
            .play(vec![long.clone().into()], Repeat::Forever)
            .unwrap();
        phone.receive();
        drop(playing);
        statistics(&stream);
        while !phone.is_quiet() {}
        let sent = statistics(&stream).packets_sent;
        // Three ticks, told by another stream, in which nothing may come.
        while !clock.is_quiet() {}
        (0..3).for_each(|_| drop(clock.receive()));
        assert_eq!(statistics(&stream).packets_sent, sent);
    }
}

#[test]
fn a_detached_list_goes_on_and_a_new_list_replaces_it() {
    let engine = engine(21_950..=21_999, 1);
    let (stream, phone) = connected(&engine, 1, Codec::Pcma);
    let (music, notice) = (prompt("music", 100, 500), prompt("notice", -20_000, 3));
    stream
        .play(vec![music.clone().into()], Repeat::Forever)
        .unwrap()
        .detach();
    let mut interrupted = stream
        .play(vec![music.clone().into()], Repeat::Forever)
        .unwrap();
    let first = phone.receive();
    let mut second = stream
        .play(vec![notice.clone().into()], Repeat::Once)
        .unwrap();
    assert_eq!(runtime().block_on(interrupted.wait()), PlayEnd::Interrupted);
    assert_eq!(runtime().block_on(second.wait()), PlayEnd::Completed);
    let notice = frames(&notice, Codec::Pcma);
    let heard: Vec<_> = std::iter::from_fn(|| Some(phone.receive()))
        .skip_while(|packet| packet.payload != notice[0])
        .take(3)
        .collect();
    assert_eq!(
        heard
            .iter()
            .map(|packet| packet.payload.clone())
            .collect::<Vec<_>>(),
        notice
    );
    assert!(heard[0].marker && heard[0].ssrc == first.ssrc);
}

#[test]
fn a_prompt_is_heard_instead_of_the_bridge_and_then_the_bridge_again() {
    let engine = engine(22_000..=22_049, 1);
    let (a, phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, mut phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    statistics(&a);
    phone_b.send(&payload(1));
    let before = phone_a.receive();
    let notice = prompt("notice", 5_000, 4);
    let mut playing = a.play(vec![notice.clone().into()], Repeat::Once).unwrap();
    statistics(&a);
    let expected = frames(&notice, Codec::Pcma);
    let mut last = before.sequence;
    for frame in &expected {
        phone_b.send(&payload(2));
        let heard = phone_a.receive();
        assert_eq!(&heard.payload, frame);
        last = last.wrapping_add(1);
        assert_eq!((heard.sequence, heard.ssrc), (last, before.ssrc));
    }
    assert_eq!(runtime().block_on(playing.wait()), PlayEnd::Completed);
    phone_b.send(&payload(3));
    let mut after = phone_a.receive();
    assert!(after.marker);
    // Of what the other said under the prompt, the last may still have waited in its socket.
    if after.payload == payload(2) {
        last = last.wrapping_add(1);
        assert_eq!(after.sequence, last);
        after = phone_a.receive();
    }
    assert_eq!(
        (after.payload, after.sequence),
        (payload(3), last.wrapping_add(1))
    );
}

#[test]
fn closing_the_stream_interrupts_the_list() {
    let engine = engine(22_050..=22_099, 1);
    let (stream, _phone) = connected(&engine, 1, Codec::Pcma);
    let mut playing = stream
        .play(vec![prompt("long", 0, 500).into()], Repeat::Forever)
        .unwrap();
    drop(stream);
    assert_eq!(runtime().block_on(playing.wait()), PlayEnd::Interrupted);
}
