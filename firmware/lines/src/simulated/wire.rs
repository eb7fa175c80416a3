//! The pair of wires between an exchange's end and a telephone's end, 20 ms at a time.

use ramal_dsp::FRAME_SAMPLES;

use crate::CallerId;

/// Milliseconds in a block.
pub(super) const BLOCK_MS: u32 = 20;

/// What the exchange's end puts on the wires.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    /// Whether there is a direct voltage.
    pub battery: bool,
    /// Whether it is the other way round.
    pub reversed: bool,
    /// Whether the bell's alternating voltage is on.
    pub ringing: bool,
    /// Caller ID, in the block after its last bit; the modem's tones are left out.
    pub caller_id: Option<CallerId>,
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
            caller_id: None,
            audio: [0; FRAME_SAMPLES],
        }
    }
}

/// What the telephone's end puts on the wires.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    /// Whether it draws current.
    pub off_hook: bool,
    /// Sound; silence while on-hook.
    pub audio: [i16; FRAME_SAMPLES],
}

impl Loop {
    /// A telephone that waits.
    pub fn open() -> Self {
        Loop {
            off_hook: false,
            audio: [0; FRAME_SAMPLES],
        }
    }
}
