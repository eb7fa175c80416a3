//! The receiver against the limits of ITU-T Q.24 and its annex.

use super::*;
use crate::noise::Noise;
use crate::{SAMPLE_RATE, Tone, dtmf_tones};

/// Two tones of a key's place with their own distances, levels and length in samples.
fn pair(key: char, distance: [f64; 2], levels: [f64; 2], samples: usize) -> Vec<i16> {
    let place = KEYS.iter().flatten().position(|&k| k == key).unwrap();
    let mut block = vec![0; samples];
    for (index, group) in [place / 4, 4 + place % 4].into_iter().enumerate() {
        let frequency = FREQUENCIES[group] * (1.0 + distance[index]);
        Tone::new(frequency, levels[index], SAMPLE_RATE).add(&mut block);
    }
    block
}

fn events(samples: &[i16]) -> Vec<DtmfEvent> {
    let mut detector = DtmfDetector::default();
    let mut events = Vec::new();
    for block in samples.chunks(160) {
        detector.process(block, |event| events.push(event));
    }
    events
}

fn heard(samples: &[i16]) -> String {
    let keys = events(samples).into_iter().filter_map(|event| match event {
        DtmfEvent::Down { key, .. } => Some(key),
        DtmfEvent::Up { .. } => None,
    });
    keys.collect()
}

/// Silence, the sound, silence; begun `phase` samples into a look.
fn alone(sound: &[i16], phase: usize) -> Vec<i16> {
    let mut samples = vec![0; 800 + phase];
    samples.extend(sound);
    samples.extend([0; 800]);
    samples
}

const ALL: &str = "1234567890*#ABCD";

#[test]
fn every_key_within_one_and_a_half_percent_is_accepted() {
    for key in ALL.chars() {
        for sign in [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]] {
            // Q.24: 1.5 % and 2 Hz beside.
            let distance = [sign[0] * 0.0172, sign[1] * 0.0163];
            for phase in [0, 13, 27] {
                let samples = alone(&pair(key, distance, [-10.0, -10.0], 320), phase);
                assert_eq!(heard(&samples), key.to_string(), "{key} {sign:?} {phase}");
            }
        }
    }
}

#[test]
fn every_key_three_and_a_half_percent_off_is_rejected() {
    for key in ALL.chars() {
        for distance in [
            [0.035, 0.0],
            [-0.035, 0.0],
            [0.0, 0.035],
            [0.0, -0.035],
            [0.035, 0.035],
        ] {
            let samples = alone(&pair(key, distance, [-10.0, -10.0], 4_000), 0);
            assert_eq!(heard(&samples), "", "{key} {distance:?}");
        }
    }
}

#[test]
fn forty_milliseconds_are_a_key_and_twenty_three_are_none() {
    for key in ALL.chars() {
        for phase in (0..40).step_by(3) {
            let long = alone(&pair(key, [0.0; 2], [-10.0; 2], 320), phase);
            assert_eq!(heard(&long), key.to_string(), "{key} {phase}");
            let short = alone(&pair(key, [0.0; 2], [-10.0; 2], 184), phase);
            assert_eq!(heard(&short), "", "{key} {phase}");
        }
    }
}

#[test]
fn a_pause_of_forty_milliseconds_divides_and_a_break_of_ten_does_not() {
    for phase in (0..40).step_by(3) {
        let press = pair('8', [0.0; 2], [-10.0; 2], 400);
        let twice = |pause: usize| {
            let mut samples = press.clone();
            samples.extend(vec![0; pause]);
            samples.extend(&press);
            alone(&samples, phase)
        };
        assert_eq!(heard(&twice(320)), "88", "{phase}");
        assert_eq!(heard(&twice(80)), "8", "{phase}");
    }
}

#[test]
fn twist_up_to_the_limit_is_accepted_and_beyond_it_is_not() {
    for (levels, expected) in [
        ([-6.0, -14.0], "6"),
        ([-14.0, -6.0], "6"),
        ([-6.0, -18.0], ""),
        ([-18.0, -6.0], ""),
    ] {
        let samples = alone(&pair('6', [0.01, -0.01], levels, 320), 7);
        assert_eq!(heard(&samples), expected, "{levels:?}");
    }
}

#[test]
fn the_dynamic_range_is_30_db_and_what_is_weak_is_not_heard() {
    for level in [0.0, -3.0, -10.0, -20.0, -30.0] {
        let samples = alone(&pair('3', [0.0; 2], [level; 2], 400), 11);
        assert_eq!(heard(&samples), "3", "{level}");
    }
    for level in [-37.0, -55.0] {
        let samples = alone(&pair('3', [0.0; 2], [level; 2], 4_000), 0);
        assert_eq!(heard(&samples), "", "{level}");
    }
}

#[test]
fn noise_fifteen_decibels_below_hides_no_key() {
    let mut noise = Noise::new(1);
    let mut missed = 0;
    for round in 0..20 {
        for key in ALL.chars() {
            let mut samples = alone(&pair(key, [0.0; 2], [-20.0; 2], 400), round);
            // The pair has -17 dBm0 and the noise 15 dB less.
            noise.add(&mut samples, -32.0);
            missed += usize::from(heard(&samples) != key.to_string());
        }
    }
    assert_eq!(missed, 0, "of 320");
}

#[test]
fn level_and_duration_are_reported() {
    for duration in [40u32, 75, 200, 1_000] {
        let press = pair('5', [0.0; 2], [-8.0, -11.0], duration as usize * 8);
        let events = events(&alone(&press, 5));
        let [
            DtmfEvent::Down { key, low, high },
            DtmfEvent::Up { duration_ms, .. },
        ] = events[..]
        else {
            panic!("{events:?}");
        };
        assert_eq!(key, '5');
        assert!((low + 8.0).abs() < 0.5 && (high + 11.0).abs() < 0.5);
        assert!(duration_ms.abs_diff(duration) <= 10, "{duration_ms}");
        assert_eq!(event_volume(low, high), 6);
    }
}

#[test]
fn keys_are_heard_through_both_laws_and_in_blocks_of_any_size() {
    for law in [crate::Law::A, crate::Law::Mu] {
        let mut samples = Vec::new();
        for key in ALL.chars() {
            samples.extend([0; 400]);
            samples.extend(pair(key, [0.0; 2], [-24.0; 2], 400));
        }
        samples.extend([0; 800]);
        let mut octets = vec![0; samples.len()];
        law.encode(&samples, &mut octets);
        law.decode(&octets, &mut samples);
        for size in [1, 8, 80, 160, 333] {
            let mut detector = DtmfDetector::default();
            let keys: String = samples
                .chunks(size)
                .filter_map(|block| detector.feed(block))
                .collect();
            assert_eq!(keys, ALL);
        }
    }
}

#[test]
fn dial_tone_under_the_keys_and_one_tone_alone() {
    let mut samples = alone(&pair('7', [0.0; 2], [-10.0; 2], 400), 3);
    Tone::new(425.0, -20.0, SAMPLE_RATE).add(&mut samples);
    assert_eq!(heard(&samples), "7");
    for frequency in FREQUENCIES.into_iter().chain([425.0, 1_004.0, 2_100.0]) {
        let mut samples = [0; 4_000];
        Tone::new(frequency, -10.0, SAMPLE_RATE).fill(&mut samples);
        assert_eq!(heard(&samples), "");
    }
    let mut masked = alone(&pair('7', [0.0; 2], [-12.0; 2], 4_000), 0);
    Tone::new(440.0, -6.0, SAMPLE_RATE).add(&mut masked);
    assert_eq!(heard(&masked), "");
    assert!(dtmf_tones('7', -9.0).is_some());
}
