//! What is asked of a test, and what it tells while it runs.

use ramal_analog::{LineFinding, LineTestFault, LineTestStep};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a test is to hear the end of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum HangUpSource {
    /// Not at all: only what the line itself tells is measured.
    #[default]
    Nothing,
    /// By a call to another line of this gateway, which takes it and hangs up. Tells the most.
    Port {
        /// Name of the other port, such as `FXO 2`.
        port: String,
        /// Number of its line, as this line has to dial it.
        number: String,
    },
    /// By a call to a number that is busy, or that answers and hangs up.
    Number {
        /// As this line has to dial it.
        number: String,
    },
    /// By a call that somebody makes to this line within two minutes; he hangs up after it was taken.
    IncomingCall,
}

/// How a line is to be tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LineTestRequest {
    /// Whether the port gets the settings that follow from what was found. Without faults only.
    pub apply: bool,
    /// A key after which the exchange waits for more without a sound: `0`-`9`, `*` or `#`.
    pub quiet_key: char,
    /// How the end of a call is to be heard.
    pub hang_up: HangUpSource,
}

impl Default for LineTestRequest {
    fn default() -> Self {
        LineTestRequest {
            apply: false,
            quiet_key: '5',
            hang_up: HangUpSource::Nothing,
        }
    }
}

/// What a test is about at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestStep {
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

impl From<LineTestStep> for TestStep {
    fn from(step: LineTestStep) -> Self {
        match step {
            LineTestStep::DialTone => TestStep::DialTone,
            LineTestStep::Silence => TestStep::Silence,
            LineTestStep::Echo => TestStep::Echo,
            LineTestStep::Calling => TestStep::Calling,
            LineTestStep::WaitingForCall => TestStep::WaitingForCall,
            LineTestStep::HangUp => TestStep::HangUp,
        }
    }
}

/// What a test tells while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LineTestNews {
    /// It has got so far.
    Step(LineTestStep),
    /// Something was found.
    Found(LineFinding),
    /// Something is wrong.
    Trouble(LineTestFault),
    /// It is over.
    Finished,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_and_what_it_leaves_out_is_preset() {
        let read: LineTestRequest = serde_json::from_str("{}").unwrap();
        assert_eq!(read, LineTestRequest::default());
        let read: LineTestRequest = serde_json::from_str(
            r#"{"apply":true,"hang_up":{"by":"port","port":"FXO 2","number":"200"}}"#,
        )
        .unwrap();
        assert!(matches!(read.hang_up, HangUpSource::Port { port, .. } if port == "FXO 2"));
    }
}
