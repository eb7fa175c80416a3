//! Digest answers to a challenge (RFC 7616, RFC 8760): MD5 and SHA-256, with and without `qop=auth`.

use md5::{Digest as _, Md5};
use sha2::Sha256;

/// One parsed `WWW-Authenticate` value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    qop_auth: bool,
    sha256: bool,
}

impl Challenge {
    /// Reads a challenge; `None` for another scheme or an algorithm this phone lacks.
    pub fn parse(value: &str) -> Option<Challenge> {
        let rest = value.trim().strip_prefix("Digest ")?;
        let get = |name: &str| {
            parameters(rest)
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, v)| v)
        };
        let sha256 = match get("algorithm").as_deref() {
            None => false,
            Some(a) if a.eq_ignore_ascii_case("MD5") => false,
            Some(a) if a.eq_ignore_ascii_case("SHA-256") => true,
            Some(_) => return None,
        };
        Some(Challenge {
            realm: get("realm")?,
            nonce: get("nonce")?,
            opaque: get("opaque"),
            qop_auth: get("qop").is_some_and(|q| q.split(',').any(|t| t.trim() == "auth")),
            sha256,
        })
    }

    /// Whether the challenge asks for SHA-256.
    pub fn is_sha256(&self) -> bool {
        self.sha256
    }

    /// The value of the `Authorization` header that answers this challenge.
    pub fn answer(
        &self,
        user: &str,
        secret: &str,
        method: &str,
        uri: &str,
        cnonce: &str,
    ) -> String {
        let hash = |text: String| {
            if self.sha256 {
                hex(&Sha256::digest(text))
            } else {
                hex(&Md5::digest(text))
            }
        };
        let ha1 = hash(format!("{user}:{}:{secret}", self.realm));
        let ha2 = hash(format!("{method}:{uri}"));
        let (response, qop) = if self.qop_auth {
            (
                hash(format!("{ha1}:{}:00000001:{cnonce}:auth:{ha2}", self.nonce)),
                format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\""),
            )
        } else {
            (hash(format!("{ha1}:{}:{ha2}", self.nonce)), String::new())
        };
        let algorithm = if self.sha256 { "SHA-256" } else { "MD5" };
        let opaque = self
            .opaque
            .as_ref()
            .map(|o| format!(", opaque=\"{o}\""))
            .unwrap_or_default();
        format!(
            "Digest username=\"{user}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", response=\"{response}\", \
             algorithm={algorithm}{qop}{opaque}",
            self.realm, self.nonce
        )
    }
}

/// Splits `name=value, name="quoted, value"` lists.
fn parameters(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', ',', '\t']);
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, remainder) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        rest = remainder;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 2617 §3.5 and RFC 7616 §3.9.1 worked examples.
    #[test]
    fn rfc2617_example() {
        let c = Challenge::parse(
            "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
             nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
        )
        .unwrap();
        let answer = c.answer(
            "Mufasa",
            "Circle Of Life",
            "GET",
            "/dir/index.html",
            "0a4f113b",
        );
        assert!(
            answer.contains("response=\"6629fae49393a05397450978507c4ef1\""),
            "{answer}"
        );
    }

    #[test]
    fn rfc7616_sha256_example() {
        let c = Challenge::parse(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        )
        .unwrap();
        let answer = c.answer(
            "Mufasa",
            "Circle of Life",
            "GET",
            "/dir/index.html",
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        );
        assert!(
            answer.contains("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            "{answer}"
        );
    }

    #[test]
    fn other_schemes_and_algorithms_are_not_answered() {
        assert_eq!(Challenge::parse("Basic realm=\"x\""), None);
        assert_eq!(
            Challenge::parse("Digest realm=\"x\", nonce=\"y\", algorithm=SHA-512-256"),
            None
        );
    }
}
