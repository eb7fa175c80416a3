//! RTCP as the far end sees it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::net::{SocketAddr, UdpSocket};

use far_end::{GATEWAY, connected, engine, payload, statistics, statistics_when};
use ramal_media::Codec;

fn word(octets: &[u8], offset: usize) -> u32 {
    u32::from_be_bytes(octets[offset..offset + 4].try_into().unwrap())
}

#[test]
fn reports_carry_real_figures_and_the_round_trip_is_measured() {
    let engine = engine(22_500..=22_549, 1);
    let (stream, mut phone) = connected(&engine, 0x0000_CAFE, Codec::Pcma);
    let rtcp = UdpSocket::bind("127.0.0.1:0").unwrap();
    rtcp.set_read_timeout(Some(far_end::PATIENCE)).unwrap();
    let mut remote = phone.remote(Codec::Pcma, None);
    remote.rtcp = Some(rtcp.local_addr().unwrap());
    stream.set_remote(remote).unwrap();
    stream.echo().unwrap();
    statistics(&stream);
    let mut own_ssrc = 0;
    for number in 0..10u32 {
        if number == 4 {
            phone.sequence += 1; // one packet lost
            continue;
        }
        phone.send(&payload(number));
        own_ssrc = phone.receive().ssrc;
    }

    let mut buffer = [0u8; 1_500];
    let (length, gateway) = rtcp.recv_from(&mut buffer).expect("a report in time");
    assert_eq!(gateway, SocketAddr::new(GATEWAY, stream.local_port() + 1));
    let report = &buffer[..length];
    assert_eq!(report[..2], [0x81, 200], "sender report with one block");
    assert_eq!(word(report, 4), own_ssrc);
    assert_eq!((word(report, 20), word(report, 24)), (9, 9 * 160));
    let block = &report[28..52];
    assert_eq!(word(block, 0), 0x0000_CAFE);
    assert_eq!(
        word(block, 4),
        (256 / 10) << 24 | 1,
        "fraction and number lost"
    );
    assert_eq!(word(block, 8), 65_509, "extended highest sequence number");
    assert_eq!(report[53], 202, "followed by the canonical name");

    // Answered with a receiver report that saw ours 0.25 s ago and lost 3 packets.
    let middle = word(report, 8) << 16 | word(report, 12) >> 16;
    let mut answer = vec![0x81, 201, 0, 7];
    answer.extend_from_slice(&0x0000_CAFE_u32.to_be_bytes());
    for value in [own_ssrc, 3, 0, 80, middle.wrapping_sub(1 << 14), 1 << 14] {
        answer.extend_from_slice(&value.to_be_bytes());
    }
    rtcp.send_to(b"not a report", gateway).unwrap();
    rtcp.send_to(&answer, gateway).unwrap();
    let figures = statistics_when(&stream, |figures| figures.rtcp_received == 1);
    assert_eq!(
        (figures.remote_lost, figures.remote_jitter_ms),
        (Some(3), Some(10.0))
    );
    assert!(figures.mos.is_some() && figures.remote_mos.is_some());
    let round_trip = figures.round_trip_ms.expect("a round trip");
    assert!((0.0..250.0).contains(&round_trip), "{round_trip}");
    assert_eq!((figures.lost, figures.rtcp_sent), (1, 1));

    drop(stream);
    let (length, _) = rtcp.recv_from(&mut buffer).expect("a goodbye in time");
    let end = &buffer[length - 8..length];
    assert_eq!((end[1], word(end, 4)), (203, own_ssrc));
}

#[test]
fn a_telephone_behind_an_address_translation_gets_reports_before_it_sends_any() {
    let engine = engine(22_550..=22_599, 1);
    let (stream, mut phone) = connected(&engine, 7, Codec::Pcma);
    // Its RTCP port is the one behind that of its RTP.
    let rtcp = loop {
        match UdpSocket::bind(("127.0.0.1", phone.address().port() + 1)) {
            Ok(rtcp) => break rtcp,
            Err(_) => phone.socket = UdpSocket::bind("127.0.0.1:0").unwrap(),
        }
    };
    phone
        .socket
        .set_read_timeout(Some(far_end::PATIENCE))
        .unwrap();
    rtcp.set_read_timeout(Some(far_end::PATIENCE)).unwrap();
    let mut remote = phone.remote(Codec::Pcma, None);
    remote.rtp.set_ip([127, 0, 0, 2].into());
    stream.set_remote(remote).unwrap();
    stream.echo().unwrap();
    statistics(&stream);
    // Two packets in sequence prove where it is.
    for number in 0..2 {
        phone.send(&payload(number));
    }
    phone.receive();
    let (_, gateway) = rtcp.recv_from(&mut [0; 1_500]).expect("a report in time");
    assert_eq!(gateway, SocketAddr::new(GATEWAY, stream.local_port() + 1));
}
