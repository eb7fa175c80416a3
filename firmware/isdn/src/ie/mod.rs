//! Information elements of Q.931 §4.5: one file per kind, each with reader and printer of its contents.

mod bearer;
mod cause;
mod channel;
mod facility;
mod number;
mod progress;
mod restart;
mod text;

pub use bearer::{BearerCapability, Law, TransferCapability};
pub use cause::{CauseElement, Location};
pub use channel::{ChannelIdentification, ChannelNumbers};
pub use facility::CallingName;
pub(crate) use facility::Diversion;
pub use number::{
    InvalidDigits, MAX_DIGITS, NumberingPlan, PartyNumber, Presentation, RedirectionReason,
    Screening, TypeOfNumber,
};
pub use progress::{ProgressDescription, ProgressIndicator};
pub use restart::RestartIndicator;
pub(crate) use text::{ascii, from_text, to_text};

/// The contents of an element cannot be used (Q.931 §5.8.6.2, §5.8.7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Octets of one group with extension bits (Q.931 §4.5.1): those up to and with the first that has bit 8 set.
pub(crate) fn group(octets: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let end = octets
        .iter()
        .position(|octet| octet & 0x80 != 0)
        .ok_or(Malformed)?;
    Ok(octets.split_at(end + 1))
}

/// Identifiers (Q.931 table 4-3 and the supplementary services of ETSI).
pub(crate) mod id {
    pub(crate) const CHANGE_STATUS: u8 = 0x01;
    pub(crate) const BEARER_CAPABILITY: u8 = 0x04;
    pub(crate) const CAUSE: u8 = 0x08;
    pub(crate) const CALL_STATE: u8 = 0x14;
    pub(crate) const CHANNEL_IDENTIFICATION: u8 = 0x18;
    pub(crate) const FACILITY: u8 = 0x1C;
    pub(crate) const PROGRESS_INDICATOR: u8 = 0x1E;
    pub(crate) const NOTIFICATION_INDICATOR: u8 = 0x27;
    pub(crate) const DISPLAY: u8 = 0x28;
    pub(crate) const KEYPAD_FACILITY: u8 = 0x2C;
    pub(crate) const CONNECTED_NUMBER: u8 = 0x4C;
    pub(crate) const CALLING_NUMBER: u8 = 0x6C;
    pub(crate) const CALLED_NUMBER: u8 = 0x70;
    pub(crate) const ORIGINAL_CALLED_NUMBER: u8 = 0x73;
    pub(crate) const REDIRECTING_NUMBER: u8 = 0x74;
    pub(crate) const REDIRECTION_NUMBER: u8 = 0x76;
    pub(crate) const RESTART_INDICATOR: u8 = 0x79;
    pub(crate) const HIGH_LAYER_COMPATIBILITY: u8 = 0x7D;
    pub(crate) const USER_USER: u8 = 0x7E;
    pub(crate) const SENDING_COMPLETE: u8 = 0xA1;

    /// Elements that exist and mean nothing to a gateway; they are ignored without a word.
    pub(crate) const KNOWN_AND_UNUSED: &[u8] = &[
        0x02, // extended facility
        0x0C, // connected address (obsolete)
        0x0D, // extended facility (obsolete place)
        0x10, // call identity
        0x20, // network-specific facilities
        0x29, // date/time
        0x32, // information request
        0x34, // signal
        0x36, // switchhook
        0x38, // feature activation
        0x39, // feature indication
        0x40, // information rate
        0x41, // precedence level
        0x42, // end-to-end transit delay
        0x43, // transit delay selection
        0x44, // packet layer binary parameters
        0x45, // packet layer window size
        0x46, // packet size
        0x47, // closed user group
        0x4A, // reverse charge indication
        0x4D, // connected subaddress
        0x6D, // calling party subaddress
        0x71, // called party subaddress
        0x78, // transit network selection
        0x7C, // low layer compatibility
        0x7F, // escape
        0xA0, // more data
    ];
}
