//! What an interface tells its user.

use std::fmt;

use crate::Cause;
use crate::call::CallState;
use crate::ie::{BearerCapability, CallingName, PartyNumber, RestartIndicator};
use crate::link::LinkError;
use crate::message::MessageType;

/// Names a call of one interface; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u64);

impl CallId {
    pub(crate) fn new(number: u64) -> Self {
        Self(number)
    }

    #[cfg(test)]
    pub(crate) fn for_tests(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an [`Interface`](crate::Interface) wants done, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A frame for the D channel, without frame check sequence.
    Transmit(Vec<u8>),
    /// News for call control.
    Event(Event),
}

/// News from the interface.
///
/// A call begins with [`Incoming`](Event::Incoming) or with [`Interface::setup`](crate::Interface::setup) and ends with
/// exactly one [`Released`](Event::Released), whoever ended it; its id means nothing afterwards.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The data link is up: calls can be made.
    LinkUp,
    /// The data link is lost. Answered calls go on for T309; others are released, each with its own event. The interface
    /// tries to bring the link up again by itself.
    LinkDown,
    /// The peer calls. Some answer is due within T303 of the peer, 4 s.
    Incoming {
        /// The new call.
        call: CallId,
        /// What it says.
        setup: Box<IncomingCall>,
    },
    /// More digits of an incoming call.
    Digits {
        /// The call.
        call: CallId,
        /// Only the new ones; may be empty.
        digits: String,
        /// No more will come: the peer has said so, or T302 has run out.
        complete: bool,
    },
    /// SETUP ACKNOWLEDGE: the peer wants more digits.
    MoreDigitsWanted {
        /// The call.
        call: CallId,
        /// Dial tone or an announcement is on the channel.
        in_band: bool,
    },
    /// CALL PROCEEDING: the number is complete.
    Proceeding {
        /// The call.
        call: CallId,
        /// Something can be heard on the channel.
        in_band: bool,
    },
    /// ALERTING: the called party's telephone rings.
    Alerting {
        /// The call.
        call: CallId,
        /// Ring-back or an announcement is on the channel.
        in_band: bool,
        /// User-user information: protocol discriminator first.
        user_user: Option<Vec<u8>>,
    },
    /// PROGRESS.
    Progress {
        /// The call.
        call: CallId,
        /// A tone or an announcement is on the channel.
        in_band: bool,
        /// Why, if the peer says so.
        cause: Option<Cause>,
    },
    /// CONNECT: the called party has answered; the channel is through both ways.
    Connected {
        /// The call.
        call: CallId,
        /// Who has answered.
        party: Box<ConnectedParty>,
    },
    /// Our answer to an incoming call has arrived (user's side: CONNECT ACKNOWLEDGE; network's side: at once).
    Established {
        /// The call.
        call: CallId,
    },
    /// INFORMATION that is no digits of the called number.
    Information {
        /// The call.
        call: CallId,
        /// Keys.
        keypad: Option<String>,
        /// Text to show.
        display: Option<String>,
    },
    /// A name came in a Facility element.
    Name {
        /// The call.
        call: CallId,
        /// The name.
        name: CallingName,
    },
    /// NOTIFY: the indicator's value (Q.931 §4.5.22; 0 suspended, 1 resumed, 2 bearer changed).
    Notified {
        /// The call.
        call: CallId,
        /// The value.
        indicator: u8,
    },
    /// USER INFORMATION: protocol discriminator and data.
    UserUser {
        /// The call.
        call: CallId,
        /// The information.
        information: Vec<u8>,
    },
    /// The peer has chosen this channel: the call is on it, instead of one it may have had before.
    ChannelChanged {
        /// The call.
        call: CallId,
        /// The channel.
        channel: u8,
    },
    /// DISCONNECT. With `in_band` a tone or announcement is on the channel and the user ends the call with
    /// [`Command::Disconnect`](crate::Command::Disconnect) when it has heard enough; without it the call ends by itself.
    Disconnected {
        /// The call.
        call: CallId,
        /// Why.
        cause: Cause,
        /// Whether there is something to hear.
        in_band: bool,
        /// User-user information: protocol discriminator first.
        user_user: Option<Vec<u8>>,
    },
    /// The call is over and its channel free.
    Released {
        /// The call.
        call: CallId,
        /// Why.
        cause: Cause,
    },
    /// The peer has restarted channels; their calls were released.
    Restarted {
        /// What it has restarted.
        extent: RestartIndicator,
        /// Which channels.
        channels: crate::ChannelSet,
    },
    /// Our restart is acknowledged: the channel, or all of them, are in service.
    RestartDone {
        /// `None` for the whole interface.
        channel: Option<u8>,
    },
    /// Our restart was not acknowledged: the channel, or all of them, are out of service until a restart succeeds.
    RestartFailed {
        /// `None` for the whole interface.
        channel: Option<u8>,
    },
    /// The peer has taken a channel out of service, or put it back (SERVICE).
    ServiceChanged {
        /// The channel.
        channel: u8,
        /// Whether it is in service for the peer.
        in_service: bool,
    },
    /// Something was against the protocol, and dealt with.
    Fault(Fault),
}

/// A breach of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Layer 2.
    Link(LinkError),
    /// The peer has refused something by STATUS, or told a state that does not fit.
    Status {
        /// The call, if it is one.
        call: Option<CallId>,
        /// Why.
        cause: Cause,
        /// The peer's state, as its number.
        peer_state: u8,
    },
    /// A message that has no place in the call's state.
    Unexpected {
        /// The call, if there is one.
        call: Option<CallId>,
        /// The message.
        message: MessageType,
        /// The call's state.
        state: CallState,
    },
    /// A message with elements that are missing, wrong or unknown.
    Elements {
        /// The message.
        message: MessageType,
        /// What the peer was told.
        cause: Cause,
        /// Identifier of the first element concerned.
        element: u8,
    },
    /// A message of ours was longer than a frame, and went without this element.
    LeftOut {
        /// The message.
        message: MessageType,
        /// Identifier of the element.
        element: u8,
    },
    /// Octets that are no message.
    NoMessage,
}

/// An incoming call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingCall {
    /// Its B channel.
    pub channel: u8,
    /// What it carries.
    pub bearer: BearerCapability,
    /// The called number as far as it is known.
    pub called: Option<PartyNumber>,
    /// Whether no more digits will come. If they may, [`Command::WantMoreDigits`](crate::Command::WantMoreDigits) asks for
    /// them; without it the peer sends none.
    pub complete: bool,
    /// Who calls. A restricted number is for the gateway alone: it must not be shown.
    pub calling: Option<PartyNumber>,
    /// The caller's name, by Facility or else by Display.
    pub calling_name: Option<CallingName>,
    /// Who has redirected the call, last.
    pub redirecting: Option<PartyNumber>,
    /// Whom the caller has called.
    pub original_called: Option<PartyNumber>,
    /// Keys (services of the network).
    pub keypad: Option<String>,
    /// The caller is not in the ISDN (progress 3), or tones may come in-band (1).
    pub from_outside: bool,
    /// User-user information: protocol discriminator first.
    pub user_user: Option<Vec<u8>>,
}

/// Who has answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectedParty {
    /// The number (COLP).
    pub number: Option<PartyNumber>,
    /// The name, by Display.
    pub name: Option<String>,
    /// User-user information: protocol discriminator first.
    pub user_user: Option<Vec<u8>>,
}
