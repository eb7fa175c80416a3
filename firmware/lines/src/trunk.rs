//! Digital trunks: many calls on one span of an exchange, by ISDN or MFC-R2.
//!
//! A driver's thread runs the signalling of a span and gives whoever makes calls a [`Trunk`]: [`TrunkCommand`]s in,
//! [`TrunkEvent`]s out, and for each call the sound of its timeslot as a [`PortAudio`].

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use utoipa::ToSchema;

use crate::PortAudio;
use crate::messages::MessageStep;
use crate::signals::{SignalStep, TraceRequest};
use ramal_isdn::RedirectionReason;

/// Commands that may wait for the driver: some for every timeslot of a span.
const COMMANDS: usize = 128;
/// Requests to see signalling that may wait for the driver.
const REQUESTS: usize = 8;
/// Events that may wait for whoever makes the calls.
const EVENTS: usize = 512;

/// Identifies a call of a trunk for as long as the service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrunkCallId(u64);

impl TrunkCallId {
    /// One that no call has had.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Default for TrunkCallId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for TrunkCallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Somebody who has sent a call on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirected {
    /// Number; blank when it is withheld or not known.
    pub number: String,
    /// Why the call went on from there.
    pub reason: RedirectionReason,
}

/// Who calls, as the trunk says or is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrunkCaller {
    /// Number, blank when unknown.
    pub number: String,
    /// Name, blank when unknown.
    pub name: String,
    /// Whether the called party must not see it.
    pub withheld: bool,
    /// Who sent the call on, the last time that somebody did.
    pub redirected_by: Option<Redirected>,
    /// Whom the caller called, where the call was sent on more than once.
    pub first_called: Option<Redirected>,
}

/// What a trunk is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrunkCommand {
    /// Makes a call on a free timeslot.
    Call {
        /// Its number from here on.
        call: TrunkCallId,
        /// Whom to call.
        called: String,
        /// Who calls.
        caller: TrunkCaller,
    },
    /// The number of an incoming call is complete, somebody is being looked for.
    Proceed(TrunkCallId),
    /// The called party is being alerted.
    Alert(TrunkCallId),
    /// There is something to hear before the answer.
    Progress(TrunkCallId),
    /// Takes the call.
    Answer(TrunkCallId),
    /// Ends or refuses the call for this cause (Q.850).
    HangUp(TrunkCallId, u8),
    /// Takes a timeslot out of use for new calls, or back.
    Block {
        /// The timeslot, 1-31.
        timeslot: u8,
        /// Whether it is out of use.
        blocked: bool,
    },
    /// Brings a timeslot back to idle at both ends; a call on it ends.
    Reset {
        /// The timeslot, 1-31.
        timeslot: u8,
    },
}

/// What happens on a trunk.
#[derive(Debug)]
pub enum TrunkEvent {
    /// Somebody calls.
    Incoming {
        /// The number of the call from here on.
        call: TrunkCallId,
        /// Whom he calls, as far as dialled.
        called: String,
        /// Whether no more digits will come.
        complete: bool,
        /// Who calls.
        caller: TrunkCaller,
        /// Whether the called party is to pay.
        collect: bool,
        /// The timeslot.
        timeslot: u8,
        /// Its sound.
        audio: PortAudio,
    },
    /// More digits of an incoming call.
    Digits {
        /// The call.
        call: TrunkCallId,
        /// The digits.
        digits: String,
        /// Whether no more will come.
        complete: bool,
    },
    /// A call out has got its timeslot, or another one.
    Channel {
        /// The call.
        call: TrunkCallId,
        /// The timeslot.
        timeslot: u8,
        /// Its sound.
        audio: PortAudio,
    },
    /// The exchange has the whole number.
    Proceeding(TrunkCallId),
    /// The called party is being alerted.
    Ringing {
        /// The call.
        call: TrunkCallId,
        /// Whether the ringback tone comes with the sound.
        in_band: bool,
    },
    /// Something can be heard before the answer.
    Progress(TrunkCallId),
    /// The called party has answered.
    Answered(TrunkCallId),
    /// The far end has hung up and may still play a tone or announcement.
    Disconnecting {
        /// The call.
        call: TrunkCallId,
        /// Why (Q.850).
        cause: u8,
        /// Whether there is something to hear.
        in_band: bool,
    },
    /// The call is over; its number means nothing any more.
    Released {
        /// The call.
        call: TrunkCallId,
        /// Why (Q.850).
        cause: u8,
    },
}

/// How the signalling of a span is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = E1TrunkState)]
pub enum TrunkState {
    /// Not started yet.
    #[default]
    Starting,
    /// The line is dead or in alarm.
    LineDown,
    /// The line is there and nobody answers on the signalling channel.
    SignallingDown,
    /// Calls can be made.
    Up,
    /// The span is there and the kernel refuses its configuration or its channels.
    Refused,
    /// The card or the span is gone.
    Gone,
}

/// What is wrong with a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = E1TrunkFault)]
pub enum TrunkFault {
    /// There is no span of this name: its card is pulled out, or its driver does not run.
    NoSpan,
    /// The kernel refuses the configuration, or another program has the channels; the reason says which.
    Refused,
    /// Nothing comes in.
    NoSignal,
    /// A signal comes in without the frames of an E1: another framing, or not an E1.
    FrameAlignment,
    /// CRC-4 is used at one end only, or much is damaged on the way.
    Crc4,
    /// The far end uses another line code.
    LineCode,
    /// The far end's own equipment sends the alarm indication signal.
    AlarmIndication,
    /// The far end says that it does not hear us.
    FarEndAlarm,
    /// The line leads back to where it came from.
    Looped,
    /// Nobody answers on the signalling channel.
    NoAnswer,
    /// More comes on the signalling channel than anybody could mean.
    Babbles,
}

/// What a timeslot is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeslotState {
    /// Free.
    Idle,
    /// A call has it.
    Busy,
    /// Taken out of use here.
    Blocked,
    /// Taken out of use by the far end.
    RemotelyBlocked,
    /// It carries signalling.
    Signalling,
}

/// A timeslot as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TimeslotStatus {
    /// Its number, 1-31.
    pub timeslot: u8,
    /// What it is doing.
    pub state: TimeslotState,
}

/// Where the clock comes from that a trunk's card sends by. Lines that keep another clock slip: frames of sound are lost or
/// repeated (G.822).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = E1TrunkClock)]
pub struct TrunkClock {
    /// Rank of this trunk's line as a source, from 1, the lowest that works is taken; 0: never.
    pub rank: u8,
    /// The driver's name of the span whose line gives the clock now, such as `TE2/0/1`; null when the card runs on its own
    /// clock or its driver does not tell.
    pub source: Option<String>,
    /// Whether that is the line of this trunk.
    pub is_source: bool,
}

/// A trunk as people see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = E1TrunkStatus)]
pub struct TrunkStatus {
    /// Its name.
    pub name: String,
    /// Whether calls can be made, and else why not.
    pub state: TrunkState,
    /// What is wrong, as far as it is known.
    pub fault: Option<TrunkFault>,
    /// What the kernel refuses, and what to do about it; English.
    pub reason: Option<String>,
    /// Alarms in force, such as `RED`.
    pub alarms: Vec<String>,
    /// CRC-4 errors since the start.
    pub crc4_errors: u32,
    /// Slips since the start.
    pub slips: u32,
    /// Where the clock comes from.
    pub clock: TrunkClock,
    /// Its timeslots.
    pub timeslots: Vec<TimeslotStatus>,
}

/// Why a trunk did not take a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrunkError {
    /// The driver has ended.
    #[error("the trunk {0} has no driver any more; restart the gateway or check the card")]
    Gone(String),
    /// The driver does not keep up.
    #[error("the trunk {0} does not take commands at the moment; try again")]
    Overloaded(String),
}

/// The way to a trunk's driver. Cheap to clone.
#[derive(Clone)]
pub struct TrunkHandle {
    name: Arc<str>,
    commands: mpsc::Sender<TrunkCommand>,
    requests: mpsc::Sender<TraceRequest>,
    wake: Arc<dyn Fn() + Send + Sync>,
    status: Arc<RwLock<TrunkStatus>>,
}

impl fmt::Debug for TrunkHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TrunkHandle").field(&self.name).finish()
    }
}

impl TrunkHandle {
    /// The trunk's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells the trunk to do something.
    ///
    /// # Errors
    /// [`TrunkError`]; the command is not carried out then.
    pub fn command(&self, command: TrunkCommand) -> Result<(), TrunkError> {
        self.commands
            .try_send(command)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => TrunkError::Overloaded(self.name.to_string()),
                mpsc::error::TrySendError::Closed(_) => TrunkError::Gone(self.name.to_string()),
            })?;
        (self.wake)();
        Ok(())
    }

    /// The signals of the present or last call on a timeslot, oldest first; at most the last 400. None where the signalling
    /// is not the timeslot's own (ISDN), or the span is gone.
    pub async fn signals(&self, timeslot: u8) -> Option<Vec<SignalStep>> {
        self.ask(|reply| TraceRequest::Signals { timeslot, reply })
            .await
    }

    /// The last frames of the D channel, oldest first; at most 300 with messages and 100 others. None where there is no D
    /// channel (MFC-R2), or the span is gone.
    pub async fn messages(&self) -> Option<Vec<MessageStep>> {
        self.ask(TraceRequest::Messages).await
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> TraceRequest) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.requests.try_send(request(reply)).ok()?;
        (self.wake)();
        answer.await.ok()
    }

    /// How the trunk is now.
    pub fn status(&self) -> TrunkStatus {
        self.status
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A digital trunk, held by whoever makes its calls.
#[derive(Debug)]
pub struct Trunk {
    /// The way to its driver.
    pub handle: TrunkHandle,
    /// What happens on it. The queue ends when the driver does.
    pub events: mpsc::Receiver<TrunkEvent>,
}

/// The driver's end of a trunk.
pub(crate) struct DriverTrunk {
    pub commands: mpsc::Receiver<TrunkCommand>,
    pub requests: mpsc::Receiver<TraceRequest>,
    events: mpsc::Sender<TrunkEvent>,
    status: Arc<RwLock<TrunkStatus>>,
}

impl DriverTrunk {
    /// Reports an event. Nobody who is 512 events late still has a call to save.
    pub fn report(&self, event: TrunkEvent) {
        if let Err(error) = self.events.try_send(event) {
            tracing::error!(%error, "an event of a trunk was lost");
        }
    }

    /// Says how the trunk is from now on.
    pub fn set_status(&self, change: impl FnOnce(&mut TrunkStatus)) {
        change(&mut self.status.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Both ends of a new trunk; `wake` makes the driver look at its commands.
pub(crate) fn trunk(name: &str, wake: Arc<dyn Fn() + Send + Sync>) -> (Trunk, DriverTrunk) {
    let (commands, queue) = mpsc::channel(COMMANDS);
    let (requests, wanted) = mpsc::channel(REQUESTS);
    let (reporter, events) = mpsc::channel(EVENTS);
    let status = Arc::new(RwLock::new(TrunkStatus {
        name: name.to_owned(),
        ..TrunkStatus::default()
    }));
    let handle = TrunkHandle {
        name: name.into(),
        commands,
        requests,
        wake,
        status: status.clone(),
    };
    let driver = DriverTrunk {
        commands: queue,
        requests: wanted,
        events: reporter,
        status,
    };
    (Trunk { handle, events }, driver)
}
