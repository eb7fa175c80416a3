//! Frames of Q.921 (§2, §3), between flags and without the frame check sequence.

use crate::settings::Role;

/// SAPI of call control, TEI of point-to-point links on a primary rate interface.
const SAPI: u8 = 0;
const TEI: u8 = 0;

/// Supervisory frames (§3.6.6 to §3.6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supervisory {
    ReceiveReady,
    ReceiveNotReady,
    Reject,
}

/// Unnumbered frames without an information field of use here (§3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unnumbered {
    /// Set asynchronous balanced mode extended; a command.
    Sabme,
    /// Disconnect; a command.
    Disconnect,
    /// Unnumbered acknowledgement; a response.
    Acknowledgement,
    /// Disconnected mode; a response.
    DisconnectedMode,
    /// Frame reject; a response.
    FrameReject,
}

/// A frame to be acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    Information {
        ns: u8,
        nr: u8,
        poll: bool,
        information: &'a [u8],
    },
    Supervisory {
        kind: Supervisory,
        command: bool,
        nr: u8,
        poll_final: bool,
    },
    Unnumbered {
        kind: Unnumbered,
        poll_final: bool,
    },
}

/// Why a frame is not acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameError {
    /// Too short, or its address cannot be read (§2.9): discarded.
    Invalid,
    /// For another data link: UI, XID, TEI management.
    NotForUs,
    /// A command or response this side would send: the peer plays the same role, or the line is looped.
    SameRole,
    /// Control field not defined (error L).
    Undefined,
    /// An information field where there may be none (error M).
    UnexpectedInformation,
}

/// Bit 2 of the first octet (§3.3.2): what the sender of a command sets.
fn command_bit(sender: Role) -> u8 {
    match sender {
        Role::User => 0,
        Role::Network => 2,
    }
}

impl<'a> Frame<'a> {
    /// Reads a frame that came to this side.
    pub(super) fn parse(octets: &'a [u8], role: Role) -> Result<Self, FrameError> {
        let &[one, two, control, ref rest @ ..] = octets else {
            return Err(FrameError::Invalid);
        };
        if one & 1 != 0 || two & 1 == 0 {
            return Err(FrameError::Invalid);
        }
        if one >> 2 != SAPI || two >> 1 != TEI {
            return Err(FrameError::NotForUs);
        }
        // Our own command bit in a frame from the peer makes it a response, and the other way round.
        let command = one & 2 != command_bit(role);
        if control & 3 == 3 {
            return Self::unnumbered(control, command, rest);
        }
        let &[second, ref information @ ..] = rest else {
            return Err(FrameError::Invalid);
        };
        let nr = second >> 1;
        let poll_final = second & 1 != 0;
        if control & 1 == 0 {
            if !command {
                return Err(FrameError::SameRole);
            }
            return Ok(Self::Information {
                ns: control >> 1,
                nr,
                poll: poll_final,
                information,
            });
        }
        let kind = match control {
            0x01 => Supervisory::ReceiveReady,
            0x05 => Supervisory::ReceiveNotReady,
            0x09 => Supervisory::Reject,
            _ => return Err(FrameError::Undefined),
        };
        if !information.is_empty() {
            return Err(FrameError::UnexpectedInformation);
        }
        Ok(Self::Supervisory {
            kind,
            command,
            nr,
            poll_final,
        })
    }

    fn unnumbered(control: u8, command: bool, rest: &[u8]) -> Result<Self, FrameError> {
        let kind = match control & !0x10 {
            0x6F => Unnumbered::Sabme,
            0x43 => Unnumbered::Disconnect,
            0x63 => Unnumbered::Acknowledgement,
            0x0F => Unnumbered::DisconnectedMode,
            0x87 => Unnumbered::FrameReject,
            0x03 | 0xAF => return Err(FrameError::NotForUs),
            _ => return Err(FrameError::Undefined),
        };
        let is_command = matches!(kind, Unnumbered::Sabme | Unnumbered::Disconnect);
        if is_command != command {
            return Err(FrameError::SameRole);
        }
        if kind != Unnumbered::FrameReject && !rest.is_empty() {
            return Err(FrameError::UnexpectedInformation);
        }
        Ok(Self::Unnumbered {
            kind,
            poll_final: control & 0x10 != 0,
        })
    }

    /// Prints a frame that this side sends.
    pub(super) fn encode(&self, role: Role) -> Vec<u8> {
        let command = match self {
            Self::Information { .. } => true,
            Self::Supervisory { command, .. } => *command,
            Self::Unnumbered { kind, .. } => {
                matches!(kind, Unnumbered::Sabme | Unnumbered::Disconnect)
            }
        };
        let bit = command_bit(role) ^ if command { 0 } else { 2 };
        let mut octets = vec![SAPI << 2 | bit, TEI << 1 | 1];
        match *self {
            Self::Information {
                ns,
                nr,
                poll,
                information,
            } => {
                octets.extend([ns << 1, nr << 1 | u8::from(poll)]);
                octets.extend_from_slice(information);
            }
            Self::Supervisory {
                kind,
                nr,
                poll_final,
                ..
            } => {
                let control = match kind {
                    Supervisory::ReceiveReady => 0x01,
                    Supervisory::ReceiveNotReady => 0x05,
                    Supervisory::Reject => 0x09,
                };
                octets.extend([control, nr << 1 | u8::from(poll_final)]);
            }
            Self::Unnumbered { kind, poll_final } => {
                let control = match kind {
                    Unnumbered::Sabme => 0x6F,
                    Unnumbered::Disconnect => 0x43,
                    Unnumbered::Acknowledgement => 0x63,
                    Unnumbered::DisconnectedMode => 0x0F,
                    Unnumbered::FrameReject => 0x87,
                };
                octets.push(control | u8::from(poll_final) << 4);
            }
        }
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_is_read_by_the_other_side() {
        let frames = [
            Frame::Information {
                ns: 5,
                nr: 127,
                poll: true,
                information: &[8, 2, 0, 1, 5],
            },
            Frame::Supervisory {
                kind: Supervisory::Reject,
                command: false,
                nr: 3,
                poll_final: true,
            },
            Frame::Supervisory {
                kind: Supervisory::ReceiveNotReady,
                command: true,
                nr: 0,
                poll_final: false,
            },
            Frame::Unnumbered {
                kind: Unnumbered::Sabme,
                poll_final: true,
            },
            Frame::Unnumbered {
                kind: Unnumbered::DisconnectedMode,
                poll_final: false,
            },
        ];
        for frame in frames {
            for (sender, receiver) in [(Role::User, Role::Network), (Role::Network, Role::User)] {
                let octets = frame.encode(sender);
                assert_eq!(Frame::parse(&octets, receiver), Ok(frame));
            }
        }
        let sabme = frames[3].encode(Role::User);
        assert_eq!(sabme, [0x00, 0x01, 0x7F]);
        assert_eq!(Frame::parse(&sabme, Role::User), Err(FrameError::SameRole));
    }

    #[test]
    fn other_frames_are_told_apart() {
        let parse = |octets: &'static [u8]| Frame::parse(octets, Role::User);
        assert_eq!(parse(&[2, 1]), Err(FrameError::Invalid));
        assert_eq!(parse(&[2, 1, 0]), Err(FrameError::Invalid));
        assert_eq!(parse(&[3, 1, 0x7F]), Err(FrameError::Invalid));
        assert_eq!(parse(&[2, 0, 0x7F]), Err(FrameError::Invalid));
        assert_eq!(parse(&[0xFE, 0xFF, 3, 0x0F]), Err(FrameError::NotForUs));
        assert_eq!(parse(&[2, 0xFF, 3, 8]), Err(FrameError::NotForUs));
        assert_eq!(parse(&[2, 1, 0x0D, 0]), Err(FrameError::Undefined));
        assert_eq!(parse(&[2, 1, 0xEF]), Err(FrameError::Undefined));
        assert_eq!(
            parse(&[2, 1, 0x7F, 0]),
            Err(FrameError::UnexpectedInformation)
        );
        assert_eq!(
            parse(&[2, 1, 1, 0, 0]),
            Err(FrameError::UnexpectedInformation)
        );
    }
}
