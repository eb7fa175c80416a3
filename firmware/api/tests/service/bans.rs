//! Bans as the API shows and lifts them.

use std::net::UdpSocket;
use std::time::Duration;

use crate::gateway::Gateway;

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_is_not_answered_shown_and_heard_again_when_its_ban_is_lifted() {
    let (gateway, admin) = Gateway::set_up().await;
    let auditor = gateway.user(&admin, "auditor").await;
    let socket = UdpSocket::bind("127.0.0.77:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let ask = |user_agent: &str| {
        let text = format!(
            "OPTIONS sip:100@ramal SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.77;branch=z9hG4bK{user_agent};rport\r\n\
             From: <sip:100@ramal>;tag=1\r\nTo: <sip:100@ramal>\r\nCall-ID: {user_agent}\r\nCSeq: 1 OPTIONS\r\n\
             User-Agent: {user_agent}\r\nContent-Length: 0\r\n\r\n"
        );
        socket
            .send_to(text.as_bytes(), gateway.pbx.sip_address())
            .unwrap();
        let mut buffer = [0; 2048];
        let length = socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    };
    assert!(ask("phone").unwrap().starts_with("SIP/2.0 200"));
    assert_eq!(ask("friendly-scanner"), None);
    assert_eq!(ask("phone"), None);
    let bans = auditor.get("/sip/bans").await.json();
    assert_eq!(bans[0]["address"], "127.0.0.77", "{bans}");
    assert_eq!(bans[0]["reason"], "scanner");
    let path = "/sip/bans/127.0.0.77";
    assert_eq!(auditor.delete(path).await.status, 403);
    assert_eq!(admin.delete(path).await.status, 204);
    assert_eq!(admin.delete(path).await.status, 404);
    assert_eq!(admin.delete("/sip/bans/nobody").await.status, 404);
    assert!(ask("phone").is_some());
    let counters = admin.get("/system").await.json()["counters"]["defence"].clone();
    assert_eq!(counters["scanners"], 1, "{counters}");
    assert_eq!(counters["silenced"], 1, "{counters}");
}
