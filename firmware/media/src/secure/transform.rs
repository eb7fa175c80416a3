//! What is done to a packet whose index is known. RTP and RTCP differ in one word only: what is authenticated behind the
//! packet, and whether it is sent along.

use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, KeyInit};
use aes::{Aes128, Block};
use hmac::{Hmac, Mac};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha1::Sha1;

/// Octets of a GCM tag (RFC 7714 §13.2).
const GCM_TAG: usize = 16;
/// Octets in front of the encrypted part of an RTCP packet: header and SSRC.
pub(super) const RTCP_HEADER: usize = 8;
/// Octets of the word behind a packet: the rollover counter, or flag and index of RTCP.
const WORD: usize = 4;
/// Set in the word of an RTCP packet that is encrypted.
const ENCRYPTED: u32 = 1 << 31;
/// What a sealed packet may be longer than the plain one.
pub(super) const OVERHEAD: usize = GCM_TAG + WORD;

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Rtp,
    Rtcp,
}

impl Protocol {
    /// What is authenticated behind a packet: of RTP the upper part of the index, which both ends know (RFC 3711 §4.2),
    /// of RTCP what is sent there (§3.4).
    fn word(self, index: u64) -> [u8; WORD] {
        match self {
            Protocol::Rtp => (index >> 16) as u32,
            Protocol::Rtcp => ENCRYPTED | index as u32,
        }
        .to_be_bytes()
    }
}

/// Keys and what is done with them.
pub(super) struct Transform {
    protocol: Protocol,
    cipher: Cipher,
}

enum Cipher {
    Counter {
        cipher: Aes128,
        /// Keyed; copied for each packet.
        mac: Hmac<Sha1>,
        salt: [u8; 14],
        tag: usize,
    },
    Gcm {
        key: LessSafeKey,
        salt: [u8; 12],
    },
}

impl Transform {
    /// AES in counter mode and HMAC-SHA1 cut to `tag` octets (RFC 3711 §4).
    pub(super) fn counter_mode(
        protocol: Protocol,
        key: &[u8; 16],
        authentication: &[u8; 20],
        salt: [u8; 14],
        tag: usize,
    ) -> Option<Self> {
        let cipher = Cipher::Counter {
            cipher: Aes128::new(&(*key).into()),
            mac: Hmac::new_from_slice(authentication).ok()?,
            salt,
            tag,
        };
        Some(Transform { protocol, cipher })
    }

    /// AES in Galois/counter mode with 128 or 256 bits (RFC 7714); `None` for any other key.
    pub(super) fn gcm(protocol: Protocol, key: &[u8], salt: [u8; 12]) -> Option<Self> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            32 => &AES_256_GCM,
            _ => return None,
        };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
        let cipher = Cipher::Gcm { key, salt };
        Some(Transform { protocol, cipher })
    }

    /// Seals the packet in the first `length` octets of `buffer`, of which `header` stay in clear. Its length then; `None`
    /// when the buffer is too short.
    pub(super) fn seal(
        &self,
        buffer: &mut [u8],
        length: usize,
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<usize> {
        let word = self.protocol.word(index);
        let sent: &[u8] = match self.protocol {
            Protocol::Rtp => &[],
            Protocol::Rtcp => &word,
        };
        let (packet, mut behind) = buffer.split_at_mut_checked(length)?;
        let (head, data) = packet.split_at_mut_checked(header)?;
        match &self.cipher {
            Cipher::Counter {
                cipher,
                mac,
                salt,
                tag,
            } => {
                counter_mode(cipher, counter(salt, ssrc, index), data);
                let mac = mac.clone().chain_update(packet).chain_update(word);
                let made = mac.finalize().into_bytes();
                behind = append(behind, sent)?;
                behind = append(behind, made.get(..*tag)?)?;
            }
            Cipher::Gcm { key, salt } => {
                let nonce = nonce(salt, ssrc, index);
                let tag = match self.protocol {
                    Protocol::Rtp => key.seal_in_place_separate_tag(nonce, Aad::from(&*head), data),
                    Protocol::Rtcp => {
                        let associated = Aad::from(associated(head, word)?);
                        key.seal_in_place_separate_tag(nonce, associated, data)
                    }
                };
                behind = append(behind, tag.ok()?.as_ref())?;
                behind = append(behind, sent)?;
            }
        }
        let left = behind.len();
        Some(buffer.len() - left)
    }

    /// Opens a packet in place, of which `header` octets are in clear. Its length then; `None` when it is not authentic.
    pub(super) fn open(
        &self,
        packet: &mut [u8],
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<usize> {
        let word = self.protocol.word(index);
        let sent = match self.protocol {
            Protocol::Rtp => 0,
            Protocol::Rtcp => WORD,
        };
        match &self.cipher {
            Cipher::Counter {
                cipher,
                mac,
                salt,
                tag,
            } => {
                let length = packet.len().checked_sub(tag + sent)?;
                let (plain, behind) = packet.split_at_mut(length);
                let mac = mac.clone().chain_update(&*plain).chain_update(word);
                mac.verify_truncated_left(behind.get(sent..)?).ok()?;
                counter_mode(cipher, counter(salt, ssrc, index), plain.get_mut(header..)?);
                Some(length)
            }
            Cipher::Gcm { key, salt } => {
                let end = packet.len().checked_sub(sent)?;
                let (head, sealed) = packet.get_mut(..end)?.split_at_mut_checked(header)?;
                let nonce = nonce(salt, ssrc, index);
                let data = match self.protocol {
                    Protocol::Rtp => key.open_in_place(nonce, Aad::from(&*head), sealed),
                    Protocol::Rtcp => {
                        key.open_in_place(nonce, Aad::from(associated(head, word)?), sealed)
                    }
                };
                Some(header + data.ok()?.len())
            }
        }
    }

    /// Index of a sealed RTCP packet, not yet proven; `None` when it is too short or says that it is not encrypted.
    pub(super) fn rtcp_index(&self, packet: &[u8]) -> Option<u32> {
        let end = match &self.cipher {
            Cipher::Counter { tag, .. } => packet.len().checked_sub(*tag)?,
            Cipher::Gcm { .. } => packet.len(),
        };
        let word = u32::from_be_bytes(*packet.get(..end)?.last_chunk()?);
        (word & ENCRYPTED != 0).then_some(word & !ENCRYPTED)
    }
}

/// Writes `octets` where `room` begins; gives the rest of the room.
fn append<'a>(room: &'a mut [u8], octets: &[u8]) -> Option<&'a mut [u8]> {
    let (place, rest) = room.split_at_mut_checked(octets.len())?;
    place.copy_from_slice(octets);
    Some(rest)
}

/// What is authenticated of an RTCP packet beside the encrypted part (RFC 7714 §9.2).
fn associated(header: &[u8], word: [u8; WORD]) -> Option<[u8; RTCP_HEADER + WORD]> {
    let mut associated = [0u8; RTCP_HEADER + WORD];
    let (first, last) = associated.split_at_mut(RTCP_HEADER);
    first.copy_from_slice(header.get(..RTCP_HEADER)?);
    last.copy_from_slice(&word);
    Some(associated)
}

/// Encrypts `data` in counter mode, beginning with the block `counter`, whose last two octets count (RFC 3711 §4.1.1).
pub(super) fn counter_mode<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>>(
    cipher: &C,
    mut counter: [u8; 16],
    data: &mut [u8],
) {
    const AT_ONCE: usize = 8;
    let mut blocks = [Block::from([0u8; 16]); AT_ONCE];
    let mut number = u16::from_be_bytes([counter[14], counter[15]]);
    for part in data.chunks_mut(16 * AT_ONCE) {
        let used = &mut blocks[..part.len().div_ceil(16)];
        for block in used.iter_mut() {
            counter[14..].copy_from_slice(&number.to_be_bytes());
            *block = Block::from(counter);
            number = number.wrapping_add(1);
        }
        cipher.encrypt_blocks(used);
        for (octets, pads) in part.chunks_mut(16).zip(used) {
            octets
                .iter_mut()
                .zip(pads)
                .for_each(|(octet, pad)| *octet ^= *pad);
        }
    }
}

/// RFC 3711 §4.1.1.
fn counter(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut counter = [0u8; 16];
    counter[4..8].copy_from_slice(&ssrc.to_be_bytes());
    counter[8..14].copy_from_slice(&index.to_be_bytes()[2..]);
    counter
        .iter_mut()
        .zip(salt)
        .for_each(|(octet, salt)| *octet ^= salt);
    counter
}

/// RFC 7714 §8.1 and §9.1. SSRC, rollover counter and sequence number of RTP are SSRC and packet index; the index of RTCP
/// is shorter and stands at the same end.
fn nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = [0u8; 12];
    nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
    nonce[6..].copy_from_slice(&index.to_be_bytes()[2..]);
    nonce
        .iter_mut()
        .zip(salt)
        .for_each(|(octet, salt)| *octet ^= salt);
    Nonce::assume_unique_for_key(nonce)
}
