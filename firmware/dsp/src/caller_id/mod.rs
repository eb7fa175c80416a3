//! Caller ID on analogue lines: messages by FSK (Telcordia GR-30/GR-31, ETSI EN 300 659) or by DTMF.

mod dtmf;
mod fsk;
mod message;

pub use dtmf::{DtmfCallerId, DtmfCallerIdFormat};
pub use fsk::{CallerIdReceiver, CallerIdSignal, CallerIdTiming, ReceivedMessage};
pub use message::{CallerIdError, CallerIdKind, CallerIdMessage, MessageFormat, Presentation};
