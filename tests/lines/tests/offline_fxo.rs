//! AT-30 and A.3 on an analogue line with battery and polarity: what callers of a number get that nobody can answer.

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
use ramal_dsp::{CountryTones, Goertzel, SAMPLE_RATE};
use ramal_lines::dahdi::{ChannelEvent, Hook};
use serde_json::{Value, json};

type Result = std::result::Result<(), GatewayError>;

/// 100 ms of samples.
const TENTH: usize = 800;

/// A gateway with the line `FXO 1`, and the exchange at its other end.
struct Bench {
    exchange: FarEnd,
    gateway: Gateway,
    extension: i64,
    number: Option<i64>,
    // Last: it is dropped when nobody uses its lines any more.
    pairs: LinePairs,
}

impl Bench {
    async fn start() -> std::result::Result<Self, GatewayError> {
        let pairs = LinePairs::insert();
        let exchange = FarEnd::start(pairs.channel(0));
        exchange
            .device
            .set_ring_cadence(&[1000, 4000])
            .expect("a cadence");
        let gateway = Gateway::start().await?;
        let extension = gateway.extension("2001").await?.id;
        gateway
            .wait("/api/v1/system", "the line works", |answer| {
                answer["lines"].as_array().is_some_and(|lines| {
                    let line = lines.iter().find(|line| line["name"] == "FXO 1");
                    line.is_some_and(|line| line["fault"].is_null())
                })
            })
            .await?;
        Ok(Self {
            exchange,
            gateway,
            extension,
            number: None,
            pairs,
        })
    }

    /// From now on this is done with calls on the line.
    async fn offline_action(&mut self, action: Value, more: Value) -> Result {
        let mut number = json!({
            "label": "Geral", "number": "33334444", "line": "FXO 1", "offline_action": action,
            "ring": { "targets": [{ "ring": "extension", "id": self.extension }] },
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            number[key] = value.clone();
        }
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

    /// What the port does with a call that is refused.
    async fn refused_call(&self, way: &str) -> Result {
        let api = self.gateway.api();
        let path = "/api/v1/lines/FXO%201/settings";
        let mut settings = api.get(path).await?.expect(200)?;
        settings["settings"]["refused_call"] = json!(way);
        api.put(path, &settings).await?.expect(200)?;
        Ok(())
    }

    fn ring(&self) {
        until("the exchange can ring", || {
            self.exchange.device.set_hook(Hook::Ring).ok()
        });
    }

    /// The call is taken: the exchange feeds the line and listens.
    fn is_taken(&self) -> Instant {
        self.exchange.sees(ChannelEvent::RingOffHook);
        self.exchange.device.set_hook(Hook::OffHook).expect("feeds");
        self.exchange.heard.lock().unwrap().clear();
        Instant::now()
    }

    /// The loop is opened: when. The kernel tells of it only when it can be no flash any more.
    fn is_opened(&self) -> Instant {
        until("the loop is opened", || {
            (!self.exchange.device.is_off_hook().unwrap()).then(Instant::now)
        })
    }

    /// The exchange is idle for a moment.
    fn is_let_go(&self) {
        self.exchange.sees(ChannelEvent::OnHook);
        self.exchange.plays(None);
        self.exchange.device.set_hook(Hook::OnHook).expect("idle");
        self.exchange.carries(150);
    }

    /// Rings for so long; the line is never looped.
    fn rings_in_vain(&self, time: Duration) {
        self.ring();
        let blocks = usize::try_from(time.as_millis() / 20).unwrap();
        self.exchange.carries(blocks);
        assert_eq!(self.exchange.has_seen(ChannelEvent::RingOffHook), None);
        // The caller gives up.
        self.exchange.device.set_hook(Hook::RingOff).expect("stops");
        self.exchange.carries(400);
        assert_eq!(self.exchange.has_seen(ChannelEvent::RingOffHook), None);
    }

    /// Waits until a sound of this frequency is heard for 300 ms.
    fn hears(&self, frequency: f64) {
        until(&format!("{frequency} Hz at the exchange"), || {
            let heard = self.exchange.heard.lock().unwrap();
            let last = heard.rchunks_exact(3 * TENTH).next()?;
            (level(last, frequency) > -30.0).then_some(())
        });
    }

    /// Waits until the exchange hears this tone no longer.
    fn hears_no_more(&self, frequency: f64) {
        until(&format!("no more {frequency} Hz at the exchange"), || {
            let heard = self.exchange.heard.lock().unwrap();
            let last = heard.rchunks_exact(TENTH).next()?;
            (level(last, frequency) < -40.0).then_some(())
        });
    }
}

fn level(samples: &[i16], frequency: f64) -> f64 {
    let mut meter = Goertzel::new(frequency, SAMPLE_RATE);
    meter.feed(samples);
    meter.level_dbm0()
}

/// Lengths of sound and pause of a tone, ms, in steps of 10.
fn cadence(samples: &[i16], frequency: f64) -> Vec<(bool, usize)> {
    let mut runs: Vec<(bool, usize)> = Vec::new();
    for part in samples.chunks_exact(TENTH / 10) {
        let sounds = level(part, frequency) > -30.0;
        match runs.last_mut() {
            Some((same, length)) if *same == sounds => *length += 10,
            _ => runs.push((sounds, 10)),
        }
    }
    runs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_30_fxo_rings_out_or_gets_busy_tone_or_is_put_down() -> Result {
    let mut bench = Bench::start().await?;
    let busy = json!({ "action": "busy" });
    // 1: the line is never looped, however long it rings.
    bench
        .offline_action(json!({ "action": "ring" }), json!({}))
        .await?;
    bench.rings_in_vain(Duration::from_secs(40));

    // 2, `ring_out`.
    bench.refused_call("ring_out").await?;
    bench.offline_action(busy.clone(), json!({})).await?;
    bench.rings_in_vain(Duration::from_secs(15));

    // 2, `answer_and_tone`: busy tone for ten seconds.
    bench.refused_call("answer_and_tone").await?;
    bench.ring();
    let taken = bench.is_taken();
    let lasted = (bench.is_opened() - taken).as_secs_f64();
    println!("busy tone for {lasted} s");
    assert!((9.0..=11.0).contains(&lasted), "{lasted} s");
    let heard = std::mem::take(&mut *bench.exchange.heard.lock().unwrap());
    let runs = cadence(&heard, 425.0);
    // All but the first and the last are whole.
    let whole = runs.get(2..runs.len() - 2).expect("a cadence");
    assert!(whole.len() > 30, "{runs:?}");
    assert!(
        whole.iter().all(|(_, length)| (230..=270).contains(length)),
        "{runs:?}"
    );
    bench.is_let_go();

    // 3: `answer_and_hang_up`, after a second.
    bench.refused_call("answer_and_hang_up").await?;
    bench
        .offline_action(json!({ "action": "disconnect" }), json!({}))
        .await?;
    bench.ring();
    let taken = bench.is_taken();
    let lasted = (bench.is_opened() - taken).as_secs_f64();
    println!("taken for {lasted} s");
    assert!((0.5..2.0).contains(&lasted), "{lasted} s");
    assert!(
        cadence(&bench.exchange.heard.lock().unwrap(), 425.0).len() < 3,
        "no tone"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_30_fxo_plays_its_message_and_takes_voice_messages_until_the_exchange_ends_them()
-> Result {
    let mut bench = Bench::start().await?;
    // 4: two seconds of a tone nobody else makes.
    let samples: Vec<u8> = (0..32_000)
        .map(|at| (f64::from(at) * 1_300.0 * std::f64::consts::TAU / 16_000.0).sin())
        .flat_map(|sample| ((sample * 8_000.0) as i16).to_le_bytes())
        .collect();
    let mut octets =
        b"RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3E\0\0\0\x7D\0\0\x02\0\x10\0data".to_vec();
    octets.extend_from_slice(&u32::try_from(samples.len()).unwrap().to_le_bytes());
    octets.extend_from_slice(&samples);
    let api = bench.gateway.api();
    let file = api
        .upload("/api/v1/audio-files?name=Fechado", octets)
        .await?
        .expect(201)?;
    bench
        .offline_action(
            json!({ "action": "message", "file": file["id"] }),
            json!({}),
        )
        .await?;
    bench.ring();
    bench.is_taken();
    bench.hears(1_300.0);
    bench.is_let_go();

    // 5: a voice message, ended by busy tone within five seconds, by polarity within one.
    let user = bench
        .gateway
        .api()
        .post("/api/v1/voicemail-boxes", &json!({ "name": "Geral" }))
        .await?
        .expect(201)?;
    bench
        .offline_action(
            json!({ "action": "voicemail" }),
            json!({ "voicemail": user["id"] }),
        )
        .await?;
    for by_tone in [true, false] {
        bench.ring();
        bench.is_taken();
        // The tone after which the caller speaks. Nobody hangs up in it, where it would be heard with the exchange's.
        bench.hears(440.0);
        bench.hears_no_more(440.0);
        let begun = Instant::now();
        if by_tone {
            let tones = CountryTones::of("BR").expect("its tones");
            bench.exchange.plays(Some(tones.busy));
        } else {
            bench.exchange.device.set_polarity(true).expect("reverses");
        }
        let took = bench.is_opened() - begun;
        println!("by tone {by_tone}: {took:?}");
        let limit = if by_tone { 5 } else { 1 };
        assert!(took <= Duration::from_secs(limit), "{took:?}");
        bench.is_let_go();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_30_fxo_is_led_on_by_the_other_line_and_not_taken_before_somebody_answers() -> Result {
    let mut bench = Bench::start().await?;
    let other = FarEnd::start(bench.pairs.channel(1));
    // 6: with call connect nobody would be led on before he has pressed a key.
    let transfer = json!({ "action": "transfer", "number": "040028922" });
    bench
        .offline_action(transfer, json!({ "call_connect": false }))
        .await?;
    other.carries(150);
    bench.ring();
    other.sees(ChannelEvent::RingOffHook);
    other.device.set_hook(Hook::OffHook).expect("feeds");
    other.is_dialled("40028922");
    assert_eq!(bench.exchange.has_seen(ChannelEvent::RingOffHook), None);
    other.device.set_polarity(true).expect("answers");
    bench.is_taken();
    let voice: Vec<i16> = (0..16_000)
        .map(|at| (f64::from(at) * 1_300.0 * std::f64::consts::TAU / 8_000.0).sin())
        .map(|sample| (sample * 8_000.0) as i16)
        .collect();
    other.says(&voice);
    bench.hears(1_300.0);
    // The one who was called hangs up.
    other.device.set_polarity(false).expect("hangs up");
    other.sees(ChannelEvent::OnHook);
    bench.is_opened();
    bench.is_let_go();
    Ok(())
}
