//! Phones, calls in progress, and the call history.

use std::io;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use ramal_model::{
    CallId, CallRecord, CallResult, CompanyId, Direction, ExtensionId, Invalid, People, code,
};
use ramal_pbx::{ActiveCall, Registration};
use ramal_store::CallFilter;
use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::no_such;
use crate::app::App;
use crate::body::JsonBody;
use crate::csv::{self, Form};
use crate::document::{BadBody, BadQuery, Common, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;
use crate::query::{Parameters, cut, given, page_size};

/// Registered phones, oldest registration first.
#[utoipa::path(
    get, path = "/registrations", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [Registration]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_registrations(State(app): State<App>, access: Access) -> Json<Vec<Registration>> {
    let (people, configuration) = (access.people(&app), app.store.configuration());
    let mut registrations = app.pbx.live().registrations;
    registrations.retain(|one| people.have_number(&configuration, &one.extension));
    Json(registrations)
}

/// Which calls in progress to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ActiveCallQuery {
    /// Only calls of this company, 0 for the one that the gateway is set up for.
    #[param(value_type = Option<i64>)]
    company: Option<String>,
}

/// Calls in progress, oldest first.
#[utoipa::path(
    get, path = "/calls/active", tag = "calls", security(("session" = []), ("token" = [])), params(ActiveCallQuery),
    responses((status = 200, body = [ActiveCall]), Unauthenticated, Forbidden, BadQuery, Common)
)]
pub async fn list_active_calls(
    State(app): State<App>,
    access: Access,
    Parameters(query): Parameters<ActiveCallQuery>,
) -> Result<Json<Vec<ActiveCall>>, Problem> {
    let asked = access.listed(&app, company(query.company)?)?;
    let mut calls = app.pbx.live().calls;
    calls.retain(|call| asked.is_none_or(|asked| asked == call.company));
    calls.retain(|call| of_call(&app, &access, call).is_ok());
    Ok(Json(calls))
}

/// Refuses calls in progress that none of the caller's people takes part in.
pub(super) fn of_call(app: &App, access: &Access, call: &ActiveCall) -> Result<(), Problem> {
    if let People::Company { company, .. } = access.people(app) {
        return access.ensure(company == call.company);
    }
    access.of_numbers(
        app,
        [call.caller.number.as_str(), call.callee.number.as_str()],
    )
}

/// The same, for the call with this id; one that is not in progress is nobody's.
pub(super) fn of_active_call(app: &App, access: &Access, id: &CallId) -> Result<(), Problem> {
    let calls = app.pbx.live().calls;
    let call = calls.iter().find(|call| call.id == *id);
    call.map_or(Ok(()), |call| of_call(app, access, call))
}

/// A call to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCall {
    /// The extension whose phones ring first.
    extension: ExtensionId,
    /// What is dialled when one answers, as its phone would dial it: 1-32 keys.
    to: String,
}

/// A call that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartedCall {
    /// Its id among the calls in progress, and in the call history.
    id: CallId,
}

/// Makes a call: the extension's phones ring, and whoever answers is connected as if he had dialled the number (RFC 5359 §2.18).
#[utoipa::path(
    post, path = "/calls", tag = "calls", security(("session" = []), ("token" = [])), request_body = NewCall,
    responses((status = 202, body = StartedCall), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn make_call(
    State(app): State<App>,
    may: Access,
    JsonBody(NewCall { extension, to }): JsonBody<NewCall>,
) -> Result<(StatusCode, Json<StartedCall>), Problem> {
    let configuration = app.store.configuration();
    let found = configuration.extension(extension);
    let caller = found.filter(|caller| caller.enabled).ok_or_else(|| {
        let message = format!("there is no extension {extension} that may call");
        Invalid::one("extension", code::NO_SUCH_OBJECT, None, message)
    });
    let (caller, to) = match (caller, ramal_model::dialled_number(&to)) {
        (Ok(caller), Ok(to)) => (caller, to),
        (caller, to) => {
            let refused = caller.err().into_iter().chain(to.err());
            let problems = refused.flat_map(|invalid| invalid.problems).collect();
            return Err(Invalid { problems }.into());
        }
    };
    may.of_numbers(&app, [caller.number.as_str()])?;
    let id = app.pbx.click_to_dial(extension, to).ok_or_else(|| {
        Problem::unavailable("There is no room for another call. Try again in a moment.")
            .retry_after(5)
    })?;
    tracing::info!(call = %id, by = %may.caller.actor, "call made by hand");
    Ok((StatusCode::ACCEPTED, Json(StartedCall { id })))
}

/// Hangs up a call in progress.
#[utoipa::path(
    delete, path = "/calls/active/{id}", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = String, Path, description = "Id of the call")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn hang_up(
    State(app): State<App>,
    may: Access,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    // What is no id is no call either.
    let call = id.parse::<CallId>().ok();
    if let Some(call) = &call {
        of_active_call(&app, &may, call)?;
    }
    if !call.is_some_and(|call| app.pbx.hang_up(&call)) {
        return Err(no_such("call in progress", id));
    }
    tracing::info!(call = id, by = %may.caller.actor, "call ended by hand");
    Ok(StatusCode::NO_CONTENT)
}

/// Which calls to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CallQuery {
    /// Rows, 1-500, default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// Only calls before this one: `next` of the page before.
    before: Option<String>,
    /// Only calls from or to this number.
    number: Option<String>,
    /// Only calls that ended like this.
    #[param(value_type = Option<CallResult>)]
    result: Option<String>,
    /// Only calls that began then or later, UTC ms.
    #[param(value_type = Option<i64>)]
    from: Option<String>,
    /// Only calls that began before, UTC ms.
    #[param(value_type = Option<i64>)]
    until: Option<String>,
    /// Only calls that came in, went out, or stayed inside.
    #[param(value_type = Option<Direction>)]
    direction: Option<String>,
    /// Only calls that the extension with this number made or took, or that rang its phones.
    extension: Option<String>,
    /// Only calls of this company, 0 for the one that the gateway is set up for.
    #[param(value_type = Option<i64>)]
    company: Option<String>,
}

impl CallQuery {
    fn filter(self) -> Result<(CallFilter, u32), Invalid> {
        let page = page_size(self.limit)?;
        let before = given(self.before)
            .map(|text| text.parse::<CallId>())
            .transpose();
        let before = before
            .map_err(|error| Invalid::one("before", code::INVALID, None, error.to_string()))?;
        let (result, direction) = (
            word("result", self.result),
            word("direction", self.direction),
        );
        let (from, until) = (moment("from", self.from), moment("until", self.until));
        // One more than asked for tells whether there is a next page.
        let filter = CallFilter {
            limit: Some(page + 1),
            before,
            number: given(self.number),
            result: result?,
            from: from?,
            until: until?,
            direction: direction?,
            extension: given(self.extension).map(|number| number.trim().to_owned()),
            users: None,
            company: company(self.company)?,
        };
        Ok((filter, page))
    }
}

/// One of the words of an enumeration.
fn word<T: DeserializeOwned>(field: &str, asked: Option<String>) -> Result<Option<T>, Invalid> {
    given(asked)
        .map(|text| T::deserialize(IntoDeserializer::<ValueError>::into_deserializer(text)))
        .transpose()
        .map_err(|error| Invalid::one(field, code::INVALID, None, error.to_string()))
}

/// A time, UTC ms.
fn moment(field: &str, asked: Option<String>) -> Result<Option<i64>, Invalid> {
    let time = given(asked).map(|text| text.parse::<i64>());
    let time = time
        .transpose()
        .ok()
        .filter(|time| time.is_none_or(|time| time >= 0));
    time.ok_or_else(|| {
        let message = "must be a time in milliseconds since 1970-01-01, UTC";
        Invalid::one(field, code::INVALID, None, message)
    })
}

/// A company that is asked for by its id.
pub(super) fn company(asked: Option<String>) -> Result<Option<CompanyId>, Invalid> {
    let id = given(asked).map(|text| text.parse::<i64>()).transpose();
    let id = id.map_err(|_| {
        let message = "must be the id of a company, or 0";
        Invalid::one("company", code::INVALID, None, message)
    })?;
    Ok(id.map(CompanyId))
}

/// A page of the call history, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallPage {
    /// The calls.
    calls: Vec<CallRecord>,
    /// `before` of the next page; null when this is the last.
    next: Option<CallId>,
}

/// The call history, latest first.
#[utoipa::path(
    get, path = "/calls", tag = "calls", security(("session" = []), ("token" = [])), params(CallQuery),
    responses((status = 200, body = CallPage), Unauthenticated, Forbidden, BadQuery, Common)
)]
pub async fn list_calls(
    State(app): State<App>,
    access: Access,
    Parameters(query): Parameters<CallQuery>,
) -> Result<Json<CallPage>, Problem> {
    let (mut filter, page) = query.filter()?;
    filter.company = access.listed(&app, filter.company)?;
    filter.users = access.users(&app);
    let mut calls = app.store.calls(filter).await?;
    let more = cut(&mut calls, page);
    let next = calls.last().filter(|_| more).map(|call| call.id.clone());
    Ok(Json(CallPage { calls, next }))
}

/// Most calls of an exported history.
const MOST_EXPORTED: u32 = 100_000;

/// Which calls to export, and in which form.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CallExportQuery {
    /// `json`, the default, or `csv`.
    format: Option<String>,
    /// Only calls before this one.
    before: Option<String>,
    /// Only calls from or to this number.
    number: Option<String>,
    /// Only calls that ended like this.
    #[param(value_type = Option<CallResult>)]
    result: Option<String>,
    /// Only calls that began then or later, UTC ms.
    #[param(value_type = Option<i64>)]
    from: Option<String>,
    /// Only calls that began before, UTC ms.
    #[param(value_type = Option<i64>)]
    until: Option<String>,
    /// Only calls that came in, went out, or stayed inside.
    #[param(value_type = Option<Direction>)]
    direction: Option<String>,
    /// Only calls that the extension with this number made or took, or that rang its phones.
    extension: Option<String>,
    /// Only calls of this company, 0 for the one that the gateway is set up for.
    #[param(value_type = Option<i64>)]
    company: Option<String>,
}

/// The call history as a file, latest first: at most 100,000 calls; `before` of the last one's id continues it. Legs and trace
/// are in the JSON form only.
#[utoipa::path(
    get, path = "/calls/export", tag = "calls", security(("session" = []), ("token" = [])), params(CallExportQuery),
    responses(
        (status = 200, content((Vec<CallRecord> = "application/json"), (String = "text/csv"))), Unauthenticated,
        Forbidden, BadQuery, Common
    )
)]
pub async fn export_calls(
    State(app): State<App>,
    access: Access,
    Parameters(query): Parameters<CallExportQuery>,
) -> Result<Response, Problem> {
    let form = csv::form(query.format)?;
    let query = CallQuery {
        limit: None,
        before: query.before,
        number: query.number,
        result: query.result,
        from: query.from,
        until: query.until,
        direction: query.direction,
        extension: query.extension,
        company: query.company,
    };
    let (mut filter, _) = query.filter()?;
    filter.company = access.listed(&app, filter.company)?;
    filter.users = access.users(&app);
    let (feed, rows) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(4);
    // Page by page, so that a long history neither fills the memory nor keeps a reader of the database.
    tokio::spawn(async move {
        let mut left = MOST_EXPORTED;
        let mut first = true;
        let mut text = match form {
            Form::Json => "[".to_owned(),
            Form::Csv => csv::line(CALL_COLUMNS),
        };
        while left > 0 {
            filter.limit = Some(left.min(500));
            let calls = match app.store.calls(filter.clone()).await {
                Ok(calls) => calls,
                Err(error) => {
                    tracing::error!(%error, "the export of calls broke off");
                    // The connection is cut, so that nobody takes the part for the whole.
                    let _ = feed.send(Err(io::Error::other(error))).await;
                    return;
                }
            };
            let Some(last) = calls.last() else { break };
            filter.before = Some(last.id.clone());
            left = left.saturating_sub(u32::try_from(calls.len()).unwrap_or(left));
            let configuration = app.store.configuration();
            for call in &calls {
                match form {
                    Form::Csv => {
                        text.push_str(&line(call, configuration.company_name(call.company)))
                    }
                    Form::Json => {
                        text.push_str(if first { "" } else { ",\n" });
                        text.push_str(&serde_json::to_string(call).unwrap_or_default());
                    }
                }
                first = false;
            }
            if feed
                .send(Ok(Bytes::from(std::mem::take(&mut text))))
                .await
                .is_err()
            {
                return;
            }
        }
        text.push_str(match form {
            Form::Json => "]",
            Form::Csv => "",
        });
        // Who went away needs no end.
        let _ = feed.send(Ok(Bytes::from(text))).await;
    });
    let body = Body::from_stream(stream::unfold(rows, |mut rows| async move {
        rows.recv().await.map(|part| (part, rows))
    }));
    match form {
        Form::Csv => csv::file("ramal-calls.csv", body),
        Form::Json => {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (
                    header::CONTENT_DISPOSITION,
                    "attachment; filename=\"ramal-calls.json\"",
                ),
            ];
            Ok((headers, body).into_response())
        }
    }
}

const CALL_COLUMNS: [&str; 14] = [
    "id",
    "started_at",
    "answered_at",
    "ended_at",
    "direction",
    "caller_number",
    "caller_name",
    "callee_number",
    "callee_name",
    "result",
    "end_reason",
    "talk_seconds",
    "ivr_path",
    "company",
];

fn line(call: &CallRecord, company: &str) -> String {
    let moment = |at: Option<i64>| at.map(csv::moment).unwrap_or_default();
    let talk = call.answered_at.zip(call.ended_at);
    let talk = talk.map(|(from, to)| (to - from).max(0) / 1000);
    csv::line([
        call.id.to_string(),
        csv::moment(call.started_at),
        moment(call.answered_at),
        moment(call.ended_at),
        format!("{:?}", call.direction).to_lowercase(),
        call.caller.number.clone(),
        call.caller.name.clone(),
        call.callee.number.clone(),
        call.callee.name.clone(),
        call.result
            .map(|result| result.as_str().to_owned())
            .unwrap_or_default(),
        call.end_reason.clone(),
        talk.map(|seconds| seconds.to_string()).unwrap_or_default(),
        call.ivr_path.clone(),
        company.to_owned(),
    ])
}
