//! A stream that carries a fax instead of audio.

use std::net::SocketAddr;
use std::time::Instant;

use super::RtpStream;
use crate::socket;
use crate::udptl::Udptl;

impl RtpStream {
    /// The far end sends a fax to and from this address from now on, until the next session description.
    pub(crate) fn set_fax(&mut self, described: SocketAddr, now: Instant) {
        let audio = self.far.as_ref().and_then(|far| far.latch.source());
        if let Some(far) = &mut self.far {
            far.unsettle(&self.sockets.rtp);
        }
        let ipv6 = socket::is_ipv6(&self.sockets.rtp);
        self.fax = Some(Box::new(Udptl::new(described, audio, ipv6)));
        self.heard = now;
        self.timeout_reported = false;
    }

    pub(crate) fn is_fax(&self) -> bool {
        self.fax.is_some()
    }

    /// Checks a datagram of a fax and takes note of it.
    pub(crate) fn accept_fax(&mut self, source: SocketAddr, now: Instant) -> bool {
        let taken = self.fax.as_mut().is_some_and(|fax| fax.accept(source));
        if taken {
            self.heard = now;
            self.timeout_reported = false;
        }
        taken
    }

    /// Sends a datagram of a fax.
    pub(crate) fn send_fax(&mut self, datagram: &[u8]) {
        let descriptor = self.rtp_descriptor();
        if let Some(fax) = &mut self.fax {
            fax.send(descriptor, datagram);
        }
    }
}
