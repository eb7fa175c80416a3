//! What somebody hears who was connected already and is passed on: that it rings at the other end.
//!
//! Whoever calls hears it from his own phone or his exchange, but for MFC-R2, where the called side gives it; who has been talking hears it from the gateway.

use std::f64::consts::TAU;
use std::sync::{Arc, OnceLock};

use ramal_media::{PlayHandle, Prompt, Repeat, Sound};

use crate::leg::Leg;

/// Hz; ITU-T E.180 recommends 400-450 Hz.
const FREQUENCY: f64 = 425.0;
/// Milliseconds of tone in each period.
const ON: u32 = 1000;
/// Milliseconds of silence in each period.
const OFF: u32 = 4000;
/// Peak of the tone, about -15 dBm0.
const AMPLITUDE: f64 = 4000.0;
/// Samples in a millisecond.
const SAMPLES: u32 = 8;

/// Lets a leg hear the tone for as long as the handle is kept; `None` when it has no media.
pub(crate) fn play(leg: &dyn Leg) -> Option<PlayHandle> {
    let sounds = vec![Sound::Prompt(tone()), Sound::Silence { ms: OFF }];
    leg.stream()?
        .play(sounds, Repeat::Forever)
        .inspect_err(|error| tracing::error!(%error, "cannot play the ringing tone"))
        .ok()
}

fn tone() -> Arc<Prompt> {
    static TONE: OnceLock<Arc<Prompt>> = OnceLock::new();
    TONE.get_or_init(|| {
        let rate = f64::from(SAMPLES) * 1000.0;
        let sample = |n: u32| (AMPLITUDE * (TAU * FREQUENCY * f64::from(n) / rate).sin()) as i16;
        let samples: Vec<i16> = (0..ON * SAMPLES).map(sample).collect();
        Arc::new(Prompt::new("ringback", &samples))
    })
    .clone()
}
