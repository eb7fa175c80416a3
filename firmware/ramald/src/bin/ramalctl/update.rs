//! The commands about updates.

use std::path::Path;
use std::time::Duration;

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::arguments::UpdateCommand;
use crate::commands::{Gateway, pretty, understood};
use crate::failure::{Failure, Problem};
use crate::table::{size, table, time};
use crate::upload::FileBody;

/// How often it is asked how far an installation is.
const LOOK: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct State {
    supported: bool,
    phase: String,
    systems: Vec<System>,
    bundle: Option<Bundle>,
    pending: Option<Pending>,
    last: Option<Outcome>,
    problem: Option<String>,
}

#[derive(Deserialize)]
struct System {
    slot: String,
    version: Option<String>,
    health: String,
    reason: String,
    running: bool,
}

#[derive(Deserialize)]
struct Bundle {
    version: String,
    octets: u64,
}

#[derive(Deserialize)]
struct Pending {
    version: String,
}

#[derive(Deserialize)]
struct Outcome {
    version: String,
    from: String,
    success: bool,
    reason: String,
    at: i64,
}

impl Gateway {
    pub(crate) async fn update(&self, command: UpdateCommand) -> Result<String, Failure> {
        match command {
            UpdateCommand::Show => {
                let shown: Value = self.client.get("/system/update").await?;
                if self.json {
                    return Ok(pretty(&shown));
                }
                self.describe(understood(shown)?).await
            }
            UpdateCommand::Send { file } => {
                let bundle = self.send(&file).await?;
                Ok(self.done(format!(
                    "Version {} ({}) can be installed.",
                    bundle.version,
                    size(bundle.octets)
                )))
            }
            UpdateCommand::Install { file, again } => {
                if let Some(file) = file {
                    self.send(&file).await?;
                }
                let wish = json!({ "again": again });
                self.client.post("/system/update/install", &wish).await?;
                self.installed().await
            }
            UpdateCommand::Restart { now } => {
                let wish = json!({ "when": when(now) });
                self.client.post("/system/update/restart", &wish).await?;
                Ok(self.done("The gateway starts again.".into()))
            }
            UpdateCommand::Back { now } => {
                let wish = json!({ "when": when(now) });
                self.client.post("/system/update/previous", &wish).await?;
                Ok(self.done("The gateway goes back to the version before.".into()))
            }
            UpdateCommand::Cancel => {
                self.client.delete("/system/update/bundle").await?;
                Ok(self.done("The update is cancelled.".into()))
            }
            UpdateCommand::Acknowledge => {
                let path = "/system/update/acknowledge";
                self.client.send(Method::POST, path, None).await?;
                Ok(self.done("The result is taken note of.".into()))
            }
        }
    }

    /// A refusal is the one sentence, for the gate of an update.
    pub(crate) async fn check(&self) -> Result<String, Failure> {
        let path = "/system/self-check";
        let found = self.client.send(Method::POST, path, None).await;
        let answer = found.map_err(|failure| match failure {
            Failure::Refused(problem) => Failure::Refused(problem.without_title()),
            failure => failure,
        })?;
        if self.json {
            return Ok(String::from_utf8_lossy(&answer).into_owned());
        }
        Ok("The gateway carries calls, and its lines are there.\n".into())
    }

    async fn send(&self, file: &Path) -> Result<Bundle, Failure> {
        let body = FileBody::open(file)?;
        let answer = self.client.upload("/system/update/bundle", body).await?;
        let sense =
            |error| Failure::Connection(format!("the gateway's answer makes no sense: {error}"));
        serde_json::from_slice(&answer).map_err(sense)
    }

    async fn installed(&self) -> Result<String, Failure> {
        loop {
            let state: State = self.client.get("/system/update").await?;
            match (state.phase.as_str(), state.pending) {
                ("installing", _) => tokio::time::sleep(LOOK).await,
                ("installed", Some(pending)) => {
                    let version = pending.version;
                    return Ok(self.done(format!(
                        "Version {version} is installed. `ramalctl update restart` starts it."
                    )));
                }
                _ => {
                    let why = state
                        .problem
                        .unwrap_or_else(|| "nothing is installed".into());
                    return Err(Failure::Refused(Problem::found(why)));
                }
            }
        }
    }

    async fn describe(&self, state: State) -> Result<String, Failure> {
        if !state.supported {
            return Ok("This gateway was not started from a disk with two systems.\n".into());
        }
        let row = |system: &System| {
            vec![
                system.slot.clone(),
                system.version.clone().unwrap_or_else(|| "-".into()),
                system.health.clone(),
                if system.running { "yes" } else { "no" }.into(),
                system.reason.clone(),
            ]
        };
        let rows: Vec<_> = state.systems.iter().map(row).collect();
        let mut text = table(&["SYSTEM", "VERSION", "STATE", "RUNS", "REASON"], &rows);
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        match state.phase.as_str() {
            "idle" => {}
            phase => line(format!("Update: {}", phase.replace('_', " "))),
        }
        if let Some(bundle) = state.bundle {
            let size = size(bundle.octets);
            line(format!(
                "Can be installed: version {} ({size})",
                bundle.version
            ));
        }
        if let Some(problem) = state.problem {
            line(problem);
        }
        if let Some(last) = state.last {
            let zone = self.time_zone().await?;
            let at = time(last.at, &zone);
            line(match last.success {
                true => format!(
                    "{at}: version {} runs, it was {} before",
                    last.version, last.from
                ),
                false => format!(
                    "{at}: version {} did not work ({}); {} runs",
                    last.version, last.reason, last.from
                ),
            });
        }
        Ok(text)
    }
}

fn when(now: bool) -> &'static str {
    match now {
        true => "now",
        false => "idle",
    }
}
