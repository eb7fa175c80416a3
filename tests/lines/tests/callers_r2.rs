//! AT-24 and AT-40 on MFC-R2: who calls, and how long a call out rings, with libopenr2 as the exchange; and what the API
//! shows of the signals.

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
/// Digits the exchange sends for the number.
const NUMBER: &str = "3032";
/// The first timeslot that the exchange has: the first that it takes.
const TIMESLOT: u32 = 17;

/// A gateway on an exchange's E1, with a phone.
struct Bench {
    exchange: Peer,
    gateway: Gateway,
    phone: Phone,
    /// The kernel's channel of [`TIMESLOT`] at the exchange.
    first: u32,
    trunk: Value,
    // Last: they are removed when nobody uses them any more.
    _spans: WiredSpans,
}

impl Bench {
    async fn start() -> Result<Self> {
        let spans = WiredSpans::new(31).expect("spans");
        let setup = SpanSetup {
            usage: SpanUse::R2,
            crc4: false,
            clock_rank: 0,
        };
        configure(spans.control(), &spans.far, &setup, None).expect("the far end");
        let first = spans.far.first_channel + TIMESLOT - 1;
        let range = format!("{first}-{}", first + 14);
        let numbers = ["--max-ani", "11", "--max-dnis", "4"];
        let line = ["--dahdi", &range, "--variant", "BR"];
        let exchange = Peer::start("r2_peer", &[line, numbers].concat());
        let gateway = Gateway::start().await?;
        let extension = gateway.extension("2001").await?;
        let phone = Phone::start(gateway.phone_config(&extension)).await?;
        phone.register(300).await?;
        let trunk = json!({
            "name": "Operadora", "device": spans.near.name,
            "signalling": { "kind": "e1_r2", "variant": "br", "caller_digits": 11 },
            "outbound": [{ "prefix": "", "strip": 0 }],
        });
        let api = gateway.api();
        let trunk = api.post("/api/v1/e1-trunks", &trunk).await?.expect(201)?;
        let number = json!({
            "label": "Geral", "number": NUMBER, "trunk": trunk["id"],
            "ring": { "targets": [{ "ring": "extension", "id": extension.id }] },
        });
        api.post("/api/v1/numbers", &number).await?.expect(201)?;
        let up = |answer: &Value| answer.pointer("/0/status/state") == Some(&json!("up"));
        gateway
            .wait("/api/v1/e1-trunks", "the trunk is up", up)
            .await?;
        Ok(Self {
            exchange,
            gateway,
            phone,
            first,
            trunk: trunk["id"].clone(),
            _spans: spans,
        })
    }

    /// The signals of the call on a timeslot, as the API shows them: kind, signal, and whether it began.
    async fn signals(&self, timeslot: u32) -> Result<Vec<(String, String, Option<bool>)>> {
        let path = format!(
            "/api/v1/e1-trunks/{}/timeslots/{timeslot}/signals",
            self.trunk
        );
        let steps = self.gateway.api().get(&path).await?.expect(200)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let steps = steps.as_array().cloned().unwrap_or_default();
        let step = |step: Value| {
            (
                text(&step["kind"]),
                text(&step["signal"]),
                step["begins"].as_bool(),
            )
        };
        Ok(steps.into_iter().map(step).collect())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_40_r2_a_caller_who_withholds_his_number_is_nobody() -> Result {
    let mut bench = Bench::start().await?;
    let channel = bench.first;
    // A caller's number that is restricted.
    bench
        .exchange
        .tell(&format!("{channel} call {NUMBER} - subscriber"));
    let next = tokio::time::timeout(SOON, bench.phone.next_call()).await;
    let call = next.ok().flatten().ok_or(GatewayError::Late("the call"))?;
    assert!(
        call.caller().contains("anonymous.invalid"),
        "{}",
        call.caller()
    );
    call.answer();
    let answered = format!("{channel} answered");
    bench
        .exchange
        .expect("the answer", |event| (event == answered).then_some(()));
    bench.exchange.tell(&format!("{channel} clear normal"));
    let records = bench.gateway.records(1).await?;
    assert_eq!(records[0]["caller"]["number"], Value::Null, "{records:?}");
    // The first digit, that the next one is asked for, that the caller's number cannot be had, and the answer.
    let signals = bench.signals(TIMESLOT).await?;
    println!("{signals:?}");
    for (kind, signal, begins) in [
        ("line_heard", "AB=00", None),
        ("line_sent", "AB=11 seizing acknowledged", None),
        ("register_heard", "I-3", Some(true)),
        ("register_heard", "I-3", Some(false)),
        ("register_sent", "A-1", Some(true)),
        ("register_heard", "I-12", Some(true)),
        ("line_sent", "AB=01 answer", None),
    ] {
        let expected = (kind.to_owned(), signal.to_owned(), begins);
        assert!(signals.contains(&expected), "{expected:?} in {signals:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_24_r2_a_call_out_that_nobody_takes_is_cleared_forward_after_a_minute() -> Result {
    let mut bench = Bench::start().await?;
    let mut call = bench.phone.call("04002").await?;
    let channel = bench.exchange.expect("an offered call", |event| {
        let (channel, rest) = event.split_once(' ')?;
        rest.starts_with("offered 4002 2001 ")
            .then(|| channel.to_owned())
    });
    bench.exchange.tell(&format!("{channel} accept charge"));
    let begun = Instant::now();
    call.wait_ended(2 * SOON).await?;
    let rang = begun.elapsed().as_secs_f64();
    println!("rang for {rang} s");
    assert!((55.0..=66.0).contains(&rang), "{rang} s");
    let cleared = format!("{channel} disconnected normal");
    bench
        .exchange
        .expect("clear-forward", |event| (event == cleared).then_some(()));
    let records = bench.gateway.records(1).await?;
    assert_eq!(records[0]["result"], "no_answer", "{records:?}");
    let timeslot = channel.parse::<u32>().expect("a channel") - bench.first + TIMESLOT;
    let signals = bench.signals(timeslot).await?;
    let clears = |step: &(String, String, Option<bool>)| {
        step.0 == "line_sent" && step.1 == "AB=10 clear-forward"
    };
    assert!(signals.iter().any(clears), "{signals:?}");
    Ok(())
}
