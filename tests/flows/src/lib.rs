//! Call flows through a running gateway, seen and heard from its phones.
//!
//! Each file in `tests/` is one family of flows. The gateway is a process of its own ([`gateway_under_test`]), the
//! phones are `sipphone`; what they hear is checked by frequency and level, what the gateway stored by its API.

pub mod bench;
pub mod prompts;
pub mod session;

use sipphone::{Call, PhoneError, Source, level_dbm0};
use std::time::Duration;

/// Longest wait for anything that should happen at once.
pub const SOON: Duration = Duration::from_secs(10);

/// Sends a tone at -10 dBm0.
pub fn tone(frequency: f64) -> Source {
    Source::Tone {
        frequency,
        dbm0: -10.0,
    }
}

/// Waits until `call` has heard `frequency` for half a second at -10 dBm0 ± 1 dB.
pub async fn hears(call: &Call, frequency: f64) -> Result<(), PhoneError> {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let heard = call.audio().last(Duration::from_millis(500));
        if heard.len() == 4000 && (level_dbm0(&heard, frequency) + 10.0).abs() < 1.0 {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            return Err(PhoneError::Late("the tone"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
