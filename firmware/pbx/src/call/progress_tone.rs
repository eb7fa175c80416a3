//! Tones of the company's country that the gateway itself gives.
//!
//! Whoever calls hears the ringing tone from his own phone or his exchange, but for MFC-R2, where the called side gives it; who has been
//! talking, and is passed on or turned away, hears its tones from the gateway.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ramal_dsp::{CadenceGenerator, CountryTones};
use ramal_media::{PlayHandle, Prompt, Repeat, Sound};
use ramal_model::Configuration;

use crate::leg::Leg;

/// What a tone says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ProgressTone {
    /// The called party is being alerted.
    Ringing,
    /// The called party is busy.
    Busy,
}

/// Samples in a millisecond.
const SAMPLES: u32 = 8;
/// Milliseconds of a tone without pauses that are kept.
const CONTINUOUS: u32 = 1000;

/// The tones of the country a company is in.
pub(crate) fn tones_of(configuration: &Configuration) -> &'static CountryTones {
    let country = configuration.company().map(|company| &company.country);
    country
        .and_then(|country| CountryTones::of(country.code()))
        .unwrap_or_else(CountryTones::recommended)
}

/// Lets a leg hear the tone for as long as the handle is kept; `None` when it has no media.
pub(crate) fn play(
    leg: &dyn Leg,
    tones: &'static CountryTones,
    tone: ProgressTone,
) -> Option<PlayHandle> {
    let sounds = vec![Sound::Prompt(prompt(tones, tone))];
    leg.stream()?
        .play(sounds, Repeat::Forever)
        .inspect_err(|error| tracing::error!(%error, ?tone, "a tone cannot be played"))
        .ok()
}

/// One period of the tone, made once.
fn prompt(tones: &'static CountryTones, tone: ProgressTone) -> Arc<Prompt> {
    type Made = HashMap<(&'static str, ProgressTone), Arc<Prompt>>;
    static MADE: Mutex<Option<Made>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = made.get_or_insert_default();
    let prompt = made.entry((tones.country, tone)).or_insert_with(|| {
        let (name, cadence) = match tone {
            ProgressTone::Ringing => ("ringback", tones.ringback),
            ProgressTone::Busy => ("busy", tones.busy),
        };
        let milliseconds = match cadence.period_ms() {
            0 => CONTINUOUS,
            period => period,
        };
        let mut generator = CadenceGenerator::new(cadence);
        let samples: Vec<i16> = (0..milliseconds * SAMPLES)
            .map(|_| generator.next_sample())
            .collect();
        Arc::new(Prompt::new(name, &samples))
    });
    Arc::clone(prompt)
}
