//! Ours beside rsip: what rsip reads, with the fields every message needs, ours has to read as well, and to the same
//! end. `differences.txt` beside this file lists the kinds of difference that were looked into, and who is right; any
//! other is a finding.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use bytes::Bytes;
use ramal_sip::{HeaderName, Headers, Host, Message, NameAddr, Params, Scheme, Uri, Via};
use rsip::headers::UntypedHeader;
use rsip::message::{HasHeaders, HeadersExt};
use rsip::prelude::ToTypedHeader;
use rsip::{Header, SipMessage};

/// `kind | who is right and why`, one a line; `#` begins a remark.
const LOOKED_INTO: &str = include_str!("differences.txt");

/// Panics when something is wrong.
pub fn run(input: &[u8]) {
    let new: Vec<String> = differences(input)
        .into_iter()
        .filter(|kind| !is_looked_into(kind))
        .collect();
    assert!(
        new.is_empty(),
        "{new:?} in {:?}",
        String::from_utf8_lossy(input)
    );
}

/// Whether a kind of difference is in the list, where `*` stands for any text.
pub fn is_looked_into(kind: &str) -> bool {
    LOOKED_INTO
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" | "))
        .any(|(known, _)| fits(known, kind))
}

fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| fits(rest, &text[at..]))
        }),
    }
}

/// White space of SIP (RFC 3261 §25.1); Unicode knows more, which belongs to values.
const WHITE_SPACE: [char; 2] = [' ', '\t'];

/// What rsip reads of a message.
struct Theirs {
    message: SipMessage,
    via: rsip::typed::Via,
    from: rsip::typed::From,
    to: rsip::typed::To,
    cseq: rsip::typed::CSeq,
    call_id: String,
}

/// What rsip makes of `input`, if it reads the message and the fields every message needs. It panics on some inputs.
fn theirs(input: &[u8]) -> Option<Theirs> {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let read = catch_unwind(AssertUnwindSafe(|| {
        let message = SipMessage::try_from(input).ok()?;
        Some(Theirs {
            via: message.via_header().ok()?.typed().ok()?,
            from: message.from_header().ok()?.typed().ok()?,
            to: message.to_header().ok()?.typed().ok()?,
            cseq: message.cseq_header().ok()?.typed().ok()?,
            call_id: message.call_id_header().ok()?.value().to_owned(),
            message,
        })
    }));
    set_hook(hook);
    read.ok().flatten()
}

/// The kinds of difference on `input`; none when rsip does not read it.
pub fn differences(input: &[u8]) -> Vec<String> {
    let Some(theirs) = theirs(input) else {
        return Vec::new();
    };
    let ours = match Message::parse(Bytes::copy_from_slice(input)) {
        Ok(ours) => ours,
        Err(error) => return vec![format!("refused, {}", kind_of(&error))],
    };
    if !has_plain_lines(input) {
        return vec!["lines".into()];
    }
    let mut kinds = Kinds(Vec::new());
    match (&ours, &theirs.message) {
        (Message::Request(ours), SipMessage::Request(theirs)) => {
            let method = theirs.method.to_string();
            kinds.same_method("method", ours.method.as_str(), &method);
            compare_uris(&mut kinds, "request URI", &ours.uri, &theirs.uri);
        }
        (Message::Response(ours), SipMessage::Response(theirs)) => {
            let status = u16::from(theirs.status_code.clone());
            kinds.same("status", ours.status.code(), status);
        }
        _ => kinds.note("request or response"),
    }
    compare_fields(&mut kinds, ours.headers(), &theirs);
    let body = theirs.message.body();
    if !body.starts_with(ours.body()) {
        kinds.note("body");
    } else if body.len() > ours.body().len() {
        kinds.note("bytes behind the body");
    }
    kinds.0
}

/// Whether the head has no line end but CRLF, and no folded line.
fn has_plain_lines(input: &[u8]) -> bool {
    let head = input.windows(4).position(|four| four == b"\r\n\r\n");
    let head = &input[..head.unwrap_or(input.len())];
    let text = String::from_utf8_lossy(head);
    text.split("\r\n")
        .all(|line| !line.contains(['\r', '\n']) && !line.starts_with([' ', '\t']))
}

/// The fault without what varies, such as the number of a line.
fn kind_of(error: &ramal_sip::ParseError) -> String {
    match &error.fault {
        ramal_sip::Fault::HeaderLine { .. } => "malformed header line".into(),
        fault => fault.to_string(),
    }
}

struct Kinds(Vec<String>);

impl Kinds {
    fn note(&mut self, kind: &str) {
        self.0.push(kind.to_owned());
    }

    /// Whether rsip reads `value`, one of `params`, as it should.
    fn has_plain_params(&mut self, params: &Params, value: Option<&str>) -> bool {
        if params.as_bytes().iter().any(u8::is_ascii_whitespace) {
            self.note("white space within parameters");
            return false;
        }
        let mut values = params.iter_raw().filter_map(|(_, value)| value);
        let plain = value.is_none_or(is_token)
            && values.all(|value| std::str::from_utf8(value).is_ok_and(is_token));
        if !plain {
            self.note("value of a parameter that is no token");
        }
        plain
    }

    fn same_method(&mut self, kind: &str, ours: &str, theirs: &str) {
        match ours != theirs && ours.eq_ignore_ascii_case(theirs) {
            true => self.note("case of a method"),
            false => self.same(kind, ours, theirs),
        }
    }

    fn same<T>(&mut self, kind: &str, ours: T, theirs: impl PartialEq<T>) {
        if theirs != ours {
            self.note(kind);
        }
    }
}

fn compare_fields(kinds: &mut Kinds, ours: &Headers, theirs: &Theirs) {
    let headers: Vec<&Header> = theirs.message.headers().iter().collect();
    kinds.same("number of fields", ours.len(), headers.len());
    for (ours, theirs) in ours.iter().zip(&headers) {
        let theirs = theirs.to_string();
        let (name, value) = theirs.split_once(':').unwrap_or((&theirs, ""));
        if *ours.name != HeaderName::from(name) {
            kinds.note("name of a field");
        } else if ours.value != value.trim_matches(WHITE_SPACE).as_bytes() {
            kinds.note("value of a field");
        }
    }
    if ours.iter().any(|field| field.line.get(1) == Some(&b':')) {
        kinds.note("compact form");
        return;
    }
    let raw = |name: &HeaderName| ours.get(name).unwrap_or_default().to_vec();
    match ours.via() {
        Ok(_) if !has_plain_sent_by(&raw(&HeaderName::Via)) => kinds.note("odd sent-by"),
        Ok(via) => compare_vias(kinds, &via, &theirs.via),
        Err(_) => kinds.note("Via"),
    }
    let addresses = [
        (
            HeaderName::From,
            ours.from(),
            &theirs.from.uri,
            theirs.from.tag(),
        ),
        (HeaderName::To, ours.to(), &theirs.to.uri, theirs.to.tag()),
    ];
    for (name, ours, uri, tag) in addresses {
        let value = raw(&name);
        let name = name.as_str();
        match ours {
            Ok(_) if value.iter().filter(|&&byte| byte == b'<').count() > 1 => {
                kinds.note("bracket in a display name");
            }
            Ok(_) if !has_plain_address(&value) => kinds.note("odd address without brackets"),
            Ok(ours) => {
                compare_uris(kinds, &format!("{name} URI"), &ours.uri, uri);
                compare_tags(kinds, name, &ours, tag.map(|tag| tag.value()));
            }
            Err(_) => kinds.note(name),
        }
    }
    kinds.same(
        "Call-ID",
        ours.call_id().unwrap_or_default(),
        theirs.call_id.trim_matches(WHITE_SPACE),
    );
    match ours.cseq() {
        Ok(cseq) => {
            kinds.same("CSeq number", cseq.number, theirs.cseq.seq);
            let method = theirs.cseq.method.to_string();
            kinds.same_method("CSeq method", cseq.method.as_str(), &method);
        }
        Err(_) => kinds.note("CSeq"),
    }
}

/// Whether a Via has one space, before the host, no `@`, and no `:` within its parameters.
fn has_plain_sent_by(value: &[u8]) -> bool {
    let spaces = value.iter().filter(|byte| byte.is_ascii_whitespace());
    let params = value.splitn(2, |&byte| byte == b';').nth(1);
    spaces.count() == 1
        && !value.contains(&b'@')
        && !params.is_some_and(|params| params.contains(&b':'))
}

/// Whether an address has brackets, or has neither white space nor a `;` before its `@`.
fn has_plain_address(value: &[u8]) -> bool {
    let before_at = value.rsplitn(2, |&byte| byte == b'@').nth(1);
    value.contains(&b'<')
        || !value.iter().any(u8::is_ascii_whitespace)
            && !before_at.is_some_and(|user| user.contains(&b';'))
}

fn compare_tags(kinds: &mut Kinds, name: &str, ours: &NameAddr, theirs: Option<&str>) {
    if !kinds.has_plain_params(&ours.params, ours.tag()) {
        return;
    }
    kinds.same(
        &format!("{name} tag"),
        ours.tag(),
        theirs.map(|tag| tag.trim_matches(WHITE_SPACE)),
    );
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b))
}

fn compare_vias(kinds: &mut Kinds, ours: &Via, theirs: &rsip::typed::Via) {
    if kinds.has_plain_params(&ours.params, ours.branch()) {
        let branch = theirs.branch().map(|branch| branch.value());
        kinds.same("Via branch", ours.branch(), branch);
    }
    kinds.same("Via host", ours.host.to_string(), host_of(&theirs.uri));
    kinds.same(
        "Via port",
        ours.port,
        theirs.uri.port().map(|port| *port.value()),
    );
    let transport = theirs.transport.to_string();
    if !ours.protocol.eq_ignore_ascii_case(&transport) {
        kinds.note("Via transport");
    }
}

fn compare_uris(kinds: &mut Kinds, place: &str, ours: &Uri, theirs: &rsip::Uri) {
    if !matches!(ours.scheme(), Scheme::Sip | Scheme::Sips) {
        kinds.note("URI of another scheme");
        return;
    }
    if theirs.host().to_string().contains('@') {
        kinds.note("user taken for a host");
        return;
    }
    if ours.headers().next().is_some() {
        kinds.note("headers in a URI");
        return;
    }
    let before_at = ours.as_bytes().rsplitn(2, |&byte| byte == b'@').nth(1);
    if before_at.is_some_and(|user| user.contains(&b';')) {
        kinds.note("semicolon in a user");
        return;
    }
    let user = ours.raw_user().map(String::from_utf8_lossy);
    let user = user.as_deref();
    kinds.same(&format!("user of {place}"), user, theirs.user());
    let host = ours.host().map(Host::to_string).unwrap_or_default();
    kinds.same(&format!("host of {place}"), host, host_of(theirs));
    let port = theirs.port().map(|port| *port.value());
    kinds.same(&format!("port of {place}"), ours.port(), port);
}

/// Their host as ours prints it.
fn host_of(uri: &rsip::Uri) -> String {
    // rsip leaves a tab at the end of a field.
    let text = uri.host().to_string();
    let text = text.trim_end_matches('\t').to_owned();
    match text.parse::<Host>() {
        Ok(host) => host.to_string(),
        Err(_) => text,
    }
}
