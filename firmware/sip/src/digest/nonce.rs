//! Nonces that need no table: time and serial number, signed together with the source address.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::algorithm::hex;

/// Bytes of the signature kept; 2^128 guesses are enough.
const SIGNATURE: usize = 16;

/// What a nonce says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonce {
    /// When it was made, seconds since 1970.
    pub(super) time: u64,
    /// Which of the challenger's nonces it is; makes nonces of the same second differ.
    pub(super) serial: u64,
}

impl Nonce {
    /// The nonce for clients at `source`. Their port may change from request to request, their address not.
    pub(super) fn print(self, key: &[u8; 32], source: IpAddr) -> String {
        let signature = self.signature(key, source);
        let bytes = self
            .time
            .to_be_bytes()
            .into_iter()
            .chain(self.serial.to_be_bytes())
            .chain(signature);
        bytes.flat_map(hex).map(char::from).collect()
    }

    /// Reads a nonce and whether it was made by this key for this source; `None` when it is no nonce of ours by form.
    pub(super) fn parse(text: &[u8], key: &[u8; 32], source: IpAddr) -> Option<(Self, bool)> {
        let mut bytes = [0_u8; 16 + SIGNATURE];
        if text.len() != bytes.len() * 2 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let [high, low] = *pair else { return None };
            *byte = digit(high)? << 4 | digit(low)?;
        }
        let (time, rest) = bytes.split_first_chunk::<8>()?;
        let (serial, signature) = rest.split_first_chunk::<8>()?;
        let nonce = Self {
            time: u64::from_be_bytes(*time),
            serial: u64::from_be_bytes(*serial),
        };
        let genuine = nonce.signature(key, source).ct_eq(signature).into();
        Some((nonce, genuine))
    }

    fn signature(self, key: &[u8; 32], source: IpAddr) -> [u8; SIGNATURE] {
        let address = match source.to_canonical() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let mut signature = [0; SIGNATURE];
        // Every key length is valid for HMAC, so this always holds.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
            mac.update(b"nonce");
            mac.update(&address.octets());
            mac.update(&self.time.to_be_bytes());
            mac.update(&self.serial.to_be_bytes());
            let full = mac.finalize().into_bytes();
            signature
                .iter_mut()
                .zip(full)
                .for_each(|(to, from)| *to = from);
        }
        signature
    }
}

/// A hexadecimal digit; those we write are small.
fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}
