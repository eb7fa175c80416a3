//! Reading of recordings: RIFF/WAVE with 16-bit PCM or FLAC of 16 bits, mono, 8,000 or 16,000 samples a second.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::flac;
use crate::MediaError;
use crate::codec::SampleRate;

/// Chunks before the sound that are read over at most.
const CHUNKS: usize = 64;
const NEITHER: &str = "not a RIFF/WAVE or FLAC file";

/// A file of sound that is known by its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recording {
    pub(super) path: PathBuf,
    form: Form,
    /// Samples a second: 8,000 or 16,000.
    pub(super) rate: u32,
    /// How many there are.
    pub(super) samples: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// RIFF/WAVE with so many octets before the first sample.
    Wave(u64),
    Flac,
}

/// A recording that is being read.
pub(super) enum Samples {
    Wave {
        file: File,
        /// Samples up to the end.
        left: u64,
    },
    Flac(Box<flac::Reader>),
}

impl Samples {
    /// The next `count` samples, fewer at the end.
    ///
    /// # Errors
    /// The file cannot be read any more, or is damaged.
    pub(super) fn read(&mut self, count: usize) -> io::Result<Vec<i16>> {
        match self {
            Self::Flac(reader) => reader.read(count),
            Self::Wave { file, left } => {
                let count = (*left).min(count as u64) as usize;
                let mut octets = vec![0u8; 2 * count];
                file.read_exact(&mut octets)?;
                *left -= count as u64;
                let (pairs, _) = octets.as_chunks::<2>();
                Ok(pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
            }
        }
    }
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
            .map_err(|_| refused(path, NEITHER))?;
        if head.starts_with(flac::MAGIC) {
            return Self::open_flac(path, file);
        }
        if !head.starts_with(b"RIFF") || !head.ends_with(b"WAVE") {
            return Err(refused(path, NEITHER));
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
                    rate = Some(known_rate(path, u32::from_le_bytes([r0, r1, r2, r3]))?);
                }
                b"data" => {
                    let rate = rate.ok_or_else(|| refused(path, "sound before its format"))?;
                    return Ok(Self {
                        path: path.to_owned(),
                        form: Form::Wave(offset),
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

    fn open_flac(path: &Path, mut file: File) -> Result<Self, MediaError> {
        let mut head = [0u8; flac::HEAD];
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.read_exact(&mut head))
            .map_err(|_| refused(path, "the file is cut short"))?;
        let info = flac::StreamInfo::parse(&head)
            .ok_or_else(|| refused(path, "its FLAC header makes no sense"))?;
        if (info.channels, info.bits) != (1, 16) {
            return Err(refused(path, "not 16-bit mono"));
        }
        if info.samples == 0 {
            return Err(refused(path, "no sound in the file, or of unknown length"));
        }
        Ok(Self {
            path: path.to_owned(),
            form: Form::Flac,
            rate: known_rate(path, info.rate)?,
            samples: info.samples,
        })
    }

    /// Rate of its samples.
    pub(super) fn band(&self) -> SampleRate {
        match self.rate {
            8_000 => SampleRate::Narrow,
            _ => SampleRate::Wide,
        }
    }

    /// Opens it for reading, from its beginning on.
    ///
    /// # Errors
    /// The file has gone away, or is not what its header said.
    pub(super) fn samples(&self) -> io::Result<Samples> {
        match self.form {
            Form::Flac => Ok(Samples::Flac(Box::new(flac::Reader::open(&self.path)?))),
            Form::Wave(offset) => {
                let mut file = File::open(&self.path)?;
                file.seek(SeekFrom::Start(offset))?;
                let left = self.samples;
                Ok(Samples::Wave { file, left })
            }
        }
    }
}

fn known_rate(path: &Path, rate: u32) -> Result<u32, MediaError> {
    match rate {
        8_000 | 16_000 => Ok(rate),
        _ => Err(refused(path, "not 8,000 or 16,000 samples a second")),
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
    fn samples_are_found_and_read_in_parts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        std::fs::write(&path, wav(16_000, &[1, 2, 3, 4, 5])).unwrap();
        let recording = Recording::open(&path).unwrap();
        assert_eq!((recording.rate, recording.samples), (16_000, 5));
        let mut samples = recording.samples().unwrap();
        assert_eq!(samples.read(2).unwrap(), [1, 2]);
        assert_eq!(samples.read(100).unwrap(), [3, 4, 5]);
        assert_eq!(samples.read(100).unwrap(), []);
    }

    #[test]
    fn files_that_are_no_such_recording_are_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let valid = wav(8_000, &[1; 10]);
        for (octets, reason) in [
            (b"\x89PNG\r\n".to_vec(), NEITHER),
            (
                wav(44_100, &[1; 10]),
                "not 8,000 or 16,000 samples a second",
            ),
            (valid[..valid.len() - 1].to_vec(), "the file is cut short"),
            (b"RIFF\0\0\0\0WAVE".to_vec(), "no sound in the file"),
            (
                b"fLaC\0\0\0\x22 and so on".to_vec(),
                "the file is cut short",
            ),
            (
                [b"fLaC\x01\0\0\x22".as_slice(), &[0; 34]].concat(),
                "its FLAC header makes no sense",
            ),
        ] {
            std::fs::write(&path, octets).unwrap();
            let error = Recording::open(&path).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("a.wav"), "{error}");
        }
    }

    /// What sox, which nobody here wrote, makes of a recording.
    fn flac_by_sox(dir: &Path, options: &[&str], rate: u32, samples: &[i16]) -> PathBuf {
        let (from, to) = (dir.join("from.wav"), dir.join("to.flac"));
        std::fs::write(&from, wav(rate, samples)).unwrap();
        let done = std::process::Command::new("sox")
            .arg(&from)
            .args(options)
            .arg(&to)
            .status();
        assert!(done.unwrap().success());
        to
    }

    #[test]
    fn flac_gives_back_every_sample_in_parts_of_any_length() {
        let dir = tempfile::tempdir().unwrap();
        for rate in [8_000, 16_000] {
            // Every value there is, and more than one block.
            let samples: Vec<i16> = (0..70_000i32)
                .map(|n| (n * 7_919 % 65_536) as i16)
                .collect();
            let path = flac_by_sox(dir.path(), &[], rate, &samples);
            let recording = Recording::open(&path).unwrap();
            assert_eq!((recording.rate, recording.samples), (rate, 70_000));
            let mut reader = recording.samples().unwrap();
            let mut read = Vec::new();
            for count in [1, 159, 40_000, 100_000, 1] {
                read.extend(reader.read(count).unwrap());
            }
            assert_eq!(read, samples);
        }
    }

    #[test]
    fn flac_of_another_form_is_refused_and_a_damaged_one_ends_with_an_error() {
        let dir = tempfile::tempdir().unwrap();
        for (options, reason) in [
            (["-c", "2"], "not 16-bit mono"),
            (["-b", "24"], "not 16-bit mono"),
            (["-r", "44100"], "not 8,000 or 16,000 samples a second"),
        ] {
            let path = flac_by_sox(dir.path(), &options, 8_000, &[1; 1_000]);
            let error = Recording::open(&path).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let noise: Vec<i16> = (0..50_000i32).map(|n| (n * 7_919) as i16).collect();
        let path = flac_by_sox(dir.path(), &[], 8_000, &noise);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let mut reader = Recording::open(&path).unwrap().samples().unwrap();
        assert!(reader.read(50_000).map_or(0, |read| read.len()) < 50_000);
    }
}
