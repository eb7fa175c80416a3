//! Phones that know MD5 digests only, and give up when SHA-256 is offered at all.
//!
//! RFC 8760 §2.4 has a phone pick the first algorithm it knows, but some older ones refuse all challenges when they do
//! not know one. Such a phone tries again after a while, still without credentials.
//! From then on it is offered MD5 alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ramal_sip::{Credentials, HeaderValue};

/// Beginnings of the User-Agent of phones that are known to refuse all challenges when SHA-256 is among them; they are
/// offered MD5 alone from the start. Up to version 1 baresip answers "Function not implemented" to itself; JsSIP, which
/// telephones in browsers are made of, reads the first challenge only.
const KNOWN: [&str; 3] = ["baresip v0.", "baresip v1.", "JsSIP "];
/// Requests closer together than this are one attempt: copies, or a phone registering and subscribing at once.
const ATTEMPT: Duration = Duration::from_secs(1);
/// Phones remembered; beyond that all are forgotten and learnt again.
const CAPACITY: usize = 8192;

#[derive(Debug, Clone, Copy)]
enum Known {
    /// It was challenged, and has not answered yet.
    Challenged(Instant),
    /// It answers when both algorithms are offered.
    Both,
    /// It has not answered to SHA-256 and MD5.
    Md5Only,
}

/// What each phone has done with its challenges.
#[derive(Debug, Default)]
pub(super) struct OldPhones(HashMap<(IpAddr, String), Known>);

impl OldPhones {
    /// Leaves of the challenges to a request without credentials those that the phone can read.
    pub(super) fn choose(
        &mut self,
        now: Instant,
        source: IpAddr,
        user: &str,
        user_agent: &str,
        challenges: &mut Vec<HeaderValue>,
    ) {
        if self.0.len() >= CAPACITY {
            self.0.clear();
        }
        let known = self
            .0
            .entry((source, user.to_owned()))
            .or_insert(Known::Challenged(now));
        match *known {
            Known::Challenged(at) if now.duration_since(at) >= ATTEMPT => *known = Known::Md5Only,
            _ => {}
        }
        if KNOWN.iter().any(|name| user_agent.starts_with(name)) {
            *known = Known::Md5Only;
        }
        if matches!(known, Known::Md5Only) {
            challenges.retain(|challenge| {
                !challenge
                    .as_bytes()
                    .windows(7)
                    .any(|text| text == b"SHA-256")
            });
        }
    }

    /// The phone has answered a challenge, rightly or not.
    pub(super) fn answered(&mut self, source: IpAddr, user: &str, credentials: &Credentials) {
        let sha256 = credentials
            .get("algorithm")
            .is_some_and(|algorithm| algorithm.to_ascii_uppercase().starts_with("SHA-256"));
        if let Some(known) = self.0.get_mut(&(source, user.to_owned())) {
            match known {
                Known::Challenged(_) => *known = Known::Both,
                Known::Md5Only if sha256 => *known = Known::Both,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 10));

    fn offered(phones: &mut OldPhones, now: Instant) -> usize {
        let mut challenges = vec![
            HeaderValue::sanitized("Digest realm=\"ramal\", nonce=\"a\", algorithm=SHA-256"),
            HeaderValue::sanitized("Digest realm=\"ramal\", nonce=\"a\", algorithm=MD5"),
        ];
        phones.choose(now, PHONE, "1001", "Telefon 1.0", &mut challenges);
        challenges.len()
    }

    #[test]
    fn a_phone_that_does_not_answer_is_offered_md5_alone_when_it_comes_back() {
        let mut phones = OldPhones::default();
        let now = Instant::now();
        assert_eq!(offered(&mut phones, now), 2);
        assert_eq!(offered(&mut phones, now + ATTEMPT / 2), 2, "a copy");
        assert_eq!(offered(&mut phones, now + ATTEMPT), 1);
        assert_eq!(offered(&mut phones, now + ATTEMPT * 1000), 1);
    }

    #[test]
    fn a_phone_that_answers_is_offered_both_for_ever() {
        let mut phones = OldPhones::default();
        let now = Instant::now();
        offered(&mut phones, now);
        let credentials =
            Credentials::from_text("Digest username=\"1001\", algorithm=MD5").unwrap();
        phones.answered(PHONE, "1001", &credentials);
        assert_eq!(offered(&mut phones, now + ATTEMPT * 1000), 2);
    }

    #[test]
    fn a_phone_known_to_refuse_sha256_is_never_offered_it() {
        let mut phones = OldPhones::default();
        let mut challenges = vec![
            HeaderValue::sanitized("Digest realm=\"ramal\", nonce=\"a\", algorithm=MD5"),
            HeaderValue::sanitized("Digest realm=\"ramal\", nonce=\"a\", algorithm=SHA-256"),
        ];
        let agent = "baresip v1.1.0 (x86_64/linux)";
        phones.choose(Instant::now(), PHONE, "1001", agent, &mut challenges);
        assert_eq!(challenges.len(), 1);
    }
}
