//! The pair of wires between an exchange's end and a telephone's end, 20 ms at a time.

use std::time::Duration;

use ramal_dsp::FRAME_SAMPLES;

/// Milliseconds in a block.
pub(super) const BLOCK_MS: u32 = 20;
/// Looks at the loop in a block: every 5 ms, as hardware that is polled has.
pub(super) const LOOKS: usize = 4;
/// From one look to the next.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// What the exchange's end puts on the wires.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    /// Whether there is a direct voltage.
    pub battery: bool,
    /// Whether it is the other way round.
    pub reversed: bool,
    /// Whether the bell's alternating voltage is on.
    pub ringing: bool,
    /// Sound.
    pub audio: [i16; FRAME_SAMPLES],
}

impl Feed {
    /// A line that waits.
    pub fn idle() -> Self {
        Feed {
            battery: true,
            reversed: false,
            ringing: false,
            audio: [0; FRAME_SAMPLES],
        }
    }
}

/// What the telephone's end puts on the wires.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    /// Whether it is closed, at each look.
    pub closed: [bool; LOOKS],
    /// Sound; silence while open.
    pub audio: [i16; FRAME_SAMPLES],
}

impl Loop {
    /// A telephone that waits.
    pub fn open() -> Self {
        Loop {
            closed: [false; LOOKS],
            audio: [0; FRAME_SAMPLES],
        }
    }

    /// A telephone that is lifted and says this.
    pub fn closed(audio: [i16; FRAME_SAMPLES]) -> Self {
        Loop {
            closed: [true; LOOKS],
            audio,
        }
    }

    /// Whether it is closed at the end.
    pub fn is_closed(&self) -> bool {
        self.closed[LOOKS - 1]
    }
}
