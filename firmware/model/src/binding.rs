//! Registered contacts of extensions, kept so that phones stay reachable over a restart.

use serde::{Deserialize, Serialize};

use crate::ExtensionId;

/// One contact bound to an extension (RFC 3261 §10.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Whose contact it is.
    pub extension: ExtensionId,
    /// Contact URI as the phone sent it; one binding per extension and contact.
    pub contact: String,
    /// Address and port the registration came from, `192.0.2.7:5060`.
    pub source: String,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    /// What the phone calls itself; blank when it does not.
    pub user_agent: String,
    /// `+sip.instance` (RFC 5626 §4.1), the same for all registrations of one phone; blank when it gives none.
    pub instance: String,
    /// `reg-id` (RFC 5626 §4.2): which of the phone's flows this is; 0 when it does not say.
    pub reg_id: u32,
    /// Proxies between the gateway and the phone, nearest first, as in the Path fields (RFC 3327); blank without.
    pub path: String,
    /// Call-ID of the registration.
    pub call_id: String,
    /// CSeq of the last registration.
    pub cseq: u32,
    /// UTC ms of the first registration of this contact.
    pub registered_at: i64,
    /// UTC ms after which the contact is void.
    pub expires_at: i64,
}
