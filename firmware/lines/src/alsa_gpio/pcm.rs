//! The sound of a line card through ALSA (`snd_pcm`).

use std::time::{Duration, Instant};

use alsa::pcm::{Access, Format, HwParams, PCM};
use alsa::{Direction, ValueOr};
use nix::libc;
use ramal_dsp::{FRAME_SAMPLES, Law};

use super::{Pcm, PcmError};
use crate::analogue::BLOCK;

/// Frames a second: every codec of telephone lines has this rate.
const RATE: u32 = 8_000;
/// Frames between two wake-ups, 5 ms: the less, the sooner a block is seen.
const PERIOD: alsa::pcm::Frames = 40;
/// Blocks that the card's buffers hold: what a thread that was late finds.
const BUFFER: usize = 8;
/// Blocks of silence that are played before the first: what is played lies so far ahead.
const LEAD: usize = 2;
/// A card whose clock stands still for so long is gone.
const PATIENCE: Duration = Duration::from_millis(500);
/// Blocks of sound that may be taken at once before it is looked whether something was lost.
const SLOT_LIMIT: u32 = 128;

/// A PCM of the kernel with a time slot for each line. It is opened when the first sound is wanted, and again whenever it
/// was lost: a card may be taken out and put back.
pub struct AlsaPcm {
    device: String,
    slots: u32,
    law: Law,
    open: Option<Streams>,
    /// The end of the last block.
    last: Option<Instant>,
    /// One block as linear samples, for cards that have no other.
    samples: Vec<i16>,
}

struct Streams {
    playback: PCM,
    capture: PCM,
    companded: bool,
}

fn gone(device: &str, error: &dyn std::fmt::Display) -> PcmError {
    PcmError::Gone(format!("{device}: {error}"))
}

impl AlsaPcm {
    /// A PCM by its ALSA name, such as `hw:CARD=peb2466`, with so many time slots of companded sound. A card that has only
    /// linear samples is companded here.
    #[must_use]
    pub fn new(device: &str, slots: usize, law: Law) -> Self {
        AlsaPcm {
            device: device.to_owned(),
            slots: u32::try_from(slots).unwrap_or(SLOT_LIMIT).min(SLOT_LIMIT),
            law,
            open: None,
            last: None,
            samples: vec![0; slots * FRAME_SAMPLES],
        }
    }

    fn start(&self) -> Result<Streams, alsa::Error> {
        let open = |direction| PCM::new(&self.device, direction, true);
        let (playback, capture) = (open(Direction::Playback)?, open(Direction::Capture)?);
        let companded = self.set(&playback)?;
        if self.set(&capture)? != companded {
            return Err(alsa::Error::new("snd_pcm_hw_params", libc::EINVAL));
        }
        let streams = Streams {
            playback,
            capture,
            companded,
        };
        streams.run(self.slots, self.law)?;
        Ok(streams)
    }

    /// Sets rate, slots and buffers of one direction; whether its samples are companded.
    fn set(&self, pcm: &PCM) -> Result<bool, alsa::Error> {
        let params = HwParams::any(pcm)?;
        params.set_access(Access::RWInterleaved)?;
        params.set_rate_resample(false)?;
        let law = match self.law {
            Law::A => Format::ALaw,
            Law::Mu => Format::MuLaw,
        };
        let companded = params.test_format(law).is_ok();
        params.set_format(if companded { law } else { Format::s16() })?;
        params.set_channels(self.slots)?;
        params.set_rate(RATE, ValueOr::Nearest)?;
        params.set_period_size_near(PERIOD, ValueOr::Nearest)?;
        let frames = alsa::pcm::Frames::try_from(BUFFER * FRAME_SAMPLES).unwrap_or(PERIOD);
        params.set_buffer_size_near(frames)?;
        pcm.hw_params(&params)?;
        Ok(companded)
    }
}

impl Streams {
    /// Starts both directions, silence first.
    fn run(&self, slots: u32, law: Law) -> Result<(), alsa::Error> {
        self.playback.prepare()?;
        self.capture.prepare()?;
        let samples = LEAD * FRAME_SAMPLES * usize::try_from(slots).unwrap_or(0);
        if self.companded {
            self.write(&vec![law.silence(); samples])?;
        } else {
            self.write_linear(&vec![0; samples])?;
        }
        // Playback begins by itself with its first frames. A capture that waits for its other end would fail.
        self.capture.start()
    }

    fn write(&self, octets: &[u8]) -> Result<(), alsa::Error> {
        let io = self.playback.io_bytes();
        let frame = usize::try_from(self.playback.frames_to_bytes(1)).unwrap_or(1);
        carry(&self.playback, octets.len(), |from| {
            let written = io.writei(octets.get(from..).unwrap_or_default())?;
            Ok(written * frame)
        })
    }

    fn write_linear(&self, samples: &[i16]) -> Result<(), alsa::Error> {
        let io = self.playback.io_i16()?;
        let frame = usize::try_from(self.playback.frames_to_bytes(1)).unwrap_or(2) / 2;
        carry(&self.playback, samples.len(), |from| {
            let written = io.writei(samples.get(from..).unwrap_or_default())?;
            Ok(written * frame)
        })
    }

    fn read(&self, octets: &mut [u8]) -> Result<(), alsa::Error> {
        let io = self.capture.io_bytes();
        let frame = usize::try_from(self.capture.frames_to_bytes(1)).unwrap_or(1);
        carry(&self.capture, octets.len(), |from| {
            let read = io.readi(octets.get_mut(from..).unwrap_or_default())?;
            Ok(read * frame)
        })
    }

    fn read_linear(&self, samples: &mut [i16]) -> Result<(), alsa::Error> {
        let io = self.capture.io_i16()?;
        let frame = usize::try_from(self.capture.frames_to_bytes(1)).unwrap_or(2) / 2;
        carry(&self.capture, samples.len(), |from| {
            let read = io.readi(samples.get_mut(from..).unwrap_or_default())?;
            Ok(read * frame)
        })
    }
}

/// Moves `length` samples in as many steps as the card wants.
fn carry(
    pcm: &PCM,
    length: usize,
    mut step: impl FnMut(usize) -> Result<usize, alsa::Error>,
) -> Result<(), alsa::Error> {
    let mut moved = 0;
    while moved < length {
        match step(moved) {
            Ok(count) => moved += count,
            Err(error) if error.errno() == libc::EAGAIN => {
                let patience = u32::try_from(PATIENCE.as_millis()).unwrap_or(u32::MAX);
                if !pcm.wait(Some(patience))? {
                    return Err(alsa::Error::new("snd_pcm_wait", libc::ETIMEDOUT));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Pcm for AlsaPcm {
    const BUFFERED: usize = LEAD;

    fn exchange(&mut self, play: &[u8], captured: &mut [u8]) -> Result<(), PcmError> {
        captured.fill(self.law.silence());
        if self.open.is_none() {
            let streams = self.start().map_err(|error| gone(&self.device, &error))?;
            self.open = Some(streams);
            self.last = None;
        }
        let Some(streams) = &self.open else {
            return Ok(());
        };
        let moved = if streams.companded {
            streams.write(play).and_then(|()| streams.read(captured))
        } else {
            self.law.decode(play, &mut self.samples);
            let samples = &mut self.samples;
            let moved = streams.write_linear(samples);
            let moved = moved.and_then(|()| streams.read_linear(samples));
            if moved.is_ok() {
                self.law.encode(samples, captured);
            }
            moved
        };
        let now = Instant::now();
        match moved {
            Ok(()) => {
                self.last = Some(now);
                Ok(())
            }
            // Overrun or underrun: this thread was late. Both directions begin anew.
            Err(error) if error.errno() == libc::EPIPE => {
                match streams.run(self.slots, self.law) {
                    Ok(()) => {
                        captured.fill(self.law.silence());
                        let last = self.last.replace(now).unwrap_or(now);
                        // The block that is given back now is none of what was lost.
                        let lost = now.saturating_duration_since(last).saturating_sub(BLOCK);
                        Err(PcmError::Lost(lost))
                    }
                    Err(error) => {
                        self.open = None;
                        Err(gone(&self.device, &error))
                    }
                }
            }
            Err(error) => {
                self.open = None;
                Err(gone(&self.device, &error))
            }
        }
    }
}
