//! Reading of recordings: RIFF/WAVE, mono, 16-bit PCM, 8,000 or 16,000 samples a second.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::MediaError;
use crate::codec::SampleRate;

/// Chunks before the sound that are read over at most.
const CHUNKS: usize = 64;

/// Where the samples of a recording lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recording {
    pub(super) path: PathBuf,
    /// Octets before the first sample.
    offset: u64,
    /// Samples a second: 8,000 or 16,000.
    pub(super) rate: u32,
    /// How many there are.
    pub(super) samples: u64,
}

impl Recording {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// It cannot be read, or is no such recording.
    pub(super) fn open(path: &Path) -> Result<Self, MediaError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::UnexpectedEof => refused(path, "the file is cut short"),
            _ => MediaError::system(format!("read {}", path.display()), source),
        };
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut head = [0u8; 12];
        file.read_exact(&mut head)
            .map_err(|_| refused(path, "not a RIFF/WAVE file"))?;
        if !head.starts_with(b"RIFF") || !head.ends_with(b"WAVE") {
            return Err(refused(path, "not a RIFF/WAVE file"));
        }
        let mut offset = 12u64;
        let mut rate = None;
        for _ in 0..CHUNKS {
            let mut head = [0u8; 8];
            if offset + 8 > length {
                break;
            }
            file.seek(SeekFrom::Start(offset)).map_err(failed)?;
            file.read_exact(&mut head).map_err(failed)?;
            let [a, b, c, d, l0, l1, l2, l3] = head;
            let size = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
            offset += 8;
            if offset + size > length {
                return Err(refused(path, "the file is cut short"));
            }
            match &[a, b, c, d] {
                b"fmt " => {
                    let mut format = [0u8; 16];
                    file.read_exact(&mut format).map_err(failed)?;
                    let [1, 0, 1, 0, r0, r1, r2, r3, _, _, _, _, 2, 0, 16, 0] = format else {
                        return Err(refused(path, "not 16-bit mono PCM"));
                    };
                    let found = u32::from_le_bytes([r0, r1, r2, r3]);
                    if !matches!(found, 8_000 | 16_000) {
                        return Err(refused(path, "not 8,000 or 16,000 samples a second"));
                    }
                    rate = Some(found);
                }
                b"data" => {
                    let rate = rate.ok_or_else(|| refused(path, "sound before its format"))?;
                    return Ok(Self {
                        path: path.to_owned(),
                        offset,
                        rate,
                        samples: size / 2,
                    });
                }
                _ => {}
            }
            // Chunks begin at even offsets.
            offset += size.next_multiple_of(2);
        }
        Err(refused(path, "no sound in the file"))
    }

    /// Rate of its samples.
    pub(super) fn band(&self) -> SampleRate {
        match self.rate {
            8_000 => SampleRate::Narrow,
            _ => SampleRate::Wide,
        }
    }

    /// `count` samples from `first` on, fewer at the end.
    pub(super) fn read(&self, first: u64, count: usize) -> io::Result<Vec<i16>> {
        let count = self.samples.saturating_sub(first).min(count as u64) as usize;
        let mut octets = vec![0u8; 2 * count];
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.offset + 2 * first))?;
        file.read_exact(&mut octets)?;
        let (pairs, _) = octets.as_chunks::<2>();
        Ok(pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
    }
}

fn refused(path: &Path, reason: &str) -> MediaError {
    MediaError::Prompt {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
        let mut octets = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x01\0".to_vec();
        octets.extend_from_slice(&rate.to_le_bytes());
        octets.extend_from_slice(&(rate * 2).to_le_bytes());
        octets.extend_from_slice(&[2, 0, 16, 0]);
        octets.extend_from_slice(b"data");
        octets.extend_from_slice(&(samples.len() as u32 * 2).to_le_bytes());
        samples
            .iter()
            .for_each(|sample| octets.extend_from_slice(&sample.to_le_bytes()));
        octets
    }

    #[test]
    fn samples_are_found_and_read_from_anywhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        std::fs::write(&path, wav(16_000, &[1, 2, 3, 4, 5])).unwrap();
        let recording = Recording::open(&path).unwrap();
        assert_eq!((recording.rate, recording.samples), (16_000, 5));
        assert_eq!(recording.read(0, 2).unwrap(), [1, 2]);
        assert_eq!(recording.read(3, 100).unwrap(), [4, 5]);
        assert_eq!(recording.read(9, 100).unwrap(), []);
    }

    #[test]
    fn files_that_are_no_such_recording_are_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let valid = wav(8_000, &[1; 10]);
        for (octets, reason) in [
            (b"\x89PNG\r\n".to_vec(), "not a RIFF/WAVE file"),
            (
                wav(44_100, &[1; 10]),
                "not 8,000 or 16,000 samples a second",
            ),
            (valid[..valid.len() - 1].to_vec(), "the file is cut short"),
            (b"RIFF\0\0\0\0WAVE".to_vec(), "no sound in the file"),
        ] {
            std::fs::write(&path, octets).unwrap();
            let error = Recording::open(&path).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("a.wav"), "{error}");
        }
    }
}
