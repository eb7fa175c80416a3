//! Header field names.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::ByteStr;

macro_rules! header_names {
    ($($(#[$doc:meta])* $variant:ident = $long:literal $(, $compact:literal)?;)*) => {
        /// The name of a header field. Comparison ignores case, and a compact form is its long form.
        #[derive(Clone, Debug)]
        pub enum HeaderName {
            $($(#[$doc])* $variant,)*
            /// Any other name, as spelled.
            Other(ByteStr),
        }

        impl HeaderName {
            /// The long form with its usual capitals; for [`Other`](Self::Other) as spelled.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $long,)*
                    Self::Other(name) => name,
                }
            }
        }

        static ALL: &[(&str, HeaderName)] = &[
            $(($long, HeaderName::$variant), $(($compact, HeaderName::$variant),)?)*
        ];
    };
}

header_names! {
    /// RFC 3261 §20.1
    Accept = "Accept";
    /// RFC 3841
    AcceptContact = "Accept-Contact", "a";
    /// RFC 3261 §20.2
    AcceptEncoding = "Accept-Encoding";
    /// RFC 3261 §20.3
    AcceptLanguage = "Accept-Language";
    /// RFC 3261 §20.4
    AlertInfo = "Alert-Info";
    /// RFC 3261 §20.5
    Allow = "Allow";
    /// RFC 6665
    AllowEvents = "Allow-Events", "u";
    /// RFC 3261 §20.6
    AuthenticationInfo = "Authentication-Info";
    /// RFC 3261 §20.7
    Authorization = "Authorization";
    /// RFC 3261 §20.8
    CallId = "Call-ID", "i";
    /// RFC 3261 §20.9
    CallInfo = "Call-Info";
    /// RFC 3261 §20.10
    Contact = "Contact", "m";
    /// RFC 3261 §20.11
    ContentDisposition = "Content-Disposition";
    /// RFC 3261 §20.12
    ContentEncoding = "Content-Encoding", "e";
    /// RFC 3261 §20.13
    ContentLanguage = "Content-Language";
    /// RFC 3261 §20.14
    ContentLength = "Content-Length", "l";
    /// RFC 3261 §20.15
    ContentType = "Content-Type", "c";
    /// RFC 3261 §20.16
    CSeq = "CSeq";
    /// RFC 3261 §20.17
    Date = "Date";
    /// RFC 5806
    Diversion = "Diversion";
    /// RFC 3261 §20.18
    ErrorInfo = "Error-Info";
    /// RFC 6665
    Event = "Event", "o";
    /// RFC 3261 §20.19
    Expires = "Expires";
    /// RFC 5626
    FlowTimer = "Flow-Timer";
    /// RFC 3261 §20.20
    From = "From", "f";
    /// RFC 7044
    HistoryInfo = "History-Info";
    /// RFC 8224
    Identity = "Identity", "y";
    /// RFC 3261 §20.21
    InReplyTo = "In-Reply-To";
    /// RFC 3911
    Join = "Join";
    /// RFC 3261 §20.22
    MaxForwards = "Max-Forwards";
    /// RFC 3261 §20.24
    MimeVersion = "MIME-Version";
    /// RFC 3261 §20.23
    MinExpires = "Min-Expires";
    /// RFC 4028
    MinSe = "Min-SE";
    /// RFC 3261 §20.25
    Organization = "Organization";
    /// RFC 3325
    PAssertedIdentity = "P-Asserted-Identity";
    /// RFC 7315
    PAssociatedUri = "P-Associated-URI";
    /// RFC 7315
    PCalledPartyId = "P-Called-Party-ID";
    /// RFC 3325
    PPreferredIdentity = "P-Preferred-Identity";
    /// RFC 3327
    Path = "Path";
    /// RFC 3261 §20.26
    Priority = "Priority";
    /// RFC 3323
    Privacy = "Privacy";
    /// RFC 3261 §20.27
    ProxyAuthenticate = "Proxy-Authenticate";
    /// RFC 3261 §20.28
    ProxyAuthorization = "Proxy-Authorization";
    /// RFC 3261 §20.29
    ProxyRequire = "Proxy-Require";
    /// RFC 3262
    RAck = "RAck";
    /// RFC 3326
    Reason = "Reason";
    /// RFC 3261 §20.30
    RecordRoute = "Record-Route";
    /// RFC 4488
    ReferSub = "Refer-Sub";
    /// RFC 3515
    ReferTo = "Refer-To", "r";
    /// RFC 3892
    ReferredBy = "Referred-By", "b";
    /// RFC 3841
    RejectContact = "Reject-Contact", "j";
    /// draft-ietf-sip-privacy-04, used by old phones and trunks
    RemotePartyId = "Remote-Party-ID";
    /// RFC 3891
    Replaces = "Replaces";
    /// RFC 3261 §20.31
    ReplyTo = "Reply-To";
    /// RFC 3841
    RequestDisposition = "Request-Disposition", "d";
    /// RFC 3261 §20.32
    Require = "Require";
    /// RFC 3261 §20.33
    RetryAfter = "Retry-After";
    /// RFC 3261 §20.34
    Route = "Route";
    /// RFC 3262
    RSeq = "RSeq";
    /// RFC 3261 §20.35
    Server = "Server";
    /// RFC 3608
    ServiceRoute = "Service-Route";
    /// RFC 4028
    SessionExpires = "Session-Expires", "x";
    /// RFC 3903
    SipETag = "SIP-ETag";
    /// RFC 3903
    SipIfMatch = "SIP-If-Match";
    /// RFC 3261 §20.36
    Subject = "Subject", "s";
    /// RFC 6665
    SubscriptionState = "Subscription-State";
    /// RFC 3261 §20.37
    Supported = "Supported", "k";
    /// RFC 4538
    TargetDialog = "Target-Dialog";
    /// RFC 3261 §20.38
    Timestamp = "Timestamp";
    /// RFC 3261 §20.39
    To = "To", "t";
    /// RFC 3261 §20.40
    Unsupported = "Unsupported";
    /// RFC 3261 §20.41
    UserAgent = "User-Agent";
    /// RFC 3261 §20.42
    Via = "Via", "v";
    /// RFC 3261 §20.43
    Warning = "Warning";
    /// RFC 3261 §20.44
    WwwAuthenticate = "WWW-Authenticate";
}

const SLOTS: usize = 512;

/// An open-addressing hash table of positions in [`ALL`], plus one; 0 is an empty slot.
static TABLE: [u8; SLOTS] = {
    let mut table = [0; SLOTS];
    let mut at = 0;
    while at < ALL.len() {
        let mut slot = slot(ALL[at].0.as_bytes());
        while table[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        at += 1;
        assert!(at <= u8::MAX as usize);
        table[slot] = at as u8;
    }
    table
};

/// Where to look for a name: by its length, first, middle and last character.
const fn slot(name: &[u8]) -> usize {
    if name.is_empty() {
        return 0;
    }
    let (first, middle, last) = (name[0], name[name.len() / 2], name[name.len() - 1]);
    let sum =
        (first | 0x20) as usize * 3 + (middle | 0x20) as usize * 43 + (last | 0x20) as usize * 7;
    (sum + name.len() * 31) % SLOTS
}

/// Whether `token` is `name`, a known one, in any case. Names hold letters and `-` only, and of what differs from these
/// in the bit of the case, a CR from `-`, nothing is within a line. Eight bytes at a time; the last eight may overlap.
#[inline]
fn same_letters(name: &[u8], token: &[u8]) -> bool {
    const CASE: u64 = 0x2020_2020_2020_2020;
    if name.len() != token.len() {
        return false;
    }
    let (Some(name_end), Some(token_end)) = (name.last_chunk(), token.last_chunk()) else {
        let differs = |(a, b): (&u8, &u8)| (a ^ b) & !0x20 != 0;
        return !name.iter().zip(token).any(differs);
    };
    let differ =
        |a: &[u8; 8], b: &[u8; 8]| (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b)) & !CASE != 0;
    let (starts, _) = name.as_chunks();
    let (token_starts, _) = token.as_chunks();
    !differ(name_end, token_end) && starts.iter().zip(token_starts).all(|(a, b)| !differ(a, b))
}

impl HeaderName {
    /// Recognises a name that was checked to be a token; `other` makes the text of an unknown one.
    pub(crate) fn from_token(token: &[u8], other: impl FnOnce() -> ByteStr) -> Self {
        Self::known(token).map_or_else(|| Self::Other(other()), Self::clone)
    }

    /// Recognises the long or compact form of a name we know.
    #[inline]
    pub(crate) fn known(token: &[u8]) -> Option<&'static Self> {
        let mut slot = slot(token);
        while let Some(at) = usize::from(TABLE[slot]).checked_sub(1) {
            if let Some((name, variant)) = ALL.get(at)
                && same_letters(name.as_bytes(), token)
            {
                return Some(variant);
            }
            slot = (slot + 1) % SLOTS;
        }
        None
    }

    /// A bit of its own for each field that may stand once at most (RFC 3261 §7.3.1 and the field's own grammar); 0
    /// for those that may stand several times.
    pub(crate) fn singleton_bit(&self) -> u32 {
        match self {
            Self::CallId => 1 << 0,
            Self::ContentDisposition => 1 << 1,
            Self::ContentLength => 1 << 2,
            Self::ContentType => 1 << 3,
            Self::CSeq => 1 << 4,
            Self::Date => 1 << 5,
            Self::Event => 1 << 6,
            Self::Expires => 1 << 7,
            Self::From => 1 << 8,
            Self::MaxForwards => 1 << 9,
            Self::MinExpires => 1 << 10,
            Self::MinSe => 1 << 11,
            Self::RAck => 1 << 12,
            Self::ReferTo => 1 << 13,
            Self::ReferredBy => 1 << 14,
            Self::Replaces => 1 << 15,
            Self::RSeq => 1 << 16,
            Self::SessionExpires => 1 << 17,
            Self::SipETag => 1 << 18,
            Self::SipIfMatch => 1 << 19,
            Self::SubscriptionState => 1 << 20,
            Self::To => 1 << 21,
            _ => 0,
        }
    }
}

/// Reads a long or compact name; text that is no token keeps its token characters only.
impl From<&str> for HeaderName {
    fn from(name: &str) -> Self {
        let token: String = name
            .chars()
            .filter(|c| u8::try_from(*c).is_ok_and(crate::grammar::is_token))
            .collect();
        Self::from_token(token.as_bytes(), || ByteStr::from(token.as_str()))
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(a), Self::Other(b)) => a.eq_ignore_ascii_case(b),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl Eq for HeaderName {}

impl Hash for HeaderName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.as_str().bytes() {
            byte.to_ascii_lowercase().hash(state);
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
