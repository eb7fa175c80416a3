//! The hardware of an FXS port: feed, ringing voltage, and a look at the loop every 5 ms.

use ramal_analog::{HardwareCommand, HardwareEvent, Polarity};
use ramal_dsp::FRAME_SAMPLES;

use super::wire::{BLOCK_MS, Feed, LOOK, LOOKS, Loop};
use crate::analogue::LineProcessor;

pub(super) struct FxsHardware {
    pub processor: LineProcessor,
    feed: Feed,
    /// Whether current flowed at the last look.
    current: bool,
    /// Milliseconds for which sound is passed on to a telephone on-hook.
    on_hook_transmission: u32,
}

impl FxsHardware {
    pub fn new(processor: LineProcessor) -> Self {
        FxsHardware {
            processor,
            feed: Feed::idle(),
            current: false,
            on_hook_transmission: 0,
        }
    }

    /// What the telephone gets in the next 20 ms.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// The next 20 ms.
    pub fn block(&mut self, telephone: &Loop) {
        for (look, closed) in (0..LOOKS as u32).zip(telephone.closed) {
            let current = closed && self.feed.battery;
            if current != std::mem::replace(&mut self.current, current) {
                let event = HardwareEvent::Loop(current);
                self.processor.hardware(event, LOOK * look);
            }
        }
        let mut transmit = [0; FRAME_SAMPLES];
        self.processor.block(&telephone.audio, &mut transmit);
        while let Some(command) = self.processor.next_command() {
            match command {
                HardwareCommand::Ring(on) => self.feed.ringing = on,
                HardwareCommand::Polarity(polarity) => {
                    self.feed.reversed = polarity == Polarity::Reversed;
                }
                HardwareCommand::Battery(on) => self.feed.battery = on,
                HardwareCommand::OnHookTransmission(time) => {
                    self.on_hook_transmission = u32::try_from(time.as_millis()).unwrap_or(0);
                }
                HardwareCommand::Loop(_) => {}
            }
        }
        let passes = telephone.is_closed() || self.on_hook_transmission > 0;
        self.feed.audio = if passes && self.feed.battery {
            transmit
        } else {
            [0; FRAME_SAMPLES]
        };
        self.on_hook_transmission = self.on_hook_transmission.saturating_sub(BLOCK_MS);
    }
}
