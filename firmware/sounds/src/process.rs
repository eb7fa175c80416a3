//! Conversion in a process of its own: what a file can do to a decoder ends there.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::{Converted, SoundError, convert};

/// First argument of the program that converts: [`run_conversion`] is to be called with the others.
pub const CONVERT: &str = "convert-sound";

/// Address space of a child: its buffers take a few hundred kilobytes, the rest is the program and its libraries.
const MEMORY: u64 = 512 << 20;
/// Processor time of a child in seconds; half an hour of MP3 takes some ten of them on the smallest board.
const PROCESSOR: u64 = 180;
/// Largest file that a child may write: half an hour at 16,000 samples a second, and some.
const FILE: u64 = 64 << 20;
/// How long a child may take.
const TIME: Duration = Duration::from_secs(300);

/// The work of the child process: `arguments` are the two paths. Prints what became of it and says it by the exit code,
/// too.
pub fn run_conversion(arguments: &[OsString]) -> ExitCode {
    let [input, output] = arguments else {
        return ExitCode::from(2);
    };
    let result = convert(Path::new(input), Path::new(output));
    let failed = result.is_err();
    match serde_json::to_string(&result) {
        Ok(text) => println!("{text}"),
        Err(_) => return ExitCode::from(2),
    }
    ExitCode::from(u8::from(failed))
}

/// Converts in a process that runs `program`.
pub(crate) async fn convert_apart(
    program: &Path,
    input: &Path,
    output: &Path,
) -> Result<Converted, SoundError> {
    let mut command = Command::new(program);
    command.arg(CONVERT).arg(input).arg(output);
    let answer = run(command, None, TIME)
        .await
        .map_err(|failure| match failure {
            Failure::Start(error) => SoundError::file("run", program, &error),
            Failure::Killed => SoundError::TooCostly,
            Failure::Said(said) => SoundError::Damaged {
                format: "sound".to_owned(),
                reason: said,
            },
        })?;
    serde_json::from_slice(&answer).unwrap_or(Err(SoundError::TooCostly))
}

/// Why a child gave no answer.
pub(crate) enum Failure {
    /// It could not be started.
    Start(io::Error),
    /// It was ended: by its limits, by a fault of its own, or because it took too long.
    Killed,
    /// It refused, with these words.
    Said(String),
}

/// Runs a child with limits on everything and without an environment; gives what it printed. A child that ends with 1
/// and prints something has answered, too.
pub(crate) async fn run(
    mut command: Command,
    input: Option<String>,
    time: Duration,
) -> Result<Vec<u8>, Failure> {
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // SAFETY: between fork and exec the closure makes system calls only; it neither allocates nor locks.
    unsafe {
        command.pre_exec(|| {
            setrlimit(Resource::RLIMIT_AS, MEMORY, MEMORY)?;
            setrlimit(Resource::RLIMIT_CPU, PROCESSOR, PROCESSOR)?;
            setrlimit(Resource::RLIMIT_FSIZE, FILE, FILE)?;
            setrlimit(Resource::RLIMIT_NOFILE, 32, 32)?;
            setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
            // Calls come first; without the right to be nice it runs as it is.
            libc::setpriority(libc::PRIO_PROCESS, 0, 10);
            Ok(())
        });
    }
    let mut child = command.spawn().map_err(Failure::Start)?;
    let feeding = input.zip(child.stdin.take());
    let work = async {
        if let Some((text, mut stdin)) = feeding {
            // A child that does not read says why at its end.
            let _ = stdin.write_all(text.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let output = timeout(time, work)
        .await
        .map_err(|_| Failure::Killed)?
        .map_err(Failure::Start)?;
    if output.status.signal().is_some() {
        return Err(Failure::Killed);
    }
    if output.status.success() || (output.status.code() == Some(1) && !output.stdout.is_empty()) {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::Said(said.trim().chars().take(200).collect()))
}

/// Who converts.
#[derive(Debug, Clone)]
pub(crate) enum Converter {
    /// This program, run with [`CONVERT`].
    Process(PathBuf),
    /// A thread of this one.
    Thread,
}

impl Converter {
    pub(crate) async fn convert(
        &self,
        input: &Path,
        output: &Path,
    ) -> Result<Converted, SoundError> {
        match self {
            Self::Process(program) => convert_apart(program, input, output).await,
            Self::Thread => {
                let (input, output) = (input.to_owned(), output.to_owned());
                tokio::task::spawn_blocking(move || convert(&input, &output))
                    .await
                    .unwrap_or(Err(SoundError::TooCostly))
            }
        }
    }
}
