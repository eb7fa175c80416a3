//! Timers of layer 3 (Q.931 §9.2).

use ramal_isdn::*;

use crate::bench::{BEARER, Bench, CHANNEL_5, answer, message};

const PROCEEDING: u8 = 0x02;
const ALERTING: u8 = 0x01;

fn outgoing(bench: &mut Bench) -> (CallId, u8) {
    let (call, setup) = bench.setup(OutgoingCall::new(PartyNumber::new("1").unwrap()));
    (call, setup.reference.value() as u8)
}

#[test]
fn t303_sends_setup_twice() {
    let mut bench = Bench::user();
    let (call, _) = outgoing(&mut bench);
    assert_eq!(bench.pass(4)[0].kind, MessageType::Setup);
    assert_eq!(
        answer(&bench.pass(4)),
        (MessageType::ReleaseComplete, 102, None)
    );
    assert_eq!(bench.released(call), Some(Cause::NO_USER_RESPONDING));
}

#[test]
fn t304_ends_a_call_whose_digits_lead_nowhere() {
    let mut bench = Bench::user();
    let (_, reference) = outgoing(&mut bench);
    bench.say(&message(0x0D, reference, true, &[]));
    assert!(bench.pass(29).is_empty());
    assert_eq!(answer(&bench.pass(1)), (MessageType::Disconnect, 102, None));
}

#[test]
fn t310_and_t301_end_a_call_that_stands_still() {
    let mut bench = Bench::user();
    let (_, reference) = outgoing(&mut bench);
    bench.say(&message(PROCEEDING, reference, true, &[]));
    assert!(bench.pass(119).is_empty());
    assert_eq!(answer(&bench.pass(1)), (MessageType::Disconnect, 102, None));

    let mut bench = Bench::user();
    let (call, reference) = outgoing(&mut bench);
    bench.say(&message(ALERTING, reference, true, &[]));
    assert!(bench.pass(179).is_empty());
    assert_eq!(answer(&bench.pass(1)), (MessageType::Disconnect, 102, None));
    bench.say(&message(0x4D, reference, true, &[]));
    assert_eq!(bench.released(call), Some(Cause::NO_ANSWER));
}

#[test]
fn an_announcement_stops_t310() {
    let mut bench = Bench::user();
    let (call, reference) = outgoing(&mut bench);
    bench.say(&message(PROCEEDING, reference, true, &[]));
    bench.say(&message(
        0x03,
        reference,
        true,
        &[&[0x1E, 0x02, 0x82, 0x88]],
    ));
    assert!(bench.pass(1_000).is_empty());
    let told = Event::Progress {
        call,
        in_band: true,
        cause: None,
    };
    assert!(bench.events().contains(&told));
}

#[test]
fn t313_ends_an_answer_that_is_not_acknowledged() {
    let mut bench = Bench::user();
    bench.say(&message(0x05, 1, false, &[BEARER, CHANNEL_5]));
    let call = bench.incoming();
    bench.command(call, Command::Connect(ConnectedParty::default()));
    assert_eq!(answer(&bench.pass(4)), (MessageType::Disconnect, 102, None));
}

/// §5.3.3: DISCONNECT, RELEASE twice, and a channel that has to be restarted; which fails after twice T316.
#[test]
fn a_peer_that_does_not_clear_loses_the_channel() {
    let mut bench = Bench::user();
    let (call, reference) = outgoing(&mut bench);
    bench.say(&message(ALERTING, reference, true, &[]));
    let cause = Cause::NORMAL_CLEARING;
    bench.command(
        call,
        Command::Disconnect {
            cause,
            in_band: false,
        },
    );
    assert_eq!(answer(&bench.pass(30)), (MessageType::Release, 16, None));
    assert_eq!(answer(&bench.pass(4)), (MessageType::Release, 16, None));
    let restart = bench.pass(4);
    assert_eq!(restart[0].kind, MessageType::Restart);
    assert_eq!(
        restart[0].elements.channel,
        Some(ChannelIdentification::one(31, true))
    );
    assert_eq!(bench.released(call), Some(cause));
    assert_eq!(
        bench.ours.channel_status(31),
        Some(ChannelStatus::Restarting)
    );
    assert_eq!(bench.pass(120)[0].kind, MessageType::Restart);
    bench.pass(120);
    assert_eq!(bench.events(), [Event::RestartFailed { channel: Some(31) }]);
    assert_eq!(
        bench.ours.channel_status(31),
        Some(ChannelStatus::OutOfService)
    );
    // The peer restarts it: all is well again.
    bench.say(&message(0x46, 0, false, &[&[0x79, 0x01, 0x87]]));
    assert_eq!(bench.ours.channel_status(31), Some(ChannelStatus::Idle));
}

#[test]
fn t306_ends_the_tone_behind_a_call() {
    let mut bench = Bench::new(Settings::new(Role::Network));
    bench.say(&message(0x05, 1, false, &[BEARER, CHANNEL_5]));
    let call = bench.incoming();
    let cause = Cause::USER_BUSY;
    let sent = bench.command(
        call,
        Command::Disconnect {
            cause,
            in_band: true,
        },
    );
    let kinds: Vec<_> = sent.iter().map(|message| message.kind).collect();
    assert_eq!(
        kinds,
        [MessageType::CallProceeding, MessageType::Disconnect]
    );
    assert!(sent[1].elements.progress[0].is_in_band());
    assert_eq!(answer(&bench.pass(30)), (MessageType::Release, 17, None));
}

#[test]
fn t322_asks_twice_and_then_ends_the_call() {
    let mut bench = Bench::user();
    let (call, reference) = outgoing(&mut bench);
    bench.say(&message(0x07, reference, true, &[]));
    bench.command(call, Command::Enquire);
    assert_eq!(bench.pass(4)[0].kind, MessageType::StatusEnquiry);
    assert_eq!(answer(&bench.pass(4)), (MessageType::Disconnect, 41, None));
}
