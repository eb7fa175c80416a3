//! Two baresip telephones talk through the gateway for ten seconds: each must have heard the other's tone, and only it. Also
//! encrypted, at both ends and at one. One of three passes another one on to the third.

use gateway_under_test::{Extension, Gateway, Options};
use peers::{Account, Baresip, Transport};
use sipphone::{level_dbm0, strongest};
use std::net::Ipv6Addr;
use std::time::Duration;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

const SOON: Duration = Duration::from_secs(20);

fn account(gateway: &Gateway, extension: &Extension, transport: Transport, srtp: bool) -> Account {
    let (user, secret) = (extension.number.clone(), extension.secret.clone());
    Account {
        server: match transport {
            Transport::Tls(_) => gateway.sip_tls(),
            _ => gateway.sip(),
        },
        user,
        secret,
        transport,
        srtp,
        when_asked: false,
    }
}

async fn talk(choose: fn(&Gateway) -> Transport) -> Result {
    converse([(choose, false), (choose, false)], "automatic").await
}

/// How a telephone signals, and whether it wants its media encrypted.
type Way = (fn(&Gateway) -> Transport, bool);

/// `encryption` is how the extensions of those are set that want their media encrypted.
async fn converse(ways: [Way; 2], encryption: &str) -> Result {
    let gateway = Gateway::start().await?;
    converse_over(&gateway, ways, encryption, [false; 2]).await
}

/// `ipv6` says who signals and speaks over IPv6.
async fn converse_over(
    gateway: &Gateway,
    [ana_way, bruno_way]: [Way; 2],
    encryption: &str,
    ipv6: [bool; 2],
) -> Result {
    let (ana, bruno) = (
        gateway.extension("2001").await?,
        gateway.extension("2002").await?,
    );
    for (extension, (_, srtp)) in [(&ana, ana_way), (&bruno, bruno_way)] {
        if srtp {
            let path = format!("/api/v1/extensions/{}", extension.id);
            let setting = serde_json::json!({ "media_encryption": encryption });
            gateway.api().patch(&path, &setting).await?.expect(200)?;
        }
    }
    let account = |extension: &Extension, (choose, srtp): Way, ipv6: bool| {
        let mut account = account(gateway, extension, choose(gateway), srtp);
        if ipv6 {
            account.server.set_ip(Ipv6Addr::LOCALHOST.into());
        }
        account
    };
    let [ana_ipv6, bruno_ipv6] = ipv6;
    let bruno = account(&bruno, bruno_way, bruno_ipv6);
    let mut bruno = Baresip::start(&bruno, 1100.0, None).await?;
    bruno.wait_registered(SOON).await?;
    let ana = account(&ana, ana_way, ana_ipv6);
    let mut ana = Baresip::start(&ana, 600.0, Some("2002")).await?;
    ana.wait_established(SOON).await?;
    // Ten seconds of talk are what is being measured, not a wait for something to happen.
    tokio::time::sleep(Duration::from_secs(10)).await;
    ana.quit().await?;
    bruno.wait_output("terminated", SOON).await?;
    bruno.quit().await?;
    for (phone, own, other) in [(&ana, 600.0, 1100.0), (&bruno, 1100.0, 600.0)] {
        let statistics = phone.statistics()?;
        assert!(statistics.lost <= 0, "{statistics:?}");
        assert!(statistics.received >= 490, "{statistics:?}");
        let heard = phone.heard()?;
        let tail = &heard[heard.len().saturating_sub(8 * 8000)..];
        let (frequency, level) = strongest(tail, 200.0, 3400.0, 10.0);
        assert!(
            (frequency - other).abs() < 15.0 && (level + 10.0).abs() < 1.0,
            "{frequency} Hz at {level} dBm0"
        );
        assert!(
            level_dbm0(tail, own) < -40.0,
            "its own tone must not come back"
        );
    }
    let call = gateway.records(1).await?.remove(0);
    for (leg, (_, srtp)) in [ana_way, bruno_way].into_iter().enumerate() {
        let encryption = call["legs"][leg]["encryption"].as_str();
        assert_eq!(encryption.is_some(), srtp, "{call}");
    }
    Ok(())
}

#[tokio::test]
async fn over_udp() -> Result {
    talk(|_| Transport::Udp).await
}

#[tokio::test]
async fn over_tcp() -> Result {
    talk(|_| Transport::Tcp).await
}

#[tokio::test]
async fn from_ipv4_to_ipv6() -> Result {
    between_families([false, true]).await
}

#[tokio::test]
async fn from_ipv6_to_ipv4() -> Result {
    between_families([true, false]).await
}

async fn between_families(ipv6: [bool; 2]) -> Result {
    let options = Options {
        ipv6: true,
        ..Options::default()
    };
    let gateway = Gateway::start_with(options).await?;
    let udp: Way = (|_| Transport::Udp, false);
    converse_over(&gateway, [udp; 2], "automatic", ipv6).await
}

#[tokio::test]
async fn over_tls() -> Result {
    talk(|gateway| Transport::Tls(gateway.certificate())).await
}

fn tls(gateway: &Gateway) -> Transport {
    Transport::Tls(gateway.certificate())
}

#[tokio::test]
async fn encrypted_at_both_ends() -> Result {
    converse([(tls, true), (tls, true)], "required").await
}

#[tokio::test]
async fn encrypted_at_one_end() -> Result {
    converse([(tls, true), (|_| Transport::Udp, false)], "required").await
}

#[tokio::test]
async fn encrypted_because_the_called_telephone_takes_nothing_in_clear() -> Result {
    let udp: fn(&Gateway) -> Transport = |_| Transport::Udp;
    converse([(udp, false), (udp, true)], "optional").await
}

/// RFC 5359 §2.4 with three telephones nobody here wrote.
#[tokio::test]
async fn passes_a_call_on() -> Result {
    let gateway = Gateway::start().await?;
    let mut accounts = Vec::new();
    for number in ["2001", "2002", "2003"] {
        let extension = gateway.extension(number).await?;
        accounts.push(account(&gateway, &extension, Transport::Udp, false));
    }
    let mut bruno = Baresip::start(&accounts[1], 1100.0, None).await?;
    let mut carla = Baresip::start(&accounts[2], 1600.0, None).await?;
    bruno.wait_registered(SOON).await?;
    carla.wait_registered(SOON).await?;
    let mut ana = Baresip::start(&accounts[0], 600.0, Some("2002")).await?;
    ana.wait_established(SOON).await?;
    bruno.wait_established(SOON).await?;
    let target = format!("sip:2003@{}", gateway.sip());
    ana.command("transfer", &target).await?;
    carla.wait_established(SOON).await?;
    // Who has passed it on is let go: the figures of its call are printed.
    ana.wait_output("packets:", SOON).await?;
    // Five seconds of talk are what is being measured, not a wait for something to happen.
    tokio::time::sleep(Duration::from_secs(5)).await;
    carla.quit().await?;
    bruno.wait_output("terminated", SOON).await?;
    bruno.quit().await?;
    for (phone, own, other) in [(&bruno, 1100.0, 1600.0), (&carla, 1600.0, 1100.0)] {
        let heard = phone.heard()?;
        let tail = &heard[heard.len().saturating_sub(3 * 8000)..];
        let (frequency, level) = strongest(tail, 200.0, 3400.0, 10.0);
        assert!(
            (frequency - other).abs() < 15.0 && (level + 10.0).abs() < 1.0,
            "{frequency} Hz at {level} dBm0"
        );
        assert!(level_dbm0(tail, own) < -40.0);
    }
    let call = gateway.records(1).await?.remove(0);
    let parties: Vec<_> = (0..3).map(|leg| &call["legs"][leg]["party"]).collect();
    assert_eq!(parties, ["2001", "2002", "2003"], "{call}");
    Ok(())
}

/// Intercom (A.4): the telephone takes the call by itself that asks for it, and rings for any other.
#[tokio::test]
async fn takes_a_call_by_itself_when_it_is_asked_to() -> Result {
    let gateway = Gateway::start().await?;
    let ana = gateway.phone("2001").await?;
    let bruno = gateway.extension("2002").await?;
    let account = Account {
        when_asked: true,
        ..account(&gateway, &bruno, Transport::Udp, false)
    };
    let mut bruno = Baresip::start(&account, 1100.0, None).await?;
    bruno.wait_registered(SOON).await?;
    let mut rings = ana.call("2002").await?;
    rings.wait_ringing(SOON).await?;
    assert!(!bruno.output().contains("Call established"));
    rings.hang_up();
    rings.wait_ended(SOON).await?;
    gateway
        .wait("/api/v1/calls/active", "the end of the call", |calls| {
            calls.as_array().is_some_and(Vec::is_empty)
        })
        .await?;
    let mut talks = ana.call("*802002").await?;
    talks.wait_answered(SOON).await?;
    let deadline = tokio::time::Instant::now() + SOON;
    let heard = || level_dbm0(&talks.audio().last(Duration::from_millis(300)), 1100.0);
    while (heard() + 10.0).abs() > 1.0 {
        let now = tokio::time::Instant::now();
        assert!(now < deadline, "it is heard at {} dBm0", heard());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    talks.hang_up();
    bruno.wait_output("session closed", SOON).await?;
    bruno.quit().await?;
    Ok(())
}
