//! Settings of analogue ports.

mod fxo;
mod fxs;

pub use fxo::{
    AnswerDetection, CallerIdReception, DialToneRule, FxoSettings, KeySending, LearnedTone,
};
pub use fxs::{CallerIdSending, FxsSettings, HotLine};
