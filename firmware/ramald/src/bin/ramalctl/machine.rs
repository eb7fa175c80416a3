//! The commands about the gateway as a machine: backups, network, factory reset.

use std::path::Path;

use bytes::Bytes;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::arguments::{BackupCommand, NetworkCommand};
use crate::commands::{Gateway, PrivateFile, pretty, read_input, understood};
use crate::failure::Failure;
use crate::table::{size, table, time};

#[derive(Deserialize)]
struct Listed {
    archives: Vec<Archive>,
    problem: Option<String>,
}

#[derive(Deserialize)]
struct Archive {
    file: String,
    kind: String,
    at: i64,
    bytes: u64,
}

impl Gateway {
    pub(crate) async fn backups(&self, command: BackupCommand) -> Result<String, Failure> {
        match command {
            BackupCommand::List => {
                let listed: Value = self.client.get("/backups").await?;
                if self.json {
                    return Ok(pretty(&listed));
                }
                let listed: Listed = understood(listed)?;
                let zone = self.time_zone().await?;
                let row = |one: &Archive| {
                    let made = time(one.at, &zone);
                    vec![made, one.kind.clone(), size(one.bytes), one.file.clone()]
                };
                let rows: Vec<_> = listed.archives.iter().map(row).collect();
                let mut text = table(&["MADE", "KIND", "SIZE", "FILE"], &rows);
                if let Some(problem) = listed.problem {
                    text.push_str(&format!("The last backup was not made: {problem}\n"));
                }
                Ok(text)
            }
            BackupCommand::Make {
                passphrase_file,
                voicemail,
                history,
                recordings,
            } => {
                let order = json!({
                    "passphrase": secret(&passphrase_file)?,
                    "parts": { "voicemail": voicemail, "history": history, "recordings": recordings },
                });
                let started = self.client.post("/backups", &order).await?;
                let file = started
                    .get("file")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                Ok(format!("The backup {file} is being made.\n"))
            }
            BackupCommand::Download { backup, file } => {
                let failed =
                    |error| Failure::Usage(format!("cannot write {}: {error}", file.display()));
                let mut new = PrivateFile::beside(&file).map_err(failed)?;
                self.client
                    .save(&format!("/backups/{backup}"), &mut new.out)
                    .await?;
                new.take_place_of(&file).map_err(failed)?;
                Ok(format!("The backup {backup} is in {}.\n", file.display()))
            }
            BackupCommand::Check {
                backup,
                secret_file,
            } => {
                let body = json!({ "secret": secret(&secret_file)? });
                let path = format!("/backups/{backup}/check");
                Ok(pretty(&self.client.post(&path, &body).await?))
            }
            BackupCommand::Restore {
                backup,
                secret_file,
            } => {
                let body = json!({ "secret": secret(&secret_file)? });
                let path = format!("/backups/{backup}/restore");
                self.client.post(&path, &body).await?;
                Ok(format!("{backup} is restored: the gateway starts again.\n"))
            }
        }
    }

    pub(crate) async fn network(&self, command: NetworkCommand) -> Result<String, Failure> {
        match command {
            NetworkCommand::Show => Ok(pretty(&self.client.get::<Value>("/network").await?)),
            NetworkCommand::Try { file } => {
                let text = read_input(&file)?;
                let settings: Value = serde_json::from_slice(&text)
                    .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
                let tried = self
                    .client
                    .send(
                        Method::PUT,
                        "/network",
                        Some(Bytes::from(settings.to_string())),
                    )
                    .await?;
                let tried: Value = understood(serde_json::from_slice(&tried).unwrap_or_default())?;
                if self.json {
                    return Ok(pretty(&tried));
                }
                let token = tried
                    .get("token")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                Ok(format!(
                    "On trial for 90 s. When the gateway can be reached: ramalctl network confirm {token}\n"
                ))
            }
            NetworkCommand::Confirm { token } => {
                let body = json!({ "token": token });
                self.client.post("/network/confirm", &body).await?;
                Ok("The new network settings stay.\n".into())
            }
            NetworkCommand::Revert => {
                self.client.delete("/network/trial").await?;
                Ok("The network settings before are in force again.\n".into())
            }
        }
    }

    pub(crate) async fn factory_reset(&self, confirmed: bool) -> Result<String, Failure> {
        if !confirmed {
            return Err(Failure::Usage(
                "this deletes everything that was set up or recorded; add --yes-delete-everything"
                    .into(),
            ));
        }
        let body = json!({ "confirmation": "RESET" });
        self.client.post("/factory-reset", &body).await?;
        Ok("Everything is deleted: the gateway starts again as it came from the box.\n".into())
    }
}

/// The first line of a file; passphrases do not stand on command lines, where others see them.
fn secret(file: &Path) -> Result<String, Failure> {
    let text = String::from_utf8(read_input(file)?)
        .map_err(|_| Failure::Usage(format!("{} is not text", file.display())))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
