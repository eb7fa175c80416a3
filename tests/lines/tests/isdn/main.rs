//! ISDN over the kernel's drivers, with libpri as the exchange and as the private exchange.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

mod recovery;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use line_tests::party::End;
use line_tests::peer::Peer;
use line_tests::{WiredSpans, until};
use ramal_isdn::{Role, Settings};
use ramal_lines::dahdi::span::Signalling;
use ramal_lines::dahdi::{SpanSetup, SpanUse, configure};
use ramal_lines::{TimeslotState, TimeslotStatus, TrunkCallId, TrunkCommand, TrunkEvent};

/// Calls each way and role, and how many of them there are at a time.
const CALLS: usize = 1000;
const AT_A_TIME: usize = 20;

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

/// Calls from the gateway at the same time; the exchange answers, and the gateway ends them.
fn calls_out(end: &mut End, peer: &mut Peer, numbers: Range<usize>) {
    let mut calls: HashMap<_, _> = numbers
        .clone()
        .map(|number| (end.call(&format!("40{number:04}"), "3032"), [false; 3]))
        .collect();
    let mut called: BTreeSet<String> = numbers.map(|number| format!("40{number:04}")).collect();
    while !called.is_empty() {
        let tag = peer.expect("a call", |event| {
            let tag = event.strip_prefix("ring ")?.split_whitespace().next()?;
            assert!(called.remove(value(event, "called")), "{event}");
            assert_eq!(value(event, "calling"), "3032", "{event}");
            Some(tag.to_owned())
        });
        peer.tell(&format!("proceeding {tag}"));
        peer.tell(&format!("ringing {tag}"));
        peer.tell(&format!("answer {tag}"));
    }
    // Each gets its timeslot, rings and is answered.
    while calls.values().any(|steps| !steps[2]) {
        let (call, step) = match end.event() {
            TrunkEvent::Channel { call, .. } => (call, 0),
            TrunkEvent::Ringing { call, .. } => (call, 1),
            TrunkEvent::Answered(call) => (call, 2),
            TrunkEvent::Released { call, cause } => panic!("{call} has ended: {cause}"),
            _ => continue,
        };
        let steps = calls.get_mut(&call).expect("a call of these");
        assert_eq!(*steps, [step > 0, step > 1, false], "{call}");
        steps[step] = true;
    }
    for call in calls.keys() {
        end.tell(TrunkCommand::HangUp(*call, 16));
    }
    all_released(end, calls.into_keys().collect());
}

/// Calls from the exchange at the same time; the gateway answers, and the exchange ends them.
fn calls_in(end: &mut End, peer: &mut Peer, numbers: Range<usize>) {
    let timeslots = (1..).filter(|timeslot| *timeslot != 16);
    for (number, timeslot) in numbers.clone().zip(timeslots) {
        let tag = number + 1;
        peer.tell(&format!(
            "call {tag} called=30{number:04} calling=11987654321 channel={timeslot}"
        ));
    }
    let mut calls = BTreeSet::new();
    let mut wanted: BTreeSet<String> = numbers
        .clone()
        .map(|number| format!("30{number:04}"))
        .collect();
    while !wanted.is_empty() {
        let (call, called, caller, _) = end.incoming();
        assert!(wanted.remove(&called), "{called}");
        assert_eq!(caller, "11987654321");
        end.tell(TrunkCommand::Proceed(call));
        end.tell(TrunkCommand::Alert(call));
        end.tell(TrunkCommand::Answer(call));
        calls.insert(call);
    }
    let mut tags: BTreeSet<String> = numbers.map(|number| (number + 1).to_string()).collect();
    while !tags.is_empty() {
        let tag = peer.expect("an answer", |event| {
            let tag = event.strip_prefix("answer ")?.split_whitespace().next()?;
            Some(tag.to_owned())
        });
        assert!(tags.remove(&tag), "{tag}");
        peer.tell(&format!("hangup {tag} 16"));
    }
    all_released(end, calls);
}

/// Waits until these calls are over, and no others.
fn all_released(end: &mut End, mut calls: BTreeSet<TrunkCallId>) {
    while !calls.is_empty() {
        let (call, cause) = end.next_released();
        assert!(calls.remove(&call), "{call}");
        assert_eq!(cause, 16, "{call}");
    }
}

fn many_calls(role: Role) {
    let (_spans, mut end, mut peer) = wired(role);
    for first in (0..CALLS).step_by(AT_A_TIME) {
        calls_out(&mut end, &mut peer, first..first + AT_A_TIME);
        calls_in(&mut end, &mut peer, first..first + AT_A_TIME);
    }
    // None of them has left anything behind.
    until("all timeslots are free", || {
        let idle = |slot: &TimeslotStatus| slot.state == TimeslotState::Idle;
        end.status().timeslots.iter().all(idle).then_some(())
    });
}

#[test]
fn a_thousand_calls_each_way_pass_with_libpri_as_the_network() {
    many_calls(Role::User);
}

#[test]
fn a_thousand_calls_each_way_pass_with_libpri_as_a_private_exchange() {
    many_calls(Role::Network);
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
