//! What a data link has counted.

/// Errors of layer 2 by the letters of Q.921 table II.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum LinkError {
    /// A: supervisory response with F=1 that nobody asked for.
    UnsolicitedSupervisory,
    /// B: DM with F=1 that nobody asked for.
    UnsolicitedDmFinal,
    /// C: UA with F=1 that nobody asked for.
    UnsolicitedUaFinal,
    /// D: UA with F=0.
    UnsolicitedUa,
    /// E: DM with F=0: the peer has forgotten the link.
    UnsolicitedDm,
    /// F: the peer has established the link again.
    PeerReestablished,
    /// G: no answer to SABME.
    SabmeUnanswered,
    /// H: no answer to DISC.
    DiscUnanswered,
    /// I: no answer to an enquiry: the peer is gone.
    EnquiryUnanswered,
    /// J: N(R) out of the window.
    NrError,
    /// K: the peer has rejected a frame.
    FrameRejectReceived,
    /// L: a frame with an undefined control field.
    UndefinedFrame,
    /// M: an information field where there may be none.
    UnexpectedInformation,
    /// O: an information field longer than N201.
    TooLong,
    /// A frame with our own command bit: the peer plays the same role, or the line is looped.
    SameRole,
    /// More messages than the queue takes while the peer is busy; the newest was lost.
    QueueOverflow,
}

impl LinkError {
    pub(super) const COUNT: usize = Self::QueueOverflow as usize + 1;
}

/// Counters of a data link, since its making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Frames sent.
    pub sent: u64,
    /// Frames received, of any kind.
    pub received: u64,
    /// I frames sent for the first time.
    pub information_sent: u64,
    /// I frames received in sequence.
    pub information_received: u64,
    /// I frames sent again.
    pub retransmitted: u64,
    /// I frames received out of sequence.
    pub out_of_sequence: u64,
    /// REJ received.
    pub rejects_received: u64,
    /// Frames too short, with a wrong address, or for another link.
    pub discarded: u64,
    /// How often the link came up.
    pub established: u64,
    /// How often it was lost.
    pub lost: u64,
    errors: [u64; LinkError::COUNT],
}

impl LinkCounters {
    /// How often an error was seen.
    pub fn errors(&self, error: LinkError) -> u64 {
        self.errors[error as usize]
    }

    pub(super) fn count(&mut self, error: LinkError) {
        self.errors[error as usize] += 1;
    }
}
