//! libopus as the other side of Opus, in a process of its own built from `tests/libopus/peer.c`; needs a C
//! compiler and Debian's `libopus-dev`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use opus_rs::{Application, OpusDecoder, OpusEncoder};
use ramal_dsp::{Goertzel, Noise, level_dbm0};

static PEER: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libopus-peer");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/libopus/peer.c");
    let built = Command::new("cc")
        .args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program)
        .arg(source)
        .arg("-lopus")
        .status()
        .expect("a C compiler");
    assert!(
        built.success(),
        "cannot build the peer: install libopus-dev"
    );
    program
});

fn through_libopus(arguments: &[&str], octets: &[u8], name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, octets).unwrap();
    let output = Command::new(&*PEER)
        .args(arguments)
        .stdin(Stdio::from(File::open(&path).unwrap()))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {:?}",
        output.status
    );
    output.stdout
}

fn octets(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|s| s.to_ne_bytes()).collect()
}

fn samples(octets: &[u8]) -> Vec<i16> {
    let (pairs, _) = octets.as_chunks::<2>();
    pairs.iter().map(|&two| i16::from_ne_bytes(two)).collect()
}

fn packets(mut octets: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    while let Some((&[high, low], rest)) = octets.split_first_chunk::<2>() {
        let (packet, rest) = rest.split_at(usize::from(u16::from_be_bytes([high, low])));
        packets.push(packet.to_vec());
        octets = rest;
    }
    packets
}

/// Something like speech: a voice with a moving pitch that comes and goes, and noise.
fn speech(rate: u32, seconds: u32) -> Vec<i16> {
    let mut noise = Noise::new(5);
    let mut phase = 0.0f64;
    (0..rate * seconds)
        .map(|n| {
            let time = f64::from(n) / f64::from(rate);
            let pitch = 120.0 + 30.0 * (time * 2.1).sin();
            phase += pitch * std::f64::consts::TAU / f64::from(rate);
            let voice: f64 = (1..25)
                .map(|harmonic| {
                    let hertz = pitch * f64::from(harmonic);
                    (phase * f64::from(harmonic)).sin() / (1.0 + ((hertz - 700.0) / 600.0).powi(2))
                })
                .sum();
            let loudness = (0.5 + 0.5 * (time * 6.0).sin()).powi(2);
            (voice * loudness * 3_000.0) as i16 + (noise.next_value() * 60.0) as i16
        })
        .collect()
}

#[test]
fn packets_of_libopus_are_decoded_as_libopus_does() {
    // Narrow and wide band, and at 48 kHz hybrid and music frames.
    for (rate, bitrate) in [
        (8_000, 12_000),
        (16_000, 24_000),
        (48_000, 32_000),
        (48_000, 96_000),
    ] {
        let name = format!("opus-{rate}-{bitrate}");
        let arguments = ["encode", &rate.to_string(), &bitrate.to_string()];
        let encoded = through_libopus(&arguments, &octets(&speech(rate, 5)), &name);
        let theirs = samples(&through_libopus(&["decode", "16000"], &encoded, &name));
        let mut decoder = OpusDecoder::new(16_000, 1).unwrap();
        let mut values = [0.0f32; 1_920];
        let mut ours = Vec::new();
        for packet in packets(&encoded) {
            let count = decoder.decode(&packet, 1_920, &mut values).unwrap();
            ours.extend(
                values[..count]
                    .iter()
                    .map(|v| (v * 32_768.0).round_ties_even() as i16),
            );
        }
        assert_eq!(ours.len(), theirs.len());
        // libopus clips softly on its way to 16 bits, which is worth a step or two.
        let packets = packets(&encoded);
        let frames = ours.chunks(320).zip(theirs.chunks(320)).zip(&packets);
        let mut differing = 0;
        for ((ours, theirs), packet) in frames {
            let worst = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).max();
            let speech_mode = packet[0] >> 3 < 16;
            assert!(worst <= Some(2) || !speech_mode, "{name}: {worst:?}");
            differing += usize::from(worst > Some(2));
        }
        // Single frames of the music mode come out otherwise than from libopus 1.3.
        assert!(differing * 100 <= packets.len(), "{name}: {differing}");
    }
}

#[test]
fn packets_of_ours_are_heard_by_libopus() {
    for (rate, bitrate) in [(8_000u32, 16_000), (16_000, 24_000)] {
        let frame = rate as usize / 50;
        let tone: Vec<i16> = (0..rate * 2)
            .map(|n| (f64::from(n) * 1_004.0 * std::f64::consts::TAU / f64::from(rate)).sin())
            .map(|value| (value * 8_000.0) as i16)
            .collect();
        let mut encoder = OpusEncoder::new(rate.cast_signed(), 1, Application::Voip).unwrap();
        encoder.bitrate_bps = bitrate;
        encoder.complexity = 3;
        let mut encoded = Vec::new();
        for samples in tone.chunks(frame) {
            let mut packet = [0; 640];
            let length = encoder.encode_i16(samples, frame, &mut packet).unwrap();
            encoded.extend_from_slice(&(length as u16).to_be_bytes());
            encoded.extend_from_slice(&packet[..length]);
        }
        let name = format!("ours-{rate}");
        let heard = samples(&through_libopus(&["decode", "16000"], &encoded, &name));
        let second = &heard[16_000..];
        let mut band = Goertzel::new(1_004.0, 16_000);
        band.feed(second);
        let said = level_dbm0(&tone);
        assert!(
            (band.level_dbm0() - said).abs() < 0.5,
            "{rate}: {}",
            band.level_dbm0() - said
        );
        assert!(
            (level_dbm0(second) - band.level_dbm0()).abs() < 0.2,
            "{rate}"
        );
    }
}

/// Packets of ours, each behind its length.
fn encoded(encoder: &mut OpusEncoder, spoken: &[i16], frame: usize) -> Vec<u8> {
    let mut encoded = Vec::new();
    for samples in spoken.chunks(frame) {
        let mut packet = [0; 640];
        let length = encoder.encode_i16(samples, frame, &mut packet).unwrap();
        encoded.extend_from_slice(&(length as u16).to_be_bytes());
        encoded.extend_from_slice(&packet[..length]);
    }
    encoded
}

#[test]
fn several_tones_at_once_are_heard_by_libopus_at_their_level() {
    const TONES: [f64; 3] = [500.0, 1_100.0, 1_700.0];
    for (rate, bitrate) in [(8_000u32, 48_000), (16_000, 64_000)] {
        let tone = |n: u32, hertz: f64| {
            (f64::from(n) * hertz * std::f64::consts::TAU / f64::from(rate)).sin() * 6_000.0
        };
        let spoken: Vec<i16> = (0..rate * 2)
            .map(|n| TONES.iter().map(|&hertz| tone(n, hertz)).sum::<f64>() as i16)
            .collect();
        let application = Application::RestrictedLowDelay;
        let mut encoder = OpusEncoder::new(rate.cast_signed(), 1, application).unwrap();
        (encoder.bitrate_bps, encoder.complexity) = (bitrate, 3);
        let packets = encoded(&mut encoder, &spoken, rate as usize / 50);
        let name = format!("tones-{rate}");
        let heard = samples(&through_libopus(&["decode", "16000"], &packets, &name));
        for hertz in TONES {
            let level = |samples: &[i16], rate: u32| {
                let mut band = Goertzel::new(hertz, rate);
                band.feed(samples);
                band.level_dbm0()
            };
            let change = level(&heard[16_000..], 16_000) - level(&spoken[rate as usize..], rate);
            assert!(change.abs() < 0.2, "{rate} {hertz}: {change} dB");
        }
    }
}

#[test]
fn frames_sent_twice_are_repaired_by_libopus() {
    for rate in [8_000u32, 16_000] {
        let frame = rate as usize / 50;
        let mut encoder = OpusEncoder::new(rate.cast_signed(), 1, Application::Voip).unwrap();
        (encoder.bitrate_bps, encoder.complexity) = (48_000, 3);
        (encoder.use_inband_fec, encoder.packet_loss_perc) = (true, 10);
        let packets = encoded(&mut encoder, &speech(rate, 5), frame);
        let decoded = |arguments: &[&str]| {
            let name = format!(
                "fec-{rate}-{}",
                arguments.len() + usize::from(arguments.ends_with(&["1"]))
            );
            let arguments: Vec<&str> = ["decode", "16000"]
                .iter()
                .chain(arguments)
                .copied()
                .collect();
            samples(&through_libopus(&arguments, &packets, &name))
        };
        let whole = decoded(&[]);
        // What differs from the sound without losses, in the lost frames.
        let error = |heard: &[i16]| -> f64 {
            let frames = whole.chunks(320).zip(heard.chunks(320));
            frames
                .skip(9)
                .step_by(10)
                .flat_map(|(a, b)| a.iter().zip(b))
                .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
                .sum()
        };
        let (repaired, concealed) = (error(&decoded(&["10", "1"])), error(&decoded(&["10", "0"])));
        assert!(
            repaired < concealed / 2.0,
            "{rate}: {repaired} of {concealed}"
        );
    }
}
