//! What the samples of a recording are.

use ramal_dsp::Law;

use super::timeline::RATE;
use crate::{Codec, SampleRate};

/// The octet pair that stands for silence in linear recordings: the least that is not zero. What reads as zeros has never
/// reached the disk, so a recording must not hold them.
const QUIET: [u8; 2] = 1i16.to_le_bytes();

/// What the samples of a recording are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// G.711 as it came, 8,000 octets a second and side.
    Companded(Law),
    /// What had to be decoded: 16 bits, least octet first, at the rate of the codec.
    Linear(SampleRate),
}

impl Form {
    /// Every form there is.
    pub(super) const ALL: [Form; 4] = [
        Form::Companded(Law::A),
        Form::Companded(Law::Mu),
        Form::Linear(SampleRate::Narrow),
        Form::Linear(SampleRate::Wide),
    ];

    /// What a call in this codec is recorded as; `None` when the codec is only carried.
    pub(super) fn of(codec: Codec) -> Option<Form> {
        let rate = codec.sample_rate()?;
        Some(codec.law().map_or(Form::Linear(rate), Form::Companded))
    }

    /// Samples a second of each side.
    pub(super) fn rate(self) -> SampleRate {
        match self {
            Form::Companded(_) => SampleRate::Narrow,
            Form::Linear(rate) => rate,
        }
    }

    /// Octets of one sample of one side.
    pub(super) fn width(self) -> usize {
        match self {
            Form::Companded(_) => 1,
            Form::Linear(_) => 2,
        }
    }

    /// Octets of one sample of both sides.
    pub(super) fn block(self) -> u64 {
        2 * self.width() as u64
    }

    /// Octets a second: two sides.
    pub(super) fn octets_per_second(self) -> u64 {
        self.block() * u64::from(self.rate().hertz())
    }

    /// Samples that lie between two places of the timeline.
    pub(super) fn scale(self) -> i64 {
        i64::from(self.rate().hertz()) / RATE as i64
    }

    /// A sample of silence, of as many octets as it has.
    pub(super) fn silence(self) -> [u8; 2] {
        match self {
            Form::Companded(law) => [law.silence(); 2],
            Form::Linear(_) => QUIET,
        }
    }

    /// Appends linear samples at [`Self::rate`].
    pub(super) fn append(self, samples: &[i16], octets: &mut Vec<u8>) {
        match self {
            Form::Companded(law) => {
                let from = octets.len();
                octets.resize(from + samples.len(), 0);
                law.encode(samples, octets.get_mut(from..).unwrap_or_default());
            }
            Form::Linear(_) => octets.extend(samples.iter().flat_map(|sample| match sample {
                0 => QUIET,
                other => other.to_le_bytes(),
            })),
        }
    }
}
