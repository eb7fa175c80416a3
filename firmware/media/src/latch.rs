//! Symmetric RTP: which source a stream believes.
//!
//! The signalled address is believed at once. Any other source must send two packets in sequence; then
//! it is latched. From then on packets from elsewhere are dropped, so nobody who learns the port can
//! take the call over. Two exceptions: within the learning time the signalled address displaces
//! another source (a stranger was first), and after the latched source has been silent for a while
//! another one may follow it (a phone changed its address or its NAT binding).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long the latched source must be silent before another may replace it.
pub(crate) const RELATCH_SILENCE: Duration = Duration::from_secs(2);
/// How long after (re)negotiation the signalled address displaces another latched source.
pub(crate) const LEARNING: Duration = Duration::from_secs(3);

/// Whether a packet is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// From the latched source.
    Accept,
    /// From a source that is latched with this packet.
    Latched,
    /// From elsewhere; drop it.
    Refuse,
}

/// The source believed so far.
#[derive(Clone, Debug)]
pub(crate) struct Latch {
    signalled: SocketAddr,
    since: Instant,
    latched: Option<SocketAddr>,
    last_heard: Instant,
    candidate: Option<Candidate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    source: SocketAddr,
    ssrc: u32,
    next_sequence: u16,
}

impl Latch {
    /// Nothing latched yet; `signalled` comes from the session description.
    pub(crate) fn new(signalled: SocketAddr, now: Instant) -> Self {
        Latch {
            signalled,
            since: now,
            latched: None,
            last_heard: now,
            candidate: None,
        }
    }

    /// The latched source.
    pub(crate) fn source(&self) -> Option<SocketAddr> {
        self.latched
    }

    /// The latched source, when no other may take its place now: it is heard, and the learning time is over.
    pub(crate) fn settled(&self, now: Instant) -> Option<SocketAddr> {
        let learning = now.saturating_duration_since(self.since) < LEARNING;
        let silent = now.saturating_duration_since(self.last_heard) >= RELATCH_SILENCE;
        self.latched.filter(|_| !learning && !silent)
    }

    /// Takes a new session description. The latch is kept while the signalled address stays the same.
    pub(crate) fn signal(&mut self, signalled: SocketAddr, now: Instant) {
        if signalled != self.signalled {
            *self = Latch::new(signalled, now);
        }
    }

    /// The far end has proven that it wants to be reached there.
    pub(crate) fn nominate(&mut self, source: SocketAddr, now: Instant) {
        *self = Latch::new(source, now);
        self.latched = Some(source);
    }

    /// Whether nothing from there would be taken, whatever it is. Told before a packet is decrypted, so that strangers
    /// cost next to nothing.
    pub(crate) fn ignores(&self, source: SocketAddr, now: Instant) -> bool {
        self.latched != Some(source)
            && !self.is_silent(now)
            && !(source == self.signalled && self.is_learning(now))
    }

    /// Judges a valid RTP packet.
    pub(crate) fn judge(
        &mut self,
        source: SocketAddr,
        ssrc: u32,
        sequence: u16,
        now: Instant,
    ) -> Verdict {
        if self.latched == Some(source) {
            self.last_heard = now;
            return Verdict::Accept;
        }
        if self.may_latch(source, ssrc, sequence, now) {
            self.latched = Some(source);
            self.last_heard = now;
            self.candidate = None;
            return Verdict::Latched;
        }
        Verdict::Refuse
    }

    fn is_silent(&self, now: Instant) -> bool {
        self.latched.is_none() || now.saturating_duration_since(self.last_heard) >= RELATCH_SILENCE
    }

    fn is_learning(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < LEARNING
    }

    fn may_latch(&mut self, source: SocketAddr, ssrc: u32, sequence: u16, now: Instant) -> bool {
        let silent = self.is_silent(now);
        if source == self.signalled {
            return silent || self.is_learning(now);
        }
        if !silent {
            return false;
        }
        let this = Candidate {
            source,
            ssrc,
            next_sequence: sequence,
        };
        let follows = self.candidate == Some(this);
        self.candidate = Some(Candidate {
            next_sequence: sequence.wrapping_add(1),
            ..this
        });
        follows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    const PHONE: &str = "192.0.2.1:4000";
    const NAT: &str = "198.51.100.7:61000";
    const STRANGER: &str = "203.0.113.9:9";

    #[test]
    fn the_signalled_address_is_latched_by_its_first_packet() {
        let now = Instant::now();
        let mut latch = Latch::new(address(PHONE), now);
        assert_eq!(latch.judge(address(PHONE), 1, 1, now), Verdict::Latched);
        assert_eq!(latch.judge(address(PHONE), 1, 2, now), Verdict::Accept);
    }

    #[test]
    fn another_source_needs_two_packets_in_sequence_of_one_ssrc() {
        let now = Instant::now();
        let mut latch = Latch::new(address(PHONE), now);
        assert_eq!(latch.judge(address(NAT), 1, 10, now), Verdict::Refuse);
        assert_eq!(latch.judge(address(NAT), 2, 11, now), Verdict::Refuse);
        assert_eq!(latch.judge(address(NAT), 2, 40, now), Verdict::Refuse);
        assert_eq!(latch.judge(address(NAT), 2, 41, now), Verdict::Latched);
        assert_eq!(latch.source(), Some(address(NAT)));
    }

    #[test]
    fn a_stranger_gets_nowhere_while_the_latched_source_speaks() {
        let start = Instant::now();
        let mut latch = Latch::new(address(PHONE), start);
        latch.judge(address(PHONE), 1, 0, start);
        for packet in 1..1_000u16 {
            let now = start + Duration::from_millis(20) * u32::from(packet);
            assert!(latch.ignores(address(STRANGER), now));
            assert!(!latch.ignores(address(PHONE), now));
            assert_eq!(
                latch.judge(address(STRANGER), 9, packet, now),
                Verdict::Refuse
            );
            assert_eq!(latch.judge(address(PHONE), 1, packet, now), Verdict::Accept);
        }
    }

    #[test]
    fn a_silent_source_may_be_followed_by_another() {
        let start = Instant::now();
        let mut latch = Latch::new(address(PHONE), start);
        latch.judge(address(PHONE), 1, 0, start);
        let soon = start + RELATCH_SILENCE - Duration::from_millis(1);
        assert_eq!(latch.judge(address(NAT), 1, 50, soon), Verdict::Refuse);
        assert_eq!(latch.judge(address(NAT), 1, 51, soon), Verdict::Refuse);
        let later = start + RELATCH_SILENCE;
        assert_eq!(latch.judge(address(NAT), 1, 52, later), Verdict::Refuse);
        assert_eq!(latch.judge(address(NAT), 1, 53, later), Verdict::Latched);
    }

    #[test]
    fn the_signalled_address_displaces_a_stranger_only_while_learning() {
        let start = Instant::now();
        let mut latch = Latch::new(address(PHONE), start);
        latch.judge(address(STRANGER), 9, 1, start);
        assert_eq!(
            latch.judge(address(STRANGER), 9, 2, start),
            Verdict::Latched
        );
        assert_eq!(latch.judge(address(PHONE), 1, 1, start), Verdict::Latched);

        let mut latch = Latch::new(address(PHONE), start);
        latch.judge(address(NAT), 1, 1, start);
        latch.judge(address(NAT), 1, 2, start);
        let now = start + LEARNING;
        latch.judge(address(NAT), 1, 3, now);
        assert_eq!(latch.judge(address(PHONE), 1, 4, now), Verdict::Refuse);
    }

    #[test]
    fn a_new_description_starts_over_only_when_the_address_changes() {
        let now = Instant::now();
        let mut latch = Latch::new(address(PHONE), now);
        latch.judge(address(PHONE), 1, 1, now);
        latch.signal(address(PHONE), now);
        assert_eq!(latch.source(), Some(address(PHONE)));
        latch.signal(address(NAT), now);
        assert_eq!(latch.source(), None);
    }
}
