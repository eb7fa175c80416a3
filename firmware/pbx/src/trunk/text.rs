//! Text messages over trunks (RFC 3428).

use std::time::Duration;

use ramal_model::{TrunkId, TrunkTransport};
use thiserror::Error;

use super::{TrunkService, outgoing};
use crate::sip::{LARGEST_DATAGRAM, RequestError};

/// Bytes of Via, User-Agent, tags and credentials that are added on the way.
const ADDED: usize = 400;
/// How long a host has to answer (RFC 3261 §17.1.2.2, timer F).
const PATIENCE: Duration = Duration::from_secs(32);

/// Why a text did not go out over a trunk.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// The trunk was deleted or is switched off.
    #[error("the trunk is switched off")]
    NoTrunk,
    /// It has more bytes than a datagram may have.
    #[error("the text is too long for UDP: use TCP or TLS for the trunk, or a shorter text")]
    TooLong,
    /// The carrier refuses it.
    #[error("the carrier answers {status} {reason}")]
    Refused {
        /// Its status.
        status: u16,
        /// In its words.
        reason: String,
    },
    /// No host of the trunk answers.
    #[error("{0}")]
    Silent(String),
}

impl TextError {
    /// Whether the same text may be taken another time.
    pub fn may_pass(&self) -> bool {
        match self {
            // What is wrong with number, text or kind of message stays wrong (RFC 3261 §21.4-21.6).
            Self::Refused { status, .. } => !matches!(
                status,
                300..400 | 400 | 404 | 405 | 410 | 413..=416 | 420 | 484 | 488 | 493 | 501 | 513 | 604 | 606
            ),
            Self::TooLong => false,
            Self::NoTrunk | Self::Silent(_) => true,
        }
    }
}

impl TrunkService {
    /// Sends a text to a number over a trunk, by the first of its hosts that answers: the answer's status and words.
    ///
    /// # Errors
    /// It did not go out, or was refused.
    pub(crate) async fn send_text(
        &self,
        id: TrunkId,
        to: &str,
        text: &str,
    ) -> Result<String, TextError> {
        let trunk = self.trunk(id).ok_or(TextError::NoTrunk)?;
        let mut last = TextError::Silent("the trunk has no host".to_owned());
        for host in trunk.hosts() {
            let request = outgoing::message(&trunk.settings, &host, to, text);
            let is_datagram = trunk.settings.transport == TrunkTransport::Udp;
            if is_datagram && request.encode().len() + ADDED > LARGEST_DATAGRAM {
                return Err(TextError::TooLong);
            }
            let sent = trunk.send(&self.commands, &host, request, None, PATIENCE);
            match sent.await {
                Ok(answered) => {
                    let (status, reason) = (answered.response.status, answered.response.reason);
                    let reason = String::from_utf8_lossy(&reason).into_owned();
                    if status.is_success() {
                        return Ok(format!("{} {reason}", status.code()));
                    }
                    last = TextError::Refused {
                        status: status.code(),
                        reason,
                    };
                    // Another host may do it (RFC 3261 §21.5.4); whoever refuses refuses for all.
                    if !matches!(status.code(), 408 | 503) {
                        return Err(last);
                    }
                }
                Err(error) => last = TextError::Silent(said(&host.to_string(), error)),
            }
        }
        Err(last)
    }
}

fn said(host: &str, error: RequestError) -> String {
    format!("{host}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_text_stays_wrong_and_the_rest_passes() {
        let refused = |status| TextError::Refused {
            status,
            reason: String::new(),
        };
        for status in [400, 404, 405, 415, 488, 501, 604] {
            assert!(!refused(status).may_pass(), "{status}");
        }
        for status in [401, 403, 408, 429, 480, 486, 500, 503, 603] {
            assert!(refused(status).may_pass(), "{status}");
        }
        assert!(!TextError::TooLong.may_pass());
        assert!(TextError::NoTrunk.may_pass());
    }
}
