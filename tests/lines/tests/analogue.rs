//! Analogue lines over the kernel's drivers: the product's FXO port on one end, an exchange on the other, and its FXS port
//! with a telephone.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::time::Duration;

use line_tests::far_end::{FarEnd, expect};
use line_tests::{WiredSpans, until};
use ramal_analog::FarEndTest;
use ramal_dsp::CountryTones;
use ramal_lines::dahdi::{
    AnalogueSpan, ChannelEvent, DahdiLines, Hook, SpanSetup, SpanUse, configure,
};
use ramal_lines::{
    CallerId, Command, Driver, Event, LineTestNews, LineTestReport, Port, PortKind, PortNames,
};
use ramal_model::Country;

/// A port of the product of this kind, and the far end of its line.
fn line(kind: PortKind) -> (WiredSpans, DahdiLines, Port, FarEnd) {
    let spans = WiredSpans::new(1).expect("spans");
    let other = match kind {
        PortKind::Fxo => PortKind::Fxs,
        PortKind::Fxs => PortKind::Fxo,
    };
    let setup = SpanSetup {
        usage: SpanUse::Analogue(vec![Some(other)]),
        crc4: false,
        clock_rank: 0,
    };
    configure(spans.control(), &spans.far, &setup, None).expect("the far end");
    spans
        .control()
        .load_zone("ramal", &[1000, 4000])
        .expect("a zone");
    let far = FarEnd::start(spans.far.first_channel);
    let modules = AnalogueSpan {
        device: spans.near.name.clone(),
        modules: vec![Some(kind)],
    };
    let mut lines = DahdiLines::start(&[modules], Country::default(), &mut PortNames::default())
        .expect("lines");
    let port = lines.take_ports().pop().expect("a port");
    (spans, lines, port, far)
}

fn brazil() -> &'static CountryTones {
    CountryTones::of("BR").expect("its tones")
}

#[test]
fn j5_a_line_is_tested_and_its_echo_and_busy_tone_are_found() {
    const LOSS: f32 = 12.0;
    let (_spans, _lines, mut port, exchange) = line(PortKind::Fxo);
    exchange.echoes(LOSS);
    let over = |event: &Event| *event == Event::Test(LineTestNews::Finished);
    // An exchange that has not seen the line idle yet does not notice that it is taken: without dial tone the test ends, and
    // is begun again.
    until("the exchange notices", || {
        port.command(Command::Test {
            quiet_key: '5',
            far_end: FarEndTest::Dial("0101".parse().expect("a number")),
        })
        .expect("begins");
        loop {
            if exchange.has_seen(ChannelEvent::RingOffHook).is_some() {
                return Some(());
            }
            if port.events().try_recv().as_ref().is_ok_and(over) {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    // Dial tone until a key is dialled, then silence, in which the echo is measured.
    exchange.device.set_hook(Hook::OffHook).expect("feeds");
    exchange.plays(Some(brazil().dial));
    exchange.is_dialled("5");
    exchange.plays(None);
    exchange.sees(ChannelEvent::OnHook);
    exchange.device.set_hook(Hook::OnHook).expect("idle");
    // A number that is busy.
    exchange.sees(ChannelEvent::RingOffHook);
    exchange.device.set_hook(Hook::OffHook).expect("feeds");
    exchange.plays(Some(brazil().dial));
    exchange.is_dialled("0101");
    exchange.plays(Some(brazil().busy));
    let mut report = LineTestReport::default();
    expect(&mut port, "the end of the test", |event| {
        if let Event::Test(news) = event {
            match news {
                LineTestNews::Found(found) => report.note(found, Country::default()),
                LineTestNews::Trouble(fault) => report.trouble((*fault).into()),
                LineTestNews::Step(_) => {}
                LineTestNews::Finished => return true,
            }
        }
        false
    });
    exchange.sees(ChannelEvent::OnHook);
    assert_eq!(report.troubles, []);
    assert!(report.dial_tone.is_some_and(|tone| tone.of_country));
    assert!(report.hang_up_tone.is_some_and(|tone| tone.of_country));
    let echo = report.echo.expect("an echo");
    assert!((echo.return_loss - LOSS).abs() < 1.0, "{echo:?}");
}

#[test]
fn a_call_from_the_exchange_rings_is_answered_and_ends_with_the_loop() {
    let (_spans, _lines, mut port, exchange) = line(PortKind::Fxo);
    exchange
        .device
        .set_ring_cadence(&[1000, 4000])
        .expect("a cadence");
    until("the exchange can ring", || {
        exchange.device.set_hook(Hook::Ring).ok()
    });
    expect(&mut port, "ringing", |event| *event == Event::RingStarted);
    port.command(Command::Answer).expect("answers");
    exchange.sees(ChannelEvent::RingOffHook);
    exchange
        .device
        .set_hook(Hook::OffHook)
        .expect("stops ringing");
    exchange.plays(Some(brazil().ringback));
    // The exchange opens the loop: the far end has hung up.
    exchange.carries(100);
    exchange
        .device
        .set_hook(Hook::OnHook)
        .expect("cuts the loop");
    expect(&mut port, "the end", |event| *event == Event::FarEndHungUp);
    port.command(Command::HangUp).expect("hangs up");
    exchange.sees(ChannelEvent::OnHook);
}

#[test]
fn a_call_out_is_dialled_by_keys_and_busy_tone_ends_it() {
    let (_spans, _lines, mut port, exchange) = line(PortKind::Fxo);
    // The exchange has to have seen the line idle.
    exchange.carries(100);
    port.command(Command::Seize).expect("seizes");
    exchange.sees(ChannelEvent::RingOffHook);
    exchange.device.set_hook(Hook::OffHook).expect("feeds");
    exchange.plays(Some(brazil().dial));
    port.command(Command::Dial("40028922".to_owned()))
        .expect("dials");
    // Until the first key.
    until("the exchange has the first key", || {
        (!exchange.keys.lock().unwrap().is_empty()).then_some(())
    });
    exchange.plays(None);
    expect(&mut port, "the end of dialling", |event| {
        *event == Event::DialFinished
    });
    until("the exchange has the number", || {
        (*exchange.keys.lock().unwrap() == "40028922").then_some(())
    });
    exchange.plays(Some(brazil().busy));
    expect(&mut port, "busy tone", |event| *event == Event::BusyTone);
    port.command(Command::HangUp).expect("hangs up");
    exchange.sees(ChannelEvent::OnHook);
}

#[test]
fn a_telephone_is_rung_lifted_dials_and_flashes() {
    let (_spans, _lines, mut port, telephone) = line(PortKind::Fxs);
    let caller = CallerId {
        number: "11987654321".to_owned(),
        name: "Ana".to_owned(),
    };
    port.command(Command::Ring(caller.into())).expect("rings");
    telephone.sees(ChannelEvent::RingBegin);
    telephone.device.set_hook(Hook::OffHook).expect("lifted");
    expect(&mut port, "off-hook", |event| *event == Event::OffHook);
    until("the telephone can flash", || {
        telephone.device.set_hook(Hook::Flash).ok()
    });
    expect(&mut port, "a flash", |event| *event == Event::Flash);
    until("the telephone can be put down", || {
        telephone.device.set_hook(Hook::OnHook).ok()
    });
    expect(&mut port, "on-hook", |event| *event == Event::OnHook);
}

#[test]
fn a_card_that_is_pulled_out_is_told() {
    let (mut spans, lines, mut port, far) = line(PortKind::Fxo);
    drop(far);
    until("the port works", || {
        lines.status().first()?.fault.is_none().then_some(())
    });
    spans.unassign_near();
    expect(&mut port, "the fault", |event| {
        matches!(event, Event::LineFault(_))
    });
}
