//! Digest credentials of extensions: HA1 values, never the secrets themselves.

use std::fmt;

use md5::{Digest, Md5};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use sha2::Sha256;
use utoipa::ToSchema;

use crate::REALM;

/// `HA1 = H(number ":" realm ":" secret)` by both algorithms of RFC 8760, all that digest authentication needs
/// (RFC 2617 §3.2.2.2). Anyone who has these values can register as the extension: they are kept like a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DigestCredential {
    /// HA1 by MD5.
    pub md5: [u8; 16],
    /// HA1 by SHA-256.
    pub sha256: [u8; 32],
}

impl DigestCredential {
    /// The credential of `number` in the realm [`REALM`].
    pub fn new(number: &str, secret: &Secret) -> Self {
        let text = format!("{number}:{REALM}:{}", secret.as_str());
        DigestCredential {
            md5: Md5::digest(&text).into(),
            sha256: Sha256::digest(&text).into(),
        }
    }
}

impl fmt::Debug for DigestCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestCredential(..)")
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hexadecimal {
    md5: String,
    sha256: String,
}

impl Serialize for DigestCredential {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Hexadecimal {
            md5: encode(&self.md5),
            sha256: encode(&self.sha256),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DigestCredential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Hexadecimal::deserialize(deserializer)?;
        Ok(DigestCredential {
            md5: decode(&text.md5)
                .ok_or_else(|| D::Error::custom("md5 must be 32 hexadecimal digits"))?,
            sha256: decode(&text.sha256)
                .ok_or_else(|| D::Error::custom("sha256 must be 64 hexadecimal digits"))?,
        })
    }
}

fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// A generated secret on its way to the person who sees it once. Not printed by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret made elsewhere.
    pub fn new(text: String) -> Self {
        Secret(text)
    }

    /// The text to show or to hash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Letters and digits that nobody confuses when typing them into a phone: no 0 O o, 1 l I i, 5 S, 2 Z, 8 B.
const ALPHABET: &[u8] = b"ACDEFGHJKLMNPQRTUVWXYabcdefghjkmnpqrstuvwxyz34679";

/// A secret of 20 characters from an unambiguous alphabet, about 112 bits. `random` fills a slice with random bytes.
pub fn generate_secret(random: &mut impl FnMut(&mut [u8])) -> Secret {
    let mut secret = String::with_capacity(20);
    // A byte at or above the largest multiple of the alphabet's length would favour the first letters.
    let bound = 256 - 256 % ALPHABET.len();
    while secret.len() < 20 {
        let mut bytes = [0; 32];
        random(&mut bytes);
        for byte in bytes {
            if usize::from(byte) < bound && secret.len() < 20 {
                secret.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
            }
        }
    }
    Secret(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ha1_is_the_digest_of_number_realm_and_secret() {
        // printf '2001:ramal:secret' | md5sum, sha256sum
        let credential = DigestCredential::new("2001", &Secret::new("secret".into()));
        assert_eq!(encode(&credential.md5), "d289ab26bfc58e436d9bf9ca8ebaf5df");
        assert_eq!(
            encode(&credential.sha256),
            "05537bd11c0bde8f4493f6e29c0c0ced7fda696c64ae679699f08f5ae5618bdc"
        );
    }

    #[test]
    fn secrets_have_twenty_unambiguous_characters_and_use_the_whole_alphabet() {
        let mut state = 7u64;
        let mut random = |bytes: &mut [u8]| {
            for byte in bytes {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                *byte = (state >> 33) as u8;
            }
        };
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let secret = generate_secret(&mut random);
            assert_eq!(secret.as_str().len(), 20);
            seen.extend(secret.as_str().bytes());
        }
        assert_eq!(seen, ALPHABET.iter().copied().collect());
    }

    #[test]
    fn a_credential_survives_json_and_refuses_wrong_lengths() {
        let credential = DigestCredential::new("2001", &Secret::new("x".into()));
        let text = serde_json::to_string(&credential).unwrap();
        assert_eq!(
            serde_json::from_str::<DigestCredential>(&text).unwrap(),
            credential
        );
        assert!(serde_json::from_str::<DigestCredential>(r#"{"md5":"00","sha256":"00"}"#).is_err());
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let secret = Secret::new("hunter2hunter2".into());
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
