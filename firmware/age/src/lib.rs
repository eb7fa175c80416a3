//! The age file format, version 1 (<https://c2sp.org/age>), as streams: what this crate writes the `age` program opens, and
//! the other way round.
//!
//! A file has a random key. [`Recipient`] says for whom that key is wrapped: for whoever knows a passphrase (scrypt), or
//! for the owner of a key pair (X25519), of which the writer needs the public half only. [`Encryptor`] takes the content
//! piece by piece and keeps 64 KiB of it at most; [`Decryptor`] hands out only what was authenticated. An end that is
//! missing is an error, never a shorter content.
//!
//! The `age` crate is not used: since 0.11 it brings ninety others (post-quantum keys, translations), and its work factor
//! for passphrases would take a gateway's whole memory.

mod decrypt;
mod encrypt;
mod header;
mod keys;
mod payload;

use std::io;

use thiserror::Error;

pub use decrypt::Decryptor;
pub use encrypt::Encryptor;
pub use keys::{Identity, Passphrase, PublicKey, SecretKey};

/// Memory and time that a passphrase of ours costs, as a power of two of KiB: 32 MiB. A gateway may have 256 MiB.
pub const WORK_FACTOR: u8 = 15;
/// The most that a file of others may ask for: 128 MiB.
pub const MAX_WORK_FACTOR: u8 = 17;

/// For whom a file is encrypted.
#[derive(Clone, Debug)]
pub enum Recipient {
    /// Whoever knows a passphrase.
    Passphrase(Passphrase),
    /// Whoever has the secret halves of these keys; one is enough.
    Keys(Vec<PublicKey>),
}

/// Why a file cannot be encrypted or opened.
#[derive(Debug, Error)]
pub enum AgeError {
    /// It does not begin as an age file does.
    #[error("this is not an encrypted archive: choose a file that a backup made")]
    Foreign,
    /// No passphrase or key given opens it.
    #[error("the passphrase or key does not open this archive: check it and try again")]
    WrongSecret,
    /// It asks for a key where a passphrase was given, or the other way round.
    #[error("this archive was made {0}: give that")]
    OtherSecret(&'static str),
    /// Opening it would take more memory than is allowed.
    #[error(
        "the passphrase of this archive costs 2^{0} KiB of memory to check; at most 2^17 is allowed: encrypt it again with less"
    )]
    TooCostly(u8),
    /// The content was altered.
    #[error("the archive is damaged: take another copy of it")]
    Damaged,
    /// The content breaks off.
    #[error("the archive is cut off or damaged at its end: copy or download it again")]
    Truncated,
    /// A key that is none.
    #[error("this is not a key: one begins with age1, its secret half with AGE-SECRET-KEY-1")]
    NotKey,
    /// No random numbers, or a file for nobody.
    #[error("the archive cannot be encrypted: {0}")]
    Crypto(&'static str),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<AgeError> for io::Error {
    fn from(error: AgeError) -> Self {
        match error {
            AgeError::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}

impl AgeError {
    /// The error that a reader in between turned into one of input and output.
    pub fn from_io(error: io::Error) -> Self {
        match error.downcast::<AgeError>() {
            Ok(inner) => inner,
            Err(error) => AgeError::Io(error),
        }
    }
}

/// Random bytes of the system.
fn random<const N: usize>() -> Result<[u8; N], AgeError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| AgeError::Crypto("no random numbers"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
