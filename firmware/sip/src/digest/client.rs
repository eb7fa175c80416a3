//! The client's side.

use super::algorithm::{Algorithm, Ha1, Input, Qop, response};
use crate::grammar::push_quoted;
use crate::{Challenge, HeaderValue, Method};

/// What a client knows of its secret.
#[derive(Clone)]
pub enum Secret {
    /// The secret itself.
    Password(String),
    /// Its hashes, computed for the realm of the challenge.
    Ha1(Ha1),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The answer to a challenge.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The user name.
    pub username: &'a str,
    /// The secret.
    pub secret: &'a Secret,
    /// The method of the request.
    pub method: &'a Method,
    /// The request URI as it will be printed.
    pub uri: &'a [u8],
    /// The body of the request, for servers that want `auth-int`.
    pub body: &'a [u8],
    /// Random text.
    pub cnonce: &'a str,
    /// How often the nonce of the challenge was used, this time included.
    pub nc: u32,
}

/// The first challenge we can answer; servers name the one they like best first (RFC 8760 §2.4).
pub fn choose(challenges: &[Challenge]) -> Option<&Challenge> {
    challenges
        .iter()
        .find(|challenge| algorithm(challenge).is_some() && qop(challenge).is_some())
}

fn algorithm(challenge: &Challenge) -> Option<Algorithm> {
    if !challenge.is_digest() || challenge.realm().is_none() || challenge.nonce().is_none() {
        return None;
    }
    match challenge.get("algorithm") {
        None => Some(Algorithm::Md5),
        Some(name) => Algorithm::from_name(&name),
    }
}

/// `auth` when it is offered, `auth-int` when it alone is; `None` when neither.
fn qop(challenge: &Challenge) -> Option<Qop> {
    let Some(offered) = challenge.get("qop") else {
        return Some(Qop::None);
    };
    let has = |wanted: &str| {
        offered
            .split(',')
            .any(|qop| qop.trim().eq_ignore_ascii_case(wanted))
    };
    if has("auth") {
        Some(Qop::Auth)
    } else if has("auth-int") {
        Some(Qop::AuthInt)
    } else {
        None
    }
}

impl Answer<'_> {
    /// The value for Authorization (to a 401) or Proxy-Authorization (to a 407); `None` when the challenge is one
    /// that [`choose`] would not take.
    pub fn to(&self, challenge: &Challenge) -> Option<HeaderValue> {
        let algorithm = algorithm(challenge)?;
        let qop = qop(challenge)?;
        let realm = challenge.realm()?;
        let nonce = challenge.bytes("nonce")?;
        let ha1 = match self.secret {
            Secret::Password(password) => Ha1::new(self.username, &realm, password),
            Secret::Ha1(ha1) => *ha1,
        };
        let nc = format!("{:08x}", self.nc);
        let response = response(&Input {
            algorithm,
            ha1: &ha1,
            nonce: &nonce,
            nc: nc.as_bytes(),
            cnonce: self.cnonce.as_bytes(),
            qop,
            method: self.method.as_str(),
            uri: self.uri,
            body: self.body,
        });
        let mut out = b"Digest username=".to_vec();
        push_quoted(&mut out, self.username.as_bytes());
        let mut quoted = |name: &str, value: &[u8]| {
            out.extend_from_slice(b", ");
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            push_quoted(&mut out, value);
        };
        quoted("realm", realm.as_bytes());
        quoted("nonce", &nonce);
        quoted("uri", self.uri);
        quoted("response", response.hex());
        if let Some(opaque) = challenge.bytes("opaque") {
            quoted("opaque", &opaque);
        }
        if qop != Qop::None || algorithm.is_session() {
            quoted("cnonce", self.cnonce.as_bytes());
        }
        if challenge.get("algorithm").is_some() {
            out.extend_from_slice(b", algorithm=");
            out.extend_from_slice(algorithm.as_str().as_bytes());
        }
        if qop != Qop::None {
            out.extend_from_slice(format!(", qop={}, nc={nc}", qop.as_str()).as_bytes());
        }
        Some(HeaderValue::sanitized(out))
    }
}
