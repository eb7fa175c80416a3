//! Calls over simulated lines: an exchange on two FXO ports and a telephone, number 990, on an FXS port.

use std::time::Duration;

use ramal_dsp::DtmfDetector;
use ramal_lines::simulated::{Hand, SimulatedConfig, SimulatedLines};
use ramal_lines::{Driver, HangUpSource, LineTestRequest, LineTrouble, TestStep};
use ramal_model::{
    Actor, CallRecord, CallResult, DialToneRule, Direction, FxoSettings, FxsSettings, HotLine,
    LegKind, Number, PortSettings, RefusedCall,
};
use ramal_pbx::{LineTestRefusal, LineTestStatus};
use sipphone::{Call, CallEvent, EndReason, Phone, Source, level_dbm0};
use tokio::sync::mpsc;

use crate::gateway::{Gateway, SOON, incoming, steps};

/// Longest wait for what takes its time on a line: dialling, ringing, telling by tones.
const ON_A_LINE: Duration = Duration::from_secs(25);

/// A gateway with lines, and the hands at its telephone.
async fn gateway_with_lines() -> (Gateway, mpsc::Sender<Hand>) {
    let gateway = Gateway::start().await;
    let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    let hands = lines.hands()[0].clone();
    gateway.pbx.add_lines(Box::new(lines));
    (gateway, hands)
}

/// Waits until 300 ms of what a phone hears are this frequency at this level.
async fn hears(call: &Call, frequency: f64, level: f64) {
    let deadline = tokio::time::Instant::now() + ON_A_LINE;
    loop {
        call.audio().forget();
        call.audio()
            .wait(SOON, "15 packets", |report| report.received >= 15)
            .await
            .unwrap();
        let heard = level_dbm0(&call.audio().last(Duration::from_millis(300)), frequency);
        if (heard - level).abs() < 1.0 {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{frequency} Hz is heard at {heard} dBm0 instead of {level}"
        );
    }
}

/// Waits until so many ports are off hook: what a line hears is told a block before its state.
async fn off_hook(gateway: &Gateway, wanted: usize) {
    let deadline = tokio::time::Instant::now() + SOON;
    let count = || {
        gateway
            .pbx
            .lines()
            .iter()
            .filter(|port| port.off_hook)
            .count()
    };
    while count() != wanted {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{:?}",
            gateway.pbx.lines()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until no port is in use.
async fn all_on_hook(gateway: &Gateway) {
    let deadline = tokio::time::Instant::now() + SOON;
    while gateway
        .pbx
        .lines()
        .iter()
        .any(|port| port.off_hook || port.ringing)
    {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{:?}",
            gateway.pbx.lines()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Rings a telephone that has just hung up: the port takes a moment to be free again.
async fn ring_again(phone: &Phone, number: &str) -> Call {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let mut out = phone.call(number).await.unwrap();
        match out.wait_ringing(SOON).await {
            Ok(()) => return out,
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The newest record, once no call is going on.
async fn last_record(gateway: &Gateway) -> CallRecord {
    gateway
        .wait("the end of the call", |live| live.calls.is_empty())
        .await;
    let calls = gateway
        .store
        .calls(ramal_store::CallFilter::default())
        .await;
    calls.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_out_over_a_line_and_the_exchange_is_heard() {
    let (gateway, _) = gateway_with_lines().await;
    let ana = gateway.phone("2001").await;
    let mut out = ana.call("00102").await.unwrap();
    out.wait(ON_A_LINE, |event| *event == CallEvent::Progress(183, true))
        .await
        .unwrap();
    hears(&out, 425.0, -10.0).await;
    out.hang_up();
    all_on_hook(&gateway).await;
    let mut out = ana.call("00103").await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    hears(&out, 1004.0, -10.0).await;
    off_hook(&gateway, 1).await;
    out.hang_up();
    all_on_hook(&gateway).await;
    let record = last_record(&gateway).await;
    assert_eq!(record.direction, Direction::Outbound);
    assert_eq!(record.result, Some(CallResult::Answered));
    let line = &record.legs[1];
    assert_eq!((line.kind, line.party.as_str()), (LegKind::Line, "0103"));
    assert!(line.device.starts_with("FXO "), "{}", line.device);
    assert_eq!(
        steps(&record),
        ["dialled", "trunk", "answered_by", "hung_up"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_goes_out_and_comes_back() {
    let (gateway, _) = gateway_with_lines().await;
    let ana = gateway.phone("2001").await;
    let mut out = ana.call("00100").await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    out.audio().send(Source::Tone {
        frequency: 700.0,
        dbm0: -12.0,
    });
    hears(&out, 700.0, -12.0).await;
    out.audio().send(Source::Silence);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_cross_lines_as_tones_and_come_out_as_events() {
    let (gateway, _) = gateway_with_lines().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    // Out over one line, and in again over the other.
    let mut out = bruno.call("00202").await.unwrap();
    let mut inn = tokio::time::timeout(ON_A_LINE, ana.next_call())
        .await
        .unwrap()
        .unwrap();
    inn.answer();
    inn.wait_answered(SOON).await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    out.audio().send(Source::Tone {
        frequency: 700.0,
        dbm0: -12.0,
    });
    hears(&inn, 700.0, -12.0).await;
    out.audio().send(Source::Silence);
    // An RFC 4733 key becomes sound on the first line, and a key again on the second. On a machine that is too busy to run
    // its media in time a key may be lost.
    let deadline = tokio::time::Instant::now() + ON_A_LINE;
    loop {
        inn.audio().forget();
        out.audio().send_digits("5");
        inn.audio()
            .wait(SOON, "50 packets", |report| report.received >= 50)
            .await
            .unwrap();
        assert_eq!(keys_heard(&inn), "");
        if inn.audio().report().digits == "5" {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline);
    }
}

/// Keys that are to be heard as tones in what a phone has heard.
fn keys_heard(call: &Call) -> String {
    let mut detector = DtmfDetector::default();
    let mut keys = String::new();
    for block in call.audio().heard().chunks(160) {
        keys.extend(detector.feed(block));
    }
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_telephone_come_as_events_and_are_not_heard_twice() {
    let (gateway, hands) = gateway_with_lines().await;
    let ana = gateway.phone("2001").await;
    let mut out = ana.call("990").await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    hears(&out, 440.0, -10.0).await;
    out.audio().forget();
    hands.send(Hand::Press("159#".into())).await.unwrap();
    out.audio()
        .wait(ON_A_LINE, "four keys", |report| report.digits == "159#")
        .await
        .unwrap();
    assert_eq!(keys_heard(&out), "");
    // What is said after them is heard as before.
    hears(&out, 440.0, -10.0).await;
    out.hang_up();
    all_on_hook(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_brings_two_calls_together_and_lets_the_last_one_go() {
    let (gateway, hands) = gateway_with_lines().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    hands.send(Hand::Lift).await.unwrap();
    hands.send(Hand::Press("2001".into())).await.unwrap();
    let mut first = incoming(&ana).await;
    first.answer();
    first.wait_answered(SOON).await.unwrap();
    hears(&first, 440.0, -10.0).await;
    hands.send(Hand::Recall).await.unwrap();
    hands.send(Hand::Press("2002".into())).await.unwrap();
    let mut second = incoming(&bruno).await;
    second.answer();
    second.wait_answered(SOON).await.unwrap();
    hears(&second, 440.0, -10.0).await;
    hands.send(Hand::Recall).await.unwrap();
    // Each hears the telephone and the other one.
    first.audio().send(Source::Tone {
        frequency: 700.0,
        dbm0: -14.0,
    });
    second.audio().send(Source::Tone {
        frequency: 1_000.0,
        dbm0: -14.0,
    });
    hears(&first, 440.0, -10.0).await;
    hears(&first, 1_000.0, -14.0).await;
    hears(&second, 440.0, -10.0).await;
    hears(&second, 700.0, -14.0).await;
    // Nobody hears himself.
    let own = level_dbm0(&first.audio().last(Duration::from_millis(300)), 700.0);
    assert!(own < -35.0, "{own}");
    // The recall key lets the second one go; the first stays.
    hands.send(Hand::Recall).await.unwrap();
    assert_eq!(
        second.wait_ended(SOON).await.unwrap(),
        EndReason::RemoteHangUp
    );
    hears(&first, 440.0, -10.0).await;
    let gone = level_dbm0(&first.audio().last(Duration::from_millis(300)), 1_000.0);
    assert!(gone < -35.0, "{gone}");
    hands.send(Hand::PutDown).await.unwrap();
    assert_eq!(
        first.wait_ended(SOON).await.unwrap(),
        EndReason::RemoteHangUp
    );
    all_on_hook(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_a_conversation_of_three_leaves_the_other_two() {
    for leaves_first in [true, false] {
        let (gateway, hands) = gateway_with_lines().await;
        let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
        hands.send(Hand::Lift).await.unwrap();
        hands.send(Hand::Press("2001".into())).await.unwrap();
        let mut first = incoming(&ana).await;
        first.answer();
        first.wait_answered(SOON).await.unwrap();
        hands.send(Hand::Recall).await.unwrap();
        hands.send(Hand::Press("2002".into())).await.unwrap();
        let mut second = incoming(&bruno).await;
        second.answer();
        second.wait_answered(SOON).await.unwrap();
        hears(&second, 440.0, -10.0).await;
        hands.send(Hand::Recall).await.unwrap();
        hears(&first, 440.0, -10.0).await;
        let (leaves, mut stays) = if leaves_first {
            (first, second)
        } else {
            (second, first)
        };
        leaves.hang_up();
        hears(&stays, 440.0, -10.0).await;
        hands.send(Hand::PutDown).await.unwrap();
        assert_eq!(
            stays.wait_ended(SOON).await.unwrap(),
            EndReason::RemoteHangUp
        );
        all_on_hook(&gateway).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_learns_its_busy_tone_from_three_calls() {
    let gateway = Gateway::start().await;
    // The exchange is one of the United States, the gateway's company one of Brazil.
    let lines = SimulatedLines::start(&SimulatedConfig {
        country: "US".parse().unwrap(),
        fxo: 1,
        ..SimulatedConfig::default()
    })
    .unwrap();
    gateway.pbx.add_lines(Box::new(lines));
    let settings = FxoSettings {
        dial_tone: DialToneRule::Ignore,
        ..FxoSettings::default()
    };
    set_port(&gateway, "FXO 1", PortSettings::Fxo(settings)).await;
    let ana = gateway.phone("2001").await;
    let learned = |gateway: &Gateway| {
        let configuration = gateway.store.configuration();
        match &configuration.analogue_port("FXO 1").unwrap().settings {
            PortSettings::Fxo(settings) => settings.learned_tone,
            PortSettings::Fxs(_) => None,
        }
    };
    let mut calls = 0;
    let tone = loop {
        // On a machine that is too busy to run its lines in time the tone of a call may be too short to teach anything.
        assert!(calls < 10, "nothing was learned");
        assert_eq!(learned(&gateway), None);
        calls += 1;
        let deadline = tokio::time::Instant::now() + ON_A_LINE;
        let mut out = loop {
            let mut out = ana.call("00101").await.unwrap();
            let progress = out
                .wait(ON_A_LINE, |event| matches!(event, CallEvent::Progress(..)))
                .await;
            if progress.is_ok() {
                break out;
            }
            assert!(tokio::time::Instant::now() < deadline);
        };
        // He listens to the tone for twelve repetitions.
        out.audio()
            .wait(ON_A_LINE, "12 s of tone", |report| report.received >= 620)
            .await
            .unwrap();
        out.hang_up();
        out.wait_ended(SOON).await.unwrap();
        all_on_hook(&gateway).await;
        // What was heard is told when the line is put down, and kept at once.
        let deadline = tokio::time::Instant::now() + SOON;
        let mut tone = learned(&gateway);
        while calls >= 3 && tone.is_none() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
            tone = learned(&gateway);
        }
        if let Some(tone) = tone {
            assert!(calls >= 3, "learned from {calls} calls");
            break tone;
        }
    };
    let [low, high] = tone.frequencies;
    assert!(low.abs_diff(480) < 6 && high.abs_diff(620) < 6, "{tone:?}");
    assert!(tone.on_ms.abs_diff(500) < 30 && tone.off_ms.abs_diff(500) < 30);
    // From now on the tone ends calls.
    let deadline = tokio::time::Instant::now() + ON_A_LINE;
    loop {
        let mut out = ana.call("00101").await.unwrap();
        match out.wait_ended(ON_A_LINE).await.unwrap() {
            EndReason::Refused(486) => break,
            other => assert!(tokio::time::Instant::now() < deadline, "{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_is_told_that_messages_wait_and_no_other_number_is() {
    let (gateway, hands) = gateway_with_lines().await;
    assert!(!gateway.pbx.messages_waiting("991", 3).unwrap());
    assert!(gateway.pbx.messages_waiting("990", 3).unwrap());
    // Dial tone stutters, and goes on as dial tone: the telephone dials as ever.
    let ana = gateway.phone("2001").await;
    hands.send(Hand::Lift).await.unwrap();
    hands.send(Hand::Press("2001".into())).await.unwrap();
    let mut inn = incoming(&ana).await;
    inn.answer();
    inn.wait_answered(SOON).await.unwrap();
    inn.hang_up();
    all_on_hook(&gateway).await;
    assert!(gateway.pbx.messages_waiting("990", 0).unwrap());
    gateway.pbx.shutdown().await;
    assert!(!gateway.pbx.messages_waiting("990", 1).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_tone_refuses_and_a_cut_ends_the_call() {
    let (gateway, _) = gateway_with_lines().await;
    let ana = gateway.phone("2001").await;
    let mut out = ana.call("00101").await.unwrap();
    assert_eq!(
        out.wait_ended(ON_A_LINE).await.unwrap(),
        EndReason::Refused(486)
    );
    assert_eq!(last_record(&gateway).await.result, Some(CallResult::Busy));
    let mut out = ana.call("00104").await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    assert_eq!(
        out.wait_ended(ON_A_LINE).await.unwrap(),
        EndReason::RemoteHangUp
    );
    let record = last_record(&gateway).await;
    let talk = record.ended_at.unwrap() - record.answered_at.unwrap();
    assert!((2500..4500).contains(&talk), "{talk} ms");
    all_on_hook(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_gives_up_frees_the_line() {
    let (gateway, _) = gateway_with_lines().await;
    let ana = gateway.phone("2001").await;
    for _ in 0..3 {
        let mut out = ana.call("00102").await.unwrap();
        out.wait(ON_A_LINE, |event| matches!(event, CallEvent::Progress(..)))
            .await
            .unwrap();
        out.hang_up();
        out.wait_ended(SOON).await.unwrap();
    }
    all_on_hook(&gateway).await;
    assert_eq!(
        last_record(&gateway).await.result,
        Some(CallResult::Cancelled)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lines_carry_two_calls_and_no_line_leads_abroad() {
    let (gateway, _) = gateway_with_lines().await;
    let ana = gateway.phone("2001").await;
    let mut calls = Vec::new();
    for _ in 0..2 {
        calls.push(ana.call("00102").await.unwrap());
    }
    off_hook(&gateway, 2).await;
    let mut out = ana.call("00102").await.unwrap();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::Refused(503));
    let mut out = ana.call("00054115550000").await.unwrap();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::Refused(403));
    for number in ["0", "0abc", "0*43", "0123456789012345678901"] {
        let mut out = ana.call(number).await.unwrap();
        assert_eq!(
            out.wait_ended(SOON).await.unwrap(),
            EndReason::Refused(404),
            "{number}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_rings_reaches_the_first_extension_with_caller_id() {
    let (gateway, _) = gateway_with_lines().await;
    let (bruno, ana) = (gateway.phone("2002").await, gateway.phone("2001").await);
    let mut out = bruno.call("00105").await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    out.hang_up();
    let mut inn = tokio::time::timeout(ON_A_LINE, ana.next_call())
        .await
        .unwrap()
        .unwrap();
    assert!(
        inn.caller().contains("1155550105") && inn.caller().contains("Central"),
        "{}",
        inn.caller()
    );
    inn.ring();
    inn.answer();
    inn.wait_answered(SOON).await.unwrap();
    inn.audio().send(Source::Tone {
        frequency: 700.0,
        dbm0: -12.0,
    });
    hears(&inn, 700.0, -12.0).await;
    inn.hang_up();
    all_on_hook(&gateway).await;
    let record = last_record(&gateway).await;
    assert_eq!(record.direction, Direction::Inbound);
    assert_eq!(record.caller.number, "1155550105");
    assert_eq!(record.legs[0].kind, LegKind::Line);
    assert_eq!(
        steps(&record),
        ["came_in", "extension", "ringing", "answered_by", "hung_up"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_on_a_line_whom_nobody_answers_stops_ringing_by_himself() {
    let (gateway, _) = gateway_with_lines().await;
    let ana = gateway.phone("2001").await;
    let mut out = ana.call("00105").await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    out.hang_up();
    let inn = tokio::time::timeout(ON_A_LINE, ana.next_call())
        .await
        .unwrap()
        .unwrap();
    // Refused: the exchange cannot be told and goes on ringing; the line stays taken until it stops.
    inn.reject(486);
    let record = last_record(&gateway).await;
    assert_eq!(record.result, Some(CallResult::Busy));
    assert!(gateway.pbx.lines()[0].ringing);
    let mut out = ana.call("00103").await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    off_hook(&gateway, 1).await;
    assert!(gateway.pbx.lines()[1].off_hook);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_09_a_line_for_which_nothing_is_set_rings_unanswered() {
    let (gateway, _) = gateway_with_lines().await;
    let ana = gateway.phone("2001").await;
    let other = Number {
        label: "Outra".into(),
        number: "+555133334444".into(),
        ..Number::default()
    };
    gateway.store.create(&Actor::System, other).await.unwrap();
    let mut out = ana.call("00105").await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    out.hang_up();
    let deadline = tokio::time::Instant::now() + ON_A_LINE;
    let record = loop {
        let record = last_record(&gateway).await;
        if record.direction == Direction::Inbound {
            break record;
        }
        assert!(tokio::time::Instant::now() < deadline, "{record:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(record.result, Some(CallResult::NotFound));
    assert_eq!(steps(&record), ["came_in", "refused"]);
    assert_eq!(record.trace[1]["reason"], "unconfigured_number");
    // It rings on, nobody takes it, and no phone rings.
    let line = &gateway.pbx.lines()[0];
    assert!(line.ringing && !line.off_hook);
    let rings = tokio::time::timeout(Duration::ZERO, ana.next_call()).await;
    assert!(rings.is_err(), "a phone rings");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_telephone_on_a_port_rings_answers_and_is_cut_off() {
    let (gateway, _) = gateway_with_lines().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let mut out = ana.call("990").await.unwrap();
    out.wait_ringing(SOON).await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    hears(&out, 440.0, -10.0).await;
    // A second call waits, a third finds nobody.
    let mut second = bruno.call("990").await.unwrap();
    second.wait_ringing(SOON).await.unwrap();
    let mut third = bruno.call("990").await.unwrap();
    assert_eq!(
        third.wait_ended(SOON).await.unwrap(),
        EndReason::Refused(486)
    );
    second.hang_up();
    second.wait_ended(SOON).await.unwrap();
    out.hang_up();
    all_on_hook(&gateway).await;
    // A caller who gives up silences the bell.
    let mut out = ring_again(&ana, "990").await;
    out.hang_up();
    out.wait_ended(SOON).await.unwrap();
    all_on_hook(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_telephone_on_a_port_dials() {
    let (gateway, hands) = gateway_with_lines().await;
    let ana = gateway.phone("2001").await;
    hands.send(Hand::Lift).await.unwrap();
    hands.send(Hand::Press("2001".into())).await.unwrap();
    let mut inn = incoming(&ana).await;
    assert!(inn.caller().contains("sip:990@"), "{}", inn.caller());
    inn.answer();
    inn.wait_answered(SOON).await.unwrap();
    hears(&inn, 440.0, -10.0).await;
    hands.send(Hand::PutDown).await.unwrap();
    assert_eq!(inn.wait_ended(SOON).await.unwrap(), EndReason::RemoteHangUp);
    all_on_hook(&gateway).await;
    // A number that nobody has: a tone until it is put down, which the telephone does by itself.
    hands.send(Hand::Lift).await.unwrap();
    hands.send(Hand::Press("77#".into())).await.unwrap();
    gateway
        .wait("the second call", |live| live.calls.is_empty())
        .await;
    let deadline = tokio::time::Instant::now() + ON_A_LINE;
    loop {
        let record = last_record(&gateway).await;
        if record.callee.number == "77" {
            assert_eq!(record.result, Some(CallResult::NotFound));
            break;
        }
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    all_on_hook(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_puts_its_lines_on_hook() {
    let gateway = Gateway::start().await;
    let mut lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    assert_eq!(lines.take_ports().len(), 3);
    assert_eq!(lines.take_ports().len(), 0);
    gateway.pbx.add_lines(Box::new(lines));
    let (gateway, _) = {
        gateway.pbx.shutdown().await;
        gateway_with_lines().await
    };
    let ana = gateway.phone("2001").await;
    let mut out = ana.call("00100").await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    gateway.pbx.shutdown().await;
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::RemoteHangUp);
    assert!(gateway.pbx.lines().is_empty());
    let record = &gateway
        .store
        .calls(ramal_store::CallFilter::default())
        .await
        .unwrap()[0];
    assert_eq!(record.result, Some(CallResult::Answered));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_call_is_taken_by_recall_and_the_first_one_held_meanwhile() {
    let (gateway, hands) = gateway_with_lines().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let mut first = ana.call("990").await.unwrap();
    first.wait_answered(ON_A_LINE).await.unwrap();
    hears(&first, 440.0, -10.0).await;
    let mut second = bruno.call("990").await.unwrap();
    second.wait_ringing(SOON).await.unwrap();
    hands.send(Hand::Recall).await.unwrap();
    second.wait_answered(ON_A_LINE).await.unwrap();
    hears(&second, 440.0, -10.0).await;
    // Back to the first.
    hands.send(Hand::Recall).await.unwrap();
    hears(&first, 440.0, -10.0).await;
    // Put down with one held: both are connected with each other.
    hands.send(Hand::PutDown).await.unwrap();
    all_on_hook(&gateway).await;
    first.audio().send(Source::Tone {
        frequency: 700.0,
        dbm0: -12.0,
    });
    hears(&second, 700.0, -12.0).await;
    first.hang_up();
    assert_eq!(
        second.wait_ended(SOON).await.unwrap(),
        EndReason::RemoteHangUp
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_asks_back_and_passes_the_call_on() {
    let (gateway, hands) = gateway_with_lines().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    hands.send(Hand::Lift).await.unwrap();
    hands.send(Hand::Press("2001".into())).await.unwrap();
    let mut first = incoming(&ana).await;
    first.answer();
    first.wait_answered(SOON).await.unwrap();
    hears(&first, 440.0, -10.0).await;
    hands.send(Hand::Recall).await.unwrap();
    // Dial tone, whose keys the first call does not hear; then the second one.
    hands.send(Hand::Press("2002".into())).await.unwrap();
    let mut second = incoming(&bruno).await;
    second.answer();
    second.wait_answered(SOON).await.unwrap();
    hears(&second, 440.0, -10.0).await;
    hands.send(Hand::PutDown).await.unwrap();
    second.audio().send(Source::Tone {
        frequency: 700.0,
        dbm0: -12.0,
    });
    hears(&first, 700.0, -12.0).await;
    second.hang_up();
    assert_eq!(
        first.wait_ended(SOON).await.unwrap(),
        EndReason::RemoteHangUp
    );
    all_on_hook(&gateway).await;
}

async fn set_port(gateway: &Gateway, port: &str, settings: PortSettings) {
    gateway
        .store
        .set_analogue_port(&Actor::System, port.into(), settings)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_30_a_refused_caller_on_a_line_gets_busy_tone_or_rings_on() {
    let (gateway, _) = gateway_with_lines().await;
    let settings = FxoSettings {
        refused_call: RefusedCall::AnswerAndTone,
        ..FxoSettings::default()
    };
    set_port(&gateway, "FXO 1", PortSettings::Fxo(settings)).await;
    let ana = gateway.phone("2001").await;
    let mut out = ana.call("00105").await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    out.hang_up();
    let inn = tokio::time::timeout(ON_A_LINE, ana.next_call())
        .await
        .unwrap()
        .unwrap();
    inn.reject(486);
    // Taken for ten seconds, then put down.
    off_hook(&gateway, 1).await;
    let taken = tokio::time::Instant::now();
    let deadline = taken + ON_A_LINE;
    while gateway.pbx.lines()[0].off_hook {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(taken.elapsed() > Duration::from_secs(8));
    let record = last_record(&gateway).await;
    assert_eq!(record.result, Some(CallResult::Busy));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_line_calls_by_itself_and_do_not_disturb_keeps_calls_away() {
    let (gateway, hands) = gateway_with_lines().await;
    let settings = FxsSettings {
        hot_line: Some(HotLine {
            number: "2001".into(),
            after_seconds: 0,
        }),
        do_not_disturb: true,
        ..FxsSettings::default()
    };
    set_port(&gateway, "FXS 1", PortSettings::Fxs(settings)).await;
    let ana = gateway.phone("2001").await;
    let mut out = ana.call("990").await.unwrap();
    assert_eq!(
        out.wait_ended(ON_A_LINE).await.unwrap(),
        EndReason::Refused(486)
    );
    hands.send(Hand::Lift).await.unwrap();
    let mut inn = incoming(&ana).await;
    inn.answer();
    inn.wait_answered(SOON).await.unwrap();
    hears(&inn, 440.0, -10.0).await;
    hands.send(Hand::PutDown).await.unwrap();
    assert_eq!(inn.wait_ended(SOON).await.unwrap(), EndReason::RemoteHangUp);
    // A digit map says when a number is complete.
    let settings = FxsSettings {
        digit_map: Some("[1-8]xxxxx|200[1-9]".into()),
        next_key_seconds: 15,
        ..FxsSettings::default()
    };
    set_port(&gateway, "FXS 1", PortSettings::Fxs(settings)).await;
    all_on_hook(&gateway).await;
    hands.send(Hand::Lift).await.unwrap();
    hands.send(Hand::Press("2001#".into())).await.unwrap();
    let mut inn = incoming(&ana).await;
    inn.reject(486);
    inn.wait_ended(SOON).await.unwrap();
    hands.send(Hand::PutDown).await.unwrap();
    all_on_hook(&gateway).await;
}

/// What the test of a port has found, once it is over.
async fn tested(gateway: &Gateway, port: &str) -> LineTestStatus {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    loop {
        let status = gateway.pbx.line_test(port).unwrap();
        if !status.running {
            return status;
        }
        assert!(tokio::time::Instant::now() < deadline, "{status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j5_a_call_that_rings_during_a_test_is_taken_and_ends_the_test() {
    let (gateway, _) = gateway_with_lines().await;
    let ana = gateway.phone("2001").await;
    // The second line is called by the first one while it is tested: between two calls of the test it is on-hook.
    let request = LineTestRequest {
        hang_up: HangUpSource::IncomingCall,
        ..LineTestRequest::default()
    };
    gateway
        .pbx
        .test_line("FXO 2", request, Actor::System)
        .unwrap();
    let busy = gateway
        .pbx
        .test_line("FXO 2", LineTestRequest::default(), Actor::System);
    assert_eq!(busy.unwrap_err(), LineTestRefusal::Busy("FXO 2".into()));
    // A line under test is not dialled out on: both calls go over the other one, one after the other.
    let mut out = ana.call("00103").await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    let mut second = ana.call("00103").await.unwrap();
    assert_eq!(
        second.wait_ended(SOON).await.unwrap(),
        EndReason::Refused(503)
    );
    out.hang_up();
    out.wait_ended(SOON).await.unwrap();
    let deadline = tokio::time::Instant::now() + ON_A_LINE;
    loop {
        let status = gateway.pbx.line_test("FXO 2").unwrap();
        if status.step == Some(TestStep::WaitingForCall) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Somebody calls it by the first line; the test takes the call, and he hangs up.
    let out = loop {
        let mut out = ana.call("00202").await.unwrap();
        if out.wait_answered(ON_A_LINE).await.is_ok() {
            break out;
        }
        assert!(tokio::time::Instant::now() < deadline);
    };
    out.hang_up();
    let status = tested(&gateway, "FXO 2").await;
    assert_eq!(status.report.troubles, [], "{status:?}");
    assert_eq!(status.report.caller.unwrap().number, "1155550105");
    assert!(status.report.hang_up_tone.unwrap().of_country);
    assert!(status.settings.is_some() && !status.applied);
    all_on_hook(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_helps_a_test_still_takes_a_call_from_outside() {
    let (gateway, _) = gateway_with_lines().await;
    let (bruno, ana) = (gateway.phone("2002").await, gateway.phone("2001").await);
    // The exchange will call the first line back in two seconds.
    let mut out = bruno.call("00105").await.unwrap();
    out.wait_answered(ON_A_LINE).await.unwrap();
    out.hang_up();
    out.wait_ended(SOON).await.unwrap();
    let request = LineTestRequest {
        hang_up: HangUpSource::Port {
            port: "FXO 1".into(),
            number: "0201".into(),
        },
        ..LineTestRequest::default()
    };
    let deadline = tokio::time::Instant::now() + SOON;
    while gateway
        .pbx
        .test_line("FXO 2", request.clone(), Actor::System)
        .is_err()
    {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut inn = tokio::time::timeout(ON_A_LINE, ana.next_call())
        .await
        .unwrap()
        .unwrap();
    assert!(inn.caller().contains("1155550105"), "{}", inn.caller());
    inn.answer();
    inn.wait_answered(SOON).await.unwrap();
    let status = tested(&gateway, "FXO 2").await;
    let troubles = status.report.troubles.iter();
    let troubles: Vec<_> = troubles.map(|found| found.trouble).collect();
    assert!(
        troubles.contains(&LineTrouble::PartnerNotReached),
        "{status:?}"
    );
    // His call goes on.
    inn.audio().send(Source::Tone {
        frequency: 700.0,
        dbm0: -12.0,
    });
    hears(&inn, 700.0, -12.0).await;
    inn.hang_up();
    all_on_hook(&gateway).await;
}
