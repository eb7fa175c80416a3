//! libpri as an independent peer, as user and as network. Needs a C compiler and Debian's `libpri-dev`. With PRI_PEER_LOG
//! in the environment libpri prints each frame and state.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod peer;
mod recovery;

use peer::{Line, value};
use ramal_isdn::{
    BearerCapability, CallId, CallingName, Cause, Command, ConnectedParty, Event, IncomingCall,
    NameService, OutgoingCall, PartyNumber, Presentation, RedirectionReason, Role, Settings,
    TypeOfNumber,
};

const ROLES: [Role; 2] = [Role::User, Role::Network];

fn number(digits: &str) -> PartyNumber {
    PartyNumber::new(digits).unwrap()
}

fn line(role: Role) -> Line {
    Line::new(Settings::new(role), &[])
}

fn hang_up(cause: Cause) -> Command {
    Command::Disconnect {
        cause,
        in_band: false,
    }
}

fn incoming(line: &mut Line) -> (CallId, IncomingCall) {
    match line.event(|event| matches!(event, Event::Incoming { .. })) {
        Event::Incoming { call, setup } => (call, *setup),
        other => panic!("{other:?}"),
    }
}

fn released(line: &mut Line, call: CallId) -> Cause {
    match line.event(|event| matches!(event, Event::Released { call: it, .. } if *it == call)) {
        Event::Released { cause, .. } => cause,
        other => panic!("{other:?}"),
    }
}

/// A call of ours that libpri answers, with libpri's tag for it.
fn answered_by_libpri(line: &mut Line) -> (CallId, String) {
    let called = line.fresh_number();
    let call = line.setup(OutgoingCall::new(number(&called)));
    // Lines of calls that have ended meanwhile may still be on their way.
    let tag = loop {
        let ring = line.line("ring");
        if value(&ring, "called") == called {
            break ring[1].clone();
        }
    };
    line.tell(&format!("proceeding {tag}"));
    line.tell(&format!("ringing {tag}"));
    line.tell(&format!("answer {tag}"));
    line.event(|event| matches!(event, Event::Connected { call: it, .. } if *it == call));
    (call, tag)
}

/// A call of libpri's that we answer.
fn answered_by_us(line: &mut Line, tag: u32, channel: u8) -> CallId {
    line.tell(&format!(
        "call {tag} called=5133334444 calling=555 channel={channel}"
    ));
    let (call, _) = incoming(line);
    line.command(call, Command::Proceeding { in_band: false });
    line.command(call, Command::Alerting { in_band: true });
    line.command(call, Command::Connect(ConnectedParty::default()));
    line.line(&format!("answer {tag}"));
    line.event(|event| *event == Event::Established { call });
    call
}

fn thousand_calls_of_ours(role: Role) {
    let mut line = line(role);
    for round in 0..1_000 {
        let (call, tag) = answered_by_libpri(&mut line);
        if round % 2 == 0 {
            line.command(call, hang_up(Cause::NORMAL_CLEARING));
            line.line(&format!("hangup_req {tag}"));
        } else {
            line.tell(&format!("hangup {tag} 16"));
        }
        assert_eq!(released(&mut line, call), Cause::NORMAL_CLEARING);
    }
    line.idle();
    assert_eq!(line.ours.call_counters().outgoing, 1_000);
}

fn thousand_calls_of_libpri(role: Role) {
    let mut line = line(role);
    for round in 0..1_000 {
        let tag = round + 1;
        let channel = (round % 15 + 1) as u8;
        let call = answered_by_us(&mut line, tag, channel);
        if round % 2 == 0 {
            line.command(call, hang_up(Cause::NORMAL_CLEARING));
            line.line(&format!("hangup_req {tag}"));
        } else {
            line.tell(&format!("hangup {tag} 16"));
        }
        assert_eq!(released(&mut line, call), Cause::NORMAL_CLEARING);
    }
    line.idle();
    assert_eq!(line.ours.call_counters().incoming, 1_000);
}

#[test]
fn a_thousand_calls_of_ours_as_user() {
    thousand_calls_of_ours(Role::User);
}

#[test]
fn a_thousand_calls_of_ours_as_network() {
    thousand_calls_of_ours(Role::Network);
}

#[test]
fn a_thousand_calls_of_libpri_as_network() {
    thousand_calls_of_libpri(Role::User);
}

#[test]
fn a_thousand_calls_of_libpri_as_user() {
    thousand_calls_of_libpri(Role::Network);
}

#[test]
fn libpri_understands_all_that_our_setup_says() {
    for role in ROLES {
        let mut line = line(role);
        let mut call = OutgoingCall::new(number("5133334444").of_kind(TypeOfNumber::National));
        call.bearer = BearerCapability::AUDIO_3K1;
        call.calling = Some(number("555123").presented(Presentation::Restricted));
        call.calling_name = Some(CallingName::new("Maria"));
        call.redirecting = Some(number("2001").because(RedirectionReason::NoReply));
        let ours = line.setup(call);
        let ring = line.line("ring");
        assert_eq!(value(&ring, "called"), "5133334444");
        assert_eq!(value(&ring, "calling"), "555123");
        assert_eq!(value(&ring, "pres"), "32");
        assert_eq!(value(&ring, "name"), "Maria");
        assert_eq!(value(&ring, "redirecting"), "2001");
        assert_eq!(value(&ring, "reason"), "2");
        assert_eq!(value(&ring, "bearer"), "16");
        assert_eq!(value(&ring, "complete"), "1");
        let channel = line.ours.channel(ours).unwrap();
        assert_eq!(value(&ring, "channel"), channel.to_string());
        line.tell(&format!("hangup {} 1", ring[1]));
        assert_eq!(released(&mut line, ours), Cause::UNALLOCATED_NUMBER);
    }
}

#[test]
fn names_go_both_ways_by_facility_with_an_exchange_of_a_private_network() {
    for role in ROLES {
        let mut settings = Settings::new(role);
        settings.name_service = NameService::Facility;
        let mut line = Line::new(settings, &["--qsig"]);
        let mut call = OutgoingCall::new(number("5133334444"));
        call.calling = Some(number("2001"));
        call.calling_name = Some(CallingName::new("Maria"));
        let ours = line.setup(call.clone());
        let ring = line.line("ring");
        assert_eq!(value(&ring, "name"), "Maria");
        line.tell(&format!("hangup {} 1", ring[1]));
        assert_eq!(released(&mut line, ours), Cause::UNALLOCATED_NUMBER);
        // Nothing of a name that is not to be shown.
        call.calling_name = Some(CallingName {
            name: String::new(),
            presentation: Presentation::Restricted,
        });
        let ours = line.setup(call);
        let ring = line.line("ring");
        assert_eq!(value(&ring, "name"), "");
        line.tell(&format!("hangup {} 1", ring[1]));
        assert_eq!(released(&mut line, ours), Cause::UNALLOCATED_NUMBER);
        line.tell("call 1 called=2001 calling=5133334444 name=Jose channel=3");
        let (theirs, setup) = incoming(&mut line);
        assert_eq!(setup.calling_name, Some(CallingName::new("Jose")));
        line.command(theirs, hang_up(Cause::CALL_REJECTED));
        released(&mut line, theirs);
    }
}

#[test]
fn what_the_setup_of_libpri_says_is_understood() {
    for role in ROLES {
        let mut line = line(role);
        line.tell(
            "call 1 called=5133334444 calling=555123 name=Maria redirecting=2001 reason=2 channel=3 bearer=16",
        );
        let (call, setup) = incoming(&mut line);
        assert_eq!(setup.channel, 3);
        assert_eq!(setup.bearer, BearerCapability::AUDIO_3K1);
        let called = setup.called.unwrap();
        assert_eq!(
            (called.digits(), called.kind),
            ("5133334444", TypeOfNumber::National)
        );
        let calling = setup.calling.unwrap();
        assert_eq!(
            (calling.digits(), calling.presentation),
            ("555123", Presentation::Allowed)
        );
        // EuroISDN has names from the network's side alone.
        if role == Role::User {
            assert_eq!(
                setup.calling_name.map(|name| name.name).as_deref(),
                Some("Maria")
            );
        }
        let redirecting = setup.redirecting.unwrap();
        assert_eq!(redirecting.digits(), "2001");
        assert_eq!(redirecting.reason, Some(RedirectionReason::NoReply));
        line.command(call, hang_up(Cause::CALL_REJECTED));
        let ended = line.line("hangup");
        assert_eq!(ended[1..], ["1", "21"]);
        // The number of who wants to stay unknown.
        line.tell("call 2 called=1 calling=555123 pres=32 channel=3");
        let (call, setup) = incoming(&mut line);
        let calling = setup.calling.unwrap();
        assert_eq!(
            (calling.digits(), calling.presentation),
            ("555123", Presentation::Restricted)
        );
        line.command(call, hang_up(Cause::CALL_REJECTED));
        line.idle();
    }
}

#[test]
fn refusals_keep_their_causes_both_ways() {
    for role in ROLES {
        let mut line = line(role);
        for value in [1, 17, 18, 19, 20, 21, 22, 27, 28, 34, 38, 41, 42] {
            let cause = Cause::new(value).unwrap();
            let call = line.setup(OutgoingCall::new(number("1")));
            let tag = line.line("ring")[1].clone();
            if ![1, 34].contains(&value) {
                // Other refusals libpri sends only behind another answer.
                line.tell(&format!("proceeding {tag}"));
            }
            line.tell(&format!("hangup {tag} {value}"));
            assert_eq!(released(&mut line, call), cause);
            line.tell("call 7 called=1 channel=2");
            let (call, _) = incoming(&mut line);
            line.command(call, hang_up(cause));
            assert_eq!(line.line("hangup")[2], value.to_string());
            line.tell("call 8 called=1 channel=2");
            let (call, _) = incoming(&mut line);
            line.command(call, Command::Alerting { in_band: false });
            line.line("ringing 8");
            line.command(call, hang_up(cause));
            assert_eq!(line.line("hangup_req")[2], value.to_string());
            line.idle();
        }
    }
}

#[test]
fn digits_are_sent_one_by_one() {
    for role in ROLES {
        let mut line = Line::new(Settings::new(role), &["--overlap"]);
        let mut call = OutgoingCall::new(number("51"));
        call.complete = false;
        let call = line.setup(call);
        let ring = line.line("ring");
        assert_eq!(
            (value(&ring, "complete"), value(&ring, "called")),
            ("0", "51")
        );
        line.tell(&format!("more {} inband", ring[1]));
        line.event(|event| matches!(event, Event::MoreDigitsWanted { in_band: true, .. }));
        for digit in ["3", "4", "5"] {
            let digits = number(digit);
            line.command(
                call,
                Command::Digits {
                    digits,
                    complete: false,
                },
            );
            assert_eq!(line.line("digits")[2], digit);
        }
        line.tell(&format!("proceeding {}", ring[1]));
        line.event(|event| matches!(event, Event::Proceeding { .. }));
        line.command(call, hang_up(Cause::NORMAL_CLEARING));
        released(&mut line, call);
    }
}

#[test]
fn digits_are_received_one_by_one() {
    for role in ROLES {
        let mut settings = Settings::new(role);
        settings.overlap_receiving = true;
        let mut line = Line::new(settings, &["--overlap"]);
        line.tell("call 1 called=51 incomplete channel=4");
        let (call, setup) = incoming(&mut line);
        assert!(!setup.complete);
        line.command(call, Command::WantMoreDigits { in_band: true });
        line.line("setup_ack 1");
        for digit in ["3", "4", "5"] {
            line.tell(&format!("digit 1 {digit}"));
            let wanted = Event::Digits {
                call,
                digits: digit.into(),
                complete: false,
            };
            line.event(|event| *event == wanted);
        }
        line.command(call, Command::Proceeding { in_band: false });
        line.line("proceeding 1");
        line.command(call, Command::Connect(ConnectedParty::default()));
        line.line("answer 1");
        line.tell("hangup 1 16");
        released(&mut line, call);
    }
}

#[test]
fn who_has_answered_is_told_both_ways() {
    for role in ROLES {
        let mut line = line(role);
        line.tell("call 1 called=1 channel=4");
        let (call, _) = incoming(&mut line);
        let party = ConnectedParty {
            number: Some(number("4444")),
            ..ConnectedParty::default()
        };
        line.command(call, Command::Connect(party));
        let answer = line.line("answer 1");
        assert_eq!(value(&answer, "number"), "4444");
        line.tell("hangup 1 16");
        released(&mut line, call);

        let call = line.setup(OutgoingCall::new(number("1")));
        let tag = line.line("ring")[1].clone();
        line.tell(&format!("connected {tag} 5555"));
        line.tell(&format!("answer {tag}"));
        let event = line.event(|event| matches!(event, Event::Connected { .. }));
        let Event::Connected { party, .. } = event else {
            unreachable!()
        };
        assert_eq!(party.number.unwrap().digits(), "5555");
        line.tell(&format!("hangup {tag} 16"));
        released(&mut line, call);
    }
}

#[test]
fn tones_before_the_answer_are_announced() {
    for role in ROLES {
        let mut line = line(role);
        line.tell("call 1 called=1 channel=4");
        let (call, _) = incoming(&mut line);
        line.command(call, Command::Proceeding { in_band: false });
        let progress = Command::Progress {
            in_band: true,
            cause: None,
        };
        line.command(call, progress);
        assert_eq!(value(&line.line("progress 1"), "inband"), "1");
        line.command(call, hang_up(Cause::USER_BUSY));
        released(&mut line, call);

        let call = line.setup(OutgoingCall::new(number("1")));
        let tag = line.line("ring")[1].clone();
        line.tell(&format!("proceeding {tag}"));
        line.tell(&format!("progress {tag}"));
        line.event(|event| matches!(event, Event::Progress { in_band: true, .. }));
        line.tell(&format!("notify {tag} 1"));
        line.event(|event| matches!(event, Event::Notified { indicator: 1, .. }));
        line.tell(&format!("hangup {tag} 17"));
        assert_eq!(released(&mut line, call), Cause::USER_BUSY);
    }
}
