//! What goes into a channel and comes out.

use thiserror::Error;

use crate::{Category, Cause, Digits, Direction, LineState, MfSignal};

/// What the user of a channel has to do next. See [`Channel::poll`](crate::Channel::poll).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send these line bits from now on: A, B, C, D from the highest of the lowest four.
    SetBits(u8),
    /// Send this register signal until the next `Transmit`; `None`: silence. Its direction is the
    /// opposite of the one listened to.
    Transmit(Option<MfSignal>),
    /// Listen to the register signals of this direction and hand them to
    /// [`Channel::signal`](crate::Channel::signal); `None`: to none.
    Listen(Option<Direction>),
    /// Something for call control.
    Event(Event),
}

/// What call control is told. A call begins with [`Event::Seized`] or [`Command::Call`] and ends with
/// exactly one [`Event::Ended`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An incoming call begins.
    Seized,
    /// A digit of its called number came.
    Digit {
        /// The digit.
        digit: char,
        /// All of them so far.
        dnis: Digits,
    },
    /// All about an incoming call is known: decide by [`Command::Accept`], [`Command::Answer`] or
    /// [`Command::Clear`] within [`Timers::decision`](crate::Timers::decision).
    Incoming(IncomingCall),
    /// The call is accepted: the register signals are over and the speech path may be opened both ways
    /// (an outgoing call hears ringing or announcements, an incoming one may be answered).
    Accepted(Charge),
    /// The called party of an outgoing call answered.
    Answered {
        /// After a clear-back.
        again: bool,
    },
    /// A metering pulse came.
    MeteringPulse,
    /// The called party of an outgoing call hung up; it may answer again. Usually to be followed by
    /// [`Command::Clear`].
    ClearBack,
    /// The call is over. Nothing has to be done about it any more.
    Ended {
        /// Why.
        cause: Cause,
        /// Who ended it.
        by: Party,
    },
    /// The other side broke the protocol.
    Error(ProtocolError),
    /// The channel's availability changed.
    Line(LineState),
}

/// A side of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// This one.
    Ours,
    /// The other one.
    Theirs,
}

/// Whether a call costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Charge {
    /// It does.
    #[default]
    Charge,
    /// It does not.
    NoCharge,
}

/// An incoming call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingCall {
    /// The called number.
    pub dnis: Digits,
    /// The calling number; `None` when it was not told.
    pub ani: Option<Digits>,
    /// The calling party does not want its number to be shown.
    pub ani_restricted: bool,
    /// Who calls.
    pub category: Category,
}

/// An outgoing call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutgoingCall {
    /// The called number: at least one digit.
    pub dnis: Digits,
    /// The calling number; `None` tells "restricted" to an exchange that asks.
    pub ani: Option<Digits>,
    /// Who calls.
    pub category: Category,
}

/// What call control wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Make a call.
    Call(OutgoingCall),
    /// Ask for the next digit, see [`Settings::overlap`](crate::Settings::overlap).
    NextDigit,
    /// The called number is complete with the digits that came.
    DnisComplete,
    /// Accept the incoming call.
    Accept(Charge),
    /// Answer the incoming call, accepting it with charge where that was not done.
    Answer,
    /// The same, answering twice so that a collect call ends.
    AnswerTwice,
    /// Refuse or end the call.
    Clear(Cause),
    /// Take no more calls once the present one is over.
    Block,
    /// Take calls again.
    Unblock,
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// A call needs a free channel.
    #[error("the R2 channel cannot make a call: it is {0:?}; take another channel")]
    NotIdle(LineState),
    /// A call needs a number.
    #[error("an R2 call needs at least one digit to dial")]
    NoDigits,
    /// There is no such call.
    #[error("the R2 channel has no call to {0}")]
    NoCall(&'static str),
}

/// How the other side broke the protocol, and what to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// No seizing acknowledgement (Q.422 §3.2.2).
    #[error(
        "the exchange did not acknowledge the seizing: check that the channel is in service there, that it takes calls from here, and that both ends number the timeslots alike"
    )]
    SeizureNotAcknowledged,
    /// Line bits that mean nothing where the call is (Q.424).
    #[error(
        "the exchange sent line bits AB={bits:02b} {phase}: check the line's framing (CAS, timeslot 16) and the variant"
    )]
    UnexpectedBits {
        /// A and B.
        bits: u8,
        /// Where the call was.
        phase: &'static str,
    },
    /// No release guard after a clear-forward (Q.422 §3.2.5).
    #[error(
        "the exchange does not give the channel back after the end of a call: have it reset there"
    )]
    NoReleaseGuard,
    /// No clear-forward after the end of an incoming call.
    #[error(
        "the exchange holds the channel after the end of a call: turn on forced release if the operator supports it"
    )]
    ChannelHeld,
    /// A forward signal was not answered (Q.476 §5.2.1).
    #[error(
        "the exchange did not answer register signal {0:?}: check that it expects MFC-R2 (not DTMF or pulses) and how many digits it takes"
    )]
    NoBackwardSignal(MfSignal),
    /// A backward signal did not end.
    #[error(
        "the exchange did not end register signal {0:?}: check the echo and the gains of the line"
    )]
    BackwardSignalStuck(MfSignal),
    /// The exchange asked for more than there is and never went on (Q.476 §5.2.2).
    #[error(
        "the exchange waits for more digits than were dialled: check the length of the number and the variant's end of dialling"
    )]
    MoreDigitsExpected,
    /// No digit after a seizing.
    #[error(
        "the exchange seized the channel and sent no digit: check that it uses MFC-R2 and that sound passes in this direction"
    )]
    NoDigits,
    /// The exchange fell silent in the middle of the register signals.
    #[error("the exchange did not go on after {0}: check the variant and the numbers' lengths")]
    NoForwardSignal(&'static str),
    /// A forward signal did not end though it was answered.
    #[error(
        "the exchange did not end register signal {0:?}: check that sound passes in the direction to it"
    )]
    ForwardSignalStuck(MfSignal),
    /// A signal turned into another one without a pause.
    #[error(
        "register signal {first:?} became {second:?} without a pause: check the line for slips (clock source) and noise"
    )]
    BrokenSequence {
        /// Before.
        first: MfSignal,
        /// After.
        second: MfSignal,
    },
    /// A signal that the variant gives no meaning there.
    #[error("register signal {group}-{signal} has no meaning in this variant: check the variant")]
    UnknownSignal {
        /// I, II, A, B or C.
        group: &'static str,
        /// 1-15.
        signal: u8,
    },
    /// Call control did not decide about a call in time.
    #[error("the call was not accepted or refused in time and the exchange was told congestion")]
    Undecided,
}
