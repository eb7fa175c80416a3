//! F092 on an analogue telephone: its lamp and its dial tone tell of a message that somebody has left, until it is deleted.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::time::Duration;

use gateway_under_test::{Gateway, GatewayError};
use line_tests::far_end::FarEnd;
use line_tests::pairs::LinePairs;
use line_tests::until;
use ramal_dsp::{
    CallerIdKind, CallerIdMessage, CallerIdReceiver, FskStandard, Goertzel, SAMPLE_RATE,
};
use ramal_lines::dahdi::{ChannelEvent, Hook};
use serde_json::{Value, json};
use sipphone::{Call, Phone, Source, level_dbm0};

type Result<T = ()> = std::result::Result<T, GatewayError>;

/// Emulation is slow.
const SOON: Duration = Duration::from_secs(60);
/// Place of the card's FXS module.
const FXS: u32 = 2;
const SETTINGS: &str = "/api/v1/lines/FXS%201/settings";

/// Waits until the telephone hears that its lamp is to be lit, or put out.
fn lamp_becomes(telephone: &FarEnd, lit: bool) {
    until(&format!("the lamp is lit: {lit}"), || {
        let heard = telephone.heard.lock().unwrap().clone();
        let mut receiver = CallerIdReceiver::new(FskStandard::V23);
        let mut told = None;
        receiver.process(&heard, |message| {
            let message = CallerIdMessage::parse(message.octets);
            if let Ok(CallerIdKind::MessageWaiting { waiting }) = message.map(|it| it.kind) {
                told = Some(waiting);
            }
        });
        if told == Some(lit) {
            return Some(());
        }
        std::thread::sleep(Duration::from_millis(200));
        None
    });
}

/// How often dial tone begins within the first three seconds in which the lifted telephone hears any. In Brazil it pauses for
/// 50 ms each second when it stutters.
fn beginnings_of_dial_tone(telephone: &FarEnd) -> usize {
    telephone.device.set_hook(Hook::OffHook).expect("lifted");
    telephone.heard.lock().unwrap().clear();
    let samples = until("three seconds of dial tone", || {
        let heard = telephone.heard.lock().unwrap();
        let sounds: Vec<bool> = heard.chunks_exact(160).map(is_dial_tone).collect();
        let first = sounds.iter().position(|sounds| *sounds)?;
        sounds.get(first..first + 150).map(<[bool]>::to_vec)
    });
    until("the telephone can be put down", || {
        telephone.device.set_hook(Hook::OnHook).ok()
    });
    telephone.carries(100);
    let begins = |pair: &&[bool]| !pair[0] && pair[1];
    1 + samples.windows(2).filter(begins).count()
}

/// 425 Hz in Brazil.
fn is_dial_tone(block: &[i16]) -> bool {
    let mut meter = Goertzel::new(425.0, SAMPLE_RATE);
    meter.feed(block);
    meter.level_dbm0() > -30.0
}

/// Waits until the caller hears the tone after which he speaks.
async fn until_recording(call: &Call) -> Result {
    let deadline = tokio::time::Instant::now() + SOON;
    while level_dbm0(&call.audio().last(Duration::from_millis(300)), 440.0) < -20.0 {
        if tokio::time::Instant::now() > deadline {
            return Err(GatewayError::Late("the tone before the message"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    call.audio().forget();
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f092_a_telephone_on_a_line_shows_that_a_message_was_left_and_deleted() -> Result {
    let pairs = LinePairs::insert();
    let telephone = FarEnd::start(pairs.channel(FXS));
    let gateway = Gateway::start().await?;
    let owner = gateway
        .extension_with(&json!({ "number": "2001", "ring_time": 5 }))
        .await?;
    let caller = gateway.extension("2002").await?;
    let phone = Phone::start(gateway.phone_config(&caller)).await?;
    phone.register(300).await?;
    let works = |answer: &Value| {
        let lines = answer["lines"].as_array().cloned().unwrap_or_default();
        lines.iter().any(|line| line["name"] == "FXS 1")
    };
    gateway
        .wait("/api/v1/system", "the line works", works)
        .await?;
    let api = gateway.api();
    let settings = json!({
        "kind": "fxs", "settings": { "country": "BR", "extension": owner.id, "caller_id": "v23" },
    });
    api.put(SETTINGS, &settings).await?.expect(200)?;
    let mailbox = json!({ "name": "Caixa", "extensions": [owner.id] });
    api.post("/api/v1/voicemail-boxes", &mailbox)
        .await?
        .expect(201)?;
    assert_eq!(beginnings_of_dial_tone(&telephone), 1);

    // Nobody lifts it, and the caller says something for six seconds.
    let mut call = phone.call("2001").await?;
    telephone.sees(ChannelEvent::RingBegin);
    call.wait_answered(SOON).await?;
    call.audio().send(Source::Tone {
        frequency: 1000.0,
        dbm0: -10.0,
    });
    until_recording(&call).await?;
    let spoken = call
        .audio()
        .wait(SOON, "6 s", |report| report.received >= 300);
    spoken
        .await
        .map_err(|_| GatewayError::Late("the time to speak"))?;
    call.hang_up();
    let recorded = |answer: &Value| answer["messages"].get(0).is_some();
    gateway
        .wait("/api/v1/voicemail-messages", "the message", recorded)
        .await?;
    lamp_becomes(&telephone, true);
    assert_eq!(beginnings_of_dial_tone(&telephone), 3);

    telephone.heard.lock().unwrap().clear();
    let messages = api.get("/api/v1/voicemail-messages").await?.expect(200)?;
    let path = format!(
        "/api/v1/voicemail-messages/{}",
        messages["messages"][0]["id"]
    );
    api.delete(&path).await?.expect(204)?;
    lamp_becomes(&telephone, false);
    assert_eq!(beginnings_of_dial_tone(&telephone), 1);
    Ok(())
}
