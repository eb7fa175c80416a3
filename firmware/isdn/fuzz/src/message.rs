//! Messages: what is read and printed is read the same again.

use ramal_isdn::Message;

/// Reads the input as one message.
pub fn run(input: &[u8]) {
    let Ok((message, _)) = Message::parse(input) else {
        return;
    };
    let printed = message.encode();
    // Printed as by us, the reference's flag means the other side.
    let Ok((again, faults)) = Message::parse(&printed) else {
        panic!("{printed:02x?} of {message:?} cannot be read");
    };
    assert!(faults.malformed.is_empty(), "{faults:?} in {printed:02x?}");
    assert_ne!(message.reference, again.reference);
    assert_eq!(message.kind, again.kind);
    // What was cut to what an element may hold stays as it is now.
    assert_eq!(
        Message::parse(&again.encode()).map(|it| it.0.elements),
        Ok(again.elements)
    );
}
