//! Passphrases and X25519 key pairs.

use std::fmt;
use std::str::FromStr;

use bech32::{Bech32, Hrp};
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use crate::{AgeError, random};

const PUBLIC: &str = "age";
const SECRET: &str = "AGE-SECRET-KEY-";

/// A passphrase; it is wiped from memory and never printed.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a passphrase.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// The public half of a key pair, written `age1…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(pub(crate) [u8; 32]);

/// The secret half of a key pair, written `AGE-SECRET-KEY-1…`.
#[derive(Clone)]
pub struct SecretKey(StaticSecret);

impl SecretKey {
    /// Makes a new key pair.
    ///
    /// # Errors
    /// [`AgeError::Crypto`] without random numbers.
    pub fn generate() -> Result<Self, AgeError> {
        Ok(Self(StaticSecret::from(random::<32>()?)))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    /// How it is written down.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(encode(SECRET, self.0.as_bytes()).to_uppercase())
    }

    /// X25519 with the public half of another pair; none for the few that lead to nothing (RFC 7748 §6.1).
    pub(crate) fn agree(&self, other: [u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        let shared = self.0.diffie_hellman(&x25519_dalek::PublicKey::from(other));
        shared
            .was_contributory()
            .then(|| Zeroizing::new(shared.to_bytes()))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

impl FromStr for SecretKey {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Self, AgeError> {
        decode(SECRET, text).map(|key| Self(StaticSecret::from(key)))
    }
}

impl FromStr for PublicKey {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Self, AgeError> {
        decode(PUBLIC, text).map(Self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(PUBLIC, &self.0))
    }
}

/// What a file is opened with.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A passphrase.
    Passphrase(Passphrase),
    /// The secret half of a key pair.
    Key(SecretKey),
}

impl Identity {
    /// What somebody typed: a key when it is written like one, else a passphrase.
    pub fn from_text(text: String) -> Self {
        match text.trim().parse() {
            Ok(key) => Self::Key(key),
            Err(_) => Self::Passphrase(Passphrase::new(text)),
        }
    }
}

/// Bech32 (BIP 173). 32 bytes never are too long for it.
fn encode(prefix: &'static str, key: &[u8; 32]) -> String {
    let encoded = Hrp::parse(prefix)
        .ok()
        .and_then(|prefix| bech32::encode_lower::<Bech32>(prefix, key).ok());
    encoded.unwrap_or_default()
}

fn decode(prefix: &'static str, text: &str) -> Result<[u8; 32], AgeError> {
    let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32>(text)
        .map_err(|_| AgeError::NotKey)?;
    let expected = Hrp::parse(prefix).map_err(|_| AgeError::NotKey)?;
    if checked.hrp() != expected {
        return Err(AgeError::NotKey);
    }
    let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(checked.byte_iter().collect());
    bytes.as_slice().try_into().map_err(|_| AgeError::NotKey)
}
