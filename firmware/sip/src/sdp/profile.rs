//! Transport profiles: what a media line carries RTP in.

/// The `proto` of a media line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// In clear (RFC 3551).
    #[default]
    Avp,
    /// In clear, with early feedback (RFC 4585).
    Avpf,
    /// SRTP (RFC 3711) with keys from `a=crypto` (RFC 4568).
    Savp,
    /// The same with early feedback (RFC 5124).
    Savpf,
    /// SRTP with keys from a DTLS handshake (RFC 5764).
    DtlsSavp,
    /// The same with early feedback: what browsers speak.
    DtlsSavpf,
}

impl Profile {
    const ALL: [Self; 6] = [
        Self::Avp,
        Self::Avpf,
        Self::Savp,
        Self::Savpf,
        Self::DtlsSavp,
        Self::DtlsSavpf,
    ];

    /// As it is written: `RTP/AVP`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Avp => "RTP/AVP",
            Self::Avpf => "RTP/AVPF",
            Self::Savp => "RTP/SAVP",
            Self::Savpf => "RTP/SAVPF",
            Self::DtlsSavp => "UDP/TLS/RTP/SAVP",
            Self::DtlsSavpf => "UDP/TLS/RTP/SAVPF",
        }
    }

    /// Whether nothing goes in clear.
    pub fn is_secure(self) -> bool {
        !matches!(self, Self::Avp | Self::Avpf)
    }

    /// Whether its keys come from a DTLS handshake.
    pub fn is_dtls(self) -> bool {
        matches!(self, Self::DtlsSavp | Self::DtlsSavpf)
    }

    pub(super) fn from_proto(proto: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.as_str().eq_ignore_ascii_case(proto))
    }
}
