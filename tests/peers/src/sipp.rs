//! SIPp scenarios.

use crate::{PeerError, tail};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// A run of one scenario file out of `tests/peers/sipp/`.
#[derive(Debug)]
pub struct Scenario {
    name: String,
    child: Child,
    directory: tempfile::TempDir,
}

/// What a scenario is run with.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    /// File name without `.xml`.
    pub scenario: &'a str,
    /// The gateway.
    pub server: SocketAddr,
    /// Extension number (`[field0]`).
    pub user: &'a str,
    /// Secret (`[field1]`).
    pub secret: &'a str,
    /// Number to call (`[service]`).
    pub target: &'a str,
    /// Calls in all.
    pub calls: u32,
    /// Calls a second.
    pub rate: u32,
    /// Local port; 0 lets SIPp choose.
    pub port: u16,
}

/// Starts a scenario.
pub fn start(run: &Run<'_>) -> Result<Scenario, PeerError> {
    let directory = tempfile::Builder::new().prefix("sipp-").tempdir()?;
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("sipp")
        .join(format!("{}.xml", run.scenario));
    let fields = directory.path().join("fields.csv");
    std::fs::write(
        &fields,
        format!(
            "SEQUENTIAL\n{user};[authentication username={user} password={}]\n",
            run.secret,
            user = run.user
        ),
    )?;
    let log = std::fs::File::create(directory.path().join("log"))?;
    let mut command = Command::new("sipp");
    command
        .arg(run.server.to_string())
        .arg("-sf")
        .arg(file)
        .arg("-inf")
        .arg(fields)
        .args([
            "-s",
            run.target,
            "-i",
            "127.0.0.1",
            "-nostdin",
            "-trace_err",
        ])
        .args(["-m", &run.calls.to_string(), "-r", &run.rate.to_string()])
        .args([
            "-au",
            run.user,
            "-ap",
            run.secret,
            "-timeout",
            "60",
            "-timeout_error",
        ])
        .current_dir(directory.path())
        .env("TERM", "dumb")
        .stdin(Stdio::null())
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log))
        .kill_on_drop(true);
    if run.port != 0 {
        command.args(["-p", &run.port.to_string()]);
    }
    Ok(Scenario {
        name: run.scenario.to_owned(),
        child: command.spawn()?,
        directory,
    })
}

impl Scenario {
    /// Waits for the end; an error unless every call went as the scenario says.
    pub async fn finish(mut self, limit: Duration) -> Result<(), PeerError> {
        let ended = tokio::time::timeout(limit, self.child.wait()).await;
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.failed(&format!("success, not {status}"))),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(self.failed(&format!("an end within {} s", limit.as_secs()))),
        }
    }

    fn failed(&self, what: &str) -> PeerError {
        let mut output = String::new();
        for entry in std::fs::read_dir(self.directory.path())
            .into_iter()
            .flatten()
            .flatten()
        {
            if entry.file_name() == "log" || entry.path().extension().is_some_and(|e| e == "log") {
                output.push_str(&tail(&String::from_utf8_lossy(
                    &std::fs::read(entry.path()).unwrap_or_default(),
                )));
                output.push('\n');
            }
        }
        PeerError::Peer {
            peer: "sipp",
            what: format!("{}: {what}", self.name),
            output,
        }
    }
}
