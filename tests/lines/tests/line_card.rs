//! A line card of mainline Linux: the product's driver on the kernel's sound (`snd-aloop`) and pins (`gpio-sim`).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use line_tests::line_card::{FarEnds, SimulatedCard, pin};
use line_tests::party::{BLOCK, pattern};
use line_tests::{stall_thread, until};
use ramal_dsp::{DtmfGenerator, DtmfTiming, Goertzel, Law, SAMPLE_RATE};
use ramal_lines::alsa_gpio::{
    AlsaPcm, CodecCard, CodecLines, FxsPins, LinePins, Pcm, PcmError, Pin, SharedChip,
};
use ramal_lines::{
    CallerId, Command, Driver, Event, LineFault, LineTone, Port, PortKind, PortNames,
};
use ramal_model::{Country, FxsSettings};

/// The card's driver and its two ports: to an exchange, to a telephone.
fn lines() -> (CodecLines, Port, Port) {
    let mut lines = SimulatedCard::description()
        .start(Country::default(), &mut PortNames::default())
        .expect("its threads");
    let mut ports = lines.take_ports();
    let (fxs, fxo) = (ports.pop().unwrap(), ports.pop().unwrap());
    assert_eq!([fxo.kind(), fxs.kind()], [PortKind::Fxo, PortKind::Fxs]);
    (lines, fxo, fxs)
}

/// Waits for an event of a port and passes over others.
fn expect(port: &mut Port, wanted: &Event) {
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        match port.events().try_recv() {
            Ok(event) if event == *wanted => return,
            Ok(event) => seen.push(event),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    panic!("{wanted:?} did not come, but {seen:?}");
}

/// Waits until a tone is heard on a line, half a second of it.
fn until_hears(far: &FarEnds, slot: usize, frequency: f64, level: f64) {
    until(&format!("{frequency} Hz at the far end"), || {
        let heard = far.heard.lock().unwrap();
        let last = heard[slot].rchunks_exact(4000).next()?;
        let mut samples = vec![0; last.len()];
        Law::A.decode(last, &mut samples);
        let mut meter = Goertzel::new(frequency, SAMPLE_RATE);
        meter.feed(&samples);
        ((meter.level_dbm0() - level).abs() < 0.5).then_some(())
    });
}

#[test]
fn a_telephone_is_rung_lifted_dials_and_is_put_down() {
    let card = SimulatedCard::insert();
    // Keys that the telephone presses when they are put here.
    let keys = Arc::new(Mutex::new(Vec::<u8>::new()));
    let pressed = keys.clone();
    let far = FarEnds::start(Box::new(move |_| {
        let mut slots = [[Law::A.silence(); BLOCK]; 2];
        let mut keys = pressed.lock().unwrap();
        let now = keys.len().min(BLOCK);
        for (octet, key) in slots[1].iter_mut().zip(keys.drain(..now)) {
            *octet = key;
        }
        slots
    }));
    let (_lines, _fxo, mut port) = lines();

    port.command(Command::Ring(CallerId::default().into()))
        .expect("rings");
    for _ in 0..2 {
        card.until_set(pin::RING, true);
        card.until_set(pin::RING, false);
    }
    card.until_set(pin::RING, true);
    card.lift(true);
    expect(&mut port, &Event::OffHook);
    card.until_set(pin::RING, false);

    port.command(Command::Tone(Some(LineTone::Dial)))
        .expect("a tone");
    until_hears(&far, 1, 425.0, -10.0);
    port.command(Command::Tone(None)).expect("no tone");
    let mut dialled = DtmfGenerator::new("59".chars(), DtmfTiming::default());
    let mut samples = vec![0; BLOCK * 20];
    samples
        .chunks_mut(BLOCK)
        .for_each(|block| dialled.add(block));
    let mut octets = vec![0; samples.len()];
    Law::A.encode(&samples, &mut octets);
    *keys.lock().unwrap() = octets;
    expect(&mut port, &Event::Digit('5'));
    expect(&mut port, &Event::Digit('9'));

    // A dial's pulses, 60 ms open and 40 ms closed, and a flash.
    for _ in 0..3 {
        card.lift(false);
        std::thread::sleep(Duration::from_millis(60));
        card.lift(true);
        std::thread::sleep(Duration::from_millis(40));
    }
    expect(&mut port, &Event::Digit('3'));
    card.lift(false);
    std::thread::sleep(Duration::from_millis(200));
    card.lift(true);
    expect(&mut port, &Event::Flash);

    // The call is over: the feed is cut for a moment.
    port.command(Command::HangUp).expect("hangs up");
    card.until_set(pin::CUT, true);
    card.until_set(pin::CUT, false);
    card.lift(false);
    expect(&mut port, &Event::OnHook);
}

#[test]
fn an_exchange_rings_reverses_the_battery_and_takes_it_away() {
    let card = SimulatedCard::insert();
    let _far = FarEnds::silent();
    let (lines, mut port, _fxs) = lines();
    until("the card works", || {
        lines.status().first()?.fault.is_none().then_some(())
    });
    card.ring(Duration::from_secs(1));
    expect(&mut port, &Event::RingStarted);
    port.command(Command::Answer).expect("answers");
    card.until_set(pin::RELAY, true);
    card.pull(pin::REVERSED, true);
    expect(&mut port, &Event::PolarityReversed);
    card.pull(pin::BATTERY, false);
    expect(&mut port, &Event::FarEndHungUp);
    card.pull(pin::BATTERY, true);
    port.command(Command::HangUp).expect("hangs up");
    card.until_set(pin::RELAY, false);

    // Nothing is plugged in.
    card.pull(pin::BATTERY, false);
    expect(&mut port, &Event::LineFault(LineFault::NoBattery));
    card.pull(pin::BATTERY, true);
    expect(&mut port, &Event::LineRestored);
}

#[test]
fn a_thread_that_was_late_and_a_card_that_is_taken_out_are_got_over() {
    let mut card = SimulatedCard::insert();
    let far = FarEnds::silent();
    let (lines, mut fxo, mut fxs) = lines();
    card.lift(true);
    expect(&mut fxs, &Event::OffHook);
    fxs.command(Command::Tone(Some(LineTone::Dial)))
        .expect("a tone");
    until_hears(&far, 1, 425.0, -10.0);

    // A second without the processor: the tone goes on, and nobody has hung up.
    stall_thread("line-sound", Duration::from_secs(1));
    far.heard.lock().unwrap()[1].clear();
    until_hears(&far, 1, 425.0, -10.0);
    assert_eq!(fxs.events().try_recv().ok(), None);

    let fault = Event::LineFault(LineFault::Hardware);
    drop(far);
    card.take_sound_out();
    expect(&mut fxo, &fault);
    expect(&mut fxs, &fault);
    card.put_sound_back();
    let far = FarEnds::silent();
    expect(&mut fxo, &Event::LineRestored);
    expect(&mut fxs, &Event::LineRestored);

    card.take_pins_out();
    expect(&mut fxo, &fault);
    expect(&mut fxs, &fault);
    card.put_pins_back();
    expect(&mut fxo, &Event::LineRestored);
    expect(&mut fxs, &Event::LineRestored);
    until("the ports work", || {
        let status = lines.status();
        status.iter().all(|port| port.fault.is_none()).then_some(())
    });
    // The telephone was put down meanwhile.
    expect(&mut fxs, &Event::OnHook);
    card.lift(true);
    expect(&mut fxs, &Event::OffHook);
    fxs.command(Command::Tone(Some(LineTone::Dial)))
        .expect("a tone");
    until_hears(&far, 1, 425.0, -10.0);
}

/// How many octets of a pattern, from its first block that is found whole, come in one piece.
fn in_one_piece(heard: &[u8], seed: u32) -> usize {
    let first = pattern(seed, 0);
    let Some(at) = heard.windows(BLOCK).position(|window| window == first) else {
        return 0;
    };
    let sent = (0..).flat_map(|number| pattern(seed, number));
    heard[at..]
        .iter()
        .zip(sent)
        .take_while(|(heard, sent)| **heard == *sent)
        .count()
}

#[test]
fn sound_is_the_same_to_the_bit_both_ways_and_again_after_a_second_is_lost() {
    const BLOCKS: usize = 250;
    let card = SimulatedCard::insert();
    // The pattern's next block; silence while there is none.
    let next = Arc::new(Mutex::new(None));
    let sends = next.clone();
    let far = FarEnds::start(Box::new(move |_| {
        let mut next = sends.lock().unwrap();
        let block = next.map_or([Law::A.silence(); BLOCK], |number| pattern(2, number));
        *next = next.map(|number| number + 1);
        [[Law::A.silence(); BLOCK], block]
    }));
    // The card's own loop, at whose pace the call's sound comes and goes.
    let chip = SharedChip::new("line-card");
    let pins = |hook: u32, ring: u32| {
        let pin = |offset, active_low| Pin { offset, active_low };
        LinePins::Fxs(FxsPins {
            hook: chip.input(pin(hook, true)),
            ring: chip.output(pin(ring, false)),
            reverse: None,
            cut: None,
        })
    };
    let pins = vec![pins(pin::DETECT, pin::RELAY), pins(pin::HOOK, pin::RING)];
    let pcm = AlsaPcm::new("hw:CARD=Lines,DEV=0", 2, Law::A);
    let names = &mut PortNames::default();
    let (mut codec, mut ports, mut poller) =
        CodecCard::new(pcm, Law::A, pins, Country::default(), names);
    let port = &mut ports[1];
    port.command(Command::ConfigureFxs(Box::new(FxsSettings {
        echo_cancellation: false,
        ..FxsSettings::default()
    })))
    .expect("settings");
    card.lift(true);
    let mut off_hook = false;
    until("the telephone is off-hook", || {
        poller.poll(Instant::now());
        let _ = codec.block(Instant::now);
        while let Ok(event) = port.events().try_recv() {
            off_hook |= event == Event::OffHook;
        }
        off_hook.then_some(())
    });
    let mut audio = port.audio();
    for round in 0..2 {
        far.heard.lock().unwrap()[1].clear();
        *next.lock().unwrap() = Some(0);
        audio.restart();
        let (mut heard, mut lost) = (Vec::new(), Duration::ZERO);
        for number in 0..BLOCKS {
            if let Err(error) = codec.block(Instant::now) {
                match error {
                    PcmError::Lost(time) => lost += time,
                    PcmError::Gone(_) => panic!("{error}"),
                }
            }
            let mut receive = [0; BLOCK];
            audio.exchange(&pattern(1, number), &mut receive);
            heard.extend_from_slice(&receive);
        }
        *next.lock().unwrap() = None;
        // What was on its way.
        for _ in 0..10 {
            let _ = codec.block(Instant::now);
        }
        // The first two blocks of either may be cut by where the other was.
        let back = in_one_piece(&heard, 2);
        let there = in_one_piece(&far.heard.lock().unwrap()[1], 1);
        println!("round {round}: {there} octets there, {back} back, {lost:?} lost");
        assert!(there >= (BLOCKS - 2) * BLOCK, "{there} octets in one piece");
        assert!(back >= (BLOCKS - 20) * BLOCK, "{back} octets in one piece");
        assert_eq!(lost, Duration::ZERO);
        // Late by a second: it is told how much was lost.
        std::thread::sleep(Duration::from_secs(1));
        let mut told = Duration::ZERO;
        for _ in 0..20 {
            if let Err(PcmError::Lost(time)) = codec.block(Instant::now) {
                told += time;
            }
        }
        assert!(
            told >= Duration::from_millis(700) && told < Duration::from_secs(2),
            "{told:?} lost"
        );
    }
}

/// What a block of a pattern is after it was linear: zero of mu-law has two signs, which linear samples have not.
fn through_linear(law: Law, block: [u8; BLOCK]) -> [u8; BLOCK] {
    block.map(|octet| match (law, octet) {
        (Law::Mu, 0x7f) => 0xff,
        _ => octet,
    })
}

#[test]
fn a_card_that_has_companded_sound_only_is_used_as_it_is_in_either_law() {
    const BLOCKS: usize = 100;
    for (device, law) in [("lines_alaw", Law::A), ("lines_mulaw", Law::Mu)] {
        let _card = SimulatedCard::insert();
        let mut sent = 0;
        // The far end has linear samples.
        let far = FarEnds::start_with(
            law,
            Box::new(move |_| {
                sent += 1;
                [[law.silence(); BLOCK], pattern(2, sent - 1)]
            }),
        );
        let mut pcm = AlsaPcm::new(device, 2, law);
        let (mut number, mut heard) = (0, Vec::<u8>::new());
        let deadline = Instant::now() + Duration::from_secs(60);
        while number < BLOCKS {
            assert!(Instant::now() < deadline, "{device} carries nothing");
            let mut captured = vec![0; 2 * BLOCK];
            let played: Vec<u8> = pattern(1, number)
                .into_iter()
                .flat_map(|octet| [law.silence(), octet])
                .collect();
            match pcm.exchange(&played, &mut captured) {
                Ok(()) => number += 1,
                Err(PcmError::Lost(_)) => continue,
                Err(error) => panic!("{device}: {error}"),
            }
            heard.extend(captured.iter().skip(1).step_by(2));
        }
        // What was on its way.
        for _ in 0..10 {
            let _ = pcm.exchange(&[law.silence(); 2 * BLOCK], &mut [0; 2 * BLOCK]);
        }
        // Half of it in one piece, wherever either end began.
        let there = far.heard.lock().unwrap()[1].clone();
        for (way, heard, seed) in [("there", there, 1), ("back", heard, 2)] {
            let came = (0..BLOCKS / 2).any(|first| {
                let wanted: Vec<u8> = (first..first + BLOCKS / 2)
                    .flat_map(|number| through_linear(law, pattern(seed, number)))
                    .collect();
                heard.windows(wanted.len()).any(|part| part == wanted)
            });
            assert!(came, "{device}, {way}: what came is not what was sent");
        }
    }
}
