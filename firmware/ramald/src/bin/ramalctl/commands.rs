//! The commands: each asks the gateway and returns what to print.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use hyper::Method;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::arguments::{
    Arguments, CallsArguments, Command, ConfigCommand, ExtensionCommand, TokenCommand,
};
use crate::client::Client;
use crate::failure::{Failure, Problem};
use crate::table::{duration, size, table, time};

/// Runs the command; the result is the text for the output.
pub async fn run(arguments: Arguments) -> Result<String, Failure> {
    let gateway = Gateway {
        client: Client::new(&arguments.connection)?,
        json: arguments.json,
    };
    match arguments.command {
        Command::Status => gateway.status().await,
        Command::Extension(command) => gateway.extension(command).await,
        Command::Trunk(command) => gateway.trunk(command).await,
        Command::Bans(command) => gateway.bans(command).await,
        Command::Calls(arguments) => gateway.calls(arguments).await,
        Command::Recordings(command) => gateway.recordings(command).await,
        Command::Config(ConfigCommand::Export { file }) => gateway.export(file.as_deref()).await,
        Command::Config(ConfigCommand::Import { file }) => gateway.import(&file).await,
        Command::Token(command) => gateway.token(command).await,
        Command::Object(command) => gateway.objects(command).await,
        Command::Version(command) => gateway.versions(command).await,
        Command::Draft(command) => gateway.drafts(command).await,
        Command::Audit(arguments) => gateway.audit(arguments).await,
        Command::Storage(command) => gateway.storage(command).await,
        Command::Check => gateway.check().await,
        Command::Update(command) => gateway.update(command).await,
        Command::Backup(command) => gateway.backups(command).await,
        Command::Network(command) => gateway.network(command).await,
        Command::FactoryReset {
            yes_delete_everything,
        } => gateway.factory_reset(yes_delete_everything).await,
    }
}

pub(crate) struct Gateway {
    pub(crate) client: Client,
    pub(crate) json: bool,
}

#[derive(Deserialize)]
struct Status {
    version: String,
    set_up: bool,
    uptime_s: u64,
}

#[derive(Deserialize)]
struct System {
    hostname: String,
    cpu_percent: f64,
    memory: Space,
    disk_data: Space,
}

#[derive(Deserialize)]
struct Space {
    total: u64,
    free: u64,
}

#[derive(Deserialize)]
pub(crate) struct Extension {
    pub(crate) id: i64,
    pub(crate) number: String,
    display_name: String,
    language: Option<String>,
    enabled: bool,
    registrations: u64,
}

#[derive(Deserialize)]
struct Party {
    number: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Call {
    started_at: i64,
    answered_at: Option<i64>,
    ended_at: Option<i64>,
    caller: Party,
    callee: Party,
    result: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    calls: Vec<Call>,
}

#[derive(Deserialize)]
struct Token {
    id: i64,
    name: String,
    created_at: i64,
    last_used_at: Option<i64>,
}

#[derive(Deserialize)]
struct Company {
    time_zone: String,
}

impl Gateway {
    async fn status(&self) -> Result<String, Failure> {
        let status: Value = self.client.get("/status").await?;
        let system: Value = self.client.get("/system").await?;
        let registrations: Vec<Value> = self.client.get("/registrations").await?;
        let calls: Vec<Value> = self.client.get("/calls/active").await?;
        if self.json {
            return Ok(pretty(&json!({
                "status": status, "system": system, "registrations": registrations, "calls": calls,
            })));
        }
        let status: Status = understood(status)?;
        let system: System = understood(system)?;
        let mut text = format!(
            "Ramal {} on {}, up {}",
            status.version,
            system.hostname,
            duration(status.uptime_s)
        );
        text.push_str(if status.set_up {
            "\n"
        } else {
            ", not set up yet: open its web page\n"
        });
        let used = |space: &Space| format!("{} of {} free", size(space.free), size(space.total));
        let rows = [
            ("Phones registered", registrations.len().to_string()),
            ("Calls in progress", calls.len().to_string()),
            ("Processor", format!("{:.0} %", system.cpu_percent)),
            ("Memory", used(&system.memory)),
            ("Data disk", used(&system.disk_data)),
        ];
        for (name, value) in rows {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<18} {value}");
        }
        Ok(text)
    }

    async fn extension(&self, command: ExtensionCommand) -> Result<String, Failure> {
        match command {
            ExtensionCommand::Add {
                number,
                name,
                language,
            } => {
                let mut body =
                    Map::from_iter([("number".to_owned(), Value::from(number.as_str()))]);
                body.extend(name.map(|name| ("display_name".to_owned(), name.into())));
                body.extend(language.map(|language| ("language".to_owned(), language.into())));
                let made = self
                    .client
                    .post("/extensions", &Value::Object(body))
                    .await?;
                if self.json {
                    return Ok(pretty(&made));
                }
                let secret = made
                    .get("secret")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                Ok(format!(
                    "Extension {number} is ready. Its phone logs in with user {number} and secret {secret}\n"
                ))
            }
            ExtensionCommand::List => {
                let listed: Value = self.client.get("/extensions").await?;
                if self.json {
                    return Ok(pretty(&listed));
                }
                let extensions: Vec<Extension> = understood(listed)?;
                let row = |extension: &Extension| {
                    vec![
                        extension.number.clone(),
                        extension.display_name.clone(),
                        extension.language.clone().unwrap_or_else(|| "-".into()),
                        extension.registrations.to_string(),
                        if extension.enabled { "yes" } else { "no" }.into(),
                    ]
                };
                let rows: Vec<_> = extensions.iter().map(row).collect();
                Ok(table(
                    &["NUMBER", "NAME", "LANGUAGE", "PHONES", "ENABLED"],
                    &rows,
                ))
            }
            ExtensionCommand::Remove { number } => {
                let extensions: Vec<Extension> = self.client.get("/extensions").await?;
                let found = extensions
                    .iter()
                    .find(|extension| extension.number == number);
                let missing =
                    || Failure::Refused(Problem::found(format!("There is no extension {number}.")));
                self.client
                    .delete(&format!("/extensions/{}", found.ok_or_else(missing)?.id))
                    .await?;
                Ok(self.done(format!("Extension {number} is deleted.")))
            }
        }
    }

    async fn calls(&self, arguments: CallsArguments) -> Result<String, Failure> {
        let mut path = format!("/calls?limit={}", arguments.limit);
        for (name, value) in [("number", arguments.number), ("result", arguments.result)] {
            if let Some(value) = value {
                let _ = write!(path, "&{name}={}", escaped(&value));
            }
        }
        let page: Value = self.client.get(&path).await?;
        if self.json {
            return Ok(pretty(&page));
        }
        let page: Page = understood(page)?;
        let zone = self.time_zone().await?;
        let row = |call: &Call| {
            let talked = call
                .answered_at
                .zip(call.ended_at)
                .map(|(from, to)| to.saturating_sub(from).max(0) / 1000);
            vec![
                time(call.started_at, &zone),
                party(&call.caller),
                party(&call.callee),
                talked.map_or_else(|| "-".into(), |seconds| duration(seconds.unsigned_abs())),
                call.result.clone().unwrap_or_else(|| "in progress".into()),
            ]
        };
        let rows: Vec<_> = page.calls.iter().map(row).collect();
        Ok(table(&["START", "FROM", "TO", "TALKED", "RESULT"], &rows))
    }

    async fn export(&self, file: Option<&Path>) -> Result<String, Failure> {
        let document: Value = self.client.get("/configuration/export").await?;
        let text = pretty(&document);
        let Some(file) = file else { return Ok(text) };
        write_private(file, text.as_bytes())
            .map_err(|error| Failure::Usage(format!("cannot write {}: {error}", file.display())))?;
        Ok(self.done(format!(
            "The configuration is in {}. It holds secrets: keep it like a password.",
            file.display()
        )))
    }

    async fn import(&self, file: &Path) -> Result<String, Failure> {
        let document = read_input(file)?;
        self.client
            .send(
                Method::POST,
                "/configuration/import",
                Some(Bytes::from(document)),
            )
            .await?;
        Ok(self.done("The configuration is imported.".into()))
    }

    async fn token(&self, command: TokenCommand) -> Result<String, Failure> {
        match command {
            TokenCommand::Add { name } => {
                let made = self
                    .client
                    .post("/tokens", &json!({ "name": name }))
                    .await?;
                if self.json {
                    return Ok(pretty(&made));
                }
                let secret = made
                    .get("secret")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                Ok(format!("{secret}\n"))
            }
            TokenCommand::List => {
                let listed: Value = self.client.get("/tokens").await?;
                if self.json {
                    return Ok(pretty(&listed));
                }
                let tokens: Vec<Token> = understood(listed)?;
                let zone = self.time_zone().await?;
                let row = |token: &Token| {
                    vec![
                        token.id.to_string(),
                        token.name.clone(),
                        time(token.created_at, &zone),
                        token
                            .last_used_at
                            .map_or_else(|| "never".into(), |used| time(used, &zone)),
                    ]
                };
                let rows: Vec<_> = tokens.iter().map(row).collect();
                Ok(table(&["ID", "NAME", "CREATED", "LAST USED"], &rows))
            }
            TokenCommand::Remove { token } => {
                let tokens: Vec<Token> = self.client.get("/tokens").await?;
                let found: Vec<_> = tokens
                    .iter()
                    .filter(|one| one.id.to_string() == token || one.name == token)
                    .collect();
                let id = match found.as_slice() {
                    [] => {
                        return Err(Failure::Refused(Problem::found(format!(
                            "There is no token {token}."
                        ))));
                    }
                    [one] => one.id,
                    _ => {
                        return Err(Failure::Usage(format!(
                            "several tokens are called {token}: give the id"
                        )));
                    }
                };
                self.client.delete(&format!("/tokens/{id}")).await?;
                Ok(self.done(format!("Token {token} is deleted.")))
            }
        }
    }

    /// The company's time zone; UTC before the first set-up.
    pub(crate) async fn time_zone(&self) -> Result<TimeZone, Failure> {
        match self.client.get::<Company>("/company").await {
            Ok(company) => Ok(TimeZone::get(&company.time_zone).unwrap_or(TimeZone::UTC)),
            Err(Failure::Refused(problem)) if problem.status == 404 => Ok(TimeZone::UTC),
            Err(failure) => Err(failure),
        }
    }

    /// A sentence for people; scripts get nothing but the exit code.
    pub(crate) fn done(&self, sentence: String) -> String {
        if self.json {
            String::new()
        } else {
            format!("{sentence}\n")
        }
    }
}

/// Reads a file; `-` is the input.
pub(crate) fn read_input(file: &Path) -> Result<Vec<u8>, Failure> {
    let read = match file == Path::new("-") {
        true => {
            let mut input = Vec::new();
            std::io::stdin().read_to_end(&mut input).map(|_| input)
        }
        false => std::fs::read(file),
    };
    read.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))
}

pub(crate) fn understood<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| {
        Failure::Connection(format!(
            "the gateway speaks another version of the API: {error}"
        ))
    })
}

pub(crate) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn party(party: &Party) -> String {
    let number = party.number.as_deref().unwrap_or("anonymous");
    match party.name.as_deref() {
        None | Some("") => number.to_owned(),
        Some(name) if name == number => number.to_owned(),
        Some(name) => format!("{number} {name}"),
    }
}

/// Percent-encoding of a query value (RFC 3986 §2.1).
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

/// Writes beside the file and renames, so that an old export is replaced whole or not at all.
pub(crate) fn write_private(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut new = PrivateFile::beside(file)?;
    new.out.write_all(content)?;
    new.take_place_of(file)
}

/// A file for its owner only that is not finished yet; deleted when it never is.
pub(crate) struct PrivateFile {
    pub(crate) out: std::fs::File,
    path: PathBuf,
}

impl PrivateFile {
    /// Makes it in the folder of `file`.
    pub(crate) fn beside(file: &Path) -> std::io::Result<Self> {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", std::process::id()));
        let path = file.with_file_name(name);
        let out = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok(Self { out, path })
    }

    /// Puts it in the place of `file`, once it is on the disk.
    pub(crate) fn take_place_of(self, file: &Path) -> std::io::Result<()> {
        self.out.sync_all()?;
        std::fs::rename(&self.path, file)
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        // Gone already when it was renamed.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_are_escaped() {
        assert_eq!(escaped("*43&x=1 é"), "%2A43%26x%3D1%20%C3%A9");
    }

    #[test]
    fn an_export_is_readable_for_its_owner_only_and_replaces_an_old_one() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.json");
        std::fs::write(&file, b"old").unwrap();
        write_private(&file, b"new").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
