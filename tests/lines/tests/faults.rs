//! What goes wrong with E1 spans, and that nothing else suffers from it: each fault is named, calls end with a cause, and the
//! next call works.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use line_tests::party::{End, r2_settings};
use line_tests::{WiredSpans, until};
use ramal_isdn::{Role, Settings};
use ramal_lines::dahdi::span::Signalling;
use ramal_lines::dahdi::{ChannelDevice, Received, Span, SpanSetup, SpanUse, configure};
use ramal_lines::{TimeslotState, TrunkCallId, TrunkCommand, TrunkEvent, TrunkFault, TrunkState};

fn pri(role: Role) -> Signalling {
    Signalling::Pri(Box::new(Settings::new(role)))
}

fn r2() -> Signalling {
    Signalling::R2(r2_settings("BR"))
}

fn setup(usage: SpanUse) -> SpanSetup {
    SpanSetup {
        usage,
        crc4: false,
        clock_rank: 0,
    }
}

/// A pair of trunks that can make calls.
fn pair(ours: Signalling, theirs: Signalling) -> (WiredSpans, End, End) {
    let spans = WiredSpans::new(31).expect("spans");
    let near = End::start(&spans.near, ours);
    let far = End::start(&spans.far, theirs);
    near.until_up();
    far.until_up();
    (spans, near, far)
}

/// A call that is answered: its name at both ends.
fn connect(from: &mut End, to: &mut End) -> [TrunkCallId; 2] {
    let out = from.call("3032", "11987654321");
    let (incoming, called, ..) = to.incoming();
    assert_eq!(called, "3032");
    to.tell(TrunkCommand::Alert(incoming));
    from.expect("ringing", |event| {
        matches!(event, TrunkEvent::Ringing { .. }).then_some(())
    });
    to.tell(TrunkCommand::Answer(incoming));
    from.expect("the answer", |event| {
        matches!(event, TrunkEvent::Answered(_)).then_some(())
    });
    [out, incoming]
}

fn hang_up(from: &mut End, to: &mut End, [out, incoming]: [TrunkCallId; 2]) {
    from.tell(TrunkCommand::HangUp(out, 16));
    assert_eq!(to.released(incoming), 16);
    assert_eq!(from.released(out), 16);
}

fn call_passes(from: &mut End, to: &mut End) {
    let call = connect(from, to);
    hang_up(from, to, call);
}

#[test]
fn an_isdn_trunk_that_is_stopped_tells_the_far_end_and_releases_the_link() {
    let (_spans, mut near, mut far) = pair(pri(Role::User), pri(Role::Network));
    let mut calls = vec![connect(&mut near, &mut far), connect(&mut far, &mut near)];
    calls[1].reverse();
    // More than the link's window, some of them not even answered.
    for _ in 0..20 {
        let out = near.call("3032", "1");
        calls.push([out, far.incoming().0]);
    }
    near.stop();
    let mut told: Vec<_> = calls.iter().map(|_| far.next_released()).collect();
    told.sort();
    let mut expected: Vec<_> = calls.iter().map(|[_, far]| (*far, 38)).collect();
    expected.sort();
    assert_eq!(told, expected);
    until("the link is released", || {
        (far.state() == TrunkState::SignallingDown).then_some(())
    });
}

#[test]
fn an_r2_trunk_that_is_stopped_clears_its_calls_and_blocks_its_timeslots() {
    let (_spans, mut near, mut far) = pair(r2(), r2());
    let [_, incoming] = connect(&mut near, &mut far);
    let [out, _] = connect(&mut far, &mut near);
    near.stop();
    let mut told = [far.next_released().0, far.next_released().0];
    told.sort();
    let mut expected = [incoming, out];
    expected.sort();
    assert_eq!(told, expected);
    until("all timeslots are blocked", || {
        let blocked =
            |slot: &ramal_lines::TimeslotStatus| slot.state == TimeslotState::RemotelyBlocked;
        let slots = far.status().timeslots;
        (slots.len() == 30 && slots.iter().all(blocked)).then_some(())
    });
}

#[test]
fn a_span_that_is_no_e1_and_one_that_another_has_are_named_and_others_work() {
    let (_spans, mut near, mut far) = pair(pri(Role::User), pri(Role::Network));
    let t1 = WiredSpans::new(24).expect("spans");
    let wrong = End::start(&t1.near, pri(Role::User));
    wrong.until_fault(Some(TrunkFault::Refused));
    assert_eq!(wrong.state(), TrunkState::Refused);
    let reason = wrong.status().reason.expect("a reason");
    assert!(reason.contains("24 timeslots"), "{reason}");

    let taken = WiredSpans::new(31).expect("spans");
    configure(taken.control(), &taken.near, &setup(SpanUse::Pri), None).expect("configured");
    let holder = ChannelDevice::open(taken.near.first_channel + 15).expect("the D channel");
    let late = End::start(&taken.near, pri(Role::User));
    late.until_fault(Some(TrunkFault::Refused));
    let reason = late.status().reason.expect("a reason");
    assert!(reason.contains("another program"), "{reason}");
    call_passes(&mut near, &mut far);
    // It goes on by itself once the channel is free.
    drop(holder);
    until("the span is used", || {
        (late.state() == TrunkState::SignallingDown).then_some(())
    });
}

#[test]
fn other_signalling_at_the_far_end_is_named() {
    let spans = WiredSpans::new(31).expect("spans");
    let isdn = End::start(&spans.near, pri(Role::User));
    let _r2 = End::start(&spans.far, r2());
    isdn.until_fault(Some(TrunkFault::NoAnswer));
    assert_eq!(isdn.state(), TrunkState::SignallingDown);
}

#[test]
fn a_pulled_cable_is_named() {
    let spans = WiredSpans::new(31).expect("spans");
    let near = End::start(&spans.near, pri(Role::User));
    until("the span is used", || {
        (near.state() == TrunkState::SignallingDown).then_some(())
    });
    spans.cut().expect("cut");
    near.until_fault(Some(TrunkFault::NoSignal));
    assert_eq!(near.state(), TrunkState::LineDown);
}

/// Sends frames that mean nothing, as fast as the D channel takes them.
fn babble(far: &Span, stop: &AtomicBool) {
    let d_channel = ChannelDevice::open(far.first_channel + 15).expect("the D channel");
    d_channel.carry_frames().expect("frames");
    // Unnumbered information for a link that nobody has (SAPI 5), and two octets for the check sequence.
    let frame = [0x16, 0x01, 0x03, 1, 2, 3, 4, 5, 6, 7, 0, 0];
    while !stop.load(Ordering::Relaxed) {
        match d_channel.transmit(&frame) {
            Received::Octets(_) => {}
            Received::Event => while let Ok(Some(_)) = d_channel.next_event() {},
            Received::Nothing => std::thread::sleep(Duration::from_millis(2)),
            Received::Gone => return,
        }
    }
}

#[test]
fn a_d_channel_that_babbles_is_named_and_others_work() {
    let (_others, mut one, mut other) = pair(pri(Role::User), pri(Role::Network));
    let spans = WiredSpans::new(31).expect("spans");
    configure(spans.control(), &spans.far, &setup(SpanUse::Pri), None).expect("the far end");
    let near = End::start(&spans.near, pri(Role::User));
    let stop = Arc::new(AtomicBool::new(false));
    let (far, stopped) = (spans.far.clone(), stop.clone());
    let babbler = std::thread::spawn(move || babble(&far, &stopped));
    near.until_fault(Some(TrunkFault::Babbles));
    call_passes(&mut one, &mut other);
    stop.store(true, Ordering::Relaxed);
    babbler.join().expect("the babbler");
    let _far = End::start(&spans.far, pri(Role::Network));
    near.until_up();
    near.until_fault(None);
}

#[test]
fn isdn_calls_outlive_two_seconds_without_processor() {
    let (_spans, mut near, mut far) = pair(pri(Role::User), pri(Role::Network));
    let call = connect(&mut near, &mut far);
    near.stall(Duration::from_secs(2));
    hang_up(&mut near, &mut far, call);
    // A call that is set up meanwhile.
    let out = far.call("3032", "1");
    near.stall(Duration::from_secs(2));
    let (incoming, ..) = near.incoming();
    near.tell(TrunkCommand::Answer(incoming));
    far.expect("the answer", |event| {
        matches!(event, TrunkEvent::Answered(_)).then_some(())
    });
    hang_up(&mut far, &mut near, [out, incoming]);
}

#[test]
fn r2_calls_outlive_two_seconds_without_processor() {
    let (_spans, mut near, mut far) = pair(r2(), r2());
    let call = connect(&mut near, &mut far);
    near.stall(Duration::from_secs(2));
    hang_up(&mut near, &mut far, call);
    call_passes(&mut far, &mut near);
}

#[test]
fn line_signals_that_the_full_event_queue_has_lost_are_seen_all_the_same() {
    let spans = WiredSpans::new(31).expect("spans");
    configure(spans.control(), &spans.far, &setup(SpanUse::R2), None).expect("the far end");
    let channels: Vec<_> = (spans.far.first_channel..)
        .take(31)
        .filter(|channel| *channel != spans.far.first_channel + 15)
        .map(|channel| ChannelDevice::open(channel).expect("a timeslot"))
        .collect();
    for channel in &channels {
        channel.set_bits(0b1001).expect("idle");
    }
    let near = End::start(&spans.near, r2());
    near.until_up();
    let first = &channels[0];
    let idle = |slot: &ramal_lines::TimeslotStatus| slot.state == TimeslotState::Idle;
    until("the timeslot is idle", || {
        near.status()
            .timeslots
            .first()
            .is_some_and(idle)
            .then_some(())
    });
    std::thread::scope(|scope| {
        scope.spawn(|| near.stall(Duration::from_secs(2)));
        // Blocked and back a hundred times: the kernel's queue holds 64 events.
        for _ in 0..100 {
            for bits in [0b1101, 0b1001] {
                first.set_bits(bits).expect("bits");
                let until = Instant::now() + Duration::from_millis(5);
                while Instant::now() < until {
                    std::thread::yield_now();
                }
            }
        }
        first.set_bits(0b1101).expect("blocked");
    });
    until("the timeslot is blocked by the far end", || {
        let slots = near.status().timeslots;
        (slots.first()?.state == TimeslotState::RemotelyBlocked).then_some(())
    });
    first.set_bits(0b1001).expect("idle");
    until("the timeslot is idle", || {
        near.status()
            .timeslots
            .first()
            .is_some_and(idle)
            .then_some(())
    });
    // And it is seized like any other.
    first.set_bits(0b0001).expect("seized");
    until("the seizing is acknowledged", || {
        (first.received_bits().expect("bits") == 0b1101).then_some(())
    });
}

#[test]
fn a_card_that_goes_and_comes_back_ends_calls_with_a_cause_and_works_again() {
    for signalling in [[pri(Role::User), pri(Role::Network)], [r2(), r2()]] {
        let [ours, theirs] = signalling;
        let (mut spans, mut near, mut far) = pair(ours, theirs);
        let [out, incoming] = connect(&mut near, &mut far);
        spans.unassign_near();
        assert_eq!(near.released(out), 38);
        near.until_fault(Some(TrunkFault::NoSpan));
        let refused = near.call("3032", "1");
        assert_eq!(near.released(refused), 38);
        spans.assign_near();
        near.until_up();
        far.until_up();
        far.tell(TrunkCommand::HangUp(incoming, 16));
        far.released(incoming);
        call_passes(&mut near, &mut far);
        call_passes(&mut far, &mut near);
    }
}

#[test]
fn an_exchange_that_begins_anew_ends_calls_and_takes_the_next() {
    let (spans, mut near, far) = pair(pri(Role::User), pri(Role::Network));
    let mut far = far;
    let [out, _] = connect(&mut near, &mut far);
    drop(far);
    // It has said so: destination's network is out of order.
    assert_eq!(near.released(out), 38);
    until("the link is down", || {
        (near.state() == TrunkState::SignallingDown).then_some(())
    });
    let mut far = End::start(&spans.far, pri(Role::Network));
    near.until_up();
    call_passes(&mut near, &mut far);
}
