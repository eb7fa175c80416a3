//! What can go wrong between call control and the media threads.

use std::io;
use std::path::PathBuf;

/// A refused or failed media operation.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Every pair of ports in the configured range is taken.
    #[error(
        "all {pairs} RTP port pairs in {first}-{last} are in use; widen the RTP port range or end calls"
    )]
    PortsExhausted {
        /// First port of the range.
        first: u16,
        /// Last port of the range.
        last: u16,
        /// Pairs of an even and the next odd port in the range.
        pairs: usize,
    },
    /// The configured range holds no even port followed by an odd one.
    #[error("RTP port range {first}-{last} holds no even port followed by an odd one")]
    PortRange {
        /// First port of the range.
        first: u16,
        /// Last port of the range.
        last: u16,
    },
    /// A system call failed while something was opened.
    #[error("cannot {operation}: {source}")]
    System {
        /// What was being done, for example "bind RTP port 10000".
        operation: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The bounded command queue of the media thread is full; the thread is overloaded or stuck.
    #[error("the media thread does not keep up: its command queue is full; try again later")]
    Overloaded,
    /// The engine was stopped.
    #[error("the media engine was stopped")]
    Stopped,
    /// Every place in a room is taken.
    #[error("the room has 32 members already; let one go first")]
    RoomFull,
    /// A prompt file cannot be used.
    #[error("prompt {}: {reason}", path.display())]
    Prompt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl MediaError {
    /// Wraps a system error with what was being done.
    pub(crate) fn system(operation: impl Into<String>, source: impl Into<io::Error>) -> Self {
        MediaError::System {
            operation: operation.into(),
            source: source.into(),
        }
    }
}
