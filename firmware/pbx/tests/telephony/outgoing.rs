//! Requests to SIP servers: looked up, connected to, and sent on to the next one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ramal_pbx::{PbxConfig, ProbeError};

use crate::gateway::{Gateway, encrypted};
use crate::name_server::{NameServer, Zone};

#[tokio::test]
async fn a_server_is_asked_over_udp_and_over_a_connection() {
    let (asking, asked) = (Gateway::start().await, Gateway::start().await);
    let address = asked.pbx.sip_address();
    for (uri, transport) in [
        (format!("sip:{address}"), "UDP"),
        (format!("sip:{address};transport=tcp"), "TCP"),
    ] {
        let probed = asking.pbx.probe(&uri).await.unwrap();
        assert_eq!(
            (probed.status, probed.transport, probed.address),
            (200, transport, address),
            "{uri}"
        );
    }
}

#[tokio::test]
async fn a_connection_to_a_server_is_used_again() {
    let (asking, asked) = (Gateway::start().await, Gateway::start().await);
    let uri = format!("sip:{};transport=tcp", asked.pbx.sip_address());
    for _ in 0..3 {
        asking.pbx.probe(&uri).await.unwrap();
    }
    assert_eq!(asked.pbx.counters().await.unwrap().sip.connections, 1);
    assert_eq!(asking.pbx.counters().await.unwrap().sip.connections, 1);
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_told_from_a_wrong_name() {
    let asking = Gateway::start().await;
    // A port that nobody listens at.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("sip:{};transport=tcp", free.local_addr().unwrap());
    drop(free);
    assert_eq!(
        asking.pbx.probe(&uri).await,
        Err(ProbeError::Unreachable(uri.clone()))
    );
    for wrong in ["tel:123", "proxy.example", "sip:"] {
        assert_eq!(
            asking.pbx.probe(wrong).await,
            Err(ProbeError::NoAddress(wrong.to_owned()))
        );
    }
}

#[tokio::test]
async fn a_domain_is_reached_by_the_transport_it_prefers() {
    let asked = Gateway::start().await;
    let address = asked.pbx.sip_address();
    let dns = Zone::default()
        .naptr("example.test", 10, "SIP+D2T", "_sip._tcp.example.test")
        .naptr("example.test", 20, "SIP+D2U", "_sip._udp.example.test")
        .srv(
            "_sip._tcp.example.test",
            1,
            address.port(),
            "a.example.test",
        )
        .srv(
            "_sip._udp.example.test",
            1,
            address.port(),
            "a.example.test",
        )
        .address("a.example.test", address.ip())
        .serve()
        .await;
    let asking = looking_up(&dns).await;
    let port = address.port();
    for (uri, transport) in [
        ("sip:example.test".to_owned(), "TCP"),
        ("sip:example.test;transport=udp".to_owned(), "UDP"),
        // A port, and no transport (RFC 3263 §4.1).
        (format!("sip:a.example.test:{port}"), "UDP"),
        (format!("sip:a.example.test:{port};transport=tcp"), "TCP"),
    ] {
        let probed = asking.pbx.probe(&uri).await.unwrap();
        assert_eq!(
            (probed.transport, probed.address),
            (transport, address),
            "{uri}"
        );
    }
    let nowhere = "sip:nowhere.test";
    assert_eq!(
        asking.pbx.probe(nowhere).await,
        Err(ProbeError::Unresolved(nowhere.to_owned()))
    );
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_is_silent_and_then_asked_first() {
    let asked = Gateway::start().await;
    let address = asked.pbx.sip_address();
    // Takes datagrams and says nothing.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let dns = Zone::default()
        .srv("_sip._udp.example.test", 1, silent_port, "a.example.test")
        .srv(
            "_sip._udp.example.test",
            2,
            address.port(),
            "a.example.test",
        )
        .address("a.example.test", address.ip())
        .serve()
        .await;
    let asking = looking_up(&dns).await;
    let ask = || async {
        let since = Instant::now();
        let probed = asking.pbx.probe("sip:example.test").await.unwrap();
        assert_eq!(probed.address, address);
        since.elapsed()
    };
    let first = ask().await;
    assert!(first < Duration::from_secs(8), "{first:?}");
    let second = ask().await;
    assert!(second < Duration::from_secs(2), "{second:?}");
}

#[tokio::test]
async fn tls_asks_for_the_name_and_for_an_authority() {
    let asked = Gateway::start_with(|config, folder| encrypted(config, folder, None)).await;
    let port = asked.pbx.sip_tls_address().unwrap().port();
    let dns = Zone::default()
        .address("ramal.local", [127, 0, 0, 1].into())
        .address("other.test", [127, 0, 0, 1].into())
        .serve()
        .await;
    let believing = |authorities: Option<PathBuf>| {
        let name_servers = vec![dns.address];
        Gateway::start_with(move |config, folder| PbxConfig {
            name_servers,
            ..encrypted(config, folder, authorities.as_deref())
        })
    };
    let asking = believing(Some(asked.certificate())).await;
    for uri in [
        format!("sips:ramal.local:{port}"),
        format!("sip:ramal.local:{port};transport=tls"),
    ] {
        let probed = asking.pbx.probe(&uri).await.unwrap();
        assert_eq!((probed.status, probed.transport), (200, "TLS"), "{uri}");
    }
    assert_eq!(asked.pbx.counters().await.unwrap().sip.connections, 1);
    // The certificate is for another name.
    let uri = format!("sips:other.test:{port}");
    assert_eq!(
        asking.pbx.probe(&uri).await,
        Err(ProbeError::Unreachable(uri.clone()))
    );
    // Nobody vouches for it.
    let doubting = believing(None).await;
    let uri = format!("sips:ramal.local:{port}");
    assert_eq!(
        doubting.pbx.probe(&uri).await,
        Err(ProbeError::Unreachable(uri.clone()))
    );
}

#[tokio::test]
async fn one_gateway_is_reached_by_both_families() {
    let both = |config: PbxConfig, _: &Path| PbxConfig {
        sip_listen: "[::]:0".parse().unwrap(),
        ..config
    };
    let asking = Gateway::start_with(both).await;
    let asked = Gateway::start_with(both).await;
    let port = asked.pbx.sip_address().port();
    for host in ["[::1]", "127.0.0.1"] {
        let address: SocketAddr = format!("{host}:{port}").parse().unwrap();
        for (transport, name) in [("udp", "UDP"), ("tcp", "TCP")] {
            let uri = format!("sip:{host}:{port};transport={transport}");
            let probed = asking.pbx.probe(&uri).await.unwrap();
            assert_eq!((probed.transport, probed.address), (name, address), "{uri}");
        }
    }
}

/// A gateway that asks a name server.
async fn looking_up(dns: &NameServer) -> Gateway {
    let name_servers = vec![dns.address];
    Gateway::start_with(move |config, _| PbxConfig {
        name_servers,
        ..config
    })
    .await
}
