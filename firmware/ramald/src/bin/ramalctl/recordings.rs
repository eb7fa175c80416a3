//! The commands about recordings.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::arguments::RecordingCommand;
use crate::commands::{Gateway, PrivateFile, pretty, understood};
use crate::failure::Failure;
use crate::table::{duration, size, table, time};

#[derive(Deserialize)]
struct Recording {
    id: i64,
    call: String,
    started_at: i64,
    duration_ms: i64,
    bytes: i64,
    problem: Option<String>,
    deleted_at: Option<i64>,
}

#[derive(Deserialize)]
struct Page {
    recordings: Vec<Recording>,
}

impl Gateway {
    pub(crate) async fn recordings(&self, command: RecordingCommand) -> Result<String, Failure> {
        match command {
            RecordingCommand::List { limit } => {
                let path = format!("/recordings?limit={limit}");
                let listed: Value = self.client.get(&path).await?;
                if self.json {
                    return Ok(pretty(&listed));
                }
                let page: Page = understood(listed)?;
                let zone = self.time_zone().await?;
                let row = |one: &Recording| {
                    let state = match (&one.problem, one.deleted_at) {
                        (_, Some(_)) => "deleted".into(),
                        (Some(problem), None) => problem.replace('_', " "),
                        (None, None) => String::new(),
                    };
                    vec![
                        one.id.to_string(),
                        time(one.started_at, &zone),
                        duration(one.duration_ms.unsigned_abs() / 1000),
                        size(one.bytes.unsigned_abs()),
                        one.call.clone(),
                        state,
                    ]
                };
                let rows: Vec<_> = page.recordings.iter().map(row).collect();
                Ok(table(
                    &["ID", "BEGAN", "LENGTH", "SIZE", "CALL", "STATE"],
                    &rows,
                ))
            }
            RecordingCommand::Download { id, file } => self.download(id, &file).await,
            RecordingCommand::Delete { id } => {
                self.client.delete(&format!("/recordings/{id}")).await?;
                Ok(format!("The sound of recording {id} is deleted.\n"))
            }
        }
    }

    async fn download(&self, id: i64, file: &Path) -> Result<String, Failure> {
        let path = format!("/recordings/{id}/audio?download=1");
        let failed = |error| Failure::Usage(format!("cannot write {}: {error}", file.display()));
        let mut new = PrivateFile::beside(file).map_err(failed)?;
        self.client.save(&path, &mut new.out).await?;
        new.take_place_of(file).map_err(failed)?;
        Ok(format!("Recording {id} is in {}.\n", file.display()))
    }
}
