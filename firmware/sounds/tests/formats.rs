//! Files of every format, made by other people's programs (sox, lame, oggenc, opusenc, flac), and files that are none.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use ramal_dsp::{Goertzel, Law, level_dbm0};
use ramal_sounds::{Converted, SoundError, SoundFormat, convert};

/// All fixtures hold this tone, 0.6 s long.
const TONE: f64 = 1_004.0;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn converted(input: &Path) -> Result<(Converted, Vec<i16>), SoundError> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.wav");
    let converted = convert(input, &output)?;
    let octets = std::fs::read(&output).unwrap();
    assert_eq!(&octets[..4], b"RIFF");
    assert_eq!(octets[40..44], (octets.len() as u32 - 44).to_le_bytes());
    assert_eq!(octets[24..28], converted.stored_rate.to_le_bytes());
    let (samples, rest) = octets[44..].as_chunks::<2>();
    assert!(rest.is_empty());
    let samples: Vec<i16> = samples
        .iter()
        .map(|octets| i16::from_le_bytes(*octets))
        .collect();
    assert_eq!(samples.len() as u64, converted.samples);
    Ok((converted, samples))
}

fn bytes(octets: &[u8]) -> Result<(Converted, Vec<i16>), SoundError> {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    std::fs::write(&input, octets).unwrap();
    converted(&input)
}

#[test]
fn f158_every_format_becomes_the_same_tone_at_the_same_level() {
    for (name, format, rate) in [
        ("wav-44100-stereo.wav", SoundFormat::Wav, 44_100),
        ("wav-48000-24bit.wav", SoundFormat::Wav, 48_000),
        ("wav-11025-8bit.wav", SoundFormat::Wav, 11_025),
        ("wav-32000-float.wav", SoundFormat::Wav, 32_000),
        ("tone.mp3", SoundFormat::Mp3, 24_000),
        ("tone-id3.mp3", SoundFormat::Mp3, 24_000),
        ("vorbis.ogg", SoundFormat::Ogg, 44_100),
        ("opus.ogg", SoundFormat::Ogg, 48_000),
        ("opus-mono.ogg", SoundFormat::Ogg, 48_000),
        ("tone.flac", SoundFormat::Flac, 44_100),
    ] {
        let (converted, samples) = converted(&fixture(name)).unwrap();
        assert_eq!((converted.format, converted.rate), (format, rate), "{name}");
        assert_eq!(
            (converted.stored_rate, converted.as_it_was),
            (16_000, false),
            "{name}"
        );
        let duration = converted.duration_ms();
        assert!((598..=660).contains(&duration), "{name}: {duration} ms");
        let middle = &samples[2_400..8_000];
        let mut meter = Goertzel::new(TONE, 16_000);
        meter.feed(middle);
        let (tone, all) = (meter.level_dbm0(), level_dbm0(middle));
        assert!((tone + 16.0).abs() < 0.5, "{name}: {tone} dBm0");
        // What is not the tone lies far below it.
        assert!((all - tone).abs() < 0.1, "{name}: {all} for {tone} dBm0");
    }
}

#[test]
fn f157_telephone_sound_is_taken_as_it_is() {
    for (name, dbm0) in [
        ("wav-8000-mono.wav", -16.86),
        ("wav-8000-alaw.wav", -8.86),
        ("wav-8000-ulaw.wav", -8.86),
    ] {
        let (converted, samples) = converted(&fixture(name)).unwrap();
        assert!(converted.as_it_was, "{name}");
        assert_eq!(
            (converted.stored_rate, converted.samples),
            (8_000, 4_800),
            "{name}"
        );
        let mut meter = Goertzel::new(TONE, 8_000);
        meter.feed(&samples);
        assert!(
            (meter.level_dbm0() - dbm0).abs() < 0.1,
            "{name}: {}",
            meter.level_dbm0()
        );
    }
}

#[test]
fn at_12_an_a_law_line_hears_the_octets_of_an_a_law_file() {
    let (_, samples) = converted(&fixture("wav-8000-alaw.wav")).unwrap();
    let mut octets = vec![0u8; samples.len()];
    Law::A.encode(&samples, &mut octets);
    let file = std::fs::read(fixture("wav-8000-alaw.wav")).unwrap();
    let at = file
        .windows(4)
        .position(|window| window == b"data")
        .unwrap()
        + 8;
    assert_eq!(octets, file[at..at + octets.len()]);
    // And linear samples go through untouched.
    let (_, samples) = converted(&fixture("wav-8000-mono.wav")).unwrap();
    let file = std::fs::read(fixture("wav-8000-mono.wav")).unwrap();
    let written: Vec<u8> = samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    assert_eq!(written, file[44..44 + written.len()]);
}

#[test]
fn at_12_a_renamed_picture_is_refused_with_the_reason() {
    let error = converted(&fixture("picture.wav")).unwrap_err();
    assert!(error.is_of_the_content());
    assert_eq!(
        error.to_string(),
        "is a PNG picture, not WAV, MP3, Ogg (Opus, Vorbis) or FLAC"
    );
}

#[test]
fn broken_and_endless_files_are_refused_or_played_as_far_as_they_go() {
    assert_eq!(bytes(b"").unwrap_err(), SoundError::Empty);
    for name in ["tone.flac", "tone.mp3", "wav-44100-stereo.wav"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        let (half, _) = bytes(&whole[..whole.len() * 2 / 3]).unwrap();
        assert!(
            (150..600).contains(&half.duration_ms()),
            "{name}: {} ms",
            half.duration_ms()
        );
        let error = bytes(&whole[..20]).unwrap_err();
        assert!(error.is_of_the_content(), "{name}: {error}");
    }
    // A minute at 4,000 samples a second of 8 bits is little; more than half an hour of it is refused.
    let mut long = b"RIFF\xFF\xFF\xFF\x7FWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    long.extend_from_slice(&4_000u32.to_le_bytes());
    long.extend_from_slice(&4_000u32.to_le_bytes());
    long.extend_from_slice(b"\x01\0\x08\0data");
    long.extend_from_slice(&(4_000u32 * 1_801).to_le_bytes());
    long.resize(44 + 4_000 * 1_801, 0x80);
    assert_eq!(
        bytes(&long).unwrap_err(),
        SoundError::TooLong { limit: 1_800 }
    );
    let mut large = std::fs::read(fixture("wav-8000-mono.wav")).unwrap();
    large.resize((20 << 20) + 1, 0);
    assert_eq!(
        bytes(&large).unwrap_err(),
        SoundError::TooLarge { limit: 20 << 20 }
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever lies in a file, it becomes a sound of at most half an hour or a reason.
    #[test]
    fn changed_files_never_do_more_than_be_refused(
        which in 0usize..8,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let names = [
            "tone.mp3", "tone-id3.mp3", "vorbis.ogg", "opus.ogg", "opus-mono.ogg", "tone.flac",
            "wav-8000-alaw.wav", "wav-11025-8bit.wav",
        ];
        let mut octets = std::fs::read(fixture(names[which])).unwrap();
        for (at, octet) in changes {
            // Mostly in the headers, where it matters.
            let at = if octet & 1 == 0 { at.index(octets.len()) } else { at.index(200.min(octets.len())) };
            octets[at] = octet;
        }
        octets.truncate(cut.index(octets.len()) + octets.len() / 2);
        if let Ok((converted, _)) = bytes(&octets) {
            prop_assert!(converted.duration_ms() <= 1_800_000);
        }
    }
}
