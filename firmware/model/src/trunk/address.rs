//! Hosts and networks as they are typed in.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// The text is no host or network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct BadAddress {
    /// What was given.
    pub text: String,
    /// What it should have been.
    pub expected: &'static str,
}

/// A host with its port, `name[:port]` or `[IPv6]:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPort {
    /// Name or address, an IPv6 address without brackets.
    pub host: String,
    /// The port; none means that SRV or the transport's default decides (RFC 3263 §4.2).
    pub port: Option<u16>,
}

impl HostPort {
    const EXPECTED: &'static str = "a host name or address with an optional port";
}

impl FromStr for HostPort {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress {
            text: text.to_owned(),
            expected: Self::EXPECTED,
        };
        let text = text.trim();
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(HostPort {
                host: address.to_string(),
                port: None,
            });
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(bad)?;
                let host: Ipv6Addr = host.parse().map_err(|_| bad())?;
                let port = match port {
                    "" => None,
                    port => Some(port.strip_prefix(':').ok_or_else(bad)?),
                };
                (host.to_string(), port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host.to_owned(), Some(port)),
                None => (text.to_owned(), None),
            },
        };
        let port = match port {
            None => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                let port: u16 = port.parse().map_err(|_| bad())?;
                Some(port)
                    .filter(|port| *port > 0)
                    .map(Some)
                    .ok_or_else(bad)?
            }
            Some(_) => return Err(bad()),
        };
        if host.parse::<Ipv6Addr>().is_ok() || is_host_name(&host) {
            Ok(HostPort {
                host: host.to_ascii_lowercase(),
                port,
            })
        } else {
            Err(bad())
        }
    }
}

/// Whether the text is a host name (RFC 1123 §2.1) or an IPv4 address.
pub(super) fn is_host_name(host: &str) -> bool {
    let numeric = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    if host.split('.').next_back().is_some_and(numeric) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= 253
        && host.trim_end_matches('.').split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brackets = self.host.contains(':');
        match (brackets, self.port) {
            (true, Some(port)) => write!(f, "[{}]:{port}", self.host),
            (true, None) => write!(f, "[{}]", self.host),
            (false, Some(port)) => write!(f, "{}:{port}", self.host),
            (false, None) => f.write_str(&self.host),
        }
    }
}

impl TryFrom<String> for HostPort {
    type Error = BadAddress;

    fn try_from(text: String) -> Result<Self, BadAddress> {
        text.parse()
    }
}

impl From<HostPort> for String {
    fn from(host: HostPort) -> Self {
        host.to_string()
    }
}

/// The shortest prefix of an IPv4 network: a trunk open to more would be open to all.
const MIN_PREFIX_V4: u8 = 8;
/// The shortest prefix of an IPv6 network.
const MIN_PREFIX_V6: u8 = 32;

/// A network, `192.0.2.0/24`; a single address without prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    const EXPECTED: &'static str =
        "an address or a network of at least /8 (IPv4) or /32 (IPv6), such as 192.0.2.0/24";

    /// Whether the address lies in the network. IPv4 in IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        mask(address.to_canonical(), self.prefix) == Some(self.network)
    }
}

/// The network of an address; `None` when the prefix is too long for it.
fn mask(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let shift = 32u32.checked_sub(prefix.into())?;
            let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
            Some(Ipv4Addr::from_bits(address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let shift = 128u32.checked_sub(prefix.into())?;
            let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
            Some(Ipv6Addr::from_bits(address.to_bits() & mask).into())
        }
    }
}

impl FromStr for Cidr {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress {
            text: text.to_owned(),
            expected: Self::EXPECTED,
        };
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let address = address.to_canonical();
        let (min, max) = match address {
            IpAddr::V4(_) => (MIN_PREFIX_V4, 32),
            IpAddr::V6(_) => (MIN_PREFIX_V6, 128),
        };
        let prefix = match prefix {
            None => max,
            Some(prefix) => prefix.parse().map_err(|_| bad())?,
        };
        if !(min..=max).contains(&prefix) || address.is_unspecified() {
            return Err(bad());
        }
        let network = mask(address, prefix).ok_or_else(bad)?;
        Ok(Cidr { network, prefix })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = match self.network {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        if self.prefix == whole {
            self.network.fmt(f)
        } else {
            write!(f, "{}/{}", self.network, self.prefix)
        }
    }
}

impl TryFrom<String> for Cidr {
    type Error = BadAddress;

    fn try_from(text: String) -> Result<Self, BadAddress> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_they_are_typed() {
        for (text, host, port) in [
            ("sip.example.com", "sip.example.com", None),
            (" SIP.Example.com:5070 ", "sip.example.com", Some(5070)),
            ("192.0.2.1:5060", "192.0.2.1", Some(5060)),
            ("[2001:db8::1]:5061", "2001:db8::1", Some(5061)),
            ("2001:db8::1", "2001:db8::1", None),
            ("[2001:db8::1]", "2001:db8::1", None),
        ] {
            let read: HostPort = text.parse().unwrap();
            assert_eq!((read.host.as_str(), read.port), (host, port), "{text}");
            assert_eq!(read.to_string().parse::<HostPort>().unwrap(), read);
        }
        for text in [
            "",
            "a b",
            "host:",
            "host:0",
            "host:70000",
            "host:+5",
            "user@host",
            "1.2.3",
            "1.2.3.400",
            "[::1",
            "[::1]5060",
            "-a.example",
            "a..b",
            "sip:host",
            "host;lr",
            "host\r\nVia: x",
        ] {
            assert!(text.parse::<HostPort>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_network_holds_its_addresses_whatever_way_they_are_written() {
        let network: Cidr = "192.0.2.77/24".parse().unwrap();
        assert_eq!(network.to_string(), "192.0.2.0/24");
        assert!(network.contains("192.0.2.255".parse().unwrap()));
        assert!(network.contains("::ffff:192.0.2.1".parse().unwrap()));
        assert!(!network.contains("192.0.3.0".parse().unwrap()));
        assert!(!network.contains("2001:db8::1".parse().unwrap()));
        let one: Cidr = "192.0.2.10".parse().unwrap();
        assert!(one.contains("192.0.2.10".parse().unwrap()));
        assert!(!one.contains("192.0.2.11".parse().unwrap()));
        assert_eq!(one.to_string(), "192.0.2.10");
        let six: Cidr = "2001:db8::/32".parse().unwrap();
        assert!(six.contains("2001:db8:ffff::1".parse().unwrap()));
        assert!(!six.contains("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn networks_that_hold_half_the_world_are_no_sources() {
        for text in [
            "0.0.0.0/0",
            "0.0.0.0",
            "::/0",
            "10.0.0.0/7",
            "192.0.2.0/33",
            "192.0.2.0/",
            "2001::/16",
            "x",
            "192.0.2.1:5060",
        ] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }
}
