//! Calls between a user and a network, as the figures of Q.931 annex D show them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod channels;
mod link;
#[path = "../wire/mod.rs"]
mod wire;

use std::time::Duration;

use ramal_isdn::*;
use wire::{Side, Wire};

const MOMENT: Duration = Duration::from_millis(200);

fn number(digits: &str) -> PartyNumber {
    PartyNumber::new(digits).unwrap()
}

fn incoming(events: &[Event]) -> (CallId, IncomingCall) {
    events
        .iter()
        .find_map(|event| match event {
            Event::Incoming { call, setup } => Some((*call, setup.as_ref().clone())),
            _ => None,
        })
        .expect("an incoming call")
}

fn released(events: &[Event], call: CallId) -> Option<Cause> {
    events.iter().find_map(|event| match event {
        Event::Released { call: it, cause } if *it == call => Some(*cause),
        _ => None,
    })
}

/// A call that is answered, from one side to the other: its names on both.
fn answered(wire: &mut Wire, from: Side) -> (CallId, CallId) {
    let ours = wire
        .setup(from, OutgoingCall::new(number("5133334444")))
        .unwrap();
    let (theirs, _) = incoming(&wire.events_of(from.other(), MOMENT));
    wire.command(from.other(), theirs, Command::Proceeding { in_band: false })
        .unwrap();
    wire.command(from.other(), theirs, Command::Alerting { in_band: true })
        .unwrap();
    wire.command(
        from.other(),
        theirs,
        Command::Connect(ConnectedParty::default()),
    )
    .unwrap();
    wire.pass(MOMENT);
    wire.events();
    for (side, call) in [(from, ours), (from.other(), theirs)] {
        let state = wire.side(side).call_state(call).unwrap();
        assert_eq!(state.number(), StateNumber::Active);
    }
    (ours, theirs)
}

fn nothing_left(wire: &mut Wire) {
    for side in [Side::User, Side::Network] {
        let interface = wire.side(side);
        assert_eq!(interface.calls().count(), 0, "{side:?}");
        for channel in interface.settings().channels.iter() {
            assert_eq!(interface.channel_status(channel), Some(ChannelStatus::Idle));
        }
    }
}

#[test]
fn a_call_each_way_with_everything_a_setup_can_say() {
    for from in [Side::User, Side::Network] {
        let mut wire = Wire::plain();
        let mut call = OutgoingCall::new(number("5133334444").of_kind(TypeOfNumber::National));
        call.bearer = BearerCapability::AUDIO_3K1;
        call.calling = Some(number("555123").presented(Presentation::Restricted));
        call.calling_name = Some(CallingName::new("João"));
        call.redirecting = Some(number("2001").because(RedirectionReason::NoReply));
        call.original_called = Some(number("2000").because(RedirectionReason::Busy));
        call.user_user = Some(b"\x04hello".to_vec());
        call.from_outside = true;
        let ours = wire.setup(from, call.clone()).unwrap();
        let to = from.other();
        let (theirs, setup) = incoming(&wire.events_of(to, MOMENT));
        assert_eq!(setup.called, Some(call.called));
        assert_eq!(setup.calling, call.calling);
        assert_eq!(setup.redirecting, call.redirecting);
        assert_eq!(setup.original_called, call.original_called);
        assert_eq!(setup.user_user, call.user_user);
        assert_eq!(setup.bearer, BearerCapability::AUDIO_3K1);
        assert!(setup.complete && setup.from_outside);
        let name = setup.calling_name.unwrap();
        assert_eq!(
            (name.name.as_str(), name.presentation),
            ("João", Presentation::Restricted)
        );
        assert_eq!(wire.side(from).channel(ours), Some(setup.channel));

        wire.command(to, theirs, Command::Proceeding { in_band: false })
            .unwrap();
        wire.command(to, theirs, Command::Alerting { in_band: true })
            .unwrap();
        let events = wire.events_of(from, MOMENT);
        assert_eq!(
            events[0],
            Event::Proceeding {
                call: ours,
                in_band: false
            }
        );
        assert!(matches!(events[1], Event::Alerting { in_band: true, .. }));
        let party = ConnectedParty {
            number: Some(number("4444")),
            name: Some("Maria".into()),
            user_user: None,
        };
        wire.command(to, theirs, Command::Connect(party.clone()))
            .unwrap();
        wire.pass(MOMENT);
        let events = wire.events();
        let connected = Event::Connected {
            call: ours,
            party: Box::new(party),
        };
        assert!(events.contains(&(from, connected)));
        assert!(events.contains(&(to, Event::Established { call: theirs })));

        let cause = Cause::NORMAL_CLEARING;
        wire.command(
            from,
            ours,
            Command::Disconnect {
                cause,
                in_band: false,
            },
        )
        .unwrap();
        wire.pass(MOMENT);
        let events = wire.events();
        assert!(events.contains(&(from, Event::Released { call: ours, cause })));
        assert!(events.contains(&(
            to,
            Event::Released {
                call: theirs,
                cause
            }
        )));
        nothing_left(&mut wire);
    }
}

#[test]
fn both_sides_can_read_what_was_said_on_the_d_channel() {
    let mut wire = Wire::plain();
    let call = OutgoingCall::new(number("5133334444").of_kind(TypeOfNumber::National));
    let ours = wire.setup(Side::User, call).unwrap();
    let (theirs, _) = incoming(&wire.events_of(Side::Network, MOMENT));
    let busy = Command::Disconnect {
        cause: Cause::USER_BUSY,
        in_band: false,
    };
    wire.command(Side::Network, theirs, busy).unwrap();
    let events = wire.events_of(Side::User, MOMENT);
    assert_eq!(released(&events, ours), Some(Cause::USER_BUSY));
    let [user, network] = [Side::User, Side::Network].map(|side| wire.side(side).trace().steps());
    assert_eq!(
        (user[0].link.as_str(), user[0].kind),
        ("SABME P=1", FrameKind::Link)
    );
    let said = |steps: &[TraceStep], sent: bool| -> Vec<_> {
        let messages = steps.iter().filter(|step| step.kind == FrameKind::Message);
        messages
            .map(|step| {
                let ours = step.call.unwrap().origin == Origin::Ours;
                (
                    step.sent == sent,
                    ours,
                    step.message.clone().unwrap(),
                    step.details.clone(),
                )
            })
            .collect()
    };
    let (user, network) = (said(&user, true), said(&network, false));
    // The same, but for whose call it is.
    let other_way = |(sent, ours, message, details): &(bool, bool, String, Vec<String>)| {
        (*sent, !ours, message.clone(), details.clone())
    };
    assert_eq!(user, network.iter().map(other_way).collect::<Vec<_>>());
    let setup = &user[0];
    assert_eq!((setup.0, setup.1, setup.2.as_str()), (true, true, "SETUP"));
    let called = "Called party number: 5133334444, national, ISDN plan".to_owned();
    assert!(setup.3.contains(&called), "{setup:?}");
    let clearing = user.iter().find(|(sent, ..)| !sent).unwrap();
    assert!(
        clearing.3[0].starts_with("Cause: 17 (user busy)"),
        "{clearing:?}"
    );
}

#[test]
fn digits_come_one_by_one_until_the_number_is_complete() {
    let mut network = Settings::new(Role::Network);
    network.overlap_receiving = true;
    let mut wire = Wire::up(Settings::new(Role::User), network);
    let mut call = OutgoingCall::new(number("51"));
    call.complete = false;
    let ours = wire.setup(Side::User, call).unwrap();
    // Dialled before the network asks for more.
    let early = Command::Digits {
        digits: number("33"),
        complete: false,
    };
    wire.command(Side::User, ours, early).unwrap();
    let (theirs, setup) = incoming(&wire.events_of(Side::Network, MOMENT));
    assert!(!setup.complete);
    wire.command(
        Side::Network,
        theirs,
        Command::WantMoreDigits { in_band: true },
    )
    .unwrap();
    wire.pass(MOMENT);
    let last = Command::Digits {
        digits: number("4"),
        complete: true,
    };
    wire.command(Side::User, ours, last).unwrap();
    wire.pass(MOMENT);
    let events = wire.events();
    let wanted = Event::MoreDigitsWanted {
        call: ours,
        in_band: true,
    };
    assert!(events.contains(&(Side::User, wanted)));
    let digits: Vec<_> = events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Digits {
                digits, complete, ..
            } => Some((digits.as_str(), *complete)),
            _ => None,
        })
        .collect();
    assert_eq!(digits, [("33", false), ("4", true)]);
}

#[test]
fn t302_makes_a_number_complete() {
    let mut user = Settings::new(Role::User);
    user.overlap_receiving = true;
    let mut wire = Wire::up(user, Settings::new(Role::Network));
    let mut call = OutgoingCall::new(number("51"));
    call.complete = false;
    wire.setup(Side::Network, call).unwrap();
    let (theirs, _) = incoming(&wire.events_of(Side::User, MOMENT));
    wire.command(
        Side::User,
        theirs,
        Command::WantMoreDigits { in_band: false },
    )
    .unwrap();
    let events = wire.events_of(Side::User, Duration::from_secs(16));
    let complete = Event::Digits {
        call: theirs,
        digits: String::new(),
        complete: true,
    };
    assert!(events.contains(&complete), "{events:?}");
}

/// features.md, A.3, options 2 and 3, and AT-30 on a primary rate interface.
#[test]
fn a_refused_call_ends_with_its_cause() {
    for cause in [
        Cause::USER_BUSY,
        Cause::CALL_REJECTED,
        Cause::UNALLOCATED_NUMBER,
    ] {
        for from in [Side::User, Side::Network] {
            let mut wire = Wire::plain();
            let ours = wire.setup(from, OutgoingCall::new(number("1"))).unwrap();
            let (theirs, _) = incoming(&wire.events_of(from.other(), MOMENT));
            let refuse = Command::Disconnect {
                cause,
                in_band: false,
            };
            wire.command(from.other(), theirs, refuse).unwrap();
            let events = wire.events_of(from, MOMENT);
            assert_eq!(released(&events, ours), Some(cause));
            nothing_left(&mut wire);
        }
    }
}

/// AT-30: ALERTING, then cause 19.
#[test]
fn an_unanswered_call_ends_with_no_answer() {
    let mut wire = Wire::plain();
    let ours = wire
        .setup(Side::Network, OutgoingCall::new(number("1")))
        .unwrap();
    let (theirs, _) = incoming(&wire.events_of(Side::User, MOMENT));
    wire.command(Side::User, theirs, Command::Alerting { in_band: false })
        .unwrap();
    wire.pass(Duration::from_secs(30));
    let cause = Cause::NO_ANSWER;
    wire.command(
        Side::User,
        theirs,
        Command::Disconnect {
            cause,
            in_band: false,
        },
    )
    .unwrap();
    let events = wire.events_of(Side::Network, MOMENT);
    assert_eq!(released(&events, ours), Some(cause));
    nothing_left(&mut wire);
}

#[test]
fn a_tone_can_be_heard_before_the_call_ends() {
    let mut wire = Wire::plain();
    let ours = wire
        .setup(Side::User, OutgoingCall::new(number("1")))
        .unwrap();
    let (theirs, _) = incoming(&wire.events_of(Side::Network, MOMENT));
    let cause = Cause::USER_BUSY;
    wire.command(
        Side::Network,
        theirs,
        Command::Disconnect {
            cause,
            in_band: true,
        },
    )
    .unwrap();
    let events = wire.events_of(Side::User, Duration::from_secs(5));
    let told = Event::Disconnected {
        call: ours,
        cause,
        in_band: true,
        user_user: None,
    };
    assert!(events.contains(&told), "{events:?}");
    assert_eq!(released(&events, ours), None);
    let end = Command::Disconnect {
        cause: Cause::NORMAL_CLEARING,
        in_band: false,
    };
    wire.command(Side::User, ours, end).unwrap();
    let events = wire.events_of(Side::User, MOMENT);
    assert_eq!(released(&events, ours), Some(cause));
    nothing_left(&mut wire);
}

#[test]
fn nobody_who_answers_ends_a_call_after_two_t303() {
    let mut wire = Wire::plain();
    let ours = wire
        .setup(Side::User, OutgoingCall::new(number("1")))
        .unwrap();
    let events = wire.events_of(Side::User, Duration::from_millis(7_900));
    assert_eq!(released(&events, ours), None);
    let events = wire.events_of(Side::User, MOMENT);
    assert_eq!(released(&events, ours), Some(Cause::NO_USER_RESPONDING));
    nothing_left(&mut wire);
}

#[test]
fn a_setup_longer_than_a_frame_goes_without_what_matters_least() {
    let mut wire = Wire::plain();
    let long = number(&"1".repeat(MAX_DIGITS));
    let mut call = OutgoingCall::new(long.clone());
    call.calling = Some(long.clone());
    call.redirecting = Some(long.clone());
    call.original_called = Some(long.clone());
    call.calling_name = Some(CallingName::new("n".repeat(80)));
    call.user_user = Some(vec![4; 129]);
    wire.setup(Side::User, call).unwrap();
    wire.pass(MOMENT);
    let events = wire.events();
    let left_out = Fault::LeftOut {
        message: MessageType::Setup,
        element: 0x7E,
    };
    assert!(events.contains(&(Side::User, Event::Fault(left_out))));
    let at_network: Vec<_> = events.into_iter().map(|it| it.1).collect();
    let (_, setup) = incoming(&at_network);
    assert_eq!((setup.called, setup.user_user), (Some(long), None));
    assert!(setup.original_called.is_some() && setup.calling_name.is_some());
}
