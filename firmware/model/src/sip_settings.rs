//! How the gateway speaks SIP towards networks of others.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::{Invalid, Problems, code};
use crate::{BadAddress, Cidr};

/// Networks that may be named at most.
const MAX_NETWORKS: usize = 32;

/// Settings of SIP that hold for all phones and trunks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SipSettings {
    /// The address at which those outside of the local networks reach the gateway, told to them in `Contact`, `Via` and
    /// SDP; null when there is no address translation between. Its port forwarding leads SIP and voice to the same ports here.
    #[schema(value_type = Option<String>, example = "203.0.113.5")]
    pub external_address: Option<IpAddr>,
    /// Networks that reach the gateway at its own address, at most 32. When none is named: those of private addresses
    /// (RFC 1918, RFC 6598, RFC 4193), of the link, and the machine itself.
    #[schema(value_type = Vec<String>, example = json!(["192.168.0.0/16"]))]
    pub local_networks: Vec<Cidr>,
    /// Whether SIP over WebSocket is served in clear as well (`ws://`, RFC 7118), at the port that leads browsers to
    /// HTTPS. Whoever is on the way can listen to such calls and change them; browsers do not need it.
    pub websocket_in_clear: bool,
}

/// Input for [`SipSettings`]. What is left out goes back to its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewSipSettings {
    /// The address at which those outside of the local networks reach the gateway; null when there is no address
    /// translation between. Its port forwarding leads SIP and voice to the same ports here.
    #[schema(example = "203.0.113.5")]
    pub external_address: Option<String>,
    /// Networks that reach the gateway at its own address, at most 32; when none is named, all private ones.
    #[schema(example = json!(["192.168.0.0/16"]))]
    pub local_networks: Vec<String>,
    /// Whether SIP over WebSocket is served in clear as well (`ws://`, RFC 7118), at the port that leads browsers to
    /// HTTPS. Whoever is on the way can listen to such calls and change them; browsers do not need it.
    pub websocket_in_clear: bool,
}

impl NewSipSettings {
    /// What can be stored.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn validate(&self) -> Result<SipSettings, Invalid> {
        let mut problems = Problems::default();
        let external_address = self
            .external_address
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .and_then(|text| external_address(&mut problems, text));
        if self.local_networks.len() > MAX_NETWORKS {
            problems.add(
                "local_networks",
                code::TOO_MANY,
                Some("0-32"),
                format!("{} networks are too many", self.local_networks.len()),
            );
        }
        let mut local_networks: Vec<Cidr> = Vec::new();
        for (place, text) in self.local_networks.iter().take(MAX_NETWORKS).enumerate() {
            match text.parse() {
                Ok(network) if local_networks.contains(&network) => {}
                Ok(network) => local_networks.push(network),
                Err(BadAddress { expected, .. }) => problems.add(
                    &format!("local_networks[{place}]"),
                    code::INVALID,
                    Some(expected),
                    format!("must be {expected}"),
                ),
            }
        }
        problems.finish(SipSettings {
            external_address,
            local_networks,
            websocket_in_clear: self.websocket_in_clear,
        })
    }
}

/// An address at which others can reach the gateway.
fn external_address(problems: &mut Problems, text: &str) -> Option<IpAddr> {
    const EXPECTED: &str = "an IPv4 or IPv6 address that others can reach";
    let address = text.parse::<IpAddr>().map(|address| address.to_canonical());
    let reached = address.ok().filter(|address| {
        !address.is_unspecified() && !address.is_multicast() && !address.is_loopback()
    });
    if reached.is_none() {
        let message = format!("must be {EXPECTED}");
        problems.add("external_address", code::INVALID, Some(EXPECTED), message);
    }
    reached
}

impl SipSettings {
    /// The address told to `remote` in place of our own, which is `own`.
    pub fn address_for(&self, remote: IpAddr, own: IpAddr) -> IpAddr {
        let outer = self
            .external_address
            .filter(|outer| outer.is_ipv4() == own.to_canonical().is_ipv4());
        match outer {
            Some(outer) if !self.is_local(remote) => outer,
            _ => own,
        }
    }

    /// Whether somebody reaches the gateway at its own address.
    fn is_local(&self, remote: IpAddr) -> bool {
        if self.local_networks.is_empty() {
            return is_private(remote);
        }
        // The machine itself needs no line in the list.
        let remote = remote.to_canonical();
        let listed = |network: &Cidr| network.contains(remote);
        remote.is_loopback() || self.local_networks.iter().any(listed)
    }
}

/// Whether an address is one that is not routed in the public network.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_those_outside_are_told_the_external_address() {
        let mut settings = SipSettings {
            external_address: Some(ip("203.0.113.5")),
            ..SipSettings::default()
        };
        let own = ip("192.168.1.2");
        for inside in [
            "192.168.1.77",
            "10.0.0.1",
            "172.31.255.255",
            "100.64.0.1",
            "169.254.1.1",
            "127.0.0.1",
            "::ffff:192.168.1.77",
        ] {
            assert_eq!(settings.address_for(ip(inside), own), own, "{inside}");
        }
        for outside in [
            "198.51.100.7",
            "172.32.0.1",
            "100.128.0.1",
            "::ffff:198.51.100.7",
        ] {
            assert_eq!(
                settings.address_for(ip(outside), own),
                ip("203.0.113.5"),
                "{outside}"
            );
        }
        // The list is the whole truth, where there is one.
        settings.local_networks = vec!["198.51.100.0/24".parse().unwrap()];
        assert_eq!(settings.address_for(ip("198.51.100.7"), own), own);
        assert_eq!(settings.address_for(ip("127.0.0.1"), own), own);
        let remote = ip("10.0.0.1");
        assert_eq!(settings.address_for(remote, own), ip("203.0.113.5"));
    }

    #[test]
    fn an_address_of_the_other_family_is_told_to_nobody() {
        let settings = SipSettings {
            external_address: Some(ip("203.0.113.5")),
            ..SipSettings::default()
        };
        let own = ip("2001:db8::2");
        assert_eq!(settings.address_for(ip("2001:db8:1::7"), own), own);
        assert_eq!(settings.address_for(ip("fd00::7"), own), own);
    }

    #[test]
    fn what_nobody_can_reach_is_refused() {
        for wrong in [
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.1",
            "::1",
            "ff02::1",
            "ramal",
        ] {
            let settings = NewSipSettings {
                external_address: Some(wrong.into()),
                ..NewSipSettings::default()
            };
            let problems = settings.validate().unwrap_err().problems;
            assert_eq!(problems[0].field, "external_address", "{wrong}");
        }
        let blank = NewSipSettings {
            external_address: Some(" ".into()),
            local_networks: vec!["192.0.2.0/24".into(), "192.0.2.7/24".into()],
            ..NewSipSettings::default()
        };
        let stored = blank.validate().unwrap();
        assert_eq!(stored.external_address, None);
        assert_eq!(stored.local_networks, ["192.0.2.0/24".parse().unwrap()]);
        let networks = |networks: Vec<String>| NewSipSettings {
            local_networks: networks,
            ..NewSipSettings::default()
        };
        let refused = |settings: NewSipSettings| {
            let problem = settings.validate().unwrap_err().problems.remove(0);
            (problem.field, problem.code)
        };
        let many = (0..33).map(|third| format!("10.0.{third}.0/24")).collect();
        assert_eq!(
            refused(networks(many)),
            ("local_networks".to_owned(), code::TOO_MANY.to_owned())
        );
        assert_eq!(
            refused(networks(vec!["10.0.0.0/8".into(), "everybody".into()])),
            ("local_networks[1]".to_owned(), code::INVALID.to_owned())
        );
    }
}
