//! What an interface is told at its making.

use std::time::Duration;

use crate::channels::{ChannelSet, Selection};

/// Which side of the interface this is (Q.931 §1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The subscriber's side (TE, CPE): towards a public network.
    User,
    /// The network's side (NT): towards a PBX behind the gateway.
    Network,
}

/// How SETUP asks for a channel (Q.931 §5.1.2, §5.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelChoice {
    /// One is named, and the peer may choose another.
    Preferred,
    /// One is named, and no other will do.
    Exclusive,
    /// The peer chooses. Until it has, the call has no channel.
    Any,
}

/// How SETUP says the caller's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameService {
    /// Not at all.
    None,
    /// By a Display element (Q.931 §4.5.16), which a public network takes from the network's side only. It has no way to
    /// keep a name from being shown, so a name with restricted presentation is left out.
    Display,
    /// By the supplementary service "calling name" in a Facility element (ISO/IEC 13868), as private networks have it.
    Facility,
}

/// Settings of an [`Interface`](crate::Interface).
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which side this is.
    pub role: Role,
    /// B channels there are, by time slot. By default the 30 of an E1 (1-15 and 17-31).
    pub channels: ChannelSet,
    /// Channels that only take incoming calls.
    pub incoming_only: ChannelSet,
    /// Channels that only take outgoing calls; an incoming call that insists on one is refused with cause 44.
    pub outgoing_only: ChannelSet,
    /// In which order channels are tried.
    pub selection: Selection,
    /// How calls of ours ask for a channel. By default the network insists on one and the user prefers one.
    pub channel_choice: ChannelChoice,
    /// Whether incoming calls may be incomplete (Q.931 §5.2.4). Without it a SETUP is complete as it is.
    pub overlap_receiving: bool,
    /// How our SETUP says the caller's name, when a call has one.
    pub name_service: NameService,
    /// Whether complete numbers are marked by Sending complete (Q.931 §4.5.27).
    pub sending_complete: bool,
    /// Whether the interface is restarted whenever the link comes up after it was lost (Q.931 §5.5).
    pub restart_when_up: bool,
    /// Layer 2.
    pub link: LinkSettings,
    /// Timers of layer 3.
    pub timers: Timers,
}

impl Settings {
    /// What EuroISDN on an E1 asks for.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            channels: ChannelSet::E1,
            incoming_only: ChannelSet::EMPTY,
            outgoing_only: ChannelSet::EMPTY,
            // From opposite ends, so that both sides rarely want the same channel.
            selection: match role {
                Role::User => Selection::Descending,
                Role::Network => Selection::Ascending,
            },
            channel_choice: match role {
                Role::User => ChannelChoice::Preferred,
                Role::Network => ChannelChoice::Exclusive,
            },
            overlap_receiving: false,
            name_service: NameService::Display,
            sending_complete: true,
            restart_when_up: false,
            link: LinkSettings::default(),
            timers: Timers::new(role),
        }
    }
}

/// Parameters of Q.921 §5.9.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// How long a frame may be without an answer: T200.
    pub t200: Duration,
    /// How long the link may be silent before the peer is asked: T203.
    pub t203: Duration,
    /// How often a frame is sent again: N200.
    pub n200: u8,
    /// Longest information field, in octets: N201.
    pub n201: usize,
    /// Most I frames that may be without acknowledgement: k.
    pub window: u8,
    /// Pause before the link is established again after the peer has refused or released it.
    pub pause: Duration,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            t200: Duration::from_secs(1),
            t203: Duration::from_secs(10),
            n200: 3,
            n201: 260,
            window: 7,
            pause: Duration::from_secs(1),
        }
    }
}

/// Timers of layer 3 (Q.931 §9.2, tables 9-1 and 9-2).
#[derive(Clone, Debug)]
pub struct Timers {
    /// From ALERTING to CONNECT.
    pub t301: Duration,
    /// Between digits of an incoming call.
    pub t302: Duration,
    /// From SETUP to the first answer; runs twice.
    pub t303: Duration,
    /// From the last digit of an outgoing call to the peer's next word.
    pub t304: Duration,
    /// From DISCONNECT to RELEASE or DISCONNECT.
    pub t305: Duration,
    /// Like T305 while a tone or announcement is given.
    pub t306: Duration,
    /// From RELEASE to RELEASE COMPLETE; runs twice.
    pub t308: Duration,
    /// How long an answered call survives the loss of the data link.
    pub t309: Duration,
    /// From CALL PROCEEDING to ALERTING, CONNECT, PROGRESS or DISCONNECT.
    pub t310: Duration,
    /// From CONNECT to CONNECT ACKNOWLEDGE; user's side only.
    pub t313: Duration,
    /// From RESTART to RESTART ACKNOWLEDGE; runs twice.
    pub t316: Duration,
    /// From STATUS ENQUIRY to STATUS; runs twice.
    pub t322: Duration,
}

impl Timers {
    /// The standard's values for a side; where it gives a range or asks for more, one that suits public networks.
    pub fn new(role: Role) -> Self {
        let seconds = Duration::from_secs;
        Self {
            t301: seconds(180),
            t302: seconds(15),
            t303: seconds(4),
            t304: seconds(match role {
                Role::User => 30,
                Role::Network => 20,
            }),
            t305: seconds(30),
            t306: seconds(30),
            t308: seconds(4),
            t309: seconds(90),
            t310: seconds(match role {
                Role::User => 120,
                Role::Network => 40,
            }),
            t313: seconds(4),
            t316: seconds(120),
            t322: seconds(4),
        }
    }
}
