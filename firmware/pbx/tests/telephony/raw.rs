//! Registrations byte by byte: copies, proxies and strangers, from a socket instead of a phone.

use std::net::UdpSocket;
use std::time::Duration;

use bytes::Bytes;
use ramal_sip::digest::{Answer, Secret, choose};
use ramal_sip::{HeaderName, Message, Method, Request, Response};

use crate::gateway::{Gateway, SOON};

struct Raw {
    socket: UdpSocket,
    gateway: std::net::SocketAddr,
}

impl Raw {
    fn new(gateway: &Gateway, address: &str) -> Self {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        Self {
            socket,
            gateway: gateway.pbx.sip_address(),
        }
    }

    fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.gateway).unwrap();
    }

    fn receive(&self) -> Option<Message> {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).ok()?;
        Message::parse(Bytes::copy_from_slice(&buffer[..length])).ok()
    }

    fn response(&self) -> Response {
        match self.receive() {
            Some(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    fn request(&self) -> Request {
        match self.receive() {
            Some(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    /// The text of a REGISTER; `branch` names its transaction.
    fn register(&self, number: &str, branch: &str, cseq: u32, lines: &str) -> String {
        let address = self.socket.local_addr().unwrap();
        format!(
            "REGISTER sip:ramal SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{branch};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:{number}@ramal>;tag=1\r\nTo: <sip:{number}@ramal>\r\nCall-ID: raw\r\nCSeq: {cseq} REGISTER\r\n\
             {lines}Content-Length: 0\r\n\r\n"
        )
    }

    /// Answers the challenge to a registration; gives the request that was granted and its answer.
    fn registered(&self, number: &str, secret: &str, lines: &str) -> (String, Response) {
        self.send(&self.register(number, "a", 1, lines));
        let challenged = self.response();
        assert_eq!(challenged.status.code(), 401);
        let challenges = challenged.headers.challenges().unwrap();
        let answer = Answer {
            username: number,
            secret: &Secret::Password(secret.to_owned()),
            method: &Method::Register,
            uri: b"sip:ramal",
            body: b"",
            cnonce: "0a4f113b",
            nc: 1,
        };
        let value = answer.to(choose(&challenges).unwrap()).unwrap();
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let lines = format!("{lines}Authorization: {value}\r\n");
        let text = self.register(number, "b", 2, &lines);
        self.send(&text);
        (text, self.response())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_registration_is_answered_alike_and_leaves_no_transaction() {
    let gateway = Gateway::start().await;
    let (extension, secret) = gateway.extension("2001").await;
    let raw = Raw::new(&gateway, "127.0.0.1");
    let contact = format!("Contact: <sip:2001@127.0.0.1:{}>\r\n", raw.port());
    let (text, granted) = raw.registered(&extension.number, secret.as_str(), &contact);
    assert_eq!(granted.status.code(), 200);
    for _ in 0..3 {
        raw.send(&text);
        let again = raw.response();
        assert_eq!(again.status.code(), 200);
        assert_eq!(
            again.headers.get(&HeaderName::To),
            granted.headers.get(&HeaderName::To),
            "the same tag"
        );
    }
    // Anything else with the same credentials is a replay.
    raw.send(&text.replace("z9hG4bKb", "z9hG4bKc"));
    assert_eq!(raw.response().status.code(), 401);
    let counters = gateway.pbx.counters().await.unwrap();
    assert_eq!(counters.sip.transactions, 0, "{counters:?}");
    assert_eq!(counters.calls.registrations, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_behind_a_proxy_is_called_by_its_path_after_a_restart_too() {
    let mut gateway = Gateway::start().await;
    let ana = gateway.phone("2001").await;
    let (extension, secret) = gateway.extension("2002").await;
    let proxy = Raw::new(&gateway, "127.0.0.1");
    let lines = "Supported: path\r\nPath: <sip:proxy@127.0.0.1;lr>\r\nContact: <sip:2002@192.0.2.7:5070>\r\n";
    let (_, granted) = proxy.registered(&extension.number, secret.as_str(), lines);
    assert_eq!(granted.status.code(), 200);
    assert_eq!(
        granted.headers.get(&HeaderName::Path),
        Some(&b"<sip:proxy@127.0.0.1;lr>"[..])
    );
    for restarted in [false, true] {
        if restarted {
            gateway.restart().await;
            ana.register(600).await.unwrap();
        }
        let mut out = ana.call("2002").await.unwrap();
        let invite = proxy.request();
        assert_eq!(invite.method, Method::Invite);
        assert_eq!(invite.uri.as_bytes(), b"sip:2002@192.0.2.7:5070");
        assert_eq!(
            invite.headers.get(&HeaderName::Route),
            Some(&b"<sip:proxy@127.0.0.1;lr>"[..])
        );
        let busy = invite.response(ramal_sip::StatusCode::BUSY_HERE);
        let busy = busy.with_to_tag("busy").encode();
        proxy.socket.send_to(&busy, proxy.gateway).unwrap();
        out.wait_ended(SOON).await.unwrap();
        assert_eq!(proxy.request().method, Method::Ack);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_stranger_does_not_keep_the_phones_of_others_from_calling() {
    let gateway = Gateway::start().await;
    let ana = gateway.phone("2001").await;
    let _bruno = gateway.phone("2002").await;
    let stranger = Raw::new(&gateway, "127.0.0.88");
    for number in 0..60 {
        let text = stranger.register(&format!("{}", 7000 + number), &format!("{number}"), 1, "");
        stranger.send(&text);
    }
    let answered = std::iter::from_fn(|| stranger.receive()).count();
    assert!((1..=41).contains(&answered), "{answered}");
    let bans = gateway.pbx.bans().await.unwrap();
    assert_eq!(bans.len(), 1, "{bans:?}");
    assert_eq!(bans[0].address, "127.0.0.88");
    let mut out = ana.call("2002").await.unwrap();
    out.hang_up();
    out.wait_ended(SOON).await.unwrap();
    assert_eq!(
        gateway.pbx.lift_ban("127.0.0.88".parse().unwrap()).await,
        Some(true)
    );
    stranger.send(&stranger.register("7001", "z", 1, ""));
    assert_eq!(stranger.response().status.code(), 401);
}
