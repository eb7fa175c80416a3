//! Encrypted streams: two streams of the gateway speak over a wire that the test holds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::net::{SocketAddr, UdpSocket};

use far_end::{
    FarEnd, GATEWAY, PATIENCE, aim, connected, engine, keys, payload, speaking_to, statistics_when,
};
use ramal_media::{Codec, Engine, Protection, Stream, Suite};

/// A phone, an encrypted stream bridged to it, the wire, another encrypted stream, another phone.
struct Line {
    phone: FarEnd,
    near: Stream,
    wire: UdpSocket,
    far: Stream,
    other_phone: FarEnd,
    _clear: [Stream; 2],
}

fn line(engine: &Engine, [near, far]: [Protection; 2]) -> Line {
    let wire = UdpSocket::bind("127.0.0.1:0").unwrap();
    wire.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = wire.local_addr().unwrap();
    let (near, far) = (
        speaking_to(engine, address, near),
        speaking_to(engine, address, far),
    );
    let (clear, phone) = connected(engine, 1, Codec::Pcma);
    let (other_clear, other_phone) = connected(engine, 2, Codec::Pcma);
    engine.bridge(&clear, &near).unwrap();
    engine.bridge(&far, &other_clear).unwrap();
    for stream in [&near, &far, &clear, &other_clear] {
        far_end::statistics(stream);
    }
    Line {
        phone,
        near,
        wire,
        far,
        other_phone,
        _clear: [clear, other_clear],
    }
}

impl Line {
    /// The next packet on the wire.
    fn tapped(&self) -> Vec<u8> {
        let mut buffer = [0; 2_048];
        let (length, from) = self.wire.recv_from(&mut buffer).expect("a packet");
        assert_eq!(from.port(), self.near.local_port());
        buffer[..length].to_vec()
    }

    fn inject(&self, packet: &[u8]) {
        let to = SocketAddr::new(GATEWAY, self.far.local_port());
        self.wire.send_to(packet, to).unwrap();
    }
}

#[test]
fn voice_crosses_the_wire_sealed_and_only_once() {
    let engine = engine(22_700..=22_749, 1);
    for suite in Suite::ALL {
        let mut line = line(&engine, keys(suite));
        for number in 0..20 {
            let voice = payload(number);
            line.phone.send(&voice);
            let sealed = line.tapped();
            assert!(sealed.len() > 172, "{suite:?}");
            assert!(
                !sealed.windows(8).any(|part| part == &voice[..8]),
                "in clear"
            );
            // Garbage, a changed copy, and the packet in clear, before the real one; then the real one again.
            let mut changed = sealed.clone();
            changed[20] ^= 1;
            line.inject(&changed);
            line.inject(&[0x80; 9]);
            let mut clear = sealed[..12].to_vec();
            clear.extend_from_slice(&voice);
            line.inject(&clear);
            line.inject(&sealed);
            line.inject(&sealed);
            assert_eq!(line.other_phone.receive().payload, voice);
        }
        let figures = statistics_when(&line.far, |figures| figures.replayed == 20);
        assert_eq!(
            (figures.unauthentic, figures.malformed),
            (40, 20),
            "{suite:?}"
        );
        assert_eq!(figures.packets_received, 20);
        assert!(line.other_phone.is_quiet(), "nothing else was heard");
    }
}

#[test]
fn nothing_is_heard_with_another_key_and_it_goes_on_with_the_right_one() {
    let engine = engine(22_750..=22_799, 1);
    let [near, _] = keys(Suite::AesCm128HmacSha1_80);
    let [_, wrong] = keys(Suite::AeadAes128Gcm);
    let mut line = line(&engine, [near, wrong]);
    line.phone.send(&payload(1));
    let sealed = line.tapped();
    line.inject(&sealed);
    statistics_when(&line.far, |figures| figures.unauthentic == 1);
    assert!(line.other_phone.is_quiet());

    let [near, right] = keys(Suite::AesCm128HmacSha1_80);
    let address = line.wire.local_addr().unwrap();
    aim(&line.far, address, right);
    far_end::statistics(&line.far);
    line.inject(&sealed);
    assert_eq!(line.other_phone.receive().payload, payload(1));
    // The same key said again changes nothing: what came before is still known.
    aim(&line.far, address, right);
    aim(&line.near, address, near);
    far_end::statistics(&line.near);
    line.inject(&sealed);
    statistics_when(&line.far, |figures| figures.replayed == 1);
    line.phone.send(&payload(2));
    line.inject(&line.tapped());
    assert_eq!(line.other_phone.receive().payload, payload(2));
}

#[test]
fn before_a_handshake_nothing_comes_or_goes() {
    let engine = engine(22_800..=22_849, 1);
    let mut line = line(&engine, [Protection::Dtls, Protection::Dtls]);
    line.phone.send(&payload(1));
    statistics_when(&line.near, |figures| figures.send_failures == 1);
    line.inject(&[&[0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1][..], &payload(1)].concat());
    statistics_when(&line.far, |figures| figures.unauthentic == 1);
    assert!(line.other_phone.is_quiet());
}
