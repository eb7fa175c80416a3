//! The registrar (RFC 3261 §10.3): takes REGISTER requests of authenticated extensions to the location service; with Path
//! (RFC 3327) and outbound (RFC 5626).
//!
//! A granted registration is answered without keeping its transaction: the contact remembers by a hash which request it
//! was refreshed by, and a copy of that is answered like the first. So ten thousands of phones can refresh every second
//! without filling the transaction table for half a minute each.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::io::Write as _;
use std::time::Duration;

use ramal_model::{Extension, MAX_REGISTRATIONS};
use ramal_sip::{
    Contacts, Flow, HeaderName, HeaderValue, Headers, NameAddr, Request, Response, StatusCode,
    TransactionId,
};

use super::agent::Agent;
use super::authorisation::Verdict;
use super::session::refusal;
use super::{MAX_EXPIRES, MIN_EXPIRES};
use crate::clock::Now;
use crate::location::{
    Change, Contact, ContactChange, Instance, LocationService, Origin, OutOfOrder,
};

/// Longest text kept of what phones say about themselves.
const LONGEST: usize = 200;
/// Longest Path kept.
const LONGEST_PATH: usize = 1000;
/// Option tags of RFC 5626 and RFC 3327.
const OUTBOUND: &str = "outbound";
const PATH: &str = "path";

/// Tells requests apart by a hash that nobody else can compute.
#[derive(Debug, Default)]
pub(super) struct Fingerprints(RandomState);

impl Fingerprints {
    /// Everything that makes a registration what it is, its credentials first of all. Never 0.
    fn of(&self, request: &Request) -> u64 {
        const FIELDS: [HeaderName; 6] = [
            HeaderName::Authorization,
            HeaderName::Via,
            HeaderName::CallId,
            HeaderName::CSeq,
            HeaderName::Contact,
            HeaderName::Expires,
        ];
        let mut hasher = self.0.build_hasher();
        for field in request.headers.iter() {
            if FIELDS.contains(field.name) {
                field.value.hash(&mut hasher);
            }
        }
        hasher.finish().max(1)
    }
}

impl Agent {
    /// Answers a REGISTER.
    pub(super) fn register(&mut self, transaction: TransactionId, flow: Flow, request: &Request) {
        let now = self.now();
        let locations = self.exchange.locations.clone();
        let Ok(to) = request.headers.to() else {
            let response = request.response(StatusCode::BAD_REQUEST);
            self.endpoint.respond(now.instant, transaction, response);
            return;
        };
        let configuration = self.configuration();
        let fingerprint = self.fingerprints.of(request);
        let user = to.uri.user().unwrap_or_default();
        if let Some(owner) = configuration.extension_by_number(&user)
            && locations.is_repeated(now, owner.id, flow, fingerprint)
        {
            let response = bindings(&locations, now, owner, request);
            self.endpoint
                .respond_statelessly(now.instant, transaction, response);
            return;
        }
        let verdict = self
            .authority
            .decide(now, flow, &configuration, request, &to);
        let owner = match verdict {
            Verdict::Accepted(owner) => owner,
            refused => {
                let (status, headers) = refusal(refused);
                let mut response = request.response(status);
                for (name, value) in headers {
                    response.headers.push(name, value);
                }
                self.endpoint
                    .respond_statelessly(now.instant, transaction, response);
                return;
            }
        };
        let response = register(&locations, now, flow, &owner, request, fingerprint);
        if locations.is_repeated(now, owner.id, flow, fingerprint) {
            self.endpoint
                .respond_statelessly(now.instant, transaction, response);
        } else {
            // Nothing remembers this one: it asked, removed, or was refused.
            self.endpoint.respond(now.instant, transaction, response);
        }
    }
}

/// Answers a REGISTER of `owner`, who has proved who he is.
fn register(
    locations: &LocationService,
    now: Now,
    flow: Flow,
    owner: &Extension,
    request: &Request,
    fingerprint: u64,
) -> Response {
    match change(request) {
        Ok(None) => bindings(locations, now, owner, request),
        Ok(Some(change)) => {
            let (Ok(call_id), Ok(cseq)) = (request.headers.call_id(), request.headers.cseq())
            else {
                return request.response(StatusCode::BAD_REQUEST);
            };
            let user_agent = request.headers.user_agent();
            let path = path(&request.headers);
            let origin = Origin {
                flow,
                call_id,
                cseq: cseq.number,
                fingerprint,
                user_agent: user_agent.as_deref().map(shortened),
                path: path.as_deref(),
            };
            match locations.update(now, owner, &origin, change) {
                Ok(()) => bindings(locations, now, owner, request),
                // §10.3 step 7: the update must be aborted; the section's 500.
                Err(OutOfOrder) => request
                    .response(StatusCode::SERVER_INTERNAL_ERROR)
                    .with_reason("Registration Out Of Order"),
            }
        }
        Err(Refusal::TooBrief) => request
            .response(StatusCode::INTERVAL_TOO_BRIEF)
            .with_header(HeaderName::MinExpires, number(MIN_EXPIRES.as_secs())),
        Err(Refusal::FirstHop) => request
            .response(StatusCode::new(439).unwrap_or(StatusCode::BAD_REQUEST))
            .with_reason("First Hop Lacks Outbound Support"),
        Err(Refusal::Bad(reason)) => request
            .response(StatusCode::BAD_REQUEST)
            .with_reason(reason),
    }
}

/// Why a registration is refused.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// 423.
    TooBrief,
    /// 439 (RFC 5626 §6).
    FirstHop,
    /// 400 with this reason phrase.
    Bad(&'static str),
}

/// What the request changes; nothing when it only asks.
fn change(request: &Request) -> Result<Option<Change>, Refusal> {
    let headers = &request.headers;
    // A malformed value counts as the default (§20.19, §10.2.1.1).
    let expires = headers.expires().ok().flatten();
    if path(headers).is_some_and(|path| path.len() > LONGEST_PATH) {
        return Err(Refusal::Bad("Path Too Long"));
    }
    match headers.contacts() {
        Err(_) => Err(Refusal::Bad("Malformed Contact")),
        Ok(Contacts::Star) if expires == Some(0) => Ok(Some(Change::RemoveAll)),
        Ok(Contacts::Star) => Err(Refusal::Bad("Contact * Needs Expires 0")),
        Ok(Contacts::List(contacts)) if contacts.is_empty() => Ok(None),
        Ok(Contacts::List(contacts)) if contacts.len() > MAX_REGISTRATIONS => {
            Err(Refusal::Bad("Too Many Contacts"))
        }
        Ok(Contacts::List(contacts)) => {
            let changes = contacts
                .into_iter()
                .map(|contact| contact_change(contact, expires))
                .collect::<Result<Vec<_>, _>>()?;
            check_flows(headers, &changes)?;
            Ok(Some(Change::Contacts(changes)))
        }
    }
}

fn contact_change(contact: NameAddr, expires: Option<u32>) -> Result<ContactChange, Refusal> {
    if !contact.uri.is_sip() {
        return Err(Refusal::Bad("Contact Is Not A SIP URI"));
    }
    let asked = contact
        .expires()
        .or(expires)
        .map_or(MAX_EXPIRES, |seconds| Duration::from_secs(seconds.into()));
    if !asked.is_zero() && asked < MIN_EXPIRES {
        return Err(Refusal::TooBrief);
    }
    let instance = contact.params.get("+sip.instance").map(|id| Instance {
        id: shortened(&id).into(),
        // A malformed number is ignored like one without instance (RFC 5626 §6).
        reg_id: contact
            .params
            .get("reg-id")
            .and_then(|number| number.parse().ok())
            .unwrap_or(0),
    });
    Ok(ContactChange {
        uri: contact.uri.without_headers(),
        instance,
        expires: asked.min(MAX_EXPIRES),
    })
}

/// What RFC 5626 §6 asks of a registration that names a flow.
fn check_flows(headers: &Headers, changes: &[ContactChange]) -> Result<(), Refusal> {
    let named = |change: &ContactChange| {
        change
            .instance
            .as_ref()
            .is_some_and(|instance| instance.reg_id != 0)
    };
    let live = changes.iter().filter(|change| !change.expires.is_zero());
    if !changes.iter().any(named) {
        return Ok(());
    }
    if live.count() > 1 {
        return Err(Refusal::Bad("One Contact With reg-id At A Time"));
    }
    // With a proxy between, it must be the proxy that keeps the flow.
    let proxies = headers.values(&HeaderName::Via).count() > 1;
    let first_hop = headers
        .address(&HeaderName::Path)
        .ok()
        .flatten()
        .is_some_and(|proxy| proxy.uri.param("ob").is_some());
    if proxies && !first_hop && headers.has_token(&HeaderName::Supported, OUTBOUND) {
        return Err(Refusal::FirstHop);
    }
    Ok(())
}

/// The values of Path as one.
fn path(headers: &Headers) -> Option<String> {
    let mut path = String::new();
    for value in headers.values(&HeaderName::Path) {
        if !path.is_empty() {
            path.push(',');
        }
        path.push_str(&String::from_utf8_lossy(value));
    }
    (!path.is_empty()).then_some(path)
}

/// 200 with all contacts of the extension (§10.3 step 8).
fn bindings(
    locations: &LocationService,
    now: Now,
    owner: &Extension,
    request: &Request,
) -> Response {
    let mut response = request.response(StatusCode::OK);
    let headers = &mut response.headers;
    let mut by_flow = false;
    for contact in locations.contacts(owner.id) {
        let instance = contact.instance.as_ref();
        by_flow |= instance.is_some_and(|instance| instance.reg_id != 0);
        let length = contact.uri.len() + instance.map_or(0, |instance| instance.id.len()) + 64;
        headers.push_written(HeaderName::Contact, length, |value| {
            write_contact(value, &contact, now);
        });
    }
    let supported = &request.headers;
    // The phone is told that its flows are kept apart (RFC 5626 §6) and which way it is reached (RFC 3327 §5.3).
    if by_flow && supported.has_token(&HeaderName::Supported, OUTBOUND) {
        headers.push(HeaderName::Require, OUTBOUND);
    }
    if supported.has_token(&HeaderName::Supported, PATH) {
        headers.copy_from(supported, &HeaderName::Path);
    }
    set_date(headers, now);
    response
}

/// One value of Contact. Five of them make most of an answer, and there may be ten thousands of those a second: they go
/// into it as they are made.
fn write_contact(value: &mut Vec<u8>, contact: &Contact, now: Now) {
    let left = contact.remaining(now.instant);
    value.push(b'<');
    value.extend_from_slice(contact.uri.as_bytes());
    // Writing to a Vec never fails.
    let _ = write!(value, ">;expires={left}");
    if let Some(Instance { id, reg_id }) = &contact.instance {
        // Always a quoted string (RFC 5626 §11.1): linphone takes no other.
        value.extend_from_slice(b";+sip.instance=\"");
        for piece in id.as_bytes().split_inclusive(|byte| is_escaped(*byte)) {
            match piece.split_last() {
                Some((&last, before)) if is_escaped(last) => {
                    value.extend_from_slice(before);
                    value.extend_from_slice(&[b'\\', last]);
                }
                _ => value.extend_from_slice(piece),
            }
        }
        value.push(b'"');
        if *reg_id != 0 {
            let _ = write!(value, ";reg-id={reg_id}");
        }
    }
}

/// What a quoted string may hold behind a backslash only.
fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\')
}

thread_local! {
    /// The value of Date, and the second it is for.
    static DATE: RefCell<(i64, Option<HeaderValue>)> = const { RefCell::new((0, None)) };
}

/// Phones without a clock of their own set it by this (§20.17).
fn set_date(headers: &mut Headers, now: Now) {
    let second = now.utc_ms.div_euclid(1000);
    let date = DATE.with_borrow_mut(|(written, date)| {
        if *written != second || date.is_none() {
            *written = second;
            *date = jiff::Timestamp::from_second(second).ok().map(|time| {
                HeaderValue::sanitized(time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
            });
        }
        date.clone()
    });
    if let Some(date) = date {
        headers.set(HeaderName::Date, date);
    }
}

fn number(value: u64) -> HeaderValue {
    HeaderValue::sanitized(value.to_string())
}

/// Keeps what phones say about themselves at a size that can be stored.
fn shortened(text: &str) -> &str {
    let end = text
        .char_indices()
        .nth(LONGEST)
        .map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
#[path = "registrar_tests.rs"]
mod tests;
