//! What settings mean for the signalling.

use std::time::Duration;

use ramal_analog::{
    AnswerSign, CallerIdPlace, CallerIdSignalling, CallerIdSound, DialToneUse, DoubleAnswer,
    FxoSignalling, FxsSignalling, HookTiming, LeftOffHook, LineProfile, RingCadence,
    SupervisionSettings,
};
use ramal_dsp::{CadencedTone, CountryTones, LearnedCadence};
use ramal_model::{
    AnswerDetection, CallerIdSending, Country, DialToneRule, FxoSettings, FxsSettings, KeySending,
    LearnedTone,
};

use crate::LineTone;

/// First taken, then put down for so long, to be rid of a call that the called party pays for.
const DOUBLE_ANSWER: DoubleAnswer = DoubleAnswer {
    closed: Duration::from_millis(1_000),
    open: Duration::from_millis(1_500),
};

pub(super) fn tones(country: Country) -> &'static CountryTones {
    CountryTones::of(country.code()).unwrap_or(CountryTones::recommended())
}

/// A country's tone, the plain one where there are several.
pub(super) fn tone(tones: &CountryTones, tone: LineTone) -> CadencedTone {
    match tone {
        LineTone::Dial => tones.dial,
        LineTone::Recall => tones.stutter_dial,
        LineTone::Ringback => tones.ringback,
        LineTone::Busy => tones.busy,
        LineTone::Congestion => tones.congestion,
        LineTone::Confirmation => tones.confirmation,
    }
}

fn milliseconds(value: u16) -> Duration {
    Duration::from_millis(value.into())
}

pub(super) fn fxo(settings: &FxoSettings) -> FxoSignalling {
    let dial_tone = Duration::from_secs(settings.dial_tone_seconds.into());
    FxoSignalling {
        supervision: SupervisionSettings {
            answer: match settings.answer {
                AnswerDetection::Polarity => AnswerSign::Polarity,
                AnswerDetection::Voice => AnswerSign::Voice,
                AnswerDetection::AfterDialling => AnswerSign::AfterDialling(Duration::from_secs(
                    settings.answer_after_seconds.into(),
                )),
            },
            polarity_hang_up: settings.polarity_hang_up,
            loop_interruption: (settings.loop_interruption_ms > 0)
                .then(|| milliseconds(settings.loop_interruption_ms)),
            hang_up_tone: settings.busy_repetitions > 0,
            silence: (settings.silence_seconds > 0)
                .then(|| Duration::from_secs(settings.silence_seconds.into())),
        },
        dialling: match settings.dialling {
            KeySending::Tones => ramal_analog::Dialling::Tones,
            KeySending::Pulses => FxoSignalling::pulses(),
        },
        dial_tone: match settings.dial_tone {
            DialToneRule::Ignore => DialToneUse::Ignore,
            DialToneRule::Wait => DialToneUse::Wait(dial_tone),
            DialToneRule::Require => DialToneUse::Require(dial_tone),
        },
        flash: milliseconds(settings.flash_ms),
        double_answer: settings.refuse_collect_calls.then_some(DOUBLE_ANSWER),
    }
}

pub(super) fn learned(settings: &FxoSettings) -> Option<LearnedCadence> {
    settings.learned_tone.map(|tone| LearnedCadence {
        frequencies: tone.frequencies.map(f32::from),
        on_ms: tone.on_ms.into(),
        off_ms: tone.off_ms.into(),
    })
}

/// A tone as settings have it.
pub(super) fn learned_tone(cadence: &LearnedCadence) -> LearnedTone {
    let milliseconds = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
    LearnedTone {
        frequencies: cadence
            .frequencies
            .map(|frequency| frequency.round().clamp(0.0, 4_000.0) as u16),
        on_ms: milliseconds(cadence.on_ms),
        off_ms: milliseconds(cadence.off_ms),
    }
}

/// How the telephone is told who calls.
pub(super) fn caller_id(settings: &FxsSettings) -> Option<CallerIdSignalling> {
    use CallerIdPlace::{AfterFirstRing, AfterReversal, AfterReversalAndTone, BeforeRing};
    let (sound, place) = match settings.caller_id {
        CallerIdSending::Off => return None,
        CallerIdSending::Country => {
            return Some(LineProfile::of(settings.country.code()).caller_id);
        }
        CallerIdSending::Bell202 => (CallerIdSound::Bell202, AfterFirstRing),
        CallerIdSending::V23 => (CallerIdSound::V23, AfterFirstRing),
        CallerIdSending::V23Reversal => (CallerIdSound::V23, AfterReversalAndTone),
        CallerIdSending::Dtmf => (CallerIdSound::DtmfAc, BeforeRing),
        CallerIdSending::DtmfReversal => (CallerIdSound::DtmfAc, AfterReversal),
    };
    Some(CallerIdSignalling { sound, place })
}

pub(super) fn ringing(settings: &FxsSettings, distinctive: Option<u8>) -> RingCadence {
    let number = distinctive.unwrap_or(settings.ringing);
    RingCadence::distinctive(number).unwrap_or(LineProfile::of(settings.country.code()).ringing)
}

pub(super) fn fxs(settings: &FxsSettings) -> FxsSignalling {
    let left_off_hook = LeftOffHook::default();
    FxsSignalling {
        hook: HookTiming {
            flash: (settings.flash_max_ms > 0)
                .then(|| milliseconds(settings.flash_min_ms)..=milliseconds(settings.flash_max_ms)),
            pulses: settings.pulse_dialling,
            ..HookTiming::default()
        },
        caller_id: caller_id(settings).map(|signalling| signalling.place),
        disconnect: milliseconds(settings.disconnect_ms),
        reverse_on_answer: settings.reverse_on_answer,
        left_off_hook: Some(LeftOffHook {
            howler: if settings.howler {
                left_off_hook.howler
            } else {
                Duration::ZERO
            },
            ..left_off_hook
        }),
    }
}
