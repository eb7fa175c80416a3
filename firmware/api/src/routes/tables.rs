//! Extensions and numbers as tables (CSV): taken out, and brought in with a dry run (T7).

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use ramal_model::{
    Area, CompanyId, Configuration, Invalid, Number, Scope, Stored, Table, Verb, code,
};
use ramal_store::{EXTENSION_COLUMNS, Existing, NUMBER_COLUMNS, TableOptions, TableReport};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::IntoParams;

use crate::app::App;
use crate::csv::{self, CsvBody};
use crate::document::{BadBody, Common, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;
use crate::query::{Parameters, given};

/// What a table is to do.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TableQuery {
    /// `true` only tries it out: the answer says what would become of each row.
    #[param(value_type = Option<bool>)]
    dry_run: Option<String>,
    /// What to do with numbers that are there already: `update`, the default, or `skip`.
    existing: Option<String>,
}

impl TableQuery {
    fn options(self) -> Result<TableOptions, Invalid> {
        let dry_run = given(self.dry_run).map_or(Ok(false), |text| text.parse());
        let dry_run = dry_run.map_err(|_| {
            Invalid::one("dry_run", code::INVALID, None, "must be `true` or `false`")
        })?;
        let existing = match given(self.existing).as_deref() {
            None | Some("update") => Existing::Update,
            Some("skip") => Existing::Skip,
            Some(_) => {
                let message = "must be `update` or `skip`";
                return Err(Invalid::one(
                    "existing",
                    code::INVALID,
                    Some("update, skip"),
                    message,
                ));
            }
        };
        Ok(TableOptions {
            existing,
            dry_run,
            within: None,
        })
    }
}

/// Changing what is there needs more than making what is new.
fn may_update(may: &Access, area: Area, options: TableOptions) -> Result<(), Problem> {
    let edits = may.caller.permissions.scope(area, Verb::Edit);
    may.ensure(options.existing == Existing::Skip || edits >= Some(Scope::Company))
}

/// Makes and changes extensions as a table says: UTF-8, the columns named in the first line as the export names them,
/// separated by commas, semicolons or tabs. Each row is told of by itself; those that are right become one version, which can be undone as a whole.
#[utoipa::path(
    post, path = "/extensions/import", tag = "telephony", security(("session" = []), ("token" = [])),
    params(TableQuery), request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = TableReport), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn import_extensions(
    State(app): State<App>,
    may: Access,
    Parameters(query): Parameters<TableQuery>,
    CsvBody(text): CsvBody,
) -> Result<Json<TableReport>, Problem> {
    let options = TableOptions {
        within: may.limit(&app),
        ..query.options()?
    };
    may_update(&may, Area::Extensions, options)?;
    let table = Table::parse(&text, EXTENSION_COLUMNS)?;
    let report = app
        .store
        .import_extensions(&may.caller.actor, table, options)
        .await?;
    Ok(Json(report))
}

/// All extensions as a table; what comes out can be brought in again.
#[utoipa::path(
    get, path = "/extensions/export", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = String, content_type = "text/csv"), Unauthenticated, Forbidden, Common)
)]
pub async fn export_extensions(State(app): State<App>, may: Access) -> Result<Response, Problem> {
    let configuration = app.store.configuration();
    let mut text = csv::line(EXTENSION_COLUMNS.iter().map(|(name, _)| *name));
    for extension in configuration.extensions() {
        if may.of_company(&app, extension.company).is_err() {
            continue;
        }
        let mut row = object(extension)?;
        row.insert(
            "company".to_owned(),
            named(&configuration, extension.company),
        );
        text.push_str(&csv::line(
            EXTENSION_COLUMNS.iter().map(|(name, _)| cell(&row, name)),
        ));
    }
    csv::file("extensions.csv", Body::from(text))
}

/// Makes and changes numbers as a table says, in the same way. Menus, queues and voicemail boxes are given by name.
#[utoipa::path(
    post, path = "/numbers/import", tag = "telephony", security(("session" = []), ("token" = [])),
    params(TableQuery), request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = TableReport), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn import_numbers(
    State(app): State<App>,
    may: Access,
    Parameters(query): Parameters<TableQuery>,
    CsvBody(text): CsvBody,
) -> Result<Json<TableReport>, Problem> {
    let options = TableOptions {
        within: may.limit(&app),
        ..query.options()?
    };
    may_update(&may, Area::Telephony, options)?;
    let table = Table::parse(&text, NUMBER_COLUMNS)?;
    let report = app
        .store
        .import_numbers(&may.caller.actor, table, options)
        .await?;
    Ok(Json(report))
}

/// All numbers as a table, with what a table can say of them; what comes out can be brought in again.
#[utoipa::path(
    get, path = "/numbers/export", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = String, content_type = "text/csv"), Unauthenticated, Forbidden, Common)
)]
pub async fn export_numbers(State(app): State<App>, may: Access) -> Result<Response, Problem> {
    let configuration = app.store.configuration();
    let catalogue = configuration.catalogue();
    let mut text = csv::line(NUMBER_COLUMNS.iter().map(|(name, _)| *name));
    for number in catalogue.numbers.iter() {
        let number: &Stored<Number> = number;
        if may.of_company(&app, number.company).is_err() {
            continue;
        }
        let mut row = object(number)?;
        row.insert("company".to_owned(), named(&configuration, number.company));
        let ivr = number
            .ivr
            .and_then(|id| catalogue.ivrs.get(id))
            .map(|one| one.name.clone());
        let queue = number
            .queue
            .and_then(|id| catalogue.queues.get(id))
            .map(|one| one.name.clone());
        let mailbox = number
            .voicemail
            .and_then(|id| catalogue.voicemail_boxes.get(id));
        let mailbox = mailbox.map(|one| one.name.clone());
        for (column, name) in [("ivr", ivr), ("queue", queue), ("voicemail", mailbox)] {
            row.insert(column.to_owned(), name.into());
        }
        text.push_str(&csv::line(
            NUMBER_COLUMNS.iter().map(|(name, _)| cell(&row, name)),
        ));
    }
    csv::file("numbers.csv", Body::from(text))
}

/// The name of a further company; blank is the default one.
fn named(configuration: &Configuration, company: CompanyId) -> Value {
    let name = configuration.hosted_company(company);
    name.map_or(Value::Null, |company| company.name.clone().into())
}

fn object(value: &impl serde::Serialize) -> Result<Map<String, Value>, Problem> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Problem::internal("An object has no JSON form.")),
    }
}

fn cell(row: &Map<String, Value>, column: &str) -> String {
    match row.get(column) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}
