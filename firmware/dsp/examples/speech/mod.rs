//! Minutes of speech at 8,000 samples a second: in the four languages, by espeak-ng from the PATH, or recorded of people.

use std::path::Path;
use std::process::Command;
use std::{fs, io};

use ramal_dsp::{ZERO_DBM0_RMS, resample};

/// espeak-ng's voices of the languages and the prompts' file of each.
pub const LANGUAGES: [(&str, &str); 4] = [
    ("pt-br", "pt-BR"),
    ("es-419", "es"),
    ("id", "id"),
    ("en-us", "en"),
];
/// Voice variants and their pitch: men, women, high and low.
pub const VOICES: [(&str, &str); 5] = [
    ("m1", "50"),
    ("m3", "25"),
    ("m7", "70"),
    ("f2", "50"),
    ("f5", "85"),
];

/// The phrases of the system prompts of a language, and numbers to be read.
fn text(language: &str) -> io::Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../rootfs/prompts")
        .join(format!("{language}.toml"));
    let prompts = std::fs::read_to_string(file)?;
    let phrases: Vec<&str> = prompts
        .lines()
        .filter_map(|line| {
            line.split_once('=')?
                .1
                .trim()
                .strip_prefix('"')?
                .strip_suffix('"')
        })
        .collect();
    let numbers: Vec<String> = (0..40).map(|n| (n * 7_919 % 10_000).to_string()).collect();
    Ok(format!("{}. {}.", phrases.join(". "), numbers.join(", ")))
}

/// The language's text in a voice, its effective value at `level` dBm0.
///
/// # Errors
/// When the texts cannot be read or espeak-ng does not run.
pub fn speak(language: (&str, &str), voice: (&str, &str), level: f64) -> io::Result<Vec<i16>> {
    let output = Command::new("espeak-ng")
        .args(["--stdout", "-s", "160", "-p", voice.1, "-v"])
        .arg(format!("{}+{}", language.0, voice.0))
        .arg(text(language.1)?)
        .output()?;
    // espeak-ng writes 16-bit mono at 22,050 a second after a header of 44 octets.
    let octets = output.stdout.get(44..).unwrap_or_default();
    let samples: Vec<f32> = octets
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&two| f32::from(i16::from_le_bytes(two)))
        .collect();
    let narrow = resample(&samples, 22_050, 8_000);
    Ok(at_level(&narrow, level))
}

/// What people said into the WAV files of a folder and of those in it (16-bit, mono, 8,000 samples a second), by folder, its
/// effective value at `level` dBm0. Recorded prompts of PBXs are such speech.
///
/// # Errors
/// When they cannot be read.
#[allow(dead_code, reason = "not every example takes it")]
pub fn recorded(folder: &Path, level: f64) -> io::Result<Vec<(String, Vec<i16>)>> {
    let mut speakers = Vec::new();
    let mut speech: Vec<f32> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            speakers.extend(recorded(&path, level)?);
        } else if path.extension().is_some_and(|end| end == "wav") {
            let octets = fs::read(&path)?;
            let samples = octets.get(44..).unwrap_or_default().as_chunks::<2>().0;
            speech.extend(
                samples
                    .iter()
                    .map(|&two| f32::from(i16::from_le_bytes(two))),
            );
        }
    }
    if !speech.is_empty() {
        speakers.push((folder.display().to_string(), at_level(&speech, level)));
    }
    Ok(speakers)
}

/// Samples with an effective value of `level` dBm0.
fn at_level(samples: &[f32], level: f64) -> Vec<i16> {
    let energy: f64 = samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
    let effective = (energy / samples.len().max(1) as f64).sqrt();
    let gain = ZERO_DBM0_RMS * 10f64.powf(level / 20.0) / effective.max(1.0);
    samples
        .iter()
        .map(|&s| (f64::from(s) * gain).round() as i16)
        .collect()
}
