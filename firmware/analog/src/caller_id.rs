//! How and when a telephone is told who calls.

/// In what form the caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerIdSound {
    /// A modem's message by Bell 202 (Telcordia GR-30).
    Bell202,
    /// A modem's message by V.23 (ETSI EN 300 659).
    V23,
    /// Keys between `A` and `C`.
    DtmfAc,
    /// Keys between `D` and `C`.
    DtmfDc,
    /// Keys between `A` and `#`.
    DtmfAHash,
}

/// When the caller is told (EN 300 659-1 §6, Telcordia GR-30 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerIdPlace {
    /// In the rest after the first ring.
    AfterFirstRing,
    /// Before the first ring, without anything first.
    BeforeRing,
    /// Before the first ring, after the battery was reversed; it turns back before the ring.
    AfterReversal,
    /// Before the first ring, after reversal and the dual alerting tone (2,130 and 2,750 Hz), as in the United Kingdom.
    AfterReversalAndTone,
    /// Before the first ring, after a short burst of ringing (RP-AS).
    AfterRingPulse,
}

/// How a country's exchanges tell the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerIdSignalling {
    /// In what form.
    pub sound: CallerIdSound,
    /// When.
    pub place: CallerIdPlace,
}
