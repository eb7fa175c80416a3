//! The hardware of an FXO port: a relay in the loop, and what it notices of the exchange's end.

use std::time::Duration;

use ramal_analog::{HardwareCommand, HardwareEvent, Polarity};
use ramal_dsp::FRAME_SAMPLES;

use super::wire::{Feed, LOOKS, Loop};
use crate::analogue::LineProcessor;

pub(super) struct FxoHardware {
    pub processor: LineProcessor,
    closed: bool,
    /// What was noticed last.
    battery: bool,
    reversed: bool,
    ringing: bool,
    current: bool,
}

impl FxoHardware {
    pub fn new(processor: LineProcessor) -> Self {
        FxoHardware {
            processor,
            closed: false,
            battery: true,
            reversed: false,
            ringing: false,
            current: false,
        }
    }

    /// The next 20 ms.
    pub fn block(&mut self, feed: &Feed) -> Loop {
        self.notice(feed);
        let mut transmit = [0; FRAME_SAMPLES];
        self.processor.block(&feed.audio, &mut transmit);
        while let Some(command) = self.processor.next_command() {
            if let HardwareCommand::Loop(closed) = command {
                self.closed = closed;
            }
        }
        Loop {
            closed: [self.closed; LOOKS],
            audio: if self.closed {
                transmit
            } else {
                [0; FRAME_SAMPLES]
            },
        }
    }

    fn notice(&mut self, feed: &Feed) {
        let current = feed.battery && self.closed;
        let changes = [
            (feed.battery != self.battery).then_some(HardwareEvent::Battery(feed.battery)),
            (feed.reversed != self.reversed).then_some(HardwareEvent::Polarity(if feed.reversed {
                Polarity::Reversed
            } else {
                Polarity::Normal
            })),
            (feed.ringing != self.ringing).then_some(HardwareEvent::Ringing(feed.ringing)),
            (current != self.current).then_some(HardwareEvent::LoopCurrent(current)),
        ];
        for event in changes.into_iter().flatten() {
            self.processor.hardware(event, Duration::ZERO);
        }
        self.battery = feed.battery;
        self.reversed = feed.reversed;
        self.ringing = feed.ringing;
        self.current = current;
    }
}
