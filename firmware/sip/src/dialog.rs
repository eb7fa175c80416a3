//! Dialogs: RFC 3261 §12.

use bytes::Bytes;

use crate::transaction::key::{KeyMaker, ServerKey};
use crate::{
    CSeq, Contacts, HeaderName, HeaderValue, Headers, Method, NameAddr, Request, Response, Uri,
};

/// Domain of dialog keys within [`KeyMaker::digest`].
const DIALOG: u8 = b'd';

/// Finds a dialog: the digest of Call-ID, local tag and remote tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DialogKey(ServerKey);

impl DialogKey {
    pub(crate) fn new(keys: &KeyMaker, call_id: &[u8], local_tag: &str, remote_tag: &str) -> Self {
        Self(keys.digest(
            DIALOG,
            [call_id, local_tag.as_bytes(), remote_tag.as_bytes()],
        ))
    }
}

/// The state both ends of a dialog share, as this end sees it (§12).
#[derive(Debug)]
pub(crate) struct Dialog {
    pub(crate) key: DialogKey,
    /// The peer's tag; empty for a peer older than RFC 3261.
    pub(crate) remote_tag: Box<str>,
    /// From of our requests, tag included.
    local: HeaderValue,
    /// To of our requests, tag included.
    remote: HeaderValue,
    call_id: HeaderValue,
    local_sequence: u32,
    remote_sequence: Option<u32>,
    remote_target: Uri,
    route_set: Vec<HeaderValue>,
}

/// Where the sequence number of a request within the dialog stands (§12.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    InOrder,
    /// The number is not above the last one: 500.
    OutOfOrder,
}

impl Dialog {
    /// The dialog an INVITE we received sets up (§12.1.1). `local_tag` is the tag of our responses.
    pub(crate) fn for_server(
        keys: &KeyMaker,
        invite: &Request,
        local_tag: &str,
        first_sequence: u32,
    ) -> Option<Self> {
        let headers = &invite.headers;
        let call_id = headers.get(&HeaderName::CallId)?;
        let from = headers.from().ok()?;
        let remote_tag = from.tag().unwrap_or_default();
        Some(Self {
            key: DialogKey::new(keys, call_id, local_tag, remote_tag),
            remote_tag: remote_tag.into(),
            local: with_tag(headers.get(&HeaderName::To)?, local_tag),
            remote: HeaderValue::sanitized(headers.get(&HeaderName::From)?),
            call_id: HeaderValue::sanitized(call_id),
            local_sequence: first_sequence,
            remote_sequence: headers.cseq().ok().map(|cseq| cseq.number),
            // A caller older than RFC 3261 may name no Contact.
            remote_target: contact(headers).or_else(|| own(&from.uri))?,
            route_set: route_set(headers).collect(),
        })
    }

    /// The dialog a response to our INVITE sets up (§12.1.2). `invite` is the header of the request as it was sent.
    pub(crate) fn for_client(
        keys: &KeyMaker,
        invite: &Request,
        response: &Response,
    ) -> Option<Self> {
        let call_id = invite.headers.get(&HeaderName::CallId)?;
        let from = invite.headers.from().ok()?;
        let to = response.headers.to().ok()?;
        let remote_tag = to.tag().unwrap_or_default();
        let mut dialog = Self {
            key: DialogKey::new(keys, call_id, from.tag()?, remote_tag),
            remote_tag: remote_tag.into(),
            local: HeaderValue::sanitized(invite.headers.get(&HeaderName::From)?),
            remote: HeaderValue::sanitized(response.headers.get(&HeaderName::To)?),
            call_id: HeaderValue::sanitized(call_id),
            local_sequence: invite.headers.cseq().ok()?.number,
            remote_sequence: None,
            // A peer that names no Contact is reached where the INVITE went.
            remote_target: own(&invite.uri)?,
            route_set: Vec::new(),
        };
        dialog.established(response);
        Some(dialog)
    }

    /// A 2xx to our INVITE fixes route set and target anew (§13.2.2.4).
    pub(crate) fn established(&mut self, response: &Response) {
        let mut routes: Vec<HeaderValue> = route_set(&response.headers).collect();
        routes.reverse();
        self.route_set = routes;
        self.refresh_target(&response.headers);
    }

    /// Call-ID.
    pub(crate) fn call_id(&self) -> &HeaderValue {
        &self.call_id
    }

    /// A target refresh request or its 2xx (INVITE, UPDATE) may move the peer (§12.2.1.2, §12.2.2).
    pub(crate) fn refresh_target(&mut self, headers: &Headers) {
        if let Some(target) = contact(headers) {
            self.remote_target = target;
        }
    }

    /// Notes the sequence number of a request from the peer.
    pub(crate) fn receive(&mut self, sequence: u32) -> Order {
        match self.remote_sequence {
            Some(last) if sequence <= last => Order::OutOfOrder,
            _ => {
                self.remote_sequence = Some(sequence);
                Order::InOrder
            }
        }
    }

    /// The next sequence number of ours is above `sequence` (an INVITE that was sent again with credentials).
    pub(crate) fn advance_to(&mut self, sequence: u32) {
        self.local_sequence = self.local_sequence.max(sequence);
    }

    /// A request within the dialog with the next sequence number (§12.2.1.1); Via, Contact and body are the caller's.
    pub(crate) fn request(&mut self, method: Method) -> Request {
        self.local_sequence = self.local_sequence.wrapping_add(1) & 0x7fff_ffff;
        self.request_numbered(method, self.local_sequence)
    }

    /// The ACK for a 2xx to the INVITE with this sequence number (§13.2.2.4).
    pub(crate) fn acknowledge(&self, sequence: u32) -> Request {
        self.request_numbered(Method::Ack, sequence)
    }

    fn request_numbered(&self, method: Method, sequence: u32) -> Request {
        let mut routes = self.route_set.clone();
        let mut uri = self.remote_target.clone();
        if let Some(strict) = self.strict_router() {
            // A router older than RFC 3261 takes its own URI from the request line and the target from the last Route.
            routes.remove(0);
            routes.push(HeaderValue::from(&NameAddr::new(uri)));
            uri = strict;
        }
        let mut request = Request::new(method.clone(), uri.without_headers());
        for route in routes {
            request.headers.push(HeaderName::Route, route);
        }
        request.headers.push(HeaderName::MaxForwards, 70);
        request.headers.push(HeaderName::From, self.local.clone());
        request.headers.push(HeaderName::To, self.remote.clone());
        request
            .headers
            .push(HeaderName::CallId, self.call_id.clone());
        request
            .headers
            .push(HeaderName::CSeq, CSeq::new(sequence, method));
        request
    }

    fn strict_router(&self) -> Option<Uri> {
        let first = self.route_set.first()?;
        let route = NameAddr::from_text(std::str::from_utf8(first.as_bytes()).ok()?).ok()?;
        (!route.uri.is_loose_router()).then_some(route.uri)
    }
}

/// The Record-Route values in order.
fn route_set(headers: &Headers) -> impl Iterator<Item = HeaderValue> {
    headers
        .values(&HeaderName::RecordRoute)
        .map(HeaderValue::sanitized)
}

/// The URI of the one Contact, in a buffer of its own: dialogs outlive the messages they are made from.
fn contact(headers: &Headers) -> Option<Uri> {
    match headers.contacts().ok()? {
        Contacts::List(contacts) => own(&contacts.first()?.uri),
        Contacts::Star => None,
    }
}

fn own(uri: &Uri) -> Option<Uri> {
    Uri::parse(Bytes::copy_from_slice(uri.as_bytes())).ok()
}

fn with_tag(value: &[u8], tag: &str) -> HeaderValue {
    let mut text = Vec::with_capacity(value.len() + tag.len() + 5);
    text.extend_from_slice(value);
    text.extend_from_slice(b";tag=");
    text.extend_from_slice(tag.as_bytes());
    HeaderValue::sanitized(text)
}
