//! What robbed bits cannot carry, over DAHDI: polarity, battery and plugs (`line_tests::pairs`).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::time::{Duration, Instant};

use line_tests::far_end::{FarEnd, expect};
use line_tests::pairs::LinePairs;
use line_tests::until;
use ramal_lines::dahdi::{ChannelEvent, DahdiLines, Hook};
use ramal_lines::{Command, Driver, Event, LineFault, Port, PortNames};
use ramal_model::{Country, FxoSettings, FxsSettings};

/// The card, and the product's port at one of its places with the far end of its line. What is used comes after what it
/// stands on.
fn line(place: usize) -> (LinePairs, DahdiLines, Port, FarEnd) {
    let pairs = LinePairs::insert();
    let far = FarEnd::start(pairs.channel(u32::try_from(place).unwrap()));
    let country = Country::default();
    let mut lines =
        DahdiLines::start(&[LinePairs::modules()], country, &mut PortNames::default()).unwrap();
    let port = lines.take_ports().into_iter().nth(place).expect("a port");
    until("the port works", || {
        lines.status().get(place)?.fault.is_none().then_some(())
    });
    (pairs, lines, port, far)
}

/// Seizes the line and dials, as far as the exchange is concerned.
fn call(port: &Port, exchange: &FarEnd) {
    exchange.carries(100);
    port.command(Command::Seize).expect("seizes");
    exchange.sees(ChannelEvent::RingOffHook);
    exchange.device.set_hook(Hook::OffHook).expect("feeds");
    port.command(Command::Dial("190".to_owned()))
        .expect("dials");
    exchange.is_dialled("190");
}

fn takes_at_most(what: &str, limit: Duration, then: impl FnOnce()) {
    let begun = Instant::now();
    then();
    let took = begun.elapsed();
    println!("{what}: {took:?}");
    assert!(took <= limit, "{what} took {took:?}");
}

#[test]
fn a_call_out_is_answered_and_ended_by_polarity() {
    let (_pairs, _lines, mut port, exchange) = line(0);
    call(&port, &exchange);
    expect(&mut port, "the end of dialling", |event| {
        *event == Event::DialFinished
    });
    exchange.device.set_polarity(true).expect("reverses");
    takes_at_most("the answer", Duration::from_secs(1), || {
        expect(&mut port, "the answer", |event| *event == Event::Answered);
    });
    exchange.carries(100);
    exchange.device.set_polarity(false).expect("reverses");
    takes_at_most("the end", Duration::from_secs(1), || {
        expect(&mut port, "the end", |event| *event == Event::FarEndHungUp);
    });
    port.command(Command::HangUp).expect("hangs up");
    exchange.sees(ChannelEvent::OnHook);
}

#[test]
fn a_line_without_a_plug_has_no_battery_until_it_is_plugged_in() {
    let (pairs, lines, mut port, _exchange) = line(0);
    pairs.unplug(Some(0));
    expect(&mut port, "no battery", |event| {
        *event == Event::LineFault(LineFault::NoBattery)
    });
    until("its state says so", || {
        let status = lines.status();
        (status[0].fault == Some(LineFault::NoBattery)).then_some(())
    });
    // The other line has its battery.
    assert_eq!(lines.status()[1].fault, None);
    pairs.unplug(None);
    expect(&mut port, "battery", |event| *event == Event::LineRestored);
    assert_eq!(lines.status()[1].fault, None);
}

#[test]
fn a_plug_pulled_in_a_call_ends_it() {
    let (pairs, _lines, mut port, exchange) = line(0);
    call(&port, &exchange);
    exchange.carries(100);
    pairs.unplug(Some(0));
    expect(&mut port, "the end", |event| *event == Event::FarEndHungUp);
    exchange.sees(ChannelEvent::OnHook);
    port.command(Command::HangUp).expect("hangs up");
    expect(&mut port, "no battery", |event| {
        *event == Event::LineFault(LineFault::NoBattery)
    });
    pairs.unplug(None);
    expect(&mut port, "battery", |event| *event == Event::LineRestored);
}

#[test]
fn a_collect_call_is_refused_and_its_end_told_by_polarity() {
    let (_pairs, _lines, mut port, exchange) = line(0);
    let settings = FxoSettings {
        refuse_collect_calls: true,
        ..FxoSettings::default()
    };
    port.command(Command::ConfigureFxo(Box::new(settings)))
        .expect("settings");
    exchange
        .device
        .set_ring_cadence(&[1000, 4000])
        .expect("a cadence");
    exchange.device.set_hook(Hook::Ring).expect("rings");
    expect(&mut port, "ringing", |event| *event == Event::RingStarted);
    port.command(Command::Answer).expect("answers");
    exchange.sees(ChannelEvent::RingOffHook);
    exchange.device.set_hook(Hook::OffHook).expect("feeds");
    // The second of the double answer: the loop is opened, which ends a call that the called party would pay.
    exchange.sees(ChannelEvent::OnHook);
    // The exchange gives it up, and says so when the loop is closed again.
    exchange.sees(ChannelEvent::RingOffHook);
    exchange.device.set_hook(Hook::OffHook).expect("feeds");
    exchange.carries(100);
    exchange.device.set_polarity(true).expect("reverses");
    takes_at_most("the end", Duration::from_secs(1), || {
        expect(&mut port, "the end", |event| *event == Event::FarEndHungUp);
    });
    port.command(Command::HangUp).expect("hangs up");
    exchange.sees(ChannelEvent::OnHook);
}

#[test]
fn a_telephone_is_told_by_polarity_that_the_called_party_has_answered() {
    let (_pairs, _lines, mut port, telephone) = line(2);
    let settings = FxsSettings {
        reverse_on_answer: true,
        ..FxsSettings::default()
    };
    port.command(Command::ConfigureFxs(Box::new(settings)))
        .expect("settings");
    telephone.carries(100);
    telephone.device.set_hook(Hook::OffHook).expect("lifted");
    expect(&mut port, "off-hook", |event| *event == Event::OffHook);
    assert_eq!(telephone.has_seen(ChannelEvent::Polarity), None);
    port.command(Command::Answered).expect("answered");
    telephone.sees(ChannelEvent::Polarity);
    // And back, when the call is over.
    port.command(Command::HangUp).expect("over");
    telephone.sees(ChannelEvent::Polarity);
    // Put down while the kernel takes no notice, because the feed was cut a moment ago.
    until("the telephone can be put down", || {
        telephone.device.set_hook(Hook::OnHook).ok()
    });
    expect(&mut port, "on-hook", |event| *event == Event::OnHook);
}
