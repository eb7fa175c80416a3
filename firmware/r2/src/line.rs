//! Line signals of the digital version: bits A and B of timeslot 16 (Q.421, Q.422).

use std::fmt;

/// Bits A and B as they are on the line.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Ab {
    /// A=0, B=0: seizing; forced release.
    B00,
    /// A=0, B=1: answered.
    B01,
    /// A=1, B=0: idle; clear-forward; release guard.
    B10,
    /// A=1, B=1: seizing acknowledged; clear-back; blocked.
    B11,
}

impl Ab {
    /// From four bits ABCD, A the highest; C and D are not looked at.
    pub(crate) fn of(abcd: u8) -> Self {
        match (abcd >> 2) & 3 {
            0 => Ab::B00,
            1 => Ab::B01,
            2 => Ab::B10,
            _ => Ab::B11,
        }
    }

    /// Four bits ABCD with these C and D.
    pub(crate) fn with(self, cd: u8) -> u8 {
        (self as u8) << 2 | cd & 3
    }
}

impl fmt::Debug for Ab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02b}", *self as u8)
    }
}

/// What this side sends (Q.421 table 1 and national additions).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineSignal {
    Idle,
    Blocked,
    Seizure,
    SeizureAck,
    Answer,
    ClearBack,
    ClearForward,
    ForcedRelease,
}

impl LineSignal {
    pub(crate) fn ab(self) -> Ab {
        match self {
            LineSignal::Idle | LineSignal::ClearForward => Ab::B10,
            LineSignal::Blocked | LineSignal::SeizureAck | LineSignal::ClearBack => Ab::B11,
            LineSignal::Seizure | LineSignal::ForcedRelease => Ab::B00,
            LineSignal::Answer => Ab::B01,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            LineSignal::Idle => "idle",
            LineSignal::Blocked => "blocked",
            LineSignal::Seizure => "seizing",
            LineSignal::SeizureAck => "seizing acknowledged",
            LineSignal::Answer => "answer",
            LineSignal::ClearBack => "clear-back",
            LineSignal::ClearForward => "clear-forward",
            LineSignal::ForcedRelease => "forced release",
        }
    }
}

/// Whether a channel can take a call, and why not. See [`Channel::line_state`](crate::Channel::line_state).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineState {
    /// The other side's bits are not known yet.
    Unknown,
    /// Free for a call.
    Idle,
    /// In a call.
    Busy,
    /// The call is over; the other side has not given the channel back yet (Q.422 §3.2.5).
    Releasing,
    /// The other side has blocked it (Q.422 §3.2.6).
    RemoteBlocked,
    /// Blocked by [`Command::Block`](crate::Command::Block).
    LocalBlocked,
    /// The other side sends bits that mean nothing here (Q.424).
    Faulty,
    /// The line is in alarm.
    Alarm,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_q_421() {
        let sent = |signal: LineSignal| signal.ab().with(1);
        assert_eq!(sent(LineSignal::Idle), 0b1001);
        assert_eq!(sent(LineSignal::Seizure), 0b0001);
        assert_eq!(sent(LineSignal::SeizureAck), 0b1101);
        assert_eq!(sent(LineSignal::Answer), 0b0101);
        assert_eq!(sent(LineSignal::ClearBack), 0b1101);
        assert_eq!(sent(LineSignal::ClearForward), 0b1001);
        assert_eq!(sent(LineSignal::ForcedRelease), 0b0001);
        assert_eq!(LineSignal::Idle.ab().with(3), 0b1011);
        for abcd in 0..16 {
            assert_eq!(Ab::of(abcd).with(abcd), abcd);
        }
    }
}
