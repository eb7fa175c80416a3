//! Which server a request goes to, and by which transport, when one does not do (RFC 3261 §18.1.1, RFC 3263 §4.3).

use std::net::{IpAddr, Ipv4Addr};

use ramal_model::{Actor, ExtensionId, SipTrunk, TrunkAuth, TrunkInput, TrunkTransport};
use ramal_pbx::{PbxConfig, TrunkState};
use sipphone::{Phone, PhoneConfig};

use crate::gateway::{Gateway, SOON, incoming};
use crate::name_server::{NameServer, Zone};
use crate::servers::{Answer, Server};

const SRV: &str = "_sip._udp.carrier.test";
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A gateway that asks a name server.
async fn looking_up(dns: &NameServer) -> Gateway {
    let name_servers = vec![dns.address];
    Gateway::start_with(move |config, _| PbxConfig {
        name_servers,
        ..config
    })
    .await
}

/// A URI at the server that makes a request larger than a datagram should be.
fn large(server: &Server) -> String {
    format!("sip:{}@{}", "a".repeat(1300), server.address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_goes_over_a_connection_where_there_is_one() {
    let gateway = Gateway::start().await;
    let server = Server::both(Answer::Status(200));
    let small = format!("sip:{}", server.address);
    for (uri, transport) in [
        (small.clone(), "UDP"),
        (large(&server), "TCP"),
        (small, "UDP"),
    ] {
        let probed = gateway.pbx.probe(&uri).await.unwrap();
        assert_eq!((probed.status, probed.transport), (200, transport));
    }
    assert_eq!(server.transports(), ["UDP", "TCP", "UDP"]);
    // What the URI says is no reason to send a datagram that may get lost in parts.
    let uri = format!("{};transport=udp", large(&server));
    assert_eq!(gateway.pbx.probe(&uri).await.unwrap().transport, "TCP");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_goes_as_a_datagram_where_connections_are_refused() {
    let gateway = Gateway::start().await;
    let server = Server::udp(Answer::Status(200));
    for _ in 0..2 {
        let probed = gateway.pbx.probe(&large(&server)).await.unwrap();
        assert_eq!((probed.status, probed.transport), (200, "UDP"));
    }
    assert_eq!(server.transports(), ["UDP", "UDP"]);
}

fn zone(servers: &[&Server]) -> Zone {
    let mut zone = Zone::default().address("a.carrier.test", LOOPBACK);
    for (place, server) in servers.iter().enumerate() {
        let priority = u16::try_from(place).unwrap() + 1;
        zone = zone.srv(SRV, priority, server.address.port(), "a.carrier.test");
    }
    zone
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_server_is_asked_when_one_is_overloaded() {
    let overloaded = Server::udp(Answer::Overloaded(120));
    let good = Server::udp(Answer::Status(200));
    let dns = zone(&[&overloaded, &good]).serve().await;
    let gateway = looking_up(&dns).await;
    for _ in 0..3 {
        let probed = gateway.pbx.probe("sip:carrier.test").await.unwrap();
        assert_eq!((probed.status, probed.address), (200, good.address));
    }
    // It asked to be left alone.
    assert_eq!((overloaded.count(), good.count()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_the_servers_fault_is_final() {
    let refusing = Server::udp(Answer::Status(404));
    let other = Server::udp(Answer::Status(200));
    let dns = zone(&[&refusing, &other]).serve().await;
    let gateway = looking_up(&dns).await;
    let probed = gateway.pbx.probe("sip:carrier.test").await.unwrap();
    assert_eq!((probed.status, other.count()), (404, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_server_is_asked_when_a_connection_is_refused() {
    let closed = Server::udp(Answer::Nothing);
    let good = Server::both(Answer::Status(200));
    let srv = "_sip._tcp.carrier.test";
    let dns = Zone::default()
        .srv(srv, 1, closed.address.port(), "a.carrier.test")
        .srv(srv, 2, good.address.port(), "a.carrier.test")
        .address("a.carrier.test", LOOPBACK)
        .serve()
        .await;
    let gateway = looking_up(&dns).await;
    let probed = gateway
        .pbx
        .probe("sip:carrier.test;transport=tcp")
        .await
        .unwrap();
    assert_eq!((probed.transport, probed.address), ("TCP", good.address));
}

/// A trunk to the name `carrier.test`; calls in lead to `extension`.
async fn trunk(gateway: &Gateway, extension: ExtensionId, transport: TrunkTransport) -> SipTrunk {
    let input = TrunkInput {
        name: Some("Carrier".into()),
        hosts: Some(vec!["carrier.test".into()]),
        auth: Some(TrunkAuth::Ip),
        sources: Some(vec!["127.0.0.1".into()]),
        transport: Some(transport),
        inbound_default: Some(Some(extension)),
        options_interval: Some(0),
        ..TrunkInput::default()
    };
    let trunk = gateway.store.create_trunk(&Actor::System, input).await;
    let trunk = trunk.unwrap();
    gateway
        .wait("the trunk", |live| {
            live.trunks
                .iter()
                .any(|one| one.id == trunk.id && one.state == TrunkState::Ok)
        })
        .await;
    trunk
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_to_the_server_of_a_trunk_that_takes_it() {
    // One is silent, one overloaded, one takes calls.
    let silent = Server::udp(Answer::Nothing);
    let overloaded = Server::udp(Answer::Status(503));
    // The name server has to know the carrier's port, and the carrier the gateway's.
    let reserved = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = reserved.local_addr().unwrap().port();
    drop(reserved);
    let dns = Zone::default()
        .srv(SRV, 1, silent.address.port(), "a.carrier.test")
        .srv(SRV, 2, overloaded.address.port(), "a.carrier.test")
        .srv(SRV, 3, port, "a.carrier.test")
        .address("a.carrier.test", LOOPBACK)
        .serve()
        .await;
    let gateway = looking_up(&dns).await;
    let (ana, secret) = gateway.extension("2001").await;
    let phone = Phone::start(PhoneConfig {
        // What comes from the carrier's address is the carrier's.
        local: ([127, 0, 0, 2], 0).into(),
        ..gateway.config(&ana, &secret)
    });
    let phone = phone.await.unwrap();
    phone.register(600).await.unwrap();
    trunk(&gateway, ana.id, TrunkTransport::Udp).await;
    let config = PhoneConfig {
        local: (LOOPBACK, port).into(),
        ..PhoneConfig::new(gateway.pbx.sip_address(), "5198765432", "")
    };
    let carrier = Phone::start(config).await.unwrap();
    for tried in 1..=2 {
        let mut out = phone.call("05125554444").await.unwrap();
        let mut inn = incoming(&carrier).await;
        inn.answer();
        out.wait_answered(SOON).await.unwrap();
        out.hang_up();
        inn.wait_ended(SOON).await.unwrap();
        // The silent one is not tried again for a while.
        assert_eq!((silent.count(), overloaded.count()), (1, tried));
    }
}
