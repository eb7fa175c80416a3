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

/// An INVITE of 2001 from a socket; `lines` ends each of its lines.
fn invite(raw: &Raw, branch: &str, lines: &str) -> String {
    let address = raw.socket.local_addr().unwrap();
    format!(
        "INVITE sip:2002@ramal SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{branch};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:2001@ramal>;tag=1\r\nTo: <sip:2002@ramal>\r\nCall-ID: {branch}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:2001@{address}>\r\n{lines}Content-Length: 0\r\n\r\n"
    )
}

/// Credentials for an INVITE, in answer to a challenge.
fn credentials(challenged: &Response, user: &str, secret: &str) -> String {
    let challenges = challenged.headers.challenges().unwrap();
    let answer = Answer {
        username: user,
        secret: &Secret::Password(secret.to_owned()),
        method: &Method::Invite,
        uri: b"sip:2002@ramal",
        body: b"",
        cnonce: "0a4f113b",
        nc: 1,
    };
    let value = answer.to(choose(&challenges).unwrap()).unwrap();
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_hears_401_first_whether_he_exists_or_not_and_100_once_he_has_proved_himself() {
    let gateway = Gateway::start().await;
    let (_, secret) = gateway.extension("2001").await;
    let _bruno = gateway.phone("2002").await;
    let raw = Raw::new(&gateway, "127.0.0.1");
    raw.send(&invite(&raw, "known", ""));
    let known = raw.response();
    raw.send(&invite(&raw, "unknown", "").replace("sip:2001@", "sip:7777@"));
    let unknown = raw.response();
    // The very first response, and the same but for the nonce.
    let shape = |response: &Response| {
        let names: Vec<_> = response
            .headers
            .iter()
            .map(|field| field.name.to_string())
            .collect();
        (response.status.code(), names)
    };
    assert_eq!(shape(&known).0, 401);
    assert_eq!(shape(&known), shape(&unknown));
    // A wrong secret and an unknown user: the same once more.
    let answers: Vec<_> = [("2001", &known), ("7777", &unknown)]
        .into_iter()
        .map(|(user, challenged)| {
            let proof = credentials(challenged, user, "wrong");
            let line = format!("Authorization: {proof}\r\n");
            let text = invite(&raw, &format!("w{user}"), &line);
            raw.send(&text.replace("sip:2001@", &format!("sip:{user}@")));
            shape(&raw.response())
        })
        .collect();
    assert_eq!(answers[0].0, 401);
    assert_eq!(answers[0], answers[1]);
    // The nonce is for the address it was made for.
    let proof = credentials(&known, "2001", secret.as_str());
    let elsewhere = Raw::new(&gateway, "127.0.0.9");
    let line = format!("Authorization: {proof}\r\n");
    elsewhere.send(&invite(&elsewhere, "elsewhere", &line));
    assert_eq!(elsewhere.response().status.code(), 401);
    raw.send(&invite(&raw, "here", &line));
    assert_eq!(raw.response().status.code(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refer_outside_of_a_call_is_told_why_it_is_refused() {
    let gateway = Gateway::start().await;
    let raw = Raw::new(&gateway, "127.0.0.1");
    let lines = "Refer-To: <sip:2003@ramal>\r\n";
    raw.send(&invite(&raw, "refer", lines).replace("INVITE", "REFER"));
    let refused = raw.response();
    assert_eq!(refused.status.code(), 481);
    let refused = refused.encode();
    let line = b"SIP/2.0 481 REFER belongs into a dialog\r\n";
    assert!(refused.starts_with(line), "{refused:?}");
}

/// RFC 3262 §5, RFC 6337 §2.2: the caller offers nothing, the gateway does in its first reliable response, and the answer
/// comes in PRACK, before the call is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_an_offer_gets_ours_in_the_reliable_ringing_and_answers_in_prack() {
    let gateway = Gateway::start().await;
    let (_, secret) = gateway.extension("2001").await;
    let bruno = gateway.phone("2002").await;
    for extension in ["Supported", "Require"] {
        let raw = Raw::new(&gateway, "127.0.0.1");
        raw.socket.set_read_timeout(Some(SOON)).unwrap();
        let rtp = UdpSocket::bind("127.0.0.1:0").unwrap();
        rtp.set_read_timeout(Some(SOON)).unwrap();
        let reliable = format!("{extension}: 100rel\r\n");
        raw.send(&invite(&raw, &format!("a{extension}"), &reliable));
        let proof = credentials(&raw.response(), "2001", secret.as_str());
        let call = format!("b{extension}");
        let lines = format!("{reliable}Authorization: {proof}\r\n");
        raw.send(&invite(&raw, &call, &lines));
        assert_eq!(raw.response().status.code(), 100);
        let mut inn = crate::gateway::incoming(&bruno).await;
        inn.ring();
        let ringing = raw.response();
        assert_eq!(ringing.status.code(), 180);
        let offer = String::from_utf8_lossy(&ringing.body).into_owned();
        assert!(offer.contains("m=audio"), "{offer}");
        let text = |name| ringing.headers.text(&name).unwrap().into_owned();
        let (rseq, to) = (text(HeaderName::RSeq), text(HeaderName::To));
        assert_eq!(text(HeaderName::Require), "100rel");
        let address = raw.socket.local_addr().unwrap();
        let contact = ringing.headers.text(&HeaderName::Contact).unwrap();
        let target = contact.trim_matches(['<', '>']).to_owned();
        let inside = |method: &str, cseq: u32, lines: &str, body: &str| {
            format!(
                "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{call}{method};rport\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:2001@ramal>;tag=1\r\nTo: {to}\r\nCall-ID: {call}\r\n\
                 CSeq: {cseq} {method}\r\n{lines}Content-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let answer = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 8\r\n",
            rtp.local_addr().unwrap().port()
        );
        let lines = format!("RAck: {rseq} 1 INVITE\r\nContent-Type: application/sdp\r\n");
        raw.send(&inside("PRACK", 2, &lines, &answer));
        let mut acknowledged = raw.response();
        while acknowledged.status.code() == 180 {
            // Sent again while the PRACK was on its way.
            acknowledged = raw.response();
        }
        assert_eq!(acknowledged.status.code(), 200);
        assert!(acknowledged.body.is_empty());
        inn.answer();
        let mut answered = raw.response();
        while answered.headers.cseq().unwrap().method != Method::Invite {
            answered = raw.response();
        }
        assert_eq!(answered.status.code(), 200);
        assert!(answered.body.is_empty(), "all is agreed already");
        raw.send(&inside("ACK", 1, "", ""));
        inn.wait_answered(SOON).await.unwrap();
        // What the phone says comes where the PRACK said.
        inn.audio().send(sipphone::Source::Tone {
            frequency: 600.0,
            dbm0: -10.0,
        });
        let length = rtp.recv(&mut [0; 2048]).unwrap();
        assert_eq!(length, 172);
        raw.send(&inside("BYE", 3, "", ""));
        inn.wait_ended(SOON).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_whose_only_codec_is_carried_is_refused_by_services_instead_of_hearing_nothing() {
    let gateway = Gateway::start().await;
    let (_, secret) = gateway.extension("2001").await;
    let raw = Raw::new(&gateway, "127.0.0.1");
    let port = raw.port();
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
        m=audio 40000 RTP/AVP 18 101\r\na=rtpmap:18 G729/8000\r\na=rtpmap:101 telephone-event/8000\r\n";
    let invite = |cseq: u32, lines: &str| {
        format!(
            "INVITE sip:*60@ramal SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:2001@ramal>;tag=1\r\nTo: <sip:*60@ramal>\r\nCall-ID: g729\r\n\
             CSeq: {cseq} INVITE\r\nContact: <sip:2001@127.0.0.1:{port}>\r\n{lines}\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        )
    };
    let ack = |cseq: u32, answer: &Response| {
        let to = String::from_utf8_lossy(answer.headers.get(&HeaderName::To).unwrap()).into_owned();
        raw.send(&format!(
            "ACK sip:*60@ramal SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:2001@ramal>;tag=1\r\nTo: {to}\r\nCall-ID: g729\r\nCSeq: {cseq} ACK\r\n\
             Content-Length: 0\r\n\r\n"
        ));
    };
    let last = || loop {
        let answer = raw.response();
        if answer.status.code() >= 200 {
            return answer;
        }
    };
    raw.send(&invite(1, ""));
    let challenged = last();
    assert_eq!(challenged.status.code(), 401);
    ack(1, &challenged);
    let challenges = challenged.headers.challenges().unwrap();
    let answer = Answer {
        username: "2001",
        secret: &Secret::Password(secret.as_str().to_owned()),
        method: &Method::Invite,
        uri: b"sip:*60@ramal",
        body: sdp.as_bytes(),
        cnonce: "0a4f113b",
        nc: 1,
    };
    let value = answer.to(choose(&challenges).unwrap()).unwrap();
    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
    raw.send(&invite(2, &format!("Authorization: {value}\r\n")));
    let refused = last();
    ack(2, &refused);
    assert_eq!(refused.status.code(), 488, "{refused:?}");
    let record = gateway.record().await;
    assert_eq!(record.answered_at, None);
    let trace = serde_json::to_string(&record).unwrap();
    assert!(trace.contains("no_common_codec"), "{trace}");
}
