//! The header: for each recipient a stanza with the file's key wrapped, and a code that authenticates them all.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use scrypt::{Params, scrypt};
use zeroize::Zeroizing;

use crate::keys::{Identity, Passphrase, PublicKey, SecretKey};
use crate::{AgeError, MAX_WORK_FACTOR, Recipient, WORK_FACTOR, random};

const VERSION: &str = "age-encryption.org/v1";
const SCRYPT_LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
const X25519_LABEL: &[u8] = b"age-encryption.org/v1/X25519";
/// A wrapped key: 16 octets and a tag of as many.
const WRAPPED: usize = 32;
/// Octets of a line of a stanza's body.
const LINE: usize = 64;
/// Octets of a header that are read at most: some hundred recipients.
const MAX_HEADER: usize = 16 << 10;

/// The key of one file.
pub type FileKey = Zeroizing<[u8; 16]>;

struct Stanza {
    arguments: Vec<String>,
    body: Vec<u8>,
}

/// Wraps the key of a file for its recipients.
pub fn write(recipient: &Recipient, key: &FileKey) -> Result<Vec<u8>, AgeError> {
    let stanzas = match recipient {
        Recipient::Passphrase(passphrase) => vec![wrap_for_passphrase(passphrase, key)?],
        Recipient::Keys(keys) if keys.is_empty() => {
            return Err(AgeError::Crypto("there is nobody to encrypt it for"));
        }
        Recipient::Keys(keys) => keys
            .iter()
            .map(|public| wrap_for_key(public, key))
            .collect::<Result<_, _>>()?,
    };
    let mut text = format!("{VERSION}\n");
    for stanza in stanzas {
        text.push_str(&format!("-> {}\n", stanza.arguments.join(" ")));
        let body = STANDARD_NO_PAD.encode(&stanza.body);
        let mut rest = body.as_str();
        while let Some((line, more)) = rest.split_at_checked(LINE) {
            text.push_str(line);
            text.push('\n');
            rest = more;
        }
        // The last line is shorter than the others, be it empty.
        text.push_str(rest);
        text.push('\n');
    }
    text.push_str("---");
    let code = hmac::sign(&mac_key(key)?, text.as_bytes());
    text.push_str(&format!(" {}\n", STANDARD_NO_PAD.encode(code.as_ref())));
    Ok(text.into_bytes())
}

/// Reads a header to its end, and unwraps the key of the file.
pub fn read(from: &mut impl Read, identity: &Identity) -> Result<FileKey, AgeError> {
    let mut lines = Lines {
        from,
        read: Vec::new(),
    };
    if lines.next()? != VERSION {
        return Err(AgeError::Foreign);
    }
    let mut stanzas = Vec::new();
    let code = loop {
        let line = lines.next()?;
        if let Some(code) = line.strip_prefix("--- ") {
            break decoded(code)?;
        }
        let arguments = line.strip_prefix("-> ").ok_or(AgeError::Damaged)?;
        let arguments = arguments.split(' ').map(str::to_owned).collect();
        let mut body = String::new();
        loop {
            let line = lines.next()?;
            body.push_str(&line);
            if line.len() < LINE {
                break;
            }
        }
        stanzas.push(Stanza {
            arguments,
            body: decoded(&body)?,
        });
    };
    let key = unwrap(&stanzas, identity)?;
    let end = lines
        .read
        .windows(5)
        .rposition(|window| window == b"\n--- ")
        .ok_or(AgeError::Damaged)?;
    let authenticated = lines.read.get(..end + 4).ok_or(AgeError::Damaged)?;
    hmac::verify(&mac_key(&key)?, authenticated, &code).map_err(|_| AgeError::Damaged)?;
    Ok(key)
}

/// Lines of the header, octet by octet: what comes behind it is not text.
struct Lines<'a, R> {
    from: &'a mut R,
    read: Vec<u8>,
}

impl<R: Read> Lines<'_, R> {
    fn next(&mut self) -> Result<String, AgeError> {
        let start = self.read.len();
        loop {
            let mut octet = [0];
            match self.from.read(&mut octet) {
                Ok(0) if start == 0 => return Err(AgeError::Foreign),
                Ok(0) => return Err(AgeError::Truncated),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            let [octet] = octet;
            self.read.push(octet);
            if octet == b'\n' {
                break;
            }
            let is_foreign = start == 0 && self.read.len() > VERSION.len() + 1;
            if is_foreign {
                return Err(AgeError::Foreign);
            }
            if self.read.len() > MAX_HEADER || !octet.is_ascii() {
                return Err(if start == 0 {
                    AgeError::Foreign
                } else {
                    AgeError::Damaged
                });
            }
        }
        let line = self.read.get(start..).and_then(|line| line.split_last());
        let (_, line) = line.ok_or(AgeError::Damaged)?;
        String::from_utf8(line.to_vec()).map_err(|_| AgeError::Damaged)
    }
}

fn unwrap(stanzas: &[Stanza], identity: &Identity) -> Result<FileKey, AgeError> {
    let kind = |stanza: &Stanza| stanza.arguments.first().cloned().unwrap_or_default();
    let by_passphrase = stanzas.iter().any(|stanza| kind(stanza) == "scrypt");
    match identity {
        Identity::Passphrase(passphrase) => match stanzas {
            // Nobody else may be able to open a file with a passphrase (age §scrypt).
            [only] if by_passphrase => unwrap_by_passphrase(only, passphrase),
            _ if by_passphrase => Err(AgeError::Damaged),
            _ => Err(AgeError::OtherSecret("for a key (AGE-SECRET-KEY-1…)")),
        },
        Identity::Key(_) if by_passphrase => Err(AgeError::OtherSecret("with a passphrase")),
        Identity::Key(key) => stanzas
            .iter()
            .filter(|stanza| kind(stanza) == "X25519")
            .find_map(|stanza| unwrap_by_key(stanza, key).transpose())
            .unwrap_or(Err(AgeError::WrongSecret)),
    }
}

fn wrap_for_passphrase(passphrase: &Passphrase, key: &FileKey) -> Result<Stanza, AgeError> {
    let salt = random::<16>()?;
    let wrapping = stretched(passphrase, &salt, WORK_FACTOR)?;
    Ok(Stanza {
        arguments: vec![
            "scrypt".into(),
            STANDARD_NO_PAD.encode(salt),
            WORK_FACTOR.to_string(),
        ],
        body: sealed(&wrapping, key)?,
    })
}

fn unwrap_by_passphrase(stanza: &Stanza, passphrase: &Passphrase) -> Result<FileKey, AgeError> {
    let [_, salt, factor] = stanza.arguments.as_slice() else {
        return Err(AgeError::Damaged);
    };
    let salt = decoded(salt)?;
    let written = factor.bytes().all(|digit| digit.is_ascii_digit()) && !factor.starts_with('0');
    let factor: u8 = factor
        .parse()
        .ok()
        .filter(|_| written && salt.len() == 16)
        .ok_or(AgeError::Damaged)?;
    if factor > MAX_WORK_FACTOR {
        return Err(AgeError::TooCostly(factor));
    }
    let wrapping = stretched(passphrase, &salt, factor)?;
    opened(&wrapping, &stanza.body)?.ok_or(AgeError::WrongSecret)
}

fn stretched(
    passphrase: &Passphrase,
    salt: &[u8],
    factor: u8,
) -> Result<Zeroizing<[u8; 32]>, AgeError> {
    let parameters =
        Params::new(factor, 8, 1).map_err(|_| AgeError::Crypto("no such work factor"))?;
    let salt = [SCRYPT_LABEL, salt].concat();
    let mut key = Zeroizing::new([0; 32]);
    scrypt(passphrase.bytes(), &salt, &parameters, key.as_mut_slice())
        .map_err(|_| AgeError::Crypto("the passphrase cannot be stretched"))?;
    Ok(key)
}

fn wrap_for_key(public: &PublicKey, key: &FileKey) -> Result<Stanza, AgeError> {
    let ephemeral = SecretKey::generate()?;
    let share = ephemeral.public().0;
    let shared = ephemeral.agree(public.0).ok_or(AgeError::NotKey)?;
    let wrapping = derived(&[share, public.0].concat(), shared.as_slice(), X25519_LABEL)?;
    Ok(Stanza {
        arguments: vec!["X25519".into(), STANDARD_NO_PAD.encode(share)],
        body: sealed(&wrapping, key)?,
    })
}

/// None when it is for another key.
fn unwrap_by_key(stanza: &Stanza, key: &SecretKey) -> Result<Option<FileKey>, AgeError> {
    let [_, share] = stanza.arguments.as_slice() else {
        return Err(AgeError::Damaged);
    };
    let share: [u8; 32] = decoded(share)?.try_into().map_err(|_| AgeError::Damaged)?;
    let shared = key.agree(share).ok_or(AgeError::Damaged)?;
    let wrapping = derived(
        &[share, key.public().0].concat(),
        shared.as_slice(),
        X25519_LABEL,
    )?;
    opened(&wrapping, &stanza.body)
}

fn sealed(wrapping: &Zeroizing<[u8; 32]>, key: &FileKey) -> Result<Vec<u8>, AgeError> {
    let mut sealed = key.to_vec();
    aead(wrapping)?
        .seal_in_place_append_tag(zero_nonce(), Aad::empty(), &mut sealed)
        .map_err(|_| AgeError::Crypto("the key cannot be wrapped"))?;
    Ok(sealed)
}

fn opened(wrapping: &Zeroizing<[u8; 32]>, body: &[u8]) -> Result<Option<FileKey>, AgeError> {
    if body.len() != WRAPPED {
        return Err(AgeError::Damaged);
    }
    let mut body = Zeroizing::new(body.to_vec());
    let opened = aead(wrapping)?.open_in_place(zero_nonce(), Aad::empty(), &mut body);
    Ok(opened
        .ok()
        .and_then(|key| (&*key).try_into().ok())
        .map(Zeroizing::new))
}

/// Each wrapping key is used once only, so its nonce may be fixed.
fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

pub fn aead(key: &Zeroizing<[u8; 32]>) -> Result<LessSafeKey, AgeError> {
    UnboundKey::new(&CHACHA20_POLY1305, key.as_slice())
        .map(LessSafeKey::new)
        .map_err(|_| AgeError::Crypto("a key has a wrong size"))
}

fn mac_key(key: &FileKey) -> Result<hmac::Key, AgeError> {
    let key = derived(&[], key.as_slice(), b"header")?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()))
}

/// HKDF-SHA-256 (RFC 5869).
pub fn derived(salt: &[u8], secret: &[u8], info: &[u8]) -> Result<Zeroizing<[u8; 32]>, AgeError> {
    let mut key = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], hkdf::HKDF_SHA256)
        .and_then(|derived| derived.fill(key.as_mut_slice()))
        .map_err(|_| AgeError::Crypto("a key cannot be derived"))?;
    Ok(key)
}

fn decoded(text: &str) -> Result<Vec<u8>, AgeError> {
    STANDARD_NO_PAD.decode(text).map_err(|_| AgeError::Damaged)
}
