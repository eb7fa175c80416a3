//! Servers that did not answer, or want to be left alone, which are tried last for a while.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ramal_sip::Transport;

use super::hop::Hop;

/// How long a server that did not answer is avoided.
const AVOIDED: Duration = Duration::from_secs(60);
/// The longest `Retry-After` that is honoured: a server that names more is tried again all the same.
const LONGEST: Duration = Duration::from_secs(300);
/// Servers remembered.
const CAPACITY: usize = 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct DeadServers(HashMap<(Transport, SocketAddr), Instant>);

impl DeadServers {
    /// A server did not answer.
    pub(super) fn add(&mut self, transport: Transport, address: SocketAddr, now: Instant) {
        self.avoid(transport, address, now, AVOIDED);
    }

    /// A server has too much to do and says for how long (RFC 3261 §21.5.4).
    pub(super) fn overloaded(&mut self, hop: &Hop, now: Instant, retry_after: Duration) {
        self.avoid(hop.transport, hop.address, now, retry_after.min(LONGEST));
    }

    fn avoid(&mut self, transport: Transport, address: SocketAddr, now: Instant, time: Duration) {
        self.0.retain(|_, until| *until > now);
        if self.0.len() < CAPACITY {
            self.0.insert((transport, address), now + time);
        }
    }

    /// A server has answered.
    pub(super) fn remove(&mut self, hop: &Hop) {
        self.0.remove(&(hop.transport, hop.address));
    }

    /// Whether a server is avoided.
    pub(super) fn contains(&self, hop: &Hop, now: Instant) -> bool {
        self.0
            .get(&(hop.transport, hop.address))
            .is_some_and(|until| *until > now)
    }

    /// Puts servers that are avoided behind the others; when all are, they are tried all the same.
    pub(super) fn put_last(&self, hops: &mut [Hop], now: Instant) {
        hops.sort_by_key(|hop| self.contains(hop, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(port: u16) -> Hop {
        Hop {
            transport: Transport::Udp,
            address: ([127, 0, 0, 1], port).into(),
            name: None,
            trusted: Default::default(),
            is_fixed: false,
        }
    }

    #[test]
    fn a_dead_server_is_last_for_a_minute_or_until_it_answers() {
        let now = Instant::now();
        let mut dead = DeadServers::default();
        dead.add(Transport::Udp, hop(1).address, now);
        let order = |dead: &DeadServers, at| {
            let mut hops = [hop(1), hop(2)];
            dead.put_last(&mut hops, at);
            hops[0].address.port()
        };
        assert_eq!(order(&dead, now), 2);
        assert_eq!(order(&dead, now + AVOIDED), 1);
        dead.remove(&hop(1));
        assert_eq!(order(&dead, now), 1);
        dead.overloaded(&hop(1), now, Duration::from_secs(86_400));
        assert_eq!(order(&dead, now), 2);
        assert_eq!(order(&dead, now + LONGEST), 1);
    }
}
