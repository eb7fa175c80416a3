//! What the settings of a phone or trunk allow its media.

use ramal_media::Codec;
use ramal_model::{DtmfMode, MediaEncryption, SipTrunk, TrunkCodec, TrunkTransport};
use ramal_sip::{Flow, Transport};

use crate::leg::DigitWay;

/// Formats that pass from one leg to the other without being decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Carried {
    /// Whatever both legs speak.
    Everything,
    /// Those of these names.
    Only(Vec<&'static str>),
}

/// What a leg may do with its media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaSettings {
    /// Codecs that may be used, best first.
    pub(super) codecs: Vec<Codec>,
    /// Which formats may be carried that are not decoded here.
    pub(super) carried: Carried,
    /// Whether their order decides, and not that of the far end.
    pub(super) ours_decide: bool,
    /// How keys are told.
    pub(super) digits: DigitWay,
    /// Whether it is encrypted; never `Automatic`.
    pub(super) encryption: MediaEncryption,
    /// Whether the far end is a browser.
    pub(super) browser: bool,
}

impl Default for MediaSettings {
    fn default() -> Self {
        Self {
            codecs: vec![Codec::Pcma, Codec::Pcmu, Codec::G722, Codec::Opus],
            carried: Carried::Everything,
            ours_decide: false,
            digits: DigitWay::Events,
            encryption: MediaEncryption::Off,
            browser: false,
        }
    }
}

impl MediaSettings {
    /// Those of a phone that signals this way.
    pub(crate) fn of_phone(encryption: MediaEncryption, flow: Flow) -> Self {
        let encrypted_signalling = matches!(flow.transport, Transport::Tls | Transport::Wss);
        Self {
            encryption: encryption.over(encrypted_signalling),
            // Nothing but browsers signals over WebSocket, and they know no other media.
            browser: matches!(flow.transport, Transport::Ws | Transport::Wss),
            ..Self::default()
        }
    }

    /// Those of a trunk.
    pub(crate) fn of_trunk(trunk: &SipTrunk) -> Self {
        let codec = |codec: &TrunkCodec| match codec {
            TrunkCodec::Pcma => Some(Codec::Pcma),
            TrunkCodec::Pcmu => Some(Codec::Pcmu),
            TrunkCodec::G722 => Some(Codec::G722),
            TrunkCodec::Opus => Some(Codec::Opus),
            TrunkCodec::G729 => None,
        };
        let g729 = trunk.codecs.contains(&TrunkCodec::G729);
        Self {
            codecs: trunk.codecs.iter().filter_map(codec).collect(),
            carried: Carried::Only(g729.then_some("G729").into_iter().collect()),
            ours_decide: true,
            digits: match trunk.dtmf {
                DtmfMode::Rfc4733 => DigitWay::Events,
                DtmfMode::Info => DigitWay::Signalling,
                DtmfMode::Inband => DigitWay::Tones,
            },
            encryption: trunk
                .media_encryption
                .over(trunk.transport == TrunkTransport::Tls),
            browser: false,
        }
    }
}
