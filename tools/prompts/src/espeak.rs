//! espeak-ng as a separate process (it is GPL and is never linked).

use std::process::{Command, Stdio};

use crate::wav::{self, Recording};

/// A phrase could not be spoken.
#[derive(Debug, thiserror::Error)]
pub enum EspeakError {
    /// The program is not there or cannot be run.
    #[error(
        "cannot run \"{program}\": {source}; install the Debian package espeak-ng or give --espeak"
    )]
    Run {
        /// The program as given.
        program: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The program failed or answered no recording.
    #[error("\"{program}\" spoke nothing with voice {voice}: {reason}")]
    Spoke {
        /// The program as given.
        program: String,
        /// The voice asked for.
        voice: String,
        /// What it said, or what is wrong with what it wrote.
        reason: String,
    },
}

/// Speaks a phrase.
pub fn speak(
    program: &str,
    voice: &str,
    speed: u16,
    phrase: &str,
) -> Result<Recording, EspeakError> {
    let mut words = program.split_whitespace();
    let output = Command::new(words.next().unwrap_or("espeak-ng"))
        .args(words)
        .args([
            "-b",
            "1",
            "-v",
            voice,
            "-s",
            &speed.to_string(),
            "--stdout",
            "--",
            phrase,
        ])
        .stdin(Stdio::null())
        .output()
        .map_err(|source| EspeakError::Run {
            program: program.to_owned(),
            source,
        })?;
    let failed = |reason: String| EspeakError::Spoke {
        program: program.to_owned(),
        voice: voice.to_owned(),
        reason,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("{}: {}", output.status, said.trim())));
    }
    wav::parse(&output.stdout).map_err(|reason| failed(reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_what_to_do() {
        let error = speak("/nowhere/espeak-ng", "en", 150, "one")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/nowhere/espeak-ng") && error.contains("install"),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_fails_is_quoted() {
        let error = speak("sh -c false", "en", 150, "one")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("sh -c false") && error.contains("exit status: 1"),
            "{error}"
        );
        let error = speak("true", "en", 150, "one").unwrap_err().to_string();
        assert!(error.contains("RIFF"), "{error}");
    }
}
