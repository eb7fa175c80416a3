//! Sources that are not listened to: seen and lifted through the API, and not forgiven by a restart.

use std::time::Duration;

use gateway_under_test::{Gateway, GatewayError};
use serde_json::Value;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep, timeout};

type Result<T = ()> = std::result::Result<T, GatewayError>;

const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody at an address of his own.
struct Source {
    socket: UdpSocket,
    asked: u32,
}

impl Source {
    async fn at(address: &str) -> Result<Self> {
        let socket = UdpSocket::bind((address, 0)).await?;
        Ok(Self { socket, asked: 0 })
    }

    async fn send(&mut self, gateway: &Gateway, user_agent: &str) -> Result {
        self.asked += 1;
        let (local, branch) = (self.socket.local_addr()?, self.asked);
        let request = format!(
            "OPTIONS sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:x@127.0.0.1>;tag=1\r\nTo: <sip:100@127.0.0.1>\r\n\
             Call-ID: {branch}@{local}\r\nCSeq: 1 OPTIONS\r\nUser-Agent: {user_agent}\r\nContent-Length: 0\r\n\r\n"
        );
        self.socket
            .send_to(request.as_bytes(), gateway.sip())
            .await?;
        Ok(())
    }

    /// Asks until it is answered, as datagrams may be lost.
    async fn is_answered(&mut self, gateway: &Gateway) -> Result<bool> {
        let end = Instant::now() + PATIENCE;
        let mut buffer = [0; 2048];
        while Instant::now() < end {
            self.send(gateway, "Telefon 1.0").await?;
            let answer = timeout(Duration::from_secs(1), self.socket.recv(&mut buffer)).await;
            if let Ok(Ok(length)) = answer {
                return Ok(buffer[..length].starts_with(b"SIP/2.0 200"));
            }
        }
        Ok(false)
    }

    /// Asks until the gateway says that it has heard and not listened.
    async fn is_silenced(&mut self, gateway: &Gateway) -> Result<bool> {
        let before = silenced(gateway).await?;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            self.send(gateway, "Telefon 1.0").await?;
            if silenced(gateway).await? > before {
                return Ok(self.socket.try_recv(&mut [0; 2048]).is_err());
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(false)
    }
}

async fn silenced(gateway: &Gateway) -> Result<u64> {
    let system = gateway.api().get("/api/v1/system").await?.expect(200)?;
    system["counters"]["defence"]["silenced"]
        .as_u64()
        .ok_or(GatewayError::Late("the counter"))
}

async fn bans(gateway: &Gateway) -> Result<Vec<Value>> {
    let bans = gateway.api().get("/api/v1/sip/bans").await?.expect(200)?;
    Ok(bans.as_array().cloned().unwrap_or_default())
}

#[tokio::test]
async fn a_ban_survives_a_power_cut_until_it_is_lifted() -> Result {
    let mut gateway = Gateway::start().await?;
    let mut scanner = Source::at("127.0.0.77").await?;
    let mut neighbour = Source::at("127.0.0.78").await?;
    scanner.send(&gateway, "friendly-scanner").await?;
    assert!(scanner.is_silenced(&gateway).await?);
    assert!(neighbour.is_answered(&gateway).await?);
    let before = bans(&gateway).await?;
    assert_eq!(before.len(), 1, "{before:?}");
    assert_eq!(
        (
            &before[0]["address"],
            &before[0]["reason"],
            &before[0]["count"]
        ),
        (&"127.0.0.77".into(), &"scanner".into(), &1.into())
    );

    // What is written after it is on the disk, so the ban is.
    gateway.extension("2001").await?;
    gateway.crash_and_restart().await?;
    assert_eq!(
        bans(&gateway).await?,
        before,
        "the same until the same time"
    );
    assert!(scanner.is_silenced(&gateway).await?);
    assert!(neighbour.is_answered(&gateway).await?);

    let lifted = gateway.api().delete("/api/v1/sip/bans/127.0.0.77").await?;
    assert_eq!(lifted.status, 204);
    assert!(scanner.is_answered(&gateway).await?);
    gateway.extension("2002").await?;
    gateway.crash_and_restart().await?;
    assert_eq!(bans(&gateway).await?, Vec::<Value>::new());
    assert!(scanner.is_answered(&gateway).await?);
    Ok(())
}
