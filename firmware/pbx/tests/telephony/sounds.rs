//! Prompts as tones, and waiting until they are heard.

use std::path::Path;
use std::time::Duration;

use sipphone::{Call, Source, level_dbm0};

use crate::gateway::SOON;

/// A tone as a prompt file.
pub fn tone(frequency: f64, ms: usize) -> Vec<u8> {
    let samples = ms * 8;
    let mut wav = Vec::from(
        *b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data",
    );
    wav.extend((samples as u32 * 2).to_le_bytes());
    for n in 0..samples {
        let angle = std::f64::consts::TAU * frequency * n as f64 / 8_000.0;
        wav.extend(((7_080.0 * angle.sin()) as i16).to_le_bytes());
    }
    let length = (wav.len() as u32 - 8).to_le_bytes();
    wav[4..8].copy_from_slice(&length);
    wav
}

/// Installs prompts of the company's language: each a tone of 300 ms.
pub fn install(folder: &Path, prompts: &[(&str, f64)]) {
    let language = folder.join("prompts/pt-BR");
    std::fs::create_dir_all(&language).unwrap();
    for (name, frequency) in prompts {
        let file = language.join(format!("{name}.wav"));
        std::fs::write(file, tone(*frequency, 300)).unwrap();
    }
}

/// Whether samples have this tone.
pub fn has(samples: &[i16], frequency: f64) -> bool {
    level_dbm0(samples, frequency) > -25.0
}

/// Waits until a tone has been heard since the last time something was waited for.
pub async fn hears(call: &Call, frequency: f64) {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let heard = call.audio().heard();
        if heard.chunks_exact(400).any(|block| has(block, frequency)) {
            call.audio().forget();
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{frequency} Hz was not heard"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until a tone is not heard any more.
pub async fn does_not_hear(call: &Call, frequency: f64) {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let last = call.audio().last(Duration::from_millis(200));
        if last.len() == 1_600 && !last.chunks_exact(400).any(|block| has(block, frequency)) {
            call.audio().forget();
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{frequency} Hz goes on"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Says a tone until so many packets of 20 ms were heard, the time of a conversation, and then nothing.
pub async fn say(call: &Call, frequency: f64, packets: u64) {
    speak(call, frequency);
    let before = call.audio().report().received;
    call.audio()
        .wait(SOON, "packets", |report| {
            report.received >= before + packets
        })
        .await
        .unwrap();
    call.audio().send(Source::Silence);
}

/// Says a tone from now on.
pub fn speak(call: &Call, frequency: f64) {
    call.audio().send(Source::Tone {
        frequency,
        dbm0: -10.0,
    });
}
