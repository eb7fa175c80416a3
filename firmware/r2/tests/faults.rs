//! One channel and an exchange that does what it should not, signal by signal.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod exchange;

use std::sync::Arc;

use exchange::{ANSWERED, CLEAR_BACK, Exchange, FORCED, IDLE, SEIZED, settings};
use ramal_r2::{
    Category, Cause, Channel, Charge, Command, CommandError, Event, LineState, MfSignal,
    OutgoingCall, Party, ProtocolError, Settings, Variant,
};

#[test]
fn digits_are_sent_again_as_they_are_asked_for() {
    // Signals of n-1, n-2, n-3 and "all again".
    for (code, back) in [
        ("ITU", [Some(2), Some(7), Some(8), None]),
        ("BR", [Some(9), Some(7), Some(8), Some(2)]),
        ("ID", [Some(8), Some(9), None, Some(2)]),
        ("BO", [Some(2), Some(7), None, Some(9)]),
    ] {
        for (places, signal) in back.into_iter().enumerate() {
            let Some(signal) = signal else { continue };
            let mut exchange = Exchange::new(code);
            exchange.call("12345");
            assert_eq!(exchange.tone, Some(1));
            for digit in 2..=5 {
                assert_eq!(exchange.compelled(1), Some(digit));
            }
            let again = if places == 3 { 1 } else { 4 - places as u8 };
            assert_eq!(exchange.compelled(signal), Some(again), "{code} {signal}");
            if again < 5 {
                assert_eq!(exchange.compelled(1), Some(again + 1));
            }
            // And not before the first one.
            for _ in 0..8 {
                exchange.compelled(back[0].unwrap());
            }
            assert_eq!(exchange.tone, Some(1));
        }
    }
}

#[test]
fn a_number_that_ended_goes_on_from_its_end() {
    let mut exchange = Exchange::new("ITU");
    exchange.call("12");
    assert_eq!(exchange.compelled(1), Some(2));
    assert_eq!(exchange.compelled(1), Some(15));
    assert_eq!(exchange.compelled(2), Some(2));
    assert_eq!(exchange.compelled(1), Some(15));
    assert_eq!(exchange.compelled(5), Some(1));
    for signal in [7, 1, 15, 15] {
        assert_eq!(exchange.compelled(5), Some(signal));
    }
    assert_eq!(exchange.compelled(15), None);
    assert_eq!(exchange.end(), Some((Cause::Congestion, Party::Theirs)));
    exchange.is_idle_after(IDLE);
}

#[test]
fn an_answer_before_the_last_register_signal_ended_counts_after_it() {
    let mut exchange = Exchange::new("ITU");
    exchange.call("1");
    exchange.compelled(3);
    exchange.hear(6);
    exchange.line(ANSWERED);
    assert!(!exchange.events.contains(&Event::Answered { again: false }));
    exchange.hear(0);
    let tail = &exchange.events[exchange.events.len() - 2..];
    assert_eq!(
        tail,
        [
            Event::Accepted(Charge::Charge),
            Event::Answered { again: false }
        ]
    );
    exchange.line(CLEAR_BACK);
    exchange.line(FORCED);
    assert_eq!(exchange.end(), Some((Cause::ForcedRelease, Party::Theirs)));
    assert_eq!(exchange.bits, IDLE);
    exchange.is_idle_after(IDLE);
}

#[test]
fn a_seizing_may_be_acknowledged_by_zeros() {
    let mut settings = settings("VE");
    settings.zero_seizure_ack = true;
    let mut exchange = Exchange::with(settings);
    let call = OutgoingCall {
        dnis: "1".parse().unwrap(),
        ani: None,
        category: Category::Subscriber,
    };
    exchange.command(Command::Call(call)).unwrap();
    exchange.line(FORCED);
    assert_eq!(exchange.tone, Some(1));
    exchange.compelled(3);
    exchange.compelled(6);
    exchange.line(ANSWERED);
    assert!(exchange.events.contains(&Event::Answered { again: false }));
    exchange.line(CLEAR_BACK);
    assert!(exchange.events.contains(&Event::ClearBack));
    exchange.command(Command::Clear(Cause::Normal)).unwrap();
    exchange.is_idle_after(IDLE);
}

#[test]
fn silence_and_endless_signals_fail_by_name() {
    let mut silent = Exchange::new("ITU");
    silent.call("1");
    silent.pass(16_000);
    let signal = MfSignal::new(1).unwrap();
    assert_eq!(
        silent.error(),
        Some(ProtocolError::NoBackwardSignal(signal))
    );
    silent.is_idle_after(IDLE);

    let mut endless = Exchange::new("ITU");
    endless.call("1");
    endless.hear(1);
    endless.pass(16_000);
    assert_eq!(
        endless.error(),
        Some(ProtocolError::BackwardSignalStuck(signal))
    );
    endless.hear(0);
    endless.is_idle_after(IDLE);

    let mut more = Exchange::new("BR");
    more.call("1");
    assert_eq!(more.compelled(1), None);
    more.pass(25_000);
    assert_eq!(more.error(), Some(ProtocolError::MoreDigitsExpected));
    more.is_idle_after(IDLE);

    let mut mute = Exchange::new("BR");
    mute.line(SEIZED);
    mute.pass(16_000);
    assert_eq!(mute.error(), Some(ProtocolError::NoDigits));
    assert_eq!(mute.end(), Some((Cause::Protocol, Party::Theirs)));
    mute.is_idle_after(IDLE);
}

#[test]
fn a_signal_without_meaning_is_named() {
    let mut exchange = Exchange::new("ITU");
    exchange.call("1");
    exchange.compelled(11);
    let (group, signal) = ("A", 11);
    let error = ProtocolError::UnknownSignal { group, signal };
    assert_eq!(exchange.error(), Some(error));
    assert!(error.to_string().contains("A-11"));
    exchange.is_idle_after(IDLE);

    let mut exchange = Exchange::new("ITU");
    exchange.line(SEIZED);
    // Congestion is the answer.
    assert_eq!(exchange.hear(13), Some(4));
    exchange.hear(0);
    exchange.is_idle_after(IDLE);
}

#[test]
fn a_call_cleared_in_the_middle_of_a_signal_is_told_congestion() {
    let mut settings = settings("ITU");
    settings.ani_first = false;
    let mut exchange = Exchange::with(settings);
    exchange.line(SEIZED);
    assert_eq!(exchange.hear(5), Some(1));
    exchange.command(Command::Clear(Cause::Busy)).unwrap();
    // Not before the signal that is being sent has ended.
    assert_eq!(exchange.tone, Some(1));
    assert_eq!(exchange.hear(0), None);
    assert_eq!(exchange.hear(7), Some(4));
    exchange.hear(0);
    assert_eq!(exchange.end(), Some((Cause::Busy, Party::Ours)));
    exchange.is_idle_after(IDLE);

    let mut settings = Settings::new(Variant::find("BR").unwrap());
    settings.ani_first = false;
    let mut exchange = Exchange::with(settings);
    exchange.line(SEIZED);
    exchange.compelled(5);
    exchange.command(Command::Clear(Cause::Normal)).unwrap();
    assert_eq!(exchange.tone, Some(4));
    exchange.pass(160);
    assert_eq!(exchange.tone, None);
    exchange.is_idle_after(IDLE);
}

#[test]
fn bits_that_mean_nothing_end_a_call_when_they_stay() {
    let mut exchange = Exchange::answered();
    exchange.line(0b1101);
    exchange.pass(1_000);
    exchange.line(SEIZED);
    exchange.pass(5_000);
    assert_eq!(exchange.end(), None);
    exchange.line(0b0101);
    exchange.pass(3_000);
    assert!(matches!(
        exchange.error(),
        Some(ProtocolError::UnexpectedBits { bits: 1, .. })
    ));
    assert_eq!(exchange.end(), Some((Cause::Protocol, Party::Theirs)));
    assert_eq!(exchange.bits, CLEAR_BACK);
    exchange.is_idle_after(IDLE);

    let mut exchange = Exchange::new("ITU");
    exchange.line(ANSWERED);
    assert_eq!(exchange.channel.line_state(), LineState::Faulty);
    exchange.is_idle_after(IDLE);
}

#[test]
fn a_lost_multiframe_is_no_seizing_and_short_bits_are_none() {
    let mut exchange = Exchange::new("ITU");
    exchange.line(0b0000);
    exchange.channel.line_bits(SEIZED, exchange.now);
    exchange.pass(10);
    exchange.line(IDLE);
    assert_eq!(exchange.events, []);
    // An exchange that never sets C and D is taken as it is.
    let mut odd = Exchange {
        events: Vec::new(),
        ..Exchange::new("ITU")
    };
    odd.channel = Channel::new(Arc::new(settings("ITU")), odd.now);
    odd.line(0b1101);
    odd.line(0b1000);
    odd.line(0b0000);
    assert!(odd.events.contains(&Event::Seized));
}

#[test]
fn an_alarm_holds_a_call_for_a_while_and_then_ends_it() {
    let mut exchange = Exchange::answered();
    exchange.channel.alarm(true, exchange.now);
    exchange.line(IDLE);
    exchange.pass(1_000);
    exchange.line(SEIZED);
    exchange.channel.alarm(false, exchange.now);
    exchange.collect();
    assert_eq!(exchange.end(), None);
    exchange.channel.alarm(true, exchange.now);
    exchange.pass(3_000);
    assert_eq!(exchange.end(), Some((Cause::LineAlarm, Party::Theirs)));
    assert_eq!(exchange.channel.line_state(), LineState::Alarm);
    exchange.line(IDLE);
    exchange.channel.alarm(false, exchange.now);
    exchange.is_idle_after(IDLE);
}

#[test]
fn an_exchange_that_holds_the_channel_is_complained_about() {
    let mut exchange = Exchange::answered();
    exchange.command(Command::Clear(Cause::Normal)).unwrap();
    assert_eq!(exchange.channel.line_state(), LineState::Releasing);
    exchange.pass(130_000);
    assert_eq!(exchange.error(), Some(ProtocolError::ChannelHeld));
    exchange.is_idle_after(IDLE);

    let mut exchange = Exchange::new("ITU");
    exchange.call("1");
    exchange.command(Command::Clear(Cause::Normal)).unwrap();
    assert_eq!((exchange.bits, exchange.tone), (IDLE, None));
    exchange.pass(15_000);
    assert_eq!(exchange.error(), Some(ProtocolError::NoReleaseGuard));
    exchange.is_idle_after(IDLE);
}

#[test]
fn a_seizing_that_crosses_our_blocking_is_a_call() {
    let mut exchange = Exchange::new("ITU");
    exchange.command(Command::Block).unwrap();
    assert_eq!(exchange.bits, 0b1101);
    exchange.line(SEIZED);
    assert!(exchange.events.contains(&Event::Seized));
    // Idle for a moment, blocked afterwards.
    exchange.line(IDLE);
    exchange.pass(30);
    assert_eq!(exchange.bits, IDLE);
    exchange.pass(100);
    assert_eq!(exchange.bits, 0b1101);
    assert_eq!(exchange.channel.line_state(), LineState::LocalBlocked);
    // Seized against it: not ours to answer.
    exchange.pass(10_000);
    exchange.events.clear();
    exchange.line(SEIZED);
    assert!(!exchange.events.contains(&Event::Seized));
}

#[test]
fn commands_without_a_call_say_so() {
    let mut exchange = Exchange::new("ITU");
    let call = OutgoingCall {
        dnis: "".parse().unwrap(),
        ani: None,
        category: Category::Subscriber,
    };
    assert_eq!(
        exchange.command(Command::Call(call)),
        Err(CommandError::NoDigits)
    );
    for command in [
        Command::Answer,
        Command::Accept(Charge::Charge),
        Command::Clear(Cause::Normal),
        Command::NextDigit,
    ] {
        let refused = exchange.command(command);
        assert!(
            matches!(refused, Err(CommandError::NoCall(_))),
            "{command:?}"
        );
    }
    let mut exchange = Exchange::incoming();
    let refused = exchange.command(Command::Call(call));
    assert_eq!(refused, Err(CommandError::NotIdle(LineState::Busy)));
}

#[test]
fn the_trace_can_be_read() {
    let mut exchange = Exchange::incoming();
    exchange.command(Command::Clear(Cause::Busy)).unwrap();
    exchange.hear(0);
    exchange.is_idle_after(IDLE);
    let trace = exchange.channel.trace().to_string();
    let steps: Vec<&str> = trace.lines().map(|line| line[10..].trim()).collect();
    assert_eq!(
        steps,
        [
            "<- AB=00",
            "-> AB=11 seizing acknowledged",
            "<- I-5 on",
            "-> A-3 on",
            "<- I-5 off",
            "-> A-3 off",
            "<- II-1 on",
            "== called party busy",
            "-> B-3 on",
            "<- II-1 off",
            "-> B-3 off",
            "<- AB=10",
            "-> AB=10 idle",
        ]
    );
    assert_eq!(exchange.channel.trace().dropped(), 0);
}
