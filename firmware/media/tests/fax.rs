//! Fax streams: UDPTL passes as it is, between the right hosts only.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::net::UdpSocket;

use far_end::{FarEnd, PATIENCE, connected, engine, payload, statistics};
use ramal_media::Codec;

fn datagram(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 2_048];
    let (length, _) = socket.recv_from(&mut buffer).expect("a datagram in time");
    buffer[..length].to_vec()
}

#[test]
fn datagrams_of_a_fax_pass_as_they_are_and_audio_comes_back_afterwards() {
    let engine = engine(23_800..=23_899, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    a.set_fax(phone_a.address()).unwrap();
    b.set_fax(phone_b.address()).unwrap();
    statistics(&b);
    // The second looks like RTP of version 2.
    for datagram_of_fax in [&b"\x00\x01\x01\x00"[..], &[0x80; 400], &[7; 1_400]] {
        phone_a
            .socket
            .send_to(datagram_of_fax, phone_a.gateway)
            .unwrap();
        assert_eq!(datagram(&phone_b.socket), datagram_of_fax);
    }
    // Another port of the same host: an address translation. Answers follow it.
    let translated = UdpSocket::bind("127.0.0.1:0").unwrap();
    translated.set_read_timeout(Some(PATIENCE)).unwrap();
    translated.send_to(b"again", phone_a.gateway).unwrap();
    assert_eq!(datagram(&phone_b.socket), b"again");
    phone_b.socket.send_to(b"answer", phone_b.gateway).unwrap();
    assert_eq!(datagram(&translated), b"answer");
    // Another host is not heard.
    let stranger = UdpSocket::bind("127.0.0.99:0").unwrap();
    stranger.send_to(b"stranger", phone_a.gateway).unwrap();
    translated.send_to(b"last", phone_a.gateway).unwrap();
    assert_eq!(datagram(&phone_b.socket), b"last");

    let describe = |phone: &FarEnd| phone.remote(Codec::Pcma, None);
    a.set_remote(describe(&phone_a)).unwrap();
    b.set_remote(describe(&phone_b)).unwrap();
    statistics(&b);
    phone_a.send(&payload(5));
    assert_eq!(datagram(&phone_b.socket)[12..], payload(5));
}
