//! Encoding of recordings, once for each codec, on a thread of its own and when somebody first hears them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use super::Prompt;
use super::recording::Samples;
use crate::codec::{Encoder, LONGEST_FRAME, SampleRate};
use crate::{Codec, MediaError};

/// Frames that are encoded, and become audible, together: 2 s.
pub(super) const SEGMENT: usize = 100;
/// Recordings that may wait; one more is asked for again by the next tick of whoever hears it.
const WAITING: usize = 256;
/// Some encoded frames.
pub(super) struct Segment {
    octets: Box<[u8]>,
    /// Where each frame ends.
    ends: Box<[u32]>,
}

impl Segment {
    pub(super) fn octets(&self) -> usize {
        self.octets.len()
    }

    pub(super) fn frame(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)? as usize;
        let start = match index {
            0 => 0,
            _ => *self.ends.get(index - 1)? as usize,
        };
        self.octets.get(start..end)
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
    let mut open: VecDeque<Open> = VecDeque::new();
    loop {
        if open.is_empty() {
            match jobs.recv() {
                Ok(job) => open.extend(Open::new(job)),
                Err(_) => return,
            }
        }
        loop {
            match jobs.try_recv() {
                Ok(job) => open.extend(Open::new(job)),
                Err(TryRecvError::Empty) => break,
                // Nobody can ask any more, or hear.
                Err(TryRecvError::Disconnected) => return,
            }
        }
        if let Some(mut next) = open.pop_front()
            && next.advance()
        {
            open.push_back(next);
        }
    }
}

/// A recording that is being encoded; the encoder's state goes from segment to segment.
struct Open {
    job: Job,
    samples: Samples,
    encoder: Encoder,
    number: usize,
}

impl Open {
    fn new(job: Job) -> Option<Self> {
        let encoder = job
            .prompt
            .band()
            .and_then(|band| Encoder::new(job.codec, band));
        let opened = encoder.and_then(|encoder| Some((job.prompt.samples()?, encoder)));
        if opened.is_none() {
            job.prompt.keep(job.codec, 0, None);
        }
        let (samples, encoder) = opened?;
        Some(Self {
            encoder,
            samples,
            job,
            number: 0,
        })
    }

    /// Encodes the next segment; whether there is another one.
    fn advance(&mut self) -> bool {
        let prompt = &self.job.prompt;
        let segment = prompt.next_segment(&mut self.samples, &mut self.encoder);
        let more = prompt.keep(self.job.codec, self.number, segment)
            && (self.number + 1) * SEGMENT < prompt.frames();
        self.number += 1;
        more
    }
}

/// Encodes samples, padded with silence to whole frames.
pub(super) fn encode_samples(samples: &[i16], band: SampleRate, encoder: &mut Encoder) -> Segment {
    let (mut octets, mut ends) = (Vec::new(), Vec::new());
    let mut frame = [0u8; LONGEST_FRAME];
    for chunk in samples.chunks(band.frame()) {
        let mut whole = [0i16; SampleRate::Wide.frame()];
        let whole = &mut whole[..band.frame()];
        whole[..chunk.len()].copy_from_slice(chunk);
        let length = encoder.encode(whole, band, &mut frame);
        octets.extend_from_slice(&frame[..length]);
        ends.push(octets.len() as u32);
    }
    Segment {
        octets: octets.into(),
        ends: ends.into(),
    }
}
