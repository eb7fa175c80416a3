//! Secrets that have to be known again in clear, sealed with the key of this gateway.
//!
//! ChaCha20-Poly1305 (RFC 8439) with a random nonce for each sealing. The id of the object is authenticated with it, so
//! that a sealed password is of no use under another object.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use ramal_model::Secret;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::error::{Result, StoreError};

/// Bytes of the key.
const KEY: usize = 32;

/// Seals and opens secrets.
pub(crate) struct Sealer(LessSafeKey);

impl Sealer {
    /// Name of the key file inside the data directory.
    pub const FILE: &str = "secrets.key";

    /// Reads `dir/secrets.key`; when it is gone or cut off, its copy among the backups; and makes one (0600) when there is
    /// neither.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(Self::FILE);
        restore(&path, &dir.join("backups").join(Self::FILE));
        let failed = |action| {
            let path = path.clone();
            move |error: std::io::Error| StoreError::file(action, &path, &error)
        };
        let mut key = [0; KEY];
        match File::open(&path) {
            Ok(mut file) => file.read_exact(&mut key).map_err(failed("read"))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                crate::random(&mut key)?;
                // Under another name first: a power cut must not leave half a key.
                let temporary = dir.join("secrets.key.new");
                let mut file = OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&temporary)
                    .map_err(failed("create"))?;
                file.write_all(&key)
                    .and_then(|()| file.sync_all())
                    .map_err(failed("write"))?;
                std::fs::rename(&temporary, &path).map_err(failed("create"))?;
                File::open(dir)
                    .and_then(|dir| dir.sync_all())
                    .map_err(failed("sync"))?;
            }
            Err(error) => return Err(failed("open")(error)),
        }
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key)
            .map_err(|_| StoreError::Database("the key of the secrets has a wrong size".into()))?;
        Ok(Sealer(LessSafeKey::new(key)))
    }

    /// Seals the secret of object `id`.
    pub fn seal(&self, id: i64, secret: &Secret) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        crate::random(&mut nonce)?;
        let mut sealed = secret.as_str().as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(id.to_be_bytes()),
                &mut sealed,
            )
            .map_err(|_| StoreError::Database("a secret cannot be sealed".into()))?;
        sealed.splice(..0, nonce);
        Ok(sealed)
    }

    /// Opens what was sealed for object `id`; `None` when it was sealed with another key or for another object.
    pub fn unseal(&self, id: i64, sealed: &[u8]) -> Option<Secret> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = ciphertext.to_vec();
        let text = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(id.to_be_bytes()),
                &mut text,
            )
            .ok()?;
        Some(Secret::new(std::str::from_utf8(text).ok()?.to_owned()))
    }
}

/// Takes the copy of the key when the key itself cannot be used.
fn restore(path: &Path, copy: &Path) {
    let usable = |path: &Path| std::fs::metadata(path).is_ok_and(|file| file.len() == KEY as u64);
    if usable(path) || !usable(copy) {
        return;
    }
    let temporary = path.with_extension("key.new");
    let restored = std::fs::copy(copy, &temporary)
        .and_then(|_| File::open(&temporary)?.sync_all())
        .and_then(|()| std::fs::rename(&temporary, path));
    match restored {
        Ok(()) => tracing::error!("the key of the secrets was damaged: its copy is used"),
        Err(error) => tracing::error!(%error, "the key of the secrets cannot be restored"),
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from hexadecimal digits.
pub(crate) fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_opens_with_its_key_and_for_its_object_only() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::open(dir.path()).unwrap();
        let secret = Secret::new("pa@ss:wörd".into());
        let sealed = sealer.seal(7, &secret).unwrap();
        assert!(!sealed.windows(4).any(|part| part == b"pa@s"));
        assert_ne!(sealer.seal(7, &secret).unwrap(), sealed);
        let again = Sealer::open(dir.path()).unwrap();
        assert_eq!(again.unseal(7, &sealed), Some(secret));
        assert_eq!(again.unseal(8, &sealed), None);
        let mut altered = sealed.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert_eq!(again.unseal(7, &altered), None);
        assert_eq!(again.unseal(7, &[]), None);
        let other = tempfile::tempdir().unwrap();
        assert_eq!(Sealer::open(other.path()).unwrap().unseal(7, &sealed), None);
        let mode = std::fs::metadata(dir.path().join(Sealer::FILE)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        let text = hexadecimal(&sealed);
        assert_eq!(from_hexadecimal(&text), Some(sealed));
        assert_eq!(from_hexadecimal("0"), None);
        assert_eq!(from_hexadecimal("zz"), None);
    }
}
