//! Settings of analogue ports.

use axum::Json;
use axum::extract::{Path, State};
use ramal_lines::PortKind;
use ramal_model::{FxoSettings, FxsSettings, PortSettings};

use crate::app::App;
use crate::body::JsonBody;
use crate::caller::{May, right};
use crate::document::{BadBody, Common, Forbidden, NoSuchObject, Unauthenticated};
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
    _: May<right::ViewTrunks>,
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
    may: May<right::EditTrunks>,
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

fn no_such_port(port: &str) -> Problem {
    Problem::not_found(format!(
        "The gateway has no port `{port}` of this kind; the names of its ports stand under `lines` of `/system`."
    ))
}
