//! Why a call went where it went: the steps of the routing decision and of the call after it, stored with the call.
//!
//! Steps carry codes and values, never sentences: the web interface words them in the reader's language.

use std::time::Duration;

use ramal_media::HandshakeFault;
use ramal_model::{Clearing, OfflineAction, RecordingProblem, TollClass};
use serde::Serialize;

use crate::supervision::Supervision;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(crate) enum Step {
    /// An authenticated extension dialled a number.
    Dialled { by: String, number: String },
    /// A call came in by a line to the exchange, and goes to this number.
    CameIn { line: String, number: String },
    /// The number leads out over a line to the exchange, where this is dialled.
    Trunk { number: String },
    /// The call was forwarded before it came here.
    DivertedBy { number: String, reason: String },
    /// The call goes out over a SIP trunk, as this number.
    SipTrunk {
        trunk: String,
        host: String,
        number: String,
    },
    /// A SIP trunk's host did not take the call.
    SipTrunkFailed {
        trunk: String,
        host: String,
        cause: u8,
    },
    /// The call goes out over an E1 trunk, as this number.
    E1Trunk { trunk: String, number: String },
    /// An E1 trunk's exchange did not take the call.
    E1TrunkFailed { trunk: String, cause: u8 },
    /// A trunk was not tried.
    SipTrunkPassedOver { trunk: String, because: PassedOver },
    /// The number is that of a telephone on a line of the gateway.
    Station { number: String, line: String },
    /// The number calls for help: it goes out whatever else is set.
    Emergency { number: String },
    /// The gateway calls the number to tell a code there, by which somebody shows that it is his.
    TellsCode { number: String },
    /// The number is a feature code.
    FeatureCode { code: String, feature: Feature },
    /// Somebody parked the call in a slot.
    Parked { by: String, slot: String },
    /// Somebody took it there.
    ParkTaken { by: String, slot: String },
    /// Nobody did: it goes back to whoever parked it.
    ParkReturns { to: String, slot: String },
    /// An end asks back at a number while the other one is held.
    Consults { by: End, number: String },
    /// It went between the two.
    ConsultSwapped { by: End },
    /// Asking back is over.
    ConsultEnded { how: ConsultEnd },
    /// A supervisor listens to the calls of an extension, or does more.
    Supervised {
        by: String,
        of: String,
        mode: Supervision,
    },
    /// The caller gave up waiting at this place, and is called back at this number.
    QueueCallback { number: String, position: usize },
    /// Somebody who waited so many seconds in a queue is called back.
    QueueCallsBack { number: String, waited: u64 },
    /// An end left the other one a recorded message and was let go.
    Voicedrop { by: End, message: String },
    /// Somebody joined the two who talk.
    ThirdJoined { number: String },
    /// Somebody who was the third one in the call has left it.
    ThirdLeft { number: String },
    /// The number asks for a call that rings elsewhere.
    PickupCode { code: String },
    /// What is said goes to the phones of a paging group.
    Paging { group: String },
    /// The number is an extension's.
    Extension { number: String, name: String },
    /// The call goes no further.
    Refused { reason: Refused },
    /// The extension's phones ring.
    Ringing { contacts: usize, seconds: u16 },
    /// One of the phones refused.
    ContactRefused { device: String, cause: u8 },
    /// One of the phones took the call.
    AnsweredBy { device: String },
    /// The gateway itself took the call.
    AnsweredByGateway,
    /// Nobody took it in time.
    NoAnswer,
    /// The caller gave up.
    CallerGaveUp,
    /// An end put the other on hold.
    Held { by: End },
    /// An end took the other back.
    Resumed { by: End },
    /// The call became a fax, as this end wanted.
    Fax { by: End },
    /// No more media came from an end.
    MediaLost { from: End },
    /// An end and the gateway found no keys for its media.
    Unsecured { end: End, why: Unsecured },
    /// The party outside has been told that the call is recorded.
    RecordingNoticePlayed,
    /// The recording began, by the settings or because somebody asked for it.
    RecordingStarted { on_demand: bool },
    /// What follows is left out of the recording.
    RecordingPaused,
    /// The recording goes on.
    RecordingResumed,
    /// Somebody ended the recording.
    RecordingStopped,
    /// There is no recording, or it ended early.
    NotRecorded { problem: RecordingProblem },
    /// What callers of the box are told was played: its own greeting, or which other.
    GreetingPlayed { greeting: Greeting },
    /// A message was left.
    MessageLeft { seconds: u64 },
    /// No message was left.
    MessageNotLeft { reason: NotLeft },
    /// Somebody listens to what lies in a voicemail box.
    MailboxOpened { mailbox: String },
    /// The PIN pressed was wrong.
    WrongPin { attempt: u32 },
    /// So many wrong PINs were pressed before that none is taken for a while.
    PinsRefused,
    /// The caller is in a conference.
    ConferenceJoined {
        conference: String,
        moderator: bool,
        members: usize,
    },
    /// He was not let into the conference.
    ConferenceRefused { conference: String, reason: NoEntry },
    /// The moderator of the conference, or an administrator, put him out of it.
    ConferenceRemoved { conference: String },
    /// The call was ended through the API, or because the gateway stops.
    EndedHere { why: EndedHere },
    /// An end hung up.
    HungUp { by: End },
    /// Somebody else took the call that rang, by feature code or by its dialog.
    PickedUp { by: String },
    /// An end asked for the other one to be passed on to a number.
    TransferAsked { by: End, number: String },
    /// The end that passed the other one on hung up before it was known how that went.
    TransferorLeft { end: End },
    /// The other end was passed on.
    Transferred { by: End },
    /// The other end could not be passed on.
    TransferFailed { by: End, cause: u8 },
    /// The call is for a number of the company.
    Number { number: String, label: String },
    /// An inbound route takes the call.
    InboundRoute { route: String },
    /// An outbound route takes the call by its rule with this pattern.
    OutboundRoute { route: String, pattern: String },
    /// A number outside is of this class, and may not be called by this extension, or now.
    TollBarred {
        by: String,
        number: String,
        class: TollClass,
        reason: Refused,
    },
    /// The number takes no calls, or not this one.
    NumberRefuses { because: NumberRefuses },
    /// The number forwards all calls.
    Forwarded { number: String },
    /// An extension has its calls go elsewhere.
    ForwardedBy {
        extension: String,
        number: String,
        because: ForwardedBecause,
    },
    /// Somebody outside has answered, and is asked to press a key if he takes the call.
    KeyAsked { number: String },
    /// He has pressed one.
    KeyPressed { number: String },
    /// He has pressed none, or does not want the call.
    KeyMissing { number: String },
    /// Those called do not see the caller's number.
    NumberHidden,
    /// A fork by the time led one way.
    TimeCondition {
        condition: String,
        fork: Fork,
        local_time: String,
        holiday: Option<String>,
    },
    /// An announcement is played.
    Announcement { announcement: String },
    /// The caller hears a menu.
    Ivr { ivr: String },
    /// He chose by this key.
    IvrKey { key: String, label: String },
    /// He dialled an extension in the menu.
    IvrExtension { number: String },
    /// He pressed something that leads nowhere.
    IvrInvalid { keys: String },
    /// He pressed nothing in time.
    IvrTimeout,
    /// He has tried often enough.
    IvrExceeded,
    /// The call comes to a queue.
    Queue { queue: String },
    /// The caller waits at this place of the queue.
    QueueWaits { position: usize },
    /// There is no place in the queue.
    QueueFull,
    /// No member of the queue is there.
    QueueEmpty,
    /// Members of the queue ring.
    QueueRings { numbers: Vec<String> },
    /// A member did not take several calls in a row and takes no more.
    QueuePaused { number: String },
    /// Somebody took the call out of the queue, after so many seconds.
    QueueTaken { waited: u64 },
    /// The caller has waited so many seconds, which is enough.
    QueueTimeout { seconds: u64 },
    /// Somebody logged in or out or paused at his phone.
    Agent { did: AgentDid },
    /// The call comes to a voicemail box.
    Voicemail { mailbox: String },
    /// The call comes to a conference.
    Conference { room: String },
    /// An extension rings.
    Rings { number: String },
    /// Somebody who would be rung is not.
    PassedOver { number: String, because: Unreached },
    /// None of those who would be rung is online.
    NobodyOnline,
    /// Some of those who would be rung are online, none of them free.
    AllBusy,
    /// The time to ring is too short to ring anybody.
    RingsNobody,
    /// What is done when nobody can take the call.
    OfflineAction { action: OfflineAction },
    /// The way of the call ends, and the caller is told this.
    LedToEnd { clearing: Clearing },
    /// The call was led on too often.
    RoundInCircles,
    /// Somebody took the place of an end; `from` is the call it was in before.
    Replaced {
        end: End,
        by: String,
        from: Option<String>,
    },
}

/// Why a number takes no calls, or not this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NumberRefuses {
    /// The caller withholds his number.
    Anonymous,
    /// The caller is on its list.
    Blocked,
    /// It takes none at all.
    Mode,
    /// It is out of service.
    OutOfService,
}

/// Which way a fork by the time led.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fork {
    /// That of its periods.
    Match,
    /// The other one.
    NoMatch,
}

/// What somebody did by a code for agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AgentDid {
    /// Takes calls of queues here from now on.
    LoggedIn,
    /// Takes them no more.
    LoggedOut,
    /// Takes none for a while.
    Paused,
    /// Takes them again.
    Resumed,
    /// Nobody here is an agent.
    IsNoAgent,
    /// Somebody else has logged in at this phone.
    PhoneTaken,
    /// There is no such break.
    NoSuchBreak,
    /// As many as may are in the break.
    BreakFull,
    /// He does not know the agent's PIN, or the agent has none.
    WrongPin,
}

/// Which calls of an extension go elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ForwardedBecause {
    /// All.
    All,
    /// Those that come while it is busy.
    Busy,
    /// Those that nobody takes.
    NoAnswer,
}

/// Why somebody is not rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unreached {
    /// No device of his is in service.
    Offline,
    /// He is in a call.
    Busy,
    /// He does not want to be disturbed.
    DoNotDisturb,
    /// It is not in his working hours.
    OffWork,
}

/// What the callers of a voicemail box hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Greeting {
    /// The box's own.
    Mailbox,
    /// That of the number that was called.
    Number,
    /// That of the queue that the caller came through.
    Queue,
    /// The company's.
    Company,
    /// The gateway's own words.
    BuiltIn,
}

/// Why no message was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NotLeft {
    /// The box holds as many as it may.
    Full,
    /// It was shorter than the box takes, or nothing was said.
    TooShort,
    /// The caller hung up before he said anything.
    HungUp,
    /// The disk is full.
    DiskFull,
    /// The disk fails, or nothing can be recorded here.
    NotStored,
}

/// Why somebody was not let into a conference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoEntry {
    /// He did not know the PIN.
    Pin,
    /// As many are in it as may be.
    Full,
    /// Its moderator has closed it.
    Locked,
}

/// Why a SIP trunk was not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PassedOver {
    /// It is not registered, or its hosts do not answer.
    Down,
    /// All its channels are in use, or too many calls have begun this second.
    Full,
}

/// What a feature code does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Feature {
    /// Plays back what it hears.
    Echo,
    /// Tells the time.
    SpeakingClock,
    /// Says the caller's own number.
    SayNumber,
    /// Messages in the caller's own voicemail box.
    OwnVoicemail,
    /// Messages in a voicemail box whose PIN the caller knows.
    AnyVoicemail,
    /// Logs an agent in or out.
    AgentLogin,
    /// Lets an agent pause, or take calls again.
    AgentPause,
    /// Has all calls of the extension go elsewhere.
    ForwardAll,
    /// Ends that.
    ForwardAllOff,
    /// Has calls go elsewhere while the extension is busy.
    ForwardBusy,
    /// Ends that.
    ForwardBusyOff,
    /// Has calls go elsewhere that nobody takes.
    ForwardNoAnswer,
    /// Ends that.
    ForwardNoAnswerOff,
    /// The extension takes no calls.
    DoNotDisturb,
    /// Ends that.
    DoNotDisturbOff,
    /// Calls whoever called last.
    CallBack,
    /// Switches a fork by the time by hand, and back.
    TimeOverride,
    /// Parks a call.
    Park,
    /// Takes a parked call.
    ParkSlot,
    /// Supervises the calls of an extension.
    Supervise,
    /// Speaks to somebody whose phone takes the call by itself.
    Intercom,
}

/// Why a call goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refused {
    /// Nothing has this number.
    UnknownNumber,
    /// A carrier sent a call for a number that leads nowhere.
    UnconfiguredNumber,
    /// No trunk works that the number could go out by.
    TrunksDown,
    /// The extension is switched off.
    Disabled,
    /// All lines to the exchange are in use.
    NoFreeLine,
    /// Calls to other countries are not allowed.
    InternationalBarred,
    /// Calls to this country are not allowed.
    CountryBarred,
    /// The class of service of the extension does not have such numbers.
    ClassBarred,
    /// The extension has begun as many calls outside within a minute as it may.
    CallRate,
    /// The extension has talked outside today for as long as it may.
    DailyCap,
    /// The outbound routes that fit are not for this extension, or not at this time.
    RouteBarred,
    /// The caller has no number any more that he could call outside with.
    NoOutboundNumber,
    /// The number that the caller would show is assigned to others.
    NumberNotAssigned,
    /// The caller dialled itself.
    OwnNumber,
    /// The caller has as many calls as it may.
    CallerBusy,
    /// The callee has as many calls as it may, or every phone of it is busy.
    Busy,
    /// No phone of the callee is registered.
    NotRegistered,
    /// No call rings that could be picked up.
    NothingToPickUp,
    /// The extension whose call was to be picked up is in pickup groups that the caller is not in.
    NotInPickupGroup,
    /// The extension is in no call that the caller may supervise.
    NotSupervised,
    /// No call is parked there.
    NothingParked,
    /// All slots for parked calls are taken, or the one asked for is.
    NoFreeSlot,
    /// A phone of the callee refused for good.
    Rejected,
    /// No codec that the gateway speaks was offered.
    NoCommonCodec,
    /// No port or memory left for another call.
    NoResources,
}

/// An end of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// Who called.
    Caller,
    /// Who was called.
    Callee,
}

impl End {
    /// The one at the other end.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// How asking back ended, when nobody was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConsultEnd {
    /// Whoever asked back went back to the other end.
    Aborted,
    /// The one who was asked hung up.
    TargetLeft,
    /// He was not reached.
    NotReached,
    /// All three talk.
    ThreeWay,
}

/// Why the gateway ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EndedHere {
    /// Asked for through the API.
    Administrator,
    /// The service stops.
    Shutdown,
    /// A service such as the clock has said all it says.
    Finished,
    /// The extension that it is charged to has talked for as long as it may today.
    DailyCap,
}

/// Why there are no keys for an end's media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unsecured {
    /// It showed another certificate than it had announced.
    WrongCertificate,
    /// It protects media in no way that the gateway knows.
    NoCommonSuite,
    /// The handshake went wrong.
    Broken,
}

impl Step {
    pub(crate) fn unsecured(end: End, fault: HandshakeFault) -> Self {
        let why = match fault {
            HandshakeFault::WrongCertificate => Unsecured::WrongCertificate,
            HandshakeFault::NoCommonSuite => Unsecured::NoCommonSuite,
            HandshakeFault::Broken => Unsecured::Broken,
        };
        Self::Unsecured { end, why }
    }
}

/// A step and when it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Entry {
    /// Milliseconds since the call arrived.
    at_ms: u64,
    #[serde(flatten)]
    step: Step,
}

/// The steps of one call.
#[derive(Debug, Default)]
pub(crate) struct Trace(Vec<Entry>);

impl Trace {
    /// Steps kept; a phone toggling hold for hours does not make the record grow beyond.
    const LIMIT: usize = 200;

    /// Adds a step taken `at` after the call arrived.
    pub(crate) fn push(&mut self, at: Duration, step: Step) {
        if self.0.len() < Self::LIMIT {
            self.0.push(Entry {
                at_ms: at.as_millis().try_into().unwrap_or(u64::MAX),
                step,
            });
        }
    }

    /// The steps as JSON objects.
    pub(crate) fn into_json(self) -> Vec<serde_json::Value> {
        // Strings and integers only: this cannot fail.
        self.0
            .iter()
            .map(|entry| serde_json::to_value(entry).unwrap_or_default())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_stored_as_code_and_values() {
        let mut trace = Trace::default();
        trace.push(
            Duration::from_millis(12),
            Step::Refused {
                reason: Refused::NotRegistered,
            },
        );
        assert_eq!(
            trace.into_json(),
            [serde_json::json!({"at_ms": 12, "step": "refused", "reason": "not_registered"})]
        );
    }

    #[test]
    fn a_trace_has_an_end() {
        let mut trace = Trace::default();
        for _ in 0..10_000 {
            trace.push(Duration::ZERO, Step::Held { by: End::Callee });
        }
        assert_eq!(trace.0.len(), Trace::LIMIT);
    }
}
