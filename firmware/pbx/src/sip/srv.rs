//! Services of a domain: their names, and in which order they are tried (RFC 2782).

use ramal_sip::Transport;

/// One SRV record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    /// The lowest is tried first.
    pub(super) priority: u16,
    /// The share among those of the same priority.
    pub(super) weight: u16,
    pub(super) port: u16,
    pub(super) target: String,
}

/// What goes before the domain to ask for its SRV records (RFC 3263 §4.1); none for WebSocket.
pub(super) fn prefix(transport: Transport) -> Option<&'static str> {
    match transport {
        Transport::Udp => Some("_sip._udp."),
        Transport::Tcp => Some("_sip._tcp."),
        Transport::Tls => Some("_sips._tcp."),
        Transport::Ws | Transport::Wss => None,
    }
}

/// The transport of a NAPTR record's service (RFC 3263 §4.1).
pub(super) fn of_naptr(service: &[u8]) -> Option<Transport> {
    [
        (&b"SIP+D2U"[..], Transport::Udp),
        (b"SIP+D2T", Transport::Tcp),
        (b"SIPS+D2T", Transport::Tls),
    ]
    .into_iter()
    .find(|(name, _)| service.eq_ignore_ascii_case(name))
    .map(|(_, transport)| transport)
}

/// By priority, and within one at random by weight. `draw(bound)` gives a number from 0 to `bound`.
pub(super) fn in_order(
    mut services: Vec<Service>,
    mut draw: impl FnMut(u32) -> u32,
) -> Vec<Service> {
    // Those without weight come first within a priority, so that they are drawn now and then.
    services.sort_by_key(|service| (service.priority, service.weight != 0));
    let mut ordered = Vec::with_capacity(services.len());
    while let Some(first) = services.first() {
        let priority = first.priority;
        let equals = services.partition_point(|service| service.priority == priority);
        let weights = services
            .iter()
            .take(equals)
            .map(|service| u32::from(service.weight));
        let drawn = draw(weights.clone().sum());
        let mut sum = 0;
        let chosen = weights
            .map(|weight| {
                sum += weight;
                sum
            })
            .position(|sum| sum >= drawn)
            .unwrap_or(0);
        ordered.push(services.remove(chosen));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(priority: u16, weight: u16, port: u16) -> Service {
        Service {
            priority,
            weight,
            port,
            target: "sip.example.".to_owned(),
        }
    }

    fn ports(services: &[Service]) -> Vec<u16> {
        services.iter().map(|service| service.port).collect()
    }

    #[test]
    fn priorities_come_before_weights() {
        let services = vec![service(20, 100, 3), service(10, 0, 1), service(10, 60, 2)];
        assert_eq!(ports(&in_order(services.clone(), |_| 0)), [1, 2, 3]);
        assert_eq!(ports(&in_order(services, |bound| bound)), [2, 1, 3]);
    }

    #[test]
    fn a_heavier_server_is_first_as_often_as_its_share() {
        let services = vec![service(1, 1, 1), service(1, 3, 3)];
        let first: Vec<u16> = (0..=4)
            .map(|drawn| in_order(services.clone(), |bound| drawn.min(bound))[0].port)
            .collect();
        // RFC 2782 counts 0 to the first one.
        assert_eq!(first, [1, 1, 3, 3, 3]);
    }
}
