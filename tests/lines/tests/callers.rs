//! AT-24, AT-26, AT-40 on ISDN: who calls, who has forwarded, and how long a call out rings, with libpri as the exchange.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::time::{Duration, Instant};

use gateway_under_test::{Gateway, GatewayError};
use line_tests::WiredSpans;
use line_tests::peer::Peer;
use ramal_lines::dahdi::{SpanSetup, SpanUse, configure};
use serde_json::{Value, json};
use sipphone::Phone;

type Result<T = ()> = std::result::Result<T, GatewayError>;

/// Emulation is slow.
const SOON: Duration = Duration::from_secs(60);
/// The company's number, and one outside.
const NUMBER: &str = "3032";
const OUTSIDE: &str = "40028922";

/// A gateway on an exchange's E1, with a phone.
struct Bench {
    exchange: Peer,
    gateway: Gateway,
    phone: Phone,
    trunk: Value,
    extension: i64,
    // Last: they are removed when nobody uses them any more.
    _spans: WiredSpans,
}

impl Bench {
    async fn start() -> Result<Self> {
        let spans = WiredSpans::new(31).expect("spans");
        let setup = SpanSetup {
            usage: SpanUse::Pri,
            crc4: false,
            clock_rank: 0,
        };
        configure(spans.control(), &spans.far, &setup, None).expect("the far end");
        let d_channel = (spans.far.first_channel + 15).to_string();
        let exchange = Peer::start("pri_peer", &["--network", "--dahdi", &d_channel]);
        let gateway = Gateway::start().await?;
        let extension = gateway.extension("2001").await?;
        let phone = Phone::start(gateway.phone_config(&extension)).await?;
        phone.register(300).await?;
        let trunk = json!({
            "name": "Operadora", "device": spans.near.name, "crc4": false,
            "signalling": { "kind": "e1_pri", "side": "user" },
            "outbound": [{ "prefix": "", "strip": 0 }],
        });
        let api = gateway.api();
        let trunk = api.post("/api/v1/e1-trunks", &trunk).await?.expect(201)?;
        let up = |answer: &Value| answer.pointer("/0/status/state") == Some(&json!("up"));
        gateway
            .wait("/api/v1/e1-trunks", "the trunk is up", up)
            .await?;
        Ok(Self {
            exchange,
            gateway,
            phone,
            trunk: trunk["id"].clone(),
            extension: extension.id,
            _spans: spans,
        })
    }

    async fn number(&self, more: Value) -> Result {
        let mut number = json!({ "label": "Geral", "number": NUMBER, "trunk": self.trunk });
        for (key, value) in more.as_object().into_iter().flatten() {
            number[key] = value.clone();
        }
        let api = self.gateway.api();
        api.post("/api/v1/numbers", &number).await?.expect(201)?;
        Ok(())
    }

    /// The exchange's next call from here: its tag, and who it is said to be from.
    fn rings(&self) -> (String, String) {
        self.exchange.expect("a call", |event| {
            let tag = event.strip_prefix("ring ")?.split_whitespace().next()?;
            Some((tag.to_owned(), event.to_owned()))
        })
    }

    /// Why a call is over, as the exchange is told.
    fn over(&self, tag: &str) -> String {
        self.exchange.expect("the end", |event| {
            let mut words = event.split_whitespace();
            let is_end = words.next()?.starts_with("hangup") && words.next()? == tag;
            is_end.then(|| words.next().unwrap_or_default().to_owned())
        })
    }
}

/// The word behind `key=` of an event.
fn value<'a>(event: &'a str, key: &str) -> &'a str {
    event
        .split_whitespace()
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_40_isdn_a_number_whose_presentation_is_restricted_is_shown_to_nobody() -> Result {
    let mut bench = Bench::start().await?;
    let targets = json!([{ "ring": "extension", "id": bench.extension }]);
    bench
        .number(json!({ "ring": { "targets": targets } }))
        .await?;
    // 35: restricted, provided by the network.
    bench.exchange.tell(&format!(
        "call 5 called={NUMBER} calling=11987654321 pres=35 channel=5"
    ));
    let next = tokio::time::timeout(SOON, bench.phone.next_call()).await;
    let call = next.ok().flatten().ok_or(GatewayError::Late("the call"))?;
    let caller = call.caller();
    assert!(caller.contains("anonymous.invalid"), "{caller}");
    assert!(!caller.contains("11987654321"), "{caller}");
    bench.exchange.tell("hangup 5 16");
    let records = bench.gateway.records(1).await?;
    assert_eq!(records[0]["caller"]["number"], Value::Null, "{records:?}");
    assert!(!format!("{records:?}").contains("11987654321"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_26_isdn_an_exchange_is_told_which_number_has_forwarded_a_call() -> Result {
    let mut bench = Bench::start().await?;
    let forward = json!({ "mode": "forward_all", "forward_to": OUTSIDE });
    bench.number(forward).await?;
    bench.exchange.tell(&format!(
        "call 6 called={NUMBER} calling=11987654321 channel=6"
    ));
    let (_, event) = bench.rings();
    assert_eq!(value(&event, "called"), OUTSIDE, "{event}");
    assert_eq!(value(&event, "redirecting"), NUMBER, "{event}");
    bench.exchange.tell("hangup 6 16");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_24_isdn_a_call_out_that_nobody_takes_ends_after_a_minute_with_cause_19() -> Result {
    let mut bench = Bench::start().await?;
    let mut call = bench.phone.call(&format!("0{OUTSIDE}")).await?;
    let (tag, _) = bench.rings();
    let begun = Instant::now();
    bench.exchange.tell(&format!("proceeding {tag}"));
    bench.exchange.tell(&format!("ringing {tag}"));
    call.wait_ringing(SOON).await?;
    call.wait_ended(2 * SOON).await?;
    let rang = begun.elapsed().as_secs_f64();
    assert!((55.0..=66.0).contains(&rang), "{rang} s");
    assert_eq!(bench.over(&tag), "19");
    let records = bench.gateway.records(1).await?;
    assert_eq!(records[0]["result"], "no_answer", "{records:?}");
    Ok(())
}
