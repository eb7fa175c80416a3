//! The server's side.

use std::net::IpAddr;

use super::algorithm::{Algorithm, Ha1, Input, Qop, response};
use super::nonce::Nonce;
use super::replay::{ReplayWindow, Use};
use crate::{Credentials, HeaderValue, Method, Scheme, Uri};

/// How long a nonce may be used, in seconds.
pub const NONCE_VALIDITY: u64 = 300;

/// Nonces whose counts are remembered at a time, more than there are phones; each takes about 40 bytes.
const REMEMBERED_NONCES: usize = 131_072;

/// Why credentials were not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DigestFault {
    /// The secret is right, the nonce too old or of an earlier start: challenge again with `stale`.
    #[error("nonce is stale")]
    Stale,
    /// Unknown user or wrong secret; which of both is not told.
    #[error("response does not match")]
    Mismatch,
    /// The credentials answer another server's challenge, or one made for another source: challenge again.
    #[error("nonce is not ours")]
    BadNonce,
    /// The nonce count was used before: challenge again with `stale`, as some phones count wrongly.
    #[error("nonce count was used before")]
    Replay,
    /// A parameter is missing, or of an algorithm or qop that was not offered: answer 400.
    #[error("malformed credentials")]
    Malformed,
    /// The `uri` parameter asks for another user than the request URI (RFC 7616 §3.4.6): answer 400.
    #[error("credentials are for another URI")]
    WrongUri,
}

impl DigestFault {
    /// Whether the next challenge should say `stale=true`, so that the phone answers it by itself.
    pub fn is_stale(self) -> bool {
        matches!(self, Self::Stale | Self::Replay)
    }
}

/// The request that credentials came with.
#[derive(Debug, Clone, Copy)]
pub struct Proof<'a> {
    /// The value of Authorization or Proxy-Authorization.
    pub credentials: &'a Credentials,
    /// The method of the request.
    pub method: &'a Method,
    /// The request URI.
    pub uri: &'a Uri,
    /// The body of the request, for `qop=auth-int`.
    pub body: &'a [u8],
}

/// Makes challenges and verifies what comes back.
///
/// Nonces carry their time and source under a signature, so none has to be remembered until it was used with the
/// right secret.
pub struct Challenger {
    key: [u8; 32],
    realm: String,
    algorithms: Vec<Algorithm>,
    serial: u64,
    replay: ReplayWindow,
}

impl std::fmt::Debug for Challenger {
    /// Leaves the key out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Challenger")
            .field("realm", &self.realm)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

impl Challenger {
    /// A challenger for `realm` with a random `key` of its own. It offers SHA-256, then MD5.
    pub fn new(key: [u8; 32], realm: impl Into<String>) -> Self {
        Self {
            key,
            realm: realm.into(),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            serial: 0,
            replay: ReplayWindow::new(REMEMBERED_NONCES),
        }
    }

    /// With other algorithms than the default ones, best first; those not named are refused.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.algorithms = algorithms.to_vec();
        self
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The values for one WWW-Authenticate (or Proxy-Authenticate) field each, best algorithm first.
    ///
    /// `now` is the time in seconds since 1970, `source` where the request came from.
    pub fn challenge(&mut self, now: u64, source: IpAddr, stale: bool) -> Vec<HeaderValue> {
        let nonce = Nonce {
            time: now,
            serial: self.serial,
        };
        self.serial += 1;
        let nonce = nonce.print(&self.key, source);
        let realm = &self.realm;
        let stale = if stale { ", stale=true" } else { "" };
        let value = |algorithm: &Algorithm| {
            let algorithm = algorithm.as_str();
            HeaderValue::sanitized(format!(
                "Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={algorithm}, qop=\"auth\"{stale}"
            ))
        };
        self.algorithms.iter().map(value).collect()
    }

    /// Whether the credentials are meant for this challenger: of scheme Digest and of its realm.
    pub fn recognizes(&self, credentials: &Credentials) -> bool {
        credentials.is_digest() && credentials.realm().is_some_and(|realm| realm == self.realm)
    }

    /// Verifies credentials. `lookup` gives the stored hashes of a user name.
    ///
    /// Unknown users take the same path as wrong secrets. A nonce count is noted as used only when all is right.
    ///
    /// # Errors
    /// [`DigestFault`] says which answer is due.
    pub fn verify(
        &mut self,
        now: u64,
        source: IpAddr,
        proof: Proof<'_>,
        lookup: impl FnOnce(&str) -> Option<Ha1>,
    ) -> Result<(), DigestFault> {
        let Proof {
            credentials,
            method,
            uri,
            body,
        } = proof;
        if !self.recognizes(credentials) {
            return Err(DigestFault::BadNonce);
        }
        let field = |name| credentials.bytes(name).ok_or(DigestFault::Malformed);
        let username = credentials.username().ok_or(DigestFault::Malformed)?;
        let nonce = field("nonce")?;
        let answered_uri = field("uri")?;
        let answer = field("response")?;
        let algorithm = self.algorithm(credentials)?;
        let (qop, nc) = qop(credentials)?;
        let (nc_text, cnonce) = match qop {
            Qop::None => Default::default(),
            _ => (field("nc")?, field("cnonce")?),
        };
        if qop == Qop::None && algorithm.is_session() {
            return Err(DigestFault::Malformed);
        }
        let known = lookup(&username);
        let ha1 = known.unwrap_or(Ha1 {
            md5: [0; 16],
            sha256: [0; 32],
        });
        let expected = response(&Input {
            algorithm,
            ha1: &ha1,
            nonce: &nonce,
            nc: &nc_text,
            cnonce: &cnonce,
            qop,
            method: method.as_str(),
            uri: &answered_uri,
            body,
        });
        let parsed = Nonce::parse(&nonce, &self.key, source);
        let right = expected.matches(&answer) & known.is_some();
        match (right, parsed) {
            (true, Some((nonce, true))) => {
                if !same_target(&answered_uri, uri) {
                    return Err(DigestFault::WrongUri);
                }
                self.note_use(now, nonce, nc)
            }
            // Right secret, but a nonce of an earlier start or from before the phone's address changed.
            (true, _) => Err(DigestFault::Stale),
            (false, Some((_, true))) => Err(DigestFault::Mismatch),
            (false, _) => Err(DigestFault::BadNonce),
        }
    }

    fn note_use(&mut self, now: u64, nonce: Nonce, nc: Option<u32>) -> Result<(), DigestFault> {
        self.replay.expire(now.saturating_sub(NONCE_VALIDITY));
        // A nonce from the future means that the clock was set back.
        if nonce.time > now || now - nonce.time > NONCE_VALIDITY {
            return Err(DigestFault::Stale);
        }
        match self.replay.note(nonce, nc) {
            Use::Fresh => Ok(()),
            Use::Replay => Err(DigestFault::Replay),
            Use::Forgotten => Err(DigestFault::Stale),
        }
    }

    fn algorithm(&self, credentials: &Credentials) -> Result<Algorithm, DigestFault> {
        let algorithm = match credentials.get("algorithm") {
            None => Algorithm::Md5,
            Some(name) => Algorithm::from_name(&name).ok_or(DigestFault::Malformed)?,
        };
        let offered = self
            .algorithms
            .iter()
            .any(|offered| offered.is_md5() == algorithm.is_md5());
        match offered {
            true => Ok(algorithm),
            false => Err(DigestFault::Malformed),
        }
    }
}

fn qop(credentials: &Credentials) -> Result<(Qop, Option<u32>), DigestFault> {
    let qop = match credentials.get("qop") {
        None => return Ok((Qop::None, None)),
        Some(qop) if qop.eq_ignore_ascii_case("auth") => Qop::Auth,
        Some(qop) if qop.eq_ignore_ascii_case("auth-int") => Qop::AuthInt,
        Some(_) => return Err(DigestFault::Malformed),
    };
    let nc = credentials.get("nc").ok_or(DigestFault::Malformed)?;
    if nc.len() != 8 || !nc.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(DigestFault::Malformed);
    }
    let nc = u32::from_str_radix(&nc, 16).map_err(|_| DigestFault::Malformed)?;
    Ok((qop, Some(nc)))
}

/// Whether the URI that was signed names the same user as the request URI, or none but the server, as some phones and
/// SIPp do. Hosts may differ: phones sign the configured domain and send to an address.
pub(super) fn same_target(signed: &[u8], uri: &Uri) -> bool {
    if signed == uri.as_bytes() {
        return true;
    }
    let Ok(signed) = Uri::parse(bytes::Bytes::copy_from_slice(signed)) else {
        return false;
    };
    signed.scheme() != Scheme::Other && (signed.user().is_none() || signed.user() == uri.user())
}
