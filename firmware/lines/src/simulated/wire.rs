//! The pair of wires between an exchange's end and a telephone's end, 20 ms at a time.

use std::time::Duration;

use ramal_dsp::FRAME_SAMPLES;

/// Milliseconds in a block.
pub(super) const BLOCK_MS: u32 = 20;
/// Looks at the loop in a block: every 5 ms, as hardware that is polled has.
pub(super) const LOOKS: usize = 4;
/// From one look to the next.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// Taps of a hybrid's echo: 8 ms.
const HYBRID: usize = 64;

/// A pair of wires between the exchange and a port, with its losses.
#[derive(Clone, Debug)]
pub(super) struct Wires {
    /// Factor of sound in each direction.
    gain: f32,
    /// What comes back of what the port sends.
    path: [f32; HYBRID],
    /// What it sent, newest first.
    past: [f32; HYBRID],
}

impl Wires {
    /// Wires that lose so much, dB, in each direction, at a hybrid with this echo return loss for noise, dB.
    pub fn new(loss: f64, echo_return_loss: f64) -> Self {
        let shape: [f32; HYBRID] = std::array::from_fn(|n| {
            let n = n as f32;
            (-n / 9.0).exp() * ((n * 0.9).cos() + 0.4 * (n * 2.1 + 1.0).sin())
        });
        let power: f32 = shape.iter().map(|tap| tap * tap).sum();
        let wanted = 10f32.powf(-echo_return_loss as f32 / 20.0) / power.sqrt();
        Wires {
            gain: 10f32.powf(-loss as f32 / 20.0),
            path: shape.map(|tap| tap * wanted),
            past: [0.0; HYBRID],
        }
    }

    /// Sound on its way to the exchange.
    pub fn outward(&self, audio: &mut [i16; FRAME_SAMPLES]) {
        audio
            .iter_mut()
            .for_each(|sample| *sample = (f32::from(*sample) * self.gain) as i16);
    }

    /// Sound on its way to the port, which has said this.
    pub fn inward(&mut self, audio: &mut [i16; FRAME_SAMPLES], said: &[i16; FRAME_SAMPLES]) {
        for (sample, said) in audio.iter_mut().zip(said) {
            self.past.rotate_right(1);
            self.past[0] = f32::from(*said);
            let echo: f32 = self
                .path
                .iter()
                .zip(&self.past)
                .map(|(tap, past)| tap * past)
                .sum();
            *sample = (f32::from(*sample) * self.gain + echo).round() as i16;
        }
    }
}

/// What the exchange's end puts on the wires.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    /// Whether there is a direct voltage.
    pub battery: bool,
    /// Whether it is the other way round.
    pub reversed: bool,
    /// Whether the bell's alternating voltage is on.
    pub ringing: bool,
    /// Sound.
    pub audio: [i16; FRAME_SAMPLES],
}

impl Feed {
    /// A line that waits.
    pub fn idle() -> Self {
        Feed {
            battery: true,
            reversed: false,
            ringing: false,
            audio: [0; FRAME_SAMPLES],
        }
    }
}

/// What the telephone's end puts on the wires.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    /// Whether it is closed, at each look.
    pub closed: [bool; LOOKS],
    /// Sound; silence while open.
    pub audio: [i16; FRAME_SAMPLES],
}

impl Loop {
    /// A telephone that waits.
    pub fn open() -> Self {
        Loop {
            closed: [false; LOOKS],
            audio: [0; FRAME_SAMPLES],
        }
    }

    /// A telephone that is lifted and says this.
    pub fn closed(audio: [i16; FRAME_SAMPLES]) -> Self {
        Loop {
            closed: [true; LOOKS],
            audio,
        }
    }

    /// Whether it is closed at the end.
    pub fn is_closed(&self) -> bool {
        self.closed[LOOKS - 1]
    }
}
