//! The far end of a stream as its session description says it, ready for the packet path.

use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use socket2::SockAddr;

use crate::latch::Latch;
use crate::{Codec, Payloads, Remote, socket};

/// Static payload type of comfort noise (RFC 3551 table 4).
const COMFORT_NOISE: u8 = 13;

/// Meaning of a received payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Audio(Codec),
    Event,
    /// Silence and its level (RFC 3389).
    ComfortNoise,
    /// Not negotiated.
    Unknown,
}

/// The far end as described, ready for the packet path.
pub(crate) struct Far {
    pub(crate) remote: Remote,
    pub(crate) latch: Latch,
    /// Whether the stream's sockets are IPv6 ones.
    ipv6: bool,
    /// Where RTP goes: the signalled address, or the latched one.
    pub(crate) destination: SockAddr,
    /// Whether the RTP socket is connected to `destination`.
    connected: bool,
    /// Whether nothing waits there any more that came before it was.
    exclusive: bool,
}

impl Far {
    pub(crate) fn new(remote: Remote, latch: Latch, ipv6: bool) -> Self {
        let destination = socket::destination(remote.rtp, ipv6);
        let mut far = Far {
            remote,
            latch,
            ipv6,
            destination,
            connected: false,
            exclusive: false,
        };
        far.aim();
        far
    }

    /// Points at the latched source where the far end is symmetric.
    pub(crate) fn aim(&mut self) {
        let latched = self.latch.source().filter(|_| self.remote.symmetric);
        self.destination = socket::destination(latched.unwrap_or(self.remote.rtp), self.ipv6);
    }

    /// Where a packet has to be said to go.
    pub(crate) fn way(&self) -> Option<&SockAddr> {
        (!self.connected).then_some(&self.destination)
    }

    /// Connects the RTP socket while the far end is the only one to be heard, and opens it again when it falls silent.
    pub(crate) fn settle(&mut self, rtp: &UdpSocket, now: Instant) {
        let settled = self.remote.symmetric && self.latch.settled(now).is_some();
        if settled == self.connected {
            return;
        }
        // A socket that stays as it was sends and hears all the same.
        if socket::connect(rtp, settled.then_some(&self.destination)).is_ok() {
            self.connected = settled;
            self.exclusive = false;
        }
    }

    /// Nothing waits on the RTP socket now: whatever comes while it is connected comes from the far end.
    pub(crate) fn was_emptied(&mut self) {
        self.exclusive = self.connected;
    }

    /// Where everything that comes to the RTP socket comes from, once that is certain.
    pub(crate) fn only_source(&self) -> Option<SocketAddr> {
        self.latch.source().filter(|_| self.exclusive)
    }

    /// Opens the RTP socket to all, before this far end is given up for another.
    pub(crate) fn unsettle(&mut self, rtp: &UdpSocket) {
        if self.connected {
            // It was connected, so it can be opened again.
            let _ = socket::connect(rtp, None);
            (self.connected, self.exclusive) = (false, false);
        }
    }
}

/// Payload types that may mean something: audio and events as either side says them, and the static ones.
const TYPES: usize = 7;

/// Meaning of the payload types of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PayloadTypes {
    known: [(u8, Media); TYPES],
}

impl PayloadTypes {
    /// Before anything was agreed nothing means anything.
    pub(crate) const NONE: PayloadTypes = PayloadTypes {
        known: [(0, Media::Unknown); TYPES],
    };

    /// What our own description says, then what the far end's says, then the static numbers of G.711, which some
    /// devices use whatever was negotiated.
    pub(crate) fn of(remote: &Remote) -> Self {
        let mut types = Self::NONE;
        let mut free = types.known.iter_mut();
        let mut taken = [false; 128];
        let mut set = |payload_type: u8, media: Media| {
            if let Some(taken @ false) = taken.get_mut(usize::from(payload_type))
                && let Some(place) = free.next()
            {
                (*taken, *place) = (true, (payload_type, media));
            }
        };
        let mut describe = |payloads: &Payloads| {
            set(payloads.audio, Media::Audio(payloads.codec));
            if let Some(payload_type) = payloads.telephone_event {
                set(payload_type, Media::Event);
            }
        };
        remote.receive_payloads.iter().for_each(&mut describe);
        describe(&remote.payloads);
        for codec in [Codec::Pcma, Codec::Pcmu] {
            set(codec.payload_type(), Media::Audio(codec));
        }
        // Of phones that never asked, too. Its static number is for a clock of 8,000 (RFC 3389 §4).
        if remote.payloads.codec.clock_rate() == 8_000 {
            set(COMFORT_NOISE, Media::ComfortNoise);
        }
        types
    }

    /// What a packet of this type carries.
    pub(crate) fn media(&self, payload_type: u8) -> Media {
        let known = |(known, _): &&(u8, Media)| *known == payload_type;
        self.known
            .iter()
            .find(known)
            .map_or(Media::Unknown, |(_, media)| *media)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latch::{LEARNING, RELATCH_SILENCE};
    use std::time::Duration;

    fn socket() -> UdpSocket {
        // Only a port that was asked for by number stays when the socket is opened again.
        let free = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let socket = UdpSocket::bind(free).unwrap();
        let patience = Duration::from_secs(10);
        socket.set_read_timeout(Some(patience)).unwrap();
        socket
    }

    fn described(rtp: SocketAddr) -> Remote {
        Remote {
            rtp,
            rtcp: None,
            payloads: Payloads::new(Codec::Pcma, None),
            receive_payloads: None,
            send: true,
            receive: true,
            symmetric: true,
            rtcp_mux: false,
            protection: crate::Protection::None,
        }
    }

    /// What the gateway hears of a stranger's packet followed by one of the phone.
    fn heard(gateway: &UdpSocket, stranger: &UdpSocket, phone: &UdpSocket) -> Vec<u8> {
        let to = gateway.local_addr().unwrap();
        // Refused by the kernel where the gateway listens to the phone only.
        let _ = stranger.send_to(b"s", to);
        phone.send_to(b"p", to).unwrap();
        let mut octets = Vec::new();
        let mut buffer = [0; 8];
        while octets.last() != Some(&b'p') {
            gateway.recv(&mut buffer).unwrap();
            octets.push(buffer[0]);
        }
        octets
    }

    #[test]
    fn payload_types_mean_what_either_side_says_and_static_ones_what_they_are() {
        let mut remote = Remote {
            payloads: Payloads::new(Codec::G722, Some(96)),
            receive_payloads: Some(Payloads::new(Codec::G722, Some(101))),
            ..described("127.0.0.1:9".parse().unwrap())
        };
        let types = PayloadTypes::of(&remote);
        for (payload_type, media) in [
            (9, Media::Audio(Codec::G722)),
            (96, Media::Event),
            (101, Media::Event),
            (8, Media::Audio(Codec::Pcma)),
            (0, Media::Audio(Codec::Pcmu)),
            (13, Media::ComfortNoise),
            (97, Media::Unknown),
        ] {
            assert_eq!(types.media(payload_type), media, "{payload_type}");
        }
        // Our own description comes first.
        remote.payloads.telephone_event = Some(101);
        remote.payloads.audio = 101;
        assert_eq!(PayloadTypes::of(&remote).media(101), Media::Event);
        assert_eq!(PayloadTypes::NONE.media(0), Media::Unknown);
    }

    #[test]
    fn a_settled_far_end_has_the_socket_for_itself_until_it_falls_silent() {
        let (gateway, phone, stranger) = (socket(), socket(), socket());
        let start = Instant::now();
        let address = phone.local_addr().unwrap();
        let remote = described(address);
        let mut far = Far::new(remote, Latch::new(address, start), false);
        far.settle(&gateway, start + LEARNING);
        assert_eq!(heard(&gateway, &stranger, &phone), b"sp", "never heard");

        far.latch.judge(address, 1, 1, start);
        far.settle(&gateway, start);
        assert!(far.way().is_some(), "the signalled address may still come");

        let heard_again = start + LEARNING;
        far.latch.judge(address, 1, 2, heard_again);
        far.settle(&gateway, heard_again);
        assert!(far.way().is_none());
        assert_eq!(far.only_source(), None, "others may wait there");
        far.was_emptied();
        assert_eq!(far.only_source(), Some(address));
        assert_eq!(heard(&gateway, &stranger, &phone), b"p");
        assert!(socket::send(socket::descriptor(&gateway), b"x", far.way()));
        assert_eq!(phone.recv(&mut [0; 8]).unwrap(), 1);

        far.settle(&gateway, heard_again + RELATCH_SILENCE);
        assert!(far.way().is_some());
        assert_eq!(far.only_source(), None);
        far.was_emptied();
        assert_eq!(far.only_source(), None, "open to all");
        assert_eq!(heard(&gateway, &stranger, &phone), b"sp");
    }
}
