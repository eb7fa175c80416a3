//! A browser's port: connectivity checks as they come, and such that are proven by the right password.
//!
//! The first octet says from where the datagram comes, and whether the rest is a datagram as it is or the attributes of
//! a request that is given a true header and a true integrity.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use tokio::sync::mpsc;

use super::Input;
use crate::IceParameters;
use crate::secure::link::{Content, Link};
use crate::secure::stun::ROOM;

const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const MAGIC: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const USERNAME: &[u8] = b"evtj:h6vY";

fn mac(octets: &[&[u8]]) -> Vec<u8> {
    let Ok(mac) = Hmac::<Sha1>::new_from_slice(PASSWORD.as_bytes()) else {
        return Vec::new();
    };
    octets
        .iter()
        .fold(mac, |mac, octets| mac.chain_update(octets))
        .finalize()
        .into_bytes()
        .to_vec()
}

/// A request whose attributes begin with these octets.
fn proven(attributes: &[u8]) -> Vec<u8> {
    let mut attributes = attributes.to_vec();
    attributes.truncate(attributes.len() & !3);
    let length = (attributes.len() + 24) as u16;
    let mut request = [
        &[0, 1],
        &length.to_be_bytes()[..],
        &MAGIC,
        &[7; 12],
        &attributes,
    ]
    .concat();
    let made = mac(&[&request]);
    request.extend([0, 8, 0, 20]);
    request.extend(made);
    request
}

/// Panics when something is wrong.
pub fn run(input: &[u8]) {
    let mut input = Input(input);
    let kind = input.octet();
    let source = match kind & 2 {
        0 => SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 32_853)),
        _ => SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 5_000)),
    };
    let signed = kind & 1 != 0;
    let request = match signed {
        true => proven(input.0),
        false => input.0.to_vec(),
    };
    let ice = IceParameters {
        local_fragment: "evtj".to_owned(),
        local_password: PASSWORD.to_owned(),
        remote_fragment: "h6vY".to_owned(),
    };
    let Some(mut link) = Link::new(&ice) else {
        return;
    };
    let (handshake, _datagrams) = mpsc::channel(1);
    link.hand_to(handshake);
    let content = Content::of(&request);
    assert!(
        link.pass_on(&request, source).is_err(),
        "nothing was proven"
    );
    let mut answer = [0; ROOM];
    let Ok((length, changed)) = link.check(&request, source, &mut answer) else {
        assert_eq!(link.way(), None);
        return;
    };
    let integrity = |at: usize| {
        let covered = ((at + 4) as u16).to_be_bytes();
        let made = mac(&[&request[..2], &covered, &request[4..at]]);
        request[at..].starts_with(&[&[0, 8, 0, 20], &made[..]].concat())
    };
    let proof = (20..request.len()).step_by(4).any(integrity);
    assert!(proof, "taken without a proof");
    assert_eq!(content, Content::Stun);
    assert!(request.windows(USERNAME.len()).any(|part| part == USERNAME));
    assert_eq!((changed, link.way()), (Some(source), Some(source)));
    // The answer: its length, its transaction, its integrity and its fingerprint.
    let answer = &answer[..length];
    assert_eq!(answer[..2], [1, 1]);
    assert_eq!(answer[4..20], request[4..20]);
    assert_eq!(
        usize::from(u16::from_be_bytes([answer[2], answer[3]])) + 20,
        length
    );
    let at = length - 32;
    let covered = ((at + 4) as u16).to_be_bytes();
    assert_eq!(
        answer[at + 4..length - 8],
        mac(&[&answer[..2], &covered, &answer[4..at]])
    );
    assert_eq!(answer[length - 8..length - 4], [0x80, 0x28, 0, 4]);
}
