//! Why a session is ended: the Reason header (RFC 3326).

use crate::{HeaderValue, Params};

/// A reason for hanging up, carried in BYE and CANCEL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Whose cause numbers are meant.
    pub protocol: ReasonProtocol,
    /// Cause: a Q.850 cause value (1-127) or a SIP status code.
    pub cause: u16,
    /// Text for people.
    pub text: Option<String>,
}

/// The protocol of a [`Reason`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasonProtocol {
    /// SIP status codes; `SIP;cause=200` in a CANCEL says that the call was answered elsewhere.
    Sip,
    /// ITU-T Q.850 cause values.
    Q850,
}

impl Reason {
    /// Reads the parts of one value; `None` when the protocol is another or the cause no number.
    pub(crate) fn read(protocol: &[u8], params: &Params) -> Option<Self> {
        let protocol = if protocol.eq_ignore_ascii_case(b"SIP") {
            ReasonProtocol::Sip
        } else if protocol.eq_ignore_ascii_case(b"Q.850") {
            ReasonProtocol::Q850
        } else {
            return None;
        };
        Some(Self {
            protocol,
            cause: params.get("cause")?.parse().ok()?,
            text: params.get("text").map(|text| text.into_owned()),
        })
    }
}

impl From<&Reason> for HeaderValue {
    fn from(reason: &Reason) -> Self {
        let protocol = match reason.protocol {
            ReasonProtocol::Sip => "SIP",
            ReasonProtocol::Q850 => "Q.850",
        };
        let mut value = format!("{protocol};cause={}", reason.cause);
        if let Some(text) = &reason.text {
            value.push_str(";text=\"");
            for character in text.chars() {
                if matches!(character, '"' | '\\') {
                    value.push('\\');
                }
                value.push(character);
            }
            value.push('"');
        }
        HeaderValue::sanitized(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_and_cannot_add_a_header() {
        let reason = Reason {
            protocol: ReasonProtocol::Q850,
            cause: 16,
            text: Some("say \"bye\"\r\nX: y".into()),
        };
        assert_eq!(
            HeaderValue::from(&reason).as_bytes(),
            br#"Q.850;cause=16;text="say \"bye\"  X: y""#
        );
    }
}
