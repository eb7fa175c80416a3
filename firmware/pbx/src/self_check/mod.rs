//! A call that the gateway makes to itself: over its own SIP port, with sound both ways, to show that it carries calls.
//!
//! The caller ([`caller`]) is a telephone of a few hundred lines on a socket of its own; what it dials is known for as long as
//! the check lasts and is too long to guess, so that no extension, no password and no code is needed. It is answered by an
//! echo ([`callee`]) like that of the echo test. It is no call of anybody's: it is in no list and in no history.

pub(crate) mod callee;
mod caller;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use thiserror::Error;

pub use self::caller::SelfCall;

/// Why the gateway could not call itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelfCheckError {
    /// Another check runs.
    #[error("another call to itself is under way")]
    Busy,
    /// There is no socket for it.
    #[error("no socket for a call to itself: {0}")]
    Socket(String),
    /// Nothing comes back.
    #[error("SIP is not answered")]
    NoAnswer,
    /// Something comes back that is no SIP, or no answer to a call.
    #[error("SIP is answered with something else: {0}")]
    Nonsense(String),
    /// The call is refused.
    #[error("the call to itself is refused with {0}")]
    Refused(u16),
    /// It is answered, and no packet comes.
    #[error("no sound comes back")]
    Silent,
    /// Packets come, and not with the tone that was sent.
    #[error("the sound that comes back is not what was sent")]
    OtherSound,
    /// It is not taken down.
    #[error("the call to itself does not end")]
    NoEnd,
}

/// The check that runs now.
#[derive(Debug, Default)]
pub(crate) struct SelfChecks(Mutex<Option<Expected>>);

/// The call that is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Expected {
    dialled: String,
    from: SocketAddr,
}

impl SelfChecks {
    fn expected(&self) -> MutexGuard<'_, Option<Expected>> {
        // Each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a call is the one that is expected; it comes once.
    pub(crate) fn is_expected(&self, from: SocketAddr, dialled: &str) -> bool {
        let mut expected = self.expected();
        let is = expected
            .as_ref()
            .is_some_and(|one| one.dialled == dialled && same(one.from, from));
        if is {
            *expected = None;
        }
        is
    }

    /// Expects a call; an error when one is expected already.
    fn expect(&self, dialled: String, from: SocketAddr) -> Result<(), SelfCheckError> {
        let mut expected = self.expected();
        if expected.is_some() {
            return Err(SelfCheckError::Busy);
        }
        *expected = Some(Expected { dialled, from });
        Ok(())
    }

    /// Expects none any more.
    fn forget(&self, dialled: &str) {
        let mut expected = self.expected();
        if expected.as_ref().is_some_and(|one| one.dialled == dialled) {
            *expected = None;
        }
    }
}

/// A socket for both families sees IPv4 addresses as mapped ones.
fn same(a: SocketAddr, b: SocketAddr) -> bool {
    (a.ip().to_canonical(), a.port()) == (b.ip().to_canonical(), b.port())
}

/// Where the gateway reaches itself when it listens at `listen`.
fn own_address(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        // IPv6 sockets here take IPv4, too.
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip == Ipv6Addr::UNSPECIFIED => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Has the gateway call itself.
///
/// # Errors
/// What does not work, in words for whoever looks after the gateway.
pub(crate) async fn check(
    checks: &SelfChecks,
    listen: SocketAddr,
) -> Result<SelfCall, SelfCheckError> {
    let telephone = caller::Telephone::new(own_address(listen)).await?;
    checks.expect(telephone.dialled().to_owned(), telephone.address())?;
    let _expecting = Expecting(checks, telephone.dialled().to_owned());
    telephone.call().await
}

/// Forgets the call that is expected, however the check ends.
struct Expecting<'a>(&'a SelfChecks, String);

impl Drop for Expecting<'_> {
    fn drop(&mut self) {
        self.0.forget(&self.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_call_that_is_expected_is_let_in_and_only_once() {
        let checks = SelfChecks::default();
        let from: SocketAddr = "127.0.0.1:4000".parse().unwrap();
        assert!(!checks.is_expected(from, "abc"));
        checks.expect("abc".into(), from).unwrap();
        assert_eq!(checks.expect("def".into(), from), Err(SelfCheckError::Busy));
        assert!(!checks.is_expected(from, "abd"));
        assert!(!checks.is_expected("127.0.0.1:4001".parse().unwrap(), "abc"));
        assert!(checks.is_expected("[::ffff:127.0.0.1]:4000".parse().unwrap(), "abc"));
        assert!(!checks.is_expected(from, "abc"));
    }

    #[test]
    fn it_calls_itself_where_it_listens() {
        let own = |listen: &str| own_address(listen.parse().unwrap()).to_string();
        assert_eq!(own("0.0.0.0:5060"), "127.0.0.1:5060");
        assert_eq!(own("[::]:5060"), "127.0.0.1:5060");
        assert_eq!(own("192.0.2.7:5070"), "192.0.2.7:5070");
    }
}
