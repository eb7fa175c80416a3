//! Reading.

use std::io::{self, Read};

use crate::AgeError;
use crate::header;
use crate::keys::Identity;
use crate::payload::{CHUNK, Chunks, NONCE, TAG};

/// Opens a file and reads its content.
pub struct Decryptor<R> {
    from: R,
    chunks: Chunks,
    /// What was opened, and how much of it was handed out.
    opened: Vec<u8>,
    taken: usize,
    /// The beginning of the next chunk, which tells whether there is one.
    ahead: Option<u8>,
    ended: bool,
}

impl<R: Read> Decryptor<R> {
    /// Reads the header and unwraps the key.
    ///
    /// # Errors
    /// [`AgeError::Foreign`], [`AgeError::WrongSecret`] and the others that say what is wrong with the file.
    pub fn new(mut from: R, identity: &Identity) -> Result<Self, AgeError> {
        let key = header::read(&mut from, identity)?;
        let mut nonce = [0; NONCE];
        from.read_exact(&mut nonce).map_err(cut_off)?;
        let mut decryptor = Self {
            from,
            chunks: Chunks::new(&key, &nonce)?,
            opened: Vec::with_capacity(CHUNK + TAG),
            taken: 0,
            ahead: None,
            ended: false,
        };
        decryptor.ahead = decryptor.one()?;
        Ok(decryptor)
    }

    fn one(&mut self) -> Result<Option<u8>, AgeError> {
        let mut octet = Vec::with_capacity(1);
        (&mut self.from).take(1).read_to_end(&mut octet)?;
        Ok(octet.first().copied())
    }

    fn open_next(&mut self) -> Result<(), AgeError> {
        self.opened.clear();
        self.taken = 0;
        let Some(first) = self.ahead else {
            return Err(AgeError::Truncated);
        };
        self.opened.push(first);
        let rest = (CHUNK + TAG - 1) as u64;
        (&mut self.from).take(rest).read_to_end(&mut self.opened)?;
        self.ahead = match self.opened.len() == CHUNK + TAG {
            true => self.one()?,
            false => None,
        };
        self.ended = self.ahead.is_none();
        self.chunks.open(&mut self.opened, self.ended)
    }
}

impl<R: Read> Read for Decryptor<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.opened.len() {
            if self.ended || into.is_empty() {
                return Ok(0);
            }
            if let Err(error) = self.open_next() {
                // Nothing more comes out of it.
                self.opened.clear();
                self.ahead = None;
                return Err(error.into());
            }
        }
        let ready = self.opened.get(self.taken..).unwrap_or_default();
        let length = ready.len().min(into.len());
        if let (Some(from), Some(to)) = (ready.get(..length), into.get_mut(..length)) {
            to.copy_from_slice(from);
        }
        self.taken += length;
        Ok(length)
    }
}

fn cut_off(error: io::Error) -> AgeError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => AgeError::Truncated,
        _ => AgeError::Io(error),
    }
}
