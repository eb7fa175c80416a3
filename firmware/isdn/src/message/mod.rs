//! Messages of Q.931 (§3.1, §4): reading with a note of everything that is wrong, and printing.

mod elements;
mod kind;
mod reference;
mod words;

pub use elements::Elements;
pub use kind::MessageType;
pub use reference::{CallReference, Origin};

use crate::ie::id;

/// Protocol discriminator of call control (§4.2).
const PROTOCOL: u8 = 0x08;
/// Protocol discriminators of maintenance messages (SERVICE), as North American networks use them.
pub(crate) const MAINTENANCE: [u8; 2] = [0x03, 0x43];

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which call it belongs to.
    pub reference: CallReference,
    /// What it says.
    pub kind: MessageType,
    /// What is in it.
    pub elements: Elements,
}

/// What is wrong with the elements of a message (Q.931 §5.8.6, §5.8.7). Identifiers, in the order of the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Not known, and its sender says it must be understood (§5.8.7.1: identifiers 0x00 to 0x0F).
    pub not_comprehended: Vec<u8>,
    /// Not known.
    pub unrecognized: Vec<u8>,
    /// Known, with contents that cannot be used.
    pub malformed: Vec<u8>,
}

impl Faults {
    /// Whether all is well.
    pub fn is_empty(&self) -> bool {
        self.not_comprehended.is_empty()
            && self.unrecognized.is_empty()
            && self.malformed.is_empty()
    }
}

/// Why octets are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not the protocol discriminator of call control (§5.8.1), nor SERVICE.
    #[error("protocol discriminator {0:#04x} is not that of call control")]
    Protocol(u8),
    /// Ends before the message type (§5.8.2).
    #[error("the message ends before its type")]
    TooShort,
    /// The call reference is longer than two octets or written wrongly (§5.8.3.1).
    #[error("the call reference cannot be read")]
    Reference,
    /// A message without call reference, or with the dummy one: nothing to do with a call.
    #[error("the message belongs to no call")]
    NoReference,
}

impl Message {
    /// A message without elements.
    pub fn new(reference: CallReference, kind: MessageType) -> Self {
        Self {
            reference,
            kind,
            elements: Elements::default(),
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// What makes it useless as a whole; everything else is told by the [`Faults`].
    pub fn parse(octets: &[u8]) -> Result<(Self, Faults), ParseError> {
        let (&protocol, rest) = octets.split_first().ok_or(ParseError::TooShort)?;
        if protocol != PROTOCOL && !MAINTENANCE.contains(&protocol) {
            return Err(ParseError::Protocol(protocol));
        }
        let (reference, rest) = CallReference::read(rest)?;
        let (&kind, rest) = rest.split_first().ok_or(ParseError::TooShort)?;
        let kind = match protocol {
            PROTOCOL => MessageType::from_octet(kind),
            _ => MessageType::from_maintenance(kind, protocol)
                .ok_or(ParseError::Protocol(protocol))?,
        };
        let mut faults = Faults::default();
        let elements = Elements::read(rest, &mut faults);
        let message = Self {
            reference,
            kind,
            elements,
        };
        Ok((message, faults))
    }

    /// The octets of the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut octets = vec![self.kind.protocol().unwrap_or(PROTOCOL)];
        self.reference.write(&mut octets);
        octets.push(self.kind.octet());
        self.elements.write(&mut octets);
        octets
    }

    /// The octets of the message, which may be at most so many (N201 of Q.921 §5.9.3): what matters least is left out
    /// and told by its identifier.
    pub(crate) fn encode_within(&mut self, most: usize) -> (Vec<u8>, Vec<u8>) {
        let mut left_out = Vec::new();
        loop {
            let octets = self.encode();
            if octets.len() <= most {
                return (octets, left_out);
            }
            match self.elements.leave_out() {
                Some(element) => left_out.push(element),
                None => return (octets, left_out),
            }
        }
    }

    /// Elements this message cannot do without and does not have (tables of Q.931 §3.1).
    pub(crate) fn missing(&self, faults: &Faults) -> Option<u8> {
        self.mandatory()
            .iter()
            .copied()
            .find(|id| !self.elements.has(*id) && !faults.malformed.contains(id))
    }

    /// Mandatory elements that are there and cannot be used (§5.8.6.2).
    pub(crate) fn invalid(&self, faults: &Faults) -> Option<u8> {
        self.mandatory()
            .iter()
            .chain(match self.kind {
                // Where the call is to be: taking another channel instead would be worse than refusing.
                MessageType::Setup => &[id::CHANNEL_IDENTIFICATION],
                _ => &[][..],
            })
            .copied()
            .find(|id| faults.malformed.contains(id) && !self.elements.has(*id))
    }

    fn mandatory(&self) -> &'static [u8] {
        match self.kind {
            MessageType::Setup => &[id::BEARER_CAPABILITY],
            MessageType::Disconnect => &[id::CAUSE],
            MessageType::Status => &[id::CAUSE, id::CALL_STATE],
            MessageType::Restart | MessageType::RestartAcknowledge => &[id::RESTART_INDICATOR],
            MessageType::Notify => &[id::NOTIFICATION_INDICATOR],
            MessageType::UserInformation => &[id::USER_USER],
            MessageType::Progress => &[id::PROGRESS_INDICATOR],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests;
