//! What call control wants of an interface.

use crate::Cause;
use crate::call::CallState;
use crate::event::{CallId, ConnectedParty};
use crate::ie::{BearerCapability, CallingName, PartyNumber};

/// A call to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingCall {
    /// Whom to call; with overlap sending as far as it is known, even not at all.
    pub called: PartyNumber,
    /// Whether the number is complete. If not, [`Command::Digits`] follows.
    pub complete: bool,
    /// What the call carries.
    pub bearer: BearerCapability,
    /// Who calls.
    pub calling: Option<PartyNumber>,
    /// The caller's name; it goes as [`Settings::name_service`](crate::Settings::name_service) says.
    pub calling_name: Option<CallingName>,
    /// Who has redirected the call, last.
    pub redirecting: Option<PartyNumber>,
    /// Whom the caller has called.
    pub original_called: Option<PartyNumber>,
    /// Keys (services of the network).
    pub keypad: Option<String>,
    /// The channel to take and no other; by default the policy chooses.
    pub channel: Option<u8>,
    /// The caller is not in the ISDN (progress 3).
    pub from_outside: bool,
    /// User-user information: protocol discriminator first.
    pub user_user: Option<Vec<u8>>,
}

impl OutgoingCall {
    /// A speech call to a complete number, with nothing else said.
    pub fn new(called: PartyNumber) -> Self {
        Self {
            called,
            complete: true,
            bearer: BearerCapability::SPEECH,
            calling: None,
            calling_name: None,
            redirecting: None,
            original_called: None,
            keypad: None,
            channel: None,
            from_outside: false,
            user_user: None,
        }
    }
}

/// What to do with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// More digits of an outgoing call's number.
    Digits {
        /// The digits.
        digits: PartyNumber,
        /// No more will come.
        complete: bool,
    },
    /// SETUP ACKNOWLEDGE: an incoming call's number is not complete. Starts T302.
    WantMoreDigits {
        /// Dial tone is on the channel.
        in_band: bool,
    },
    /// CALL PROCEEDING: an incoming call's number is complete.
    Proceeding {
        /// Something can be heard on the channel.
        in_band: bool,
    },
    /// ALERTING: the called telephone rings.
    Alerting {
        /// Ring-back or an announcement is on the channel.
        in_band: bool,
    },
    /// PROGRESS, before CONNECT. As the first answer to SETUP it goes as CALL PROCEEDING.
    Progress {
        /// A tone or an announcement is on the channel; else the call has left the ISDN.
        in_band: bool,
        /// Why.
        cause: Option<Cause>,
    },
    /// CONNECT: the called party has answered.
    Connect(ConnectedParty),
    /// Ends a call in any state, by the message that fits it (RELEASE COMPLETE, DISCONNECT or RELEASE). Ending twice does
    /// no harm.
    Disconnect {
        /// Why.
        cause: Cause,
        /// A tone or an announcement is given until T306 runs out, the peer releases, or the command comes again without.
        in_band: bool,
    },
    /// INFORMATION with keys.
    Keypad(String),
    /// INFORMATION with text to show.
    Display(String),
    /// NOTIFY with an indicator's value.
    Notify(u8),
    /// USER INFORMATION: protocol discriminator and data.
    UserUser(Vec<u8>),
    /// STATUS ENQUIRY: asks whether the peer still knows the call. If it does not, the call is released.
    Enquire,
}

/// Why a call cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The data link is down.
    #[error("the data link of the D channel is down")]
    LinkDown,
    /// No channel is free for outgoing calls.
    #[error("no B channel is free for outgoing calls")]
    NoChannel,
    /// The channel asked for is not free, blocked or not there.
    #[error("B channel {0} cannot be taken")]
    ChannelNotAvailable(u8),
}

/// Why a command was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The call is over.
    #[error("there is no call {0} on this interface")]
    NoSuchCall(CallId),
    /// The command has no place in the call's state.
    #[error("the command has no place in state {0}")]
    WrongState(CallState),
}

/// There is no such B channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no B channel {0} on this interface")]
pub struct NoSuchChannel(pub u8);
