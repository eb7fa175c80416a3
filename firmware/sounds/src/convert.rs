//! From a file of any format to what the gateway plays.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::decode::Decoder;
use crate::format::HEAD;
use crate::level::{Limiter, Meter};
use crate::resample::Resampler;
use crate::wave::WaveWriter;
use crate::{SoundError, SoundFormat};

/// Largest file that is taken, in octets.
pub const MAX_OCTETS: u64 = 20 << 20;
/// Longest sound that is taken, in seconds.
pub const MAX_SECONDS: u32 = 30 * 60;
/// Loudness of everything that is converted, measured by BS.1770 as LUFS are, against 0 dBm0 and not digital overload:
/// the level of the gateway's own prompts.
pub const LOUDNESS_DBM0: f64 = -16.0;
/// Highest true peak: 1 dB below overload.
const CEILING: f32 = 0.891;

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converted {
    /// What it was.
    pub format: SoundFormat,
    /// Its samples a second.
    pub rate: u32,
    /// Samples a second of what was written: 8,000 or 16,000.
    pub stored_rate: u32,
    /// Samples written.
    pub samples: u64,
    /// Whether rate and level were left as they were: 8,000 Hz mono of a telephone (F157).
    pub as_it_was: bool,
}

impl Converted {
    /// How long it plays, in milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.samples * 1000 / u64::from(self.stored_rate.max(1))
    }
}

/// Reads `input` and writes `output`: mono, 16-bit PCM, 16,000 samples a second, or 8,000 where the source has no more.
/// Blocks for as long as decoding takes, twice. `output` is synced, and incomplete after an error.
///
/// # Errors
/// Whatever is wrong with the content, its size or its length, or with the files.
pub fn convert(input: &Path, output: &Path) -> Result<Converted, SoundError> {
    let format = format_of(input)?;
    let first = Decoder::open(input, format)?;
    let as_it_was = first.is_telephone();
    let (rate, gain) = if as_it_was {
        (first.rate(), 1.0)
    } else {
        measure(first)?
    };
    let rate = rate.ok_or(SoundError::Empty)?;
    let stored_rate = stored_rate(rate);
    let failed = |error| SoundError::file("write", output, &error);
    let mut writer = WaveWriter::create(output, stored_rate).map_err(failed)?;
    let mut limiter = Limiter::new(CEILING, stored_rate);
    let mut levelled = Vec::new();
    let mut samples = 0;
    resampled(Decoder::open(input, format)?, |block, _| {
        samples += block.len() as u64;
        if as_it_was {
            return writer.append(block).map_err(failed);
        }
        block.iter_mut().for_each(|sample| *sample *= gain);
        levelled.clear();
        limiter.push(block, &mut levelled);
        writer.append(&levelled).map_err(failed)
    })?;
    if !as_it_was {
        levelled.clear();
        limiter.finish(&mut levelled);
        // Emptying it gives more than it took.
        levelled.truncate((samples - writer.samples()) as usize);
        writer.append(&levelled).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    if samples == 0 {
        return Err(SoundError::Empty);
    }
    Ok(Converted {
        format,
        rate,
        stored_rate,
        samples,
        as_it_was,
    })
}

/// What a file is, if it is small enough.
fn format_of(input: &Path) -> Result<SoundFormat, SoundError> {
    let failed = |error| SoundError::file("read", input, &error);
    let file = File::open(input).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() > MAX_OCTETS {
        return Err(SoundError::TooLarge { limit: MAX_OCTETS });
    }
    let mut head = Vec::with_capacity(HEAD);
    file.take(HEAD as u64)
        .read_to_end(&mut head)
        .map_err(failed)?;
    SoundFormat::of(&head)
}

fn stored_rate(rate: u32) -> u32 {
    if rate <= 8_000 { 8_000 } else { 16_000 }
}

/// The rate, and the factor that sets the loudness.
fn measure(decoder: Decoder) -> Result<(Option<u32>, f32), SoundError> {
    let mut meter: Option<Meter> = None;
    let rate = resampled(decoder, |block, stored_rate| {
        if meter.is_none() {
            meter = Meter::new(stored_rate);
        }
        if let Some(meter) = &mut meter {
            meter.feed(block);
        }
        Ok(())
    })?;
    let gain = meter.map_or(1.0, |meter| meter.gain_to(LOUDNESS_DBM0));
    Ok((rate, gain))
}

/// Hands out all samples at the rate they are stored with, and that rate. Gives the rate they were found with.
fn resampled(
    mut decoder: Decoder,
    mut take: impl FnMut(&mut Vec<f32>, u32) -> Result<(), SoundError>,
) -> Result<Option<u32>, SoundError> {
    let mut resampler: Option<Resampler> = None;
    let mut block = Vec::new();
    let mut read = 0u64;
    let mut rate = 0;
    while let Some(samples) = decoder.next()? {
        read += samples.len() as u64;
        // Settled by the first block at the latest.
        let resampler = match &mut resampler {
            Some(resampler) => resampler,
            None => {
                rate = samples.rate;
                resampler.insert(Resampler::new(rate, stored_rate(rate)))
            }
        };
        if read > u64::from(rate) * u64::from(MAX_SECONDS) {
            return Err(SoundError::TooLong { limit: MAX_SECONDS });
        }
        resampler.push(samples.mono, &mut block);
        take(&mut block, stored_rate(rate))?;
        block.clear();
    }
    let Some(mut resampler) = resampler else {
        return Ok(None);
    };
    resampler.finish(&mut block);
    take(&mut block, stored_rate(rate))?;
    Ok(Some(rate))
}
