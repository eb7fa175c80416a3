//! What somebody who helps from afar wants to see, in one file, without secrets.

use std::process::Stdio;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use ramal_store::{AuditFilter, CallFilter};
use serde::Serialize;
use serde_json::Value;
use tokio::process::Command;

use super::gateway::system_state;
use crate::app::App;
use crate::document::{Common, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// Calls and entries of the audit log that go along.
const CALLS: u32 = 200;
const ENTRIES: u32 = 500;
/// Lines and octets of the system's journal.
const LINES: &str = "20000";
const JOURNAL: usize = 4 << 20;
/// In place of what is secret.
const REMOVED: &str = "removed";
/// Parts of the names of fields whose values are secret.
const SECRET: &[&str] = &[
    "password",
    "secret",
    "credential",
    "sealed",
    "token",
    "hash",
    "passphrase",
    "authorization",
];
/// A word of a name whose value is secret.
const SECRET_WORD: &str = "pin";

/// What helps to find out what is wrong, as a tar file: versions and state, alarms, settings with secrets removed, the last
/// calls with their traces, the audit log, what is wrong with the database, and the journal of the system as far as the
/// service may read it.
#[utoipa::path(
    get, path = "/support-bundle", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = Vec<u8>, content_type = "application/x-tar"), Unauthenticated, Forbidden, Common)
)]
pub async fn support_bundle(State(app): State<App>, _: Access) -> Result<Response, Problem> {
    let mut files: Vec<(&str, Vec<u8>)> = Vec::new();
    files.push(("system.json", json(&system_state(&app).await?)?));
    files.push(("alarms.json", json(&app.pbx.live().alarms)?));
    let settings = match app.store.configuration().is_set_up() {
        true => without_secrets(value(&app.store.export().await?)?),
        false => Value::Null,
    };
    files.push(("configuration.json", json(&settings)?));
    files.push(("network.json", json(&app.network.settings())?));
    let storage = app.store.storage().borrow().clone();
    files.push(("storage.json", json(&storage)?));
    files.push(("recoveries.json", json(&app.store.recoveries().await?)?));
    let filter = CallFilter {
        limit: Some(CALLS),
        ..CallFilter::default()
    };
    files.push(("calls.json", json(&app.store.calls(filter).await?)?));
    let filter = AuditFilter {
        limit: ENTRIES,
        ..AuditFilter::default()
    };
    let entries = without_secrets(value(&app.store.audit_log(filter).await?)?);
    files.push(("audit.json", json(&entries)?));
    files.push(("journal.txt", journal().await));
    let made_at = app.store.now();
    let tar = ramal_archive::tar_of(made_at, &files)
        .map_err(|error| Problem::internal(format!("The file cannot be made: {error}.")))?;
    let name = format!("attachment; filename=\"ramal-support-{made_at}.tar\"");
    let mut response = ([(header::CONTENT_TYPE, "application/x-tar")], tar).into_response();
    response
        .headers_mut()
        .extend(HeaderValue::from_str(&name).map(|name| (header::CONTENT_DISPOSITION, name)));
    Ok(response)
}

fn value(content: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(content).map_err(|error| Problem::internal(error.to_string()))
}

fn json(content: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec_pretty(content).map_err(|error| Problem::internal(error.to_string()))
}

/// The journal as far as it can be had; why not, otherwise.
async fn journal() -> Vec<u8> {
    let read = Command::new("journalctl")
        .args([
            "--no-pager",
            "--output",
            "short-iso-precise",
            "--lines",
            LINES,
        ])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    match read {
        Ok(output) if output.status.success() => {
            let surplus = output.stdout.len().saturating_sub(JOURNAL);
            output.stdout.get(surplus..).unwrap_or_default().to_vec()
        }
        Ok(output) => output.stderr,
        Err(error) => format!("journalctl cannot be run: {error}\n").into_bytes(),
    }
}

/// The same with what is secret replaced, at any depth.
fn without_secrets(content: Value) -> Value {
    match content {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| {
                let is_kept = matches!(value, Value::Null | Value::Bool(_));
                let value = match is_secret(&name) && !is_kept {
                    true => Value::from(REMOVED),
                    false => without_secrets(value),
                };
                (name, value)
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(without_secrets).collect(),
        other => other,
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|part| name.contains(part)) || name.split('_').any(|word| word == SECRET_WORD)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_go_at_any_depth_and_the_rest_stays() {
        let before = json!({
            "users": [{ "login": "ana", "password_hash": "$argon2", "agent_pin_hash": null }],
            "extensions": [{ "number": "2001", "credential": { "md5": "00" } }],
            "conferences": [{ "pin": "1234", "host_pin": "9", "pin_needed": true }],
            "sealed_secrets": [{ "object": 1 }],
        });
        let after = json!({
            "users": [{ "login": "ana", "password_hash": "removed", "agent_pin_hash": null }],
            "extensions": [{ "number": "2001", "credential": "removed" }],
            "conferences": [{ "pin": "removed", "host_pin": "removed", "pin_needed": true }],
            "sealed_secrets": "removed",
        });
        assert_eq!(without_secrets(before), after);
    }
}
