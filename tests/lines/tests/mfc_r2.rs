//! MFC-R2 over the kernel's drivers, with libopenr2 as the exchange.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::sync::Arc;

use line_tests::WiredSpans;
use line_tests::party::{End, r2_settings};
use line_tests::peer::Peer;

use ramal_lines::dahdi::span::Signalling;
use ramal_lines::dahdi::{SpanSetup, SpanUse, configure};
use ramal_lines::{TrunkCommand, TrunkEvent};

/// Calls each way in each variant, one after the other: a call takes some seconds of tones, and with more of them at a time
/// libopenr2, which keeps two blocks of sound, loses some under emulation and reads digits twice. RAMAL_LINE_CALLS is another
/// number of them.
const CALLS: usize = 2;

fn calls() -> usize {
    let wanted = std::env::var("RAMAL_LINE_CALLS").unwrap_or_default();
    match wanted.as_str() {
        "" => CALLS,
        number => number.parse().expect("RAMAL_LINE_CALLS is a number"),
    }
}

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
    let mut options = vec!["--dahdi", &range, "--variant", variant];
    options.extend(["--max-ani", "11", "--max-dnis", "4"]);
    if variant == "AR" {
        // Its pulses would be clear-backs to whoever does not count them.
        options.extend(["--metering", "0"]);
    }
    let peer = Peer::start("r2_peer", &options);
    let mut settings = ramal_r2::Settings::clone(&r2_settings(variant));
    settings.metering_pulse = None;
    settings.request_ani = variant != "CN";
    let end = End::start(&spans.near, Signalling::R2(Arc::new(settings)));
    end.until_up();
    (spans, end, peer)
}

/// Who calls from a side; libopenr2's China neither asks nor tells.
fn caller(variant: &str, number: &'static str) -> &'static str {
    if variant == "CN" { "" } else { number }
}

/// The kernel's channel of timeslot 17 at the exchange.
fn first_of_peer(spans: &WiredSpans) -> u32 {
    spans.far.first_channel + 16
}

/// A call from the gateway that the exchange answers, and the gateway ends.
fn call_out(end: &mut End, peer: &mut Peer, variant: &str) {
    let from = caller(variant, "11930325000");
    let call = end.call("4002", from);
    let channel = peer.expect("an offered call", |event| {
        let (channel, rest) = event.split_once(' ')?;
        let mut words = rest.strip_prefix("offered ")?.split_whitespace();
        assert_eq!(words.next(), Some("4002"), "{event}");
        assert!(from.is_empty() || words.next() == Some(from), "{event}");
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
    assert_eq!(end.released(call), 16);
    let ended = format!("{channel} ended");
    peer.expect("the end", |event| (event == ended).then_some(()));
}

/// A call from the exchange that the gateway answers, and the exchange ends.
fn call_in(end: &mut End, peer: &mut Peer, channel: u32, variant: &str) {
    peer.tell(&format!("{channel} call 3032 11987654321 subscriber"));
    let (call, called, from, _) = end.incoming();
    assert_eq!(called, "3032");
    assert_eq!(from, caller(variant, "11987654321"));
    end.tell(TrunkCommand::Alert(call));
    let accepted = format!("{channel} accepted");
    peer.expect("acceptance", |event| (event == accepted).then_some(()));
    end.tell(TrunkCommand::Answer(call));
    let answered = format!("{channel} answered");
    peer.expect("the answer", |event| (event == answered).then_some(()));
    peer.tell(&format!("{channel} clear normal"));
    assert_eq!(end.released(call), 16);
    let ended = format!("{channel} ended");
    peer.expect("the end", |event| (event == ended).then_some(()));
}

fn calls_pass_both_ways(variant: &str) {
    let (spans, mut end, mut peer) = wired(variant);
    for _ in 0..calls() {
        call_out(&mut end, &mut peer, variant);
        call_in(&mut end, &mut peer, first_of_peer(&spans), variant);
    }
    println!("{variant}: {} calls each way", calls());
}

/// A test for each variant that libopenr2 knows.
macro_rules! calls_pass_both_ways {
    ($($name:ident: $variant:literal;)*) => {
        $(#[test]
        fn $name() {
            calls_pass_both_ways($variant);
        })*
    };
}

calls_pass_both_ways! {
    calls_pass_both_ways_in_argentina: "AR";
    calls_pass_both_ways_in_brazil: "BR";
    calls_pass_both_ways_in_china: "CN";
    calls_pass_both_ways_in_colombia: "CO";
    calls_pass_both_ways_in_the_czech_republic: "CZ";
    calls_pass_both_ways_in_ecuador: "EC";
    calls_pass_both_ways_in_indonesia: "ID";
    calls_pass_both_ways_by_the_itu: "ITU";
    calls_pass_both_ways_in_mexico: "MX";
    calls_pass_both_ways_in_the_philippines: "PH";
    calls_pass_both_ways_in_venezuela: "VE";
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
