//! A line processor by itself, between a port and hardware that the test plays.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::VecDeque;
use std::time::Duration;

use ramal_analog::HardwareEvent;
use ramal_dsp::{FRAME_SAMPLES, Goertzel, Law, Noise, SAMPLE_RATE, level_dbm0};
use ramal_lines::analogue::{HardwareFeatures, LineDescription, LineProcessor};
use ramal_lines::{Command, LineTone, Port, PortId};
use ramal_model::{FxoSettings, FxsSettings};

fn line() -> LineDescription {
    LineDescription {
        id: PortId(1),
        name: "Line".into(),
        number: String::new(),
        law: Law::A,
    }
}

const OWN_CANCELLER: HardwareFeatures = HardwareFeatures {
    echo_canceller: true,
    buffered: 0,
};

/// Lets silence go by.
fn pass(processor: &mut LineProcessor, blocks: usize) -> Vec<[i16; FRAME_SAMPLES]> {
    let mut sent = Vec::new();
    for _ in 0..blocks {
        let mut transmit = [0; FRAME_SAMPLES];
        processor.block(&[0; FRAME_SAMPLES], &mut transmit);
        while processor.next_command().is_some() {}
        sent.push(transmit);
    }
    sent
}

fn lifted(settings: &FxsSettings) -> (Port, LineProcessor) {
    let (port, mut processor) = LineProcessor::fxs(line(), OWN_CANCELLER, settings);
    processor.hardware(HardwareEvent::Loop(true), Duration::ZERO);
    pass(&mut processor, 5);
    assert!(processor.status().off_hook);
    (port, processor)
}

#[test]
fn a_law_stays_a_law_to_the_bit() {
    let (port, mut processor) = LineProcessor::fxo(line(), OWN_CANCELLER, &FxoSettings::default());
    port.command(Command::Answer).unwrap();
    pass(&mut processor, 5);
    let mut audio = port.audio();
    audio.restart();
    // Every octet but the two that mean the same level: A-law has no two zeros.
    let octets: [u8; FRAME_SAMPLES] = std::array::from_fn(|index| (index * 37 % 256) as u8);
    let mut from_line = [0; FRAME_SAMPLES];
    Law::A.decode(&octets, &mut from_line);
    let mut heard = [0; FRAME_SAMPLES];
    let mut through = Vec::new();
    for _ in 0..10 {
        audio.exchange(&octets, &mut heard);
        let mut transmit = [0; FRAME_SAMPLES];
        processor.block(&from_line, &mut transmit);
        let mut sent = [0; FRAME_SAMPLES];
        Law::A.encode(&transmit, &mut sent);
        through.push((heard, sent));
    }
    let (heard, sent) = through.last().unwrap();
    assert_eq!((heard, sent), (&octets, &octets));
}

#[test]
fn row_54_the_echo_of_a_line_is_taken_out_unless_hardware_does_it() {
    // The echo comes so many samples after what hardware gives to the line.
    let residue = |features: HardwareFeatures, delay: usize| {
        let (port, mut processor) = LineProcessor::fxo(line(), features, &FxoSettings::default());
        port.command(Command::Answer).unwrap();
        pass(&mut processor, 5);
        let mut audio = port.audio();
        audio.restart();
        let mut voice = Noise::new(11);
        let mut on_its_way = VecDeque::from(vec![0i16; features.buffered * FRAME_SAMPLES + delay]);
        let mut echo = [0i16; FRAME_SAMPLES];
        let mut level = 0.0;
        for block in 0..500 {
            let mut samples = [0; FRAME_SAMPLES];
            voice.add(&mut samples, -15.0);
            let (mut octets, mut heard) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
            Law::A.encode(&samples, &mut octets);
            audio.exchange(&octets, &mut heard);
            let mut transmit = [0; FRAME_SAMPLES];
            processor.block(&echo, &mut transmit);
            // A hybrid that loses 10 dB.
            on_its_way.extend(transmit.map(|sample| (f32::from(sample) * 0.316) as i16));
            echo = std::array::from_fn(|_| on_its_way.pop_front().unwrap_or_default());
            let mut linear = [0; FRAME_SAMPLES];
            Law::A.decode(&heard, &mut linear);
            if block == 499 {
                level = level_dbm0(&linear);
            }
        }
        level
    };
    let left = residue(OWN_CANCELLER, 0);
    assert!((left + 25.0).abs() < 1.5, "{left}");
    for buffered in [0, 1, 2] {
        let features = HardwareFeatures {
            buffered,
            ..HardwareFeatures::default()
        };
        // At once, and near the end of what G.168 asks for.
        for delay in [0, 480] {
            let cancelled = residue(features, delay);
            assert!(
                cancelled < left - 25.0,
                "{buffered} blocks, {delay} samples: {cancelled} {left}"
            );
        }
    }
}

#[test]
fn dial_tone_stutters_while_messages_wait() {
    let pauses = |waiting| {
        let (port, mut processor) = lifted(&FxsSettings::default());
        port.command(Command::MessageWaiting(waiting)).unwrap();
        port.command(Command::Tone(Some(LineTone::Dial))).unwrap();
        let sent = pass(&mut processor, 250);
        sent.iter()
            .filter(|block| level_dbm0(&block[..]) < -30.0)
            .count()
    };
    assert_eq!(pauses(false), 0);
    assert!(pauses(true) >= 4);
}

#[test]
fn a_telephone_left_lifted_howls_and_is_given_up() {
    let (port, mut processor) = lifted(&FxsSettings::default());
    port.command(Command::HangUp).unwrap();
    let level = |sent: &[[i16; FRAME_SAMPLES]], frequency| {
        let mut meter = Goertzel::new(frequency, SAMPLE_RATE);
        sent.iter().for_each(|block| meter.feed(block));
        meter.level_dbm0()
    };
    // Hardware tells the loop again when the feed is back.
    pass(&mut processor, 45);
    processor.hardware(HardwareEvent::Loop(true), Duration::ZERO);
    let busy = pass(&mut processor, 100);
    assert!(level(&busy, 425.0) > -20.0);
    pass(&mut processor, 1_500);
    let howl = pass(&mut processor, 50);
    assert!(level(&howl, 2_450.0) > -15.0 && level(&howl, 425.0) < -40.0);
    pass(&mut processor, 1_500);
    let nothing = pass(&mut processor, 50);
    assert!(nothing.iter().all(|block| level_dbm0(&block[..]) < -60.0));
    let (port, mut processor) = lifted(&FxsSettings {
        howler: false,
        ..FxsSettings::default()
    });
    port.command(Command::HangUp).unwrap();
    pass(&mut processor, 1_600);
    let quiet = pass(&mut processor, 50);
    assert!(level(&quiet, 2_450.0) < -60.0);
}
