//! Recording of calls (F078-F087), with real sockets on both sides.

mod conversations;
mod disk;
mod notice;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ramal_model::{Actor, RecordingMode, RecordingRecord, RecordingSettingsChange};
use ramal_pbx::{RecordingConfig, RecordingState};
use ramal_store::RecordingFilter;
use sipphone::{Call, Source, level_dbm0};

use crate::gateway::{Gateway, SOON};

/// Hz of the notice of these tests.
const NOTICE: f64 = 1_250.0;
/// Its length in milliseconds.
const NOTICE_MS: usize = 1_000;

fn folder(gateway: &Gateway) -> PathBuf {
    gateway.folder().join("recordings")
}

/// A gateway that can record; `reserve` bytes of its disk are for others.
async fn gateway(reserve: u64, with_notice: bool) -> Gateway {
    Gateway::start_with(|mut config, folder| {
        config.recordings = Some(RecordingConfig {
            folder: folder.join("recordings"),
            reserve,
        });
        if with_notice {
            let prompts = folder.join("prompts/pt-BR");
            std::fs::create_dir_all(&prompts).unwrap();
            std::fs::write(prompts.join("recording-notice.wav"), notice()).unwrap();
        }
        config
    })
    .await
}

/// A second of tone as a prompt file.
fn notice() -> Vec<u8> {
    let samples = NOTICE_MS * 8;
    let mut wav = Vec::from(
        *b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data",
    );
    wav.extend((samples as u32 * 2).to_le_bytes());
    for n in 0..samples {
        let angle = std::f64::consts::TAU * NOTICE * n as f64 / 8_000.0;
        wav.extend(((7_080.0 * angle.sin()) as i16).to_le_bytes());
    }
    let length = (wav.len() as u32 - 8).to_le_bytes();
    wav[4..8].copy_from_slice(&length);
    wav
}

async fn record_all(gateway: &Gateway) {
    let change = RecordingSettingsChange {
        mode: Some(RecordingMode::All),
        ..RecordingSettingsChange::default()
    };
    gateway
        .store
        .change_recording_settings(&Actor::System, change)
        .await
        .unwrap();
}

fn say(call: &Call, frequency: f64) {
    call.audio().send(Source::Tone {
        frequency,
        dbm0: -10.0,
    });
}

/// Waits until so many more packets were heard: the time of a conversation.
async fn hear(call: &Call, packets: u64) {
    let before = call.audio().report().received;
    call.audio()
        .wait(SOON, "packets", |report| {
            report.received >= before + packets
        })
        .await
        .unwrap();
}

async fn recorded(gateway: &Gateway, state: Option<RecordingState>) {
    gateway
        .wait("the recording", |live| {
            live.calls
                .first()
                .is_some_and(|call| call.recording == state)
        })
        .await;
}

/// The rows, oldest first, once no call goes on and every end is written down.
async fn rows(gateway: &Gateway, number: usize) -> Vec<RecordingRecord> {
    gateway
        .wait("the end of all calls", |live| live.calls.is_empty())
        .await;
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let mut rows = gateway
            .store
            .recordings(RecordingFilter::default())
            .await
            .unwrap();
        if rows.len() == number && rows.iter().all(|row| row.ended_at.is_some()) {
            rows.reverse();
            return rows;
        }
        assert!(tokio::time::Instant::now() < deadline, "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Both sides of a recording, as linear samples.
pub fn sides(path: &Path) -> [Vec<i16>; 2] {
    let file = std::fs::read(path).unwrap();
    let law = match file[20] {
        6 => ramal_dsp::Law::A,
        7 => ramal_dsp::Law::Mu,
        tag => panic!("format {tag}"),
    };
    [0, 1].map(|channel| {
        let octets: Vec<u8> = file[58..].chunks(2).map(|frame| frame[channel]).collect();
        let mut samples = vec![0; octets.len()];
        law.decode(&octets, &mut samples);
        samples
    })
}

/// How many tenths of a second have this tone at -10 dBm0 within 0.5 dB.
fn tenths(samples: &[i16], frequency: f64) -> usize {
    samples
        .chunks_exact(800)
        .filter(|block| (level_dbm0(block, frequency) + 10.0).abs() < 0.5)
        .count()
}

/// The first tenth of a second that has this tone.
fn first(samples: &[i16], frequency: f64) -> Option<usize> {
    samples
        .chunks_exact(800)
        .position(|block| (level_dbm0(block, frequency) + 10.0).abs() < 1.0)
}
