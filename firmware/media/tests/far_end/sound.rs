//! Tones in any codec, spoken and heard by far ends.

use opus_rs::{Application, OpusDecoder, OpusEncoder};
use ramal_dsp::{G722Decoder, G722Encoder, Goertzel, level_dbm0};
use ramal_media::{Codec, SampleRate};

/// Peak of the tones.
pub const PEAK: f64 = 6_000.0;

/// Says a tone.
pub struct Voice {
    codec: Codec,
    step: f64,
    phase: f64,
    g722: G722Encoder,
    opus: OpusEncoder,
}

fn rate(codec: Codec) -> SampleRate {
    codec.sample_rate().unwrap()
}

impl Voice {
    pub fn new(codec: Codec, hertz: f64) -> Self {
        let mut opus = OpusEncoder::new(16_000, 1, Application::Voip).unwrap();
        opus.bitrate_bps = 32_000;
        Voice {
            codec,
            step: hertz * std::f64::consts::TAU / f64::from(rate(codec).hertz()),
            phase: 0.0,
            g722: G722Encoder::new(),
            opus,
        }
    }

    /// The next 20 ms.
    pub fn say(&mut self) -> Vec<u8> {
        let samples: Vec<i16> = (0..rate(self.codec).frame())
            .map(|_| {
                self.phase = (self.phase + self.step) % std::f64::consts::TAU;
                (PEAK * self.phase.sin()) as i16
            })
            .collect();
        match self.codec {
            Codec::Pcma | Codec::Pcmu => {
                let mut octets = vec![0; samples.len()];
                self.codec.law().unwrap().encode(&samples, &mut octets);
                octets
            }
            Codec::G722 => {
                let mut octets = vec![0; samples.len() / 2];
                self.g722.encode(&samples, &mut octets);
                octets
            }
            Codec::Opus => {
                let mut octets = vec![0; 1_000];
                let length = self.opus.encode_i16(&samples, samples.len(), &mut octets);
                octets.truncate(length.unwrap());
                octets
            }
            Codec::L16(_) => samples.iter().flat_map(|s| s.to_be_bytes()).collect(),
            Codec::Passthrough(_) => panic!("no coder for it"),
        }
    }
}

/// Hears what packets hold.
pub struct Ear {
    codec: Codec,
    g722: G722Decoder,
    opus: OpusDecoder,
    pub heard: Vec<i16>,
}

impl Ear {
    pub fn new(codec: Codec) -> Self {
        Ear {
            codec,
            g722: G722Decoder::new(),
            opus: OpusDecoder::new(16_000, 1).unwrap(),
            heard: Vec::new(),
        }
    }

    pub fn hear(&mut self, payload: &[u8]) {
        let mut samples = vec![0; payload.len()];
        match self.codec {
            Codec::Pcma | Codec::Pcmu => {
                self.codec.law().unwrap().decode(payload, &mut samples);
            }
            Codec::G722 => {
                samples.resize(2 * payload.len(), 0);
                self.g722.decode(payload, &mut samples);
            }
            Codec::Opus => {
                let mut values = vec![0.0; 1_920];
                let count = self.opus.decode(payload, 1_920, &mut values).unwrap();
                samples = values[..count]
                    .iter()
                    .map(|value| (value * 32_768.0) as i16)
                    .collect();
            }
            Codec::L16(_) => {
                let (pairs, _) = payload.as_chunks::<2>();
                samples = pairs.iter().map(|&pair| i16::from_be_bytes(pair)).collect();
            }
            Codec::Passthrough(_) => panic!("no coder for it"),
        }
        self.heard.extend(samples);
    }

    fn hertz(&self) -> u32 {
        rate(self.codec).hertz()
    }

    /// What was heard from this millisecond on.
    pub fn since(&self, ms: u32) -> &[i16] {
        &self.heard[(ms * self.hertz() / 1_000) as usize..]
    }

    /// Level of a tone from this millisecond on, relative to how it was said, dB: that of the median tenth of a second,
    /// as a machine that is busy elsewhere leaves gaps.
    pub fn tone(&self, hertz: f64, ms: u32) -> f64 {
        let mut levels: Vec<f64> = self
            .since(ms)
            .chunks_exact(self.hertz() as usize / 10)
            .map(|tenth| {
                let mut band = Goertzel::new(hertz, self.hertz());
                band.feed(tenth);
                band.level_dbm0() - said_level()
            })
            .collect();
        levels.sort_by(f64::total_cmp);
        levels[levels.len() / 2]
    }

    /// Level of everything heard from this millisecond on, dBm0.
    pub fn level(&self, ms: u32) -> f64 {
        level_dbm0(self.since(ms))
    }

    /// The longest pause in what was heard since its first sound, in milliseconds.
    pub fn longest_gap_ms(&self) -> u32 {
        let look = (self.hertz() / 200) as usize;
        let (mut gap, mut longest, mut begun) = (0, 0, false);
        for block in self.heard.chunks(look) {
            if level_dbm0(block) > said_level() - 15.0 {
                longest = longest.max(gap);
                (gap, begun) = (0, true);
            } else if begun {
                gap += 5;
            }
        }
        longest
    }
}

/// Level tones are said at, dBm0.
pub fn said_level() -> f64 {
    let tone: Vec<i16> = (0..8_000)
        .map(|n| (PEAK * (f64::from(n) * 0.7).sin()) as i16)
        .collect();
    level_dbm0(&tone)
}
