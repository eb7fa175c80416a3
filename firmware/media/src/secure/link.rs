//! The part of a stream that a browser needs on the media thread: its checks are answered, its handshake is passed on.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::sync::mpsc;

use super::handshake::Input;
use super::stun::{Answer, Checks, ROOM};
use super::{Refusal, handshake};
use crate::latch::Latch;
use crate::{IceParameters, rtp};

/// What a datagram of a port is that carries everything at once (RFC 7983 §7, RFC 5761 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Unknown,
}

impl Content {
    pub(crate) fn of(datagram: &[u8]) -> Content {
        match datagram {
            [0..=3, ..] => Content::Stun,
            [20..=63, ..] => Content::Dtls,
            [128..=191, kind, ..] if rtp::is_rtcp(*kind) => Content::Rtcp,
            [128..=191, ..] => Content::Rtp,
            _ => Content::Unknown,
        }
    }
}

/// The way to a browser.
pub(crate) struct Link {
    checks: Checks,
    handshake: Option<mpsc::Sender<Input>>,
    /// The address of the last check that was proven: only from there a handshake is taken.
    proven: Option<SocketAddr>,
    /// The address in use: the first one proven, until the browser nominates another.
    chosen: Option<SocketAddr>,
}

impl Link {
    pub(crate) fn new(ice: &IceParameters) -> Option<Self> {
        Some(Link {
            checks: checks(ice)?,
            handshake: None,
            proven: None,
            chosen: None,
        })
    }

    /// Takes other credentials: the browser looks for a way anew (RFC 8445 §9). What was agreed stays.
    pub(crate) fn restart(&mut self, ice: &IceParameters) {
        if let Some(checks) = checks(ice) {
            self.checks = checks;
        }
    }

    /// Where datagrams of the handshake go.
    pub(crate) fn way(&self) -> Option<SocketAddr> {
        self.chosen
    }

    /// Points at the address the browser chose, unless its media comes from another since.
    pub(crate) fn aim(&self, latch: &mut Latch, now: Instant) {
        if let (Some(source), None) = (self.chosen, latch.source()) {
            latch.nominate(source, now);
        }
    }

    /// Passes handshake datagrams on from now on.
    pub(crate) fn hand_to(&mut self, handshake: mpsc::Sender<Input>) {
        if self.chosen.is_some() {
            let _ = handshake.try_send(Input::Reachable);
        }
        self.handshake = Some(handshake);
    }

    /// Answers a check; the second is the address to be used from now on when that has changed.
    pub(crate) fn check(
        &mut self,
        request: &[u8],
        source: SocketAddr,
        answer: &mut [u8; ROOM],
    ) -> Result<(usize, Option<SocketAddr>), Refusal> {
        let Answer { length, nominated } = self.checks.answer(request, source, answer)?;
        self.proven = Some(source);
        // Browsers begin the handshake on the first way that works, long before they nominate it.
        let changed =
            (nominated || self.chosen.is_none()) && self.chosen.replace(source) != Some(source);
        if changed && let Some(handshake) = &self.handshake {
            let _ = handshake.try_send(Input::Reachable);
        }
        Ok((length, changed.then_some(source)))
    }

    /// Passes on a datagram of the handshake. One that finds the queue full is lost, as datagrams may be.
    pub(crate) fn pass_on(&self, datagram: &[u8], source: SocketAddr) -> Result<(), Refusal> {
        let known = self.proven == Some(source) || self.chosen == Some(source);
        let Some(handshake) = self.handshake.as_ref().filter(|_| known) else {
            return Err(Refusal::Unauthentic);
        };
        if datagram.len() > handshake::LONGEST {
            return Err(Refusal::Malformed);
        }
        // The place in the queue first: a flood allocates nothing.
        if let Ok(place) = handshake.try_reserve() {
            place.send(Input::Datagram(datagram.into()));
        }
        Ok(())
    }
}

fn checks(ice: &IceParameters) -> Option<Checks> {
    Checks::new(
        &ice.local_fragment,
        &ice.local_password,
        &ice.remote_fragment,
    )
}
