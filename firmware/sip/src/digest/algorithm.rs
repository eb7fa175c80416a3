//! Hash algorithms and the digest computation of RFC 7616 §3.4.

use md5::Md5;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// `H(username:realm:secret)` in both hashes; what a server stores instead of the secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ha1 {
    /// By MD5.
    pub md5: [u8; 16],
    /// By SHA-256.
    pub sha256: [u8; 32],
}

impl Ha1 {
    /// Computes both hashes.
    pub fn new(username: &str, realm: &str, secret: &str) -> Self {
        let parts = [username.as_bytes(), realm.as_bytes(), secret.as_bytes()];
        Self {
            md5: joined::<Md5>(&parts).into(),
            sha256: joined::<Sha256>(&parts).into(),
        }
    }
}

impl std::fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ha1")
    }
}

/// A digest algorithm (RFC 7616 §6.1, RFC 8760).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `MD5`, also when none is named.
    Md5,
    /// `MD5-sess`
    Md5Sess,
    /// `SHA-256`
    Sha256,
    /// `SHA-256-sess`
    Sha256Sess,
}

impl Algorithm {
    /// The name in the `algorithm` parameter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
        }
    }

    /// Reads an `algorithm` parameter, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Md5, Self::Md5Sess, Self::Sha256, Self::Sha256Sess]
            .into_iter()
            .find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether the hash is MD5.
    pub fn is_md5(self) -> bool {
        matches!(self, Self::Md5 | Self::Md5Sess)
    }

    pub(super) fn is_session(self) -> bool {
        matches!(self, Self::Md5Sess | Self::Sha256Sess)
    }

    fn hash(self, parts: &[&[u8]]) -> Hash {
        match self.is_md5() {
            true => Hash::new(&joined::<Md5>(parts)),
            false => Hash::new(&joined::<Sha256>(parts)),
        }
    }
}

/// `qop` of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Qop {
    /// None, as in RFC 2069.
    None,
    Auth,
    AuthInt,
}

impl Qop {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// All that goes into a response.
pub(super) struct Input<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) ha1: &'a Ha1,
    pub(super) nonce: &'a [u8],
    /// Eight hexadecimal digits, as spelled.
    pub(super) nc: &'a [u8],
    pub(super) cnonce: &'a [u8],
    pub(super) qop: Qop,
    pub(super) method: &'a str,
    /// The `uri` parameter, byte by byte.
    pub(super) uri: &'a [u8],
    pub(super) body: &'a [u8],
}

/// The `response` of RFC 7616 §3.4.1.
pub(super) fn response(input: &Input<'_>) -> Hash {
    let Input {
        algorithm, nonce, ..
    } = *input;
    let mut a1 = match algorithm.is_md5() {
        true => Hash::new(&input.ha1.md5),
        false => Hash::new(&input.ha1.sha256),
    };
    if algorithm.is_session() {
        a1 = algorithm.hash(&[a1.hex(), nonce, input.cnonce]);
    }
    let method = input.method.as_bytes();
    let a2 = match input.qop {
        Qop::AuthInt => {
            let body = algorithm.hash(&[input.body]);
            algorithm.hash(&[method, input.uri, body.hex()])
        }
        _ => algorithm.hash(&[method, input.uri]),
    };
    match input.qop {
        Qop::None => algorithm.hash(&[a1.hex(), nonce, a2.hex()]),
        qop => algorithm.hash(&[
            a1.hex(),
            nonce,
            input.nc,
            input.cnonce,
            qop.as_str().as_bytes(),
            a2.hex(),
        ]),
    }
}

/// A hash in lower-case hexadecimal digits, on the stack.
pub(super) struct Hash {
    digits: [u8; 64],
    length: usize,
}

impl Hash {
    fn new(bytes: &[u8]) -> Self {
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&hex(*byte));
        }
        Self {
            digits,
            length: bytes.len().min(32) * 2,
        }
    }

    pub(super) fn hex(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or_default()
    }

    /// Compares with received digits in a time that depends on their number alone.
    pub(super) fn matches(&self, digits: &[u8]) -> bool {
        let lower = digits.to_ascii_lowercase();
        self.hex().ct_eq(&lower).into()
    }
}

pub(super) fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 15)],
    ]
}

/// Hash of the parts with colons between them.
fn joined<D: sha2::Digest>(parts: &[&[u8]]) -> sha2::digest::Output<D> {
    #[cfg(test)]
    hashed::add(parts);
    let mut hasher = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hasher.update(b":");
        }
        hasher.update(part);
    }
    hasher.finalize()
}

/// What this thread has hashed.
#[cfg(test)]
pub(super) mod hashed {
    use std::cell::RefCell;

    thread_local! {
        /// Octets of each hash.
        static LENGTHS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn add(parts: &[&[u8]]) {
        let octets = parts.iter().map(|part| part.len()).sum();
        LENGTHS.with_borrow_mut(|lengths| lengths.push(octets));
    }

    /// What was hashed since the last call.
    pub(in crate::digest) fn take() -> Vec<usize> {
        LENGTHS.take()
    }
}
