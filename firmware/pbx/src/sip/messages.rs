//! Text messages between extensions (RFC 3428): passed on to every phone of the extension at once, never kept.

use std::collections::HashMap;

use ramal_model::Extension;
use ramal_sip::{
    Flow, HeaderName, HeaderValue, Host, Method, NameAddr, Request, StatusCode, TransactionId, Uri,
};

use super::LARGEST_DATAGRAM;
use super::agent::Agent;
use super::authorisation::Verdict;
use super::session::refusal;
use crate::location::Contact;

/// Bytes of Via, User-Agent and tags that are added on the way.
const ADDED: usize = 250;
/// Messages on their way at a time.
const MOST_UNDER_WAY: usize = 1024;
/// What is said of the text, and passed on.
const PASSED_ON: [HeaderName; 7] = [
    HeaderName::ContentType,
    HeaderName::ContentDisposition,
    HeaderName::ContentEncoding,
    HeaderName::ContentLanguage,
    HeaderName::Date,
    HeaderName::Expires,
    HeaderName::Subject,
];

/// A message whose sender waits.
struct UnderWay {
    transaction: TransactionId,
    request: Request,
    /// Phones that have not answered.
    waiting: usize,
    /// What the phone that knew most said.
    worst: Option<StatusCode>,
}

/// All messages on their way.
#[derive(Default)]
pub(super) struct Messages {
    under_way: HashMap<u64, UnderWay>,
    copies: HashMap<TransactionId, u64>,
    last: u64,
}

impl Agent {
    /// An extension writes to another.
    pub(super) fn text_message(
        &mut self,
        transaction: TransactionId,
        flow: Flow,
        request: &Request,
    ) {
        if let Err((status, headers)) = self.pass_on(transaction, flow, request) {
            let mut response = request.response(status);
            for (name, value) in headers {
                response.headers.push(name, value);
            }
            let now = self.now().instant;
            self.endpoint.respond(now, transaction, response);
        }
    }

    fn pass_on(
        &mut self,
        transaction: TransactionId,
        flow: Flow,
        request: &Request,
    ) -> Result<(), (StatusCode, Vec<(HeaderName, HeaderValue)>)> {
        let bare = |status| (status, Vec::new());
        let from = request.headers.from();
        let from = from.map_err(|_| bare(StatusCode::BAD_REQUEST))?;
        let now = self.now();
        let configuration = self.configuration();
        let verdict = self
            .authority
            .decide(now, flow, &configuration, request, &from);
        let sender = match verdict {
            Verdict::Accepted(sender) => sender,
            refused => return Err(refusal(refused)),
        };
        let hops = request.headers.max_forwards().ok().flatten().unwrap_or(70);
        let hops = hops
            .checked_sub(1)
            .ok_or_else(|| bare(StatusCode::TOO_MANY_HOPS))?;
        let number = request.uri.user().unwrap_or_default();
        let receiver = configuration
            .extension_by_number(&number)
            .filter(|receiver| receiver.enabled)
            .ok_or_else(|| bare(StatusCode::NOT_FOUND))?;
        let too_large = bare(StatusCode::REQUEST_ENTITY_TOO_LARGE);
        if !flow.is_reliable() && request.encode().len() > LARGEST_DATAGRAM {
            return Err(too_large);
        }
        if self.messages.under_way.len() >= MOST_UNDER_WAY {
            return Err(bare(StatusCode::SERVICE_UNAVAILABLE));
        }
        let contacts = self.exchange.locations.targets(receiver.id);
        if contacts.is_empty() {
            return Err(bare(StatusCode::TEMPORARILY_UNAVAILABLE));
        }
        let copies: Vec<(Flow, Request)> = contacts
            .iter()
            .filter_map(|contact| {
                let own = self.exchange.sip.address(contact.flow);
                let copy = copy(request, &sender, receiver, contact, own, hops)?;
                let fits =
                    contact.flow.is_reliable() || copy.encode().len() + ADDED <= LARGEST_DATAGRAM;
                fits.then_some((contact.flow, copy))
            })
            .collect();
        if copies.is_empty() {
            return Err(too_large);
        }
        self.messages.last += 1;
        let id = self.messages.last;
        let under_way = UnderWay {
            transaction,
            request: request.clone(),
            waiting: copies.len(),
            worst: None,
        };
        self.messages.under_way.insert(id, under_way);
        for (flow, copy) in copies {
            let copy = self.endpoint.request(now.instant, flow, copy);
            self.messages.copies.insert(copy, id);
        }
        Ok(())
    }

    /// A phone has answered a message, or (`None`) did not; false when the transaction was for something else.
    pub(super) fn message_answered(
        &mut self,
        transaction: TransactionId,
        status: Option<StatusCode>,
    ) -> bool {
        let Some(id) = self.messages.copies.remove(&transaction) else {
            return false;
        };
        let Some(message) = self.messages.under_way.get_mut(&id) else {
            // Another phone has taken it already.
            return true;
        };
        message.waiting -= 1;
        let status = match status {
            Some(status) if status.is_success() => status,
            Some(status) => {
                message.worst.get_or_insert(status);
                if message.waiting > 0 {
                    return true;
                }
                told(message.worst)
            }
            None if message.waiting > 0 => return true,
            None => told(message.worst),
        };
        if let Some(message) = self.messages.under_way.remove(&id) {
            let response = message.request.response(status);
            let now = self.now().instant;
            self.endpoint.respond(now, message.transaction, response);
        }
        true
    }
}

/// What the sender is told when no phone has taken his message: what is wrong with it, else that nobody is there.
fn told(worst: Option<StatusCode>) -> StatusCode {
    worst
        .filter(|status| matches!(status.code(), 413 | 415 | 488 | 493 | 603))
        .unwrap_or(StatusCode::TEMPORARILY_UNAVAILABLE)
}

/// The message as a phone of the receiver gets it.
fn copy(
    request: &Request,
    sender: &Extension,
    receiver: &Extension,
    contact: &Contact,
    own: std::net::IpAddr,
    hops: u8,
) -> Option<Request> {
    let party = |number: &str| NameAddr::new(Uri::sip(Some(number), Host::from(own), None));
    let from = party(&sender.number).with_display_name(sender.display_name.clone());
    let mut copy = Request::new(Method::Message, contact.target()?)
        .with_header(HeaderName::MaxForwards, u32::from(hops))
        .with_header(HeaderName::From, &from)
        .with_header(HeaderName::To, party(&receiver.number));
    if let Some((name, value)) = contact.route() {
        copy.headers.push(name, value);
    }
    for name in PASSED_ON {
        if let Some(value) = request.headers.get(&name) {
            copy.headers.push(name, HeaderValue::sanitized(value));
        }
    }
    copy.body = request.body.clone();
    Some(copy)
}
