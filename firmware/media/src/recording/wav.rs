//! The WAV files recordings are (RIFF, "Multimedia Programming Interface and Data Specifications 1.0"; the companded
//! formats by RFC 2361): two channels; 8,000 samples a second of eight bits in A-law or mu-law, or 8,000 or 16,000 of
//! sixteen linear bits.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ramal_dsp::Law;

use super::form::Form;

/// Octets before the samples: RIFF and WAVE, `fmt ` with 18, `fact` with 4, and the head of `data`.
pub(super) const HEADER: u64 = 58;
/// Octets of the most that is written in a second.
const WIDEST: u64 = 64_000;
/// Octets of samples that sizes of 32 bits can say, in whole seconds of any form: 74 hours of G.711, 18 of wide speech.
pub(super) const LARGEST: u64 = (u32::MAX as u64 - HEADER) / WIDEST * WIDEST;

/// Tags of the sample formats (RFC 2361, appendix A).
const TAG_PCM: u16 = 1;
const TAG_ALAW: u16 = 6;
const TAG_MULAW: u16 = 7;

/// A header for so many octets of samples.
pub(super) fn header(form: Form, octets: u64) -> [u8; HEADER as usize] {
    let octets = octets.min(LARGEST) as u32;
    let tag = match form {
        Form::Companded(Law::A) => TAG_ALAW,
        Form::Companded(Law::Mu) => TAG_MULAW,
        Form::Linear(_) => TAG_PCM,
    };
    let block = form.block() as u32;
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
    put(&form.rate().hertz().to_le_bytes());
    put(&(form.octets_per_second() as u32).to_le_bytes());
    put(&(block as u16).to_le_bytes());
    put(&(8 * form.width() as u16).to_le_bytes());
    put(&0u16.to_le_bytes());
    put(b"fact");
    put(&4u32.to_le_bytes());
    put(&(octets / block).to_le_bytes());
    put(b"data");
    put(&octets.to_le_bytes());
    header
}

/// What a header of ours says.
pub(super) fn form_of(header: &[u8; HEADER as usize]) -> Option<Form> {
    Form::ALL.into_iter().find(|form| {
        let ours = self::header(*form, 0);
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
    let form = form_of(&found).ok_or_else(no_recording)?;
    let claimed = u64::from(u32::from_le_bytes([
        found[54], found[55], found[56], found[57],
    ]));
    let block = form.block();
    let stored = (file.metadata()?.len() - HEADER).min(LARGEST) / block * block;
    let octets = written(&file, claimed.min(stored), stored)? / block * block;
    if octets == 0 {
        return Err(no_recording());
    }
    finish(&file, form, octets)?;
    Ok(Recovered {
        duration_ms: octets * 1_000 / form.octets_per_second(),
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
            return Ok(at);
        }
        at += length;
    }
    Ok(stored)
}

fn finish(file: &File, form: Form, octets: u64) -> io::Result<()> {
    let wanted = header(form, octets);
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
    let form = form_of(&found).ok_or_else(no_recording)?;
    let block = form.block();
    let frames = (file.metadata()?.len() - HEADER) / block;
    let points = (points as u64).min(frames).max(1);
    let mut sides = [Vec::new(), Vec::new()];
    let mut octets = Vec::new();
    for point in 0..points {
        let (from, to) = (
            frames * point / points * block,
            frames * (point + 1) / points * block,
        );
        octets.resize((to - from).min(LOOK) as usize, 0);
        file.read_exact_at(&mut octets, HEADER + from)?;
        for (channel, side) in sides.iter_mut().enumerate() {
            let mut peak = 0u32;
            for frame in octets.chunks_exact(block as usize) {
                let sample = match (form, frame) {
                    (Form::Companded(law), [..]) => {
                        let mut sample = [0i16];
                        law.decode(frame.get(channel..).unwrap_or_default(), &mut sample);
                        sample[0]
                    }
                    (Form::Linear(_), [a, b, c, d]) => {
                        i16::from_le_bytes([[*a, *b], [*c, *d]][channel])
                    }
                    (Form::Linear(_), _) => 0,
                };
                peak = peak.max(u32::from(sample.unsigned_abs()));
            }
            side.push((peak * 100 / u32::from(i16::MAX.unsigned_abs())).min(100) as u8);
        }
    }
    Ok(sides)
}

pub(super) fn no_recording() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no recording")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SampleRate;

    const ALAW: Form = Form::Companded(Law::A);
    const ULAW: Form = Form::Companded(Law::Mu);

    #[test]
    fn the_header_is_what_the_format_says() {
        let header = header(ALAW, 32_000);
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
        let mut octets = header(ULAW, 16_000).to_vec();
        octets.resize(HEADER as usize + 48_001, 0xFF);
        std::fs::write(&path, &octets).unwrap();
        let recovered = recover(&path).unwrap();
        assert_eq!(recovered.duration_ms, 3_000);
        assert_eq!(recovered.bytes, HEADER + 48_000);
        let healed = std::fs::read(&path).unwrap();
        assert_eq!(healed[..HEADER as usize], header(ULAW, 48_000));
        assert_eq!(recover(&path).unwrap(), recovered);
    }

    #[test]
    fn linear_recordings_have_headers_of_their_own() {
        let header = header(Form::Linear(SampleRate::Wide), 640_000);
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        assert_eq!(&header[20..24], [1, 0, 2, 0]);
        assert_eq!((word(24), word(28)), (16_000, 64_000));
        assert_eq!(&header[32..36], [4, 0, 16, 0]);
        assert_eq!((word(46), word(54)), (160_000, 640_000));
        for form in Form::ALL {
            assert_eq!(form_of(&self::header(form, 1_000)), Some(form));
        }
    }

    #[test]
    fn a_cut_off_linear_recording_keeps_its_silence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.wav");
        let form = Form::Linear(SampleRate::Wide);
        let mut octets = header(form, 64_000).to_vec();
        form.append(&[0; 3 * 32_000], &mut octets);
        // What the disk has room for and never got, and a sample that is cut.
        octets.resize(octets.len() + 10_001, 0);
        std::fs::write(&path, &octets).unwrap();
        let recovered = recover(&path).unwrap();
        // The rest of a block of the disk counts as written.
        assert!(
            (3_000..=3_008).contains(&recovered.duration_ms),
            "{recovered:?}"
        );
        let [left, right] = waveform(&path, 3).unwrap();
        assert_eq!((left, right), (vec![0; 3], vec![0; 3]));
    }

    #[test]
    fn a_waveform_shows_where_each_side_is_loud() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wave.wav");
        let mut octets = header(ALAW, 32_000).to_vec();
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
        for content in [&b"RIFF"[..], &[0; 100], &header(ALAW, 0)] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(
                recover(&path).unwrap_err().kind(),
                io::ErrorKind::InvalidData
            );
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
    }
}
