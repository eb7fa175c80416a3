//! AT-13: music on hold.

use flow_tests::bench::{Bench, NUMBER, Result, extensions, hears, next_call, wav};
use flow_tests::{SOON, tone};
use gateway_under_test::Options;
use serde_json::{Value, json};
use sipphone::{Call, CallEvent, level_dbm0};

/// What is heard where no class says anything else.
const DEFAULT: f64 = 440.0;
/// Of a class with two files.
const FILES: [f64; 2] = [600.0, 700.0];
const VOICE: f64 = 1000.0;

/// A form with a class and its files, as browsers send it.
fn form(fields: &[(&str, &str)], files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head =
            format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(head.as_bytes());
    }
    for (name, content) in files {
        let head = format!(
            "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: audio/wav\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--xyz--\r\n");
    body
}

/// Holds the caller until this is heard, and takes him back.
async fn holds(out: &mut Call, inn: &Call, frequency: f64) -> Result {
    hears(out, VOICE).await?;
    inn.hold();
    out.wait(SOON, |event| *event == CallEvent::Held).await?;
    hears(out, frequency).await?;
    out.audio().forget();
    inn.resume();
    out.wait(SOON, |event| *event == CallEvent::Resumed).await?;
    hears(out, VOICE).await?;
    // Between the music and the voice nothing is silent for longer than this.
    let silent = |block: &[i16]| {
        let sounds = FILES.into_iter().chain([DEFAULT, VOICE]);
        sounds
            .map(|one| level_dbm0(block, one))
            .all(|level| level < -30.0)
    };
    let heard = out.audio().heard();
    let mut longest = 0;
    let mut now = 0;
    for block in heard.chunks_exact(160) {
        now = if silent(block) { now + 20 } else { 0 };
        longest = longest.max(now);
    }
    assert!(longest < 300, "{longest} ms of silence");
    Ok(())
}

#[tokio::test]
async fn at_13_whoever_is_held_hears_the_holders_class_or_the_default_and_never_silence() -> Result
{
    let music = tempfile::tempdir()?;
    std::fs::write(music.path().join("a.wav"), wav(DEFAULT, 5.0))?;
    let folder = music.path().to_string_lossy().into_owned();
    let options = Options {
        arguments: vec!["--music-dir".into(), folder],
        ..Options::default()
    };
    let bench = Bench::start_with(options).await?;
    let api = bench.gateway.api();
    let fields = [
        ("name", "Espera"),
        ("description", "Dois sons"),
        ("position", "own_of_caller"),
    ];
    let files = [
        ("um.wav", wav(FILES[0], 0.5)),
        ("dois.wav", wav(FILES[1], 10.0)),
    ];
    let class = api
        .upload_as(
            "/api/v1/music-classes",
            "multipart/form-data; boundary=xyz",
            form(&fields, &files),
        )
        .await?
        .expect(201)?;
    assert_eq!(class["files"].as_array().map(Vec::len), Some(2), "{class}");
    let blank = json!({ "name": "Vazia" });
    let blank = api
        .post("/api/v1/music-classes", &blank)
        .await?
        .expect(201)?;
    let (ana, phone) = bench.extension("2001").await?;
    let ring = json!({ "targets": extensions(&[ana]) });
    bench.number(json!({ "ring": ring })).await?;
    let path = format!("/api/v1/extensions/{ana}");
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(&phone).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    inn.audio().send(tone(VOICE));
    out.audio().send(sipphone::Source::Silence);
    // No class, one without files, and the one with two: the second file follows the first.
    for (class, frequency) in [
        (Value::Null, DEFAULT),
        (blank["id"].clone(), DEFAULT),
        (class["id"].clone(), FILES[1]),
    ] {
        let change = json!({ "music_class": class });
        api.patch(&path, &change).await?.expect(200)?;
        holds(&mut out, &inn, frequency).await?;
    }
    let heard = level_dbm0(&inn.audio().heard(), DEFAULT);
    assert!(heard < -40.0, "the holder hears his own music: {heard}");
    out.hang_up();
    Ok(())
}
