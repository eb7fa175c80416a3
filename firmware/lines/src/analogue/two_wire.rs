//! The sound of a two-wire line: gains in both directions, and its echo.

use ramal_dsp::{EchoCanceller, FRAME_SAMPLES};

/// Between the port and the line.
#[derive(Clone, Debug)]
pub(super) struct TwoWire {
    canceller: Option<Box<EchoCanceller>>,
    /// What was sent in the last block: its echo is in what comes now.
    sent: [i16; FRAME_SAMPLES],
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
    pub fn new(receive_gain: i8, transmit_gain: i8, cancel_echo: bool) -> Self {
        TwoWire {
            canceller: cancel_echo.then(|| Box::new(EchoCanceller::new(true))),
            sent: [0; FRAME_SAMPLES],
            receive: factor(receive_gain),
            transmit: factor(transmit_gain),
        }
    }

    /// Another call: the line at the other end of the exchange is another one.
    pub fn restart(&mut self) {
        if let Some(canceller) = &mut self.canceller {
            **canceller = EchoCanceller::new(true);
        }
        self.sent.fill(0);
    }

    /// What came from the line, as the port is to hear it.
    pub fn receive(&mut self, block: &mut [i16; FRAME_SAMPLES]) {
        if let Some(canceller) = &mut self.canceller {
            canceller.process(&self.sent, block);
        }
        amplify(block, self.receive);
    }

    /// What goes to the line.
    pub fn transmit(&mut self, block: &mut [i16; FRAME_SAMPLES]) {
        amplify(block, self.transmit);
        self.sent = *block;
    }
}
