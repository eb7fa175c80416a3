//! Writing.

use std::io::{self, Write};

use zeroize::Zeroizing;

use crate::header;
use crate::payload::{CHUNK, Chunks, NONCE, TAG};
use crate::{AgeError, Recipient, random};

/// Encrypts what is written to it. Without [`Encryptor::finish`] the file is cut off, and nobody takes it for whole.
pub struct Encryptor<W> {
    to: W,
    chunks: Chunks,
    pending: Vec<u8>,
}

impl<W: Write> Encryptor<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// [`AgeError::Crypto`] and those of the writer.
    pub fn new(mut to: W, recipient: &Recipient) -> Result<Self, AgeError> {
        let key = Zeroizing::new(random::<16>()?);
        let nonce = random::<NONCE>()?;
        to.write_all(&header::write(recipient, &key)?)?;
        to.write_all(&nonce)?;
        Ok(Self {
            to,
            chunks: Chunks::new(&key, &nonce)?,
            pending: Vec::with_capacity(CHUNK + TAG),
        })
    }

    fn put(&mut self, is_last: bool) -> Result<(), AgeError> {
        self.chunks.seal(&mut self.pending, is_last)?;
        self.to.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// Writes the end, and gives the writer back.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> Result<W, AgeError> {
        self.put(true)?;
        self.to.flush()?;
        Ok(self.to)
    }
}

impl<W: Write> Write for Encryptor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits until it is known that another one follows it.
        if self.pending.len() == CHUNK && !bytes.is_empty() {
            self.put(false)?;
        }
        let room = CHUNK - self.pending.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.pending.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
