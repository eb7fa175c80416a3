//! Registration and health.

use std::time::{Duration, Instant};

use flow_tests::SOON;
use gateway_under_test::Gateway;
use peers::Carrier;
use serde_json::json;

use super::{ACCOUNT, Result, add, address, change, registering, state};

#[tokio::test]
async fn a_trunk_registers_with_digest_and_says_good_bye() -> Result {
    let mut gateway = Gateway::start().await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    let id = add(&gateway, &registering(carrier.address())).await?;
    let status = state(&gateway, id, "registered").await?;
    assert_eq!(status["host"], carrier.address().to_string());
    assert!(status["registered_until"].is_i64(), "{status}");
    let register = carrier
        .message(&["REGISTER sip:", "Authorization: Digest"], SOON)
        .await?;
    let contact = format!("Contact: <sip:{}@{}>", ACCOUNT.0, gateway.sip());
    assert!(register.contains(&contact), "{register}");
    assert!(register.contains("username=\"5133334444\""), "{register}");
    assert!(
        !carrier.messages().contains(ACCOUNT.1),
        "the password itself is never sent"
    );
    let listed = gateway.api().get("/api/v1/trunks").await?.expect(200)?;
    assert!(!listed.to_string().contains(ACCOUNT.1), "{listed}");

    // Disabled, it is taken off; enabled, it comes back; when the gateway stops, it is taken off again.
    change(&gateway, id, &json!({ "enabled": false })).await?;
    carrier
        .message(&["REGISTER sip:", "Expires: 0\r"], SOON)
        .await?;
    let path = format!("/api/v1/trunks/{id}");
    gateway
        .wait(&path, "the trunk's end", |trunk| trunk["status"].is_null())
        .await?;
    change(&gateway, id, &json!({ "enabled": true })).await?;
    state(&gateway, id, "registered").await?;
    let before = carrier.messages().matches("Expires: 0\r").count();
    assert_eq!(gateway.stop().await?, Some(0));
    let after = carrier.messages().matches("Expires: 0\r").count();
    assert!(after > before, "{}", carrier.messages());
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_seen_at_once_and_put_right_at_once() -> Result {
    let gateway = Gateway::start().await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    let mut trunk = registering(carrier.address());
    trunk["password"] = json!("wrong");
    let began = Instant::now();
    let id = add(&gateway, &trunk).await?;
    let status = state(&gateway, id, "rejected").await?;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        (&status["fault"], &status["status"]),
        (&json!("refused"), &json!(403))
    );
    assert!(
        gateway.log().contains("trunk is rejected"),
        "{}",
        gateway.log()
    );
    change(&gateway, id, &json!({ "password": ACCOUNT.1 })).await?;
    state(&gateway, id, "registered").await?;
    // A change of something else keeps password and registration.
    change(&gateway, id, &json!({ "name": "Other" })).await?;
    state(&gateway, id, "registered").await?;
    assert!(!carrier.messages().contains("Expires: 0\r"));
    Ok(())
}

/// U10: told when it lasts, and over when the trunk is well again and stays so.
#[tokio::test]
async fn at_07_a_trunk_that_is_rejected_is_an_alarm_until_it_registers() -> Result {
    let gateway = Gateway::start().await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    let mut trunk = registering(carrier.address());
    trunk["password"] = json!("wrong");
    let id = add(&gateway, &trunk).await?;
    let began = Instant::now();
    let wanted = format!("sip_trunk_rejected:{id}");
    let of_trunk = |alarms: &serde_json::Value| {
        let mut alarms = alarms.as_array().cloned().unwrap_or_default().into_iter();
        alarms.find(|alarm| alarm["id"] == wanted.as_str())
    };
    let raised = |alarms: &serde_json::Value| of_trunk(alarms).is_some();
    let alarms = gateway.wait("/api/v1/alarms", "the alarm", raised).await?;
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
    let alarm = of_trunk(&alarms).ok_or("the alarm")?;
    let named = (&alarm["object"], &alarm["text"], &alarm["severity"]);
    let expected = (
        &trunk["name"],
        &json!("sip_trunk_rejected"),
        &json!("critical"),
    );
    assert_eq!(named, expected, "{alarm}");
    change(&gateway, id, &json!({ "password": ACCOUNT.1 })).await?;
    state(&gateway, id, "registered").await?;
    // A registration that has just come back is not trusted at once.
    let alarms = gateway.api().get("/api/v1/alarms").await?.expect(200)?;
    assert!(raised(&alarms), "{alarms}");
    let deadline = Instant::now() + Duration::from_secs(60);
    while raised(&gateway.api().get("/api/v1/alarms").await?.expect(200)?) {
        assert!(Instant::now() < deadline, "{}", gateway.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_restart_registers_again() -> Result {
    let mut gateway = Gateway::start().await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    let id = add(&gateway, &registering(carrier.address())).await?;
    state(&gateway, id, "registered").await?;
    gateway.crash_and_restart().await?;
    state(&gateway, id, "registered").await?;
    Ok(())
}

#[tokio::test]
async fn a_dead_host_is_noticed_and_so_is_its_return() -> Result {
    let gateway = Gateway::start().await?;
    let at = address()?;
    let carrier = Carrier::start("carrier", at, ACCOUNT).await?;
    let trunk = json!({
        "name": "Carrier", "hosts": [at.to_string()], "auth": "none", "options_interval": 10,
    });
    let id = add(&gateway, &trunk).await?;
    state(&gateway, id, "ok").await?;
    carrier.stop().await?;
    let path = format!("/api/v1/trunks/{id}");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let now = gateway.api().get(&path).await?.expect(200)?;
        if now["status"]["state"] == "unreachable" {
            break;
        }
        assert!(Instant::now() < deadline, "{now}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let _carrier = Carrier::start("carrier", at, ACCOUNT).await?;
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let now = gateway.api().get(&path).await?.expect(200)?;
        if now["status"]["state"] == "ok" {
            return Ok(());
        }
        assert!(Instant::now() < deadline, "{now}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_carrier_that_challenges_everything_gets_its_answers() -> Result {
    let gateway = Gateway::start().await?;
    let carrier = Carrier::start("challenging", address()?, ACCOUNT).await?;
    let mut trunk = registering(carrier.address());
    trunk["auth"] = json!("none");
    let id = add(&gateway, &trunk).await?;
    state(&gateway, id, "ok").await?;
    let options = ["OPTIONS sip:", "Authorization: Digest"];
    let answer = carrier.message(&options, SOON).await?;
    assert!(answer.contains("username=\"5133334444\""), "{answer}");
    Ok(())
}
