//! Signal processing for telephony: functions and small state machines on blocks of samples.
//!
//! A block is a slice of 16-bit linear samples (`&[i16]`, 8,000 samples a second unless said otherwise)
//! or of companded octets (`&[u8]`, one octet a sample). Nothing here knows clocks, sockets or threads,
//! and but for [`resample`], caller ID messages and what [`DtmfCallerId`] returns at the end, nothing
//! allocates after construction, so it may run on a media thread. Detectors take blocks of any size and
//! tell what they found to a closure.
//!
//! - [`Law`] compands blocks to and from G.711 and converts A-law to mu-law without a linear stage.
//! - [`G722Encoder`] and [`G722Decoder`] are G.722; [`RateDoubler`] and [`RateHalver`] go between 8,000 and
//!   16,000 samples a second.
//! - [`Tone`] writes a sine of an exact frequency at a level in dBm0.
//! - [`Goertzel`] measures how strong one frequency is; [`level_dbm0`] measures a whole block.
//! - [`CountryTones`] is the table of national tones; [`CadenceGenerator`] plays them.
//! - [`DtmfGenerator`] and [`DtmfDetector`] speak and hear keys as sound, [`r2_tones`] and
//!   [`R2Detector`] the register signals of R2.
//! - [`ProgressDetector`] tells dial, ringback, busy and congestion tone, and learns those of a line;
//!   [`PureToneDetector`], [`FaxToneDetector`] and [`VoiceActivity`] hear beeps, fax machines and
//!   voices; [`DialToneDetector`] and [`AnswerVoiceDetector`] listen to a line while it is dialled on;
//!   [`AnsweringMachineDetector`] decides who answered.
//! - [`CallerIdSignal`] and [`CallerIdReceiver`] carry a [`CallerIdMessage`] over a
//!   [`FskModulator`] and a [`FskDemodulator`]; [`DtmfCallerId`] collects the kind sent as keys.
//! - [`ToneMeter`] measures tones whose frequencies nobody knows yet, [`EchoMeter`] how much of what is sent
//!   to a two-wire line comes back.
//! - [`EchoCanceller`] takes the echo of what was sent out of what comes from a two-wire line.
//! - [`TelephoneEvent`] reads and writes RFC 4733 payloads; [`digit_packets`] is the series of
//!   payloads that makes one key press.
//!
//! - [`resample`] converts the rate of a whole recording before it is used; not for media threads.
//!
//! Data flows `octets -> Law::decode -> samples -> canceller -> detector` and `generator -> samples ->
//! Law::encode -> octets`.

mod activity;
mod answering_machine;
mod bank;
mod cadence;
mod caller_id;
mod country_tones;
mod dial_tone;
mod dtmf;
mod dtmf_detector;
mod echo;
mod echo_meter;
mod event;
mod fax_tones;
mod fsk;
mod g711;
mod g722;
mod level;
mod noise;
mod progress;
mod pure_tone;
mod r2_mf;
mod rate;
mod resample;
mod tone;

pub use activity::{ActivityEvent, VoiceActivity};
pub use answering_machine::{AnswerVerdict, AnsweringMachineDetector, AnsweringMachineLimits};
pub use cadence::{CadenceGenerator, CadencedTone, ToneStep};
pub use caller_id::{
    CallerIdError, CallerIdKind, CallerIdMessage, CallerIdReceiver, CallerIdSignal, CallerIdTiming,
    DtmfCallerId, DtmfCallerIdFormat, MessageFormat, Presentation, ReceivedMessage,
};
pub use country_tones::CountryTones;
pub use dial_tone::{AnswerVoiceDetector, DialToneDetector};
pub use dtmf::{DtmfGenerator, DtmfTiming, dtmf_tones};
pub use dtmf_detector::{DtmfDetector, DtmfEvent, DtmfLimits, event_volume};
pub use echo::{AnswerToneDetector, ECHO_TAIL, EchoCanceller};
pub use echo_meter::{ECHO_METER_LEVEL, EchoMeter, MeasuredEcho};
pub use event::{EventPacket, TelephoneEvent, digit_packets};
pub use fax_tones::{FaxTone, FaxToneDetector};
pub use fsk::{FskDemodulator, FskModulator, FskOutput, FskStandard};
pub use g711::{Law, alaw_to_ulaw, ulaw_to_alaw};
pub use g722::{G722Decoder, G722Encoder};
pub use level::{Goertzel, ZERO_DBM0_PEAK, ZERO_DBM0_RMS, level_dbm0, peak_of_dbm0};
pub use noise::Noise;
pub use progress::{
    HangUpToneLearner, LearnedCadence, MeasuredCadence, ProgressDetector, ProgressEvent,
    ProgressTone, SteadyTone, ToneMeter,
};
pub use pure_tone::{PureTone, PureToneDetector, SpecialInformationDetector};
pub use r2_mf::{R2_LEVEL, R2Detector, R2Direction, R2Event, r2_tones};
pub use rate::{RateDoubler, RateHalver};
pub use resample::resample;
pub use tone::Tone;

/// Samples a second of every narrow-band codec and line in the gateway.
pub const SAMPLE_RATE: u32 = 8_000;
/// Samples in one 20 ms frame at [`SAMPLE_RATE`].
pub const FRAME_SAMPLES: usize = 160;
