//! G.711 companding of blocks (ITU-T G.711, 11/88).

use audio_codec_algorithms as codec;

/// The two companding laws of ITU-T G.711.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// A-law, RTP name `PCMA`: Europe, Latin America, Indonesia and every E1.
    A,
    /// Mu-law, RTP name `PCMU`: North America and Japan.
    Mu,
}

impl Law {
    /// The octet that decodes to the smallest positive value, sent where nothing is heard.
    #[must_use]
    pub const fn silence(self) -> u8 {
        match self {
            Law::A => 0xD5,
            Law::Mu => 0xFF,
        }
    }

    /// Compands `samples` into `octets`; the shorter of the two bounds how many are written.
    pub fn encode(self, samples: &[i16], octets: &mut [u8]) {
        let pairs = samples.iter().zip(octets);
        match self {
            Law::A => pairs.for_each(|(&sample, octet)| *octet = codec::encode_alaw(sample)),
            Law::Mu => pairs.for_each(|(&sample, octet)| *octet = codec::encode_ulaw(sample)),
        }
    }

    /// Expands `octets` into `samples`; the shorter of the two bounds how many are written.
    pub fn decode(self, octets: &[u8], samples: &mut [i16]) {
        let pairs = octets.iter().zip(samples);
        match self {
            Law::A => pairs.for_each(|(&octet, sample)| *sample = codec::decode_alaw(octet)),
            Law::Mu => pairs.for_each(|(&octet, sample)| *sample = codec::decode_ulaw(octet)),
        }
    }
}

/// Converts a block in place by table 4/G.711, which keeps double conversions transparent where the
/// Recommendation asks for it.
pub fn alaw_to_ulaw(block: &mut [u8]) {
    for octet in block {
        *octet = codec::convert_alaw_to_ulaw(*octet);
    }
}

/// Converts a block in place by table 3/G.711.
pub fn ulaw_to_alaw(block: &mut [u8]) {
    for octet in block {
        *octet = codec::convert_ulaw_to_alaw(*octet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decoder output value of tables 1a and 1b/G.711, computed from their columns: segment number,
    /// step and the midpoint of each decision interval, scaled from 13 to 16 bits.
    fn table_1_alaw(octet: u8) -> i16 {
        let character = octet ^ 0x55; // even bits are inverted on the line
        let (segment, step) = (i32::from(character >> 4 & 7), i32::from(character & 15));
        let magnitude = match segment {
            0 => 2 * step + 1,
            _ => (2 * step + 33) << (segment - 1),
        };
        let value = magnitude * 8;
        i16::try_from(if octet & 0x80 != 0 { value } else { -value }).unwrap()
    }

    /// The same for tables 2a and 2b/G.711, scaled from 14 to 16 bits.
    fn table_2_ulaw(octet: u8) -> i16 {
        let character = !octet;
        let (segment, step) = (i32::from(character >> 4 & 7), i32::from(character & 15));
        let magnitude = ((2 * step + 33) << segment) - 33;
        let value = magnitude * 4;
        i16::try_from(if octet & 0x80 != 0 { value } else { -value }).unwrap()
    }

    #[test]
    fn decodes_every_character_signal_as_the_itu_tables_say() {
        let octets: Vec<u8> = (0..=255).collect();
        let mut samples = [0i16; 256];
        Law::A.decode(&octets, &mut samples);
        for (&octet, &sample) in octets.iter().zip(&samples) {
            assert_eq!(sample, table_1_alaw(octet), "A-law {octet:#04x}");
        }
        Law::Mu.decode(&octets, &mut samples);
        for (&octet, &sample) in octets.iter().zip(&samples) {
            assert_eq!(sample, table_2_ulaw(octet), "mu-law {octet:#04x}");
        }
    }

    /// Half the width of the decision interval of a character signal, in 16-bit samples.
    fn half_interval(law: Law, octet: u8) -> i32 {
        match law {
            Law::A => 8 << i32::from((octet ^ 0x55) >> 4 & 7).max(1) >> 1,
            Law::Mu => 4 << i32::from(!octet >> 4 & 7),
        }
    }

    #[test]
    fn encodes_every_sample_to_the_decision_interval_it_lies_in() {
        // Mu-law clips above virtual decision value 8,159 of 14 bits.
        for (law, grid, clip) in [(Law::A, 8, 32_768), (Law::Mu, 4, 32_636)] {
            let mut last = i16::MIN;
            for sample in i16::MIN..=i16::MAX {
                let (mut octet, mut value) = ([0u8], [0i16]);
                law.encode(&[sample], &mut octet);
                law.decode(&octet, &mut value);
                let distance = (i32::from(value[0]) - i32::from(sample).clamp(-clip, clip)).abs();
                assert!(
                    distance <= half_interval(law, octet[0]) + grid,
                    "{law:?} {sample} {distance}"
                );
                assert!(value[0] >= last, "{law:?} is monotonic at {sample}");
                last = value[0];
            }
        }
    }

    #[test]
    fn encoding_a_decoded_octet_gives_the_octet_back() {
        for law in [Law::A, Law::Mu] {
            for octet in 0..=255u8 {
                let (mut sample, mut back) = ([0i16], [0u8]);
                law.decode(&[octet], &mut sample);
                law.encode(&sample, &mut back);
                // Mu-law has two zeros; the negative one is re-encoded as the positive one.
                let expected = if law == Law::Mu && octet == 0x7F {
                    0xFF
                } else {
                    octet
                };
                assert_eq!(back[0], expected, "{law:?} {octet:#04x}");
            }
        }
    }

    #[test]
    fn conversion_between_laws_stays_within_one_quantising_step() {
        for octet in 0..=255u8 {
            let mut converted = [octet];
            alaw_to_ulaw(&mut converted);
            let (from, to) = (
                i32::from(table_1_alaw(octet)),
                i32::from(table_2_ulaw(converted[0])),
            );
            assert!(
                (from - to).abs() <= from.abs() / 16 + 16,
                "{octet:#04x}: {from} -> {to}"
            );
            assert_eq!(
                from.signum(),
                if to == 0 { from.signum() } else { to.signum() }
            );
        }
    }

    #[test]
    fn silence_is_the_smallest_positive_value() {
        let mut samples = [0i16; 2];
        Law::A.decode(&[Law::A.silence()], &mut samples);
        assert_eq!(samples[0], 8);
        Law::Mu.decode(&[Law::Mu.silence()], &mut samples);
        assert_eq!(samples[0], 0);
    }
}
