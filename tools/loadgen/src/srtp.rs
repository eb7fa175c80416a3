//! SRTP of the phones: `AES_CM_128_HMAC_SHA1_80` alone (RFC 3711), apart from the gateway's, so that neither hides the
//! other's mistakes.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use hmac::{Hmac, Mac};
use sha1::Sha1;

/// Master key and salt of every call, both ways, as `examples/media_paths` of the engine has them, too.
const MASTER: [u8; 30] = *b"a key known to all, and a salt";
/// Octets of an RTP header without extension, which is all that is sent here.
const HEADER: usize = 12;
/// Octets of the tag.
pub const TAG: usize = 10;

/// The keys of a call.
#[derive(Clone)]
pub struct Srtp {
    cipher: Aes128,
    mac: Hmac<Sha1>,
    salt: [u8; 16],
}

impl Srtp {
    /// `None` when the library refuses the keys, which have the right length.
    pub fn new() -> Option<Self> {
        let master = Aes128::new_from_slice(MASTER.get(..16)?).ok()?;
        let session = |label: u8, octets: &mut [u8]| {
            let mut input = [0u8; 16];
            input[..14].copy_from_slice(&MASTER[16..]);
            input[7] ^= label;
            key_stream(&master, input, octets);
        };
        let (mut key, mut authentication, mut salt) = ([0u8; 16], [0u8; 20], [0u8; 16]);
        session(0, &mut key);
        session(1, &mut authentication);
        session(2, &mut salt[..14]);
        Some(Srtp {
            cipher: Aes128::new(&key.into()),
            mac: Hmac::new_from_slice(&authentication).ok()?,
            salt,
        })
    }

    /// Encrypts the packet before the last [`TAG`] octets and puts the tag there.
    pub fn seal(&self, packet: &mut [u8], rollovers: u32) {
        let end = packet.len().saturating_sub(TAG);
        let (plain, tag) = packet.split_at_mut(end);
        self.crypt(plain, rollovers);
        tag.copy_from_slice(&self.sum(plain, rollovers)[..TAG]);
    }

    /// Decrypts a packet; false when its tag is wrong.
    pub fn open(&self, packet: &mut [u8], rollovers: u32) -> bool {
        let Some(end) = packet.len().checked_sub(TAG) else {
            return false;
        };
        let (sealed, tag) = packet.split_at_mut(end);
        let authentic = self.sum(sealed, rollovers)[..TAG] == *tag;
        self.crypt(sealed, rollovers);
        authentic
    }

    fn sum(&self, sealed: &[u8], rollovers: u32) -> [u8; 20] {
        let mut mac = self.mac.clone();
        mac.update(sealed);
        mac.update(&rollovers.to_be_bytes());
        mac.finalize().into_bytes().into()
    }

    fn crypt(&self, packet: &mut [u8], rollovers: u32) {
        let Some((header, payload)) = packet.split_at_mut_checked(HEADER) else {
            return;
        };
        let mut counter = [0u8; 16];
        counter[4..8].copy_from_slice(&header[8..12]);
        counter[8..12].copy_from_slice(&rollovers.to_be_bytes());
        counter[12..14].copy_from_slice(&header[2..4]);
        for (octet, salt) in counter.iter_mut().zip(self.salt) {
            *octet ^= salt;
        }
        key_stream(&self.cipher, counter, payload);
    }
}

/// Adds the key stream that begins with this counter.
fn key_stream(cipher: &Aes128, counter: [u8; 16], data: &mut [u8]) {
    let mut counter = u128::from_be_bytes(counter);
    for part in data.chunks_mut(16) {
        let mut block = counter.to_be_bytes().into();
        cipher.encrypt_block(&mut block);
        for (octet, pad) in part.iter_mut().zip(block) {
            *octet ^= pad;
        }
        counter = counter.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_as_they_went_in_and_changed_ones_are_noticed() {
        let srtp = Srtp::new().unwrap();
        let mut packet = [7u8; 182];
        srtp.seal(&mut packet, 3);
        assert_ne!(packet[12..28], [7; 16]);
        let mut changed = packet;
        changed[40] ^= 1;
        assert!(!srtp.open(&mut changed, 3));
        assert!(!srtp.open(&mut packet.clone(), 4));
        assert!(srtp.open(&mut packet, 3));
        assert_eq!(packet[..172], [7; 172]);
    }
}
