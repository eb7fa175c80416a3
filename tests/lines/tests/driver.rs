//! The contract with the kernel's drivers: configuration, sound, hook, bits, events, removal.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::time::{Duration, Instant};

use line_tests::{WiredSpans, until};
use ramal_lines::PortKind;
use ramal_lines::dahdi::{
    ChannelDevice, ChannelEvent, Hook, Received, SpanSetup, SpanUse, configure,
};

const BLOCK: usize = 160;

fn setup(usage: SpanUse) -> SpanSetup {
    SpanSetup {
        usage,
        crc4: false,
        clock_rank: 0,
    }
}

/// The next event of a channel.
fn event(channel: &ChannelDevice) -> ChannelEvent {
    until("an event", || {
        channel.next_event().expect("events can be fetched")
    })
}

/// Waits for one event and ignores others before it.
fn expect(channel: &ChannelDevice, wanted: ChannelEvent) {
    until(
        &format!("{wanted:?} on channel {}", channel.number()),
        || {
            let event = channel.next_event().expect("events can be fetched")?;
            (event == wanted).then_some(())
        },
    );
}

#[test]
fn a_span_is_configured_once_and_then_left_alone() {
    let spans = WiredSpans::new(31).expect("spans");
    let control = spans.control();
    let pri = setup(SpanUse::Pri);
    let first = configure(control, &spans.near, &pri, None).expect("configured");
    assert_eq!(first, 31);
    // A call on timeslot 5 goes on while the configuration is brought up again.
    let talking = ChannelDevice::open(spans.near.first_channel + 4).expect("channel");
    talking.set_audio_mode().expect("sound");
    assert_eq!(configure(control, &spans.near, &pri, Some(&pri)), Ok(0));
    let again = ChannelDevice::open(spans.near.first_channel + 4);
    assert!(again.is_err(), "the call's channel is still held");
    // Another use touches all.
    drop(talking);
    let r2 = setup(SpanUse::R2);
    assert_eq!(configure(control, &spans.near, &r2, Some(&pri)), Ok(30));
}

#[test]
fn sound_passes_bit_for_bit() {
    let spans = WiredSpans::new(31).expect("spans");
    for span in [&spans.near, &spans.far] {
        configure(spans.control(), span, &setup(SpanUse::Pri), None).expect("configured");
    }
    let [near, far] = [&spans.near, &spans.far].map(|span| {
        let channel = ChannelDevice::open(span.first_channel).expect("channel");
        channel.set_audio_mode().expect("audio");
        channel.carry_sound(BLOCK).expect("blocks");
        channel
    });
    let wanted = 8000 * 10;
    let sent: Vec<u8> = (0..wanted + 8000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let (mut written, mut heard) = (0, Vec::new());
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut block = [0; BLOCK];
    while heard.len() < wanted as usize + 4000 && Instant::now() < deadline {
        if let Some(next) = sent.get(written..written + BLOCK)
            && let Received::Octets(length) = near.transmit(next)
        {
            written += length;
        }
        match far.receive(&mut block) {
            Received::Octets(length) => heard.extend_from_slice(&block[..length]),
            Received::Nothing => std::thread::sleep(Duration::from_millis(2)),
            Received::Event => drop(event(&far)),
            Received::Gone => panic!("the channel is gone"),
        }
    }
    let start = heard
        .windows(64)
        .position(|window| window == &sent[..64])
        .expect("the beginning of what was sent is heard");
    let length = (heard.len() - start).min(wanted as usize);
    assert!(length >= 8000 * 9, "only {length} octets heard");
    assert!(
        heard[start..start + length] == sent[..length],
        "the sound has changed on its way"
    );
}

#[test]
fn an_exchange_and_a_telephone_signal_to_each_other() {
    let spans = WiredSpans::new(2).expect("spans");
    let exchange = setup(SpanUse::Analogue(vec![Some(PortKind::Fxs), None]));
    let line = setup(SpanUse::Analogue(vec![Some(PortKind::Fxo), None]));
    configure(spans.control(), &spans.far, &exchange, None).expect("the exchange's end");
    configure(spans.control(), &spans.near, &line, None).expect("the gateway's end");
    spans
        .control()
        .load_zone("ramal", &[1000, 4000])
        .expect("a zone");
    let exchange = ChannelDevice::open(spans.far.first_channel).expect("exchange");
    let line = ChannelDevice::open(spans.near.first_channel).expect("line");

    exchange.set_ring_cadence(&[1000, 4000]).expect("a cadence");
    exchange.set_hook(Hook::Ring).expect("rings");
    expect(&line, ChannelEvent::RingBegin);
    expect(&line, ChannelEvent::RingOffHook);

    line.set_hook(Hook::OffHook).expect("answers");
    expect(&exchange, ChannelEvent::RingOffHook);
    until("the telephone is seen off-hook", || {
        exchange.is_off_hook().expect("state").then_some(())
    });

    // The kernel lets the line settle first.
    until("the line can flash", || line.set_hook(Hook::Flash).ok());
    expect(&exchange, ChannelEvent::Flash);

    exchange.set_hook(Hook::OnHook).expect("cuts the loop");
    expect(&line, ChannelEvent::OnHook);
    line.set_hook(Hook::OnHook).expect("hangs up");
    expect(&exchange, ChannelEvent::OnHook);
}

#[test]
fn signalling_bits_cross_and_the_neighbours_stay_out() {
    let spans = WiredSpans::new(31).expect("spans");
    for span in [&spans.near, &spans.far] {
        configure(spans.control(), span, &setup(SpanUse::R2), None).expect("configured");
    }
    let channel = |span: &ramal_lines::dahdi::Span, timeslot: u32| {
        ChannelDevice::open(span.first_channel + timeslot - 1).expect("channel")
    };
    let (near, neighbour) = (channel(&spans.near, 1), channel(&spans.near, 2));
    let far = channel(&spans.far, 1);
    for bits in [0b0001, 0b1101, 0b0101, 0b1111, 0b1001] {
        neighbour.set_bits(!bits & 0xf).expect("neighbour");
        near.set_bits(bits).expect("bits");
        until("the bits arrive", || {
            while far.next_event().expect("events").is_some() {}
            (far.received_bits().expect("bits") == bits).then_some(())
        });
    }
}

#[test]
fn a_pulled_cable_raises_an_alarm() {
    let spans = WiredSpans::new(31).expect("spans");
    for span in [&spans.near, &spans.far] {
        configure(spans.control(), span, &setup(SpanUse::Pri), None).expect("configured");
    }
    let channel = ChannelDevice::open(spans.near.first_channel).expect("channel");
    spans.cut().expect("cut");
    expect(&channel, ChannelEvent::Alarm);
    until("the span is in alarm", || {
        let counters = spans
            .control()
            .counters(spans.near.number)
            .expect("counters");
        (counters.alarms != 0).then_some(())
    });
}

#[test]
fn a_removed_card_ends_its_channels() {
    let mut spans = WiredSpans::new(31).expect("spans");
    configure(spans.control(), &spans.near, &setup(SpanUse::Pri), None).expect("configured");
    let channel = ChannelDevice::open(spans.near.first_channel).expect("channel");
    spans.unassign_near();
    expect(&channel, ChannelEvent::Removed);
    assert_eq!(channel.receive(&mut [0; BLOCK]), Received::Gone);
}
