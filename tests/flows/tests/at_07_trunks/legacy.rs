//! AT-07 and AT-20: text from other systems, pasted by an administrator.

use flow_tests::SOON;
use gateway_under_test::Gateway;
use peers::Carrier;
use serde_json::{Value, json};
use sipphone::EndReason;

use super::{ACCOUNT, Result, add, address, carrier_phone, extension, state};

async fn read(gateway: &Gateway, text: &str) -> Result<Value> {
    let text = json!({ "text": text });
    let api = gateway.api();
    let read = api.post("/api/v1/trunks/legacy-text", &text).await?;
    Ok(read.expect(200)?)
}

/// What became of a setting: outcome and reason.
fn told<'a>(import: &'a Value, setting: &str) -> (&'a str, &'a str) {
    let lines = import["lines"].as_array();
    let mut lines = lines.into_iter().flatten();
    let line = lines.find(|line| {
        line["text"]
            .as_str()
            .is_some_and(|text| text.starts_with(setting))
    });
    line.map_or(("", ""), |line| {
        (
            line["outcome"].as_str().unwrap_or_default(),
            line["code"].as_str().unwrap_or_default(),
        )
    })
}

#[tokio::test]
async fn at_07_a_pasted_registration_registers_and_lets_nobody_in() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, phone) = extension(&gateway, "2001").await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    // The password of the account, with its @ and : encoded.
    let text = format!(
        "register => {}:pa%40ss%3Aword@{}/5133334444\ninsecure=port,invite\nallowguest=yes",
        ACCOUNT.0,
        carrier.address()
    );
    let import = read(&gateway, &text).await?;
    assert_eq!(told(&import, "insecure"), ("refused", "source_address"));
    assert_eq!(told(&import, "allowguest"), ("refused", "no_guests"));
    let lines = import["lines"].to_string();
    assert!(
        !lines.contains("word"),
        "the report tells the password: {lines}"
    );
    let mut trunk = import["trunk"].clone();
    if let Some(trunk) = trunk.as_object_mut() {
        trunk.retain(|_, value| !value.is_null());
    }
    assert_eq!(trunk["line"], "5133334444", "{trunk}");
    trunk["name"] = json!("Carrier");
    trunk["inbound_default"] = json!(ana);
    let id = add(&gateway, &trunk).await?;
    state(&gateway, id, "registered").await?;
    carrier
        .message(&["REGISTER sip:", "Authorization: Digest"], SOON)
        .await?;
    // Somebody with another address, whatever the text said.
    let stranger = carrier_phone(&gateway, address()?).await?;
    let mut call = stranger.call("5133334444").await?;
    match call.wait_ended(SOON).await? {
        EndReason::Refused(401 | 403) => {}
        other => panic!("{other:?}"),
    }
    let rings = tokio::time::timeout(std::time::Duration::from_millis(100), phone.next_call());
    assert!(rings.await.is_err(), "it rang");
    Ok(())
}

#[tokio::test]
async fn at_20_a_pasted_block_of_settings_is_told_of_line_by_line() -> Result {
    let gateway = Gateway::start().await?;
    let block = "Context=default\nAllowguest=yes\nLanguage=pt-br\nTransport=udp\n\
                 Callcounter=yes session-timers=refuse\nVideosupport=yes\nMatch_auth_username=yes";
    let import = read(&gateway, block).await?;
    for (setting, outcome) in [
        ("Context", ("translated", "routes")),
        ("Allowguest", ("refused", "no_guests")),
        ("Language", ("translated", "company_language")),
        ("Transport", ("taken", "field")),
        // Two keys in one line, both read.
        ("Callcounter", ("ignored", "always")),
        ("session-timers", ("taken", "field")),
        ("Videosupport", ("ignored", "never")),
        ("Match_auth_username", ("refused", "never")),
    ] {
        assert_eq!(told(&import, setting), outcome, "{setting}: {import}");
    }
    let line = |setting: &str| {
        let mut lines = import["lines"].as_array().into_iter().flatten();
        let found = lines.find(|line| {
            line["text"]
                .as_str()
                .is_some_and(|text| text.starts_with(setting))
        });
        found.and_then(|line| line["line"].as_i64())
    };
    assert_eq!(
        (line("Callcounter"), line("session-timers")),
        (Some(5), Some(5))
    );
    assert_eq!(import["trunk"]["session_timer"], "refuse", "{import}");
    // Nothing was made of it.
    let trunks = gateway.api().get("/api/v1/trunks").await?.expect(200)?;
    assert_eq!(trunks, json!([]));
    Ok(())
}
