//! The echo of a card's own hybrid, taken out by the card where it has a canceller and by the gateway where it has none
//! (`line_tests::pairs`).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use line_tests::far_end::{FarEnd, expect};
use line_tests::pairs::LinePairs;
use line_tests::party::heard_while_talking;
use line_tests::until;
use ramal_lines::dahdi::{ChannelEvent, DahdiLines, Hook};
use ramal_lines::{Command, Driver, Event, PortNames};
use ramal_model::{Country, FxoSettings};

/// What is heard in a call on a line with an echo, and whether the card was at work on it.
fn call(card_cancels: bool, wanted: bool) -> (f64, bool) {
    let canceller = format!("canceller={}", u8::from(card_cancels));
    let pairs = LinePairs::insert_with(&["hybrid=1", &canceller]);
    let exchange = FarEnd::start(pairs.channel(0));
    let country = Country::default();
    let mut lines =
        DahdiLines::start(&[LinePairs::modules()], country, &mut PortNames::default()).unwrap();
    let mut port = lines.take_ports().swap_remove(0);
    until("the port works", || {
        lines.status().first()?.fault.is_none().then_some(())
    });
    let settings = FxoSettings {
        country,
        echo_cancellation: wanted,
        ..FxoSettings::default()
    };
    port.command(Command::ConfigureFxo(Box::new(settings)))
        .expect("takes its settings");
    exchange.carries(100);
    port.command(Command::Seize).expect("seizes");
    exchange.sees(ChannelEvent::RingOffHook);
    exchange.device.set_hook(Hook::OffHook).expect("feeds");
    port.command(Command::Dial("190".to_owned()))
        .expect("dials");
    expect(&mut port, "the end of dialling", |event| {
        *event == Event::DialFinished
    });
    let level = heard_while_talking(port.audio());
    let state = pairs.echo_state(0);
    port.command(Command::HangUp).expect("hangs up");
    exchange.sees(ChannelEvent::OnHook);
    (level, state == "ACTIVE")
}

#[test]
fn a_card_takes_out_the_echo_if_it_can_and_the_gateway_if_not() {
    let (loud, by_card) = call(false, false);
    println!("echo: {loud:.1} dBm0");
    assert!((-29.0..-25.0).contains(&loud), "{loud} dBm0");
    assert!(!by_card);
    let (level, by_card) = call(false, true);
    println!("without a canceller on the card: {level:.1} dBm0");
    assert!(level < loud - 20.0, "{loud} dBm0 became {level}");
    assert!(!by_card);
    let (level, by_card) = call(true, true);
    println!("with one: {level:.1} dBm0");
    assert!(level < loud - 20.0, "{loud} dBm0 became {level}");
    assert!(by_card, "the card's canceller stands still");
    let (level, by_card) = call(true, false);
    println!("with one that is not wanted: {level:.1} dBm0");
    assert!((-29.0..-25.0).contains(&level), "{level} dBm0");
    assert!(!by_card, "the card's canceller was not to work");
}
