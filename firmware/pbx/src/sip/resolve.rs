//! From names to servers (RFC 3263).

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use ramal_sip::{Host, Scheme, Transport, Uri};
use tokio::time::timeout;

use super::destination::Target;
use super::hop::Hop;
use super::srv::{self, Service};

/// Time for everything that is looked up for one server.
const LOOKUP_TIME: Duration = Duration::from_secs(10);
/// Time for one question to one name server.
const QUESTION_TIME: Duration = Duration::from_secs(2);
/// Answers remembered, each for as long as it says.
const CACHE: u64 = 1024;
/// Servers tried for one name.
const MOST_HOPS: usize = 16;
/// Where the system says which name servers there are; changes with the network.
const SYSTEM_FILE: &str = "/etc/resolv.conf";

/// Looks up names.
#[derive(Debug)]
pub(super) struct Resolver {
    /// Asked instead of the system's.
    name_servers: Vec<SocketAddr>,
    /// The one in use, and of when the system's file was that it was made from.
    current: Mutex<Option<(Option<SystemTime>, Arc<TokioResolver>)>>,
}

impl Resolver {
    /// Asks these name servers, or the system's when there are none.
    pub(super) fn new(name_servers: Vec<SocketAddr>) -> Self {
        Self {
            name_servers,
            current: Mutex::default(),
        }
    }

    /// The servers of a target, best first; empty when its names have no address.
    pub(super) async fn resolve(&self, target: &Target) -> Vec<Hop> {
        let mut hops = Vec::new();
        for server in &target.servers {
            let found = timeout(LOOKUP_TIME, self.server(server, target.transport)).await;
            for hop in found.unwrap_or_default() {
                let hop = of(target, hop);
                if !hops.contains(&hop) {
                    hops.push(hop);
                }
            }
        }
        hops
    }

    async fn server(&self, server: &Uri, transport: Option<Transport>) -> Vec<Hop> {
        if let Some(hop) = literal_hop(server, transport) {
            return vec![hop];
        }
        let (Some(Host::Name(name)), Ok(named)) = (server.host(), server.transport()) else {
            return Vec::new();
        };
        let Some(dns) = self.dns().await else {
            return Vec::new();
        };
        let secure = server.scheme() == Scheme::Sips;
        let transport = transport
            .or(named)
            .map(|transport| secured(transport, secure));
        let lookup = Lookup {
            dns: &dns,
            name,
            secure,
        };
        let mut hops = match (transport, server.port()) {
            (Some(transport), Some(port)) => lookup.addresses(name, port, transport).await,
            // §4.1: a port, and no transport.
            (None, Some(port)) => lookup.addresses(name, port, default(secure)).await,
            (Some(transport), None) => {
                let services = match srv::prefix(transport) {
                    Some(prefix) => lookup.srv(&format!("{prefix}{name}"), transport).await,
                    None => Vec::new(),
                };
                match services.is_empty() {
                    true => lookup.at_default_port(transport).await,
                    false => services,
                }
            }
            (None, None) => lookup.anything().await,
        };
        hops.truncate(MOST_HOPS);
        hops
    }

    /// The resolver for the network as it is now.
    async fn dns(&self) -> Option<Arc<TokioResolver>> {
        let version = match self.name_servers.is_empty() {
            true => tokio::fs::metadata(SYSTEM_FILE)
                .await
                .and_then(|file| file.modified())
                .ok(),
            false => None,
        };
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made_from, dns)) = &*current
            && *made_from == version
        {
            return Some(dns.clone());
        }
        match build(&self.name_servers) {
            Ok(dns) => {
                let dns = Arc::new(dns);
                *current = Some((version, dns.clone()));
                Some(dns)
            }
            Err(error) => {
                tracing::warn!(%error, "no names can be looked up");
                None
            }
        }
    }
}

fn build(name_servers: &[SocketAddr]) -> Result<TokioResolver, hickory_resolver::net::NetError> {
    let mut builder = if name_servers.is_empty() {
        TokioResolver::builder_tokio()?
    } else {
        let servers = name_servers.iter().map(|server| {
            let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            for connection in &mut connections {
                connection.port = server.port();
            }
            NameServerConfig::new(server.ip(), true, connections.into())
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    let options = builder.options_mut();
    options.timeout = QUESTION_TIME;
    options.cache_size = CACHE;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    builder.build()
}

/// The servers of a target whose names are all addresses: nothing has to be asked.
pub(super) fn literal(target: &Target) -> Option<Vec<Hop>> {
    target
        .servers
        .iter()
        .map(|server| Some(of(target, literal_hop(server, target.transport)?)))
        .collect()
}

/// A server as its target wants it reached.
fn of(target: &Target, hop: Hop) -> Hop {
    Hop {
        is_fixed: target.transport.is_some(),
        trusted: target.trusted.clone(),
        ..hop
    }
}

/// An address needs no DNS (§4.1): the transport is the one named, else TLS for `sips`, else UDP.
fn literal_hop(server: &Uri, transport: Option<Transport>) -> Option<Hop> {
    let ip = server.host()?.ip()?;
    let secure = server.scheme() == Scheme::Sips;
    let transport = match transport.or(server.transport().ok()?) {
        None => default(secure),
        Some(transport) => secured(transport, secure),
    };
    let port = server.port().unwrap_or(transport.default_port());
    Some(Hop {
        transport,
        address: SocketAddr::new(ip, port),
        name: transport.is_secure().then(|| ip.to_string()),
        trusted: Arc::default(),
        is_fixed: false,
    })
}

fn default(secure: bool) -> Transport {
    if secure {
        Transport::Tls
    } else {
        Transport::Udp
    }
}

/// `sips:…;transport=tcp` means TLS over TCP (RFC 3261 §26.2.2).
fn secured(transport: Transport, secure: bool) -> Transport {
    match transport {
        Transport::Udp | Transport::Tcp if secure => Transport::Tls,
        Transport::Ws if secure => Transport::Wss,
        transport => transport,
    }
}

/// What is looked up for one name.
struct Lookup<'a> {
    dns: &'a TokioResolver,
    /// The name asked for, which certificates must carry (RFC 5922 §4).
    name: &'a str,
    secure: bool,
}

impl Lookup<'_> {
    /// Neither transport nor port are given: NAPTR, else SRV of every transport, else the address (§4.1, §4.2).
    async fn anything(&self) -> Vec<Hop> {
        let mut hops = Vec::new();
        for (transport, name) in self.naptr().await {
            hops.extend(self.srv(&name, transport).await);
        }
        if !hops.is_empty() {
            return hops;
        }
        let transports: &[Transport] = match self.secure {
            true => &[Transport::Tls],
            false => &[Transport::Udp, Transport::Tcp, Transport::Tls],
        };
        for &transport in transports {
            if let Some(prefix) = srv::prefix(transport) {
                let name = format!("{prefix}{}", self.name);
                hops.extend(self.srv(&name, transport).await);
            }
        }
        if hops.is_empty() {
            hops = self.at_default_port(default(self.secure)).await;
        }
        hops
    }

    /// The transports the domain wants to be reached by, best first, with the names of their SRV records.
    async fn naptr(&self) -> Vec<(Transport, String)> {
        let Ok(answer) = self
            .dns
            .lookup(absolute(self.name), RecordType::NAPTR)
            .await
        else {
            return Vec::new();
        };
        let mut records: Vec<_> = answer
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::NAPTR(naptr) if naptr.flags.eq_ignore_ascii_case(b"s") => {
                    let transport = srv::of_naptr(&naptr.services)?;
                    let name = naptr.replacement.to_ascii();
                    Some(((naptr.order, naptr.preference), transport, name))
                }
                _ => None,
            })
            // §4.1: whoever was told `sips` takes nothing less.
            .filter(|(_, transport, _)| !self.secure || transport.is_secure())
            .collect();
        records.sort_by_key(|&(rank, ..)| rank);
        records
            .into_iter()
            .map(|(_, transport, name)| (transport, name))
            .collect()
    }

    async fn srv(&self, name: &str, transport: Transport) -> Vec<Hop> {
        let Ok(answer) = self.dns.srv_lookup(absolute(name)).await else {
            return Vec::new();
        };
        let services = answer
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                // RFC 2782: the service is decidedly not available.
                RData::SRV(service) if !service.target.is_root() => Some(Service {
                    priority: service.priority,
                    weight: service.weight,
                    port: service.port,
                    target: service.target.to_ascii(),
                }),
                _ => None,
            })
            .collect();
        let mut hops = Vec::new();
        for service in srv::in_order(services, |bound| rand::random_range(0..=bound)) {
            hops.extend(
                self.addresses(&service.target, service.port, transport)
                    .await,
            );
        }
        hops
    }

    async fn at_default_port(&self, transport: Transport) -> Vec<Hop> {
        self.addresses(self.name, transport.default_port(), transport)
            .await
    }

    /// The addresses of a name, IPv4 first.
    async fn addresses(&self, name: &str, port: u16, transport: Transport) -> Vec<Hop> {
        let Ok(found) = self.dns.lookup_ip(absolute(name)).await else {
            return Vec::new();
        };
        let mut addresses: Vec<IpAddr> = found.iter().collect();
        addresses.sort_by_key(IpAddr::is_ipv6);
        let hop = |ip| Hop {
            transport,
            address: SocketAddr::new(ip, port),
            name: transport.is_secure().then(|| self.name.to_owned()),
            trusted: Arc::default(),
            is_fixed: false,
        };
        addresses.into_iter().map(hop).collect()
    }
}

/// A name with a dot is whole: no search list is tried for it.
fn absolute(name: &str) -> String {
    match name.contains('.') && !name.ends_with('.') {
        true => format!("{name}."),
        false => name.to_owned(),
    }
}
