//! The gateway's own words, recognised in what a call heard by correlation.

use std::path::PathBuf;

use crate::bench::Result;

/// Octets before the samples of a prompt's file.
const HEADER: usize = 44;
/// Samples a second of what is compared: enough to tell words apart, and quick.
const RATE: usize = 2_000;
/// How much of a prompt is looked for.
const PROBE: usize = RATE;
/// A correlation from which on it is the same sound: others stay far below a half.
const SAME: f64 = 0.6;
/// So many times louder or softer it is another one, and need not be compared.
const OTHERWISE: f64 = 4.0;

/// A prompt of the gateway as it is installed.
pub struct Prompt(Vec<f64>);

impl Prompt {
    /// One of the prompts in `$RAMAL_PROMPTS`, which are mono, with 16,000 samples of 16 bits a second.
    pub fn load(language: &str, name: &str) -> Result<Self> {
        let folder = std::env::var_os("RAMAL_PROMPTS").ok_or("RAMAL_PROMPTS is not set")?;
        let path = PathBuf::from(folder).join(language).join(name);
        let file = std::fs::read(path.with_extension("wav"))?;
        let (samples, _) = file.get(HEADER..).ok_or("no prompt")?.as_chunks::<2>();
        let samples: Vec<i16> = samples.iter().map(|two| i16::from_le_bytes(*two)).collect();
        Ok(Self(slower(&samples, 16_000 / RATE)))
    }

    /// A WAV file as the gateway plays it: mono, 16 bits.
    pub fn of_wav(file: &[u8]) -> Result<Self> {
        let at = file.windows(4).position(|four| four == b"data");
        let samples = at.and_then(|at| file.get(at + 8..)).ok_or("no samples")?;
        let rate = file.get(24..28).and_then(|four| four.try_into().ok());
        let rate = rate.map_or(0, u32::from_le_bytes) as usize;
        let (samples, _) = samples.as_chunks::<2>();
        let samples: Vec<i16> = samples.iter().map(|two| i16::from_le_bytes(*two)).collect();
        Ok(Self(slower(&samples, (rate / RATE).max(1))))
    }

    /// Where it begins in what was heard at 8,000 samples a second; none when it was not heard. Its loudest second counts.
    pub fn find(&self, heard: &[i16]) -> Option<usize> {
        self.best(heard).map(|(at, _)| at)
    }

    /// The same, and how much it is alike, 0 to 1.
    pub fn best(&self, heard: &[i16]) -> Option<(usize, f64)> {
        let heard = slower(heard, 8_000 / RATE);
        let probe = PROBE.min(self.0.len());
        let starts = (0..=self.0.len() - probe).step_by(RATE / 20);
        let power =
            |from: usize| -> f64 { self.0[from..from + probe].iter().map(|one| one * one).sum() };
        let from = starts.max_by(|a, b| power(*a).total_cmp(&power(*b)))?;
        let (wanted, own) = (&self.0[from..from + probe], power(from));
        let before: Vec<f64> = heard
            .iter()
            .scan(0.0, |sum, one| {
                let before = *sum;
                *sum += one * one;
                Some(before)
            })
            .collect();
        let likeness = |at: usize, window: &[f64]| {
            let power = before.get(at + probe).copied().unwrap_or(f64::INFINITY) - before[at];
            if !(own / OTHERWISE..own * OTHERWISE).contains(&power) {
                return 0.0;
            }
            let products = window.iter().zip(wanted).map(|(one, other)| one * other);
            products.sum::<f64>() / (power * own).sqrt()
        };
        let (at, best) = heard
            .windows(probe)
            .enumerate()
            .map(|(at, window)| (at, likeness(at, window)))
            .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        (best > SAME).then(|| (at.saturating_sub(from) * 8_000 / RATE, best))
    }
}

/// One sample for so many, their mean.
fn slower(samples: &[i16], by: usize) -> Vec<f64> {
    let groups = samples.chunks_exact(by);
    groups
        .map(|group| group.iter().map(|one| f64::from(*one)).sum::<f64>() / by as f64)
        .collect()
}
