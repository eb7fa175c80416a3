//! The log of who did what, and who tried to.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ramal_model::{Invalid, code};
use ramal_store::{AuditEntry, AuditFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::csv;
use crate::document::{BadQuery, Common, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;
use crate::query::{Parameters, cut, given, page_size};

/// Most entries of an exported log.
const MOST: u32 = 100_000;

/// Which entries to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Rows, 1-500, default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// Only entries before this one: `next` of the page before.
    #[param(value_type = Option<i64>)]
    before: Option<String>,
    /// Only what was refused (`true`), or only what was not (`false`).
    #[param(value_type = Option<bool>)]
    refused: Option<String>,
}

fn is_refused(text: Option<String>) -> Result<Option<bool>, Invalid> {
    let refused = given(text).map(|text| text.parse::<bool>()).transpose();
    refused.map_err(|_| Invalid::one("refused", code::INVALID, None, "must be `true` or `false`"))
}

/// A page of the log, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    /// The entries.
    entries: Vec<AuditEntry>,
    /// `before` of the next page; null when this is the last.
    next: Option<i64>,
}

/// Who did what, and who tried to, latest first: every version of the configuration with what it changed, and every
/// request that changes something else or was refused. Secrets are not in it. It cannot be changed.
#[utoipa::path(
    get, path = "/audit-log", tag = "access", security(("session" = []), ("token" = [])), params(AuditQuery),
    responses((status = 200, body = AuditPage), Unauthenticated, Forbidden, BadQuery, Common)
)]
pub async fn list_audit_log(
    State(app): State<App>,
    _: Access,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<AuditPage>, Problem> {
    let page = page_size(query.limit)?;
    let before = given(query.before).map(|text| text.parse()).transpose();
    let before =
        before.map_err(|_| Invalid::one("before", code::INVALID, None, "must be a number"))?;
    let filter = AuditFilter {
        limit: page + 1,
        before,
        refused: is_refused(query.refused)?,
    };
    let mut entries = app.store.audit_log(filter).await?;
    let more = cut(&mut entries, page);
    let next = entries.last().filter(|_| more).map(|last| last.id);
    Ok(Json(AuditPage { entries, next }))
}

/// In which form.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditExportQuery {
    /// `json`, the default, or `csv`.
    format: Option<String>,
    /// Only what was refused (`true`), or only what was not (`false`).
    #[param(value_type = Option<bool>)]
    refused: Option<String>,
}

/// The log as a file, latest first: the newest 100,000 entries.
#[utoipa::path(
    get, path = "/audit-log/export", tag = "access", security(("session" = []), ("token" = [])),
    params(AuditExportQuery),
    responses(
        (status = 200, content((Vec<AuditEntry> = "application/json"), (String = "text/csv"))), Unauthenticated,
        Forbidden, BadQuery, Common
    )
)]
pub async fn export_audit_log(
    State(app): State<App>,
    _: Access,
    Parameters(query): Parameters<AuditExportQuery>,
) -> Result<Response, Problem> {
    let form = csv::form(query.format)?;
    let filter = AuditFilter {
        limit: MOST,
        before: None,
        refused: is_refused(query.refused)?,
    };
    let entries = app.store.audit_log(filter).await?;
    match form {
        csv::Form::Json => {
            let name = "attachment; filename=\"ramal-audit.json\"";
            Ok(([(header::CONTENT_DISPOSITION, name)], Json(entries)).into_response())
        }
        csv::Form::Csv => csv::file("ramal-audit.csv", Body::from(rows(&entries)?)),
    }
}

fn rows(entries: &[AuditEntry]) -> Result<String, Problem> {
    let mut text = csv::line([
        "id", "at", "times", "actor", "address", "method", "path", "status", "problem", "fields",
        "version", "changes",
    ]);
    for entry in entries {
        let fields: Vec<_> = entry
            .fields
            .iter()
            .map(|one| format!("{} {}", one.field, one.code))
            .collect();
        let changes = serde_json::to_string(&entry.changes)
            .map_err(|error| Problem::internal(error.to_string()))?;
        text.push_str(&csv::line([
            entry.id.to_string(),
            csv::moment(entry.at),
            entry.times.to_string(),
            entry
                .actor
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            entry.address.clone(),
            entry.method.clone(),
            entry.path.clone(),
            entry
                .status
                .map(|status| status.to_string())
                .unwrap_or_default(),
            entry.problem.clone(),
            fields.join("; "),
            entry
                .version
                .map(|version| version.to_string())
                .unwrap_or_default(),
            changes,
        ]));
    }
    Ok(text)
}
