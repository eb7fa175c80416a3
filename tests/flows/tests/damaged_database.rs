//! A database that is damaged at the start: the last good copy is used, calls work, and the gateway says so loudly.

use std::path::Path;

use flow_tests::{SOON, hears, tone};
use gateway_under_test::{Gateway, GatewayError};
use serde_json::{Value, json};
use sipphone::Phone;

type Result<T = ()> = std::result::Result<T, GatewayError>;
type Damage = fn(&mut Vec<u8>);

/// A call from one phone to the other with sound both ways.
async fn talk(from: &Phone, to: &Phone, number: &str) -> Result {
    let mut out = from.call(number).await?;
    let mut inn = to.next_call().await.ok_or(GatewayError::Late("the call"))?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    out.audio().send(tone(600.0));
    hears(&inn, 600.0).await?;
    inn.audio().send(tone(900.0));
    hears(&out, 900.0).await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    Ok(())
}

async fn damaged(file: &str, damage: Damage) -> Result {
    let mut gateway = Gateway::start().await?;
    let (ana, bruno) = (
        gateway.extension("2001").await?,
        gateway.extension("2002").await?,
    );
    let backups = "/api/v1/storage/backups";
    gateway.api().post(backups, &json!({})).await?.expect(201)?;
    let first = [
        Phone::start(gateway.phone_config(&ana)).await?,
        Phone::start(gateway.phone_config(&bruno)).await?,
    ];
    for phone in &first {
        phone.register(300).await?;
    }
    talk(&first[0], &first[1], "2002").await?;
    gateway.records(1).await?;
    drop(first);

    gateway.crash().await?;
    if file == "ramal.db" {
        // The log would make it whole again.
        std::fs::remove_file(gateway.data().join("ramal.db-wal"))?;
    }
    let path = gateway.data().join(file);
    spoil(&path, damage)?;
    gateway.restart().await?;

    // Said in the log, by the state and by an alarm with what to do.
    assert!(
        gateway.log().contains("THE DATABASE CANNOT BE USED"),
        "{}",
        gateway.log()
    );
    let status = gateway.api().get("/api/v1/status").await?.expect(200)?;
    assert_eq!(status["storage"], "recovered");
    let raised = |alarms: &Value| alarms.as_array().is_some_and(|alarms| !alarms.is_empty());
    let alarms = gateway.wait("/api/v1/alarms", "the alarm", raised).await?;
    assert_eq!(alarms[0]["id"], "storage_restored", "{alarms}");
    assert_eq!(alarms[0]["severity"], "critical");
    assert_eq!(alarms[0]["action"], "storage_restored_action");

    // The same phones with the same secrets, and a row for each call.
    let (ana, bruno) = (
        Phone::start(gateway.phone_config(&ana)).await?,
        Phone::start(gateway.phone_config(&bruno)).await?,
    );
    ana.register(300).await?;
    bruno.register(300).await?;
    talk(&ana, &bruno, "2002").await?;
    gateway.records(1).await?;

    let storage = gateway.api().get("/api/v1/storage").await?.expect(200)?;
    assert_eq!(storage["recoveries"][0]["settings"], "backup");
    let id = &storage["recoveries"][0]["id"];
    let note = format!("/api/v1/storage/recoveries/{id}/acknowledge");
    gateway.api().post(&note, &json!({})).await?.expect(204)?;
    gateway
        .wait("/api/v1/alarms", "the end of the alarm", |alarms| {
            !raised(alarms)
        })
        .await?;
    let status = gateway.api().get("/api/v1/status").await?.expect(200)?;
    assert_eq!(status["storage"], "good");

    // It is a database like any other from now on.
    gateway.extension("2003").await?;
    gateway.crash_and_restart().await?;
    let status = gateway.api().get("/api/v1/status").await?.expect(200)?;
    assert_eq!(status["storage"], "good");
    let listed = gateway.api().get("/api/v1/extensions").await?.expect(200)?;
    assert_eq!(listed.as_array().map(Vec::len), Some(3));
    Ok(())
}

fn spoil(path: &Path, damage: Damage) -> Result {
    let mut bytes = std::fs::read(path)?;
    assert!(!bytes.is_empty(), "{}", path.display());
    damage(&mut bytes);
    std::fs::write(path, bytes)?;
    Ok(())
}

#[tokio::test]
async fn with_pages_of_garbage() -> Result {
    damaged("ramal.db-wal", |bytes| {
        for byte in bytes.iter_mut().step_by(5) {
            *byte ^= 0x5a;
        }
    })
    .await
}

#[tokio::test]
async fn cut_off() -> Result {
    damaged("ramal.db-wal", |bytes| bytes.truncate(20_000)).await
}

#[tokio::test]
async fn with_a_header_of_garbage() -> Result {
    damaged("ramal.db", |bytes| {
        let end = bytes.len().min(4096);
        bytes[..end].fill(0xee);
    })
    .await
}

#[tokio::test]
async fn empty() -> Result {
    damaged("ramal.db", Vec::clear).await
}
