//! The commands about saved versions, drafts, and the database itself.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::arguments::{DraftCommand, StorageCommand, VersionCommand};
use crate::commands::{Gateway, pretty, understood};
use crate::failure::Failure;
use crate::objects::actor;
use crate::table::{size, table, time};

#[derive(Deserialize)]
struct Page {
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
    at: i64,
    actor: Value,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    object: String,
    object_id: i64,
}

#[derive(Deserialize)]
struct Draft {
    id: i64,
    name: String,
    at: i64,
    actor: Value,
}

#[derive(Deserialize)]
struct Storage {
    backups: Vec<Backup>,
    recoveries: Vec<Recovery>,
}

#[derive(Deserialize)]
struct Backup {
    file: String,
    kind: String,
    at: i64,
    version: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct Recovery {
    id: i64,
    at: i64,
    cause: String,
    settings: String,
    settings_version: u64,
    kept_aside: String,
    acknowledged_at: Option<i64>,
}

impl Gateway {
    pub(crate) async fn versions(&self, command: VersionCommand) -> Result<String, Failure> {
        match command {
            VersionCommand::List { limit } => {
                let path = format!("/configuration/versions?limit={limit}");
                let page: Value = self.client.get(&path).await?;
                if self.json {
                    return Ok(pretty(&page));
                }
                let page: Page = understood(page)?;
                let zone = self.time_zone().await?;
                let row = |version: &Version| {
                    let changes = version.changes.iter();
                    let changes = changes.map(|one| format!("{} {}", one.object, one.object_id));
                    vec![
                        version.version.to_string(),
                        time(version.at, &zone),
                        actor(&version.actor),
                        changes.collect::<Vec<_>>().join(", "),
                    ]
                };
                let rows: Vec<_> = page.versions.iter().map(row).collect();
                Ok(table(&["VERSION", "TIME", "WHO", "CHANGED"], &rows))
            }
            VersionCommand::Show { version } => {
                let path = format!("/configuration/versions/{version}");
                Ok(pretty(&self.client.get::<Value>(&path).await?))
            }
            VersionCommand::Undo { version } => {
                let path = format!("/configuration/versions/{version}/undo");
                self.client.post(&path, &json!({})).await?;
                Ok(self.done(format!(
                    "What version {version} changed is as it was before."
                )))
            }
        }
    }

    pub(crate) async fn drafts(&self, command: DraftCommand) -> Result<String, Failure> {
        const PATH: &str = "/configuration/drafts";
        match command {
            DraftCommand::List => {
                let listed: Value = self.client.get(PATH).await?;
                if self.json {
                    return Ok(pretty(&listed));
                }
                let drafts: Vec<Draft> = understood(listed)?;
                let zone = self.time_zone().await?;
                let row = |draft: &Draft| {
                    vec![
                        draft.id.to_string(),
                        draft.name.clone(),
                        time(draft.at, &zone),
                        actor(&draft.actor),
                    ]
                };
                let rows: Vec<_> = drafts.iter().map(row).collect();
                Ok(table(&["ID", "NAME", "BEGUN", "BY"], &rows))
            }
            DraftCommand::Add { name } => {
                let made = self.client.post(PATH, &json!({ "name": name })).await?;
                if self.json {
                    return Ok(pretty(&made));
                }
                let id = made.get("id").and_then(Value::as_i64).unwrap_or_default();
                Ok(format!(
                    "Draft {id} is begun: give --draft {id} with what belongs to it.\n"
                ))
            }
            DraftCommand::Show { id } => {
                let shown: Value = self.client.get(&format!("{PATH}/{id}")).await?;
                Ok(pretty(&shown))
            }
            DraftCommand::Activate { id } => {
                let path = format!("{PATH}/{id}/activate");
                self.client.post(&path, &json!({})).await?;
                Ok(self.done(format!("Draft {id} is live.")))
            }
            DraftCommand::Discard { id } => {
                self.client.delete(&format!("{PATH}/{id}")).await?;
                Ok(self.done(format!("Draft {id} is thrown away.")))
            }
        }
    }

    pub(crate) async fn storage(&self, command: StorageCommand) -> Result<String, Failure> {
        match command {
            StorageCommand::Show => {
                let shown: Value = self.client.get("/storage").await?;
                if self.json {
                    return Ok(pretty(&shown));
                }
                let storage: Storage = understood(shown)?;
                let zone = self.time_zone().await?;
                let row = |one: &Backup| {
                    vec![
                        time(one.at, &zone),
                        one.kind.clone(),
                        one.version.to_string(),
                        size(one.bytes),
                        one.file.clone(),
                    ]
                };
                let rows: Vec<_> = storage.backups.iter().map(row).collect();
                let mut text = table(&["COPIED", "KIND", "VERSION", "SIZE", "FILE"], &rows);
                if storage.recoveries.is_empty() {
                    return Ok(text);
                }
                let row = |one: &Recovery| {
                    let noted = one
                        .acknowledged_at
                        .map_or_else(|| "-".into(), |at| time(at, &zone));
                    vec![
                        one.id.to_string(),
                        time(one.at, &zone),
                        one.cause.replace('_', " "),
                        format!("{} (version {})", one.settings, one.settings_version),
                        one.kept_aside.clone(),
                        noted,
                    ]
                };
                let rows: Vec<_> = storage.recoveries.iter().map(row).collect();
                let heading = ["ID", "RECOVERED", "CAUSE", "SETTINGS", "PUT ASIDE", "NOTED"];
                text.push('\n');
                text.push_str(&table(&heading, &rows));
                Ok(text)
            }
            StorageCommand::Backup => {
                let made = self.client.post("/storage/backups", &json!({})).await?;
                if self.json {
                    return Ok(pretty(&made));
                }
                let file = made.get("file").and_then(Value::as_str).unwrap_or_default();
                Ok(format!("The settings are copied into {file}.\n"))
            }
            StorageCommand::Acknowledge { recovery } => {
                let path = format!("/storage/recoveries/{recovery}/acknowledge");
                self.client.post(&path, &json!({})).await?;
                Ok(self.done(format!("Recovery {recovery} is taken note of.")))
            }
        }
    }
}
