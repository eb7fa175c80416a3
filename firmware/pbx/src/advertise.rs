//! How phones reach a gateway that does not know it by itself.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ramal_sip::{Flow, Transport};
use ramal_store::Store;
use serde::Deserialize;
use thiserror::Error;

/// Where phones reach a gateway behind NAT or port forwarding: told to them in Contact, Via and SDP instead of the
/// address their messages arrive at. Written `192.0.2.1`, or `192.0.2.1:27060` when SIP has another port outside too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Advertise {
    /// For signalling and media.
    pub address: IpAddr,
    /// For SIP over UDP and TCP; none when it is the port we listen at.
    pub sip_port: Option<u16>,
}

/// Not what [`Advertise`] is written like.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not {expected}", expected = Advertise::EXPECTED)]
pub struct NotAnAddress(String);

impl Advertise {
    /// What a text has to be, for messages to whoever wrote it.
    pub const EXPECTED: &str = "an IP address, or an IP address and a port";

    /// The address for those who reach us at `own`: the outer one, unless it is of the other family.
    fn seen_by(outer: Option<Self>, own: IpAddr) -> IpAddr {
        outer
            .map(|outer| outer.address)
            .filter(|address| address.is_ipv4() == own.is_ipv4())
            .unwrap_or(own)
    }
}

/// What the other ends of flows are told of how they reach us: what the service was started with, or else the settings.
#[derive(Clone, Default)]
pub(crate) struct OuterAddress {
    fixed: Option<Advertise>,
    store: Option<Store>,
}

impl OuterAddress {
    pub(crate) fn new(fixed: Option<Advertise>, store: Store) -> Self {
        Self {
            fixed,
            store: Some(store),
        }
    }

    /// The address.
    pub(crate) fn for_flow(&self, flow: &Flow) -> IpAddr {
        let own = flow.local.ip();
        match (&self.fixed, &self.store) {
            (None, Some(store)) => {
                let configuration = store.configuration();
                let settings = configuration.sip_settings();
                settings.address_for(flow.remote.ip(), own)
            }
            (fixed, _) => Advertise::seen_by(*fixed, own),
        }
    }

    /// The port of SIP in place of ours, where it is another one outside.
    pub(crate) fn port(&self, transport: Transport) -> Option<u16> {
        match transport {
            Transport::Tls => None,
            _ => self.fixed.and_then(|outer| outer.sip_port),
        }
    }
}

impl FromStr for Advertise {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse() {
            return Ok(Self {
                address,
                sip_port: None,
            });
        }
        match text.parse::<SocketAddr>() {
            Ok(outer) if outer.port() != 0 => Ok(Self {
                address: outer.ip(),
                sip_port: Some(outer.port()),
            }),
            _ => Err(NotAnAddress(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Advertise {
    type Error = NotAnAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_bring_a_port() {
        let outer = |address: &str, sip_port| {
            Ok(Advertise {
                address: address.parse().unwrap(),
                sip_port,
            })
        };
        assert_eq!("192.0.2.1".parse(), outer("192.0.2.1", None));
        assert_eq!("192.0.2.1:27060".parse(), outer("192.0.2.1", Some(27060)));
        assert_eq!("2001:db8::1".parse(), outer("2001:db8::1", None));
        assert_eq!(
            "[2001:db8::1]:5080".parse(),
            outer("2001:db8::1", Some(5080))
        );
        for wrong in ["", "gateway.lan", "192.0.2.1:0", "192.0.2.1:70000"] {
            assert!(wrong.parse::<Advertise>().is_err(), "{wrong}");
        }
    }
}
