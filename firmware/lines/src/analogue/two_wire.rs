//! The sound of a two-wire line: gains in both directions, and its echo.

use ramal_dsp::{EchoCanceller, FRAME_SAMPLES};

/// More blocks no hardware has between what is sent and the line.
const MOST_BUFFERED: usize = 7;

/// Between the port and the line.
#[derive(Clone, Debug)]
pub(super) struct TwoWire {
    canceller: Option<Box<EchoCanceller>>,
    /// What was sent in the last blocks, the oldest at `next`: its echo is in what comes now.
    sent: Vec<[i16; FRAME_SAMPLES]>,
    next: usize,
    receive: Option<f32>,
    transmit: Option<f32>,
}

/// The factor of a gain in dB; none for 0 dB, so that samples stay as they are to the bit.
fn factor(decibels: i8) -> Option<f32> {
    (decibels != 0).then(|| 10f32.powf(f32::from(decibels) / 20.0))
}

fn amplify(block: &mut [i16; FRAME_SAMPLES], factor: Option<f32>) {
    let Some(factor) = factor else { return };
    for sample in block {
        *sample = (f32::from(*sample) * factor)
            .round()
            .clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16;
    }
}

impl TwoWire {
    /// With a canceller where the hardware has none, and `buffered` blocks between what is sent and the line.
    pub fn new(receive_gain: i8, transmit_gain: i8, cancel_echo: bool, buffered: usize) -> Self {
        TwoWire {
            canceller: cancel_echo.then(|| Box::new(EchoCanceller::new(true))),
            sent: vec![[0; FRAME_SAMPLES]; buffered.min(MOST_BUFFERED) + 1],
            next: 0,
            receive: factor(receive_gain),
            transmit: factor(transmit_gain),
        }
    }

    /// Another call: the line at the other end of the exchange is another one.
    pub fn restart(&mut self) {
        if let Some(canceller) = &mut self.canceller {
            **canceller = EchoCanceller::new(true);
        }
        self.sent.fill([0; FRAME_SAMPLES]);
    }

    /// What came from the line, as the port is to hear it.
    pub fn receive(&mut self, block: &mut [i16; FRAME_SAMPLES]) {
        if let Some(canceller) = &mut self.canceller {
            let silence = [0; FRAME_SAMPLES];
            canceller.process(self.sent.get(self.next).unwrap_or(&silence), block);
        }
        amplify(block, self.receive);
    }

    /// What goes to the line.
    pub fn transmit(&mut self, block: &mut [i16; FRAME_SAMPLES]) {
        amplify(block, self.transmit);
        if let Some(oldest) = self.sent.get_mut(self.next) {
            *oldest = *block;
        }
        self.next = (self.next + 1) % self.sent.len().max(1);
    }
}
