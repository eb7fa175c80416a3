//! The gateway's own music on hold, composed and played here: nobody else has a right to it.
//!
//! Chords broken over four beats on a soft electric piano, a bass, a pad behind them and, in some of the rounds, a melody
//! of the notes that fit. Every tone has its partials where a telephone carries them. The end leads into the beginning.

use std::f64::consts::TAU;

use ramal_dsp::{ZERO_DBM0_RMS, peak_of_dbm0};

use crate::wav::Recording;

/// Samples a second.
const RATE: u32 = 16_000;
/// Seconds of a beat: 72 a minute.
const BEAT: f64 = 60.0 / 72.0;
const BEATS_A_BAR: usize = 4;
/// The rounds of the chords, and whether each has a melody.
const ROUNDS: [bool; 7] = [false, true, true, false, true, true, false];
/// Level over the whole piece, in dBm0: that of the prompts.
const LEVEL: f64 = -16.0;
/// Highest peak: 1 dB below overload.
const PEAK: f64 = 2.14;

/// The chords, one a bar: bass, and the notes above it. Numbers are those of MIDI, 60 is middle C.
const CHORDS: [(u8, [u8; 4]); 8] = [
    (48, [60, 64, 67, 71]),
    (45, [57, 60, 64, 67]),
    (50, [57, 62, 65, 69]),
    (43, [59, 62, 65, 67]),
    (52, [59, 64, 67, 71]),
    (45, [60, 64, 67, 72]),
    (53, [60, 65, 69, 72]),
    (43, [60, 62, 65, 67]),
];
/// Which note of the chord each half beat of a bar plays.
const PATTERN: [usize; 8] = [0, 2, 1, 3, 2, 1, 3, 1];
/// Notes a melody is made of: C major without the half steps.
const SCALE: [u8; 8] = [72, 74, 76, 79, 81, 84, 81, 79];

/// A tone: partials as multiples of its pitch with their strength, and how it comes and goes.
struct Voice {
    partials: &'static [(f64, f64)],
    /// Seconds to full strength.
    attack: f64,
    /// Seconds to 37 % of it.
    decay: f64,
}

const PIANO: Voice = Voice {
    partials: &[
        (1.0, 1.0),
        (2.0, 0.32),
        (3.0, 0.12),
        (4.0, 0.06),
        (7.0, 0.02),
    ],
    attack: 0.006,
    decay: 0.75,
};
const BASS: Voice = Voice {
    partials: &[(1.0, 0.8), (2.0, 0.7), (3.0, 0.3), (4.0, 0.1)],
    attack: 0.02,
    decay: 1.6,
};
const PAD: Voice = Voice {
    partials: &[(0.998, 0.5), (1.002, 0.5), (2.001, 0.2), (1.999, 0.2)],
    attack: 1.1,
    decay: 2.2,
};
const FLUTE: Voice = Voice {
    partials: &[(1.0, 1.0), (2.0, 0.18), (3.0, 0.05)],
    attack: 0.07,
    decay: 0.9,
};

/// The piece, a little over three minutes.
pub fn piece() -> Recording {
    let bars = ROUNDS.len() * CHORDS.len();
    let seconds = (bars * BEATS_A_BAR) as f64 * BEAT;
    let mut sound = vec![0f64; (seconds * f64::from(RATE)) as usize];
    let mut chance = Chance(0x5EED);
    for (round, melody) in ROUNDS.iter().enumerate() {
        for (number, (bass, notes)) in CHORDS.iter().enumerate() {
            let bar = ((round * CHORDS.len() + number) * BEATS_A_BAR) as f64 * BEAT;
            add(&mut sound, &BASS, *bass, bar, 0.30);
            add(&mut sound, &BASS, *bass, bar + 2.5 * BEAT, 0.18);
            for note in notes {
                add(&mut sound, &PAD, *note, bar, 0.045);
            }
            for (half, index) in PATTERN.iter().enumerate() {
                // No hand plays every note at the same strength and moment.
                let strength = 0.20 + 0.06 * chance.next() + if half == 0 { 0.06 } else { 0.0 };
                let late = 0.012 * chance.next();
                let note = notes.get(*index).copied().unwrap_or(60);
                add(
                    &mut sound,
                    &PIANO,
                    note,
                    bar + half as f64 * BEAT / 2.0 + late,
                    strength,
                );
            }
            if *melody {
                tune(&mut sound, &mut chance, bar, notes);
            }
        }
    }
    level(&sound)
}

/// A few notes over a bar; those on the first beat belong to the chord.
fn tune(sound: &mut [f64], chance: &mut Chance, bar: f64, notes: &[u8; 4]) {
    let first = notes.get(chance.below(4)).copied().unwrap_or(60) + 12;
    add(sound, &FLUTE, first, bar, 0.22);
    for beat in [1.5, 2.0, 3.0, 3.5] {
        if chance.next() < 0.45 {
            let note = SCALE.get(chance.below(SCALE.len())).copied().unwrap_or(72);
            add(sound, &FLUTE, note, bar + beat * BEAT, 0.17);
        }
    }
}

/// Adds a tone; what goes beyond the end is heard at the beginning.
fn add(sound: &mut [f64], voice: &Voice, note: u8, at: f64, strength: f64) {
    let pitch = 440.0 * 2f64.powf((f64::from(note) - 69.0) / 12.0);
    let start = (at * f64::from(RATE)) as usize;
    let length = ((voice.attack + voice.decay * 5.0) * f64::from(RATE)) as usize;
    for n in 0..length {
        let time = n as f64 / f64::from(RATE);
        let rise = (time / voice.attack).min(1.0);
        let fall = (-(time - voice.attack).max(0.0) / voice.decay).exp();
        let wave: f64 = voice
            .partials
            .iter()
            // Higher partials die sooner.
            .map(|(multiple, share)| {
                share * (TAU * pitch * multiple * time).sin() * fall.powf(multiple.sqrt() - 1.0)
            })
            .sum();
        let place = (start + n) % sound.len();
        sound[place] += wave * rise * fall * strength;
    }
}

/// Brings the piece to its level, and peaks softly below overload.
fn level(sound: &[f64]) -> Recording {
    let energy: f64 = sound.iter().map(|sample| sample * sample).sum();
    let rms = (energy / sound.len() as f64).sqrt();
    let gain = ZERO_DBM0_RMS * 10f64.powf(LEVEL / 20.0) / rms;
    let peak = peak_of_dbm0(PEAK);
    let samples = sound
        .iter()
        .map(|sample| (peak * (sample * gain / peak).tanh()).round() as i16)
        .collect();
    Recording {
        rate: RATE,
        samples,
    }
}

/// Chance that is the same every time.
struct Chance(u64);

impl Chance {
    /// 0 to 1.
    fn next(&mut self) -> f64 {
        // xorshift64 (Marsaglia 2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() * limit as f64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ramal_dsp::level_dbm0;

    #[test]
    fn the_piece_is_minutes_long_even_and_never_overloads() {
        let piece = piece();
        let seconds = piece.samples.len() / RATE as usize;
        assert!((170..240).contains(&seconds), "{seconds} s");
        assert!((level_dbm0(&piece.samples) - LEVEL).abs() < 0.5);
        let peak = piece
            .samples
            .iter()
            .map(|sample| sample.unsigned_abs())
            .max();
        assert!(f64::from(peak.unwrap()) <= peak_of_dbm0(PEAK));
        // It never falls silent and never shouts.
        for part in piece.samples.chunks_exact(RATE as usize * 2) {
            let level = level_dbm0(part);
            assert!((-23.0..-10.0).contains(&level), "{level} dBm0");
        }
        // The end leads into the beginning without a click.
        let (first, last) = (piece.samples[0], *piece.samples.last().unwrap());
        assert!(
            (i32::from(first) - i32::from(last)).abs() < 1_500,
            "{last} to {first}"
        );
    }
}
