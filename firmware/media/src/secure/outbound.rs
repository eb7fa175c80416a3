//! What goes to the far end.

use super::MasterKey;
use super::index::Window;
use super::session::Session;
use super::transform::{OVERHEAD, RTCP_HEADER};
use crate::rtp;

/// Room for the longest packet that is sealed.
const ROOM: usize = 2_048 + OVERHEAD;

/// The sending side of a stream.
pub(crate) struct Outbound {
    master: MasterKey,
    session: Session,
    sent: Window,
    /// Index of the next RTCP packet.
    next_rtcp: u32,
    buffer: Box<[u8; ROOM]>,
}

impl Outbound {
    /// `None` when the key does not fit its cipher, which its type rules out.
    pub(crate) fn new(master: &MasterKey) -> Option<Self> {
        Some(Outbound {
            master: *master,
            session: Session::new(master)?,
            sent: Window::default(),
            next_rtcp: 1,
            buffer: Box::new([0; ROOM]),
        })
    }

    /// Whether it was made from this key.
    pub(crate) fn has(&self, master: &MasterKey) -> bool {
        self.master == *master
    }

    /// Seals an RTP packet. `None` when one with its index was sent: under one key stream there must never be two
    /// (RFC 3711 §9.1).
    pub(crate) fn seal_rtp(&mut self, packet: &[u8]) -> Option<&[u8]> {
        let header = rtp::payload_start(packet)?;
        let (sequence, ssrc) = rtp::sequence_and_ssrc(packet)?;
        let index = self.sent.estimate(sequence)?;
        if !self.sent.is_fresh(index) {
            return None;
        }
        self.buffer.get_mut(..packet.len())?.copy_from_slice(packet);
        let length =
            self.session
                .rtp
                .seal(&mut self.buffer[..], packet.len(), header, ssrc, index)?;
        self.sent.note(index);
        self.buffer.get(..length)
    }

    /// Seals an RTCP packet. `None` when all 2^31 indices are used up (RFC 3711 §9.2).
    pub(crate) fn seal_rtcp(&mut self, packet: &[u8]) -> Option<&[u8]> {
        let &[_, _, _, _, s0, s1, s2, s3] = packet.first_chunk::<RTCP_HEADER>()?;
        let ssrc = u32::from_be_bytes([s0, s1, s2, s3]);
        let index = self.next_rtcp;
        if index >> 31 != 0 {
            return None;
        }
        self.next_rtcp = index + 1;
        self.buffer.get_mut(..packet.len())?.copy_from_slice(packet);
        let length = self.session.rtcp.seal(
            &mut self.buffer[..],
            packet.len(),
            RTCP_HEADER,
            ssrc,
            index.into(),
        )?;
        self.buffer.get(..length)
    }
}
