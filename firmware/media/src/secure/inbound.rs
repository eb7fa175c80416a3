//! What the far end sends: checked, opened, and never taken twice.

use super::MasterKey;
use super::index::Window;
use super::session::Session;
use super::transform::RTCP_HEADER;
use crate::rtp;

/// Sources of one far end whose packets are told apart. When one more comes, the one that was silent longest is forgotten.
const SOURCES: usize = 8;

/// Why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is no RTP or RTCP packet at all.
    Malformed,
    /// It was not sealed with the key agreed upon, or was changed on the way.
    Unauthentic,
    /// It has come before, or is too old to know.
    Replayed,
}

/// The receiving side of a stream.
pub(crate) struct Inbound {
    master: MasterKey,
    session: Session,
    sources: [Source; SOURCES],
    /// Counts packets taken, to know who was silent longest.
    taken: u64,
}

/// One synchronisation source (RFC 3711 §3.2.3): each has its own indices.
#[derive(Clone, Copy, Default)]
struct Source {
    ssrc: u32,
    rtp: Window,
    rtcp: Window,
    /// When it was last heard, by [`Inbound::taken`]; 0 for a place never used.
    heard: u64,
}

impl Inbound {
    /// `None` when the key does not fit its cipher, which its type rules out.
    pub(crate) fn new(master: &MasterKey) -> Option<Self> {
        Some(Inbound {
            master: *master,
            session: Session::new(master)?,
            sources: [Source::default(); SOURCES],
            taken: 0,
        })
    }

    /// Whether it was made from this key.
    pub(crate) fn has(&self, master: &MasterKey) -> bool {
        self.master == *master
    }

    /// Opens an RTP packet in place; gives its length then.
    pub(crate) fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, Refusal> {
        let header = rtp::payload_start(packet).ok_or(Refusal::Malformed)?;
        let (sequence, ssrc) = rtp::sequence_and_ssrc(packet).ok_or(Refusal::Malformed)?;
        let mut source = self.source(ssrc);
        let index = source.rtp.estimate(sequence).ok_or(Refusal::Replayed)?;
        if !source.rtp.is_fresh(index) {
            return Err(Refusal::Replayed);
        }
        let length = self
            .session
            .rtp
            .open(packet, header, ssrc, index)
            .ok_or(Refusal::Unauthentic)?;
        source.rtp.note(index);
        self.keep(source);
        Ok(length)
    }

    /// Opens an RTCP packet in place; gives its length then.
    pub(crate) fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refusal> {
        let header = packet.first_chunk::<RTCP_HEADER>();
        let &[first, _, _, _, s0, s1, s2, s3] = header.ok_or(Refusal::Malformed)?;
        if first >> 6 != 2 {
            return Err(Refusal::Malformed);
        }
        let ssrc = u32::from_be_bytes([s0, s1, s2, s3]);
        // In clear although keys were agreed upon: nobody can say who sent it.
        let index = self
            .session
            .rtcp
            .rtcp_index(packet)
            .ok_or(Refusal::Unauthentic)?;
        let mut source = self.source(ssrc);
        if !source.rtcp.is_fresh(index.into()) {
            return Err(Refusal::Replayed);
        }
        let length = self
            .session
            .rtcp
            .open(packet, RTCP_HEADER, ssrc, index.into())
            .ok_or(Refusal::Unauthentic)?;
        source.rtcp.note(index.into());
        self.keep(source);
        Ok(length)
    }

    fn source(&self, ssrc: u32) -> Source {
        let known = |source: &&Source| source.heard > 0 && source.ssrc == ssrc;
        let new = Source {
            ssrc,
            ..Source::default()
        };
        self.sources.iter().find(known).copied().unwrap_or(new)
    }

    /// Only what was proven is remembered.
    fn keep(&mut self, mut source: Source) {
        self.taken += 1;
        source.heard = self.taken;
        let known = |place: &Source| place.heard > 0 && place.ssrc == source.ssrc;
        let place = match self.sources.iter().position(known) {
            Some(place) => self.sources.get_mut(place),
            None => self.sources.iter_mut().min_by_key(|place| place.heard),
        };
        if let Some(place) = place {
            *place = source;
        }
    }
}
