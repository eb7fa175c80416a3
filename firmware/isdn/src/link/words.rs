//! Frames in words, as Q.921 names them, for people who read a trace.

use super::frame::{Frame, FrameError, Supervisory, Unnumbered};
use crate::settings::Role;

/// A frame in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameWords<'a> {
    /// Its name, numbers and poll or final bit; or why it is not acted upon.
    pub words: String,
    /// What it carries for layer 3: the information field of an I frame.
    pub information: Option<&'a [u8]>,
    /// Whether it is a frame of this link, as the standard has them.
    pub is_sound: bool,
}

/// A frame as the side of this role reads it.
pub(crate) fn frame_words(octets: &[u8], receiver: Role) -> FrameWords<'_> {
    let sound = |words| FrameWords {
        words,
        information: None,
        is_sound: true,
    };
    match Frame::parse(octets, receiver) {
        Ok(Frame::Information {
            ns,
            nr,
            poll,
            information,
        }) => FrameWords {
            information: Some(information),
            ..sound(format!("I N(S)={ns} N(R)={nr} P={}", u8::from(poll)))
        },
        Ok(Frame::Supervisory {
            kind,
            command,
            nr,
            poll_final,
        }) => {
            let name = match kind {
                Supervisory::ReceiveReady => "RR",
                Supervisory::ReceiveNotReady => "RNR",
                Supervisory::Reject => "REJ",
            };
            let bit = if command { "command P" } else { "response F" };
            let poll_final = u8::from(poll_final);
            sound(format!("{name} N(R)={nr} {bit}={poll_final}"))
        }
        Ok(Frame::Unnumbered { kind, poll_final }) => {
            let name = match kind {
                Unnumbered::Sabme => "SABME P",
                Unnumbered::Disconnect => "DISC P",
                Unnumbered::Acknowledgement => "UA F",
                Unnumbered::DisconnectedMode => "DM F",
                Unnumbered::FrameReject => "FRMR F",
            };
            sound(format!("{name}={}", u8::from(poll_final)))
        }
        Err(error) => FrameWords {
            words: why(error, octets),
            information: None,
            is_sound: false,
        },
    }
}

fn why(error: FrameError, octets: &[u8]) -> String {
    let octet = |place: usize| octets.get(place).copied().unwrap_or_default();
    match error {
        FrameError::Invalid => format!("no frame: {} octets, address cannot be read", octets.len()),
        FrameError::NotForUs => {
            let (sapi, tei) = (octet(0) >> 2, octet(1) >> 1);
            format!(
                "for another link: SAPI {sapi}, TEI {tei}, control {:#04x}",
                octet(2)
            )
        }
        FrameError::SameRole => {
            "a command or response of this side's: both ends have the same role, or the line is looped"
                .to_owned()
        }
        FrameError::Undefined => format!("control field {:#04x} is not defined", octet(2)),
        FrameError::UnexpectedInformation => {
            format!("information where none may be, control {:#04x}", octet(2))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_has_its_name_and_its_numbers() {
        let user = |octets| frame_words(octets, Role::User).words;
        let network = |octets| frame_words(octets, Role::Network).words;
        assert_eq!(network(&[0, 1, 0x7F]), "SABME P=1");
        assert_eq!(user(&[0, 1, 0x73]), "UA F=1");
        assert_eq!(user(&[2, 1, 1, 0x07]), "RR N(R)=3 command P=1");
        assert_eq!(user(&[0, 1, 9, 0x06]), "REJ N(R)=3 response F=0");
        let octets = [2, 1, 0x0A, 0xFE, 8, 2, 0, 1, 5];
        let frame = frame_words(&octets, Role::User);
        assert_eq!(frame.words, "I N(S)=5 N(R)=127 P=0");
        assert_eq!(frame.information, Some(&octets[4..]));
        assert!(frame.is_sound);
    }

    #[test]
    fn what_is_not_acted_upon_says_why() {
        for (octets, expected) in [
            (&[2, 1][..], "no frame: 2 octets"),
            (&[0x16, 1, 3, 1], "SAPI 5, TEI 0"),
            (&[0, 1, 0x7F], "the same role"),
            (&[2, 1, 0xEF], "control field 0xef is not defined"),
            (&[2, 1, 0x7F, 0], "information where none may be"),
        ] {
            let frame = frame_words(octets, Role::User);
            assert!(frame.words.contains(expected), "{}", frame.words);
            assert!(!frame.is_sound);
        }
    }
}
