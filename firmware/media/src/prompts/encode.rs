//! Encoding of recordings, once for each codec, on a thread of its own and when somebody first hears them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use ramal_dsp::{FRAME_SAMPLES, resample};

use super::Prompt;
use super::wave::Recording;
use crate::{Codec, MediaError};

/// Frames that are encoded, and become audible, together: 2 s.
pub(super) const SEGMENT: usize = 100;
/// Recordings that may wait; one more is asked for again by the next tick of whoever hears it.
const WAITING: usize = 256;
/// Samples read to each side of a segment, so that the conversion of the rate does not hear its ends.
const MARGIN: u64 = 400;

/// Some encoded frames.
pub(super) struct Segment {
    octets: Box<[u8]>,
    /// Octets of a frame.
    frame: usize,
}

impl Segment {
    pub(super) fn octets(&self) -> usize {
        self.octets.len()
    }

    pub(super) fn frame(&self, index: usize) -> Option<&[u8]> {
        self.octets
            .get(index * self.frame..(index + 1) * self.frame)
    }
}

/// A recording to be encoded.
pub(super) struct Job {
    pub(super) prompt: Arc<Prompt>,
    pub(super) codec: Codec,
}

/// The way to the thread that encodes; it ends with the last clone. Asking neither waits nor allocates.
#[derive(Clone, Debug)]
pub struct Encoding(SyncSender<Job>);

impl Encoding {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start() -> Result<Self, MediaError> {
        let (sender, jobs) = sync_channel(WAITING);
        thread::Builder::new()
            .name("media-encode".to_owned())
            .spawn(move || work(&jobs))
            .map_err(|error| MediaError::system("start the encoding thread", error))?;
        Ok(Self(sender))
    }

    /// Whether the job was taken.
    pub(super) fn ask(&self, job: Job) -> bool {
        self.0.try_send(job).is_ok()
    }
}

/// Encodes a segment of each job in turn, so that a short prompt never waits for a long piece of music.
fn work(jobs: &Receiver<Job>) {
    let mut open: VecDeque<(Job, usize)> = VecDeque::new();
    loop {
        if open.is_empty() {
            match jobs.recv() {
                Ok(job) => open.push_back((job, 0)),
                Err(_) => return,
            }
        }
        loop {
            match jobs.try_recv() {
                Ok(job) => open.push_back((job, 0)),
                Err(TryRecvError::Empty) => break,
                // Nobody can ask any more, or hear.
                Err(TryRecvError::Disconnected) => return,
            }
        }
        let Some((job, number)) = open.pop_front() else {
            continue;
        };
        if job.prompt.encode_segment(job.codec, number) {
            open.push_back((job, number + 1));
        }
    }
}

/// Encodes the segment `number` of a recording, padded with silence to whole frames.
pub(super) fn encode(
    recording: &Recording,
    codec: Codec,
    number: usize,
) -> std::io::Result<Option<Segment>> {
    let Some(rate) = codec.sample_rate().map(|rate| rate.hertz()) else {
        return Ok(None);
    };
    let per_segment = SEGMENT as u64 * u64::from(recording.rate) / 50;
    let first = number as u64 * per_segment;
    let samples = if rate == recording.rate {
        recording.read(first, per_segment as usize)?
    } else {
        let before = first.min(MARGIN);
        let around = recording.read(first - before, (per_segment + before + MARGIN) as usize)?;
        let around: Vec<f32> = around.iter().map(|&sample| f32::from(sample)).collect();
        let length = recording.samples.saturating_sub(first).min(per_segment);
        let at = |samples: u64| (samples * u64::from(rate) / u64::from(recording.rate)) as usize;
        let converted = resample(&around, recording.rate, rate);
        let end = (at(before) + at(length)).min(converted.len());
        let wanted = converted.get(at(before)..end).unwrap_or_default();
        wanted.iter().map(|sample| sample.round() as i16).collect()
    };
    Ok(encode_samples(&samples, codec))
}

/// Encodes samples that have the codec's rate; `None` for codecs there is no encoder for.
pub(super) fn encode_samples(samples: &[i16], codec: Codec) -> Option<Segment> {
    let per_frame = codec.sample_rate()?.frame();
    let frames = samples.len().div_ceil(per_frame);
    if let Some(law) = codec.law() {
        let mut octets = vec![law.silence(); frames * FRAME_SAMPLES];
        law.encode(samples, &mut octets);
        return Some(Segment {
            octets: octets.into(),
            frame: FRAME_SAMPLES,
        });
    }
    if let Codec::L16(_) = codec {
        let mut octets: Vec<u8> = samples
            .iter()
            .flat_map(|sample| sample.to_be_bytes())
            .collect();
        octets.resize(frames * per_frame * 2, 0);
        return Some(Segment {
            octets: octets.into(),
            frame: per_frame * 2,
        });
    }
    None
}
