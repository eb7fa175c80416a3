//! Connections that are kept open, lost, too many, or not what they should be.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ramal_model::{Actor, Secret, TrunkInput, TrunkTransport};
use ramal_pbx::{PbxConfig, TrunkState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::gateway::{Gateway, SOON, encrypted};
use crate::name_server::Zone;
use crate::servers::{Answer, Server};

/// Longest wait for what takes the gateway some seconds by intention.
const IN_A_WHILE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn the_keep_alive_of_a_phone_is_answered() {
    let gateway = Gateway::start().await;
    let mut phone = TcpStream::connect(gateway.pbx.sip_address()).await.unwrap();
    for _ in 0..3 {
        phone.write_all(b"\r\n\r\n").await.unwrap();
        let mut pong = [0; 2];
        timeout(SOON, phone.read_exact(&mut pong))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&pong, b"\r\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_whose_connection_is_lost_registers_anew() {
    let carrier = Server::both(Answer::Status(200));
    let gateway = Gateway::start().await;
    let input = TrunkInput {
        name: Some("Carrier".into()),
        hosts: Some(vec![carrier.address.to_string()]),
        user: Some("5133334444".into()),
        password: Some(Secret::new("secret".into())),
        transport: Some(TrunkTransport::Tcp),
        options_interval: Some(0),
        ..TrunkInput::default()
    };
    let trunk = gateway.store.create_trunk(&Actor::System, input).await;
    let trunk = trunk.unwrap();
    gateway
        .wait("the registration", |live| {
            let ours = live.trunks.iter().find(|one| one.id == trunk.id);
            ours.is_some_and(|one| one.state == TrunkState::Registered)
        })
        .await;
    assert_eq!(carrier.count(), 1);
    // Without the connection, the carrier could not ring us for as long as the registration lasts.
    for registrations in 2..=3 {
        carrier.disconnect();
        let deadline = Instant::now() + IN_A_WHILE;
        while carrier.count() < registrations {
            assert!(Instant::now() < deadline, "{}", carrier.count());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A connection from an address of its own.
async fn connect(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let from = IpAddr::V4(Ipv4Addr::from(from));
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    socket.connect(to).await.unwrap()
}

/// Waits until the gateway closes the connection.
async fn closed(connection: &mut TcpStream, limit: Duration) {
    let mut buffer = [0; 256];
    let end = async { while let Ok(1..) = connection.read(&mut buffer).await {} };
    // Left open, it ends by the limit.
    timeout(limit, end).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_nothing_or_nonsense_to_tls_is_shut_out_and_others_are_not() {
    let asked = Gateway::start_with(|config, folder| encrypted(config, folder, None)).await;
    let address = asked.pbx.sip_tls_address().unwrap();
    let dns = Zone::default()
        .address("ramal.local", [127, 0, 0, 1].into())
        .serve()
        .await;
    let name_servers = vec![dns.address];
    let certificate = asked.certificate();
    let uri = format!("sips:ramal.local:{}", address.port());
    let works = async || {
        let (name_servers, certificate) = (name_servers.clone(), certificate.clone());
        let asking = Gateway::start_with(move |config, folder| PbxConfig {
            name_servers,
            ..encrypted(config, folder, Some(&certificate))
        });
        asking.await.pbx.probe(&uri).await.unwrap().status == 200
    };
    // A peer may see its connection closed before it is counted.
    let counted = async |refused: u64, failed: Option<u64>| {
        let deadline = Instant::now() + SOON;
        loop {
            let sip = asked.pbx.counters().await.unwrap().sip;
            let (now_refused, now_failed) = (sip.refused_connections, sip.failed_handshakes);
            assert!(
                now_refused <= refused && Instant::now() < deadline,
                "{sip:?}"
            );
            if now_refused == refused && failed.is_none_or(|failed| failed == now_failed) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };

    for nonsense in [
        &b"REGISTER sip:ramal SIP/2.0\r\n\r\n"[..],
        &[0; 600],
        &[0x16, 3, 1, 0, 4, 1, 0, 0, 0],
    ] {
        let mut peer = connect([127, 0, 0, 9], address).await;
        peer.write_all(nonsense).await.unwrap();
        closed(&mut peer, SOON).await;
    }
    counted(0, Some(3)).await;
    assert!(works().await);

    // As many as one address may have, and some more: these are closed at once, those after a while.
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(connect([127, 0, 0, 9], address).await);
    }
    counted(8, None).await;
    assert!(works().await);
    for peer in &mut silent {
        closed(peer, IN_A_WHILE).await;
    }
    counted(8, Some(35)).await;
    assert!(works().await);
    // There is room again.
    let mut again = connect([127, 0, 0, 9], address).await;
    again.write_all(b"nonsense").await.unwrap();
    closed(&mut again, SOON).await;
    counted(8, Some(36)).await;
}
