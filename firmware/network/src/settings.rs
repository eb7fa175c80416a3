//! What somebody wants of the network, and what of it can be.

use std::net::IpAddr;

use ramal_model::{Invalid, Problems, code};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::address::{Prefixed, is_usable};

const MAX_NAME_SERVERS: usize = 3;
const MAX_TIME_SERVERS: usize = 4;
const MAX_ROUTES: usize = 16;
/// Octets of an interface's name (Linux, IFNAMSIZ).
const MAX_PORT: usize = 15;
/// IEEE 802.1Q; 0 and 4095 have other meanings.
const VLANS: std::ops::RangeInclusive<u16> = 1..=4094;

/// How the gateway gets its IPv4 address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ipv4Mode {
    /// From a server, and one of its own while none answers (RFC 3927).
    #[default]
    Dhcp,
    /// As given.
    Static,
}

/// IPv4.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ipv4 {
    /// How it gets its address.
    pub mode: Ipv4Mode,
    /// The address with the length of its network's prefix, such as `192.168.1.10/24`; when it is static.
    pub address: Option<String>,
    /// Where other networks are; null when there are none.
    pub gateway: Option<String>,
}

/// How the gateway gets its IPv6 addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ipv6Mode {
    /// As routers and servers say (RFC 4862, RFC 8415).
    #[default]
    Automatic,
    /// As given.
    Static,
    /// Not at all.
    Off,
}

/// IPv6.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ipv6 {
    /// How it gets its addresses.
    pub mode: Ipv6Mode,
    /// The address with the length of its network's prefix, such as `2001:db8::10/64`; when it is static.
    pub address: Option<String>,
    /// Where other networks are; a link-local address will do.
    pub gateway: Option<String>,
}

/// A network that is reached another way than all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The network, such as `10.0.0.0/8`.
    pub destination: String,
    /// The machine that knows the way.
    pub gateway: String,
}

/// What is wanted of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    /// The gateway's name: 1-63 letters, digits and hyphens (RFC 1123).
    pub host_name: String,
    /// The wired port these are for; the others, if any, stay with DHCP. Null is every port, and needs DHCP.
    #[serde(default)]
    pub port: Option<String>,
    /// The VLAN the gateway is in, 1-4094, tagged (IEEE 802.1Q); null when the port is in none.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 4094)]
    pub vlan: Option<u16>,
    /// IPv4.
    #[serde(default)]
    pub ipv4: Ipv4,
    /// IPv6.
    #[serde(default)]
    pub ipv6: Ipv6,
    /// Name servers, at most 3; those that DHCP or routers name when empty.
    #[serde(default)]
    pub name_servers: Vec<String>,
    /// Time servers (NTP) by name or address, at most 4; those that DHCP names, or Debian's, when empty.
    #[serde(default)]
    pub time_servers: Vec<String>,
    /// Networks that are reached another way, at most 16.
    #[serde(default)]
    pub routes: Vec<Route>,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            host_name: "ramal".into(),
            port: None,
            vlan: None,
            ipv4: Ipv4::default(),
            ipv6: Ipv6::default(),
            name_servers: Vec::new(),
            time_servers: Vec::new(),
            routes: Vec::new(),
        }
    }
}

/// An address of one family and where its other networks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The address.
    pub address: Prefixed,
    /// Where other networks are.
    pub gateway: Option<IpAddr>,
}

/// Settings that can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(crate) host_name: String,
    pub(crate) port: Option<String>,
    pub(crate) vlan: Option<u16>,
    /// None asks a server.
    pub(crate) ipv4: Option<Fixed>,
    pub(crate) ipv6: Ipv6Mode,
    pub(crate) ipv6_fixed: Option<Fixed>,
    pub(crate) name_servers: Vec<IpAddr>,
    pub(crate) time_servers: Vec<String>,
    pub(crate) routes: Vec<(Prefixed, IpAddr)>,
}

impl Plan {
    /// The addresses by which it is known that somebody reached the gateway with these settings; none when a server gives
    /// them.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let fixed = [self.ipv4, self.ipv6_fixed].into_iter().flatten();
        fixed.map(|fixed| fixed.address.address).collect()
    }
}

impl NetworkSettings {
    /// Says what of it cannot be, field by field.
    ///
    /// # Errors
    /// Every problem found.
    pub fn check(&self) -> Result<Plan, Invalid> {
        let mut problems = Problems::default();
        let is_static = self.ipv4.mode == Ipv4Mode::Static || self.ipv6.mode == Ipv6Mode::Static;
        if !is_label(&self.host_name) {
            let message =
                "must be 1-63 letters, digits and hyphens, with a letter or digit at both ends";
            problems.add("host_name", code::INVALID, Some("1-63"), message);
        }
        match &self.port {
            Some(port) if !is_port(port) => {
                let message = "is no name of a port, such as eth0";
                problems.add("port", code::INVALID, Some("1-15"), message);
            }
            None if is_static || self.vlan.is_some() || !self.routes.is_empty() => {
                let message = "say which port has this address, VLAN or route";
                problems.add("port", code::REQUIRED, None, message);
            }
            _ => {}
        }
        if self.vlan.is_some_and(|vlan| !VLANS.contains(&vlan)) {
            problems.add("vlan", code::OUT_OF_RANGE, Some("1-4094"), "must be 1-4094");
        }
        let ipv4 = (self.ipv4.mode == Ipv4Mode::Static).then(|| {
            fixed(
                &mut problems,
                "ipv4",
                &self.ipv4.address,
                &self.ipv4.gateway,
            )
        });
        let ipv6 = (self.ipv6.mode == Ipv6Mode::Static).then(|| {
            fixed(
                &mut problems,
                "ipv6",
                &self.ipv6.address,
                &self.ipv6.gateway,
            )
        });
        if self.ipv4.mode == Ipv4Mode::Dhcp {
            unwanted(
                &mut problems,
                "ipv4",
                &self.ipv4.address,
                &self.ipv4.gateway,
            );
        }
        if self.ipv6.mode != Ipv6Mode::Static {
            unwanted(
                &mut problems,
                "ipv6",
                &self.ipv6.address,
                &self.ipv6.gateway,
            );
        }
        at_most(
            &mut problems,
            "name_servers",
            self.name_servers.len(),
            MAX_NAME_SERVERS,
        );
        at_most(
            &mut problems,
            "time_servers",
            self.time_servers.len(),
            MAX_TIME_SERVERS,
        );
        at_most(&mut problems, "routes", self.routes.len(), MAX_ROUTES);
        let mut name_servers = Vec::new();
        for (at, server) in self.name_servers.iter().enumerate() {
            let field = format!("name_servers[{at}]");
            name_servers.extend(machine(&mut problems, &field, server));
        }
        for (at, server) in self.time_servers.iter().enumerate() {
            if server.parse::<IpAddr>().is_err() && !is_name(server) {
                let field = format!("time_servers[{at}]");
                problems.add(
                    &field,
                    code::INVALID,
                    Some("1-253"),
                    "is neither a name nor an address",
                );
            }
        }
        let mut routes = Vec::new();
        for (at, route) in self.routes.iter().enumerate() {
            routes.extend(checked_route(&mut problems, at, route));
        }
        problems.finish(Plan {
            host_name: self.host_name.to_ascii_lowercase(),
            port: self.port.clone(),
            vlan: self.vlan,
            ipv4: ipv4.flatten(),
            ipv6: self.ipv6.mode,
            ipv6_fixed: ipv6.flatten(),
            name_servers,
            time_servers: self.time_servers.clone(),
            routes,
        })
    }
}

fn fixed(
    problems: &mut Problems,
    family: &str,
    address: &Option<String>,
    gateway: &Option<String>,
) -> Option<Fixed> {
    let is_v4 = family == "ipv4";
    let example = if is_v4 {
        "192.168.1.10/24"
    } else {
        "2001:db8::10/64"
    };
    let field = format!("{family}.address");
    let Some(text) = address else {
        let message = format!("is needed, such as {example}");
        problems.add(&field, code::REQUIRED, Some(example), message.as_str());
        return None;
    };
    let read = Prefixed::read(text).filter(|read| read.address.is_ipv4() == is_v4);
    let Some(address) = read.filter(|read| is_usable(read.address) && read.is_host()) else {
        let message = format!("is no address of a machine with its network, such as {example}");
        problems.add(&field, code::INVALID, Some(example), message.as_str());
        return None;
    };
    let field = format!("{family}.gateway");
    let gateway = match gateway {
        None => None,
        Some(text) => {
            let near = |gateway: &IpAddr| {
                *gateway != address.address && (address.holds(*gateway) || is_link_local(*gateway))
            };
            let gateway = machine(problems, &field, text)?;
            if !near(&gateway) {
                let network = address.to_string();
                let message = format!("must be another machine in the network of {network}");
                problems.add(
                    &field,
                    code::OUT_OF_RANGE,
                    Some(network.as_str()),
                    message.as_str(),
                );
                return None;
            }
            Some(gateway)
        }
    };
    Some(Fixed { address, gateway })
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// What would be without effect is not what somebody wants.
fn unwanted(
    problems: &mut Problems,
    family: &str,
    address: &Option<String>,
    gateway: &Option<String>,
) {
    for (name, value) in [("address", address), ("gateway", gateway)] {
        if value.is_some() {
            let field = format!("{family}.{name}");
            problems.add(
                &field,
                code::INVALID,
                None,
                "is given by others in this mode; leave it out",
            );
        }
    }
}

fn machine(problems: &mut Problems, field: &str, text: &str) -> Option<IpAddr> {
    let address = text.parse().ok().filter(|address| is_usable(*address));
    if address.is_none() {
        problems.add(field, code::INVALID, None, "is no address of a machine");
    }
    address
}

fn checked_route(problems: &mut Problems, at: usize, route: &Route) -> Option<(Prefixed, IpAddr)> {
    let destination = Prefixed::read(&route.destination).filter(|network| network.is_network());
    if destination.is_none() {
        let field = format!("routes[{at}].destination");
        problems.add(
            &field,
            code::INVALID,
            Some("10.0.0.0/8"),
            "is no network, such as 10.0.0.0/8",
        );
    }
    let field = format!("routes[{at}].gateway");
    let gateway = machine(problems, &field, &route.gateway)?;
    let destination = destination?;
    if destination.address.is_ipv4() != gateway.is_ipv4() {
        problems.add(
            &field,
            code::INVALID,
            None,
            "is of the other family of addresses",
        );
        return None;
    }
    Some((destination, gateway))
}

fn at_most(problems: &mut Problems, field: &str, count: usize, most: usize) {
    if count > most {
        let limit = most.to_string();
        let message = format!("takes at most {most}");
        problems.add(
            field,
            code::TOO_MANY,
            Some(limit.as_str()),
            message.as_str(),
        );
    }
}

/// One part of a name (RFC 1123 §2.1).
fn is_label(text: &str) -> bool {
    let inner = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A name that the kernel gives to ports; no pattern, no path.
fn is_port(text: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
    (1..=MAX_PORT).contains(&text.len())
        && text.bytes().all(plain)
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text != "lo"
}
