//! How a stream's packets are protected now.

use super::SrtpKeys;
use super::inbound::{Inbound, Refusal};
use super::outbound::Outbound;
use crate::Protection;

/// The protection of a stream, both directions.
#[derive(Default)]
pub(crate) enum Security {
    /// Packets go in clear.
    #[default]
    Plain,
    /// Packets are sealed.
    Srtp(Box<Srtp>),
    /// Packets are sealed with keys that a handshake has made.
    Dtls(Box<Srtp>),
    /// Packets have to be sealed, but there is no key to do it with: nothing comes or goes.
    Barred,
}

pub(crate) struct Srtp {
    inbound: Inbound,
    outbound: Outbound,
}

impl Security {
    /// Takes what was agreed upon. A direction whose key stays the same goes on where it was.
    pub(crate) fn set(&mut self, protection: &Protection) {
        *self = match protection {
            Protection::None => Security::Plain,
            Protection::Srtp(keys) => match std::mem::take(self) {
                Security::Srtp(srtp) => srtp.with(keys),
                Security::Plain | Security::Dtls(_) | Security::Barred => Srtp::new(keys),
            }
            .map_or(Security::Barred, Security::Srtp),
            Protection::Dtls => match std::mem::take(self) {
                Security::Dtls(srtp) => Security::Dtls(srtp),
                _ => Security::Barred,
            },
        };
    }

    /// A handshake has made keys.
    pub(crate) fn set_keys(&mut self, keys: &SrtpKeys) {
        *self = Srtp::new(keys).map_or(Security::Barred, Security::Dtls);
    }

    /// Whether packets are anything but plain.
    pub(crate) fn is_protected(&self) -> bool {
        !matches!(self, Security::Plain)
    }

    /// Opens an RTP packet in place; gives the plain one.
    pub(crate) fn open_rtp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a [u8], Refusal> {
        match self {
            Security::Plain => Ok(packet),
            Security::Srtp(srtp) | Security::Dtls(srtp) => {
                let length = srtp.inbound.open_rtp(packet)?;
                packet.get(..length).ok_or(Refusal::Malformed)
            }
            Security::Barred => Err(Refusal::Unauthentic),
        }
    }

    /// Opens an RTCP packet in place; gives the plain one.
    pub(crate) fn open_rtcp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a [u8], Refusal> {
        match self {
            Security::Plain => Ok(packet),
            Security::Srtp(srtp) | Security::Dtls(srtp) => {
                let length = srtp.inbound.open_rtcp(packet)?;
                packet.get(..length).ok_or(Refusal::Malformed)
            }
            Security::Barred => Err(Refusal::Unauthentic),
        }
    }

    /// What to send for an RTP packet; `None` when it must not be sent.
    pub(crate) fn seal_rtp<'a>(&'a mut self, packet: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Security::Plain => Some(packet),
            Security::Srtp(srtp) | Security::Dtls(srtp) => srtp.outbound.seal_rtp(packet),
            Security::Barred => None,
        }
    }

    /// What to send for an RTCP packet; `None` when it must not be sent.
    pub(crate) fn seal_rtcp<'a>(&'a mut self, packet: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Security::Plain => Some(packet),
            Security::Srtp(srtp) | Security::Dtls(srtp) => srtp.outbound.seal_rtcp(packet),
            Security::Barred => None,
        }
    }
}

impl Srtp {
    fn new(keys: &SrtpKeys) -> Option<Box<Self>> {
        Some(Box::new(Srtp {
            inbound: Inbound::new(&keys.receive)?,
            outbound: Outbound::new(&keys.send)?,
        }))
    }

    fn with(mut self: Box<Self>, keys: &SrtpKeys) -> Option<Box<Self>> {
        if !self.inbound.has(&keys.receive) {
            self.inbound = Inbound::new(&keys.receive)?;
        }
        if !self.outbound.has(&keys.send) {
            self.outbound = Outbound::new(&keys.send)?;
        }
        Some(self)
    }
}
