//! AT-24 and AT-40 on an analogue line: who calls, and how long a call out rings.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::time::{Duration, Instant};

use gateway_under_test::{Gateway, GatewayError};
use line_tests::far_end::FarEnd;
use line_tests::pairs::LinePairs;
use line_tests::until;
use ramal_dsp::{
    CallerIdMessage, CallerIdSignal, CallerIdTiming, CountryTones, DtmfCallerIdFormat,
    DtmfGenerator, DtmfTiming, FskStandard, MessageFormat, Presentation,
};
use ramal_lines::dahdi::{ChannelEvent, Hook};
use serde_json::{Value, json};
use sipphone::Phone;

type Result<T = ()> = std::result::Result<T, GatewayError>;

/// Emulation is slow.
const SOON: Duration = Duration::from_secs(60);
const OUTSIDE: &str = "40028922";

/// A gateway with the line `FXO 1`, a phone that its calls ring, and the exchange at its other end.
struct Bench {
    exchange: FarEnd,
    gateway: Gateway,
    phone: Phone,
    // Last: it is dropped when nobody uses its lines any more.
    _pairs: LinePairs,
}

impl Bench {
    async fn start() -> Result<Self> {
        let pairs = LinePairs::insert();
        // The other line has no plug, so that calls out take this one.
        pairs.unplug(Some(1));
        let exchange = FarEnd::start(pairs.channel(0));
        exchange
            .device
            .set_ring_cadence(&[1000, 4000])
            .expect("a cadence");
        let gateway = Gateway::start().await?;
        let extension = gateway.extension("2001").await?;
        let phone = Phone::start(gateway.phone_config(&extension)).await?;
        phone.register(300).await?;
        let well = |answer: &Value| {
            let lines = answer["lines"].as_array().cloned().unwrap_or_default();
            let fault = |name: &str| {
                let line = lines.iter().find(|line| line["name"] == name);
                line.map(|line| line["fault"].clone())
            };
            fault("FXO 1") == Some(Value::Null) && fault("FXO 2") != Some(Value::Null)
        };
        gateway
            .wait("/api/v1/system", "the line works", well)
            .await?;
        let number = json!({
            "label": "Geral", "number": "33334444", "line": "FXO 1",
            "ring": { "targets": [{ "ring": "extension", "id": extension.id }] },
        });
        let api = gateway.api();
        api.post("/api/v1/numbers", &number).await?.expect(201)?;
        Ok(Self {
            exchange,
            gateway,
            phone,
            _pairs: pairs,
        })
    }

    /// Rings, and tells who calls by this sound after the first ring; what the phone shows.
    async fn shown(&self, caller_id: &[i16]) -> Result<String> {
        until("the exchange can ring", || {
            self.exchange.device.set_hook(Hook::Ring).ok()
        });
        // The ring lasts a second.
        self.exchange.carries(75);
        self.exchange.says(caller_id);
        let next = tokio::time::timeout(SOON, self.phone.next_call()).await;
        let mut call = next.ok().flatten().ok_or(GatewayError::Late("the call"))?;
        let shown = call.caller().to_owned();
        // The caller gives up.
        self.exchange.device.set_hook(Hook::RingOff).expect("stops");
        call.wait_ended(SOON).await?;
        self.exchange.carries(150);
        Ok(shown)
    }
}

/// The sound of a whole signal.
fn samples(mut add: impl FnMut(&mut [i16]) -> bool) -> Vec<i16> {
    let mut sound = Vec::new();
    loop {
        let mut block = [0; 160];
        let over = add(&mut block);
        sound.extend_from_slice(&block);
        if over {
            return sound;
        }
    }
}

/// A caller's number by a modem.
fn by_modem(standard: FskStandard, number: Presentation) -> Vec<i16> {
    let message = CallerIdMessage::call(number.clone(), number).encode(MessageFormat::Multiple);
    let mut signal = CallerIdSignal::new(&message, standard, CallerIdTiming::ON_HOOK);
    samples(|block| {
        signal.add(block);
        signal.is_over()
    })
}

/// A caller's number by keys, as in Brazil.
fn by_keys(number: &Presentation) -> Vec<i16> {
    let keys: Vec<char> = DtmfCallerIdFormat::StartAEndC.keys(number).collect();
    let timing = DtmfTiming {
        tone_ms: 70,
        pause_ms: 70,
        level: -9.0,
        twist: 2.0,
    };
    let mut signal = DtmfGenerator::new(keys.into_iter(), timing);
    samples(|block| {
        signal.add(block);
        signal.is_over()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_40_fxo_a_caller_who_is_told_as_private_is_nobody() -> Result {
    let bench = Bench::start().await?;
    let given = || Presentation::Given("11987654321".to_owned());
    let mut calls = 0;
    for sound in [
        (|number| by_modem(FskStandard::Bell202, number)) as fn(Presentation) -> Vec<i16>,
        |number| by_modem(FskStandard::V23, number),
        |number| by_keys(&number),
    ] {
        // The same signal with a number shows that it was heard.
        let shown = bench.shown(&sound(given())).await?;
        assert!(shown.contains("11987654321"), "{shown}");
        let shown = bench.shown(&sound(Presentation::Private)).await?;
        assert!(shown.contains("anonymous.invalid"), "{shown}");
        calls += 2;
        let records = bench.gateway.records(calls).await?;
        assert_eq!(records[0]["caller"]["number"], Value::Null, "{records:?}");
        assert_ne!(records[1]["caller"]["number"], Value::Null, "{records:?}");
        // What the keys of "private" would be as a number (B00C).
        assert_ne!(records[0]["caller"]["number"], json!("00"));
    }
    Ok(())
}

/// Seconds until the line is put down under a call out that nobody takes.
async fn rings_in_vain(bench: &Bench) -> Result<f64> {
    let brazil = CountryTones::of("BR").expect("its tones");
    let exchange = &bench.exchange;
    // The exchange has to have seen the line idle.
    exchange.carries(150);
    let mut call = bench.phone.call(&format!("0{OUTSIDE}")).await?;
    exchange.sees(ChannelEvent::RingOffHook);
    exchange.device.set_hook(Hook::OffHook).expect("feeds");
    exchange.plays(Some(brazil.dial));
    until("the exchange has the first key", || {
        (!exchange.keys.lock().unwrap().is_empty()).then_some(())
    });
    exchange.plays(None);
    exchange.is_dialled(OUTSIDE);
    exchange.plays(Some(brazil.ringback));
    let begun = Instant::now();
    call.wait_ended(2 * SOON).await?;
    until("the loop is opened", || {
        (!exchange.device.is_off_hook().unwrap()).then_some(())
    });
    let rang = begun.elapsed().as_secs_f64();
    println!("rang for {rang} s");
    exchange.sees(ChannelEvent::OnHook);
    exchange.plays(None);
    exchange.device.set_hook(Hook::OnHook).expect("idle");
    Ok(rang)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_24_fxo_a_call_out_that_nobody_takes_is_put_down_after_its_time() -> Result {
    let bench = Bench::start().await?;
    let rang = rings_in_vain(&bench).await?;
    assert!((50.0..=66.0).contains(&rang), "{rang} s");
    let records = bench.gateway.records(1).await?;
    assert_eq!(records[0]["result"], "no_answer", "{records:?}");

    // By the rule of a route. Nobody has said yet how an answer shows on the line.
    let rule = json!({
        "pattern": "0X.", "strip": 1, "ways": [{ "way": "line", "port": "FXO 1" }], "ring_timeout": 30,
    });
    let api = bench.gateway.api();
    let route = json!({ "name": "Linha", "rules": [rule] });
    let route = api
        .post("/api/v1/outbound-routes", &route)
        .await?
        .expect(201)?;
    let warning = &route["warnings"][0];
    assert_eq!(warning["code"], "no_supervision", "{route}");
    assert_eq!(warning["field"], "rules[0].ring_timeout", "{route}");
    // Ringback tone is told from a voice.
    let path = "/api/v1/lines/FXO%201/settings";
    let mut settings = api.get(path).await?.expect(200)?;
    settings["settings"]["answer"] = json!("voice");
    api.put(path, &settings).await?.expect(200)?;
    let path = format!("/api/v1/outbound-routes/{}", route["id"]);
    let route = api.get(&path).await?.expect(200)?;
    assert!(route["warnings"].is_null(), "{route}");
    let rang = rings_in_vain(&bench).await?;
    assert!((25.0..=33.0).contains(&rang), "{rang} s");
    let records = bench.gateway.records(2).await?;
    assert_eq!(records[0]["result"], "no_answer", "{records:?}");
    Ok(())
}
