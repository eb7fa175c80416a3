//! Collisions, exhaustion, restarts and a bad line.

use std::time::{Duration, Instant};

use ramal_isdn::{Cause, Event, OutgoingCall, Settings};

use crate::peer::Line;
use crate::{ROLES, answered_by_libpri, answered_by_us, hang_up, line, number, released};

#[test]
fn all_channels_are_used_and_one_call_more_is_refused() {
    for role in ROLES {
        let mut line = line(role);
        let calls: Vec<_> = (0..30).map(|_| answered_by_libpri(&mut line)).collect();
        // libpri does not know that all are taken and asks for one, by preference.
        line.tell("call 1 called=1 channel=1");
        let refused = line.line("hangup 1");
        assert!(["34", "44"].contains(&refused[2].as_str()), "{refused:?}");
        for (call, _) in &calls {
            line.command(*call, hang_up(Cause::NORMAL_CLEARING));
        }
        line.idle();
        let (call, _) = answered_by_libpri(&mut line);
        line.command(call, hang_up(Cause::NORMAL_CLEARING));
        line.idle();
    }
}

#[test]
fn both_sides_may_seize_the_same_channel() {
    for role in ROLES {
        let mut line = line(role);
        for tag in 1..=20 {
            line.forget();
            // libpri's SETUP is on its way when ours is.
            line.tell(&format!("call {tag} called=1 channel=5"));
            let mut call = OutgoingCall::new(number("2"));
            call.channel = Some(5);
            let ours = line.setup(call);
            // Whoever gives way, no call may be left and both sides go on.
            line.event(|event| matches!(event, Event::Incoming { .. } | Event::Released { .. }));
            let calls: Vec<_> = line.ours.calls().collect();
            for call in calls {
                line.command(call, hang_up(Cause::NORMAL_CLEARING));
            }
            line.tell(&format!("hangup {tag} 16"));
            line.idle();
            assert!(line.ours.call_state(ours).is_none());
        }
        line.forget();
        let (call, _) = answered_by_libpri(&mut line);
        line.command(call, hang_up(Cause::NORMAL_CLEARING));
        line.idle();
    }
}

#[test]
fn restarts_are_acknowledged_both_ways() {
    for role in ROLES {
        let mut line = line(role);
        let (call, _) = answered_by_libpri(&mut line);
        let channel = line.ours.channel(call).unwrap();
        line.tell(&format!("restart {channel}"));
        assert_eq!(released(&mut line, call), Cause::TEMPORARY_FAILURE);
        assert_eq!(line.line("restart_ack")[1], channel.to_string());

        let (call, _) = answered_by_libpri(&mut line);
        let channel = line.ours.channel(call).unwrap();
        line.ours.restart(Some(channel), Instant::now()).unwrap();
        line.drain();
        assert_eq!(released(&mut line, call), Cause::TEMPORARY_FAILURE);
        assert_eq!(line.line("restart")[1], channel.to_string());
        let done = Event::RestartDone {
            channel: Some(channel),
        };
        line.event(|event| *event == done);
        line.ours.restart(None, Instant::now()).unwrap();
        line.drain();
        line.event(|event| *event == Event::RestartDone { channel: None });
        let (call, _) = answered_by_libpri(&mut line);
        line.command(call, hang_up(Cause::NORMAL_CLEARING));
        line.idle();
    }
}

#[test]
fn the_link_comes_back_after_it_was_cut() {
    for role in ROLES {
        let mut settings = Settings::new(role);
        settings.link.t203 = Duration::from_secs(1);
        settings.link.t200 = Duration::from_millis(500);
        let mut line = Line::new(settings, &[]);
        let (call, tag) = answered_by_libpri(&mut line);
        line.cut = true;
        line.event(|event| *event == Event::LinkDown);
        line.cut = false;
        line.event(|event| *event == Event::LinkUp);
        // Answered calls are still there, on both sides.
        assert!(line.ours.call_state(call).is_some());
        line.tell(&format!("hangup {tag} 16"));
        assert_eq!(released(&mut line, call), Cause::NORMAL_CLEARING);
        let (call, _) = answered_by_libpri(&mut line);
        line.command(call, hang_up(Cause::NORMAL_CLEARING));
        line.idle();
    }
}

#[test]
fn calls_go_through_when_frames_are_lost() {
    for role in ROLES {
        let mut settings = Settings::new(role);
        settings.link.t200 = Duration::from_millis(300);
        settings.link.n200 = 8;
        let mut line = Line::new(settings, &[]);
        line.lost = 30;
        for tag in 1..=30 {
            let (call, _) = answered_by_libpri(&mut line);
            line.command(call, hang_up(Cause::NORMAL_CLEARING));
            line.idle();
            let call = answered_by_us(&mut line, tag, 3);
            line.tell(&format!("hangup {tag} 16"));
            released(&mut line, call);
        }
        assert!(line.ours.link_counters().retransmitted > 0);
    }
}
