//! The far end of a stream as its session description says it, ready for the packet path.

use socket2::SockAddr;

use crate::latch::Latch;
use crate::{Codec, Payloads, Remote, socket};

/// Meaning of a received payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Audio(Codec),
    Event,
    /// Not negotiated, for example comfort noise (RFC 3389) of a phone that never asked.
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
}

impl Far {
    pub(crate) fn new(remote: Remote, latch: Latch, ipv6: bool) -> Self {
        let destination = socket::destination(remote.rtp, ipv6);
        let mut far = Far {
            remote,
            latch,
            ipv6,
            destination,
        };
        far.aim();
        far
    }

    /// Points at the latched source where the far end is symmetric.
    pub(crate) fn aim(&mut self) {
        let latched = self.latch.source().filter(|_| self.remote.symmetric);
        self.destination = socket::destination(latched.unwrap_or(self.remote.rtp), self.ipv6);
    }
}

/// Meaning of every payload type: what our own description says, then what the far end's says, then
/// the static numbers of G.711, which some devices use whatever was negotiated.
pub(crate) fn payload_types(remote: &Remote) -> [Media; 128] {
    let mut types = [Media::Unknown; 128];
    let mut set = |payload_type: u8, media: Media| {
        if let Some(entry @ Media::Unknown) = types.get_mut(usize::from(payload_type)) {
            *entry = media;
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
    types
}
