//! Opus as it is sent: what the far end asks for (RFC 7587 §6.1), and the encoders for it.
//!
//! Opus has two ways of coding. The one that keeps the spectrum (CELT) gives every tone at its level and takes half the time;
//! the one that models a voice (SILK) does with fewer bits and can repeat a lost frame in the next packet (FEC, RFC 6716
//! §2.1.7), but several tones at once come out up to 1 dB off. So sound is sent the first way, unless the far end allows too
//! few bits for it, or loses packets and can use the repetition.

use opus_rs::{Application, OpusEncoder};

use crate::SampleRate;

/// Bits a second for the telephone band and for twice of it: every tone of three is within 0.1 dB from here on, and a packet
/// is no longer than one of G.711.
const BITRATES: [u32; 2] = [48_000, 64_000];
/// The fewest bits a second, on average, with which tones keep their level within half a decibel.
const EXACT: u32 = 40_000;
/// The fewest a far end may ask for (RFC 7587 §6.1).
const LEAST: u32 = 6_000;
/// How hard Opus tries, 0-10: beyond this the time grows faster than the sound gets better. `examples/core_cost.rs`
/// measures it.
const COMPLEXITY: i32 = 3;
/// Losses in hundredths from which frames are sent twice, and below which they are not any more.
const LOSSY: [u8; 2] = [2, 1];
/// Losses in hundredths that libopus still makes a difference for.
const MOST_LOSS: u8 = 25;

/// What the far end asks of whoever sends it Opus (RFC 7587 §6.1). Sent is mono, which every far end takes whatever it says of
/// `stereo`, and always, which it takes whatever it says of `usedtx`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpusPreferences {
    /// `maxaveragebitrate`: bits a second it takes on average.
    pub max_average_bitrate: Option<u32>,
    /// `maxplaybackrate`: samples a second it can play.
    pub max_playback_rate: Option<u32>,
    /// `useinbandfec`: whether it repairs lost packets out of the next one.
    pub in_band_fec: bool,
    /// `cbr`: whether all packets are to be of one length.
    pub constant_bitrate: bool,
}

impl OpusPreferences {
    /// Reads the format parameters of a session description; what cannot be read is as if it was not there.
    #[must_use]
    pub fn of(parameters: &str) -> Self {
        let mut preferences = Self::default();
        for parameter in parameters.split(';') {
            let Some((name, value)) = parameter.split_once('=') else {
                continue;
            };
            let value: Option<u32> = value.trim().parse().ok();
            match name.trim().to_ascii_lowercase().as_str() {
                "maxaveragebitrate" => {
                    preferences.max_average_bitrate = value.map(|value| value.max(LEAST));
                }
                "maxplaybackrate" => preferences.max_playback_rate = value,
                "useinbandfec" => preferences.in_band_fec = value == Some(1),
                "cbr" => preferences.constant_bitrate = value == Some(1),
                _ => {}
            }
        }
        preferences
    }

    /// Rate at which sound of a band is encoded for the far end.
    pub(crate) fn rate(&self, band: SampleRate) -> SampleRate {
        match self.max_playback_rate {
            Some(most) if most < SampleRate::Wide.hertz() => SampleRate::Narrow,
            _ => band,
        }
    }

    /// Whether it takes packets as they are without preferences.
    pub(crate) fn takes_standard(&self, band: SampleRate) -> bool {
        let least = self.max_average_bitrate.unwrap_or(u32::MAX);
        !self.constant_bitrate && least >= standard(band) && self.rate(band) == band
    }
}

fn standard(rate: SampleRate) -> u32 {
    let [narrow, wide] = BITRATES;
    match rate {
        SampleRate::Narrow => narrow,
        SampleRate::Wide => wide,
    }
}

/// Encodes for one far end.
pub(crate) struct OpusCoder {
    preferences: OpusPreferences,
    plain: OpusEncoder,
    /// Repeats frames.
    repeating: Option<OpusEncoder>,
    /// Whether the far end loses packets.
    lossy: bool,
}

impl OpusCoder {
    /// For samples at `rate`; `None` when the encoder fails. Allocates.
    pub(crate) fn new(rate: SampleRate, preferences: OpusPreferences) -> Option<Self> {
        let most = preferences.max_average_bitrate.unwrap_or(u32::MAX);
        let bitrate = standard(rate).min(most);
        let make = |application| {
            let mut encoder = OpusEncoder::new(rate.hertz().cast_signed(), 1, application).ok()?;
            encoder.bitrate_bps = bitrate.cast_signed();
            encoder.complexity = COMPLEXITY;
            encoder.use_cbr = preferences.constant_bitrate;
            Some(encoder)
        };
        let repeating = match preferences.in_band_fec {
            true => {
                let mut encoder = make(Application::Voip)?;
                encoder.use_inband_fec = true;
                Some(encoder)
            }
            false => None,
        };
        let exact = bitrate >= EXACT;
        Some(OpusCoder {
            preferences,
            plain: make(match exact {
                true => Application::RestrictedLowDelay,
                false => Application::Voip,
            })?,
            repeating,
            lossy: false,
        })
    }

    pub(crate) fn preferences(&self) -> OpusPreferences {
        self.preferences
    }

    /// The far end has lost so many packets of a hundred lately.
    pub(crate) fn expect_loss(&mut self, percent: u8) {
        let [from, below] = LOSSY;
        self.lossy = percent >= if self.lossy { below } else { from };
        if let Some(repeating) = &mut self.repeating {
            repeating.packet_loss_perc = percent.min(MOST_LOSS).into();
        }
    }

    /// Encodes 20 ms; gives how many octets there are, 0 when the encoder failed.
    pub(crate) fn encode(&mut self, samples: &[i16], octets: &mut [u8]) -> usize {
        let encoder = match &mut self.repeating {
            Some(repeating) if self.lossy => repeating,
            _ => &mut self.plain,
        };
        encoder
            .encode_i16(samples, samples.len(), octets)
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_read_as_they_are_written() {
        let asked = OpusPreferences::of(
            "maxplaybackrate=8000; sprop-maxcapturerate=16000; MaxAverageBitrate=20000;stereo=1; useinbandfec=1;usedtx=0",
        );
        assert_eq!(
            asked,
            OpusPreferences {
                max_average_bitrate: Some(20_000),
                max_playback_rate: Some(8_000),
                in_band_fec: true,
                constant_bitrate: false,
            }
        );
        assert_eq!(asked.rate(SampleRate::Wide), SampleRate::Narrow);
        assert!(!asked.takes_standard(SampleRate::Narrow));
        let nonsense = OpusPreferences::of("maxaveragebitrate=-1;;=;useinbandfec=yes;cbr");
        assert_eq!(nonsense, OpusPreferences::default());
        assert!(nonsense.takes_standard(SampleRate::Wide));
        let tiny = OpusPreferences::of("maxaveragebitrate=1");
        assert_eq!(tiny.max_average_bitrate, Some(LEAST));
    }

    /// Octets of 2 s of three tones.
    fn octets(rate: SampleRate, preferences: OpusPreferences) -> Vec<usize> {
        let mut coder = OpusCoder::new(rate, preferences).unwrap();
        let tone = |n: usize, hertz: f64| {
            (n as f64 * hertz * std::f64::consts::TAU / f64::from(rate.hertz())).sin() * 6_000.0
        };
        let samples: Vec<i16> = (0..2 * rate.hertz() as usize)
            .map(|n| (tone(n, 500.0) + tone(n, 1_100.0) + tone(n, 1_700.0)) as i16)
            .collect();
        let mut room = [0; 640];
        samples
            .chunks(rate.frame())
            .map(|frame| coder.encode(frame, &mut room))
            .collect()
    }

    #[test]
    fn the_bitrate_asked_for_is_kept_and_constant_where_it_has_to_be() {
        for most in [12_000, 24_000, 40_000, 48_000] {
            for rate in [SampleRate::Narrow, SampleRate::Wide] {
                let asked = OpusPreferences {
                    max_average_bitrate: Some(most),
                    ..Default::default()
                };
                let lengths = octets(rate, asked);
                let bits = lengths.iter().sum::<usize>() * 8 / 2;
                assert!(
                    bits > 4_000 && bits as u32 <= most + most / 10,
                    "{most} {rate:?}: {bits}"
                );
                let constant = octets(
                    rate,
                    OpusPreferences {
                        constant_bitrate: true,
                        ..asked
                    },
                );
                assert!(
                    constant.iter().all(|length| *length == constant[0]),
                    "{constant:?}"
                );
            }
        }
    }

    #[test]
    fn frames_are_sent_twice_while_the_far_end_loses_packets_and_can_use_it() {
        let voice_mode = |asked: OpusPreferences, losses: &[u8]| -> Vec<bool> {
            let mut coder = OpusCoder::new(SampleRate::Wide, asked).unwrap();
            let mut room = [0; 640];
            let samples: Vec<i16> = (0..320).map(|n| (n % 40 * 200 - 4_000) as i16).collect();
            let mut modes = Vec::new();
            for &percent in losses {
                coder.expect_loss(percent);
                assert!(coder.encode(&samples, &mut room) > 0);
                // RFC 6716 §3.1: configurations from 16 on are the other mode.
                modes.push(room[0] >> 3 < 16);
            }
            modes
        };
        let losses = [0, 1, 2, 10, 1, 0, 1];
        let repairs = OpusPreferences::of("useinbandfec=1");
        assert_eq!(
            voice_mode(repairs, &losses),
            [false, false, true, true, true, false, false]
        );
        assert_eq!(voice_mode(OpusPreferences::default(), &losses), [false; 7]);
    }
}
