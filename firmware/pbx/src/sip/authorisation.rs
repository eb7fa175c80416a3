//! Who sends a request, and whether he may (RFC 3261 §22, RFC 8760).
//!
//! There are no guests: every request that makes the gateway do something must carry the digest credentials of an
//! extension, and may speak for that extension only. An unknown or disabled extension is treated exactly like a wrong
//! password.

use ramal_model::{Configuration, Extension};
use ramal_sip::digest::{Algorithm, Challenger, DigestFault, Ha1, Proof};
use ramal_sip::{Flow, HeaderValue, NameAddr, Request};

use super::defence::{Defence, Refusal};
use super::old_phones::OldPhones;
use crate::clock::Now;
use crate::counters::AuthenticationCounters;
use crate::location;

/// What is to become of a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It comes from this extension.
    Accepted(Extension),
    /// It has to prove who it is from: `WWW-Authenticate` values for a 401.
    Challenged(Vec<HeaderValue>),
    /// It comes from an extension but speaks for another, or comes over what that one may not use: 403.
    Forbidden,
    /// Its credentials cannot be read: 400.
    Malformed,
    /// It comes from somebody who guesses passwords: 403, and no challenge to guess on with.
    Banned,
}

/// Decides on requests.
pub(super) struct Authority {
    challenger: Challenger,
    pub(super) defence: Defence,
    old_phones: OldPhones,
    counters: AuthenticationCounters,
}

impl Authority {
    /// `key` is random; it signs the nonces.
    pub(super) fn new(key: [u8; 32], defence: Defence) -> Self {
        Self {
            // MD5 first, against the advice of RFC 8760 §2.4: SIPp and many phones read the first challenge only. Secrets
            // are 20 random characters, so a captured MD5 answer is no help in guessing one.
            challenger: Challenger::new(key, ramal_model::REALM)
                .with_algorithms(&[Algorithm::Md5, Algorithm::Sha256]),
            defence,
            old_phones: OldPhones::default(),
            counters: AuthenticationCounters::default(),
        }
    }

    /// Decides on a request that speaks for `identity`: To of a REGISTER, From of everything else.
    pub(super) fn decide(
        &mut self,
        now: Now,
        flow: Flow,
        configuration: &Configuration,
        request: &Request,
        identity: &NameAddr,
    ) -> Verdict {
        let source = flow.remote.ip();
        let claimed = identity.uri.user().unwrap_or_default();
        let seconds = u64::try_from(now.utc_ms / 1000).unwrap_or(0);
        let credentials = request.headers.authorization().unwrap_or_default();
        let Some(credentials) = credentials
            .into_iter()
            .find(|credentials| self.challenger.recognizes(credentials))
        else {
            let exists = configuration.extension_by_number(&claimed).is_some();
            if !self.defence.may_challenge(now, source, &claimed, exists) {
                self.counters.banned += 1;
                return Verdict::Banned;
            }
            self.counters.challenged += 1;
            let mut challenges = self.challenger.challenge(seconds, source, false);
            let user_agent = request.headers.user_agent().unwrap_or_default();
            self.old_phones
                .choose(now.instant, source, &claimed, &user_agent, &mut challenges);
            return Verdict::Challenged(challenges);
        };
        let user = credentials.username().unwrap_or_default().into_owned();
        if self.defence.is_account_banned(now.instant, source, &user) {
            self.counters.banned += 1;
            return Verdict::Banned;
        }
        self.old_phones.answered(source, &claimed, &credentials);
        let extension = configuration
            .extension_by_number(&user)
            .filter(|extension| extension.enabled);
        let proof = Proof {
            credentials: &credentials,
            method: &request.method,
            uri: &request.uri,
            body: &request.body,
        };
        let verified = self.challenger.verify(seconds, source, proof, |_| {
            let credential = configuration.credential(extension?.id)?;
            Some(Ha1 {
                md5: credential.md5,
                sha256: credential.sha256,
            })
        });
        match (verified, extension) {
            (Ok(()), Some(extension)) => {
                self.defence.proved(now.instant, source, &user);
                if claimed != extension.number
                    || !location::may_signal_over(flow.transport, extension)
                {
                    self.counters.forbidden += 1;
                    return Verdict::Forbidden;
                }
                self.counters.accepted += 1;
                Verdict::Accepted(extension.clone())
            }
            (Err(fault), _) if fault.is_stale() => {
                self.counters.stale += 1;
                self.challenge(seconds, flow, true)
            }
            (Err(DigestFault::Malformed | DigestFault::WrongUri), _) => {
                self.counters.failed += 1;
                Verdict::Malformed
            }
            // A foreign nonce counts as well: the answer to it must not tell for free whether the password was right.
            (Ok(()) | Err(_), _) => {
                self.counters.failed += 1;
                match self.defence.failed(now, source, &user) {
                    Refusal::Challenge => self.challenge(seconds, flow, false),
                    Refusal::Ban => {
                        self.counters.banned += 1;
                        Verdict::Banned
                    }
                }
            }
        }
    }

    fn challenge(&mut self, seconds: u64, flow: Flow, stale: bool) -> Verdict {
        Verdict::Challenged(self.challenger.challenge(seconds, flow.remote.ip(), stale))
    }

    /// What has been decided so far.
    pub(super) fn counters(&self) -> AuthenticationCounters {
        self.counters
    }
}
