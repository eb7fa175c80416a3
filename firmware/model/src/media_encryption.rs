//! Whether media is encrypted.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether the media of a phone or trunk is encrypted (SRTP). Browsers encrypt whatever is set here: they know nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaEncryption {
    /// `optional` where signalling is encrypted, too; `off` where it is not, as the keys would travel in clear.
    #[default]
    Automatic,
    /// Never.
    Off,
    /// Offered, and used when the other side can.
    Optional,
    /// Calls without it are refused.
    Required,
}

impl MediaEncryption {
    /// What it means over signalling that is encrypted or not: never `Automatic`.
    #[must_use]
    pub fn over(self, encrypted_signalling: bool) -> Self {
        match self {
            MediaEncryption::Automatic if encrypted_signalling => MediaEncryption::Optional,
            MediaEncryption::Automatic => MediaEncryption::Off,
            set => set,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_in_clear_only_when_somebody_said_so() {
        for set in [
            MediaEncryption::Off,
            MediaEncryption::Optional,
            MediaEncryption::Required,
        ] {
            assert_eq!((set.over(false), set.over(true)), (set, set));
        }
        let automatic = MediaEncryption::default();
        assert_eq!(automatic.over(true), MediaEncryption::Optional);
        assert_eq!(automatic.over(false), MediaEncryption::Off);
    }
}
