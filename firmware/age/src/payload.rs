//! The content in chunks of 64 KiB, each sealed with its number and whether it is the last (STREAM, age §Payload).

use ring::aead::{Aad, LessSafeKey, Nonce};

use crate::AgeError;
use crate::header::{FileKey, aead, derived};

/// Octets of content in a chunk; the last may have fewer.
pub const CHUNK: usize = 64 << 10;
/// Octets that sealing adds.
pub const TAG: usize = 16;
/// Octets of the nonce before the first chunk.
pub const NONCE: usize = 16;

/// Seals or opens chunk after chunk.
pub struct Chunks {
    key: LessSafeKey,
    next: u64,
}

impl Chunks {
    pub fn new(key: &FileKey, nonce: &[u8; NONCE]) -> Result<Self, AgeError> {
        let key = derived(nonce, key.as_slice(), b"payload")?;
        Ok(Self {
            key: aead(&key)?,
            next: 0,
        })
    }

    fn nonce(&mut self, is_last: bool) -> Nonce {
        let mut nonce = [0; 12];
        // An eleven octet number, of which the first three stay zero for 2^64 chunks.
        if let Some(counter) = nonce.get_mut(3..11) {
            counter.copy_from_slice(&self.next.to_be_bytes());
        }
        if let Some(flag) = nonce.last_mut() {
            *flag = u8::from(is_last);
        }
        self.next += 1;
        Nonce::assume_unique_for_key(nonce)
    }

    /// Seals a chunk in its place.
    pub fn seal(&mut self, chunk: &mut Vec<u8>, is_last: bool) -> Result<(), AgeError> {
        let nonce = self.nonce(is_last);
        self.key
            .seal_in_place_append_tag(nonce, Aad::empty(), chunk)
            .map_err(|_| AgeError::Crypto("the content cannot be sealed"))
    }

    /// Opens a chunk in its place; the content is shorter by [`TAG`].
    pub fn open(&mut self, chunk: &mut Vec<u8>, is_last: bool) -> Result<(), AgeError> {
        let first = self.next == 0;
        let nonce = self.nonce(is_last);
        let length = self
            .key
            .open_in_place(nonce, Aad::empty(), chunk)
            .map_err(|_| {
                if is_last {
                    AgeError::Truncated
                } else {
                    AgeError::Damaged
                }
            })?
            .len();
        chunk.truncate(length);
        // Only an empty content ends with an empty chunk.
        if chunk.is_empty() && !(first && is_last) {
            return Err(AgeError::Damaged);
        }
        Ok(())
    }
}
