//! RIFF/WAVE files of 16-bit mono PCM.

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Samples a second.
    pub rate: u32,
    /// The samples.
    pub samples: Vec<i16>,
}

/// Reads what a synthesiser writes to a pipe: the length fields are not believed, since they were
/// written before the length was known.
pub fn parse(octets: &[u8]) -> Result<Recording, &'static str> {
    let mut rest = octets
        .strip_prefix(b"RIFF")
        .and_then(|rest| rest.get(4..))
        .and_then(|rest| rest.strip_prefix(b"WAVE"))
        .ok_or("no RIFF/WAVE")?;
    let mut rate = None;
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let chunk = &after[..length.min(after.len())];
        match &head[..4] {
            b"fmt " => {
                let Some(&[1, 0, 1, 0, r0, r1, r2, r3, _, _, _, _, 2, 0, 16, 0]) =
                    chunk.first_chunk::<16>()
                else {
                    return Err("not 16-bit mono PCM");
                };
                rate = Some(u32::from_le_bytes([r0, r1, r2, r3])).filter(|&rate| rate > 0);
            }
            b"data" => {
                let rate = rate.ok_or("no sample rate")?;
                let (samples, _) = chunk.as_chunks::<2>();
                let samples = samples
                    .iter()
                    .map(|&sample| i16::from_le_bytes(sample))
                    .collect();
                return Ok(Recording { rate, samples });
            }
            _ => {}
        }
        rest = after.get(length.next_multiple_of(2)..).unwrap_or_default();
    }
    Err("no sound")
}

/// The file of a recording.
pub fn encode(recording: &Recording) -> Vec<u8> {
    let length = (recording.samples.len() * 2) as u32;
    let mut octets = Vec::with_capacity(44 + recording.samples.len() * 2);
    octets.extend_from_slice(b"RIFF");
    octets.extend_from_slice(&(36 + length).to_le_bytes());
    octets.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    octets.extend_from_slice(&recording.rate.to_le_bytes());
    octets.extend_from_slice(&(recording.rate * 2).to_le_bytes());
    octets.extend_from_slice(b"\x02\0\x10\0data");
    octets.extend_from_slice(&length.to_le_bytes());
    for sample in &recording.samples {
        octets.extend_from_slice(&sample.to_le_bytes());
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let recording = Recording {
            rate: 8_000,
            samples: vec![0, 1, -1, i16::MAX, i16::MIN],
        };
        assert_eq!(parse(&encode(&recording)), Ok(recording));
    }

    #[test]
    fn a_length_that_was_not_known_is_made_up_for() {
        let recording = Recording {
            rate: 22_050,
            samples: vec![7; 100],
        };
        let mut octets = encode(&recording);
        octets[40..44].copy_from_slice(&0x7FFF_F000_u32.to_le_bytes());
        assert_eq!(parse(&octets), Ok(recording));
    }

    #[test]
    fn anything_else_is_refused() {
        let stereo = {
            let mut octets = encode(&Recording {
                rate: 8_000,
                samples: vec![1],
            });
            octets[22] = 2;
            octets
        };
        for (octets, reason) in [
            (&b""[..], "no RIFF/WAVE"),
            (b"RIFF....WAVE", "no sound"),
            (&stereo, "not 16-bit mono PCM"),
        ] {
            assert_eq!(parse(octets), Err(reason));
        }
    }
}
