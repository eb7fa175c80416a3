//! Echo canceller for two-wire lines (ITU-T G.168): 64 ms tail, no added delay.
//!
//! Two filters work side by side. The background filter adapts all the time, in the frequency domain so
//! that speech, which is anything but white, does not slow it down. The foreground filter, which the
//! line hears, only takes over the background's weights when those have been better for a while. In
//! double talk, told by level and by coherence, the background rests; should it go astray all the same,
//! the foreground stays, and the background starts again
//! from it. What the filters leave over is replaced by comfort noise while only the far end talks, and
//! a 2,100 Hz tone with phase reversals switches the whole canceller off (ITU-T V.8, G.168 §7).

mod adaptive;
mod disabler;
mod fourier;
mod nonlinear;

use adaptive::AdaptiveFilter;
use nonlinear::NonlinearProcessor;

pub use disabler::AnswerToneDetector;

/// Samples of echo path that are modelled (64 ms).
pub const ECHO_TAIL: usize = 512;
/// Samples of one step of the background filter.
const BLOCK: usize = 64;
/// Room for the past of the far end, moved back only now and then.
const HISTORY: usize = ECHO_TAIL * 4;

/// Far-end level below which nothing can be learned: about -50 dBm0, as sum of squares of a block.
const QUIET: f32 = BLOCK as f32 * 51.0 * 51.0;
/// A near-end peak above this part of the far end's is near-end speech for sure (Geigel). A hybrid that
/// loses 6 dB of noise still lets single peaks through undiminished; quieter speech is left to the
/// comparison of both filters.
const GEIGEL: f32 = 1.0;
/// Blocks that near-end speech lasts on at least after its last peak (32 ms).
const HANGOVER: u32 = 4;
/// The background's residue is below this part of the foreground's before its weights are taken over.
const BETTER: f32 = 0.85;
/// The background has gone astray when its residue is above this multiple of the foreground's.
const ASTRAY: f32 = 2.0;
/// The foreground does harm when its residue is above this multiple of what came.
const HARMFUL: f32 = 1.2;
/// Part of the old value that smoothed energies keep from block to block (about 160 ms: as long as a
/// sound of a voice, so that a filter which only fits this sound does not win).
const KEEP: f32 = 0.95;

/// Part of the old value that the comparison of the estimated echo with what came keeps (400 ms).
const COHERENCE_KEEP: f32 = 0.98;
/// What came holds the estimated echo about once while the estimate is right, whoever else talks.
const COHERENT: std::ops::Range<f32> = 0.5..1.5;
/// Blocks in a row without it: the line has changed (160 ms).
const INCOHERENT_BLOCKS: u32 = 20;
/// The filter has learned when its residue is below this part of what came (18 dB), for so many blocks
/// (320 ms: more than one sound of a voice).
const LEARNED: f32 = 0.016;
const GOOD_BLOCKS: u32 = 40;
/// Residue above this part of what came, by a filter that has learned and is right, is a voice (12 dB).
const VOICE: f32 = 0.063;

/// Removes the echo of what is sent to a line from what comes back.
#[derive(Clone, Debug)]
pub struct EchoCanceller {
    /// The far end's past, newest last, and where it ends.
    far: Box<[f32; HISTORY]>,
    end: usize,
    /// Impulse response of the echo path, last tap first.
    foreground: Box<[f32; ECHO_TAIL]>,
    background: AdaptiveFilter,
    /// This block so far.
    far_block: [f32; BLOCK],
    near_block: [f32; BLOCK],
    filled: usize,
    residue: f32,
    /// Smoothed residues of both filters.
    foreground_energy: f32,
    background_energy: f32,
    near_energy: f32,
    double_talk: u32,
    /// Product of the estimated echo with what came, and with itself: this block's and smoothed.
    block_products: [f32; 2],
    products: [f32; 2],
    incoherent: u32,
    /// The foreground has been good and nothing says that it no longer is.
    learned: bool,
    /// Blocks in a row that it has been good.
    good: u32,
    nonlinear: Option<NonlinearProcessor>,
    disablers: [AnswerToneDetector; 2],
}

impl EchoCanceller {
    /// A canceller that knows nothing of its line yet. Without the nonlinear processor the residue is
    /// heard as it is, for measuring.
    #[must_use]
    pub fn new(nonlinear: bool) -> Self {
        EchoCanceller {
            far: Box::new([0.0; HISTORY]),
            end: ECHO_TAIL,
            foreground: Box::new([0.0; ECHO_TAIL]),
            background: AdaptiveFilter::new(),
            far_block: [0.0; BLOCK],
            near_block: [0.0; BLOCK],
            filled: 0,
            residue: 0.0,
            foreground_energy: 0.0,
            background_energy: 0.0,
            near_energy: 0.0,
            double_talk: 0,
            block_products: [0.0; 2],
            products: [0.0; 2],
            incoherent: 0,
            learned: false,
            good: 0,
            nonlinear: nonlinear.then(NonlinearProcessor::new),
            disablers: [AnswerToneDetector::new(), AnswerToneDetector::new()],
        }
    }

    /// Takes the echo of `far` (sent to the line) out of `near` (come from it). Both cover the same
    /// time; what `near` has beyond the length of `far` stays as it is.
    pub fn process(&mut self, far: &[i16], near: &mut [i16]) {
        self.disablers[0].process(far);
        self.disablers[1].process(near);
        let disabled = self.is_disabled();
        for (&far, near) in far.iter().zip(near) {
            let output = self.sample(f32::from(far), f32::from(*near));
            if !disabled {
                *near = output.round().clamp(-32_768.0, 32_767.0) as i16;
            }
        }
    }

    /// Whether a modem has switched the canceller off; the line is passed on as it is then.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.disablers.iter().any(AnswerToneDetector::reversed)
    }

    /// Echo return loss of the line in dB as the filter knows it: level sent less level of its echo,
    /// for noise. `None` until something has been learned.
    #[must_use]
    pub fn echo_return_loss(&self) -> Option<f32> {
        let gain: f32 = self.foreground.iter().map(|tap| tap * tap).sum();
        (gain > 0.0).then(|| -10.0 * gain.log10())
    }

    /// Echo return loss enhancement in dB: how much of what came from the line has been taken out
    /// over the last blocks. Means something only while the far end alone talks.
    #[must_use]
    pub fn enhancement(&self) -> f32 {
        10.0 * ((self.near_energy + 1.0) / (self.foreground_energy + 1.0)).log10()
    }

    fn sample(&mut self, far: f32, near: f32) -> f32 {
        if self.end == HISTORY {
            self.far.copy_within(HISTORY - ECHO_TAIL + 1.., 0);
            self.end = ECHO_TAIL - 1;
        }
        self.far[self.end] = far;
        self.end += 1;
        let echo = dot(
            &self.foreground[..],
            &self.far[self.end - ECHO_TAIL..self.end],
        );
        let rest = near - echo;
        self.far_block[self.filled] = far;
        self.near_block[self.filled] = near;
        self.residue += rest * rest;
        self.block_products[0] += echo * near;
        self.block_products[1] += echo * echo;
        self.filled += 1;
        if self.filled == BLOCK {
            self.filled = 0;
            self.learn();
            self.residue = 0.0;
        }
        match &mut self.nonlinear {
            Some(nonlinear) => nonlinear.sample(far, near, echo, rest),
            None => rest,
        }
    }

    /// One step of the background filter, and who of both is better.
    fn learn(&mut self) {
        let peak = |block: &[f32]| block.iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
        let far_peak = peak(&self.far[self.end - ECHO_TAIL..self.end]);
        if peak(&self.near_block) > far_peak * GEIGEL {
            self.double_talk = HANGOVER;
        } else {
            self.double_talk = self.double_talk.saturating_sub(1);
        }
        let loud = energy(&self.far[self.end - ECHO_TAIL..self.end]) > QUIET;
        let voice = self.voice_beside_echo();
        let adapt = loud && self.double_talk == 0 && !voice;
        let background = self
            .background
            .step(&self.far_block, &self.near_block, adapt);
        let smooth = |old: &mut f32, new: f32| *old = *old * KEEP + new * (1.0 - KEEP);
        smooth(&mut self.near_energy, energy(&self.near_block));
        smooth(&mut self.foreground_energy, self.residue);
        smooth(&mut self.background_energy, background);
        // A filter that adds to what comes is wrong, whoever talks.
        if self.foreground_energy > self.near_energy * HARMFUL {
            self.foreground.fill(0.0);
            self.background.forget();
            self.learned = false;
            self.foreground_energy = self.near_energy;
            self.background_energy = self.near_energy;
            return;
        }
        if !adapt {
            return;
        }
        // Both over a while and in this block, so that one lucky block decides nothing.
        if self.background_energy < self.foreground_energy * BETTER
            && background < self.residue * BETTER
            && self.background_energy < self.near_energy
        {
            self.background.weights(&mut self.foreground);
            self.foreground_energy = self.background_energy;
        } else if self.background_energy > self.foreground_energy * ASTRAY {
            self.background.restart(&self.foreground);
            self.background_energy = self.foreground_energy;
        }
    }
}

impl EchoCanceller {
    /// Whether the near end talks, by coherence: what came still holds the estimated echo once, and yet
    /// much more is left than a filter that has learned leaves. On a changed line the estimate is not
    /// in what came, and everything is open again.
    fn voice_beside_echo(&mut self) -> bool {
        for (sum, block) in self.products.iter_mut().zip(&mut self.block_products) {
            *sum = *sum * COHERENCE_KEEP + std::mem::take(block) * (1.0 - COHERENCE_KEEP);
        }
        let [cross, own] = self.products;
        let coherent = own > 0.0 && COHERENT.contains(&(cross / own));
        self.incoherent = if coherent {
            0
        } else {
            self.incoherent.saturating_add(1)
        };
        if self.incoherent >= INCOHERENT_BLOCKS {
            self.learned = false;
        }
        let good = coherent && self.foreground_energy < self.near_energy * LEARNED;
        self.good = if good { self.good.saturating_add(1) } else { 0 };
        self.learned |= self.good >= GOOD_BLOCKS;
        self.learned && self.foreground_energy > self.near_energy * VOICE
    }
}

fn energy(block: &[f32]) -> f32 {
    block.iter().map(|sample| sample * sample).sum()
}

/// Product in lanes that the compiler can keep side by side.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    for (a, b) in a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0) {
        for lane in 0..16 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests;
