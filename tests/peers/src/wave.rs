//! Mono 16-bit WAV files at 8 kHz: written with a tone, read back as samples.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// Writes `seconds` of a sine of `frequency` Hz at -10 dBm0.
pub fn write_tone(path: &Path, frequency: f64, seconds: u32) -> Result<()> {
    let amplitude = 32767.0 * 10f64.powf(-13.14 / 20.0);
    let data: Vec<u8> = (0..seconds * 8000)
        .flat_map(|n| {
            let sample =
                amplitude * (std::f64::consts::TAU * frequency * f64::from(n) / 8000.0).sin();
            (sample as i16).to_le_bytes()
        })
        .collect();
    let mut file = Vec::with_capacity(44 + data.len());
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + data.len() as u32).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend_from_slice(&8000u32.to_le_bytes());
    file.extend_from_slice(&16000u32.to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend_from_slice(&(data.len() as u32).to_le_bytes());
    file.extend_from_slice(&data);
    std::fs::write(path, file)
}

/// The samples of a mono 16-bit PCM file. The sizes in the header are not trusted: a recorder that was stopped may not
/// have filled them in.
pub fn read(path: &Path) -> Result<Vec<i16>> {
    let file = std::fs::read(path)?;
    let data = file.windows(4).position(|w| w == b"data").map(|at| at + 8);
    let samples = data.and_then(|at| file.get(at..));
    let samples = samples.ok_or_else(|| Error::new(ErrorKind::InvalidData, "no WAV data chunk"))?;
    Ok(samples
        .chunks_exact(2)
        .map(|b| i16::from_le_bytes([b[0], b[1]]))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_tone_reads_back() {
        let file = tempfile::NamedTempFile::new().unwrap();
        write_tone(file.path(), 600.0, 1).unwrap();
        let samples = read(file.path()).unwrap();
        assert_eq!(samples.len(), 8000);
        assert!((sipphone::level_dbm0(&samples, 600.0) + 10.0).abs() < 0.1);
    }
}
