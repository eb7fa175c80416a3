//! Protected packets: what a far end with the right key sends is opened once and as it was, everything else never.
//!
//! The first octet chooses the suite. Then come steps: what to do, how long the packet is, the packet, and where it is
//! changed on the way.

use super::Input;
use crate::secure::Security;
use crate::{MasterKey, Protection, SrtpKeys, Suite};

/// The one source our own side ever sends as.
const SSRC: [u8; 4] = [0xCA, 0xFE, 0xBA, 0xBE];

fn ends(suite: Suite) -> (Security, Security) {
    let [to, from] = [[1; 44], [2; 44]].map(|octets| MasterKey::from_random(suite, octets));
    let keys = |send, receive| Protection::Srtp(SrtpKeys { send, receive });
    let (mut near, mut far) = (Security::Plain, Security::Plain);
    near.set(&keys(to, from));
    far.set(&keys(from, to));
    (near, far)
}

fn open(end: &mut Security, packet: &[u8], control: bool) -> Option<Vec<u8>> {
    let mut packet = packet.to_vec();
    let opened = match control {
        true => end.open_rtcp(&mut packet),
        false => end.open_rtp(&mut packet),
    };
    opened.ok().map(<[u8]>::to_vec)
}

/// Panics when something is wrong.
pub fn run(input: &[u8]) {
    let mut input = Input(input);
    let suite = Suite::ALL[usize::from(input.octet() & 3)];
    let (mut near, mut far) = ends(suite);
    while !input.is_empty() {
        let step = input.octet();
        let length = usize::from(input.octet()) * if step & 4 == 0 { 1 } else { 6 };
        let control = step & 1 != 0;
        let mut packet = input.octets(length).to_vec();
        if step & 2 == 0 {
            // A stranger's.
            assert_eq!(
                open(&mut near, &packet, control),
                None,
                "opened without a proof"
            );
            continue;
        }
        let ssrc = if control { 4..8 } else { 8..12 };
        if let Some(place) = packet.get_mut(ssrc) {
            place.copy_from_slice(&SSRC);
        }
        if control && packet.first().is_some_and(|first| first >> 6 != 2) {
            // Nobody composes such.
            continue;
        }
        let sealed = match control {
            true => far.seal_rtcp(&packet).map(<[u8]>::to_vec),
            false => far.seal_rtp(&packet).map(<[u8]>::to_vec),
        };
        let Some(sealed) = sealed else { continue };
        let (place, change) = (usize::from(input.octet()), input.octet());
        let mut changed = sealed.clone();
        if let Some(octet) = changed.get_mut(place) {
            *octet ^= change;
        }
        if changed != sealed {
            assert_eq!(
                open(&mut near, &changed, control),
                None,
                "opened although changed"
            );
        }
        let cut = sealed.len().saturating_sub(place.max(1));
        assert_eq!(
            open(&mut near, &sealed[..cut], control),
            None,
            "opened although cut"
        );
        assert_eq!(
            open(&mut near, &sealed, control),
            Some(packet),
            "not opened"
        );
        assert_eq!(open(&mut near, &sealed, control), None, "opened twice");
    }
}
