//! Hears busy and congestion tone, which is how many exchanges tell that the far end has hung up.

use ramal_dsp::{FRAME_SAMPLES, Goertzel, SAMPLE_RATE, level_dbm0};

use crate::tones::{Cadence, TonePlan};

/// Quietest tone that counts, dBm0.
const QUIETEST: f64 = -35.0;
/// The tone is within this of everything heard, dB; voices have more beside it.
const PURITY: f64 = 2.0;
/// Periods in a row before it counts: a voice may imitate one.
const PERIODS: u32 = 3;
/// Milliseconds in a block.
const BLOCK_MS: u32 = 20;
/// How far a part of the rhythm may be off: three blocks, or a quarter.
const TOLERANCE_MS: u32 = 60;

/// Fed with what an FXO port hears; finds the busy or the congestion tone of a country.
#[derive(Clone, Debug)]
pub struct BusyDetector {
    rhythms: [Rhythm; 2],
    meters: Vec<Goertzel>,
    sounding: bool,
    /// Milliseconds since the last change between sound and silence.
    steady_ms: u32,
    reported: bool,
}

#[derive(Clone, Debug)]
struct Rhythm {
    parts: &'static [u32],
    /// Part that is expected to end next; none before the first fit.
    next: usize,
    fits: u32,
}

impl BusyDetector {
    /// A detector for the tones of `plan`.
    pub fn new(plan: &TonePlan) -> Self {
        let rhythm = |cadence: Cadence| Rhythm {
            parts: cadence.rhythm,
            next: 0,
            fits: 0,
        };
        BusyDetector {
            rhythms: [rhythm(plan.busy), rhythm(plan.congestion)],
            meters: plan
                .busy
                .frequencies
                .iter()
                .map(|&hz| Goertzel::new(hz, SAMPLE_RATE))
                .collect(),
            sounding: false,
            steady_ms: 0,
            reported: false,
        }
    }

    /// Begins anew: another call.
    pub fn reset(&mut self) {
        for rhythm in &mut self.rhythms {
            rhythm.next = 0;
            rhythm.fits = 0;
        }
        self.sounding = false;
        self.steady_ms = 0;
        self.reported = false;
    }

    /// Takes in the next 20 ms; true once, when the tone has been recognised.
    pub fn feed(&mut self, block: &[i16; FRAME_SAMPLES]) -> bool {
        let sounds = self.sounds(block);
        if sounds == self.sounding {
            self.steady_ms = self.steady_ms.saturating_add(BLOCK_MS);
            return false;
        }
        let (was, lasted) = (self.sounding, self.steady_ms + BLOCK_MS);
        self.sounding = sounds;
        self.steady_ms = 0;
        let mut heard = false;
        for rhythm in &mut self.rhythms {
            heard |= rhythm.part_ended(was, lasted);
        }
        let first = heard && !self.reported;
        self.reported |= heard;
        first
    }

    fn sounds(&mut self, block: &[i16; FRAME_SAMPLES]) -> bool {
        let total = level_dbm0(block);
        if total < QUIETEST {
            return false;
        }
        let power: f64 = self
            .meters
            .iter_mut()
            .map(|meter| {
                meter.reset();
                meter.feed(block);
                10f64.powf(meter.level_dbm0() / 10.0)
            })
            .sum();
        total - 10.0 * power.log10() <= PURITY
    }
}

impl Rhythm {
    /// A part of sound or silence was `lasted` ms long; whether enough parts in a row fit.
    fn part_ended(&mut self, sound: bool, lasted: u32) -> bool {
        let fits = |part: u32| lasted.abs_diff(part) <= TOLERANCE_MS.min(part / 2).max(part / 4);
        let expected = self.parts.get(self.next).copied().unwrap_or(0);
        if sound == self.next.is_multiple_of(2) && fits(expected) {
            self.fits += 1;
            self.next = (self.next + 1) % self.parts.len();
        } else {
            self.fits = 0;
            self.next = 0;
            // It may be the first part all the same.
            if sound && self.parts.first().is_some_and(|&part| fits(part)) {
                self.fits = 1;
                self.next = 1 % self.parts.len();
            }
        }
        // The last silence of the last period need not have ended.
        self.fits >= PERIODS * self.parts.len() as u32 - 1
    }
}

#[cfg(test)]
mod tests {
    use ramal_dsp::Tone;

    use super::*;
    use crate::TonePlayer;

    /// Milliseconds until the detector of `country` hears `cadence`, at most 20 s.
    fn heard_after(country: &str, cadence: Cadence) -> Option<usize> {
        let mut detector = BusyDetector::new(&TonePlan::of(country.parse().unwrap()));
        let mut player = TonePlayer::new(cadence);
        (0..1000).find_map(|block| {
            let mut samples = [0; FRAME_SAMPLES];
            player.add(&mut samples);
            detector.feed(&samples).then_some(block * 20)
        })
    }

    #[test]
    fn busy_and_congestion_of_every_country_are_heard_within_seven_seconds() {
        for row in ramal_model::Country::known() {
            let plan = TonePlan::of(row.code.parse().unwrap());
            for (name, cadence) in [("busy", plan.busy), ("congestion", plan.congestion)] {
                let after = heard_after(row.code, cadence);
                assert!(
                    after.is_some_and(|after| after < 7000),
                    "{} {name}: {after:?}",
                    row.code
                );
            }
        }
    }

    #[test]
    fn dial_tone_ringback_silence_and_a_speaking_clock_are_not_busy() {
        for country in ["BR", "ID", "ES", "AR", "MX", "US", "GB"] {
            let plan = TonePlan::of(country.parse().unwrap());
            for cadence in [
                plan.dial,
                plan.ringback,
                Cadence {
                    frequencies: &[],
                    rhythm: &[],
                },
            ] {
                assert_eq!(heard_after(country, cadence), None, "{country}");
            }
        }
        let other = Cadence {
            frequencies: &[1000.0],
            rhythm: &[250, 250],
        };
        assert_eq!(heard_after("BR", other), None);
    }

    #[test]
    fn a_voice_over_the_tone_is_not_busy() {
        let plan = TonePlan::of("BR".parse().unwrap());
        let mut detector = BusyDetector::new(&plan);
        let mut player = TonePlayer::new(plan.busy);
        let mut voice = Tone::new(700.0, -10.0, SAMPLE_RATE);
        for _ in 0..1000 {
            let mut samples = [0; FRAME_SAMPLES];
            player.add(&mut samples);
            voice.add(&mut samples);
            assert!(!detector.feed(&samples));
        }
    }
}
