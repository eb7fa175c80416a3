//! Mail by a server of another maker.

use std::time::Duration;

use flow_tests::bench::{Bench, NUMBER, Result};
use flow_tests::{SOON, tone};
use gateway_under_test::{Gateway, GatewayError, Options};
use peers::MailSink;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::address;

async fn next_mail(sink: &MailSink, before: usize) -> Result<String> {
    let deadline = Instant::now() + SOON * 3;
    loop {
        let mails = sink.taken()?;
        if mails.len() > before {
            return Ok(mails.join("\n"));
        }
        if Instant::now() > deadline {
            return Err(GatewayError::Late("the mail").into());
        }
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn at_33_a_voice_message_comes_by_mail_with_its_sound() -> Result {
    let bench = Bench::start().await?;
    let at = address();
    let sink = MailSink::start(at, None).await?;
    let server = json!({
        "name": "Correio", "host": at.ip().to_string(), "port": at.port(), "security": "none", "from": "pabx@example.com",
    });
    bench.add("mail-servers", server).await?;
    let greeting = bench.tone(500.0, 0.5).await?;
    let mailbox = json!({
        "name": "Recepção", "email": "ana@example.com", "greeting": greeting, "heard_when_mailed": true,
    });
    let mailbox = bench.add("voicemail-boxes", mailbox).await?;
    bench
        .number(json!({ "mode": "reject", "reject_action": { "action": "voicemail" }, "voicemail": mailbox }))
        .await?;
    let mut call = bench.carrier.call(NUMBER).await?;
    call.wait_answered(SOON).await?;
    call.audio().send(tone(700.0));
    let path = "/api/v1/voicemail-messages";
    sleep(Duration::from_secs(6)).await;
    call.hang_up();
    let mail = next_mail(&sink, 0).await?;
    for part in [
        "To: ana@example.com",
        "pabx@example.com",
        "Content-Type: audio/wav",
        "5198765432",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(mail.contains(part), "{part}: {mail:.1500}");
    }
    // RIFF in base64.
    assert!(mail.contains("UklGR"), "{mail:.1500}");
    let deadline = Instant::now() + SOON;
    loop {
        let page = bench.gateway.api().get(path).await?.expect(200)?;
        if page["messages"][0]["heard_at"].is_i64() {
            return Ok(());
        }
        assert!(Instant::now() < deadline, "{page}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn mail_is_encrypted_and_the_server_known() -> Result {
    let folder = tempfile::tempdir()?;
    let at = address();
    let made = rcgen::generate_simple_self_signed([at.ip().to_string()])?;
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&certificate, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    let config = folder.path().join("ramal.toml");
    std::fs::write(&config, format!("[sip]\nauthorities = {certificate:?}\n"))?;
    let sink = MailSink::start(at, Some((&certificate, &key))).await?;
    let server = json!({
        "name": "Correio", "host": at.ip().to_string(), "port": at.port(), "security": "start_tls", "from": "pabx@example.com",
    });
    let test = json!({ "to": "ana@example.com" });

    let known = Options {
        arguments: vec!["--config".into(), config.display().to_string()],
        ..Options::default()
    };
    let gateway = Gateway::start_with(known).await?;
    let made = gateway
        .api()
        .post("/api/v1/mail-servers", &server)
        .await?
        .expect(201)?;
    let path = format!("/api/v1/mail-servers/{}/test", made["id"]);
    gateway.api().post(&path, &test).await?.expect(202)?;
    let mail = next_mail(&sink, 0).await?;
    assert!(mail.contains("To: ana@example.com"), "{mail}");

    // To a gateway that does not know its authority the server is nobody.
    let stranger = Gateway::start().await?;
    let made = stranger
        .api()
        .post("/api/v1/mail-servers", &server)
        .await?
        .expect(201)?;
    let path = format!("/api/v1/mail-servers/{}/test", made["id"]);
    stranger.api().post(&path, &test).await?.expect(202)?;
    let deadline = Instant::now() + SOON;
    loop {
        let page = stranger
            .api()
            .get("/api/v1/deliveries")
            .await?
            .expect(200)?;
        let delivery = &page["deliveries"][0];
        if delivery["attempts"].as_i64() >= Some(1) {
            assert_eq!(delivery["state"], "pending", "{delivery}");
            let answer = delivery["answer"].as_str().unwrap_or_default();
            assert!(answer.to_lowercase().contains("certificate"), "{delivery}");
            break;
        }
        assert!(Instant::now() < deadline, "{page}");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(sink.taken()?.len(), 1);
    Ok(())
}
