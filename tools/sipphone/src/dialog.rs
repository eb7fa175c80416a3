//! The phone's side of a dialog (RFC 3261 §12): who is who, where requests go, and their sequence numbers.

use crate::message;
use rsip::SipMessage;

#[derive(Debug, Clone)]
pub struct Dialog {
    pub call_id: String,
    /// This side's From value in its own requests, with tag.
    pub local: String,
    /// The other side's To value in our requests; its tag is learnt from the first response that has one.
    pub remote: String,
    /// Where requests inside the dialog go.
    pub target: String,
    pub local_cseq: u32,
}

impl Dialog {
    /// Learns the peer's tag and contact from a response to our INVITE.
    pub fn learn(&mut self, response: &rsip::Response) {
        let message = SipMessage::Response(response.clone());
        if let Some(to) = message::value(&message, "To").filter(|t| t.contains(";tag=")) {
            self.remote = to;
        }
        if let Some(contact) = message::value(&message, "Contact") {
            self.target = message::uri(&contact);
        }
    }

    /// Learns the peer's new contact from a request inside the dialog (target refresh).
    pub fn refresh(&mut self, request: &rsip::Request) {
        if let Some(contact) = message::value(&SipMessage::Request(request.clone()), "Contact") {
            self.target = message::uri(&contact);
        }
    }
}
