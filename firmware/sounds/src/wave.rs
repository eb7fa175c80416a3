//! Writing of what the gateway plays: RIFF/WAVE, mono, 16-bit PCM.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// Octets before the samples.
const HEADER: u64 = 44;

/// A file that samples are appended to.
pub(crate) struct WaveWriter {
    file: BufWriter<File>,
    rate: u32,
    samples: u64,
}

impl WaveWriter {
    /// A new file, or an emptied one.
    pub(crate) fn create(path: &Path, rate: u32) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(64 << 10, File::create(path)?);
        file.write_all(&[0; HEADER as usize])?;
        Ok(Self {
            file,
            rate,
            samples: 0,
        })
    }

    /// Appends samples of full scale 1, rounded and held within 16 bits.
    pub(crate) fn append(&mut self, samples: &[f32]) -> io::Result<()> {
        for sample in samples {
            // The cast saturates.
            let sample = (sample * 32_768.0).round() as i16;
            self.file.write_all(&sample.to_le_bytes())?;
        }
        self.samples += samples.len() as u64;
        Ok(())
    }

    /// Samples appended so far.
    pub(crate) fn samples(&self) -> u64 {
        self.samples
    }

    /// Completes the header and brings everything to the disk.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let octets = u32::try_from(self.samples * 2).unwrap_or(u32::MAX - 36);
        let mut header = Vec::with_capacity(HEADER as usize);
        header.extend_from_slice(b"RIFF");
        header.extend_from_slice(&(36 + octets).to_le_bytes());
        header.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
        header.extend_from_slice(&self.rate.to_le_bytes());
        header.extend_from_slice(&(self.rate * 2).to_le_bytes());
        header.extend_from_slice(b"\x02\0\x10\0data");
        header.extend_from_slice(&octets.to_le_bytes());
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header)?;
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}
