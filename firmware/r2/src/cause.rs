//! Why a call ended, and the same as causes of Q.850.

use std::fmt;

/// Why a call ended or is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A side hung up.
    Normal,
    /// The called party is busy.
    Busy,
    /// No such number.
    Unallocated,
    /// The number has changed.
    NumberChanged,
    /// The called line is out of order.
    OutOfOrder,
    /// Congestion: no path to the called party (A-4, B-4, A-15).
    Congestion,
    /// The other side will play a special information tone or an announcement (B-2 of the ITU).
    SpecialInformation,
    /// Nobody answered.
    NoAnswer,
    /// The called party does not pay for calls.
    CollectRefused,
    /// The called party refuses.
    Rejected,
    /// The called side forced the release (A=0, B=0).
    ForcedRelease,
    /// Both sides seized the channel at once (Q.422 §3.2.7).
    Glare,
    /// The other side did not acknowledge the seizing (Q.422 §3.2.2).
    NotAcknowledged,
    /// The other side broke the protocol or fell silent.
    Protocol,
    /// The line went into alarm.
    LineAlarm,
}

impl Cause {
    /// The cause of Q.850 to tell other networks.
    #[must_use]
    pub fn q850(self) -> u8 {
        match self {
            Cause::Normal | Cause::ForcedRelease => 16,
            Cause::Unallocated => 1,
            Cause::SpecialInformation => 4,
            Cause::Busy => 17,
            Cause::NoAnswer => 19,
            Cause::Rejected | Cause::CollectRefused => 21,
            Cause::NumberChanged => 22,
            Cause::OutOfOrder => 27,
            Cause::LineAlarm => 38,
            Cause::NotAcknowledged => 41,
            Cause::Congestion => 42,
            Cause::Glare => 44,
            Cause::Protocol => 111,
        }
    }

    /// What to tell the other side of an R2 line for a cause of Q.850.
    #[must_use]
    pub fn from_q850(cause: u8) -> Self {
        match cause {
            1..=3 | 5 | 28 => Cause::Unallocated,
            4 => Cause::SpecialInformation,
            16 | 26 | 31 => Cause::Normal,
            17 => Cause::Busy,
            18..=20 => Cause::NoAnswer,
            21 | 50 | 55 | 57 | 87 => Cause::Rejected,
            22 => Cause::NumberChanged,
            27 | 88 => Cause::OutOfOrder,
            38 => Cause::LineAlarm,
            44 => Cause::Glare,
            95..=111 => Cause::Protocol,
            _ => Cause::Congestion,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Normal => "normal clearing",
            Cause::Busy => "called party busy",
            Cause::Unallocated => "unallocated number",
            Cause::NumberChanged => "number changed",
            Cause::OutOfOrder => "called line out of order",
            Cause::Congestion => "congestion",
            Cause::SpecialInformation => "special information tone",
            Cause::NoAnswer => "no answer",
            Cause::CollectRefused => "collect call refused",
            Cause::Rejected => "refused",
            Cause::ForcedRelease => "forced release",
            Cause::Glare => "seized by both sides",
            Cause::NotAcknowledged => "seizing not acknowledged",
            Cause::Protocol => "protocol error",
            Cause::LineAlarm => "line alarm",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_of_the_offline_options_are_kept_both_ways() {
        for (cause, q850) in [
            (Cause::Unallocated, 1),
            (Cause::Busy, 17),
            (Cause::NoAnswer, 19),
            (Cause::Rejected, 21),
            (Cause::NumberChanged, 22),
            (Cause::Congestion, 42),
            (Cause::Normal, 16),
            (Cause::OutOfOrder, 27),
            (Cause::Glare, 44),
        ] {
            assert_eq!(cause.q850(), q850);
            assert_eq!(Cause::from_q850(q850), cause);
        }
        assert_eq!(Cause::CollectRefused.q850(), 21);
        assert_eq!(Cause::from_q850(34), Cause::Congestion);
    }
}
