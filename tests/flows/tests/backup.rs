//! F-U3, SC23: a gateway is archived while it carries a call, and another one becomes the same by it; a factory reset
//! leaves nothing, whenever it is broken off.

use flow_tests::{SOON, hears, tone};
use gateway_under_test::{Gateway, GatewayError, Options};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

type Result<T = ()> = std::result::Result<T, GatewayError>;

const PASSPHRASE: &str = "um girassol na janela";

/// Waits for the gateway to answer like that, also while it starts again.
async fn answers(gateway: &Gateway, path: &str, like: impl Fn(&Value) -> bool) -> Result<Value> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Ok(answer) = gateway.api().get(path).await
            && answer.status == 200
            && like(&answer.json())
        {
            return Ok(answer.json());
        }
        if Instant::now() > end {
            return Err(GatewayError::Late("the answer"));
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn archive(gateway: &Gateway) -> Result<Vec<u8>> {
    let order = json!({ "passphrase": PASSPHRASE, "parts": { "voicemail": true, "history": true, "recordings": true } });
    let started = gateway.api().post("/api/v1/backups", &order).await?;
    let file = started.expect(202)?["file"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let done = answers(gateway, "/api/v1/backups", |listed| {
        listed["making"].is_null()
    })
    .await?;
    assert_eq!(done["problem"], Value::Null);
    assert_eq!(done["archives"][0]["file"], json!(file));
    let path = format!("/api/v1/backups/{file}");
    let content = gateway.api().get(&path).await?;
    assert_eq!(content.status, 200);
    Ok(content.body)
}

async fn upload(gateway: &Gateway, content: Vec<u8>) -> Result<String> {
    let taken = gateway
        .api()
        .upload("/api/v1/backups/upload", content)
        .await?;
    let taken = taken.expect(201)?;
    Ok(taken["file"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn another_gateway_becomes_the_same() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno) = (gateway.phone("2001").await?, gateway.phone("2002").await?);
    let trunk = json!({
        "name": "Operadora", "hosts": ["127.0.0.1:9"], "auth": "register", "user": "5133330000",
        "password": "segredo-123",
    });
    let made = gateway.api().post("/api/v1/trunks", &trunk).await?;
    assert!(made.status == 201, "{}", made.json());
    let mut out = ana.call("2002").await?;
    let mut inn = bruno
        .next_call()
        .await
        .ok_or(GatewayError::Late("the call"))?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    // The row of a call is on the disk soon after its start; half a second of talk is later than that.
    out.audio().send(tone(600.0));
    hears(&inn, 600.0).await?;
    // Made in the middle of a call, which goes on.
    let content = archive(&gateway).await?;
    inn.audio().send(tone(800.0));
    hears(&out, 800.0).await?;
    assert!(content.starts_with(b"age-encryption.org/v1\n"));
    for secret in [&b"segredo-123"[..], b"SQLite format"] {
        assert!(!content.windows(secret.len()).any(|part| part == secret));
    }

    let other = Gateway::start_empty(Options::default()).await?;
    let file = upload(&other, content).await?;
    let path = format!("/api/v1/backups/{file}");
    let secret = json!({ "secret": PASSPHRASE });
    let report = other
        .api()
        .post(&format!("{path}/check"), &secret)
        .await?
        .expect(200)?;
    assert_eq!(report["objects"]["extension"]["added"], 2, "{report}");
    assert_eq!(report["about"]["company"], "Padaria do Bairro");
    assert_eq!(report["lost_secrets"], 0);
    assert_eq!(report["about"]["holdings"]["calls"], 1);
    // A dry run it was.
    let status = other.api().get("/api/v1/status").await?.expect(200)?;
    assert_eq!(status["set_up"], false);

    let restored = other
        .api()
        .post(&format!("{path}/restore"), &secret)
        .await?;
    restored.expect(202)?;
    answers(&other, "/api/v1/status", |status| status["set_up"] == true).await?;
    let listed = other.api().get("/api/v1/extensions").await?.expect(200)?;
    let theirs = gateway.api().get("/api/v1/extensions").await?.expect(200)?;
    let numbers = |listed: &Value| -> Vec<Value> {
        let all = listed.as_array().cloned().unwrap_or_default();
        all.iter().map(|one| one["number"].clone()).collect()
    };
    assert_eq!(numbers(&listed), numbers(&theirs));
    // Its secret is sealed with the key of the gateway it is on now.
    let trunks = other.api().get("/api/v1/trunks").await?.expect(200)?;
    assert_eq!(trunks[0]["has_password"], true, "{trunks}");
    let calls = other.api().get("/api/v1/calls").await?.expect(200)?;
    assert_eq!(calls["calls"][0]["result"], "interrupted");
    let backups = other.api().get("/api/v1/backups").await?.expect(200)?;
    assert_eq!(backups["restored"]["archive"], json!(file));
    let audit = other
        .api()
        .get("/api/v1/audit-log?limit=50")
        .await?
        .expect(200)?;
    assert!(audit.to_string().contains("/restore"), "{audit}");
    Ok(())
}

#[tokio::test]
async fn what_is_not_right_is_refused_and_changes_nothing() -> Result {
    let gateway = Gateway::start().await?;
    gateway.extension("2001").await?;
    let content = archive(&gateway).await?;
    let cut = content[..content.len() - 1000].to_vec();
    let mut altered = content.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    let before = gateway.api().get("/api/v1/configuration/export").await?;
    for (content, secret, field, code) in [
        (
            content.clone(),
            "um girassol na varanda",
            "secret",
            "wrong_secret",
        ),
        (cut, PASSPHRASE, "file", "damaged_archive"),
        (altered, PASSPHRASE, "file", "damaged_archive"),
        (
            b"PK\x03\x04 a zip file".to_vec(),
            PASSPHRASE,
            "file",
            "not_archive",
        ),
        (Vec::new(), PASSPHRASE, "file", "not_archive"),
    ] {
        let file = upload(&gateway, content).await?;
        for action in ["check", "restore"] {
            let path = format!("/api/v1/backups/{file}/{action}");
            let refused = gateway
                .api()
                .post(&path, &json!({ "secret": secret }))
                .await?
                .expect(422)?;
            assert_eq!(refused["errors"][0]["field"], field, "{refused}");
            assert_eq!(refused["errors"][0]["code"], code, "{refused}");
        }
        let path = format!("/api/v1/backups/{file}");
        gateway.api().delete(&path).await?.expect(204)?;
    }
    let after = gateway.api().get("/api/v1/configuration/export").await?;
    assert_eq!(after.json(), before.json());
    assert!(!gateway.data().join("restore/ready").exists());
    for name in ["../ramal.db", "..%2Framal.db", "manual-1.age", "ramal.db"] {
        let path = format!("/api/v1/backups/{name}");
        assert_eq!(gateway.api().get(&path).await?.status, 404, "{name}");
    }
    Ok(())
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path()),
            _ => 1,
        })
        .sum()
}

#[tokio::test]
async fn a_factory_reset_goes_on_after_each_power_cut() -> Result {
    const FILES: usize = 6_000;
    let mut cuts = 0;
    for left in [FILES - 10, FILES / 2, 20] {
        let mut gateway = Gateway::start().await?;
        gateway.extension("2001").await?;
        archive(&gateway).await?;
        let data = gateway.data();
        for folder in ["recordings", "damaged", "backups"] {
            std::fs::create_dir_all(data.join(folder))?;
            for number in 0..FILES / 3 {
                std::fs::write(data.join(folder).join(format!("{number}.x")), "secret")?;
            }
        }
        let refused = gateway
            .api()
            .post("/api/v1/factory-reset", &json!({ "confirmation": "reset" }))
            .await?
            .expect(422)?;
        assert_eq!(refused["errors"][0]["code"], "not_confirmed");
        gateway
            .api()
            .post("/api/v1/factory-reset", &json!({ "confirmation": "RESET" }))
            .await?
            .expect(202)?;
        let end = Instant::now() + Duration::from_secs(30);
        while files(&data) > left {
            assert!(Instant::now() < end, "nothing was deleted");
        }
        gateway.crash().await?;
        cuts += u32::from(data.join("factory-reset").exists());
        gateway.restart().await?;
        let status = answers(&gateway, "/api/v1/status", |_| true).await?;
        assert_eq!(status["set_up"], false, "{left}");
        assert_eq!(status["storage"], "good");
        for folder in ["damaged", "backups"] {
            assert!(!data.join(folder).exists(), "{folder}");
        }
        assert_eq!(
            files(&data.join("recordings")) + files(&data.join("archives")),
            0
        );
        assert!(!data.join("factory-reset").exists());
        let setup = json!({
            "language": "pt-BR", "country": "BR",
            "company": { "legal_name": "Outra", "area_code": "11" },
            "admin": { "login": "admin", "name": "Admin", "password": PASSPHRASE },
        });
        gateway
            .api()
            .post("/api/v1/setup", &setup)
            .await?
            .expect(201)?;
    }
    assert!(
        cuts > 0,
        "each reset was done before it could be broken off"
    );
    Ok(())
}
