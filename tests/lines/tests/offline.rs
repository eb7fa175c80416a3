//! AT-30 and A.3: what callers over ISDN and MFC-R2 are told by a number that nobody can answer.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use gateway_under_test::{Gateway, GatewayError};
use line_tests::WiredSpans;
use line_tests::peer::Peer;
use ramal_lines::dahdi::{SpanSetup, SpanUse, configure};
use serde_json::{Value, json};

type Result = std::result::Result<(), GatewayError>;

/// Digits the exchange sends for the number.
const NUMBER: &str = "3032";

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
        let number = json!({
            "label": "Geral", "number": NUMBER, "trunk": self.trunk, "offline_action": action,
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
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_30_r2_is_told_by_group_b() -> Result {
    let spans = WiredSpans::new(31).expect("spans");
    far(&spans, SpanUse::R2);
    let first = spans.far.first_channel + 16;
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
    Ok(())
}
