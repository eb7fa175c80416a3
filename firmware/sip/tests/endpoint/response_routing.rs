//! Where responses go (RFC 3261 §18.2.2, RFC 3581).

use ramal_sip::{Endpoint, Flow, HeaderName, Message, Method, StatusCode, Transport, Via};

use crate::network::*;
use crate::sightings::*;

/// Alice's answer to a request with this Via that came from 192.0.2.9:40000.
fn answer(transport: Transport, via: &str) -> (Flow, Via) {
    let network = Network::alone();
    let mut request = request(&network, BOB, Method::Publish, "z9hG4bK1", "b", None, 1);
    request
        .headers
        .set(HeaderName::Via, ramal_sip::HeaderValue::sanitized(via));
    let flow = Flow {
        transport,
        local: "127.0.0.11:5060".parse().unwrap(),
        remote: "192.0.2.9:40000".parse().unwrap(),
        connection: 3,
    };
    let mut endpoint = Endpoint::new(config(), [1; 32]);
    endpoint.handle_message(network.now, flow, request.encode());
    let transmit = endpoint.poll_transmit().unwrap();
    let Ok(Message::Response(response)) = Message::parse(transmit.message) else {
        panic!("no response")
    };
    assert_eq!(response.status, StatusCode::METHOD_NOT_ALLOWED);
    (transmit.flow, response.headers.via().unwrap())
}

#[test]
fn without_rport_to_the_port_of_the_via() {
    let (flow, via) = answer(Transport::Udp, "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1");
    assert_eq!(flow.remote, "192.0.2.9:5070".parse().unwrap());
    assert_eq!(
        (via.received(), via.rport()),
        ("192.0.2.9".parse().ok(), None)
    );
    let (flow, _) = answer(Transport::Udp, "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1");
    assert_eq!(flow.remote, "192.0.2.9:5060".parse().unwrap());
}

#[test]
fn with_rport_to_where_the_request_came_from() {
    let (flow, via) = answer(
        Transport::Udp,
        "SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bK1",
    );
    assert_eq!(flow.remote, "192.0.2.9:40000".parse().unwrap());
    assert_eq!(
        (via.received(), via.rport()),
        ("192.0.2.9".parse().ok(), Some(Some(40000)))
    );
}

#[test]
fn over_a_connection_back_the_same_way() {
    let (flow, _) = answer(Transport::Tcp, "SIP/2.0/TCP 10.0.0.1:5070;branch=z9hG4bK1");
    assert_eq!(
        (flow.remote, flow.connection),
        ("192.0.2.9:40000".parse().unwrap(), 3)
    );
}

#[test]
fn nobody_can_aim_responses_at_a_third_party() {
    let (flow, _) = answer(
        Transport::Udp,
        "SIP/2.0/UDP 10.0.0.1:5070;maddr=198.51.100.1;received=198.51.100.1;rport=7;branch=z9hG4bK1",
    );
    assert_eq!(flow.remote, "192.0.2.9:40000".parse().unwrap());
    let (flow, _) = answer(
        Transport::Udp,
        "SIP/2.0/UDP 198.51.100.1:5070;branch=z9hG4bK1, SIP/2.0/UDP 198.51.100.2",
    );
    assert_eq!(
        flow.remote.ip(),
        "192.0.2.9".parse::<std::net::IpAddr>().unwrap()
    );
}
