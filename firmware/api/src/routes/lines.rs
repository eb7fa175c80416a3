//! Settings and tests of analogue ports.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ramal_lines::{LineTestRequest, PortKind};
use ramal_model::{FxoSettings, FxsSettings, PortSettings};
use ramal_pbx::{LineTestRefusal, LineTestStatus};

use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// The kind of the port with this name, if the gateway has it.
fn kind(app: &App, port: &str) -> Option<PortKind> {
    let lines = app.pbx.lines();
    lines
        .iter()
        .find(|line| line.name == port)
        .map(|line| line.kind)
}

/// The settings of a port, or those the company's country presets.
#[utoipa::path(
    get, path = "/lines/{port}/settings", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("port" = String, Path, description = "Name of the port, such as `FXO 1`.")),
    responses((status = 200, body = PortSettings), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_line_settings(
    State(app): State<App>,
    _: Access,
    Path(port): Path<String>,
) -> Result<Json<PortSettings>, Problem> {
    let configuration = app.store.configuration();
    if let Some(found) = configuration.analogue_port(&port) {
        return Ok(Json(found.settings.clone()));
    }
    let country = configuration.company().map(|company| company.country);
    let country = country.unwrap_or_default();
    let settings = match kind(&app, &port) {
        Some(PortKind::Fxo) => PortSettings::Fxo(FxoSettings {
            country,
            ..FxoSettings::default()
        }),
        Some(PortKind::Fxs) => PortSettings::Fxs(FxsSettings {
            country,
            ..FxsSettings::default()
        }),
        None => return Err(no_such_port(&port)),
    };
    Ok(Json(settings))
}

/// Gives a port settings; they hold from its next call on. What is left out is preset.
#[utoipa::path(
    put, path = "/lines/{port}/settings", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("port" = String, Path, description = "Name of the port, such as `FXO 1`.")),
    request_body = PortSettings,
    responses((status = 200, body = PortSettings), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn change_line_settings(
    State(app): State<App>,
    may: Access,
    Path(port): Path<String>,
    JsonBody(settings): JsonBody<PortSettings>,
) -> Result<Json<PortSettings>, Problem> {
    let fits = matches!(
        (kind(&app, &port), &settings),
        (Some(PortKind::Fxo), PortSettings::Fxo(_)) | (Some(PortKind::Fxs), PortSettings::Fxs(_))
    );
    if !fits {
        return Err(no_such_port(&port));
    }
    let actor = &may.caller.actor;
    let changed = app.store.set_analogue_port(actor, port, settings).await?;
    Ok(Json(changed.settings))
}

/// Tests the line of a port to an exchange: dial tone, echo, and how the end of a call is told. Takes up to four minutes; the
/// port makes no other call meanwhile. With `apply` the port gets the settings that follow.
#[utoipa::path(
    post, path = "/lines/{port}/test", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("port" = String, Path, description = "Name of the port, such as `FXO 1`.")),
    request_body = LineTestRequest,
    responses(
        (status = 202, description = "The test runs.", body = LineTestStatus),
        Unauthenticated, Forbidden, NoSuchObject, Conflict, BadBody, Common
    )
)]
pub async fn test_line(
    State(app): State<App>,
    may: Access,
    Path(port): Path<String>,
    JsonBody(request): JsonBody<LineTestRequest>,
) -> Result<(StatusCode, Json<LineTestStatus>), Problem> {
    let actor = may.caller.actor.clone();
    match app.pbx.test_line(&port, request, actor) {
        Ok(status) => {
            tracing::info!(line = port, by = %may.caller.actor, "a line is tested");
            Ok((StatusCode::ACCEPTED, Json(status)))
        }
        Err(LineTestRefusal::NoPort(port)) => Err(no_such_port(&port)),
        Err(LineTestRefusal::Invalid(invalid)) => Err(invalid.into()),
        Err(busy @ LineTestRefusal::Busy(_)) => {
            Err(Problem::conflict(format!("Not tested: {busy}.")))
        }
    }
}

/// How the last test of a port goes, or what it has found.
#[utoipa::path(
    get, path = "/lines/{port}/test", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("port" = String, Path, description = "Name of the port, such as `FXO 1`.")),
    responses((status = 200, body = LineTestStatus), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_line_test(
    State(app): State<App>,
    _: Access,
    Path(port): Path<String>,
) -> Result<Json<LineTestStatus>, Problem> {
    if kind(&app, &port).is_none() {
        return Err(no_such_port(&port));
    }
    let status = app.pbx.line_test(&port);
    status.map(Json).ok_or_else(|| {
        Problem::not_found(format!(
            "The line of port `{port}` was not tested since the gateway has started; begin with POST."
        ))
    })
}

/// Stops the test of a port; what it has found so far stays to be read.
#[utoipa::path(
    delete, path = "/lines/{port}/test", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("port" = String, Path, description = "Name of the port, such as `FXO 1`.")),
    responses(
        (status = 204, description = "It is being stopped."),
        Unauthenticated, Forbidden, NoSuchObject, Conflict, Common
    )
)]
pub async fn stop_line_test(
    State(app): State<App>,
    may: Access,
    Path(port): Path<String>,
) -> Result<StatusCode, Problem> {
    if kind(&app, &port).is_none() {
        return Err(no_such_port(&port));
    }
    if !app.pbx.stop_line_test(&port) {
        return Err(Problem::conflict(format!(
            "No test of the line of port `{port}` is running."
        )));
    }
    tracing::info!(line = port, by = %may.caller.actor, "the test of a line is stopped");
    Ok(StatusCode::NO_CONTENT)
}

fn no_such_port(port: &str) -> Problem {
    Problem::not_found(format!(
        "The gateway has no port `{port}` of this kind; the names of its ports stand under `lines` of `/system`."
    ))
}
