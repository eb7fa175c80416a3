#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use crate::Cause;
use crate::ie::{BearerCapability, CauseElement, ChannelIdentification, Location, PartyNumber};

/// A SETUP as a public network sends it.
const SETUP: &[u8] = &[
    0x08, 0x02, 0x00, 0x17, 0x05, 0xA1, 0x04, 0x03, 0x80, 0x90, 0xA3, 0x18, 0x03, 0xA9, 0x83, 0x85,
    0x1E, 0x02, 0x82, 0x83, 0x6C, 0x06, 0x21, 0x83, b'1', b'2', b'3', b'4', 0x70, 0x05, 0xC1, b'5',
    b'6', b'7', b'8', 0x7D, 0x02, 0x91, 0x81,
];

#[test]
fn a_setup_is_read_and_printed_the_same() {
    let (message, faults) = Message::parse(SETUP).unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(message.kind, MessageType::Setup);
    assert_eq!(message.reference, CallReference::new(Origin::Theirs, 0x17));
    let elements = &message.elements;
    assert!(elements.sending_complete);
    assert_eq!(elements.bearer, Some(BearerCapability::SPEECH));
    assert_eq!(elements.channel, Some(ChannelIdentification::one(5, true)));
    assert_eq!(
        elements.called.as_ref().map(PartyNumber::digits),
        Some("5678")
    );
    assert_eq!(
        elements.calling.as_ref().map(PartyNumber::digits),
        Some("1234")
    );
    assert!(!elements.is_in_band());
    // Sent back by us the flag is set: the peer has chosen the reference.
    let mut back = SETUP.to_vec();
    back[2] = 0x80;
    assert_eq!(message.encode(), back);
}

#[test]
fn code_sets_hide_what_is_not_ours() {
    // A locking shift to 6, with what would be a cause here; before it one element of set 5.
    let octets = [
        0x08, 0x02, 0x80, 0x01, 0x7B, 0x9D, 0x08, 0x01, 0xFF, 0x28, 0x02, b'H', b'i', 0x96, 0x08,
        0x02, 0x80, 0x90,
    ];
    let (message, faults) = Message::parse(&octets).unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(message.elements.display.as_deref(), Some("Hi"));
    assert_eq!(message.elements.cause, None);
    // There is no way back to a lower set by a locking shift (§4.5.3), but there is by a non-locking one.
    let octets = [
        0x08, 0x02, 0x80, 0x01, 0x7B, 0x96, 0x90, 0x28, 0x01, b'X', 0x98, 0x28, 0x01, b'Y',
    ];
    let (message, _) = Message::parse(&octets).unwrap();
    assert_eq!(message.elements.display.as_deref(), Some("Y"));
}

#[test]
fn faults_are_told_apart() {
    let octets = [
        0x08, 0x02, 0x00, 0x01, 0x05, 0x04, 0x00, 0x03, 0x01, 0x00, 0x55, 0x00, 0x1E, 0x01, 0x81,
        0x70, 0x09, 0x81,
    ];
    let (message, faults) = Message::parse(&octets).unwrap();
    assert_eq!(faults.not_comprehended, [0x03]);
    assert_eq!(faults.unrecognized, [0x55]);
    assert_eq!(faults.malformed, [0x04, 0x1E, 0x70]);
    assert_eq!(message.missing(&faults), None);
    assert_eq!(message.invalid(&faults), Some(id::BEARER_CAPABILITY));
    let (message, faults) = Message::parse(&octets[..5]).unwrap();
    assert_eq!(message.missing(&faults), Some(id::BEARER_CAPABILITY));
}

#[test]
fn what_is_no_message_is_named() {
    assert_eq!(Message::parse(&[]), Err(ParseError::TooShort));
    assert_eq!(Message::parse(&[8, 2, 0]), Err(ParseError::TooShort));
    assert_eq!(Message::parse(&[8, 2, 0, 1]), Err(ParseError::TooShort));
    assert_eq!(
        Message::parse(&[9, 2, 0, 1, 5]),
        Err(ParseError::Protocol(9))
    );
    assert_eq!(
        Message::parse(&[8, 3, 0, 0, 1, 5]),
        Err(ParseError::Reference)
    );
    assert_eq!(
        Message::parse(&[8, 0x12, 0, 1, 5]),
        Err(ParseError::Reference)
    );
    assert_eq!(Message::parse(&[8, 0, 0x62]), Err(ParseError::NoReference));
    let (message, _) = Message::parse(&[8, 1, 0x81, 0x75]).unwrap();
    assert_eq!(message.reference, CallReference::new(Origin::Ours, 1));
}

#[test]
fn the_first_of_a_kind_counts() {
    let octets = [8, 2, 0x80, 1, 0x45, 8, 2, 0x80, 0x91, 8, 2, 0x80, 0x90];
    let (message, _) = Message::parse(&octets).unwrap();
    let busy = CauseElement {
        location: Location::User,
        cause: Cause::USER_BUSY,
        diagnostics: vec![],
    };
    assert_eq!(message.elements.cause, Some(busy));
}
