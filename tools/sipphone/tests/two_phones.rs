//! Two phones wired to each other, without a gateway between them.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use sipphone::{CallEvent, EndReason, Phone, PhoneConfig, Protocol, Source, level_dbm0};
use std::net::SocketAddr;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

fn free_port() -> SocketAddr {
    std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

async fn pair() -> (Phone, Phone) {
    let (a, b) = (free_port(), free_port());
    let phone = |local, server, user: &str| {
        Phone::start(PhoneConfig {
            local,
            protocol: Protocol::Udp,
            ..PhoneConfig::new(server, user, "")
        })
    };
    (
        phone(a, b, "a").await.unwrap(),
        phone(b, a, "b").await.unwrap(),
    )
}

#[tokio::test]
async fn call_talk_hold_and_hang_up() {
    let (alice, bob) = pair().await;
    let mut out = alice.call("b").await.unwrap();
    let mut inn = bob.next_call().await.unwrap();
    inn.ring();
    out.wait_ringing(LIMIT).await.unwrap();
    inn.answer();
    out.wait_answered(LIMIT).await.unwrap();
    inn.wait_answered(LIMIT).await.unwrap();
    out.audio().send(Source::Tone {
        frequency: 600.0,
        dbm0: -10.0,
    });
    inn.audio()
        .wait(LIMIT, "a second of audio", |r| r.received >= 60)
        .await
        .unwrap();
    assert!(level_dbm0(&inn.audio().last(Duration::from_millis(400)), 600.0) > -11.0);
    out.hold();
    inn.wait(LIMIT, |e| *e == CallEvent::Held).await.unwrap();
    out.resume();
    inn.wait(LIMIT, |e| *e == CallEvent::Resumed).await.unwrap();
    out.hang_up();
    assert_eq!(
        inn.wait_ended(LIMIT).await.unwrap(),
        EndReason::RemoteHangUp
    );
    assert_eq!(out.wait_ended(LIMIT).await.unwrap(), EndReason::LocalHangUp);
}

#[tokio::test]
async fn busy_and_cancel() {
    let (alice, bob) = pair().await;
    let mut out = alice.call("b").await.unwrap();
    bob.next_call().await.unwrap().reject(486);
    assert_eq!(
        out.wait_ended(LIMIT).await.unwrap(),
        EndReason::Refused(486)
    );

    let mut out = alice.call("b").await.unwrap();
    let mut inn = bob.next_call().await.unwrap();
    inn.ring();
    out.wait_ringing(LIMIT).await.unwrap();
    out.hang_up();
    assert_eq!(out.wait_ended(LIMIT).await.unwrap(), EndReason::LocalHangUp);
    assert_eq!(
        inn.wait_ended(LIMIT).await.unwrap(),
        EndReason::Cancelled(None)
    );
}
