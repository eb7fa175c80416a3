//! The WAV files recordings are (RIFF, "Multimedia Programming Interface and Data Specifications 1.0"; the companded
//! formats by RFC 2361): two channels, 8,000 samples a second, eight bits a sample, A-law or mu-law.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ramal_dsp::Law;

use super::timeline::RATE;

/// Octets before the samples: RIFF and WAVE, `fmt ` with 18, `fact` with 4, and the head of `data`.
pub(super) const HEADER: u64 = 58;
/// Octets a second: two sides.
pub(super) const OCTETS_PER_SECOND: u64 = 2 * RATE;
/// Octets of samples that sizes of 32 bits can say, in whole seconds: 74 hours.
pub(super) const LARGEST: u64 = (u32::MAX as u64 - HEADER) / OCTETS_PER_SECOND * OCTETS_PER_SECOND;

/// Tags of the sample formats (RFC 2361, appendix A).
const TAG_ALAW: u16 = 6;
const TAG_MULAW: u16 = 7;

/// A header for so many octets of samples.
pub(super) fn header(law: Law, octets: u64) -> [u8; HEADER as usize] {
    let octets = octets.min(LARGEST) as u32;
    let tag = match law {
        Law::A => TAG_ALAW,
        Law::Mu => TAG_MULAW,
    };
    let mut header = [0u8; HEADER as usize];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        header[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(b"RIFF");
    put(&(octets + HEADER as u32 - 8).to_le_bytes());
    put(b"WAVEfmt ");
    put(&18u32.to_le_bytes());
    put(&tag.to_le_bytes());
    put(&2u16.to_le_bytes());
    put(&(RATE as u32).to_le_bytes());
    put(&(OCTETS_PER_SECOND as u32).to_le_bytes());
    put(&2u16.to_le_bytes());
    put(&8u16.to_le_bytes());
    put(&0u16.to_le_bytes());
    put(b"fact");
    put(&4u32.to_le_bytes());
    put(&(octets / 2).to_le_bytes());
    put(b"data");
    put(&octets.to_le_bytes());
    header
}

/// What a header of ours says: the law.
fn law_of(header: &[u8; HEADER as usize]) -> Option<Law> {
    [Law::A, Law::Mu].into_iter().find(|law| {
        let ours = self::header(*law, 0);
        // All but the three sizes.
        [(0..4), (8..46), (50..54)]
            .into_iter()
            .all(|range| header.get(range.clone()) == ours.get(range))
    })
}

/// What was found in a recording that was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Size of the file.
    pub bytes: u64,
}

/// Makes a recording that was cut off by a crash or a power cut say all that is in it, and reads how long it is. One
/// that was finished stays as it is. Blocks.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] when the file is no recording or holds no sample; otherwise what the system says.
pub fn recover(path: &Path) -> io::Result<Recovered> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut found = [0u8; HEADER as usize];
    file.read_exact_at(&mut found, 0)
        .map_err(|_| no_recording())?;
    let law = law_of(&found).ok_or_else(no_recording)?;
    let claimed = u64::from(u32::from_le_bytes([
        found[54], found[55], found[56], found[57],
    ]));
    let stored = (file.metadata()?.len() - HEADER).min(LARGEST) / 2 * 2;
    let octets = written(&file, claimed.min(stored), stored)?;
    if octets == 0 {
        return Err(no_recording());
    }
    finish(&file, law, octets)?;
    Ok(Recovered {
        duration_ms: octets * 1_000 / OCTETS_PER_SECOND,
        bytes: HEADER + octets,
    })
}

/// Octets of samples up to `stored` that were written: from `claimed` on there may be blocks that the disk has room for
/// and never got, which read as zeros.
fn written(file: &File, claimed: u64, stored: u64) -> io::Result<u64> {
    const BLOCK: u64 = 512;
    let mut block = [0u8; BLOCK as usize];
    let mut at = claimed;
    while at < stored {
        // In step with the blocks of the file.
        let length = (BLOCK - (HEADER + at) % BLOCK).min(stored - at);
        let Some(block) = block.get_mut(..length as usize) else {
            break;
        };
        file.read_exact_at(block, HEADER + at)?;
        if block.iter().all(|octet| *octet == 0) {
            return Ok(at / 2 * 2);
        }
        at += length;
    }
    Ok(stored)
}

fn finish(file: &File, law: Law, octets: u64) -> io::Result<()> {
    let wanted = header(law, octets);
    let mut found = [0u8; HEADER as usize];
    file.read_exact_at(&mut found, 0)?;
    if found == wanted && file.metadata()?.len() == HEADER + octets {
        return Ok(());
    }
    file.set_len(HEADER + octets)?;
    file.sync_data()?;
    file.write_all_at(&wanted, 0)?;
    file.sync_data()
}

/// How loud a recording is along its length: for each of `points` stretches the highest amplitude of either side, 0-100.
/// Of a long stretch a part is looked at. Blocks.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] when the file is no recording; otherwise what the system says.
pub fn waveform(path: &Path, points: usize) -> io::Result<[Vec<u8>; 2]> {
    /// Octets looked at in a stretch at most.
    const LOOK: u64 = 8_192;
    let file = File::open(path)?;
    let mut found = [0u8; HEADER as usize];
    file.read_exact_at(&mut found, 0)
        .map_err(|_| no_recording())?;
    let law = law_of(&found).ok_or_else(no_recording)?;
    let frames = (file.metadata()?.len() - HEADER) / 2;
    let points = (points as u64).min(frames).max(1);
    let mut sides = [Vec::new(), Vec::new()];
    let mut octets = Vec::new();
    for point in 0..points {
        let (from, to) = (
            frames * point / points * 2,
            frames * (point + 1) / points * 2,
        );
        octets.resize((to - from).min(LOOK) as usize, 0);
        file.read_exact_at(&mut octets, HEADER + from)?;
        for (channel, side) in sides.iter_mut().enumerate() {
            let mut peak = 0u32;
            for frame in octets.as_chunks::<2>().0 {
                let mut sample = [0i16];
                law.decode(&frame[channel..=channel], &mut sample);
                peak = peak.max(u32::from(sample[0].unsigned_abs()));
            }
            side.push((peak * 100 / u32::from(i16::MAX.unsigned_abs())).min(100) as u8);
        }
    }
    Ok(sides)
}

fn no_recording() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no recording")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_what_the_format_says() {
        let header = header(Law::A, 32_000);
        assert_eq!(header.len() as u64, HEADER);
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        assert_eq!(word(4), 32_000 + 50);
        assert_eq!(&header[8..16], b"WAVEfmt ");
        assert_eq!(&header[20..24], [6, 0, 2, 0]);
        assert_eq!(word(28), 16_000);
        assert_eq!(&header[38..42], b"fact");
        assert_eq!(word(46), 16_000);
        assert_eq!(&header[50..54], b"data");
        assert_eq!(word(54), 32_000);
    }

    #[test]
    fn a_cut_off_recording_says_all_that_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.wav");
        let mut octets = header(Law::Mu, 16_000).to_vec();
        octets.resize(HEADER as usize + 48_001, 0xFF);
        std::fs::write(&path, &octets).unwrap();
        let recovered = recover(&path).unwrap();
        assert_eq!(recovered.duration_ms, 3_000);
        assert_eq!(recovered.bytes, HEADER + 48_000);
        let healed = std::fs::read(&path).unwrap();
        assert_eq!(healed[..HEADER as usize], header(Law::Mu, 48_000));
        assert_eq!(recover(&path).unwrap(), recovered);
    }

    #[test]
    fn a_waveform_shows_where_each_side_is_loud() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wave.wav");
        let mut octets = header(Law::A, 32_000).to_vec();
        for frame in 0..16_000 {
            // Full scale on the left in the first half, on the right in the second.
            let (loud, quiet) = (0x2A, Law::A.silence());
            octets.extend(if frame < 8_000 {
                [loud, quiet]
            } else {
                [quiet, loud]
            });
        }
        std::fs::write(&path, &octets).unwrap();
        let [left, right] = waveform(&path, 10).unwrap();
        assert_eq!(left, [[98u8; 5], [0; 5]].concat());
        assert_eq!(right, [[0u8; 5], [98; 5]].concat());
        assert_eq!(waveform(&path, 100_000).unwrap()[0].len(), 16_000);
    }

    #[test]
    fn what_is_no_recording_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.wav");
        for content in [&b"RIFF"[..], &[0; 100], &header(Law::A, 0)] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(
                recover(&path).unwrap_err().kind(),
                io::ErrorKind::InvalidData
            );
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
    }
}
