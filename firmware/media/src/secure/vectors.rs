//! The published test vectors, and what must hold for all packets.

use proptest::prelude::*;

use super::inbound::Inbound;
use super::outbound::Outbound;
use super::transform::{Protocol, Transform, counter_mode};
use super::*;

/// Octets written as hexadecimal digits, blanks left out.
pub(super) fn octets(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

/// Master keys and packets of libsrtp's own test driver (`srtp_validate` and `srtp_validate_gcm`).
struct Vector {
    suite: Suite,
    master: &'static str,
    rtp: &'static str,
    rtcp: &'static str,
}

const COUNTER_MASTER: &str = "E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6";
const PLAIN_RTP: &str = "800F1234DECAFBADCAFEBABE ABABABABABABABABABABABABABABABAB";
const PLAIN_RTCP: &str = "81C8000BCAFEBABE ABABABABABABABABABABABABABABABAB";
const VECTORS: [Vector; 3] = [
    Vector {
        suite: Suite::AesCm128HmacSha1_80,
        master: COUNTER_MASTER,
        rtp: "800F1234DECAFBADCAFEBABE 4E55DC4CE79978D88CA4D215949D2402 B78D6ACC99EA179B8DBB",
        rtcp: "81C8000BCAFEBABE 7128035BE487B9BDBEF89041F977A5A8 80000001 993E08CD54D6C1230798",
    },
    Vector {
        suite: Suite::AesCm128HmacSha1_32,
        master: COUNTER_MASTER,
        rtp: "800F1234DECAFBADCAFEBABE 4E55DC4CE79978D88CA4D215949D2402 B78D6ACC",
        rtcp: "81C8000BCAFEBABE 7128035BE487B9BDBEF89041F977A5A8 80000001 993E08CD54D6C1230798",
    },
    Vector {
        suite: Suite::AeadAes128Gcm,
        master: "000102030405060708090A0B0C0D0E0F A0A1A2A3A4A5A6A7A8A9AAAB",
        rtp: "800F1234DECAFBADCAFEBABE C5002EDE04CFDD2EB91159E0880AA06E \
              D2976826F796B201DF3131A127E8A392",
        rtcp: "81C8000BCAFEBABE C98B8B5DF0392A55852B6C21AC8E7025 \
               C52C6FBEA2B3B446EA31123BA88CE61E 80000001",
    },
];

fn master(vector: &Vector) -> MasterKey {
    MasterKey::new(vector.suite, &octets(vector.master)).unwrap()
}

#[test]
fn rtp_packets_are_sealed_and_opened_as_libsrtp_does() {
    for vector in &VECTORS {
        let mut outbound = Outbound::new(&master(vector)).unwrap();
        let sealed = outbound.seal_rtp(&octets(PLAIN_RTP)).unwrap().to_vec();
        assert_eq!(sealed, octets(vector.rtp), "{:?}", vector.suite);
        let mut packet = sealed;
        let mut inbound = Inbound::new(&master(vector)).unwrap();
        let length = inbound.open_rtp(&mut packet).unwrap();
        assert_eq!(packet[..length], octets(PLAIN_RTP));
    }
}

#[test]
fn rtcp_packets_are_sealed_and_opened_as_libsrtp_does() {
    for vector in &VECTORS {
        let mut outbound = Outbound::new(&master(vector)).unwrap();
        let sealed = outbound.seal_rtcp(&octets(PLAIN_RTCP)).unwrap().to_vec();
        assert_eq!(sealed, octets(vector.rtcp), "{:?}", vector.suite);
        let mut packet = sealed.clone();
        let mut inbound = Inbound::new(&master(vector)).unwrap();
        let length = inbound.open_rtcp(&mut packet).unwrap();
        assert_eq!(packet[..length], octets(PLAIN_RTCP));
        assert_eq!(
            inbound.open_rtcp(&mut sealed.clone()),
            Err(Refusal::Replayed)
        );
    }
}

#[test]
fn packets_with_extension_keep_their_header_in_clear() {
    let plain = octets("9008 0001 00000001 00000002 BEDE0001 10FF0000 D5D5D5D5");
    for vector in &VECTORS {
        let mut outbound = Outbound::new(&master(vector)).unwrap();
        let mut sealed = outbound.seal_rtp(&plain).unwrap().to_vec();
        assert_eq!(sealed[..20], plain[..20]);
        assert_ne!(sealed[20..24], plain[20..]);
        let mut inbound = Inbound::new(&master(vector)).unwrap();
        assert_eq!(inbound.open_rtp(&mut sealed), Ok(24));
        assert_eq!(sealed[..24], plain);
    }
}

#[test]
fn wrong_keys_changed_and_cut_packets_are_refused_and_leave_no_trace() {
    for vector in &VECTORS {
        let sealed = octets(vector.rtp);
        let other = MasterKey::from_random(vector.suite, [7; 44]);
        let mut stranger = Inbound::new(&other).unwrap();
        let refused = stranger.open_rtp(&mut sealed.clone());
        assert_eq!(refused, Err(Refusal::Unauthentic));

        let mut inbound = Inbound::new(&master(vector)).unwrap();
        for at in 1..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(inbound.open_rtp(&mut changed).is_err(), "octet {at}");
            assert!(inbound.open_rtp(&mut sealed[..at].to_vec()).is_err());
        }
        assert!(inbound.open_rtp(&mut sealed.clone()).is_ok());
        let again = inbound.open_rtp(&mut sealed.clone());
        assert_eq!(again, Err(Refusal::Replayed));
        // Packets in clear are nobody's.
        let clear = inbound.open_rtp(&mut octets(PLAIN_RTP).to_vec());
        assert!(clear.is_err());
        assert!(inbound.open_rtcp(&mut octets(PLAIN_RTCP).to_vec()).is_err());
    }
}

fn packet(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(&[0xD5; 160]);
    packet
}

#[test]
fn the_rollover_counter_goes_on_over_loss_and_reordering() {
    for suite in Suite::ALL {
        let key = MasterKey::from_random(suite, [7; 44]);
        let (mut outbound, mut inbound) =
            (Outbound::new(&key).unwrap(), Inbound::new(&key).unwrap());
        let mut waiting: Option<Vec<u8>> = None;
        for number in 0u32..135_000 {
            let plain = packet(number as u16, 7);
            let mut sealed = outbound.seal_rtp(&plain).unwrap().to_vec();
            match number % 50 {
                // Lost.
                3 => {}
                // Overtaken by the next one.
                7 => waiting = Some(sealed),
                _ => {
                    assert_eq!(inbound.open_rtp(&mut sealed), Ok(plain.len()), "{number}");
                    if let Some(mut late) = waiting.take() {
                        assert_eq!(inbound.open_rtp(&mut late), Ok(plain.len()), "{number}");
                    }
                }
            }
        }
    }
}

#[test]
fn no_index_is_sealed_twice() {
    let key = MasterKey::from_random(Suite::AeadAes128Gcm, [7; 44]);
    let mut outbound = Outbound::new(&key).unwrap();
    assert!(outbound.seal_rtp(&packet(9, 1)).is_some());
    assert!(outbound.seal_rtp(&packet(9, 1)).is_none());
    assert!(outbound.seal_rtp(&packet(8, 1)).is_some());
}

#[test]
fn sources_are_told_apart_and_old_ones_forgotten_last() {
    let key = MasterKey::from_random(Suite::AesCm128HmacSha1_80, [7; 44]);
    let mut inbound = Inbound::new(&key).unwrap();
    let sealed = |ssrc| {
        let mut outbound = Outbound::new(&key).unwrap();
        outbound.seal_rtp(&packet(5, ssrc)).unwrap().to_vec()
    };
    for ssrc in 0..8 {
        assert!(inbound.open_rtp(&mut sealed(ssrc)).is_ok());
    }
    for ssrc in 0..8 {
        let again = inbound.open_rtp(&mut sealed(ssrc));
        assert_eq!(again, Err(Refusal::Replayed));
    }
    assert!(inbound.open_rtp(&mut sealed(8)).is_ok());
    assert_eq!(
        inbound.open_rtp(&mut sealed(7)),
        Err(Refusal::Replayed),
        "only the oldest is forgotten"
    );
}

/// RFC 3711 §B.2.
#[test]
fn the_key_stream_is_that_of_the_rfc() {
    let key: [u8; 16] = octets("2B7E151628AED2A6ABF7158809CF4F3C")
        .try_into()
        .unwrap();
    let cipher = <aes::Aes128 as aes::cipher::KeyInit>::new(&key.into());
    let counter = octets("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000");
    let mut stream = vec![0; 16 * 0xFF02];
    counter_mode(&cipher, counter.try_into().unwrap(), &mut stream);
    for (block, expected) in [
        (0, "E03EAD0935C95E80E166B16DD92B4EB4"),
        (1, "D23513162B02D0F72A43A2FE4A5F97AB"),
        (2, "41E95B3BB0A2E8DD477901E4FCA894C0"),
        (0xFEFF, "EC8CDF7398607CB0F2D21675EA9EA1E4"),
        (0xFF00, "362B7C3C6773516318A077D7FC5073AE"),
        (0xFF01, "6A2CC3787889374FBEB4C81B17BA6C44"),
    ] {
        let place = block * 16;
        assert_eq!(stream[place..place + 16], octets(expected), "{block:04X}");
    }
}

/// A packet of RFC 7714 §16 and §17, whose keys are those of the session.
struct GcmVector {
    key: &'static str,
    protocol: Protocol,
    header: usize,
    ssrc: u32,
    index: u64,
    plain: &'static str,
    sealed: &'static str,
}

const GCM_SALT: &str = "51756964 2070726F 2071756F";
const GCM_RTP: &str = "8040F17B 8041F8D3 5501A0B2 47616C6C 69612065 7374206F 6D6E6973 20646976 69736120 \
     696E2070 61727465 73207472 6573";
const GCM_RTCP: &str = "81C8000D 4D617273 4E545031 4E545032 52545020 0000042A 0000E930 4C756E61 DEADBEEF \
     DEADBEEF DEADBEEF DEADBEEF DEADBEEF";
const GCM_VECTORS: [GcmVector; 4] = [
    GcmVector {
        key: "00010203 04050607 08090A0B 0C0D0E0F",
        protocol: Protocol::Rtp,
        header: 12,
        ssrc: 0x5501_A0B2,
        index: 0xF17B,
        plain: GCM_RTP,
        sealed: "8040F17B 8041F8D3 5501A0B2 F24DE3A3 FB34DE6C ACBA861C 9D7E4BCA BE633BD5 0D294E6F \
             42A5F47A 51C7D19B 36DE3ADF 8833899D 7F27BEB1 6A9152CF 765EE439 0CCE",
    },
    GcmVector {
        key: "00010203 04050607 08090A0B 0C0D0E0F 10111213 14151617 18191A1B 1C1D1E1F",
        protocol: Protocol::Rtp,
        header: 12,
        ssrc: 0x5501_A0B2,
        index: 0xF17B,
        plain: GCM_RTP,
        sealed: "8040F17B 8041F8D3 5501A0B2 32B1DE78 A822FE12 EF9F78FA 332E33AA B1801238 9A58E2F3 \
             B50B2A02 76FFAE0F 1BA63799 B87B7AA3 DB36DFFF D6B0F9BB 7878D7A7 6C13",
    },
    GcmVector {
        key: "00010203 04050607 08090A0B 0C0D0E0F",
        protocol: Protocol::Rtcp,
        header: 8,
        ssrc: 0x4D61_7273,
        index: 0x5D4,
        plain: GCM_RTCP,
        sealed: "81C8000D 4D617273 63E94885 DCDAB67C A727D766 2F6B7E99 7FF5C0F7 6C06F32D C676A5F1 \
             730D6FDA 4CE09B46 86303DED 0BB9275B C84AA458 96CF4D2F C5ABF872 45D9EADE 800005D4",
    },
    GcmVector {
        key: "00010203 04050607 08090A0B 0C0D0E0F 10111213 14151617 18191A1B 1C1D1E1F",
        protocol: Protocol::Rtcp,
        header: 8,
        ssrc: 0x4D61_7273,
        index: 0x5D4,
        plain: GCM_RTCP,
        sealed: "81C8000D 4D617273 D50AE4D1 F5CE5D30 4BA297E4 7D470C28 2C3ECE5D BFFE0A50 A2EAA5C1 \
             110555BE 8415F658 C61DE047 6F1B6FAD 1D1EB30C 4446839F 57FF6F6C B26AC3BE 800005D4",
    },
];

#[test]
fn gcm_packets_are_sealed_and_opened_as_the_rfc_does() {
    for vector in &GCM_VECTORS {
        let salt: [u8; 12] = octets(GCM_SALT).try_into().unwrap();
        let transform = Transform::gcm(vector.protocol, &octets(vector.key), salt).unwrap();
        let (plain, sealed) = (octets(vector.plain), octets(vector.sealed));
        let (header, ssrc, index) = (vector.header, vector.ssrc, vector.index);
        let mut buffer = plain.clone();
        buffer.resize(sealed.len(), 0);
        let length = transform.seal(&mut buffer, plain.len(), header, ssrc, index);
        assert_eq!(length, Some(sealed.len()));
        assert_eq!(buffer, sealed);
        if vector.protocol == Protocol::Rtcp {
            assert_eq!(transform.rtcp_index(&sealed).map(u64::from), Some(index));
        }
        let length = transform.open(&mut buffer, header, ssrc, index);
        assert_eq!(length, Some(plain.len()));
        assert_eq!(buffer[..plain.len()], plain);
        let mut short = plain.clone();
        let refused = transform.seal(&mut short, plain.len(), header, ssrc, index);
        assert_eq!(refused, None, "no room for the tag");
    }
}

proptest! {
    /// Whatever comes, it is refused, and nothing breaks.
    #[test]
    fn garbage_is_refused(mut garbage in prop::collection::vec(any::<u8>(), 0..200), suite in 0usize..4) {
        let key = MasterKey::from_random(Suite::ALL[suite], [7; 44]);
        let mut inbound = Inbound::new(&key).unwrap();
        prop_assert!(inbound.open_rtp(&mut garbage.clone()).is_err());
        prop_assert!(inbound.open_rtcp(&mut garbage).is_err());
    }

    /// Every packet that can be read comes out as it went in.
    #[test]
    fn packets_survive(payload in prop::collection::vec(any::<u8>(), 0..1400), sources in 0u8..3, suite in 0usize..4) {
        let mut plain = packet(77, 3);
        plain.truncate(12);
        plain[0] |= sources;
        plain.extend(std::iter::repeat_n(9, usize::from(sources) * 4));
        plain.extend(payload);
        let key = MasterKey::from_random(Suite::ALL[suite], [7; 44]);
        let mut sealed = Outbound::new(&key).unwrap().seal_rtp(&plain).unwrap().to_vec();
        let length = Inbound::new(&key).unwrap().open_rtp(&mut sealed).unwrap();
        prop_assert_eq!(&sealed[..length], &plain[..]);
    }
}
