//! Addresses with the length of their network's prefix.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and its network, such as `192.168.1.10/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefixed {
    /// The address.
    pub address: IpAddr,
    /// Bits of the network.
    pub length: u8,
}

impl Prefixed {
    /// Reads what `Display` writes.
    pub fn read(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let is_number = !length.is_empty() && length.bytes().all(|digit| digit.is_ascii_digit());
        let read = Self {
            address: address.parse().ok()?,
            length: length.parse().ok().filter(|_| is_number)?,
        };
        (read.length <= read.bits()).then_some(read)
    }

    fn bits(self) -> u8 {
        match self.address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        }
    }

    fn host_mask(self) -> u128 {
        let hosts = u32::from(self.bits() - self.length);
        1u128
            .checked_shl(hosts)
            .map_or(u128::MAX, |above| above - 1)
    }

    /// Whether another address is in its network.
    pub fn holds(self, other: IpAddr) -> bool {
        self.address.is_ipv4() == other.is_ipv4()
            && number(self.address) & !self.host_mask() == number(other) & !self.host_mask()
    }

    /// Whether the address is the network itself.
    pub fn is_network(self) -> bool {
        number(self.address) & self.host_mask() == 0
    }

    /// Whether one machine can have this address in this network: neither the network's own nor that of all its machines.
    pub fn is_host(self) -> bool {
        let host = number(self.address) & self.host_mask();
        let is_last = self.address.is_ipv4() && host == self.host_mask();
        // A line between two has neither (RFC 3021, RFC 6164).
        let is_pair = self.length + 1 == self.bits();
        self.length < self.bits() && (is_pair || (host != 0 && !is_last))
    }
}

impl fmt::Display for Prefixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// Whether an address can be that of a machine at all.
pub fn is_usable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !address.is_loopback()
                && !address.is_multicast()
                && !address.is_broadcast()
                && address.octets()[0] != 0
                && address != Ipv4Addr::UNSPECIFIED
                && address.octets()[0] < 240
        }
        IpAddr::V6(address) => {
            !address.is_loopback()
                && !address.is_multicast()
                && address != Ipv6Addr::UNSPECIFIED
                && address.to_ipv4_mapped().is_none()
        }
    }
}
