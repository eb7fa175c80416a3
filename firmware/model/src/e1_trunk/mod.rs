//! E1 trunks: spans to a carrier or to another exchange, signalled by ISDN (PRI) or by MFC-R2.

mod input;
mod rules;
mod signalling;
mod variant;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use input::E1TrunkInput;
pub use signalling::{E1SignallingInput, E1SignallingKind};
pub use variant::R2_VARIANTS;

use crate::trunk::{inbound_entry, outbound_number};
use crate::{ExtensionId, InboundNumber, OutboundPrefix};

/// E1 trunks in one gateway: as many as DAHDI has spans.
pub const MAX_E1_TRUNKS: usize = 128;
/// Most characters of a span's device name (`struct dahdi_spaninfo`).
pub const MAX_DEVICE: usize = 19;
/// Digits of the called number that an R2 exchange sends when nothing else is said.
pub const DEFAULT_R2_DIGITS: u8 = 4;
/// Most digits of the caller's number that are asked of an R2 exchange when nothing else is said.
pub const DEFAULT_CALLER_DIGITS: u8 = 20;

/// Identifies an E1 trunk for as long as it exists. Never used again after deletion.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct E1TrunkId(pub i64);

impl std::fmt::Display for E1TrunkId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Which side of an ISDN line the gateway is (Q.931 §1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IsdnSide {
    /// The subscriber's: towards a carrier.
    #[default]
    User,
    /// The network's: towards a private exchange behind the gateway.
    Network,
}

/// How an ISDN line is told the caller's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallingNameService {
    /// Not at all.
    #[default]
    Off,
    /// By a Display element (Q.931 §4.5.16), as private exchanges and telephones take it from the network's side.
    Display,
    /// By the service "calling name" in a Facility element (ISO/IEC 13868), as private networks of exchanges have it.
    Facility,
}

/// In which order free timeslots are taken. The far end should have the opposite order, so that both rarely want the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelOrder {
    /// The lowest first.
    Ascending,
    /// The highest first.
    #[default]
    Descending,
    /// The next above the one taken last.
    RoundRobin,
}

/// What signals the calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum E1Signalling {
    /// ISDN primary rate (EuroISDN: Q.921, Q.931).
    E1Pri {
        /// Which side the gateway is.
        side: IsdnSide,
        /// Whether the carrier sends called numbers digit by digit.
        overlap: bool,
        /// How the line is told the names of callers; those that come in are read either way.
        #[serde(default)]
        calling_name: CallingNameService,
    },
    /// MFC-R2 (Q.400-Q.490).
    E1R2 {
        /// Country's variant or carrier's preset, such as `br` or `br-embratel`; one of [`R2_VARIANTS`].
        variant: String,
        /// Digits of the called number that the exchange sends, 1-20.
        #[schema(minimum = 1, maximum = 20)]
        called_digits: u8,
        /// Most digits of the caller's number that are asked for, 0-20.
        #[schema(minimum = 0, maximum = 20)]
        caller_digits: u8,
        /// Whether collect calls are taken: told by their category, and by answering twice where exchanges do not tell.
        collect_calls: bool,
        /// Answers every call twice, so that exchanges that do not tell collect calls take them down.
        double_answer: bool,
        /// Ends answered calls of the exchange at once instead of after its clear-back time.
        forced_release: bool,
    },
}

/// An E1 trunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct E1Trunk {
    /// Stays the same when the name changes.
    pub id: E1TrunkId,
    /// 1-40 characters, unique among all trunks.
    pub name: String,
    /// A disabled trunk neither takes nor makes calls.
    pub enabled: bool,
    /// The span it is on, by its driver's name, such as `TE2/0/1`; 1-19 characters, one trunk for each.
    pub device: String,
    /// Whether the multiframe with CRC-4 is used (G.704 §2.3.3). Both ends must agree.
    pub crc4: bool,
    /// Rank as a source of the clock, 1-16; 0 gives the clock to the far end.
    #[schema(minimum = 0, maximum = 16)]
    pub clock_rank: u8,
    /// Whether the echo of far ends is taken out of calls; on unless said otherwise.
    #[serde(default = "on")]
    pub echo_cancellation: bool,
    /// What signals the calls.
    pub signalling: E1Signalling,
    /// In which order free timeslots are taken.
    pub channel_order: ChannelOrder,
    /// Timeslots that are taken out of use, 1-15 and 17-31, in order.
    pub blocked: Vec<u8>,
    /// Place among the trunks for calls out, 1-99, lowest first.
    #[schema(minimum = 1, maximum = 99)]
    pub priority: u8,
    /// Which numbers go out here, and what is taken off them; none: no calls out.
    pub outbound: Vec<OutboundPrefix>,
    /// Where incoming numbers lead.
    pub inbound: Vec<InboundNumber>,
    /// Where all other incoming numbers lead; null refuses them.
    pub inbound_default: Option<ExtensionId>,
    /// Whether it shows verified numbers of users that its carrier has not given (F208).
    #[serde(default)]
    pub foreign_caller_id: bool,
}

fn on() -> bool {
    true
}

impl E1Trunk {
    /// What is dialled for `number`; `None` when it does not go out here. The longest prefix decides.
    pub fn outbound_number<'a>(&self, number: &'a str) -> Option<&'a str> {
        outbound_number(&self.outbound, number)
    }

    /// The extension that calls for `did` lead to.
    pub fn inbound_extension(&self, did: &str) -> Option<ExtensionId> {
        inbound_entry(&self.inbound, did)
            .map(|entry| entry.extension)
            .or(self.inbound_default)
    }

    /// Whether `did` is one of the inbound numbers.
    pub fn has_inbound_number(&self, did: &str) -> bool {
        inbound_entry(&self.inbound, did).is_some()
    }

    /// The extensions that calls are led to.
    pub fn extensions(&self) -> impl Iterator<Item = ExtensionId> {
        self.inbound
            .iter()
            .map(|entry| entry.extension)
            .chain(self.inbound_default)
    }
}
