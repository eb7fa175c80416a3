//! Servers that did not answer, which are tried last for a while.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ramal_sip::Transport;

use super::hop::Hop;

/// How long a server is avoided.
const AVOIDED: Duration = Duration::from_secs(60);
/// Servers remembered.
const CAPACITY: usize = 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct DeadServers(HashMap<(Transport, SocketAddr), Instant>);

impl DeadServers {
    /// A server did not answer.
    pub(super) fn add(&mut self, hop: &Hop, now: Instant) {
        self.0.retain(|_, until| *until > now);
        if self.0.len() < CAPACITY {
            self.0.insert((hop.transport, hop.address), now + AVOIDED);
        }
    }

    /// A server has answered.
    pub(super) fn remove(&mut self, hop: &Hop) {
        self.0.remove(&(hop.transport, hop.address));
    }

    /// Puts servers that are avoided behind the others; when all are, they are tried all the same.
    pub(super) fn put_last(&self, hops: &mut [Hop], now: Instant) {
        hops.sort_by_key(|hop| {
            self.0
                .get(&(hop.transport, hop.address))
                .is_some_and(|until| *until > now)
        });
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
            is_fixed: false,
        }
    }

    #[test]
    fn a_dead_server_is_last_for_a_minute_or_until_it_answers() {
        let now = Instant::now();
        let mut dead = DeadServers::default();
        dead.add(&hop(1), now);
        let order = |dead: &DeadServers, at| {
            let mut hops = [hop(1), hop(2)];
            dead.put_last(&mut hops, at);
            hops[0].address.port()
        };
        assert_eq!(order(&dead, now), 2);
        assert_eq!(order(&dead, now + AVOIDED), 1);
        dead.remove(&hop(1));
        assert_eq!(order(&dead, now), 1);
    }
}
