//! linphone calls baresip and is called by it: two makers' telephones, talking through the gateway. And it passes one baresip
//! on to another, after a word with each.

use gateway_under_test::{Extension, Gateway};
use peers::{Account, Baresip, Linphone, Transport};
use sipphone::strongest;
use std::time::Duration;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

const SOON: Duration = Duration::from_secs(20);

fn account(gateway: &Gateway, extension: &Extension, transport: Transport) -> Account {
    Account {
        server: match transport {
            Transport::Tls(_) => gateway.sip_tls(),
            _ => gateway.sip(),
        },
        user: extension.number.clone(),
        secret: extension.secret.clone(),
        transport,
        srtp: false,
        when_asked: false,
    }
}

fn hears(heard: &[i16], frequency: f64) -> Result {
    let (strongest, level) = strongest(
        &heard[heard.len().saturating_sub(3 * 8000)..],
        200.0,
        3400.0,
        10.0,
    );
    assert!(
        (strongest - frequency).abs() < 15.0 && (level + 10.0).abs() < 2.0,
        "{strongest} Hz at {level} dBm0"
    );
    Ok(())
}

async fn talk(choose: fn(&Gateway) -> Transport) -> Result {
    let gateway = Gateway::start().await?;
    let transport = choose(&gateway);
    let (ana, bruno) = (
        gateway.extension("2001").await?,
        gateway.extension("2002").await?,
    );
    let mut ana = Linphone::start(&account(&gateway, &ana, transport), 600.0).await?;
    ana.wait_registered(SOON).await?;
    let mut bruno =
        Baresip::start(&account(&gateway, &bruno, Transport::Udp), 1100.0, None).await?;
    bruno.wait_registered(SOON).await?;
    ana.command("call 2002").await?;
    ana.wait_output("connected", SOON).await?;
    bruno.wait_established(SOON).await?;
    // Long enough for a tone to be measured at both ends.
    tokio::time::sleep(Duration::from_secs(6)).await;
    ana.command("terminate").await?;
    bruno.wait_output("terminated", SOON).await?;
    bruno.quit().await?;
    hears(&bruno.heard()?, 600.0)?;
    ana.quit().await?;
    hears(&ana.heard()?, 1100.0)
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
async fn over_tls() -> Result {
    talk(|gateway| Transport::Tls(gateway.certificate())).await
}

/// RFC 5359 §2.5: a REFER with Replaces from a telephone nobody here wrote, and both others from another maker.
#[tokio::test]
async fn passes_a_call_on_after_asking() -> Result {
    let gateway = Gateway::start().await?;
    let mut accounts = Vec::new();
    for number in ["2001", "2002", "2003"] {
        let extension = gateway.extension(number).await?;
        accounts.push(account(&gateway, &extension, Transport::Udp));
    }
    let mut ana = Linphone::start(&accounts[0], 600.0).await?;
    ana.wait_registered(SOON).await?;
    let mut bruno = Baresip::start(&accounts[1], 1100.0, None).await?;
    let mut carla = Baresip::start(&accounts[2], 1600.0, None).await?;
    bruno.wait_registered(SOON).await?;
    carla.wait_registered(SOON).await?;
    ana.command("call 2002").await?;
    bruno.wait_established(SOON).await?;
    ana.wait_output("Call 1 with sip:2002", SOON).await?;
    ana.command("pause").await?;
    ana.wait_output("is now paused", SOON).await?;
    ana.command("call 2003").await?;
    carla.wait_established(SOON).await?;
    ana.wait_output("Call 2 with sip:2003", SOON).await?;
    ana.command("transfer 1 --to-call 2").await?;
    let ended = format!("Call 1 with sip:2002@{} ended", gateway.sip());
    ana.wait_output(&ended, SOON).await?;
    // Five seconds of talk are what is being measured, not a wait for something to happen.
    tokio::time::sleep(Duration::from_secs(5)).await;
    carla.quit().await?;
    bruno.wait_output("terminated", SOON).await?;
    bruno.quit().await?;
    hears(&carla.heard()?, 1100.0)?;
    // The recorder of baresip loses what comes after a hold; its RTP figures do not.
    let statistics = bruno.statistics()?;
    assert!(statistics.received >= 200, "{statistics:?}");
    ana.quit().await?;
    let calls = gateway.api().get("/api/v1/calls").await?.expect(200)?;
    let together = |call: &&serde_json::Value| {
        let legs = call["legs"].as_array().into_iter().flatten();
        let parties: Vec<_> = legs.map(|leg| leg["party"].clone()).collect();
        parties.contains(&"2002".into()) && parties.contains(&"2003".into())
    };
    let calls = calls["calls"].as_array().into_iter().flatten();
    assert_eq!(calls.filter(together).count(), 1);
    Ok(())
}
