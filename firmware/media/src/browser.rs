//! What a stream does for a browser beside its media: checks, handshake, and RTCP on the port of RTP.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::sync::mpsc;

use crate::secure::handshake::Input;
use crate::secure::link::{Content, Link};
use crate::secure::stun;
use crate::stream::RtpStream;
use crate::{IceParameters, SrtpKeys, socket};

impl RtpStream {
    /// Answers checks with these credentials.
    pub(crate) fn set_ice(&mut self, ice: &IceParameters) {
        match &mut self.link {
            Some(link) => link.restart(ice),
            None => self.link = Link::new(ice).map(Box::new),
        }
    }

    /// Where what comes of the handshake goes.
    pub(crate) fn hand_to(&mut self, handshake: mpsc::Sender<Input>) {
        if let Some(link) = &mut self.link {
            link.hand_to(handshake);
        }
    }

    /// The handshake is over.
    pub(crate) fn set_keys(&mut self, keys: &SrtpKeys) {
        self.security.set_keys(keys);
    }

    /// Sends a datagram of the handshake.
    pub(crate) fn send_handshake(&mut self, datagram: &[u8]) {
        if let Some(to) = self.link.as_ref().and_then(|link| link.way()) {
            let to = socket::destination(to, socket::is_ipv6(&self.sockets.rtp));
            // One that is lost is repeated.
            socket::send(self.rtp_descriptor(), datagram, Some(&to));
        }
    }

    /// Serves whatever of a browser is not RTP; true when the datagram is.
    pub(crate) fn is_media(
        &mut self,
        datagram: &mut [u8],
        source: SocketAddr,
        now: Instant,
    ) -> bool {
        match Content::of(datagram) {
            Content::Rtp => return true,
            Content::Rtcp => self.accept_report(Some(datagram), Some(source), now),
            Content::Stun => self.check(datagram, source, now),
            Content::Dtls => {
                let passed = self
                    .link
                    .as_ref()
                    .map(|link| link.pass_on(datagram, source));
                if let Some(Err(refusal)) = passed {
                    self.count_refused(refusal);
                }
            }
            Content::Unknown => self.malformed += 1,
        }
        false
    }

    fn check(&mut self, request: &[u8], source: SocketAddr, now: Instant) {
        let Some(link) = &mut self.link else { return };
        let mut answer = [0; stun::ROOM];
        let (length, chosen) = match link.check(request, source, &mut answer) {
            Ok(checked) => checked,
            Err(refusal) => {
                self.count_refused(refusal);
                return;
            }
        };
        let to = socket::destination(source, socket::is_ipv6(&self.sockets.rtp));
        socket::send(self.rtp_descriptor(), &answer[..length], Some(&to));
        if let (Some(source), Some(far)) = (chosen, &mut self.far) {
            far.unsettle(&self.sockets.rtp);
            far.latch.nominate(source, now);
            far.aim();
            self.follow_with_reports();
        }
    }
}
