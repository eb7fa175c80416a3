//! Call control of the Ramal gateway.
//!
//! [`Pbx::start`] opens the SIP sockets and takes calls until [`Pbx::shutdown`]. Everybody else holds a [`Pbx`] handle: the
//! API shows [`Pbx::live`] and follows [`Pbx::observe`], `ramald` asks [`Pbx::is_alive`].
//!
//! # How data flows
//!
//! - `sip`: the **agent** task owns [`ramal_sip::Endpoint`] and the sockets. REGISTER goes to the registrar, which writes
//!   the **location service** (`location`); an INVITE that proves who it is from becomes an incoming leg and starts a call.
//! - `leg`: a **leg** is one end of a call on any kind of line: commands in, events out, an end of the media beside them.
//!   SIP legs talk to the agent over bounded queues and work out SDP offers and answers.
//! - `call_thread`: the agent and all calls share one thread, so that nobody is woken when one hands something to another.
//! - `call`: one task per **call**, straight async code over legs: routing over the configuration snapshot the call began
//!   with, services of the gateway, ringing, talking, and the call's record at the end. Those who talk may be passed on
//!   and replaced; a call that rings may be picked up.
//! - `flow`: the pages that lead a call from a number over menus, queues and people to its end, the same for calls and for
//!   their simulation.
//! - `queues`: who waits in queues, who may be rung and who is; agents and their pauses.
//! - `recordings`: the recordings of calls, from their beginning to the end of their retention.
//! - `voicemail`: the messages in voicemail boxes, and the lamps that tell of them; `conference`: the rooms in use.
//! - `lines`: a task for each analogue port, between the line's events and the leg's.
//! - `parking`: the slots where calls wait that somebody has parked.
//! - `supervision`: who may listen to whose calls, and how he comes into them.
//! - `trunk`: a task for each SIP trunk, which registers and watches its hosts; who may call, and what is sent.
//! - `music`: what those hear who are put on hold.
//! - `live`: what is going on, for people to look at; `parties`: the same by number, for the lamps and presence of phones
//!   that have subscribed (`sip::subscriptions`).
//!
//! A new configuration version reaches the agent through the store's watch: the next call follows it, calls in progress
//! keep the snapshot they began with, and registrations of extensions that are gone are removed.

mod advertise;
mod call;
mod call_thread;
mod clock;
mod conference;
mod counters;
mod exchange;
mod flow;
mod hysteresis;
mod leg;
mod lines;
mod live;
mod location;
mod music;
mod parking;
mod parties;
mod pbx;
mod pins;
mod probe;
mod queue;
mod queues;
mod recordings;
mod self_check;
mod sip;
mod storage;
mod supervision;
mod tolls;
mod trunk;
mod verifications;
mod voicemail;

pub use advertise::{Advertise, NotAnAddress};
pub use call::{RecordingCommand, RecordingRefusal, VoiceDropRefusal};
pub use conference::{ConferenceMember, ConferenceRoom};
pub use counters::{
    AuthenticationCounters, CallCounters, Count, Counters, DefenceCounters, SipCounters,
};
pub use flow::simulate::{Scenario, Standing, Thought, ThoughtEnd, simulate};
pub use lines::{LineTestRefusal, LineTestStatus};
pub use live::{ActiveCall, CallState, Live, LiveEvent, RecordingState, Registration};
pub use music::SoundFolders;
pub use pbx::{Pbx, PbxConfig, PbxError, SipTls, TellingRefusal};
pub use probe::{ProbeError, Probed};
pub use queues::{
    AgentRefusal, AgentStatus, CallbackInQueue, CallbackRefusal, CallbackState, CallerInQueue,
    MemberState, MemberStatus, PauseReason, QueueStatus,
};
pub use recordings::RecordingConfig;
pub use self_check::{SelfCall, SelfCheckError};
pub use sip::{Ban, BanReason, WebSocketLink};
pub use supervision::{Supervision, SupervisionRefusal};
pub use trunk::{TextError, TrunkFault, TrunkState, TrunkStatus};
pub use verifications::CODE_DIGITS;
