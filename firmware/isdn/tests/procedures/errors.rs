//! Error conditions (Q.931 §5.8).

use ramal_isdn::*;

use crate::bench::{BEARER, Bench, CHANNEL_5, answer, message};

fn incoming(bench: &mut Bench) -> CallId {
    bench.say(&message(0x05, 1, false, &[BEARER, CHANNEL_5]));
    bench.incoming()
}

fn active(bench: &mut Bench) -> CallId {
    let call = incoming(bench);
    bench.command(call, Command::Connect(ConnectedParty::default()));
    bench.say(&message(0x0F, 1, false, &[]));
    bench.events();
    call
}

#[test]
fn setup_with_faults_is_refused_with_the_fitting_cause() {
    type Case<'a> = (&'a [&'a [u8]], u8, Option<u8>);
    let cases: [Case<'_>; 8] = [
        // §5.8.6.1: nothing about the bearer, or an element that must be understood.
        (&[CHANNEL_5], 96, Some(0x04)),
        (&[&[0x03, 0x01, 0x00], BEARER, CHANNEL_5], 96, Some(0x03)),
        // §5.8.6.2.
        (&[&[0x04, 0x00], CHANNEL_5], 100, Some(0x04)),
        (&[BEARER, &[0x18, 0x01, 0x89]], 100, Some(0x18)),
        // Packet mode.
        (
            &[&[0x04, 0x04, 0x88, 0xC0, 0xC6, 0xE6], CHANNEL_5],
            65,
            None,
        ),
        // Channels that are not there.
        (&[BEARER, &[0x18, 0x03, 0xA9, 0x83, 0x90]], 82, None),
        (&[BEARER, &[0x18, 0x03, 0xA9, 0x83, 0xA0]], 82, None),
        (&[BEARER, &[0x18, 0x01, 0xA0]], 34, None),
    ];
    for (elements, cause, element) in cases {
        let mut bench = Bench::user();
        let answers = bench.say(&message(0x05, 1, false, elements));
        let told = answer(&answers);
        assert_eq!(told, (MessageType::ReleaseComplete, cause, element));
        assert_eq!(bench.ours.calls().len(), 0);
        assert_eq!(bench.ours.call_counters().refused, 1);
    }
}

#[test]
fn elements_nobody_knows_do_not_hinder_a_call() {
    let mut bench = Bench::user();
    let odd: &[u8] = &[0x55, 0x01, 0x00];
    let other_codeset: &[u8] = &[0x96, 0x08, 0x01, 0x00];
    let answers = bench.say(&message(
        0x05,
        1,
        false,
        &[BEARER, CHANNEL_5, odd, other_codeset],
    ));
    assert!(answers.is_empty());
    bench.incoming();
}

#[test]
fn messages_for_no_call_are_answered_by_their_kind() {
    let status = |state| {
        message(
            0x7D,
            9,
            false,
            &[&[0x08, 0x02, 0x80, 0x9E, 0x14, 0x01, state]],
        )
    };
    let mut bench = Bench::user();
    // §5.8.3.2 a, b.
    for kind in [0x07, 0x45, 0x4D, 0x7B, 0x99] {
        let answers = bench.say(&message(kind, 9, false, &[]));
        assert_eq!(answer(&answers), (MessageType::ReleaseComplete, 81, None));
        assert_eq!(answers[0].reference.value(), 9);
    }
    // c, d.
    assert!(bench.say(&message(0x5A, 9, false, &[])).is_empty());
    assert!(bench.say(&message(0x05, 9, true, &[BEARER])).is_empty());
    // §5.8.10, §5.8.11.
    let answers = bench.say(&message(0x75, 9, false, &[]));
    assert_eq!(answer(&answers), (MessageType::Status, 30, None));
    assert_eq!(answers[0].elements.call_state, Some(0));
    assert!(bench.say(&status(0)).is_empty());
    assert_eq!(
        answer(&bench.say(&status(10))),
        (MessageType::ReleaseComplete, 101, None)
    );
    // §5.6.4.
    assert_eq!(
        answer(&bench.say(&message(0x26, 9, false, &[]))).0,
        MessageType::ResumeReject
    );
    // f: the global reference.
    let answers = bench.say(&message(0x45, 0, false, &[]));
    assert_eq!(answer(&answers), (MessageType::Status, 81, None));
    // A second SETUP with a reference that is in use (e).
    let call = incoming(&mut bench);
    assert!(
        bench
            .say(&message(0x05, 1, false, &[BEARER, CHANNEL_5]))
            .is_empty()
    );
    assert!(bench.ours.call_state(call).is_some());
}

#[test]
fn what_cannot_be_read_is_left_alone() {
    let mut bench = Bench::user();
    for octets in [
        &[][..],
        &[8],
        &[8, 2, 0],
        &[8, 2, 0, 1],
        &[9, 2, 0, 1, 5],
        &[8, 4, 0, 0, 0, 1, 5],
    ] {
        assert!(bench.say(octets).is_empty());
    }
    assert_eq!(bench.ours.call_counters().unreadable, 6);
    // Services without a call.
    assert!(bench.say(&[8, 0, 0x62]).is_empty());
    assert_eq!(bench.ours.call_counters().unreadable, 6);
}

#[test]
fn messages_out_of_place_are_answered_by_status() {
    let mut bench = Bench::user();
    let call = active(&mut bench);
    let told = |answers: Vec<Message>| {
        assert_eq!(answers[0].elements.call_state, Some(10));
        answer(&answers)
    };
    // §5.8.4.
    for kind in [0x01, 0x02, 0x07, 0x0D] {
        let answers = bench.say(&message(kind, 1, false, &[]));
        assert_eq!(told(answers), (MessageType::Status, 101, None));
    }
    for kind in [0x99, 0x60, 0x64] {
        let answers = bench.say(&message(kind, 1, false, &[]));
        assert_eq!(told(answers), (MessageType::Status, 97, Some(kind)));
    }
    // §5.8.6: no action.
    let answers = bench.say(&message(0x6E, 1, false, &[]));
    assert_eq!(told(answers), (MessageType::Status, 96, Some(0x27)));
    let answers = bench.say(&message(0x6E, 1, false, &[&[0x27, 0x00]]));
    assert_eq!(told(answers), (MessageType::Status, 100, Some(0x27)));
    let events = bench.events();
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::Notified { .. }))
    );
    // §5.8.7: action, and a word about the rest.
    let answers = bench.say(&message(0x6E, 1, false, &[&[0x27, 0x01, 0x80, 0x55, 0x00]]));
    assert_eq!(told(answers), (MessageType::Status, 99, Some(0x55)));
    let answers = bench.say(&message(0x6E, 1, false, &[&[0x1E, 0x00, 0x27, 0x01, 0x80]]));
    assert_eq!(told(answers), (MessageType::Status, 100, Some(0x1E)));
    let events = bench.events();
    let notified = Event::Notified { call, indicator: 0 };
    assert_eq!(events.iter().filter(|event| **event == notified).count(), 2);
    let answers = bench.say(&message(0x75, 1, false, &[]));
    assert_eq!(told(answers), (MessageType::Status, 30, None));
}

#[test]
fn services_a_gateway_does_not_have_are_refused() {
    let mut bench = Bench::user();
    active(&mut bench);
    for (kind, answered, cause) in [
        (0x25, MessageType::SuspendReject, 29),
        (0x24, MessageType::HoldReject, 69),
        (0x31, MessageType::RetrieveReject, 69),
    ] {
        let answers = bench.say(&message(kind, 1, false, &[]));
        assert_eq!(answer(&answers), (answered, cause, None));
    }
}

#[test]
fn clearing_with_faults_clears_all_the_same() {
    // §5.8.6.1, §5.8.6.2, §5.8.7.1.
    for (elements, cause) in [
        (&[][..], 96),
        (&[0x08, 0x01, 0x80], 100),
        (&[0x08, 0x02, 0x80, 0x91, 0x55, 0x00], 99),
        (&[0x03, 0x00, 0x08, 0x02, 0x80, 0x91], 96),
    ] {
        let told = if elements.ends_with(&[0x91]) || cause == 99 {
            17
        } else {
            31
        };
        let mut bench = Bench::user();
        let call = active(&mut bench);
        let answers = bench.say(&message(0x45, 1, false, &[elements]));
        assert_eq!(
            answer(&answers),
            (MessageType::Release, cause, None),
            "{elements:02x?}"
        );
        bench.say(&message(0x5A, 1, false, &[]));
        assert_eq!(bench.released(call).map(Cause::value), Some(told));

        let mut bench = Bench::user();
        let call = active(&mut bench);
        let answers = bench.say(&message(0x4D, 1, false, &[elements]));
        let (kind, told_cause, _) = answer(&answers);
        assert_eq!((kind, told_cause), (MessageType::ReleaseComplete, cause));
        assert_eq!(bench.released(call).map(Cause::value), Some(told));
    }
}

#[test]
fn a_peer_without_the_call_ends_it() {
    let mut bench = Bench::user();
    let call = active(&mut bench);
    let null: &[u8] = &[0x08, 0x02, 0x80, 0xE5, 0x14, 0x01, 0x00];
    assert!(bench.say(&message(0x7D, 1, false, &[null])).is_empty());
    assert_eq!(bench.released(call), Some(Cause::MESSAGE_NOT_COMPATIBLE));
}

#[test]
fn a_state_that_cannot_be_ends_the_call() {
    let mut bench = Bench::user();
    let call = active(&mut bench);
    let ringing: &[u8] = &[0x08, 0x02, 0x80, 0x9E, 0x14, 0x01, 0x07];
    // Nobody has asked: it may have crossed our CONNECT.
    assert!(bench.say(&message(0x7D, 1, false, &[ringing])).is_empty());
    let asked = bench.command(call, Command::Enquire);
    assert_eq!(asked[0].kind, MessageType::StatusEnquiry);
    let answers = bench.say(&message(0x7D, 1, false, &[ringing]));
    assert_eq!(answer(&answers), (MessageType::Disconnect, 101, None));
}

#[test]
fn restarts_with_faults_are_answered_by_status() {
    let mut bench = Bench::user();
    let indicated: &[u8] = &[0x79, 0x01, 0x80];
    let whole: &[u8] = &[0x79, 0x01, 0x86];
    let absent: &[u8] = &[0x18, 0x03, 0xA9, 0x83, 0x90];
    for (elements, cause) in [
        (&[CHANNEL_5][..], 96),
        (&[CHANNEL_5, &[0x79, 0x01, 0x85]], 100),
        (&[indicated], 96),
        (&[absent, indicated], 82),
    ] {
        let answers = bench.say(&message(0x46, 0, false, elements));
        let (kind, told, _) = answer(&answers);
        assert_eq!(
            (kind, told),
            (MessageType::Status, cause),
            "{elements:02x?}"
        );
    }
    let answers = bench.say(&message(0x46, 0, false, &[whole]));
    assert_eq!(answers[0].kind, MessageType::RestartAcknowledge);
    assert_eq!(
        answers[0].elements.restart,
        Some(RestartIndicator::SingleInterface)
    );
}

#[test]
fn a_channel_that_is_taken_or_only_preferred() {
    let mut bench = Bench::user();
    incoming(&mut bench);
    let answers = bench.say(&message(0x05, 2, false, &[BEARER, CHANNEL_5]));
    assert_eq!(answer(&answers), (MessageType::ReleaseComplete, 44, None));
    let preferred: &[u8] = &[0x18, 0x03, 0xA1, 0x83, 0x85];
    bench.say(&message(0x05, 3, false, &[BEARER, preferred]));
    let call = bench.incoming();
    let answers = bench.command(call, Command::Proceeding { in_band: false });
    let channel = answers[0].elements.channel.unwrap();
    assert!(channel.exclusive);
    assert_eq!(channel.single(), Some(31));
    let any: &[u8] = &[0x18, 0x01, 0xA3];
    bench.say(&message(0x05, 4, false, &[BEARER, any]));
    let call = bench.incoming();
    assert_eq!(bench.ours.channel(call), Some(30));
}

#[test]
fn another_channel_is_taken_unless_ours_was_insisted_on() {
    for exclusive in [false, true] {
        let mut settings = Settings::new(Role::User);
        if exclusive {
            settings.channel_choice = ChannelChoice::Exclusive;
        }
        let mut bench = Bench::new(settings);
        let call = OutgoingCall::new(PartyNumber::new("1").unwrap());
        let (call, setup) = bench.setup(call);
        assert_eq!(
            setup.elements.channel,
            Some(ChannelIdentification::one(31, exclusive))
        );
        let reference = setup.reference.value() as u8;
        let answers = bench.say(&message(0x02, reference, true, &[CHANNEL_5]));
        if exclusive {
            assert_eq!(answer(&answers), (MessageType::Release, 6, None));
        } else {
            assert!(answers.is_empty());
            assert_eq!(bench.ours.channel(call), Some(5));
            assert_eq!(bench.ours.channel_status(31), Some(ChannelStatus::Idle));
            let changed = Event::ChannelChanged { call, channel: 5 };
            assert!(bench.events().contains(&changed));
        }
    }
}

#[test]
fn service_is_acknowledged_and_obeyed() {
    let mut bench = Bench::user();
    let service = |status| [&[0x03, 2, 0, 0, 0x0F, 0x01, 0x01, status][..], CHANNEL_5].concat();
    let answers = bench.say(&service(0xC2));
    assert!(matches!(
        answers[0].kind,
        MessageType::ServiceAcknowledge(3)
    ));
    assert!(bench.ours.is_blocked_by_peer(5));
    let answers = bench.say(&message(0x05, 1, false, &[BEARER, CHANNEL_5]));
    assert_eq!(answer(&answers).1, 44);
    bench.say(&service(0xC0));
    assert!(!bench.ours.is_blocked_by_peer(5));
    incoming(&mut bench);
}

#[test]
fn names_and_keys_come_in_messages_of_their_own() {
    let mut bench = Bench::user();
    let call = active(&mut bench);
    let facility = b"\x1C\x0F\x91\xA1\x0C\x02\x01\x05\x02\x01\x00\x80\x04Jo\xE3o";
    bench.say(&message(0x62, 1, false, &[facility]));
    bench.say(&message(0x7B, 1, false, &[b"\x28\x02Hi\x2C\x0212"]));
    bench.say(&message(0x20, 1, false, &[b"\x7E\x03\x04ab"]));
    let events = bench.events();
    let name = CallingName {
        name: "João".into(),
        presentation: Presentation::Allowed,
    };
    let wanted = [
        Event::Name { call, name },
        Event::Information {
            call,
            keypad: Some("12".into()),
            display: Some("Hi".into()),
        },
        Event::UserUser {
            call,
            information: b"\x04ab".to_vec(),
        },
    ];
    assert_eq!(events, wanted);
}

#[test]
fn progress_as_the_first_answer_goes_as_call_proceeding() {
    let mut bench = Bench::user();
    let call = incoming(&mut bench);
    let progress = Command::Progress {
        in_band: true,
        cause: None,
    };
    let sent = bench.command(call, progress.clone());
    assert_eq!(sent[0].kind, MessageType::CallProceeding);
    assert!(sent[0].elements.is_in_band() && sent[0].elements.channel.is_some());
    assert_eq!(bench.command(call, progress)[0].kind, MessageType::Progress);
}
