//! Connectivity checks of a browser (STUN, RFC 8489), as an ICE-lite agent answers them (RFC 8445 §2.5, §7.3).
//!
//! The browser is the controlling agent: it checks, nominates, and renews its consent by the same requests (RFC 7675).
//! Nothing is sent of our own accord, and nothing is kept but the keys.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::Refusal;

/// Room for the longest answer: header, IPv6 address, integrity and fingerprint.
pub(crate) const ROOM: usize = HEADER + 24 + 24 + 8;
const HEADER: usize = 20;
const MAGIC: u32 = 0x2112_A442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
/// Octets of an HMAC-SHA1.
const MAC: usize = 20;

/// What the checks of one far end are proven by.
pub(crate) struct Checks {
    /// Our fragment, a colon, theirs.
    username: Box<[u8]>,
    /// Keyed with our password.
    mac: Hmac<Sha1>,
}

/// The answer to a check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Octets written.
    pub(crate) length: usize,
    /// Whether the pair of addresses is to be used.
    pub(crate) nominated: bool,
}

impl Checks {
    /// `None` for a password no key can be made of, which there is none.
    pub(crate) fn new(
        local_fragment: &str,
        local_password: &str,
        remote_fragment: &str,
    ) -> Option<Self> {
        let username = format!("{local_fragment}:{remote_fragment}");
        Some(Checks {
            username: username.into_bytes().into_boxed_slice(),
            mac: Hmac::new_from_slice(local_password.as_bytes()).ok()?,
        })
    }

    /// Checks a request from `source` and writes the answer.
    pub(crate) fn answer(
        &self,
        request: &[u8],
        source: SocketAddr,
        answer: &mut [u8; ROOM],
    ) -> Result<Answer, Refusal> {
        let (kind, transaction) = header(request).ok_or(Refusal::Malformed)?;
        if kind != BINDING_REQUEST {
            // Indications keep a binding alive; responses answer nothing of ours.
            return Err(Refusal::Malformed);
        }
        let (mut username, mut nominated) = (None, false);
        let mut at = HEADER;
        let integrity = loop {
            let (kind, value) = attribute(request, at).ok_or(Refusal::Malformed)?;
            match kind {
                MESSAGE_INTEGRITY => break value,
                USERNAME => username = Some(value),
                USE_CANDIDATE => nominated = true,
                _ => {}
            }
            at += 4 + value.len().next_multiple_of(4);
        };
        // The length covers the integrity attribute and nothing behind it (RFC 8489 §14.5).
        let covered = u16::try_from(at + 4 + MAC - HEADER).map_err(|_| Refusal::Malformed)?;
        let proven = self
            .mac
            .clone()
            .chain_update(&request[..2])
            .chain_update(covered.to_be_bytes())
            .chain_update(&request[4..at]);
        if username != Some(&*self.username) || proven.verify_slice(integrity).is_err() {
            return Err(Refusal::Unauthentic);
        }
        let length = self.write(transaction, source, answer);
        Ok(Answer { length, nominated })
    }

    fn write(&self, transaction: &[u8; 12], source: SocketAddr, answer: &mut [u8; ROOM]) -> usize {
        let magic = MAGIC.to_be_bytes();
        answer[..2].copy_from_slice(&BINDING_SUCCESS.to_be_bytes());
        answer[4..8].copy_from_slice(&magic);
        answer[8..HEADER].copy_from_slice(transaction);
        let mut at = HEADER;
        let mut put = |octets: &[u8], at: &mut usize| {
            if let Some(room) = answer.get_mut(*at..*at + octets.len()) {
                room.copy_from_slice(octets);
                *at += octets.len();
            }
        };
        let port = (source.port() ^ (MAGIC >> 16) as u16).to_be_bytes();
        put(&XOR_MAPPED_ADDRESS.to_be_bytes(), &mut at);
        match source.ip() {
            IpAddr::V4(ip) => {
                put(&[0, 8, 0, 1], &mut at);
                put(&port, &mut at);
                put(&(u32::from(ip) ^ MAGIC).to_be_bytes(), &mut at);
            }
            IpAddr::V6(ip) => {
                let mut pad = [0u8; 16];
                pad[..4].copy_from_slice(&magic);
                pad[4..].copy_from_slice(transaction);
                put(&[0, 20, 0, 2], &mut at);
                put(&port, &mut at);
                let hidden = u128::from(ip) ^ u128::from_be_bytes(pad);
                put(&hidden.to_be_bytes(), &mut at);
            }
        }
        let covers = |answer: &mut [u8; ROOM], end: usize| {
            // At most the room.
            answer[2..4].copy_from_slice(&((end - HEADER) as u16).to_be_bytes());
        };
        covers(answer, at + 4 + MAC);
        let made = self.mac.clone().chain_update(&answer[..at]);
        answer[at..at + 2].copy_from_slice(&MESSAGE_INTEGRITY.to_be_bytes());
        answer[at + 2..at + 4].copy_from_slice(&(MAC as u16).to_be_bytes());
        answer[at + 4..at + 4 + MAC].copy_from_slice(&made.finalize().into_bytes());
        at += 4 + MAC;
        covers(answer, at + 8);
        let check = crc32(&answer[..at]) ^ 0x5354_554E;
        answer[at..at + 2].copy_from_slice(&FINGERPRINT.to_be_bytes());
        answer[at + 2..at + 4].copy_from_slice(&4u16.to_be_bytes());
        answer[at + 4..at + 8].copy_from_slice(&check.to_be_bytes());
        at + 8
    }
}

/// Kind and transaction of a STUN message whose length is right.
fn header(message: &[u8]) -> Option<(u16, &[u8; 12])> {
    let (&[k0, k1, l0, l1, m0, m1, m2, m3], rest) = message.split_first_chunk::<8>()?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let right = u32::from_be_bytes([m0, m1, m2, m3]) == MAGIC
        && length % 4 == 0
        && message.len() == HEADER + length;
    right.then_some((u16::from_be_bytes([k0, k1]), rest.first_chunk()?))
}

fn attribute(message: &[u8], at: usize) -> Option<(u16, &[u8])> {
    let (&[k0, k1, l0, l1], rest) = message.get(at..)?.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    Some((u16::from_be_bytes([k0, k1]), rest.get(..length)?))
}

/// CRC-32 of ITU-T V.42, bit by bit: messages are short and rare.
fn crc32(octets: &[u8]) -> u32 {
    !octets.iter().fold(!0u32, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| {
            crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::vectors::octets;
    use super::*;

    const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

    /// The sample request of RFC 5769 §2.1, whose username is `evtj:h6vY`.
    fn sample() -> Vec<u8> {
        octets(
            "00010058 2112A442 B7E7A701BC34D686FA87DFAE 80220010 5354554E20746573 7420636C69656E74 \
             00240004 6E0001FF 80290008 932FF9B151263B36 00060009 6576746A3A683676 59202020 \
             00080014 9AEAA70CBFD8CB56781EF2B5B2D3F249C1B571A2 80280004 E57A3BCF",
        )
    }

    fn checks() -> Checks {
        Checks::new("evtj", PASSWORD, "h6vY").unwrap()
    }

    #[test]
    fn the_sample_of_the_rfc_is_proven_and_answered() {
        let mut answer = [0; ROOM];
        for (source, address) in [
            // RFC 5769 §2.2 and §2.3: the sample's own mapped addresses.
            ("192.0.2.1:32853", "00200008 0001A147 E112A643"),
            (
                "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
                "00200014 0002A147 0113A9FAA5D3F179BC25F4B5BED2B9D9",
            ),
        ] {
            let given = checks().answer(&sample(), source.parse().unwrap(), &mut answer);
            let Answer { length, nominated } = given.unwrap();
            assert!(!nominated);
            let answer = &answer[..length];
            assert_eq!(header(answer).unwrap().0, BINDING_SUCCESS);
            let address = octets(address);
            let (mapped, rest) = answer[HEADER..].split_at(address.len());
            assert_eq!(mapped, address);
            let (kind, made) = attribute(rest, 0).unwrap();
            assert_eq!((kind, made.len()), (MESSAGE_INTEGRITY, MAC));
            assert_eq!(attribute(rest, 24).unwrap().0, FINGERPRINT);
        }
    }

    #[test]
    fn the_fingerprint_is_that_of_the_rfc() {
        let sample = sample();
        let check = crc32(&sample[..sample.len() - 8]) ^ 0x5354_554E;
        assert_eq!(check, 0xE57A_3BCF);
    }

    #[test]
    fn strangers_and_changed_requests_are_refused() {
        let (source, mut answer) = ("192.0.2.1:9".parse().unwrap(), [0; ROOM]);
        let mut ask = |checks: &Checks, request: &[u8]| checks.answer(request, source, &mut answer);
        let stranger = Checks::new("evtj", "another password", "h6vY").unwrap();
        assert_eq!(ask(&stranger, &sample()), Err(Refusal::Unauthentic));
        let other = Checks::new("evtj", PASSWORD, "else").unwrap();
        assert_eq!(ask(&other, &sample()), Err(Refusal::Unauthentic));
        // All that the integrity covers.
        for at in 0..sample().len() - 8 {
            let mut changed = sample();
            changed[at] ^= 1;
            assert!(ask(&checks(), &changed).is_err(), "octet {at}");
            assert!(ask(&checks(), &sample()[..at]).is_err());
        }
    }

    proptest! {
        #[test]
        fn garbage_is_stood(mut garbage in prop::collection::vec(any::<u8>(), 0..120), framed: bool) {
            if framed && garbage.len() >= HEADER {
                let length = (garbage.len() - HEADER) as u16 & !3;
                garbage.truncate(HEADER + usize::from(length));
                garbage[..2].copy_from_slice(&[0, 1]);
                garbage[2..4].copy_from_slice(&length.to_be_bytes());
                garbage[4..8].copy_from_slice(&MAGIC.to_be_bytes());
            }
            let mut answer = [0; ROOM];
            prop_assert!(checks().answer(&garbage, "192.0.2.1:9".parse().unwrap(), &mut answer).is_err());
        }
    }
}
