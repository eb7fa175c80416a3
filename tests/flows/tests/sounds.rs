//! AT-12: sounds that are uploaded.

use std::path::Path;

use audio_codec_algorithms::{decode_alaw, encode_alaw};
use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, hears, to};
use serde_json::{Value, json};

/// The tone of all fixtures, which other people's programs made.
const TONE: f64 = 1004.0;

fn fixture(name: &str) -> std::io::Result<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware/sounds/tests/fixtures");
    std::fs::read(folder.join(name))
}

async fn upload(bench: &Bench, name: &str) -> Result<gateway_under_test::Answer> {
    let path = format!("/api/v1/audio-files?name={name}&file_name={name}");
    Ok(bench.gateway.api().upload(&path, fixture(name)?).await?)
}

#[tokio::test]
async fn at_12_sounds_of_all_formats_are_heard_on_a_call() -> Result {
    let bench = Bench::start().await?;
    let (mut announcement, mut number) = (0, 0);
    for name in [
        "wav-8000-mono.wav",
        "wav-44100-stereo.wav",
        "tone.mp3",
        "vorbis.ogg",
        "opus.ogg",
    ] {
        let file = upload(&bench, name).await?.expect(201)?["id"].clone();
        let plays = json!({ "name": "Aviso", "files": [file] });
        if number == 0 {
            announcement = bench.add("announcements", plays).await?;
            let flow = json!({ "target": "flow", "flow": to("announcement", announcement) });
            number = bench.number(flow).await?;
        } else {
            bench.change("announcements", announcement, plays).await?;
        }
        let mut out = bench.carrier.call(NUMBER).await?;
        out.wait_answered(SOON).await?;
        hears(&out, TONE)
            .await
            .map_err(|error| format!("{name}: {error}"))?;
        out.wait_ended(SOON).await?;
        if name == "wav-8000-mono.wav" {
            // Coded once and otherwise untouched.
            let file = fixture(name)?;
            let (samples, _) = file[44..].as_chunks::<2>();
            let sent: Vec<i16> = samples
                .iter()
                .map(|octets| decode_alaw(encode_alaw(i16::from_le_bytes(*octets))))
                .collect();
            let heard = out.audio().heard();
            let whole = heard.windows(sent.len()).any(|window| window == sent);
            assert!(whole, "it was changed on its way");
        }
    }
    Ok(())
}

#[tokio::test]
async fn at_12_a_picture_is_refused_and_what_a_menu_plays_stays() -> Result {
    let bench = Bench::start().await?;
    let refused = upload(&bench, "picture.wav").await?.expect(422)?;
    assert_eq!(refused["errors"][0]["field"], "file", "{refused}");
    assert!(refused["detail"].to_string().contains("PNG"), "{refused}");
    let menu = bench.tone(700.0, 1.0).await?;
    let ivr =
        json!({ "name": "Principal", "menu": menu, "keys": [{ "key": "1", "label": "Vendas" }] });
    let ivr = bench.add("ivrs", ivr).await?;
    let path = format!("/api/v1/audio-files/{menu}");
    let api = bench.gateway.api();
    let kept = api.delete(&path).await?.expect(409)?;
    assert!(
        kept["detail"].to_string().contains("ivr Principal"),
        "{kept}"
    );
    api.delete(&format!("/api/v1/ivrs/{ivr}"))
        .await?
        .expect(204)?;
    assert_eq!(api.delete(&path).await?.expect(204)?, Value::Null);
    Ok(())
}
