//! Nonlinear processor: what the filter leaves over gives way to comfort noise.

use crate::Noise;

/// Part of the old value that smoothed powers keep from sample to sample (8 ms).
const KEEP: f32 = 1.0 - 1.0 / 64.0;
/// Residue below this part of the echo that was taken out is residue and no voice (10 dB).
const RESIDUE: f32 = 0.1;
/// Loudest residue that is ever removed, as a square: about -27 dBm0. Louder is a voice.
const LOUDEST: f32 = 720.0 * 720.0;
/// Far-end power from which there can be echo, about -48 dBm0.
const FAR: f32 = 64.0 * 64.0;
/// Samples that the echo may last on after the far end's last sound.
const TAIL: u32 = super::ECHO_TAIL as u32;
/// Change of the gain a sample: from all to nothing in 4 ms.
const RAMP: f32 = 1.0 / 32.0;
/// Rise of the estimate of the line's noise a sample (3 dB a second); it falls at once.
const NOISE_RISE: f32 = 1.000_087;
/// Loudest comfort noise, as a square: about -45 dBm0.
const LOUDEST_NOISE: f32 = 91.0 * 91.0;

#[derive(Clone, Debug)]
pub(super) struct NonlinearProcessor {
    far: f32,
    echo: f32,
    rest: f32,
    /// Power of the line's own noise.
    noise: f32,
    gain: f32,
    /// Samples for which there can still be echo.
    tail: u32,
    source: Noise,
    /// Comfort noise falls towards high frequencies, as rooms' noise does.
    coloured: f32,
}

impl NonlinearProcessor {
    pub fn new() -> Self {
        NonlinearProcessor {
            far: 0.0,
            echo: 0.0,
            rest: 0.0,
            noise: 0.0,
            gain: 1.0,
            tail: 0,
            source: Noise::new(0x5EED),
            coloured: 0.0,
        }
    }

    /// What is heard instead of `rest`, which is `near` without `echo`.
    pub fn sample(&mut self, far: f32, near: f32, echo: f32, rest: f32) -> f32 {
        let smooth = |old: &mut f32, new: f32| *old = *old * KEEP + new * new * (1.0 - KEEP);
        smooth(&mut self.far, far);
        smooth(&mut self.echo, echo);
        smooth(&mut self.rest, rest);
        self.tail = if self.far > FAR {
            TAIL
        } else {
            self.tail.saturating_sub(1)
        };
        self.noise = if self.noise == 0.0 {
            near * near
        } else {
            (self.noise * NOISE_RISE).min(self.rest).max(1.0)
        };
        // The echo's own tail dies faster than the smoothed residue: compare with the noise too.
        let only_echo = self.tail > 0
            && self.rest < LOUDEST
            && (self.rest < self.echo * RESIDUE || self.rest < self.noise * 4.0);
        self.gain = (self.gain + if only_echo { -RAMP } else { RAMP }).clamp(0.0, 1.0);
        let target = self.noise.min(LOUDEST_NOISE).sqrt();
        // 1.5 is the effective value's loss in the filter and of an even distribution, together 3.6 dB.
        self.coloured = self.coloured * 0.5 + self.source.next_value() * 0.75;
        let comfort = self.coloured * target * 2.0;
        rest * self.gain + comfort * (1.0 - self.gain)
    }
}
