//! Texts spoken by espeak-ng, a separate process (it is GPL and is never linked).

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use crate::SoundError;
use crate::process::{Failure, run};

/// How long speaking may take: a minute of speech takes it well below a second.
const TIME: Duration = Duration::from_secs(30);

/// A voice of espeak-ng and its speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice {
    name: &'static str,
    words_a_minute: u16,
}

impl Voice {
    /// The voice that the system prompts have in a language (BCP 47 tag); `None` for all but the gateway's own four.
    #[must_use]
    pub fn of_language(tag: &str) -> Option<Self> {
        let name = match tag {
            "pt-BR" => "pt-br",
            "es" => "es-419",
            "id" => "id",
            "en" => "en-us",
            _ => return None,
        };
        Some(Self {
            name,
            words_a_minute: 150,
        })
    }

    /// Speaks `text` into a WAV file.
    pub(crate) async fn speak(
        self,
        program: &Path,
        text: &str,
        output: &Path,
    ) -> Result<(), SoundError> {
        let mut command = Command::new(program);
        command
            .args([
                "-b",
                "1",
                "-v",
                self.name,
                "-s",
                &self.words_a_minute.to_string(),
                "--stdin",
                "-w",
            ])
            .arg(output);
        match run(command, Some(text.to_owned()), TIME).await {
            Ok(_) => Ok(()),
            Err(Failure::Start(error)) if error.kind() == std::io::ErrorKind::NotFound => Err(
                SoundError::NoVoice(format!("{} is not installed", program.display())),
            ),
            Err(Failure::Start(error)) => Err(SoundError::file("run", program, &error)),
            Err(Failure::Killed) => Err(SoundError::Unspeakable("it takes too long".to_owned())),
            Err(Failure::Said(said)) if said.contains("voice") => Err(SoundError::NoVoice(said)),
            Err(Failure::Said(said)) => Err(SoundError::Unspeakable(said)),
        }
    }
}
