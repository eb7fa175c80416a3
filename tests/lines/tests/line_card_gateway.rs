//! F171, F186: the gateway itself on a line card of mainline Linux (`snd-aloop` and `gpio-sim`), configured through its API: an
//! extension with a telephone on the card, and a line to an exchange.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_under_test::{Gateway, GatewayError, Options};
use line_tests::line_card::{BOARD, FarEnds, SimulatedCard, pin};
use line_tests::party::BLOCK;
use line_tests::until;
use ramal_dsp::{
    CadenceGenerator, CountryTones, DtmfDetector, DtmfEvent, DtmfGenerator, DtmfLimits, DtmfTiming,
    Law, Tone,
};
use serde_json::{Value, json};
use sipphone::{Call, Phone, Source, level_dbm0};

type Result<T = ()> = std::result::Result<T, GatewayError>;

/// Emulation is slow.
const SOON: Duration = Duration::from_secs(60);
/// Slots of the card: the line to the exchange, the telephone.
const LINE: usize = 0;
const TELEPHONE: usize = 1;

/// What a far end of a line says.
enum Says {
    Nothing,
    Tone(Tone),
    Cadence(CadenceGenerator),
    Keys(DtmfGenerator<std::vec::IntoIter<char>>),
}

impl Says {
    fn block(&mut self) -> [u8; BLOCK] {
        let mut samples = [0; BLOCK];
        match self {
            Says::Nothing => {}
            Says::Tone(tone) => tone.fill(&mut samples),
            Says::Cadence(cadence) => cadence.add(&mut samples),
            Says::Keys(keys) => keys.add(&mut samples),
        }
        let mut octets = [0; BLOCK];
        Law::A.encode(&samples, &mut octets);
        octets
    }
}

/// The exchange and the telephone.
struct Far {
    ends: FarEnds,
    says: Arc<Mutex<[Says; 2]>>,
    /// Keys that the exchange has heard.
    dialled: Arc<Mutex<String>>,
}

impl Far {
    fn start() -> Self {
        let says = Arc::new(Mutex::new([Says::Nothing, Says::Nothing]));
        let dialled = Arc::<Mutex<String>>::default();
        let (said, heard) = (says.clone(), dialled.clone());
        let mut detector = DtmfDetector::new(DtmfLimits::default());
        let ends = FarEnds::start(Box::new(move |slots| {
            let mut samples = [0; BLOCK];
            Law::A.decode(&slots[LINE], &mut samples);
            detector.process(&samples, |event| {
                if let DtmfEvent::Up { key, .. } = event {
                    heard.lock().unwrap().push(key);
                }
            });
            let mut says = said.lock().unwrap();
            [says[LINE].block(), says[TELEPHONE].block()]
        }));
        Self {
            ends,
            says,
            dialled,
        }
    }

    fn says(&self, slot: usize, says: Says) {
        self.says.lock().unwrap()[slot] = says;
    }

    fn tone(&self, slot: usize, frequency: f64) {
        self.says(slot, Says::Tone(Tone::new(frequency, -10.0, 8000)));
    }

    fn press(&self, keys: &str) {
        let keys: Vec<char> = keys.chars().collect();
        let keys = DtmfGenerator::new(keys.into_iter(), DtmfTiming::default());
        self.says(TELEPHONE, Says::Keys(keys));
    }

    /// Waits until half a second of a tone of -10 dBm0 is heard that has not been heard yet.
    fn until_hears(&self, slot: usize, frequency: f64) {
        self.ends.heard.lock().unwrap()[slot].clear();
        until(&format!("{frequency} Hz on slot {slot}"), || {
            let heard = self.ends.heard.lock().unwrap();
            let last = heard[slot].rchunks_exact(4000).next()?;
            let mut samples = vec![0; last.len()];
            Law::A.decode(last, &mut samples);
            ((level_dbm0(&samples, frequency) + 10.0).abs() < 1.0).then_some(())
        });
    }
}

/// Waits until a phone hears half a second of a tone of -10 dBm0.
async fn hears(call: &Call, frequency: f64) -> Result {
    call.audio().forget();
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let heard = call.audio().last(Duration::from_millis(500));
        if heard.len() == 4000 && (level_dbm0(&heard, frequency) + 10.0).abs() < 1.0 {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            return Err(GatewayError::Late("the tone"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A phone and the telephone hear each other.
async fn talk(call: &Call, far: &Far) -> Result {
    far.tone(TELEPHONE, 700.0);
    call.audio().send(Source::Tone {
        frequency: 1000.0,
        dbm0: -10.0,
    });
    hears(call, 700.0).await?;
    far.until_hears(TELEPHONE, 1000.0);
    far.says(TELEPHONE, Says::Nothing);
    Ok(())
}

/// The telephone and the exchange hear each other.
fn talk_outside(far: &Far) {
    far.tone(TELEPHONE, 700.0);
    far.tone(LINE, 1000.0);
    far.until_hears(LINE, 700.0);
    far.until_hears(TELEPHONE, 1000.0);
    far.says(TELEPHONE, Says::Nothing);
    far.says(LINE, Says::Nothing);
}

/// A gateway with the card, an extension 2002 whose telephone is on it, a phone 2001, and a number of the company on the line.
struct Bench {
    gateway: Gateway,
    phone: Phone,
    far: Far,
    // Last: it is taken out when nobody uses it any more.
    card: SimulatedCard,
}

impl Bench {
    async fn start() -> Result<Self> {
        let card = SimulatedCard::insert();
        let far = Far::start();
        let board = "/tmp/line-card-board.toml";
        std::fs::write(board, BOARD)?;
        let gateway = Gateway::start_with(Options {
            arguments: vec!["--board".to_owned(), board.to_owned()],
            ..Options::default()
        })
        .await?;
        let works = |answer: &Value| {
            let lines = answer["lines"].as_array().cloned().unwrap_or_default();
            ["FXO 1", "FXS 1"].iter().all(|name| {
                let line = lines.iter().find(|line| line["name"] == *name);
                line.is_some_and(|line| line["fault"].is_null())
            })
        };
        gateway
            .wait("/api/v1/system", "the card works", works)
            .await?;
        let phone = gateway.phone("2001").await?;
        let extension = gateway.extension("2002").await?.id;
        let telephone = json!({
            "kind": "fxs", "settings": { "country": "BR", "extension": extension },
        });
        let api = gateway.api();
        api.put("/api/v1/lines/FXS%201/settings", &telephone)
            .await?
            .expect(200)?;
        let number = json!({
            "label": "Geral", "number": "33334444", "line": "FXO 1",
            "ring": { "targets": [{ "ring": "extension", "id": extension }] },
        });
        api.post("/api/v1/numbers", &number).await?.expect(201)?;
        Ok(Self {
            gateway,
            phone,
            far,
            card,
        })
    }

    /// The telephone rings and is lifted.
    fn rings_and_is_lifted(&self) {
        for _ in 0..2 {
            self.card.until_set(pin::RING, true);
            self.card.until_set(pin::RING, false);
        }
        self.card.until_set(pin::RING, true);
        self.card.lift(true);
        self.card.until_set(pin::RING, false);
    }

    /// The telephone is put down; returns when its port is free.
    async fn put_down(&self) -> Result {
        self.far.says(TELEPHONE, Says::Nothing);
        self.card.lift(false);
        let free = |answer: &Value| {
            let lines = answer["lines"].as_array().cloned().unwrap_or_default();
            lines.iter().all(|line| line["off_hook"] == false)
        };
        self.gateway
            .wait("/api/v1/system", "all lines are free", free)
            .await?;
        Ok(())
    }

    async fn next_call(&self) -> Result<Call> {
        let next = tokio::time::timeout(SOON, self.phone.next_call()).await;
        next.ok().flatten().ok_or(GatewayError::Late("the call"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f171_an_extension_has_its_telephone_on_a_line_card_and_calls_both_ways() -> Result {
    let bench = Bench::start().await?;
    let (card, far) = (&bench.card, &bench.far);

    // A phone calls the extension.
    let mut call = bench.phone.call("2002").await?;
    call.wait_ringing(SOON).await?;
    bench.rings_and_is_lifted();
    call.wait_answered(SOON).await?;
    talk(&call, far).await?;
    bench.put_down().await?;
    call.wait_ended(SOON).await?;

    // And is called by it.
    card.lift(true);
    far.until_hears(TELEPHONE, 425.0);
    far.press("2001");
    let mut call = bench.next_call().await?;
    assert!(call.caller().contains("sip:2002@"), "{}", call.caller());
    call.answer();
    call.wait_answered(SOON).await?;
    talk(&call, far).await?;
    call.hang_up();
    // The feed is cut for a moment: the call is over.
    card.until_set(pin::CUT, true);
    card.until_set(pin::CUT, false);
    bench.put_down().await?;

    let records = bench.gateway.records(2).await?;
    let parties = records
        .iter()
        .map(|record| (&record["caller"]["number"], &record["callee"]["number"]));
    let wanted = [
        (&json!("2002"), &json!("2001")),
        (&json!("2001"), &json!("2002")),
    ];
    assert!(parties.eq(wanted), "{records:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f186_calls_go_out_and_come_in_over_a_line_of_a_line_card() -> Result {
    let bench = Bench::start().await?;
    let (card, far) = (&bench.card, &bench.far);

    // Out: the exchange gives dial tone, takes the number by keys, and tells the answer by polarity.
    card.lift(true);
    far.until_hears(TELEPHONE, 425.0);
    far.press("040028922#");
    card.until_set(pin::RELAY, true);
    let tones = CountryTones::of("BR").expect("its tones");
    far.says(LINE, Says::Cadence(CadenceGenerator::new(tones.dial)));
    until("the number is dialled", || {
        let dialled = far.dialled.lock().unwrap();
        if !dialled.is_empty() {
            // Dial tone ends with the first key.
            far.says(LINE, Says::Nothing);
        }
        (*dialled == "40028922").then_some(())
    });
    card.pull(pin::REVERSED, true);
    talk_outside(far);
    // The called party hangs up: polarity is back, and the feed of the telephone is cut.
    card.pull(pin::REVERSED, false);
    card.until_set(pin::RELAY, false);
    card.until_set(pin::CUT, true);
    bench.put_down().await?;

    // In: the exchange rings, and the extension's telephone is the only one that can be reached.
    for _ in 0..3 {
        card.ring(Duration::from_secs(1));
        // Two seconds on and off in the exchange's cadence would do; it is the pause that matters.
        tokio::time::sleep(Duration::from_secs(2)).await;
        if card.is_set(pin::RING) {
            break;
        }
    }
    card.until_set(pin::RING, true);
    card.lift(true);
    card.until_set(pin::RELAY, true);
    talk_outside(far);
    bench.put_down().await?;
    card.until_set(pin::RELAY, false);

    let records = bench.gateway.records(2).await?;
    let directions = records
        .iter()
        .map(|record| (&record["direction"], &record["result"]));
    let wanted = [
        (&json!("inbound"), &json!("answered")),
        (&json!("outbound"), &json!("answered")),
    ];
    assert!(directions.eq(wanted), "{records:?}");
    Ok(())
}
