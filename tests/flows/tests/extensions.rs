//! AT-06: extensions, their secrets and their numbers.

use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, next_call, to};
use serde_json::json;
use sipphone::{EndReason, Phone, PhoneConfig};

#[tokio::test]
async fn at_06_a_secret_is_made_shown_once_and_never_typed() -> Result {
    let bench = Bench::start().await?;
    let api = bench.gateway.api();
    let ana = json!({ "number": "2011", "display_name": "Ana" });
    let made = api.post("/api/v1/extensions", &ana).await?.expect(201)?;
    let secret = made["secret"].as_str().ok_or("a secret")?;
    assert_eq!(secret.len(), 20);
    for path in [
        "/api/v1/extensions".to_owned(),
        format!("/api/v1/extensions/{}", made["extension"]["id"]),
    ] {
        let later = api.get(&path).await?.expect(200)?;
        assert!(!later.to_string().contains(secret), "{later}");
        assert!(later.to_string().contains("Ana"), "{later}");
    }
    let typed = json!({ "number": "2012", "secret": "1234" });
    bench.refusal("extensions", typed, "secret").await?;
    // It is the one that registers.
    let config = PhoneConfig::new(bench.gateway.sip(), "2011", secret);
    Phone::start(config).await?.register(300).await?;
    let wrong = PhoneConfig::new(bench.gateway.sip(), "2011", "1234");
    assert!(Phone::start(wrong).await?.register(300).await.is_err());
    Ok(())
}

#[tokio::test]
async fn at_06_queue_voicemail_and_routes_follow_a_new_number() -> Result {
    let bench = Bench::start().await?;
    let (id, old) = bench.extension("2011").await?;
    let (_, colleague) = bench.extension("2002").await?;
    let members = json!([{ "member": "extension", "id": id }]);
    let queue = json!({ "name": "Vendas", "number": "600", "members": members, "wrap_up": 0 });
    bench.add("queues", queue).await?;
    let mailbox = json!({ "name": "Ana", "extensions": [id] });
    let mailbox = bench.add("voicemail-boxes", mailbox).await?;
    let route = json!({ "name": "Resto", "destination": to("extension", id) });
    bench.add("inbound-routes", route).await?;
    let path = format!("/api/v1/extensions/{id}");
    let number = json!({ "number": "2111" });
    let changed = bench
        .gateway
        .api()
        .patch(&path, &number)
        .await?
        .expect(200)?;
    let secret = changed["secret"].as_str().ok_or("a new secret")?;
    drop(old);
    let config = PhoneConfig::new(bench.gateway.sip(), "2111", secret);
    let phone = Phone::start(config).await?;
    phone.register(300).await?;
    // By the carrier's route, and by the queue.
    for (caller, dialled) in [
        (&bench.carrier, NUMBER),
        (&colleague, "600"),
        (&colleague, "2111"),
    ] {
        let mut out = caller.call(dialled).await?;
        let mut inn = next_call(&phone).await?;
        inn.answer();
        inn.wait_answered(SOON).await?;
        out.hang_up();
        inn.wait_ended(SOON).await?;
        out.wait_ended(SOON).await?;
    }
    let mut gone = colleague.call("2011").await?;
    assert_eq!(gone.wait_ended(SOON).await?, EndReason::Refused(404));
    // Nobody there: her box takes the call.
    phone.register(0).await?;
    let mut out = colleague.call("2111").await?;
    out.wait_answered(SOON).await?;
    let path = format!("/api/v1/voicemail-boxes/{mailbox}");
    let mailbox = bench.gateway.api().get(&path).await?.expect(200)?;
    assert_eq!(mailbox["extensions"], json!([id]));
    Ok(())
}
