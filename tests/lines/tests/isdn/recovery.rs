//! Collisions, restarts and a signalling channel that dies, with libpri at the far end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use line_tests::party::End;
use line_tests::peer::Peer;
use line_tests::until;
use ramal_isdn::{Role, Settings};
use ramal_lines::{
    TimeslotState, TimeslotStatus, TrunkCallId, TrunkCommand, TrunkEvent, TrunkState,
};

use crate::{calls_in, calls_out, wired, wired_with};

const ROLES: [Role; 2] = [Role::User, Role::Network];

/// Temporary failure (Q.850): what calls end with whose timeslot is restarted (Q.931 §5.5).
const TEMPORARY_FAILURE: u8 = 41;

fn until_idle(end: &End) {
    until("all timeslots are free", || {
        let idle = |slot: &TimeslotStatus| slot.state == TimeslotState::Idle;
        end.status().timeslots.iter().all(idle).then_some(())
    });
}

/// A call of ours that libpri has answered: libpri's tag for it, and its timeslot.
fn answered(end: &mut End, peer: &mut Peer, called: &str) -> (TrunkCallId, String, u8) {
    let call = end.call(called, "3032");
    let tag = peer.expect("a call", |event| {
        let words = event.strip_prefix("ring ")?;
        words
            .contains(&format!("called={called} "))
            .then(|| words.split_whitespace().next().unwrap_or("").to_owned())
    });
    peer.tell(&format!("answer {tag}"));
    let mut timeslot = 0;
    end.expect("the answer", |event| match event {
        TrunkEvent::Channel { timeslot: got, .. } => {
            timeslot = *got;
            None
        }
        TrunkEvent::Answered(it) => (*it == call).then_some(()),
        _ => None,
    });
    (call, tag, timeslot)
}

/// Twenty calls from either side at a time, for thirty timeslots: some are asked for by both.
#[test]
fn both_sides_may_seize_the_same_timeslots() {
    const CALLS: usize = 20;
    for role in ROLES {
        let (_spans, mut end, mut peer) = wired(role);
        for round in 0..5 {
            let timeslots = (1..).filter(|timeslot| *timeslot != 16).take(CALLS);
            let first = 1 + round * CALLS;
            for (tag, timeslot) in (first..).zip(timeslots) {
                peer.tell(&format!(
                    "call {tag} called=30{tag:04} calling=11987654321 channel={timeslot}"
                ));
            }
            let mut ours: BTreeSet<_> = (0..CALLS)
                .map(|number| end.call(&format!("40{round:02}{number:02}"), "3032"))
                .collect();
            // The tags of libpri's calls of which nothing is known.
            let mut theirs: BTreeSet<String> =
                (first..first + CALLS).map(|tag| tag.to_string()).collect();
            let mut up = BTreeMap::new();
            let mut seen = Vec::new();
            let deadline = Instant::now() + Duration::from_secs(120);
            while !(ours.is_empty() && theirs.is_empty()) {
                assert!(Instant::now() < deadline, "{ours:?} {theirs:?}");
                for event in peer.pending() {
                    seen.push(event.clone());
                    let mut words = event.split_whitespace();
                    let (verb, tag) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                    match verb {
                        "ring" => peer.tell(&format!("answer {tag}")),
                        "answer" | "hangup" | "hangup_req" => {
                            theirs.remove(tag);
                        }
                        _ => {}
                    }
                }
                let event = end.pending();
                seen.extend(event.as_ref().map(|event| format!("{event:.60?}")));
                match event {
                    Some(TrunkEvent::Incoming { call, .. }) => {
                        end.tell(TrunkCommand::Answer(call));
                        up.insert(call, "theirs");
                    }
                    Some(TrunkEvent::Answered(call)) => {
                        ours.remove(&call);
                        up.insert(call, "ours");
                    }
                    Some(TrunkEvent::Released { call, .. }) => {
                        ours.remove(&call);
                        up.remove(&call);
                    }
                    Some(_) => {}
                    None => std::thread::sleep(Duration::from_millis(1)),
                }
            }
            // No timeslot has two calls, and hardly one is left empty for it.
            assert!(
                (CALLS..=30).contains(&up.len()),
                "{role:?}, {round}: {up:?} {seen:#?}"
            );
            for call in up.keys() {
                end.tell(TrunkCommand::HangUp(*call, 16));
            }
            while !up.is_empty() {
                up.remove(&end.next_released().0);
            }
            until_idle(&end);
        }
        // What is left of them on neither side keeps the next ones from passing.
        drop(end.pending_all());
        drop(peer.pending());
        calls_out(&mut end, &mut peer, 0..CALLS);
        calls_in(&mut end, &mut peer, 0..CALLS);
        until_idle(&end);
    }
}

#[test]
fn a_restart_ends_the_call_of_its_timeslot_whoever_wants_it() {
    for role in ROLES {
        let (_spans, mut end, mut peer) = wired(role);
        let (call, _, timeslot) = answered(&mut end, &mut peer, "4001");
        peer.tell(&format!("restart {timeslot}"));
        assert_eq!(end.released(call), TEMPORARY_FAILURE);
        let acknowledged = format!("restart_ack {timeslot}");
        peer.expect("the acknowledgement", |event| {
            (event == acknowledged).then_some(())
        });
        until_idle(&end);

        let (call, _, timeslot) = answered(&mut end, &mut peer, "4002");
        end.tell(TrunkCommand::Reset { timeslot });
        assert_eq!(end.released(call), TEMPORARY_FAILURE);
        let restarted = format!("restart {timeslot}");
        peer.expect("the restart", |event| (event == restarted).then_some(()));
        until_idle(&end);
        calls_out(&mut end, &mut peer, 0..20);
    }
}

#[test]
fn the_link_comes_back_after_the_exchange_was_silent_and_answered_calls_go_on() {
    for role in ROLES {
        let mut settings = Settings::new(role);
        settings.link.t203 = Duration::from_secs(2);
        let (_spans, mut end, mut peer) = wired_with(settings, &[]);
        let (call, tag, _) = answered(&mut end, &mut peer, "4001");
        peer.pause();
        until("the link is down", || {
            (end.state() == TrunkState::SignallingDown).then_some(())
        });
        peer.resume();
        end.until_up();
        assert!(
            !matches!(end.pending(), Some(TrunkEvent::Released { .. })),
            "the call has outlived it"
        );
        peer.tell(&format!("hangup {tag} 16"));
        assert_eq!(end.released(call), 16);
        calls_out(&mut end, &mut peer, 0..20);
        until_idle(&end);
    }
}
