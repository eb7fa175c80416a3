//! The session keys of one direction, and which of them a packet is sealed with.

use super::derivation::{Label, derive};
use super::transform::{Protocol, Transform};
use super::{MasterKey, Suite};

/// Octets of the tag of RTCP under HMAC-SHA1 (RFC 3711 §5.2, RFC 4568 §6.2.2).
const RTCP_TAG: usize = 10;

/// The session keys of one direction.
pub(super) struct Session {
    pub(super) rtp: Transform,
    pub(super) rtcp: Transform,
}

impl Session {
    /// Derives them; `None` when the key does not fit its cipher, which its type rules out.
    pub(super) fn new(master: &MasterKey) -> Option<Self> {
        let rtp_tag = match master.suite() {
            Suite::AesCm128HmacSha1_32 => 4,
            Suite::AesCm128HmacSha1_80 | Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => RTCP_TAG,
        };
        Some(Session {
            rtp: transform(
                master,
                Protocol::Rtp,
                [
                    Label::RtpEncryption,
                    Label::RtpAuthentication,
                    Label::RtpSalt,
                ],
                rtp_tag,
            )?,
            rtcp: transform(
                master,
                Protocol::Rtcp,
                [
                    Label::RtcpEncryption,
                    Label::RtcpAuthentication,
                    Label::RtcpSalt,
                ],
                RTCP_TAG,
            )?,
        })
    }
}

fn transform(
    master: &MasterKey,
    protocol: Protocol,
    [encryption, authentication, salt]: [Label; 3],
    tag: usize,
) -> Option<Transform> {
    match master.suite() {
        Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => {
            let key: [u8; 16] = derive(master, encryption);
            let authentication: [u8; 20] = derive(master, authentication);
            Transform::counter_mode(protocol, &key, &authentication, derive(master, salt), tag)
        }
        Suite::AeadAes128Gcm => {
            let key: [u8; 16] = derive(master, encryption);
            Transform::gcm(protocol, &key, derive(master, salt))
        }
        Suite::AeadAes256Gcm => {
            let key: [u8; 32] = derive(master, encryption);
            Transform::gcm(protocol, &key, derive(master, salt))
        }
    }
}
