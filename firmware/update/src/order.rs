//! What only root may do, asked for by one word in a file: `ramal-order.path` of the image waits for it.

use std::fs;
use std::io;
use std::path::Path;

/// What the system is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Start the machine again.
    Restart,
    /// Start the other system for a trial.
    Previous,
    /// Stay with the proven system: what was installed is not started.
    Stay,
}

impl Order {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Previous => "previous",
            Self::Stay => "stay",
        }
    }

    /// Gives it. The file appears whole.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn give(self, path: &Path) -> io::Result<()> {
        let new = path.with_extension("new");
        fs::write(&new, format!("{}\n", self.word()))?;
        fs::rename(new, path)
    }
}
