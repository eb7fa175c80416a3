//! Which of a card's E1s gives the clock: by rank, the next one while the first has an alarm, as the API shows it.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use gateway_under_test::{Gateway, GatewayError};
use line_tests::pairs::LinePairs;
use serde_json::{Value, json};

/// `DAHDI_ALARM_RED` of include/dahdi/user.h, on the first E1.
const RED: &str = "8,0";

/// What the trunk on a span says of the clock, in the list of trunks.
fn clock<'a>(trunks: &'a Value, device: &str) -> Option<&'a Value> {
    let trunks = trunks.as_array()?;
    let trunk = trunks.iter().find(|trunk| trunk["device"] == device)?;
    trunk.pointer("/status/clock")
}

/// Waits until both trunks say that the clock comes from this span.
async fn comes_from(gateway: &Gateway, source: Option<&str>) -> Result<Value, GatewayError> {
    let expected = |device: &str, rank: u8| json!({ "rank": rank, "source": source, "is_source": source == Some(device) });
    let shown = |trunks: &Value| {
        clock(trunks, "PAIRS/E1") == Some(&expected("PAIRS/E1", 1))
            && clock(trunks, "PAIRS/E2") == Some(&expected("PAIRS/E2", 2))
    };
    gateway
        .wait("/api/v1/e1-trunks", "the source of the clock", shown)
        .await?;
    let spans = gateway.api().get("/api/v1/spans").await?.expect(200)?;
    for span in spans.as_array().into_iter().flatten() {
        let is_e1 = |name: &str| span["name"] == name;
        if is_e1("PAIRS/E1") || is_e1("PAIRS/E2") {
            assert_eq!(span["clock_source"], json!(source), "{span}");
            assert_eq!(span["clock_rank"], json!(1 + u8::from(is_e1("PAIRS/E2"))));
        }
    }
    Ok(spans)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_moves_to_the_next_line_when_the_first_fails_and_back() -> Result<(), GatewayError>
{
    let card = LinePairs::insert_with(&["e1=2"]);
    let gateway = Gateway::start().await?;
    for (name, device, rank) in [("Primeira", "PAIRS/E1", 1), ("Segunda", "PAIRS/E2", 2)] {
        let trunk = json!({
            "name": name, "device": device, "clock_rank": rank,
            "signalling": { "kind": "e1_pri", "side": "user" },
        });
        let api = gateway.api();
        api.post("/api/v1/e1-trunks", &trunk).await?.expect(201)?;
    }
    comes_from(&gateway, Some("PAIRS/E1")).await?;
    card.set_parameter("e1_alarms", RED);
    comes_from(&gateway, Some("PAIRS/E2")).await?;
    let first = |trunks: &Value| {
        let trunks = trunks.as_array().cloned().unwrap_or_default();
        trunks
            .into_iter()
            .find(|trunk| trunk["device"] == "PAIRS/E1")
    };
    let is_down = |trunks: &Value| {
        first(trunks).is_some_and(|trunk| {
            trunk["status"]["state"] == "line_down" && trunk["status"]["alarms"] == json!(["RED"])
        })
    };
    gateway
        .wait("/api/v1/e1-trunks", "the first line is down", is_down)
        .await?;
    // It comes back with another clock than the one that the card runs by meanwhile.
    card.set_parameter("e1_errors", "0,0,0,0,3");
    card.set_parameter("e1_alarms", "0,0");
    let spans = comes_from(&gateway, Some("PAIRS/E1")).await?;
    let slips = |span: &&Value| span["name"] == "PAIRS/E1" && span["slips"] == 3;
    assert!(
        spans
            .as_array()
            .is_some_and(|it| it.iter().find(slips).is_some())
    );
    let slipped = |trunks: &Value| first(trunks).is_some_and(|trunk| trunk["status"]["slips"] == 3);
    gateway
        .wait("/api/v1/e1-trunks", "the slips are counted", slipped)
        .await?;
    // Without a line that may give it, the card runs on its own.
    card.set_parameter("e1_alarms", "8,8");
    comes_from(&gateway, None).await?;
    Ok(())
}
