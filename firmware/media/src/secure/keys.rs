//! Cipher suites and master keys.

use std::fmt;

/// How packets are encrypted and authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// AES in counter mode with an 80 bit HMAC-SHA1 tag (RFC 3711; RFC 4568 §6.2.1).
    AesCm128HmacSha1_80,
    /// The same with a 32 bit tag on RTP; RTCP keeps 80 bits (RFC 4568 §6.2.2).
    AesCm128HmacSha1_32,
    /// AES in Galois/counter mode with a 128 bit tag (RFC 7714).
    AeadAes128Gcm,
    /// The same with a 256 bit key.
    AeadAes256Gcm,
}

impl Suite {
    /// All of them, the one we like best first.
    pub const ALL: [Suite; 4] = [
        Suite::AeadAes128Gcm,
        Suite::AeadAes256Gcm,
        Suite::AesCm128HmacSha1_80,
        Suite::AesCm128HmacSha1_32,
    ];

    /// The name in `a=crypto` (RFC 4568 §6.2, RFC 7714 §14.2).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Suite::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Suite::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// The suite of this name, whatever its case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Suite> {
        Suite::ALL
            .into_iter()
            .find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// Octets of the master key.
    #[must_use]
    pub const fn key_length(self) -> usize {
        match self {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 | Suite::AeadAes128Gcm => 16,
            Suite::AeadAes256Gcm => 32,
        }
    }

    /// Octets of the master salt behind it.
    #[must_use]
    pub const fn salt_length(self) -> usize {
        match self {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => 14,
            Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => 12,
        }
    }
}

/// Octets of the longest key with salt.
const LONGEST: usize = 44;

/// A master key and salt for one direction. Its `Debug` form does not show them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MasterKey {
    suite: Suite,
    /// Key, salt, and zeros up to the longest.
    octets: [u8; LONGEST],
}

impl MasterKey {
    /// Key and salt in one, as `inline:` carries them; `None` when they have not the suite's length.
    #[must_use]
    pub fn new(suite: Suite, key_and_salt: &[u8]) -> Option<Self> {
        if key_and_salt.len() != suite.key_length() + suite.salt_length() {
            return None;
        }
        let mut octets = [0; LONGEST];
        octets[..key_and_salt.len()].copy_from_slice(key_and_salt);
        Some(MasterKey { suite, octets })
    }

    /// One made of random octets.
    #[must_use]
    pub fn from_random(suite: Suite, mut octets: [u8; LONGEST]) -> Self {
        octets[suite.key_length() + suite.salt_length()..].fill(0);
        MasterKey { suite, octets }
    }

    /// What it is for.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Key and salt in one.
    #[must_use]
    pub fn key_and_salt(&self) -> &[u8] {
        &self.octets[..self.suite.key_length() + self.suite.salt_length()]
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.octets[..self.suite.key_length()]
    }

    /// The salt as key derivation takes it: a shorter one is followed by zeros (RFC 7714 §11).
    pub(super) fn salt(&self) -> [u8; 14] {
        let mut salt = [0; 14];
        let given = &self.key_and_salt()[self.suite.key_length()..];
        salt[..given.len()].copy_from_slice(given);
        salt
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.suite.name())
    }
}

/// The keys of both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SrtpKeys {
    /// For packets to the far end.
    pub send: MasterKey,
    /// For packets from the far end.
    pub receive: MasterKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_length_of_their_suite_and_are_not_shown() {
        for suite in Suite::ALL {
            let key = MasterKey::from_random(suite, [7; 44]);
            assert_eq!(
                key.key_and_salt().len(),
                suite.key_length() + suite.salt_length()
            );
            assert_eq!(MasterKey::new(suite, key.key_and_salt()), Some(key));
            assert_eq!(MasterKey::new(suite, &[1; 29]), None);
            assert_eq!(MasterKey::new(suite, &[]), None);
            assert_eq!(format!("{key:?}"), format!("MasterKey({})", suite.name()));
            assert_eq!(Suite::from_name(&suite.name().to_lowercase()), Some(suite));
        }
        assert_eq!(Suite::from_name("F8_128_HMAC_SHA1_80"), None);
    }
}
