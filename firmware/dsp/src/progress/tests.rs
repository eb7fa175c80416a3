use super::*;
use crate::{CadenceGenerator, Law, Noise, ToneStep};

/// What is heard of `tone` in `seconds`, after half a second of silence, with noise and companding.
fn sound(tone: CadencedTone, seconds: usize, noise: f64) -> Vec<i16> {
    let mut samples = vec![0; 4_000 + seconds * 8_000];
    CadenceGenerator::new(tone).fill(&mut samples[4_000..]);
    Noise::new(1).add(&mut samples, noise);
    let mut octets = vec![0; samples.len()];
    Law::A.encode(&samples, &mut octets);
    Law::A.decode(&octets, &mut samples);
    samples
}

/// Events and when they came, in milliseconds after the tone's beginning.
fn events(detector: &mut ProgressDetector, samples: &[i16]) -> Vec<(ProgressTone, usize)> {
    let mut events = Vec::new();
    for (index, block) in samples.chunks(160).enumerate() {
        detector.process(block, |event| {
            assert!((0.0..=1.0).contains(&event.confidence));
            events.push((event.tone, (index * 20).saturating_sub(500)));
        });
    }
    events
}

#[test]
fn every_tone_of_every_country_is_recognised_and_taken_for_no_other() {
    for row in CountryTones::all() {
        for (tone, cadence, within) in [
            (ProgressTone::Dial, row.dial, 3_000),
            (ProgressTone::Ringback, row.ringback, 9_000),
            (ProgressTone::Busy, row.busy, 5_000),
            (ProgressTone::Congestion, row.congestion, 9_000),
        ] {
            let mut detector = ProgressDetector::new(row, None);
            let events = events(&mut detector, &sound(cadence, 14, -50.0));
            let expected = if row.congestion == row.busy && tone == ProgressTone::Congestion {
                ProgressTone::Busy
            } else {
                tone
            };
            assert!(
                matches!(events[..], [(heard, after)] if heard == expected && after <= within),
                "{} {tone:?}: {events:?}",
                row.country
            );
        }
    }
}

#[test]
fn a_cadence_of_the_line_is_offered_learned_and_known_again() {
    let brazil = CountryTones::of("BR").unwrap();
    let private = CadencedTone {
        steps: &[
            ToneStep {
                frequencies: &[480.0],
                milliseconds: 340,
            },
            ToneStep {
                frequencies: &[],
                milliseconds: 410,
            },
        ],
        repeat_from: Some(0),
        level: -18.0,
    };
    let samples = sound(private, 8, -55.0);
    let mut detector = ProgressDetector::new(brazil, None);
    let offered = events(&mut detector, &samples);
    let [(ProgressTone::Unknown(learned), _)] = offered[..] else {
        panic!("{offered:?}")
    };
    assert!((learned.frequencies[0] - 480.0).abs() < 4.0 && learned.frequencies[1] == 0.0);
    assert!(learned.on_ms.abs_diff(340) <= 15 && learned.off_ms.abs_diff(410) <= 15);
    let mut detector = ProgressDetector::new(brazil, Some(learned));
    let known = events(&mut detector, &samples);
    assert!(
        matches!(known[..], [(ProgressTone::Learned, after)] if after < 2_200),
        "{known:?}"
    );
    // The country's own tones are still known.
    detector.reset();
    let busy = events(&mut detector, &sound(brazil.busy, 5, -55.0));
    assert!(matches!(busy[..], [(ProgressTone::Busy, _)]), "{busy:?}");
}

#[test]
fn noise_like_a_voice_and_other_frequencies_are_no_tone_of_the_country() {
    let brazil = CountryTones::of("BR").unwrap();
    let mut voice = vec![0; 8 * 20_000];
    let mut noise = Noise::new(3);
    for (part, block) in voice.chunks_mut(2_000).enumerate() {
        noise.add(block, if part % 2 == 0 { -18.0 } else { -50.0 });
    }
    let mut detector = ProgressDetector::new(brazil, None);
    assert_eq!(events(&mut detector, &voice), []);
    let other = CadencedTone {
        steps: &[ToneStep {
            frequencies: &[620.0],
            milliseconds: 0,
        }],
        repeat_from: Some(0),
        level: -10.0,
    };
    detector.reset();
    assert_eq!(events(&mut detector, &sound(other, 10, -60.0)), []);
}

#[test]
fn busy_after_a_conversation_and_ringback_before_busy() {
    let brazil = CountryTones::of("BR").unwrap();
    let mut samples = sound(brazil.ringback, 11, -55.0);
    samples.extend(sound(brazil.busy, 5, -55.0));
    let mut detector = ProgressDetector::new(brazil, None);
    let tones: Vec<ProgressTone> = events(&mut detector, &samples)
        .into_iter()
        .map(|(tone, _)| tone)
        .collect();
    assert_eq!(tones, [ProgressTone::Ringback, ProgressTone::Busy]);
}
