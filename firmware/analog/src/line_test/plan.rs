//! What a test is asked for, what it asks for, and what it tells.

use std::time::Duration;

use crate::{DialString, Dialling, FxoCommand};

/// How the end of a call is to be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FarEndTest {
    /// Not at all.
    None,
    /// By calling this number, which is busy, or answers and hangs up.
    Dial(DialString),
    /// By taking a call from somebody who hangs up.
    Incoming,
}

/// What is to be tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineTestPlan {
    /// A key after which the exchange waits for more in silence.
    pub quiet_key: char,
    /// How the port dials.
    pub dialling: Dialling,
    /// How the end of a call is to be heard.
    pub far_end: FarEndTest,
}

/// What a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineTestStep {
    /// Waits for dial tone.
    DialTone,
    /// Makes the exchange wait in silence.
    Silence,
    /// Measures echo.
    Echo,
    /// Calls.
    Calling,
    /// Waits to be called.
    WaitingForCall,
    /// Waits for the far end to hang up.
    HangUp,
}

/// Something that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LineFinding {
    /// Dial tone.
    DialTone {
        /// In Hz; the second is 0 for a single one.
        frequencies: [f32; 2],
        /// In dBm0.
        level: f32,
        /// After the loop was closed.
        after: Duration,
    },
    /// Whether the exchange takes keys as tones (true), or only as pulses.
    TakesTones(bool),
    /// Level of a line on which nobody speaks, dBm0.
    Noise(f32),
    /// The line's echo.
    Echo {
        /// Echo return loss, dB.
        loss: f32,
        /// In milliseconds.
        delay: f32,
    },
    /// The exchange reversed the battery when the far end answered.
    AnswerReversal,
    /// It reversed the battery when the far end hung up.
    HangUpReversal,
    /// It cut the current when the far end hung up, for so long if that was seen.
    LoopInterruption(Option<Duration>),
    /// The tone after the far end has hung up.
    HangUpTone {
        /// In Hz; the second is 0 for a single one.
        frequencies: [f32; 2],
        /// Sound in milliseconds.
        on_ms: u32,
        /// Pause in milliseconds.
        off_ms: u32,
        /// In dBm0.
        level: f32,
    },
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineTestFault {
    /// The card is in alarm or gone.
    Hardware,
    /// There is no battery.
    NoBattery,
    /// There is battery, and no current flows in the closed loop.
    NoCurrent,
    /// Somebody calls.
    Rings,
    /// The exchange is silent.
    NoDialTone,
    /// The exchange gives another tone than dial tone.
    OtherTone,
    /// Dial tone goes on whatever is dialled.
    KeysNotTaken,
    /// The line is not silent when it should be.
    Disturbed,
    /// Nobody has called.
    NobodyCalled,
    /// No tone was heard after the call.
    NoHangUpTone,
    /// It was stopped.
    Stopped,
}

/// What is to be done, and what is known.
#[derive(Clone, Debug, PartialEq)]
pub enum LineTestOutput {
    /// Tell the line.
    Line(FxoCommand),
    /// Dial in this way from the next call on.
    Dialling(Dialling),
    /// Send noise and measure what comes back; [`LineTest::echo`] follows.
    MeasureEcho,
    /// The test has got so far.
    Step(LineTestStep),
    /// Something was found.
    Found(LineFinding),
    /// Something is wrong.
    Trouble(LineTestFault),
    /// The test is over, and the line on-hook.
    Finished,
}

/// What a line sounds like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineSound {
    /// Level of everything, dBm0.
    pub level: f32,
    /// The tone that sounds: frequencies, level in dBm0, and for how many milliseconds.
    pub steady: Option<([f32; 2], f32, u32)>,
    /// A tone with pauses that has just been heard three times: frequencies, sound and pause in milliseconds, level.
    pub cadence: Option<([f32; 2], u32, u32, f32)>,
}
