//! Comfort noise (RFC 3389) for far ends that packets are passed on to: they were never asked whether they take any, and
//! without it they would hear the line go dead between the words.

use std::time::Instant;

use ramal_dsp::{FRAME_SAMPLES, Noise};

use crate::playout::noise_level;
use crate::reactor::Reactor;
use crate::stream::RtpStream;
use crate::transmission::Source;
use crate::{Codec, SampleRate};

/// The other side is silent, and has said how much is heard of it.
pub(crate) struct Hush {
    /// Level of the background, dBm0.
    level: f64,
    noise: Noise,
}

impl Hush {
    /// Silence of the lowest level.
    pub(crate) fn new() -> Self {
        Hush {
            level: noise_level(u8::MAX),
            noise: Noise::new(0x52),
        }
    }

    /// Takes the level in the first octet of a comfort noise packet (RFC 3389 §3.1).
    pub(crate) fn set_level(&mut self, octet: u8) {
        self.level = noise_level(octet);
    }

    fn frame(&mut self) -> [i16; FRAME_SAMPLES] {
        let mut samples = [0; FRAME_SAMPLES];
        self.noise.add(&mut samples, self.level);
        samples
    }
}

impl RtpStream {
    /// Sends 20 ms of the other side's background, while that is all there is of it.
    pub(crate) fn send_hush(&mut self, source: Source, now: Instant, out: &mut Reactor) {
        let Some(samples) = self.hush.as_mut().map(Hush::frame) else {
            return;
        };
        match self.send_codec().and_then(Codec::law) {
            Some(law) => {
                let mut frame = [0; FRAME_SAMPLES];
                law.encode(&samples, &mut frame);
                self.send_frame(&frame, source, now, out);
            }
            None => self.send_samples(&samples, SampleRate::Narrow, source, now, out),
        }
    }
}
