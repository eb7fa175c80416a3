//! MFC-R2 over the kernel's drivers, with libopenr2 as the exchange.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use line_tests::WiredSpans;
use line_tests::party::{End, r2_settings};
use line_tests::peer::Peer;
use ramal_lines::dahdi::span::Signalling;
use ramal_lines::dahdi::{SpanSetup, SpanUse, configure};
use ramal_lines::{TrunkCommand, TrunkEvent};

/// Calls each way in each variant; a call takes some seconds of tones.
const CALLS: usize = 3;

/// The gateway on one end, libopenr2 on timeslots 17-31 of the other: those that the gateway takes first.
fn wired(variant: &str) -> (WiredSpans, End, Peer) {
    let spans = WiredSpans::new(31).expect("spans");
    let setup = SpanSetup {
        usage: SpanUse::R2,
        crc4: false,
        clock_rank: 0,
    };
    configure(spans.control(), &spans.far, &setup, None).expect("the far end");
    let first = first_of_peer(&spans);
    let range = format!("{first}-{}", first + 14);
    let peer = Peer::start(
        "r2_peer",
        &[
            "--dahdi",
            &range,
            "--variant",
            variant,
            "--max-ani",
            "11",
            "--max-dnis",
            "4",
        ],
    );
    let end = End::start(&spans.near, Signalling::R2(r2_settings(variant)));
    end.until_up();
    (spans, end, peer)
}

/// The kernel's channel of timeslot 17 at the exchange.
fn first_of_peer(spans: &WiredSpans) -> u32 {
    spans.far.first_channel + 16
}

fn call_out(end: &mut End, peer: &mut Peer) {
    let call = end.call("4002", "11930325000");
    let channel = peer.expect("an offered call", |event| {
        let (channel, rest) = event.split_once(' ')?;
        let mut words = rest.strip_prefix("offered ")?.split_whitespace();
        assert_eq!(words.next(), Some("4002"), "{event}");
        assert_eq!(words.next(), Some("11930325000"), "{event}");
        Some(channel.to_owned())
    });
    peer.tell(&format!("{channel} accept charge"));
    end.expect("ringing", |event| {
        matches!(event, TrunkEvent::Ringing { .. }).then_some(())
    });
    peer.tell(&format!("{channel} answer"));
    end.expect("the answer", |event| {
        matches!(event, TrunkEvent::Answered(_)).then_some(())
    });
    end.tell(TrunkCommand::HangUp(call, 16));
    end.released(call);
    let ended = format!("{channel} ended");
    peer.expect("the end", |event| (event == ended).then_some(()));
}

fn call_in(end: &mut End, peer: &mut Peer, channel: u32) {
    peer.tell(&format!("{channel} call 3032 11987654321 subscriber"));
    let (call, called, caller, _) = end.incoming();
    assert_eq!((called.as_str(), caller.as_str()), ("3032", "11987654321"));
    end.tell(TrunkCommand::Alert(call));
    let accepted = format!("{channel} accepted");
    peer.expect("acceptance", |event| (event == accepted).then_some(()));
    end.tell(TrunkCommand::Answer(call));
    let answered = format!("{channel} answered");
    peer.expect("the answer", |event| (event == answered).then_some(()));
    peer.tell(&format!("{channel} clear normal"));
    end.released(call);
    let ended = format!("{channel} ended");
    peer.expect("the end", |event| (event == ended).then_some(()));
}

#[test]
fn calls_pass_both_ways_in_brazil_argentina_and_mexico() {
    for variant in ["BR", "AR", "MX"] {
        let (spans, mut end, mut peer) = wired(variant);
        for _ in 0..CALLS {
            call_out(&mut end, &mut peer);
            call_in(&mut end, &mut peer, first_of_peer(&spans));
        }
    }
}

#[test]
fn an_exchange_is_told_that_the_number_is_busy() {
    let (spans, mut end, mut peer) = wired("BR");
    let channel = first_of_peer(&spans);
    peer.tell(&format!("{channel} call 3032 11987654321 subscriber"));
    let (call, ..) = end.incoming();
    end.tell(TrunkCommand::HangUp(call, 17));
    let told = format!("{channel} disconnected ");
    let cause = peer.expect("the refusal", |event| {
        event.strip_prefix(&told).map(str::to_owned)
    });
    assert!(cause.contains("busy"), "{cause}");
}

#[test]
fn a_collect_call_is_told_and_refused_as_one() {
    let (spans, mut end, mut peer) = wired("BR");
    let channel = first_of_peer(&spans);
    peer.tell(&format!("{channel} call 3032 11987654321 collect"));
    let call = end.expect("a collect call", |event| match event {
        TrunkEvent::Incoming {
            call,
            collect: true,
            ..
        } => Some(*call),
        _ => None,
    });
    end.tell(TrunkCommand::HangUp(call, 21));
    let told = format!("{channel} disconnected ");
    let cause = peer.expect("the refusal", |event| {
        event.strip_prefix(&told).map(str::to_owned)
    });
    // Its word for B-7 (A.3), which Brazil's exchanges take as the refusal.
    assert_eq!(cause, "unallocated");
}
