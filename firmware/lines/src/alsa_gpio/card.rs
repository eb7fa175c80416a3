//! The sound of a line card.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use embedded_hal::digital::{InputPin, OutputPin};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use ramal_analog::HardwareEvent;
use ramal_dsp::{FRAME_SAMPLES, Law};
use ramal_model::Country;

use super::{LinePins, Noticed, Order, Poller, QUEUE};
use crate::analogue::{ANSWER, BLOCK, HardwareFeatures, LineDescription, LineProcessor};
use crate::{Port, PortKind, PortNames, PortStatus};

/// Why there is no sound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PcmError {
    /// Sound of so long was lost: the thread was late. The PCM runs again.
    #[error("{} ms of sound of the line card were lost", .0.as_millis())]
    Lost(Duration),
    /// The PCM does not run.
    #[error("the line card has no sound: {0}; check the card and its driver")]
    Gone(String),
}

/// A PCM with a time slot for each line, companded, 8,000 frames a second.
pub trait Pcm: Send {
    /// Blocks that are played before the one that is given.
    const BUFFERED: usize;

    /// Plays the next 20 ms and captures the last: one octet of each slot in turn. Waits until the hardware wants them.
    ///
    /// # Errors
    /// [`PcmError`]; `captured` is silence then.
    fn exchange(&mut self, play: &[u8], captured: &mut [u8]) -> Result<(), PcmError>;
}

/// The lines of one card.
pub struct CodecCard<P> {
    pcm: P,
    law: Law,
    processors: Vec<LineProcessor>,
    events: Receiver<Noticed>,
    orders: SyncSender<Order>,
    /// The end of the last block.
    ended: Instant,
    play: Vec<u8>,
    captured: Vec<u8>,
    /// The PCM does not run, and the lines were told.
    gone: bool,
    /// Tells when calls have answered; none where the system gives none: what they say waits for the next block then.
    answers: Option<Epoll>,
}

/// Watches for answers to all lines.
fn watch(processors: &[LineProcessor]) -> nix::Result<Epoll> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    for answers in processors.iter().filter_map(LineProcessor::answers) {
        let interest = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0);
        epoll.add(answers, interest)?;
    }
    Ok(epoll)
}

impl<P: Pcm> CodecCard<P> {
    /// A card with these lines in the order of their time slots, its ports, and what looks after its pins. `law`
    /// is the card's: these codecs have one for all lines.
    pub fn new<I: InputPin, O: OutputPin>(
        pcm: P,
        law: Law,
        pins: Vec<LinePins<I, O>>,
        country: Country,
        names: &mut PortNames,
    ) -> (Self, Vec<Port>, Poller<I, O>) {
        let (events, noticed) = sync_channel(QUEUE);
        let (orders, ordered) = sync_channel(QUEUE);
        let (mut ports, mut processors) = (Vec::new(), Vec::new());
        for pins in &pins {
            let kind = match pins {
                LinePins::Fxo(_) => PortKind::Fxo,
                LinePins::Fxs(_) => PortKind::Fxs,
            };
            let (id, name) = names.next(kind);
            let line = LineDescription {
                id,
                name,
                number: String::new(),
                law,
            };
            let features = HardwareFeatures {
                buffered: P::BUFFERED,
                ..HardwareFeatures::default()
            };
            let (port, processor) = match kind {
                PortKind::Fxo => {
                    let settings = ramal_model::FxoSettings {
                        country,
                        ..Default::default()
                    };
                    LineProcessor::fxo(line, features, &settings)
                }
                PortKind::Fxs => {
                    let settings = ramal_model::FxsSettings {
                        country,
                        ..Default::default()
                    };
                    LineProcessor::fxs(line, features, &settings)
                }
            };
            ports.push(port);
            processors.push(processor);
        }
        let octets = processors.len() * FRAME_SAMPLES;
        let answers = watch(&processors).inspect_err(|error| {
            tracing::warn!(%error, "the sound of a line card is sent late");
        });
        let card = CodecCard {
            answers: answers.ok(),
            pcm,
            law,
            processors,
            events: noticed,
            orders,
            ended: Instant::now(),
            play: vec![law.silence(); octets],
            captured: vec![law.silence(); octets],
            gone: false,
        };
        (card, ports, Poller::new(pins, events, ordered))
    }

    /// The next 20 ms, as soon as the PCM wants them. `clock` tells the time when it has.
    ///
    /// # Errors
    /// As [`Pcm::exchange`]. The lines go on; those of a card that is gone are in alarm until it is back.
    pub fn block(&mut self, clock: impl Fn() -> Instant) -> Result<(), PcmError> {
        let result = self.pcm.exchange(&self.play, &mut self.captured);
        let gone = matches!(result, Err(PcmError::Gone(_)));
        if gone != std::mem::replace(&mut self.gone, gone) {
            for processor in &mut self.processors {
                processor.hardware(HardwareEvent::Alarm(gone), Duration::ZERO);
            }
        }
        if let Err(PcmError::Lost(time)) = &result {
            for processor in &mut self.processors {
                processor.lost(*time);
            }
        }
        while let Ok(noticed) = self.events.try_recv() {
            if let Some(processor) = self.processors.get_mut(noticed.line) {
                let after = noticed.at.saturating_duration_since(self.ended);
                processor.hardware(noticed.event, after.min(BLOCK));
            }
        }
        self.ended = clock();
        self.lines();
        result
    }

    fn lines(&mut self) {
        let slots = self.processors.len();
        let mut octets = [self.law.silence(); FRAME_SAMPLES];
        let mut samples = [0; FRAME_SAMPLES];
        for (slot, processor) in self.processors.iter_mut().enumerate() {
            let captured = self.captured.iter().skip(slot).step_by(slots);
            for (octet, captured) in octets.iter_mut().zip(captured) {
                *octet = *captured;
            }
            self.law.decode(&octets, &mut samples);
            processor.hear(&samples);
        }
        self.await_answers();
        for (slot, processor) in self.processors.iter_mut().enumerate() {
            processor.say(&mut samples);
            self.law.encode(&samples, &mut octets);
            let play = self.play.iter_mut().skip(slot).step_by(slots);
            for (place, octet) in play.zip(octets) {
                *place = octet;
            }
            while let Some(command) = processor.next_command() {
                let order = Order {
                    line: slot,
                    command,
                };
                if self.orders.try_send(order).is_err() {
                    tracing::error!(
                        ?command,
                        line = slot,
                        "the pins of a line card are not served"
                    );
                }
            }
        }
    }

    /// Waits until the calls have answered, or a few milliseconds: what the card was given lasts longer.
    fn await_answers(&self) {
        let Some(answers) = &self.answers else {
            return;
        };
        let until = Instant::now() + ANSWER;
        while self.processors.iter().any(LineProcessor::awaits_answer) {
            // Rounded up, or the loop would spin through the last fraction of a millisecond.
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let left = EpollTimeout::try_from(left + Duration::from_micros(999));
            let mut events = [EpollEvent::empty(); 16];
            // An interrupted wait is a short one.
            let _ = answers.wait(&mut events, left.unwrap_or(EpollTimeout::ZERO));
        }
    }

    /// The ports as they are after the last block.
    pub fn status(&self) -> impl Iterator<Item = &PortStatus> {
        self.processors.iter().map(LineProcessor::status)
    }
}
