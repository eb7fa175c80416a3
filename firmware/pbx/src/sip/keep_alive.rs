//! Asking phones whether they are there (OPTIONS, RFC 3261 §11), which keeps the way to them open as well.

use std::time::Instant;

use ramal_sip::{HeaderName, Host, Method, NameAddr, Request, TransactionId, Uri};

use super::agent::Agent;
use crate::location::Probe;

/// Questions that may wait for an answer at a time; beyond, phones are asked less often. One that is not answered is sent
/// eleven times within 32 s.
const WAITING: usize = 4096;

impl Agent {
    /// Removes the contacts that have expired and asks those that are to be asked.
    pub(super) fn due_contacts(&mut self, now: Instant) {
        let room = WAITING.saturating_sub(self.probes.len());
        for probe in self.exchange.locations.take_due(now, room) {
            let contact = (probe.extension, probe.id);
            let flow = probe.flow;
            let request = question(probe, self.exchange.sip.address(flow));
            let transaction = self.endpoint.request(now, flow, request);
            self.probes.insert(transaction, contact);
        }
    }

    /// Takes the end of a question; false when the transaction was for something else.
    pub(super) fn probed(&mut self, transaction: TransactionId, answered: bool) -> bool {
        let Some((extension, id)) = self.probes.remove(&transaction) else {
            return false;
        };
        self.exchange.locations.probed(extension, id, answered);
        true
    }
}

fn question(probe: Probe, own: std::net::IpAddr) -> Request {
    let from = NameAddr::new(Uri::sip(None, Host::from(own), None));
    let to = NameAddr::new(probe.target.clone());
    let mut request = Request::new(Method::Options, probe.target)
        .with_header(HeaderName::From, &from)
        .with_header(HeaderName::To, &to);
    if let Some(path) = probe.path {
        request
            .headers
            .push(HeaderName::Route, ramal_sip::HeaderValue::sanitized(&*path));
    }
    request
}
