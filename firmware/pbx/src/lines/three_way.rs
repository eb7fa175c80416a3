//! A telephone and its two calls in one conversation.
//!
//! Each call goes on as it is, with the line's leg at its end; only what that leg hears is no longer the line but a place
//! in a room of the media engine, where the telephone has another one.

use ramal_lines::PortAudio;
use ramal_media::{Engine, Line, MediaError, Part, Room};

use crate::leg::line::{PortCall, WholeSound};

/// The conversation. Dropped, its calls hear nothing until they are connected with the line again.
pub(super) struct ThreeWay {
    room: Room,
    lines: Vec<Line>,
}

impl ThreeWay {
    /// Brings both calls and the telephone together.
    pub(super) async fn begin(
        engine: &Engine,
        telephone: PortAudio,
        calls: [&PortCall; 2],
    ) -> Result<Self, MediaError> {
        let mut three = ThreeWay {
            room: engine.room(),
            lines: Vec::with_capacity(3),
        };
        let ends = calls.map(PortCall::confer);
        for audio in ends.into_iter().chain([telephone]) {
            let line = engine.open_line(Box::new(WholeSound(audio)))?;
            three.room.join(&line, Part::Speaker).await?;
            three.lines.push(line);
        }
        Ok(three)
    }
}
