//! Measuring tones that nobody knows yet: frequencies, level and rhythm.

use super::{
    LearnedCadence, PIECES, TONALITY, UNKNOWN, repeated, segment::Piece, segment::Segmenter,
};

/// Dial tone and its like: sound of one or two frequencies that has not ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SteadyTone {
    /// Frequencies in Hz; the second is 0 for a single one.
    pub frequencies: [f32; 2],
    /// Level of the whole tone in dBm0.
    pub level: f32,
    /// For how long it has sounded, milliseconds.
    pub milliseconds: u32,
}

/// A tone of sound and pause, as it was heard three times in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredCadence {
    /// Frequencies and rhythm.
    pub cadence: LearnedCadence,
    /// Level of the sound in dBm0.
    pub level: f32,
}

/// Measures tones between 200 and 850 Hz in blocks of any size, whatever country they are of.
#[derive(Clone, Debug)]
pub struct ToneMeter {
    segmenter: Segmenter,
    /// The last pieces, newest first.
    pieces: [Option<Piece>; PIECES],
}

impl Default for ToneMeter {
    fn default() -> Self {
        ToneMeter::new()
    }
}

impl ToneMeter {
    /// A meter that has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        ToneMeter {
            segmenter: Segmenter::new(),
            pieces: [None; PIECES],
        }
    }

    /// Takes in the next samples; the cadence that became complete in them.
    pub fn process(&mut self, block: &[i16]) -> Option<MeasuredCadence> {
        let mut measured = None;
        let mut rest = block;
        while !rest.is_empty() {
            let (piece, left) = self.segmenter.feed(rest);
            rest = left;
            if let Some(piece) = piece {
                self.pieces.rotate_right(1);
                self.pieces[0] = Some(piece);
                measured = self.cadence().or(measured);
            }
        }
        measured
    }

    /// The tone that sounds now.
    #[must_use]
    pub fn steady(&self) -> Option<SteadyTone> {
        let piece = self.segmenter.current()?;
        let sound = piece.sound?;
        let frequencies = sound.frequencies()?;
        (sound.tonality(frequencies) > TONALITY).then(|| SteadyTone {
            frequencies,
            level: sound.level_dbm0(),
            milliseconds: piece.milliseconds,
        })
    }

    fn cadence(&self) -> Option<MeasuredCadence> {
        let cadence = repeated(&self.pieces)?;
        let levels = self.pieces[..UNKNOWN].iter().flatten();
        let loudest = levels.filter_map(|piece| Some(piece.sound?.level_dbm0()));
        Some(MeasuredCadence {
            cadence,
            level: loudest.reduce(f32::max)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CadenceGenerator, CadencedTone, CountryTones, Law, Noise};

    fn sound(tone: CadencedTone, seconds: usize) -> Vec<i16> {
        let mut samples = vec![0; 4_000 + seconds * 8_000];
        CadenceGenerator::new(tone).fill(&mut samples[4_000..]);
        Noise::new(5).add(&mut samples, -55.0);
        let mut octets = vec![0; samples.len()];
        Law::A.encode(&samples, &mut octets);
        Law::A.decode(&octets, &mut samples);
        samples
    }

    fn near(measured: [f32; 2], expected: &[f64]) -> bool {
        let mut expected = expected.to_vec();
        expected.sort_by(f64::total_cmp);
        expected.resize(2, 0.0);
        measured
            .iter()
            .zip(expected)
            .all(|(measured, expected)| (f64::from(*measured) - expected).abs() < 4.0)
    }

    #[test]
    fn every_country_s_dial_tone_is_measured_to_4_hertz_and_half_a_decibel() {
        for row in CountryTones::all() {
            let mut meter = ToneMeter::new();
            for block in sound(row.dial, 3).chunks(160) {
                assert_eq!(meter.process(block), None, "{}", row.country);
            }
            let steady = meter.steady().unwrap();
            let frequencies = row.dial.steps[0].frequencies;
            let level = row.dial.level + 10.0 * (frequencies.len() as f64).log10();
            assert!(
                near(steady.frequencies, frequencies),
                "{}: {steady:?}",
                row.country
            );
            assert!((f64::from(steady.level) - level).abs() < 0.5, "{steady:?}");
            assert!(steady.milliseconds.abs_diff(3_000) <= 20, "{steady:?}");
        }
    }

    #[test]
    fn every_country_s_busy_tone_is_measured_and_a_voice_is_none() {
        for row in CountryTones::all() {
            let [on, off] = row.busy.steps else { continue };
            let mut meter = ToneMeter::new();
            let measured: Vec<MeasuredCadence> = sound(row.busy, 8)
                .chunks(160)
                .filter_map(|block| meter.process(block))
                .collect();
            let Some(first) = measured.first() else {
                panic!("{}", row.country)
            };
            assert!(near(first.cadence.frequencies, on.frequencies), "{first:?}");
            assert!(first.cadence.on_ms.abs_diff(on.milliseconds) <= 15);
            assert!(first.cadence.off_ms.abs_diff(off.milliseconds) <= 15);
            let level = row.busy.level + 10.0 * (on.frequencies.len() as f64).log10();
            assert!((f64::from(first.level) - level).abs() < 0.7, "{first:?}");
        }
        let mut noise = Noise::new(3);
        let mut meter = ToneMeter::new();
        for part in 0..80 {
            let mut block = [0; 2_000];
            noise.add(&mut block, if part % 2 == 0 { -18.0 } else { -50.0 });
            assert_eq!(meter.process(&block), None);
            assert_eq!(meter.steady(), None);
        }
    }
}
