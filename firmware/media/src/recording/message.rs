//! Voice messages: of a recording only what the far end said is kept, as sound that every player and mail program takes.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::form::Form;
use super::wav::{self, HEADER};

/// Octets before the samples of a message: RIFF and WAVE, `fmt ` with 16, and the head of `data`.
const MESSAGE_HEADER: u64 = 44;
/// Samples converted at a time.
const PIECE: usize = 16_384;

/// A message on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Size of the file.
    pub bytes: u64,
}

/// Makes a message of a finished recording: its left side up to `at_most_ms`, mono, 16-bit PCM at the rate it has. The file
/// keeps its name; it is the recording or the message whenever the power fails. One that is a message already stays as it
/// is. Blocks.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] when the file is neither; otherwise what the system says.
pub fn keep_message(path: &Path, at_most_ms: u64) -> io::Result<Message> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut found = [0u8; HEADER as usize];
    let head = found
        .get_mut(..(length.min(HEADER)) as usize)
        .unwrap_or_default();
    file.read_exact_at(head, 0)?;
    if let Some(message) = message_of(&found, length) {
        return Ok(message);
    }
    let form = wav::form_of(&found).ok_or_else(wav::no_recording)?;
    let stored = length.saturating_sub(HEADER) / form.block();
    let rate = u64::from(form.rate().hertz());
    let samples = stored.min(at_most_ms.saturating_mul(rate) / 1_000);
    let beside = path.with_extension("part");
    let mut made = File::create(&beside)?;
    made.write_all(&message_header(rate as u32, samples))?;
    let mut octets = Vec::new();
    let mut at = 0;
    while at < samples {
        let count = (samples - at).min(PIECE as u64);
        octets.resize((count * form.block()) as usize, 0);
        file.read_exact_at(&mut octets, HEADER + at * form.block())?;
        made.write_all(&left(form, &octets))?;
        at += count;
    }
    made.sync_all()?;
    std::fs::rename(&beside, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(Message {
        duration_ms: samples * 1_000 / rate,
        bytes: MESSAGE_HEADER + 2 * samples,
    })
}

/// The left side of some blocks, as 16-bit samples.
fn left(form: Form, octets: &[u8]) -> Vec<u8> {
    match form {
        Form::Companded(law) => {
            let (pairs, _) = octets.as_chunks::<2>();
            let companded: Vec<u8> = pairs.iter().map(|[left, _]| *left).collect();
            let mut samples = vec![0i16; companded.len()];
            law.decode(&companded, &mut samples);
            samples
                .iter()
                .flat_map(|sample| sample.to_le_bytes())
                .collect()
        }
        Form::Linear(_) => {
            let (blocks, _) = octets.as_chunks::<4>();
            blocks.iter().flat_map(|[a, b, _, _]| [*a, *b]).collect()
        }
    }
}

fn message_header(rate: u32, samples: u64) -> [u8; MESSAGE_HEADER as usize] {
    let octets = (2 * samples).min(u64::from(u32::MAX) - MESSAGE_HEADER) as u32;
    let mut header =
        *b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\x02\0\x10\0data\0\0\0\0";
    let mut put = |at: usize, value: u32| {
        if let Some(place) = header.get_mut(at..at + 4) {
            place.copy_from_slice(&value.to_le_bytes());
        }
    };
    put(4, octets + MESSAGE_HEADER as u32 - 8);
    put(24, rate);
    put(28, 2 * rate);
    put(40, octets);
    header
}

/// What a header of ours says of a message.
fn message_of(found: &[u8; HEADER as usize], length: u64) -> Option<Message> {
    let &[.., r0, r1, r2, r3] = found.get(..28)? else {
        return None;
    };
    let rate = u32::from_le_bytes([r0, r1, r2, r3]);
    let samples = length.checked_sub(MESSAGE_HEADER)? / 2;
    (rate > 0 && found.starts_with(&message_header(rate, samples))).then(|| Message {
        duration_ms: samples * 1_000 / u64::from(rate),
        bytes: length,
    })
}

#[cfg(test)]
mod tests {
    use ramal_dsp::Law;

    use super::*;
    use crate::SampleRate;

    fn recording(form: Form, block: &[u8], blocks: usize) -> Vec<u8> {
        let mut octets = wav::header(form, (block.len() * blocks) as u64).to_vec();
        (0..blocks).for_each(|_| octets.extend_from_slice(block));
        octets
    }

    #[test]
    fn the_left_side_becomes_a_message_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        for (form, block, rate) in [
            (Form::Companded(Law::A), &[0xAA, 0x55][..], 8_000usize),
            (Form::Companded(Law::Mu), &[0x80, 0xFF], 8_000),
            (Form::Linear(SampleRate::Wide), &[0x34, 0x12, 9, 9], 16_000),
        ] {
            std::fs::write(&path, recording(form, block, rate * 3)).unwrap();
            let made = keep_message(&path, 2_000).unwrap();
            assert_eq!(made.duration_ms, 2_000, "{form:?}");
            let octets = std::fs::read(&path).unwrap();
            assert_eq!(octets.len() as u64, made.bytes);
            let first = i16::from_le_bytes([octets[44], octets[45]]);
            assert!(first.unsigned_abs() > 0x1000, "{form:?}: {first}");
            assert_eq!(octets[44..46], octets[octets.len() - 2..]);
            // Again, as after a power cut between the file and its row.
            assert_eq!(keep_message(&path, 1).unwrap(), made);
            let encoding = crate::Encoding::start().unwrap();
            assert_eq!(
                crate::Prompt::open(&path, &encoding).unwrap().duration_ms(),
                2_000
            );
        }
    }

    #[test]
    fn what_is_no_recording_is_refused_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        for octets in [&b""[..], b"RIFF", &[7; 100]] {
            std::fs::write(&path, octets).unwrap();
            let error = keep_message(&path, 1_000).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), octets);
        }
    }
}
