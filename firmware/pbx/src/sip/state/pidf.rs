//! Whether an extension can be reached: `application/pidf+xml` (RFC 3863, RFC 3856) with what it does (RFC 4480).

use super::escaped;

/// What presence tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) struct Presence {
    /// Whether a phone is registered.
    pub(in crate::sip) open: bool,
    /// Whether it takes part in a call.
    pub(in crate::sip) on_the_phone: bool,
}

/// The document's text.
pub(in crate::sip) fn pidf(number: &str, host: &str, presence: Presence) -> String {
    let own = format!("sip:{}@{}", escaped(number), escaped(host));
    let basic = if presence.open { "open" } else { "closed" };
    let person = if presence.on_the_phone {
        "<dm:person id=\"person\"><rpid:activities><rpid:on-the-phone/></rpid:activities></dm:person>\n"
    } else {
        ""
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
         xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"{own}\">\n\
         <tuple id=\"extension\"><status><basic>{basic}</basic></status><contact>{own}</contact></tuple>\n\
         {person}</presence>\n"
    )
}
