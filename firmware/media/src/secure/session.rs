//! The transforms of one direction: what is done to a packet whose index is known.

use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, KeyInit};
use aes::{Aes128, Block};
use hmac::{Hmac, Mac};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha1::Sha1;

use super::derivation::{Label, derive};
use super::{MasterKey, Suite};

/// Octets of the tag of RTCP under HMAC-SHA1 (RFC 3711 §5.2, RFC 4568 §6.2.2).
const RTCP_TAG: usize = 10;
/// Octets of a GCM tag (RFC 7714 §13.2).
const GCM_TAG: usize = 16;
/// Octets in front of the encrypted part of an RTCP packet: header and SSRC.
pub(super) const RTCP_HEADER: usize = 8;
/// Octets of the index behind an RTCP packet.
const RTCP_INDEX: usize = 4;
/// Set in the index of an RTCP packet that is encrypted.
const ENCRYPTED: u32 = 1 << 31;
/// What a sealed packet may be longer than the plain one.
pub(super) const OVERHEAD: usize = GCM_TAG + RTCP_INDEX;

/// The session keys of one direction.
pub(super) struct Session {
    rtp: Transform,
    rtcp: Transform,
}

enum Transform {
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
        let stream = used.iter().flatten();
        part.iter_mut()
            .zip(stream)
            .for_each(|(octet, pad)| *octet ^= pad);
    }
}

impl Session {
    pub(super) fn new(master: &MasterKey) -> Option<Self> {
        let suite = master.suite();
        let labels = |encryption, authentication, salt, tag| {
            Some(match suite {
                Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => {
                    let key: [u8; 16] = derive(master, encryption);
                    let authentication: [u8; 20] = derive(master, authentication);
                    Transform::Counter {
                        cipher: Aes128::new(&key.into()),
                        mac: Hmac::new_from_slice(&authentication).ok()?,
                        salt: derive(master, salt),
                        tag,
                    }
                }
                Suite::AeadAes128Gcm => {
                    let key: [u8; 16] = derive(master, encryption);
                    Transform::Gcm {
                        key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?),
                        salt: derive(master, salt),
                    }
                }
                Suite::AeadAes256Gcm => {
                    let key: [u8; 32] = derive(master, encryption);
                    Transform::Gcm {
                        key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).ok()?),
                        salt: derive(master, salt),
                    }
                }
            })
        };
        let rtp_tag = match suite {
            Suite::AesCm128HmacSha1_32 => 4,
            Suite::AesCm128HmacSha1_80 | Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => RTCP_TAG,
        };
        Some(Session {
            rtp: labels(
                Label::RtpEncryption,
                Label::RtpAuthentication,
                Label::RtpSalt,
                rtp_tag,
            )?,
            rtcp: labels(
                Label::RtcpEncryption,
                Label::RtcpAuthentication,
                Label::RtcpSalt,
                RTCP_TAG,
            )?,
        })
    }

    /// Seals the RTP packet in the first `length` octets of `buffer`, whose payload begins at `header`. Its length then;
    /// `None` when the buffer is too short.
    pub(super) fn seal_rtp(
        &self,
        buffer: &mut [u8],
        length: usize,
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<usize> {
        match &self.rtp {
            Transform::Counter {
                cipher,
                mac,
                salt,
                tag,
            } => {
                let data = buffer.get_mut(header..length)?;
                counter_mode(cipher, counter(salt, ssrc, index), data);
                let roc = ((index >> 16) as u32).to_be_bytes();
                let mac = mac.clone().chain_update(&buffer[..length]);
                let made = mac.chain_update(roc).finalize().into_bytes();
                let end = length + tag;
                buffer.get_mut(length..end)?.copy_from_slice(&made[..*tag]);
                Some(end)
            }
            Transform::Gcm { key, salt } => {
                let nonce = rtp_nonce(salt, ssrc, index);
                seal_gcm(key, nonce, buffer, length, header, &[])
            }
        }
    }

    /// Opens an RTP packet in place. Its length then; `None` when it is not authentic.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<usize> {
        match &self.rtp {
            Transform::Counter {
                cipher,
                mac,
                salt,
                tag,
            } => {
                let length = packet.len().checked_sub(*tag)?;
                let (plain, made) = packet.split_at_mut(length);
                let roc = ((index >> 16) as u32).to_be_bytes();
                let mac = mac.clone().chain_update(&*plain).chain_update(roc);
                mac.verify_truncated_left(made).ok()?;
                counter_mode(cipher, counter(salt, ssrc, index), plain.get_mut(header..)?);
                Some(length)
            }
            Transform::Gcm { key, salt } => {
                let nonce = rtp_nonce(salt, ssrc, index);
                let (associated, sealed) = packet.split_at_mut_checked(header)?;
                let data = key
                    .open_in_place(nonce, Aad::from(&*associated), sealed)
                    .ok()?;
                Some(header + data.len())
            }
        }
    }

    /// Seals the RTCP packet in the first `length` octets of `buffer`.
    pub(super) fn seal_rtcp(
        &self,
        buffer: &mut [u8],
        length: usize,
        ssrc: u32,
        index: u32,
    ) -> Option<usize> {
        let word = (ENCRYPTED | index).to_be_bytes();
        match &self.rtcp {
            Transform::Counter {
                cipher,
                mac,
                salt,
                tag,
            } => {
                let data = buffer.get_mut(RTCP_HEADER..length)?;
                counter_mode(cipher, counter(salt, ssrc, index.into()), data);
                let signed = length + RTCP_INDEX;
                buffer.get_mut(length..signed)?.copy_from_slice(&word);
                let mac = mac.clone().chain_update(&buffer[..signed]);
                let made = mac.finalize().into_bytes();
                let end = signed + tag;
                buffer.get_mut(signed..end)?.copy_from_slice(&made[..*tag]);
                Some(end)
            }
            Transform::Gcm { key, salt } => {
                let nonce = rtcp_nonce(salt, ssrc, index);
                let signed = seal_gcm(key, nonce, buffer, length, RTCP_HEADER, &word)?;
                let end = signed + RTCP_INDEX;
                buffer.get_mut(signed..end)?.copy_from_slice(&word);
                Some(end)
            }
        }
    }

    /// Index of a sealed RTCP packet, not yet proven; `None` when it is too short or says that it is not encrypted.
    pub(super) fn rtcp_index(&self, packet: &[u8]) -> Option<u32> {
        let end = match &self.rtcp {
            Transform::Counter { tag, .. } => packet.len().checked_sub(*tag)?,
            Transform::Gcm { .. } => packet.len(),
        };
        let word = u32::from_be_bytes(*packet.get(..end)?.last_chunk()?);
        (word & ENCRYPTED != 0).then_some(word & !ENCRYPTED)
    }

    /// Opens an RTCP packet with this index in place. Its length then; `None` when it is not authentic.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Option<usize> {
        match &self.rtcp {
            Transform::Counter {
                cipher,
                mac,
                salt,
                tag,
            } => {
                let signed = packet.len().checked_sub(*tag)?;
                let (plain, made) = packet.split_at_mut(signed);
                let mac = mac.clone().chain_update(&*plain);
                mac.verify_truncated_left(made).ok()?;
                let length = signed.checked_sub(RTCP_INDEX)?;
                let data = plain.get_mut(RTCP_HEADER..length)?;
                counter_mode(cipher, counter(salt, ssrc, index.into()), data);
                Some(length)
            }
            Transform::Gcm { key, salt } => {
                let sealed_end = packet.len().checked_sub(RTCP_INDEX)?;
                let (sealed, word) = packet.split_at_mut(sealed_end);
                let (header, data) = sealed.split_at_mut_checked(RTCP_HEADER)?;
                let mut associated = [0u8; RTCP_HEADER + RTCP_INDEX];
                associated[..RTCP_HEADER].copy_from_slice(header);
                associated[RTCP_HEADER..].copy_from_slice(word);
                let nonce = rtcp_nonce(salt, ssrc, index);
                let data = key.open_in_place(nonce, Aad::from(associated), data).ok()?;
                Some(RTCP_HEADER + data.len())
            }
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

/// RFC 7714 §8.1: SSRC, rollover counter and sequence number, which together are the packet index.
fn rtp_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = [0u8; 12];
    nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
    nonce[6..].copy_from_slice(&index.to_be_bytes()[2..]);
    salted(nonce, salt)
}

/// RFC 7714 §9.1.
fn rtcp_nonce(salt: &[u8; 12], ssrc: u32, index: u32) -> Nonce {
    let mut nonce = [0u8; 12];
    nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
    nonce[8..].copy_from_slice(&index.to_be_bytes());
    salted(nonce, salt)
}

fn salted(mut nonce: [u8; 12], salt: &[u8; 12]) -> Nonce {
    nonce
        .iter_mut()
        .zip(salt)
        .for_each(|(octet, salt)| *octet ^= salt);
    Nonce::assume_unique_for_key(nonce)
}

/// Seals what lies between `header` and `length`; `behind` is authenticated after the header. The end of the tag.
fn seal_gcm(
    key: &LessSafeKey,
    nonce: Nonce,
    buffer: &mut [u8],
    length: usize,
    header: usize,
    behind: &[u8],
) -> Option<usize> {
    let (head, rest) = buffer.split_at_mut_checked(header)?;
    let data = rest.get_mut(..length.checked_sub(header)?)?;
    let tag = if behind.is_empty() {
        key.seal_in_place_separate_tag(nonce, Aad::from(&*head), data)
    } else {
        let mut associated = [0u8; RTCP_HEADER + RTCP_INDEX];
        associated.get_mut(..header)?.copy_from_slice(head);
        associated.get_mut(header..)?.copy_from_slice(behind);
        key.seal_in_place_separate_tag(nonce, Aad::from(associated), data)
    };
    let end = length + GCM_TAG;
    buffer
        .get_mut(length..end)?
        .copy_from_slice(tag.ok()?.as_ref());
    Some(end)
}
