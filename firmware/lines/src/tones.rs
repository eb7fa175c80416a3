//! The tones and ringing of each country (ITU-T E.180 supplement 2).

use ramal_dsp::{FRAME_SAMPLES, SAMPLE_RATE, Tone};
use ramal_model::Country;

/// Level of each frequency of a tone, dBm0.
const LEVEL: f64 = -13.0;

/// Frequencies that sound and rest in turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cadence {
    /// Frequencies in Hz that sound together; empty for the ringing of a bell.
    pub frequencies: &'static [f64],
    /// Milliseconds on, off, on, off …; empty sounds without end.
    pub rhythm: &'static [u32],
}

impl Cadence {
    /// Whether it sounds at this moment, in milliseconds since its beginning.
    pub fn sounds_at(&self, milliseconds: u64) -> bool {
        let period: u64 = self.rhythm.iter().map(|&part| u64::from(part)).sum();
        if period == 0 {
            return true;
        }
        let mut rest = milliseconds % period;
        for (index, &part) in self.rhythm.iter().enumerate() {
            if rest < u64::from(part) {
                return index % 2 == 0;
            }
            rest -= u64::from(part);
        }
        false
    }
}

/// What a country's exchanges let their subscribers hear.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TonePlan {
    /// Dial now.
    pub dial: Cadence,
    /// The called party is being alerted.
    pub ringback: Cadence,
    /// The called party is busy.
    pub busy: Cadence,
    /// No way to the called party.
    pub congestion: Cadence,
    /// Rhythm of the bell.
    pub ringing: Cadence,
}

const fn plan(
    dial: &'static [f64],
    ringback: (&'static [f64], &'static [u32]),
    busy: (&'static [f64], &'static [u32]),
    congestion: &'static [u32],
) -> TonePlan {
    TonePlan {
        dial: Cadence {
            frequencies: dial,
            rhythm: &[],
        },
        ringback: Cadence {
            frequencies: ringback.0,
            rhythm: ringback.1,
        },
        busy: Cadence {
            frequencies: busy.0,
            rhythm: busy.1,
        },
        congestion: Cadence {
            frequencies: busy.0,
            rhythm: congestion,
        },
        ringing: Cadence {
            frequencies: &[],
            rhythm: ringback.1,
        },
    }
}

const HZ_425: &[f64] = &[425.0];
const HZ_400: &[f64] = &[400.0];

impl TonePlan {
    /// The tones of a country.
    pub fn of(country: Country) -> TonePlan {
        match country.code() {
            "AR" => plan(
                HZ_425,
                (HZ_425, &[1000, 4000]),
                (HZ_425, &[300, 200]),
                &[300, 400],
            ),
            "MX" => plan(
                HZ_425,
                (HZ_425, &[1000, 4000]),
                (HZ_425, &[250, 250]),
                &[250, 250],
            ),
            "ES" => plan(
                HZ_425,
                (HZ_425, &[1500, 3000]),
                (HZ_425, &[200, 200]),
                &[200, 200, 200, 200, 200, 600],
            ),
            "ID" => plan(
                HZ_425,
                (HZ_425, &[1000, 4000]),
                (HZ_425, &[500, 500]),
                &[250, 250],
            ),
            "PT" => plan(
                HZ_425,
                (HZ_425, &[1000, 5000]),
                (HZ_425, &[500, 500]),
                &[200, 200],
            ),
            "CL" => plan(
                HZ_400,
                (HZ_400, &[1000, 3000]),
                (HZ_400, &[500, 500]),
                &[200, 200],
            ),
            "US" => plan(
                &[350.0, 440.0],
                (&[440.0, 480.0], &[2000, 4000]),
                (&[480.0, 620.0], &[500, 500]),
                &[250, 250],
            ),
            "GB" => plan(
                &[350.0, 440.0],
                (&[400.0, 450.0], &[400, 200, 400, 2000]),
                (HZ_400, &[375, 375]),
                &[400, 350, 225, 525],
            ),
            // Brazil, whose plan the other countries of the list resemble most.
            _ => plan(
                HZ_425,
                (HZ_425, &[1000, 4000]),
                (HZ_425, &[250, 250]),
                &[250, 250, 750, 250],
            ),
        }
    }
}

/// Plays a [`Cadence`], or any sequence of tones, 20 ms at a time.
#[derive(Clone, Debug)]
pub struct TonePlayer {
    cadence: Cadence,
    tones: Vec<Tone>,
    /// Samples since the beginning.
    position: u64,
}

impl TonePlayer {
    /// Plays from the beginning.
    pub fn new(cadence: Cadence) -> Self {
        let tones = cadence
            .frequencies
            .iter()
            .map(|&hz| Tone::new(hz, LEVEL, SAMPLE_RATE))
            .collect();
        TonePlayer {
            cadence,
            tones,
            position: 0,
        }
    }

    /// Adds the next 20 ms to `block`.
    pub fn add(&mut self, block: &mut [i16; FRAME_SAMPLES]) {
        // Every rhythm counts in at least 5 ms, so it is enough to look every 5 ms.
        for part in block.chunks_mut(FRAME_SAMPLES / 4) {
            if self
                .cadence
                .sounds_at(self.position * 1000 / u64::from(SAMPLE_RATE))
            {
                for tone in &mut self.tones {
                    tone.add(part);
                }
            }
            self.position += part.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cadence_sounds_and_rests_in_turn() {
        let plan = TonePlan::of("BR".parse().unwrap());
        assert!(plan.dial.sounds_at(123_456));
        let rings = |at| plan.ringback.sounds_at(at);
        assert!(rings(0) && rings(999) && !rings(1000) && !rings(4999) && rings(5000));
        let congestion = |at| plan.congestion.sounds_at(at);
        assert!(
            congestion(0)
                && !congestion(300)
                && congestion(600)
                && congestion(1200)
                && !congestion(1300)
        );
    }

    #[test]
    fn every_country_has_a_rhythm_for_busy_and_ringing() {
        for row in Country::known() {
            let plan = TonePlan::of(row.code.parse().unwrap());
            for cadence in [plan.busy, plan.congestion, plan.ringback, plan.ringing] {
                assert!(
                    !cadence.rhythm.is_empty() && cadence.rhythm.len().is_multiple_of(2),
                    "{}",
                    row.code
                );
                assert!(cadence.rhythm.iter().all(|part| part.is_multiple_of(5)));
            }
            assert!(plan.ringing.frequencies.is_empty());
        }
    }

    #[test]
    fn the_player_sounds_at_its_frequency_in_its_rhythm() {
        let mut player = TonePlayer::new(TonePlan::of("BR".parse().unwrap()).busy);
        let levels: Vec<f64> = (0..50)
            .map(|_| {
                let mut block = [0; FRAME_SAMPLES];
                player.add(&mut block);
                let mut meter = ramal_dsp::Goertzel::new(425.0, SAMPLE_RATE);
                meter.feed(&block);
                meter.level_dbm0()
            })
            .collect();
        assert!((levels[3] - LEVEL).abs() < 1.0, "{levels:?}");
        assert!(levels[20] < -60.0);
        assert!((levels[30] - LEVEL).abs() < 1.0);
    }
}
