//! SIP trunks: the connections to carriers.

mod address;
mod certificate;
mod input;
mod routing;
mod rules;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use address::{BadAddress, Cidr, HostPort};
pub use certificate::{BadCertificate, TrustedCertificate};
pub use input::TrunkInput;
pub use routing::{InboundNumber, OutboundPrefix};
pub(crate) use routing::{
    check_extensions, check_inbound, check_outbound, inbound_entry, outbound_number,
};
pub(crate) use rules::check_name;

use crate::{ExtensionId, MediaEncryption, MusicClassId, RecordingMode, Secret};

/// Trunks in one gateway.
pub const MAX_TRUNKS: usize = 100;
/// Hosts of one trunk, tried in order.
pub const MAX_HOSTS: usize = 4;
/// Source ranges of one trunk.
pub const MAX_SOURCES: usize = 32;
/// Inbound numbers of one trunk.
pub const MAX_INBOUND: usize = 1000;
/// Outbound prefixes of one trunk.
pub const MAX_OUTBOUND: usize = 50;
/// Seconds a registration is asked for when nothing else is said (RFC 3261 §10.2.1.1).
pub const DEFAULT_REGISTER_EXPIRES: u32 = 3600;
/// Seconds between two OPTIONS when nothing else is said.
pub const DEFAULT_OPTIONS_INTERVAL: u16 = 30;
/// Simultaneous calls of a trunk when nothing else is said.
pub const DEFAULT_MAX_CHANNELS: u16 = 30;
/// New calls a second over a trunk when nothing else is said.
pub const DEFAULT_MAX_CALLS_PER_SECOND: u16 = 10;
/// Place among the trunks when nothing else is said.
pub const DEFAULT_PRIORITY: u8 = 50;

/// Identifies a trunk for as long as it exists. Never used again after deletion.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct TrunkId(pub i64);

impl std::fmt::Display for TrunkId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How the gateway and the carrier know each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkAuth {
    /// The gateway registers with user and password; calls come from the registrar's addresses only.
    #[default]
    Register,
    /// By address: calls come from `sources`, whatever the port, and are not challenged.
    Ip,
    /// Calls out only; nothing that comes from the hosts is taken for this trunk.
    None,
}

/// What SIP is carried by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkTransport {
    /// Datagrams.
    #[default]
    Udp,
    /// A connection in clear.
    Tcp,
    /// A connection encrypted and authenticated by the carrier's certificate.
    Tls,
}

/// A header field that says who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityHeader {
    /// `From` (RFC 3261 §20.20).
    From,
    /// `P-Asserted-Identity` (RFC 3325 §9.1).
    PAssertedIdentity,
    /// `Remote-Party-ID` (draft-ietf-sip-privacy-04).
    RemotePartyId,
    /// `Diversion` (RFC 5806): who forwarded the call.
    Diversion,
    /// `History-Info` (RFC 7044): where the call was before.
    HistoryInfo,
}

/// A header field that says who sent a call on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiversionHeader {
    /// `Diversion` (RFC 5806): all who sent it on, the last one first.
    Diversion,
    /// `History-Info` (RFC 7044): from the number that was called first to the one that is called now.
    HistoryInfo,
}

/// What a carrier is told when the caller withholds his number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrivacyHandling {
    /// `From` is anonymous and `Privacy: id` asks the carrier to keep the asserted identity to itself (RFC 3323, RFC 3325).
    #[default]
    Privacy,
    /// `From` is anonymous and nothing else names the caller.
    AnonymousFrom,
    /// The number is shown all the same: some carriers refuse anonymous calls.
    Show,
}

/// Where the number stands that an incoming call is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DidSource {
    /// In the request URI.
    #[default]
    RequestUri,
    /// In `To`: carriers that put the account into the request URI.
    To,
    /// In `P-Called-Party-ID` (RFC 7315 §4.2).
    PCalledPartyId,
}

/// A codec as trunks name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum TrunkCodec {
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// G.722: twice the telephone band.
    G722,
    /// Opus.
    Opus,
    /// G.729, carried between two sides that both speak it; it comes after all others and not alone.
    G729,
}

/// How pressed keys travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DtmfMode {
    /// As telephone events in the media (RFC 4733).
    #[default]
    Rfc4733,
    /// As INFO requests with `application/dtmf-relay`.
    Info,
    /// As their tones in the sound.
    Inband,
}

/// What the gateway does about session timers (RFC 4028).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionTimerMode {
    /// Offers and refreshes them.
    #[default]
    Default,
    /// Takes part in none; calls are set up without them.
    Refuse,
}

fn both_diversion_headers() -> Vec<DiversionHeader> {
    vec![DiversionHeader::Diversion, DiversionHeader::HistoryInfo]
}

/// A SIP trunk. Its password lies elsewhere and is never shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SipTrunk {
    /// Stays the same when the name changes.
    pub id: TrunkId,
    /// 1-40 characters, unique among all trunks.
    pub name: String,
    /// Pilot number or account; user part of our Contact, and what To and request URI of calls may name. At most 64
    /// characters; the user when blank.
    pub line: String,
    /// A disabled trunk neither registers nor takes nor makes calls.
    pub enabled: bool,
    /// 1-4 hosts `name[:port]`, tried in order. A name without port is looked up by NAPTR and SRV, too (RFC 3263).
    #[schema(min_items = 1, max_items = 4, value_type = Vec<String>)]
    pub hosts: Vec<HostPort>,
    /// What SIP is carried by.
    pub transport: TrunkTransport,
    /// Whom to believe over TLS: blank for the authorities that the system trusts, authorities of the carrier's own in
    /// PEM, or the SHA-256 fingerprint of its certificate.
    #[serde(default)]
    #[schema(value_type = String)]
    pub trusted_certificate: TrustedCertificate,
    /// How the two sides know each other.
    pub auth: TrunkAuth,
    /// User of the account, at most 64 characters; needed for `register`.
    pub user: String,
    /// Networks that calls come from, for `ip`.
    #[schema(max_items = 32, value_type = Vec<String>)]
    pub sources: Vec<Cidr>,
    /// Seconds a registration is asked for, 60-86400.
    #[schema(minimum = 60, maximum = 86400)]
    pub register_expires: u32,
    /// Seconds between two OPTIONS, 10-3600; 0 sends none.
    #[schema(minimum = 0, maximum = 3600)]
    pub options_interval: u16,
    /// User part of From, at most 64 characters; the caller's number when blank.
    pub from_user: String,
    /// Host part of From; the first host when blank.
    pub from_domain: String,
    /// Header fields that carry the caller's number to the carrier.
    pub identity_out: Vec<IdentityHeader>,
    /// Header fields that tell the carrier who sent a call on: a number here that has its calls go elsewhere, and those
    /// before it. None: the carrier is not told.
    #[serde(default = "both_diversion_headers")]
    #[schema(max_items = 2)]
    pub diversion_out: Vec<DiversionHeader>,
    /// Header fields of the carrier that are believed; `From` is what is left when none says who calls.
    pub identity_in: Vec<IdentityHeader>,
    /// What is done for callers who withhold their number.
    pub privacy: PrivacyHandling,
    /// Where the number stands that an incoming call is for.
    pub did_source: DidSource,
    /// Simultaneous calls in both directions, 1-500.
    #[schema(minimum = 1, maximum = 500)]
    pub max_channels: u16,
    /// New calls a second in both directions, 1-100.
    #[schema(minimum = 1, maximum = 100)]
    pub max_calls_per_second: u16,
    /// Codecs in the order they are offered; those the other side of a call speaks are moved to the front.
    #[schema(min_items = 1, max_items = 5)]
    pub codecs: Vec<TrunkCodec>,
    /// How pressed keys travel.
    pub dtmf: DtmfMode,
    /// Whether media is encrypted.
    #[serde(default)]
    pub media_encryption: MediaEncryption,
    /// What is done about session timers.
    pub session_timer: SessionTimerMode,
    /// Whether provisional responses may be sent reliably (RFC 3262).
    pub rel100: bool,
    /// Place among the trunks for calls out, 1-99, lowest first.
    #[schema(minimum = 1, maximum = 99)]
    pub priority: u8,
    /// Which numbers go out here, and what is taken off them; none: no calls out.
    pub outbound: Vec<OutboundPrefix>,
    /// Where incoming numbers lead.
    pub inbound: Vec<InboundNumber>,
    /// Where all other incoming numbers lead; null refuses them.
    pub inbound_default: Option<ExtensionId>,
    /// What those hear whom somebody behind this trunk holds; null follows the company.
    #[serde(default)]
    pub music_class: Option<MusicClassId>,
    /// Whether calls over it are recorded; null leaves it to the extension and the company.
    #[serde(default)]
    pub recording: Option<RecordingMode>,
    /// Whether it shows verified numbers of users that its carrier has not given (F208).
    #[serde(default)]
    pub foreign_caller_id: bool,
}

impl SipTrunk {
    /// A trunk of which nothing but its identity is known.
    pub(crate) fn blank(id: TrunkId) -> Self {
        SipTrunk {
            id,
            name: String::new(),
            line: String::new(),
            enabled: true,
            hosts: Vec::new(),
            transport: TrunkTransport::default(),
            trusted_certificate: TrustedCertificate::default(),
            auth: TrunkAuth::default(),
            user: String::new(),
            sources: Vec::new(),
            register_expires: DEFAULT_REGISTER_EXPIRES,
            options_interval: DEFAULT_OPTIONS_INTERVAL,
            from_user: String::new(),
            from_domain: String::new(),
            identity_out: vec![IdentityHeader::From, IdentityHeader::PAssertedIdentity],
            diversion_out: both_diversion_headers(),
            identity_in: vec![
                IdentityHeader::From,
                IdentityHeader::PAssertedIdentity,
                IdentityHeader::RemotePartyId,
                IdentityHeader::Diversion,
                IdentityHeader::HistoryInfo,
            ],
            privacy: PrivacyHandling::default(),
            did_source: DidSource::default(),
            max_channels: DEFAULT_MAX_CHANNELS,
            max_calls_per_second: DEFAULT_MAX_CALLS_PER_SECOND,
            codecs: vec![TrunkCodec::Pcma, TrunkCodec::Pcmu],
            dtmf: DtmfMode::default(),
            media_encryption: MediaEncryption::default(),
            session_timer: SessionTimerMode::default(),
            rel100: true,
            priority: DEFAULT_PRIORITY,
            outbound: vec![OutboundPrefix::default()],
            inbound: Vec::new(),
            inbound_default: None,
            music_class: None,
            recording: None,
            foreign_caller_id: false,
        }
    }

    /// The account or pilot number the carrier knows this trunk by; blank when there is none.
    pub fn account(&self) -> &str {
        if self.line.is_empty() {
            &self.user
        } else {
            &self.line
        }
    }

    /// What is sent to the carrier for `number`; `None` when it does not go out here. The longest prefix decides.
    pub fn outbound_number<'a>(&self, number: &'a str) -> Option<&'a str> {
        outbound_number(&self.outbound, number)
    }

    /// The extension that calls for `did` lead to. A leading `+` makes no difference: carriers add and leave it out.
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

/// A trunk's password, as far as it may be kept: at most this many characters.
pub const MAX_PASSWORD: usize = 128;

/// A trunk with the password that was given with it, if one was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidTrunk {
    /// The trunk.
    pub trunk: SipTrunk,
    /// A new password.
    pub password: Option<Secret>,
}
