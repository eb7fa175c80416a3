//! What every analogue line does, whatever hardware it hangs on.
//!
//! A driver owns hardware: relays, voltages, converters. For each of its lines it makes a [`LineProcessor`], which joins the
//! signalling of [`ramal_analog`] with the tones and detectors of [`ramal_dsp`], and gives the [`Port`] to be handed out.
//! Every 20 ms the driver does this:
//!
//! ```text
//! processor.hardware(event, offset)     for each change the hardware noticed, with its place in the 20 ms
//! processor.hear(&received)
//! wait a moment while processor.awaits_answer()
//! processor.say(&mut transmit)
//! while let Some(command) = processor.next_command() { carry it out at once }
//! ```
//!
//! A call that is bridged to packets answers what the line has said at once; without the moment its sound would lie there
//! until the next 20 ms.
//!
//! Samples are linear; a driver whose hardware speaks A-law or mu-law converts with [`ramal_dsp::Law`], and octets that
//! nothing changes come out as they went in. Time is counted in blocks; a driver whose hardware lost samples says so with
//! [`LineProcessor::lost`]. Ringing cadence, flash and pulses are made of single commands, so hardware must not time them
//! itself: it does what it is told until told otherwise.

mod call_waiting;
mod caller_id;
mod fxo;
mod fxs;
mod signalling;
mod two_wire;

use std::{
    collections::VecDeque,
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use ramal_analog::{HardwareCommand, HardwareEvent};
use ramal_dsp::{FRAME_SAMPLES, Law};
use ramal_model::{FxoSettings, FxsSettings};

pub(crate) use self::caller_id::{CallerIdListener, CallerIdSender, Told};
use self::{fxo::FxoProcessor, fxs::FxsProcessor};
use crate::{
    Port, PortId, PortKind, PortStatus,
    port::{DriverPort, port},
};

/// Length of a block.
pub const BLOCK: Duration = Duration::from_millis(20);
/// How long an answer may take: a media thread that has the processor takes some hundred microseconds.
pub(crate) const ANSWER: Duration = Duration::from_millis(5);
/// Commands for the hardware that may wait to be fetched.
const COMMANDS: usize = 32;

/// A line as its driver knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineDescription {
    /// Which port it becomes.
    pub id: PortId,
    /// Its name, such as `FXO 1`.
    pub name: String,
    /// The number it is known by, blank when unknown.
    pub number: String,
    /// The law that its sound has on the port: the hardware's, or the country's.
    pub law: Law,
}

/// What hardware does itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardwareFeatures {
    /// It takes out the line's echo.
    pub echo_canceller: bool,
    /// Blocks that lie between the one that [`LineProcessor::block`] gives and the line, at most 7.
    pub buffered: usize,
}

enum Side {
    Fxo(Box<FxoProcessor>),
    Fxs(Box<FxsProcessor>),
}

/// One analogue line: signalling, tones and sound, between a driver and the [`Port`] of whoever handles its calls.
pub struct LineProcessor {
    end: DriverPort,
    side: Side,
    status: PortStatus,
    /// The end of the last block.
    now: Instant,
    commands: VecDeque<HardwareCommand>,
    /// How many blocks the call had answered when the last one came, and whether it had answered the one before.
    answered: usize,
    answers: bool,
}

impl LineProcessor {
    /// A line to an exchange.
    #[must_use]
    pub fn fxo(
        line: LineDescription,
        features: HardwareFeatures,
        settings: &FxoSettings,
    ) -> (Port, LineProcessor) {
        let side = Side::Fxo(Box::new(FxoProcessor::new(features, settings)));
        Self::new(line, PortKind::Fxo, side)
    }

    /// A line to a telephone.
    #[must_use]
    pub fn fxs(
        line: LineDescription,
        features: HardwareFeatures,
        settings: &FxsSettings,
    ) -> (Port, LineProcessor) {
        let side = Side::Fxs(Box::new(FxsProcessor::new(features, settings)));
        Self::new(line, PortKind::Fxs, side)
    }

    fn new(line: LineDescription, kind: PortKind, side: Side) -> (Port, LineProcessor) {
        let status = PortStatus {
            id: line.id,
            kind,
            name: line.name.clone(),
            number: line.number.clone(),
            off_hook: false,
            ringing: false,
            fault: None,
        };
        let (held, end) = port(line.id, kind, line.name, line.number, line.law);
        let processor = LineProcessor {
            end,
            side,
            status,
            now: Instant::now(),
            commands: VecDeque::with_capacity(COMMANDS),
            answered: 0,
            answers: false,
        };
        (held, processor)
    }

    /// Takes in what the hardware noticed, so long after the end of the last block.
    pub fn hardware(&mut self, event: HardwareEvent, after: Duration) {
        let at = self.now + after.min(BLOCK);
        match &mut self.side {
            Side::Fxo(side) => side.hardware(event, at),
            Side::Fxs(side) => side.hardware(event, at),
        }
    }

    /// Whether the line's echo is to be taken out, by the hardware where it can.
    #[must_use]
    pub fn wants_echo_canceller(&self) -> bool {
        match &self.side {
            Side::Fxo(side) => side.wants_echo_canceller(),
            Side::Fxs(side) => side.wants_echo_canceller(),
        }
    }

    /// From now on the hardware takes out the echo, or it does no longer.
    pub fn set_echo_by_hardware(&mut self, does: bool) {
        match &mut self.side {
            Side::Fxo(side) => side.set_echo_by_hardware(does),
            Side::Fxs(side) => side.set_echo_by_hardware(does),
        }
    }

    /// The hardware has lost samples of so long a time.
    pub fn lost(&mut self, time: Duration) {
        self.now += time;
    }

    /// The next 20 ms have come from the line.
    pub fn hear(&mut self, received: &[i16; FRAME_SAMPLES]) {
        self.now += BLOCK;
        let answered = self.end.audio.answered();
        self.answers = answered != std::mem::replace(&mut self.answered, answered);
        let (end, commands) = (&mut self.end, &mut self.commands);
        match &mut self.side {
            Side::Fxo(side) => side.hear(self.now, received, end, commands),
            Side::Fxs(side) => side.hear(self.now, received, end, commands),
        }
    }

    /// Whether the call will answer what was heard last in a moment, as it did before. [`answers`](Self::answers) tells when.
    #[must_use]
    pub fn awaits_answer(&self) -> bool {
        self.answers && !self.has_answered()
    }

    fn has_answered(&self) -> bool {
        self.end.audio.answered() != self.answered
    }

    /// A descriptor that changes when the call has answered; never read. `None` where the system gives none.
    #[must_use]
    pub fn answers(&self) -> Option<BorrowedFd<'_>> {
        self.end.audio.answers()
    }

    /// What goes to the line in the next 20 ms. To be called once for each [`hear`](Self::hear).
    pub fn say(&mut self, transmit: &mut [i16; FRAME_SAMPLES]) {
        let answered = self.has_answered();
        self.end.audio.take(transmit, answered);
        let (end, commands, status) = (&mut self.end, &mut self.commands, &mut self.status);
        match &mut self.side {
            Side::Fxo(side) => {
                side.say(transmit, end, commands);
                status.off_hook = side.is_off_hook();
                status.ringing = side.is_ringing();
                status.fault = side.fault();
            }
            Side::Fxs(side) => {
                side.say(self.now, transmit);
                status.off_hook = side.is_off_hook();
                status.ringing = side.is_ringing();
                status.fault = side.fault();
            }
        }
    }

    /// The next 20 ms in both directions, without waiting for an answer.
    pub fn block(&mut self, received: &[i16; FRAME_SAMPLES], transmit: &mut [i16; FRAME_SAMPLES]) {
        self.hear(received);
        self.say(transmit);
    }

    /// What the hardware is to do now, in order. To be fetched after every block.
    pub fn next_command(&mut self) -> Option<HardwareCommand> {
        self.commands.pop_front()
    }

    /// The port as people see it.
    #[must_use]
    pub fn status(&self) -> &PortStatus {
        &self.status
    }
}
