//! AT-30 and A.3: what callers over ISDN and MFC-R2 are told by a number that nobody can answer.

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

type Result = std::result::Result<(), GatewayError>;

/// Digits the exchange sends for the number.
const NUMBER: &str = "3032";
/// The first timeslot that the exchange for MFC-R2 has.
const TIMESLOT: u32 = 17;

/// A gateway on an E1, with a number nobody is online for.
struct Bench {
    gateway: Gateway,
    trunk: i64,
    extension: i64,
    number: Option<i64>,
}

impl Bench {
    async fn start(
        spans: &WiredSpans,
        signalling: Value,
    ) -> std::result::Result<Self, GatewayError> {
        let gateway = Gateway::start().await?;
        let extension = gateway.extension("2001").await?.id;
        let trunk = json!({
            "name": "Operadora", "device": spans.near.name, "crc4": false, "signalling": signalling,
            "outbound": [{ "prefix": "", "strip": 0 }],
        });
        let trunk = gateway
            .api()
            .post("/api/v1/e1-trunks", &trunk)
            .await?
            .expect(201)?;
        let up = |answer: &Value| answer.pointer("/0/status/state") == Some(&json!("up"));
        gateway
            .wait("/api/v1/e1-trunks", "the trunk is up", up)
            .await?;
        Ok(Self {
            trunk: trunk["id"].as_i64().unwrap_or_default(),
            gateway,
            extension,
            number: None,
        })
    }

    /// From now on this is done with calls to the number.
    async fn offline_action(&mut self, action: Value) -> Result {
        let mailbox = match action["action"] == "voicemail" {
            true => Some(self.mailbox().await?),
            false => None,
        };
        let number = json!({
            "label": "Geral", "number": NUMBER, "trunk": self.trunk, "offline_action": action, "voicemail": mailbox,
            "ring": { "targets": [{ "ring": "extension", "id": self.extension }] },
        });
        let api = self.gateway.api();
        match self.number {
            None => {
                let made = api.post("/api/v1/numbers", &number).await?.expect(201)?;
                self.number = made["id"].as_i64();
            }
            Some(id) => {
                api.put(&format!("/api/v1/numbers/{id}"), &number)
                    .await?
                    .expect(200)?;
            }
        }
        Ok(())
    }

    async fn mailbox(&self) -> std::result::Result<i64, GatewayError> {
        let mailbox = json!({ "name": "Geral" });
        let api = self.gateway.api();
        let made = api
            .post("/api/v1/voicemail-boxes", &mailbox)
            .await?
            .expect(201)?;
        Ok(made["id"].as_i64().unwrap_or_default())
    }

    /// Seconds until this line signal was sent on a timeslot, of 40 at most.
    async fn sends(&self, timeslot: u32, signal: &str) -> std::result::Result<f64, GatewayError> {
        let path = format!(
            "/api/v1/e1-trunks/{}/timeslots/{timeslot}/signals",
            self.trunk
        );
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(40) {
            let steps = self.gateway.api().get(&path).await?.expect(200)?;
            let mut steps = steps.as_array().into_iter().flatten();
            if steps.any(|step| step["kind"] == "line_sent" && step["signal"] == signal) {
                return Ok(begun.elapsed().as_secs_f64());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(GatewayError::Late("the line signal"))
    }

    /// An audio file of two seconds of silence and a click.
    async fn message(&self) -> std::result::Result<i64, GatewayError> {
        let mut samples = vec![0i16; 16_000];
        samples[8_000] = 8_000;
        let data: Vec<u8> = samples.into_iter().flat_map(i16::to_le_bytes).collect();
        let mut octets =
            b"RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0data"
                .to_vec();
        octets.extend_from_slice(&(data.len() as u32).to_le_bytes());
        octets.extend_from_slice(&data);
        let path = "/api/v1/audio-files?name=Fechado";
        let made = self.gateway.api().upload(path, octets).await?.expect(201)?;
        Ok(made["id"].as_i64().unwrap_or_default())
    }
}

fn far(spans: &WiredSpans, usage: SpanUse) {
    let setup = SpanSetup {
        usage,
        crc4: false,
        clock_rank: 0,
    };
    configure(spans.control(), &spans.far, &setup, None).expect("the far end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_30_isdn_is_told_by_cause() -> Result {
    let spans = WiredSpans::new(31).expect("spans");
    far(&spans, SpanUse::Pri);
    let d_channel = (spans.far.first_channel + 15).to_string();
    let mut exchange = Peer::start("pri_peer", &["--network", "--dahdi", &d_channel]);
    let mut bench = Bench::start(&spans, json!({ "kind": "e1_pri", "side": "user" })).await?;
    // One end knows before the other.
    exchange.expect("the D channel", |event| (event == "up").then_some(()));
    let mut tag = 10;
    for (action, rings, cause) in [
        (json!({ "action": "busy" }), false, "17"),
        (json!({ "action": "disconnect" }), false, "21"),
        // 30 seconds of the guest's clock.
        (json!({ "action": "ring" }), true, "19"),
    ] {
        bench.offline_action(action.clone()).await?;
        tag += 1;
        exchange.tell(&format!(
            "call {tag} called={NUMBER} calling=11987654321 channel={tag}"
        ));
        if rings {
            let ringing = format!("ringing {tag}");
            exchange.expect("ringing", |event| event.starts_with(&ringing).then_some(()));
        }
        let told = exchange.expect("the end", |event| {
            let mut words = event.split_whitespace();
            let is_end = words.next()?.starts_with("hangup") && words.next()? == tag.to_string();
            is_end.then(|| words.next().unwrap_or_default().to_owned())
        });
        assert_eq!(told, cause, "{action}");
    }
    let file = bench.message().await?;
    bench
        .offline_action(json!({ "action": "message", "file": file }))
        .await?;
    exchange.tell(&format!(
        "call 20 called={NUMBER} calling=11987654321 channel=20"
    ));
    exchange.expect("the answer", |event| {
        event.starts_with("answer 20").then_some(())
    });
    exchange.expect("the end", |event| event.starts_with("hangup").then_some(()));
    exchange.tell("call 21 called=9999 calling=11987654321 channel=21");
    let told = exchange.expect("no such number", |event| {
        let mut words = event.split_whitespace();
        let is_end = words.next()?.starts_with("hangup") && words.next()? == "21";
        is_end.then(|| words.next().unwrap_or_default().to_owned())
    });
    assert_eq!(told, "1");

    // 5: the caller leaves a message, until he hangs up.
    bench
        .offline_action(json!({ "action": "voicemail" }))
        .await?;
    exchange.tell(&format!(
        "call 22 called={NUMBER} calling=11987654321 channel=22"
    ));
    exchange.expect("the answer", |event| {
        event.starts_with("answer 22").then_some(())
    });
    exchange.tell("hangup 22 16");

    // 6: a call out on another channel takes the caller on.
    let transfer = json!({ "action": "transfer", "number": "04002" });
    bench.offline_action(transfer).await?;
    exchange.tell(&format!(
        "call 23 called={NUMBER} calling=11987654321 channel=23"
    ));
    let out = exchange.expect("the call out", |event| {
        let call = event.strip_prefix("ring ")?;
        assert!(call.contains("called=4002"), "{event}");
        Some(call.split_whitespace().next()?.to_owned())
    });
    exchange.tell(&format!("proceeding {out}"));
    exchange.tell(&format!("answer {out}"));
    exchange.expect("the answer", |event| {
        event.starts_with("answer 23").then_some(())
    });
    exchange.tell("hangup 23 16");
    exchange.expect("the end of the other", |event| {
        let mut words = event.split_whitespace();
        (words.next()?.starts_with("hangup") && words.next()? == out).then_some(())
    });
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_30_r2_is_told_by_group_b() -> Result {
    let spans = WiredSpans::new(31).expect("spans");
    far(&spans, SpanUse::R2);
    let first = spans.far.first_channel + TIMESLOT - 1;
    let range = format!("{first}-{}", first + 14);
    let options = [
        "--dahdi",
        &range,
        "--variant",
        "BR",
        "--max-ani",
        "11",
        "--max-dnis",
        "4",
    ];
    let mut exchange = Peer::start("r2_peer", &options);
    let mut bench = Bench::start(&spans, json!({ "kind": "e1_r2", "variant": "br" })).await?;
    // A timeslot of its own for each call. B-4, congestion, is what this preset refuses with.
    for (channel, action, word) in [
        (first, "busy", "busy"),
        (first + 1, "disconnect", "congestion"),
    ] {
        let told = format!("{channel} disconnected ");
        bench.offline_action(json!({ "action": action })).await?;
        exchange.tell(&format!("{channel} call {NUMBER} 11987654321 subscriber"));
        let cause = exchange.expect("the end", |event| {
            event.strip_prefix(&told).map(str::to_owned)
        });
        assert!(cause.contains(word), "{action}: {cause}");
    }

    // 1: free, and clear-back at the end, which on the line is what was there before.
    let channel = first + 2;
    bench.offline_action(json!({ "action": "ring" })).await?;
    exchange.tell(&format!("{channel} call {NUMBER} 11987654321 subscriber"));
    let accepted = format!("{channel} accepted");
    exchange.expect("that it is free", |event| (event == accepted).then_some(()));
    let rang = bench.sends(TIMESLOT + 2, "AB=11 clear-back").await?;
    println!("rang for {rang} s");
    assert!((25.0..=35.0).contains(&rang), "{rang} s");
    exchange.tell(&format!("{channel} clear normal"));

    // 4: accepted, answered, played and cleared back.
    let channel = first + 3;
    let file = bench.message().await?;
    bench
        .offline_action(json!({ "action": "message", "file": file }))
        .await?;
    exchange.tell(&format!("{channel} call {NUMBER} 11987654321 subscriber"));
    for wanted in ["answered", "disconnected normal"] {
        let wanted = format!("{channel} {wanted}");
        exchange.expect(&wanted.clone(), |event| (event == wanted).then_some(()));
    }
    Ok(())
}
