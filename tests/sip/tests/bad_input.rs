//! Garbage, malformed and half-open: a correct response or silence, a counter, never a crash, never unbounded memory.

use gateway_under_test::{Gateway, GatewayError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Sends one datagram and returns the first line of the answer, `None` after silence.
async fn ask(gateway: &Gateway, message: &str) -> Result<Option<String>> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let port = socket.local_addr()?.port().to_string();
    socket
        .send_to(message.replace("PORT", &port).as_bytes(), gateway.sip())
        .await?;
    let mut buffer = [0; 4096];
    match tokio::time::timeout(Duration::from_millis(700), socket.recv(&mut buffer)).await {
        Ok(n) => Ok(String::from_utf8_lossy(&buffer[..n?])
            .lines()
            .next()
            .map(str::to_owned)),
        Err(_) => Ok(None),
    }
}

fn request(method: &str, change: impl Fn(&mut Vec<String>)) -> String {
    let mut lines = vec![
        format!("{method} sip:127.0.0.1 SIP/2.0"),
        "Via: SIP/2.0/UDP 127.0.0.1:PORT;branch=z9hG4bKPORT;rport".to_owned(),
        "Max-Forwards: 70".to_owned(),
        "From: <sip:x@127.0.0.1>;tag=1".to_owned(),
        "To: <sip:y@127.0.0.1>".to_owned(),
        "Call-ID: bad-PORT".to_owned(),
        format!("CSeq: 1 {method}"),
        "Content-Length: 0".to_owned(),
    ];
    change(&mut lines);
    lines.join("\r\n") + "\r\n\r\n"
}

/// Resident memory of a process in KiB.
fn resident(gateway: &Gateway) -> Result<u64> {
    let pid = gateway.pid().ok_or("no process")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|l| l.starts_with("VmRSS:"))
        .ok_or("no VmRSS")?;
    Ok(line
        .split_ascii_whitespace()
        .nth(1)
        .ok_or("no figure")?
        .parse()?)
}

#[tokio::test]
async fn each_fault_has_its_answer() -> Result {
    let gateway = Gateway::start().await?;
    let cases: Vec<(&str, String, Option<&str>)> = vec![
        ("plain OPTIONS", request("OPTIONS", |_| ()), Some("200 OK")),
        (
            "unknown method",
            request("JUMP", |_| ()),
            Some("501 Method JUMP not implemented"),
        ),
        (
            "no Max-Forwards left",
            request("INVITE", |l| l[2] = "Max-Forwards: 0".into()),
            Some("483 No hops left in Max-Forwards"),
        ),
        (
            "unknown extension required",
            request("OPTIONS", |l| l.insert(7, "Require: teleport".into())),
            Some("420 Extension teleport not supported"),
        ),
        (
            "CSeq of another method",
            request("OPTIONS", |l| l[6] = "CSeq: 1 INVITE".into()),
            Some("400 CSeq method does not match"),
        ),
        (
            "CSeq that is no number",
            request("OPTIONS", |l| l[6] = "CSeq: one OPTIONS".into()),
            Some("400 Malformed CSeq"),
        ),
        (
            "version of the future",
            request("OPTIONS", |l| l[0] = "OPTIONS sip:127.0.0.1 SIP/7.0".into()),
            Some("505 Version not supported"),
        ),
        (
            "unknown scheme",
            request("OPTIONS", |l| {
                l[0] = "OPTIONS gopher:127.0.0.1 SIP/2.0".into()
            }),
            Some("416 Request URI is neither sip, sips nor tel"),
        ),
        (
            "BYE without a dialog",
            request("BYE", |l| l[4].push_str(";tag=nobody")),
            Some("481 No dialog with this Call-ID and these tags"),
        ),
        (
            "REFER outside of a call",
            request("REFER", |_| ()),
            Some("481 REFER belongs into a dialog"),
        ),
        (
            "method of others",
            request("PUBLISH", |_| ()),
            Some("405 Method PUBLISH not allowed"),
        ),
        (
            "a body that is no description",
            request("INVITE", |l| {
                l[7] = "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi".into()
            }),
            Some("415 Content-Type is not application/sdp"),
        ),
        (
            "CANCEL of nothing",
            request("CANCEL", |_| ()),
            Some("481 No INVITE to cancel"),
        ),
        ("stray ACK", request("ACK", |_| ()), None),
        ("no Via", request("OPTIONS", |l| drop(l.remove(1))), None),
        ("garbage", "\u{1}\u{2}\u{3} not SIP at all".into(), None),
        (
            "a response to nothing",
            request("OPTIONS", |l| l[0] = "SIP/2.0 200 OK".into()),
            None,
        ),
        ("keep-alive", String::new(), None),
    ];
    for (what, message, expected) in cases {
        let answer = ask(&gateway, &message).await?;
        // The reason phrase names the fault.
        let said = answer
            .as_deref()
            .and_then(|line| line.strip_prefix("SIP/2.0 "));
        assert_eq!(said, expected, "{what}");
    }
    // Each kind has its counter in the API.
    let system = gateway.api().get("/api/v1/system").await?.expect(200)?;
    let counted = |list: &str, name: &str| {
        let list = system["counters"]["sip"][list].as_array();
        let mut found = list.into_iter().flatten();
        let count = found.find(|count| count["name"] == name);
        count.and_then(|count| count["count"].as_u64())
    };
    for (list, name, count) in [
        ("refused", "400", 2),
        ("refused", "405", 1),
        ("refused", "415", 1),
        ("refused", "416", 1),
        ("refused", "420", 1),
        ("refused", "481", 3),
        ("refused", "483", 1),
        ("refused", "501", 1),
        ("refused", "505", 1),
        ("faults", "start_line", 1),
        ("faults", "version", 1),
        ("faults", "header", 3),
        ("dropped_by_reason", "stray_ack", 1),
        ("dropped_by_reason", "stray_response", 1),
        ("dropped_by_reason", "unanswerable", 2),
    ] {
        assert_eq!(counted(list, name), Some(count), "{list} {name}: {system}");
    }
    Ok(())
}

#[tokio::test]
async fn floods_leave_memory_bounded_and_phones_working() -> Result {
    let gateway = Gateway::start().await?;
    let phone = gateway.phone("2001").await?;
    let before = resident(&gateway)?;
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let mut seed = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for n in 0..30_000u32 {
        let message = match n % 4 {
            0 => (0..random() % 1200).map(|_| random() as u8).collect(),
            1 => {
                let mut bytes = request("INVITE", |_| ())
                    .replace("PORT", &n.to_string())
                    .into_bytes();
                for _ in 0..4 {
                    let at = random() as usize % bytes.len();
                    bytes[at] = random() as u8;
                }
                bytes
            }
            2 => request("REGISTER", |l| {
                l[3] = format!("From: <sip:{n}@127.0.0.1>;tag={n}")
            })
            .replace("PORT", &n.to_string())
            .into_bytes(),
            _ => request("INVITE", |_| ())
                .replace("PORT", &n.to_string())
                .into_bytes(),
        };
        socket.send_to(&message, gateway.sip()).await?;
        if n % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    phone.register(300).await?;
    let grown = resident(&gateway)?.saturating_sub(before);
    assert!(grown < 150 * 1024, "grew by {grown} KiB");
    Ok(())
}

#[tokio::test]
async fn half_open_and_endless_tcp() -> Result {
    let gateway = Gateway::start().await?;
    let mut silent = Vec::new();
    for _ in 0..200 {
        if let Ok(stream) = TcpStream::connect(gateway.sip()).await {
            silent.push(stream);
        }
    }
    // A header that never ends is cut off by closing the connection.
    let mut endless = TcpStream::connect(gateway.sip()).await?;
    let chunk = vec![b'x'; 8192];
    let closed = tokio::time::timeout(Duration::from_secs(20), async {
        for _ in 0..1000 {
            if endless.write_all(&chunk).await.is_err() {
                return;
            }
        }
        let mut byte = [0];
        let _ = endless.read(&mut byte).await;
    })
    .await;
    assert!(closed.is_ok(), "an endless message must end the connection");
    drop(silent);
    gateway.phone("2001").await?;
    Ok(())
}

#[tokio::test]
async fn guessing_secrets_gets_slower_and_hurts_nobody_else()
-> std::result::Result<(), GatewayError> {
    let gateway = Gateway::start().await?;
    let honest = gateway.phone("2001").await?;
    let mut config = gateway.phone_config(&gateway.extension("2002").await?);
    config.secret = "guess".into();
    let thief = sipphone::Phone::start(config).await?;
    for _ in 0..5 {
        assert!(thief.register(300).await.is_err());
    }
    honest.register(300).await?;
    let system = gateway.api().get("/api/v1/system").await?.expect(200)?;
    let failures = system["counters"].to_string();
    assert!(
        failures.contains("auth"),
        "failed authentications must be counted: {failures}"
    );
    Ok(())
}
