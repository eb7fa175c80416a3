//! F-U, SC27: what somebody who helps from afar gets holds no secret; what Prometheus reads counts calls.

use gateway_under_test::{Gateway, GatewayError};
use serde_json::json;

type Result = std::result::Result<(), GatewayError>;

#[tokio::test]
async fn a_support_bundle_tells_all_but_secrets() -> Result {
    let gateway = Gateway::start().await?;
    let extension = gateway.extension("2001").await?;
    let trunk = json!({
        "name": "Operadora", "hosts": ["127.0.0.1:9"], "auth": "register", "user": "5133330000",
        "password": "segredo-da-operadora",
    });
    let post = |path: &'static str, body| gateway.api().post(path, body);
    post("/api/v1/trunks", &trunk).await?.expect(201)?;
    let room = json!({ "name": "Reunião", "number": "3001", "use_pin": true, "pin": "918273" });
    post("/api/v1/conferences", &room).await?.expect(201)?;
    let token = json!({ "name": "painel" });
    let token = post("/api/v1/tokens", &token).await?.expect(201)?;
    let token = token["secret"].as_str().unwrap_or_default().to_owned();
    assert!(!token.is_empty(), "the token was not shown");

    let bundle = gateway.api().get("/api/v1/support-bundle").await?;
    assert_eq!(bundle.status, 200);
    assert_eq!(bundle.content_type, "application/x-tar");
    let text = String::from_utf8_lossy(&bundle.body).into_owned();
    for told in [
        "system.json",
        "alarms.json",
        "calls.json",
        "audit.json",
        "journal.txt",
        "Operadora",
        "5133330000",
        "3001",
        "/api/v1/conferences",
    ] {
        assert!(text.contains(told), "{told} is missing");
    }
    for secret in [
        "segredo-da-operadora",
        "918273",
        token.as_str(),
        extension.secret.as_str(),
        "$argon2",
    ] {
        assert!(!text.contains(secret), "{secret} is in it");
    }
    Ok(())
}

#[tokio::test]
async fn prometheus_reads_what_is_counted() -> Result {
    let gateway = Gateway::start().await?;
    let _ana = gateway.phone("2001").await?;
    let answer = gateway.api().get("/api/v1/metrics").await?;
    assert!(answer.content_type.starts_with("text/plain; version=0.0.4"));
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    for line in [
        "# TYPE ramal_calls_active gauge",
        "ramal_calls_active 0",
        "ramal_registrations 1",
        "ramal_alarms{severity=\"critical\"} 0",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    // Each sample belongs to a family that was announced.
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let name = sample.split(['{', ' ']).next().unwrap_or_default();
        assert!(text.contains(&format!("# TYPE {name} ")), "{sample}");
    }
    Ok(())
}
