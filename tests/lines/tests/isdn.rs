//! ISDN over the kernel's drivers, with libpri as the exchange and as the private exchange.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use line_tests::WiredSpans;
use line_tests::party::End;
use line_tests::peer::Peer;
use ramal_isdn::{Role, Settings};
use ramal_lines::dahdi::span::Signalling;
use ramal_lines::dahdi::{SpanSetup, SpanUse, configure};
use ramal_lines::{TrunkCommand, TrunkEvent};

/// Calls each way; emulation makes each of them cost some tenths of a second.
const CALLS: usize = 100;

/// The gateway on one end, libpri on the other.
fn wired(role: Role) -> (WiredSpans, End, Peer) {
    wired_with(Settings::new(role), &[])
}

fn wired_with(settings: Settings, options: &[&str]) -> (WiredSpans, End, Peer) {
    let spans = WiredSpans::new(31).expect("spans");
    let setup = SpanSetup {
        usage: SpanUse::Pri,
        crc4: false,
        clock_rank: 0,
    };
    configure(spans.control(), &spans.far, &setup, None).expect("the far end");
    let side = match settings.role {
        Role::User => "--network",
        Role::Network => "--user",
    };
    let d_channel = (spans.far.first_channel + 15).to_string();
    let mut arguments = vec![side, "--dahdi", &d_channel];
    arguments.extend(options);
    let peer = Peer::start("pri_peer", &arguments);
    let end = End::start(&spans.near, Signalling::Pri(Box::new(settings)));
    end.until_up();
    (spans, end, peer)
}

/// The word behind `key=` of an event.
fn value<'a>(event: &'a str, key: &str) -> &'a str {
    event
        .split_whitespace()
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        .unwrap_or_default()
}

/// A call from the gateway that the exchange answers, and the gateway ends.
fn call_out(end: &mut End, peer: &mut Peer, number: usize) {
    let called = format!("40{number:04}");
    let call = end.call(&called, "3032");
    let tag = peer.expect("a call", |event| {
        let tag = event
            .strip_prefix("ring ")?
            .split_whitespace()
            .next()?
            .to_owned();
        assert_eq!(value(event, "called"), called, "{event}");
        assert_eq!(value(event, "calling"), "3032", "{event}");
        Some(tag)
    });
    peer.tell(&format!("proceeding {tag}"));
    peer.tell(&format!("ringing {tag}"));
    end.expect("a timeslot", |event| {
        matches!(event, TrunkEvent::Channel { .. }).then_some(())
    });
    end.expect("ringing", |event| {
        matches!(event, TrunkEvent::Ringing { .. }).then_some(())
    });
    peer.tell(&format!("answer {tag}"));
    end.expect("the answer", |event| {
        matches!(event, TrunkEvent::Answered(_)).then_some(())
    });
    end.tell(TrunkCommand::HangUp(call, 16));
    assert_eq!(end.released(call), 16);
}

/// A call from the exchange that the gateway answers, and the exchange ends.
fn call_in(end: &mut End, peer: &mut Peer, number: usize) {
    let tag = number + 1;
    peer.tell(&format!(
        "call {tag} called=30{number:02} calling=11987654321"
    ));
    let (call, called, caller, _) = end.incoming();
    assert_eq!(
        (called, caller.as_str()),
        (format!("30{number:02}"), "11987654321")
    );
    end.tell(TrunkCommand::Proceed(call));
    end.tell(TrunkCommand::Alert(call));
    end.tell(TrunkCommand::Answer(call));
    let answered = format!("answer {tag}");
    peer.expect("the answer", |event| {
        event.starts_with(&answered).then_some(())
    });
    peer.tell(&format!("hangup {tag} 16"));
    assert_eq!(end.released(call), 16);
}

#[test]
fn calls_pass_both_ways_with_libpri_as_the_network() {
    let (_spans, mut end, mut peer) = wired(Role::User);
    for number in 0..CALLS {
        call_out(&mut end, &mut peer, number);
        call_in(&mut end, &mut peer, number);
    }
}

#[test]
fn calls_pass_both_ways_with_libpri_as_a_private_exchange() {
    let (_spans, mut end, mut peer) = wired(Role::Network);
    for number in 0..CALLS {
        call_out(&mut end, &mut peer, number);
        call_in(&mut end, &mut peer, number);
    }
}

#[test]
fn libpri_is_told_busy_and_full_lines_are_told_here() {
    let (_spans, mut end, mut peer) = wired(Role::User);
    // A.3: busy is cause 17, refused is cause 21.
    for cause in [17, 21] {
        let tag = usize::from(cause);
        peer.tell(&format!("call {tag} called=3032"));
        let (call, ..) = end.incoming();
        end.tell(TrunkCommand::HangUp(call, cause));
        let told = peer.expect("the end", |event| {
            let (verb, rest) = event.split_once(' ')?;
            (verb.starts_with("hangup") && rest.starts_with(&tag.to_string()))
                .then(|| rest.to_owned())
        });
        assert!(told.ends_with(&cause.to_string()), "{told}");
        end.released(call);
    }
    // And the other way round.
    let call = end.call("4001", "3032");
    let tag = peer.expect("a call", |event| {
        Some(
            event
                .strip_prefix("ring ")?
                .split_whitespace()
                .next()?
                .to_owned(),
        )
    });
    peer.tell(&format!("proceeding {tag}"));
    peer.tell(&format!("hangup {tag} 17"));
    assert_eq!(end.released(call), 17);
    // Thirty calls fill the line; one more finds no timeslot.
    let calls: Vec<_> = (0..30)
        .map(|number| end.call(&format!("5{number:02}"), "3032"))
        .collect();
    for _ in &calls {
        peer.expect("a call", |event| event.starts_with("ring ").then_some(()));
    }
    let one_more = end.call("599", "3032");
    assert_eq!(end.released(one_more), 34);
    for call in calls {
        end.tell(TrunkCommand::HangUp(call, 16));
    }
}

#[test]
fn a_number_comes_digit_by_digit_and_data_calls_are_refused() {
    let overlap = Settings {
        overlap_receiving: true,
        ..Settings::new(Role::User)
    };
    let (_spans, mut end, mut peer) = wired_with(overlap, &["--overlap"]);
    peer.tell("call 1 called=30 calling=11987654321 incomplete");
    let (call, called, ..) = end.incoming();
    assert_eq!(called, "30");
    peer.expect("a wish for more", |event| {
        event.starts_with("setup_ack 1").then_some(())
    });
    peer.tell("digit 1 3");
    peer.tell("digit 1 2");
    let mut rest = String::new();
    while rest != "32" {
        rest += &end.expect("a digit", |event| match event {
            TrunkEvent::Digits { digits, .. } => Some(digits.clone()),
            _ => None,
        });
    }
    end.tell(TrunkCommand::Proceed(call));
    end.tell(TrunkCommand::Answer(call));
    peer.expect("the answer", |event| {
        event.starts_with("answer 1").then_some(())
    });
    peer.tell("hangup 1 16");
    assert_eq!(end.released(call), 16);
    // 8 is unrestricted digital information (Q.931 table 4-6).
    peer.tell("call 2 called=3032 bearer=8");
    peer.expect("the refusal", |event| {
        (event.starts_with("hangup") && event.contains(" 2 ") && event.ends_with("88"))
            .then_some(())
    });
}
