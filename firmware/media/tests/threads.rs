//! Several media threads: bridged channels come together on one, in the order of their commands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use far_end::{connected, engine, payload, statistics};
use ramal_media::Codec;

#[test]
fn streams_of_different_threads_are_bridged_and_rebridged() {
    let engine = engine(22_400..=22_499, 3);
    let mut parties: Vec<_> = (0..6)
        .map(|number| connected(&engine, number, Codec::Pcma))
        .collect();
    // Every pair once, so that each stream moves several times.
    for a in 0..6 {
        for b in 0..6 {
            if a == b {
                continue;
            }
            engine.bridge(&parties[a].0, &parties[b].0).unwrap();
            // Sent right behind the move; it has to wait for the stream to arrive.
            let remote = parties[b].1.remote(Codec::Pcma, Some(101));
            parties[b].0.set_remote(remote).unwrap();
            statistics(&parties[b].0);
            let number = (a * 10 + b) as u32;
            parties[a].1.send(&payload(number));
            assert_eq!(parties[b].1.receive().payload, payload(number));
            parties[b].1.send(&payload(100 + number));
            assert_eq!(parties[a].1.receive().payload, payload(100 + number));
        }
    }
    let received: u64 = parties
        .iter()
        .map(|(stream, _)| statistics(stream).packets_received)
        .sum();
    assert_eq!(received, 60);
}
