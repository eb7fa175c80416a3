//! What messages are matched by: branches (RFC 3261 §8.1.1.7, §17.1.3, §17.2.3) as compact keys.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::{CSeq, HeaderName, Method, Request, Via};

/// The beginning of every branch made after RFC 3261.
const MAGIC_COOKIE: &str = "z9hG4bK";

/// Matches responses to a client transaction: our own branches are random numbers, so the number is the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientKey {
    branch: u64,
    kind: Kind,
}

/// CANCEL shares the branch of the INVITE it cancels (§9.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Invite,
    Cancel,
    Other,
}

impl ClientKey {
    pub(crate) fn new(branch: u64, method: &Method) -> Self {
        let kind = match method {
            Method::Invite => Kind::Invite,
            Method::Cancel => Kind::Cancel,
            _ => Kind::Other,
        };
        Self { branch, kind }
    }

    /// The key a response asks for, or `None` when the branch is not one of ours.
    pub(crate) fn of_response(branch: &str, method: &Method) -> Option<Self> {
        let digits = branch.strip_prefix(MAGIC_COOKIE)?;
        if digits.len() != 16
            || !digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return None;
        }
        Some(Self::new(u64::from_str_radix(digits, 16).ok()?, method))
    }

    pub(crate) fn is_invite(&self) -> bool {
        self.kind == Kind::Invite
    }

    /// The branch parameter of the Via header.
    pub(crate) fn branch(&self) -> String {
        format!("{MAGIC_COOKIE}{:016x}", self.branch)
    }

    /// The key of the CANCEL for this INVITE.
    pub(crate) fn cancel(&self) -> Self {
        Self {
            branch: self.branch,
            kind: Kind::Cancel,
        }
    }
}

/// A keyed 128-bit digest of identifying text: matches requests to server transactions and messages to dialogs.
///
/// Secret keys keep a peer from making two texts with the same digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ServerKey(pub(crate) u128);

/// Makes keys of identifying text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyMaker {
    secret: (u64, u64),
}

impl KeyMaker {
    pub(crate) fn new(secret: (u64, u64)) -> Self {
        Self { secret }
    }

    /// Digest of a sequence of parts; their borders count.
    pub(crate) fn digest<'a>(
        &self,
        domain: u8,
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> ServerKey {
        let mut hasher = SipHasher13::new_with_keys(self.secret.0, self.secret.1);
        hasher.write_u8(domain);
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        ServerKey(hasher.finish128().as_u128())
    }
}

/// Domains of [`KeyMaker::digest`].
const BY_BRANCH: u8 = b'b';
const BY_FIELDS: u8 = b'f';
const ORIGIN: u8 = b'o';

impl KeyMaker {
    /// The key of the server transaction a request belongs to (§17.2.3). `via` is its top Via as it came. ACK and
    /// CANCEL have the key of their INVITE.
    pub(crate) fn request(&self, request: &Request, via: &Via, cseq: &CSeq) -> ServerKey {
        let method = match &request.method {
            Method::Ack | Method::Cancel => Method::Invite.as_str(),
            method => method.as_str(),
        };
        let host = via.host.to_string();
        let port = via.port.unwrap_or_default().to_be_bytes();
        let sent_by = [host.as_bytes(), &port, method.as_bytes()];
        match via.branch() {
            Some(branch) if has_cookie(branch) => {
                self.digest(BY_BRANCH, sent_by.into_iter().chain([branch.as_bytes()]))
            }
            // Older than RFC 3261: the fields that make a request what it is. The To tag is left out because that of
            // an ACK is ours while the INVITE had none; Call-ID and From tag tell dialogs apart well enough.
            branch => {
                let from = request.headers.from().ok();
                let tag = from
                    .as_ref()
                    .and_then(|from| from.tag())
                    .unwrap_or_default();
                let fields = [
                    request.uri.as_bytes(),
                    tag.as_bytes(),
                    request.headers.get(&HeaderName::CallId).unwrap_or_default(),
                    &cseq.number.to_be_bytes(),
                    branch.unwrap_or_default().as_bytes(),
                ];
                self.digest(BY_FIELDS, sent_by.into_iter().chain(fields))
            }
        }
    }

    /// What a request has in common with copies of it that came by other ways (§8.2.2.2).
    pub(crate) fn origin(&self, request: &Request, from_tag: &str, cseq: &CSeq) -> ServerKey {
        let call_id = request.headers.get(&HeaderName::CallId).unwrap_or_default();
        let number = cseq.number.to_be_bytes();
        self.digest(
            ORIGIN,
            [
                from_tag.as_bytes(),
                call_id,
                &number,
                request.method.as_str().as_bytes(),
            ],
        )
    }
}

/// Whether a branch is one of RFC 3261, which alone tells transactions apart.
pub(crate) fn has_cookie(branch: &str) -> bool {
    branch
        .get(..MAGIC_COOKIE.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE))
        && branch.len() > MAGIC_COOKIE.len()
}
