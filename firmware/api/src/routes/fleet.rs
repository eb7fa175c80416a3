//! The fleet: which server may bring updates, what it may do, and how that stands.

use axum::Json;
use axum::extract::State;
use ramal_fleet::{
    Authentication, Policy, Secret, SetError, Settings, SettingsError, Status, Window,
};
use ramal_model::{Problems, code};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// How the fleet is set, and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct FleetState {
    /// Whether the server is asked at all. Off as it comes from the box.
    enabled: bool,
    /// Address of the server; blank while there is none.
    server: String,
    /// Tenant on it.
    tenant: String,
    /// What this gateway is called there; blank: its serial number.
    controller: String,
    /// How it shows who it is.
    authentication: Authentication,
    /// Whether there is a token. It is never shown.
    has_token: bool,
    /// What the server may do.
    policy: Policy,
    /// When the machine may start again for an update; null: at any time. It waits until no call is up in any case.
    window: Option<Window>,
    /// Serial number of this gateway.
    serial: String,
    /// How it stands.
    status: Status,
}

/// How the fleet is to be set. What is left out is as on a new gateway; the token stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FleetInput {
    /// Whether the server is asked at all.
    enabled: bool,
    /// Its address, such as `https://fleet.example`; `http` only to an address of the same network.
    #[serde(default)]
    server: String,
    /// Tenant on it: letters, digits and `.` `_` `-`, at most 128.
    #[serde(default)]
    tenant: String,
    /// What this gateway is called there, of the same characters; blank: its serial number.
    #[serde(default)]
    controller: String,
    /// How it shows who it is.
    #[serde(default)]
    authentication: Authentication,
    /// The token, at most 512 characters; left out, the one that is there stays.
    token: Option<String>,
    /// What the server may do.
    #[serde(default)]
    policy: Policy,
    /// When the machine may start again for an update.
    window: Option<Window>,
}

fn shown(app: &App) -> Json<FleetState> {
    let settings = app.fleet.settings();
    Json(FleetState {
        enabled: settings.enabled,
        server: settings.server,
        tenant: settings.tenant,
        controller: settings.controller,
        authentication: settings.authentication,
        has_token: !settings.token.is_empty(),
        policy: settings.policy,
        window: settings.window,
        serial: app.fleet.serial().to_owned(),
        status: app.fleet.status(),
    })
}

/// How the fleet is set, and how it stands.
#[utoipa::path(
    get, path = "/fleet", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = FleetState), Unauthenticated, Forbidden, Common)
)]
pub async fn show_fleet(State(app): State<App>, _: Access) -> Json<FleetState> {
    shown(&app)
}

/// Sets the fleet. The server is asked at once.
#[utoipa::path(
    put, path = "/fleet", tag = "gateway", security(("session" = []), ("token" = [])),
    request_body = FleetInput,
    responses((status = 200, body = FleetState), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn change_fleet(
    State(app): State<App>,
    _: Access,
    JsonBody(input): JsonBody<FleetInput>,
) -> Result<Json<FleetState>, Problem> {
    let before = app.fleet.settings();
    let settings = Settings {
        enabled: input.enabled,
        server: input.server.trim().to_owned(),
        tenant: input.tenant,
        controller: input.controller,
        authentication: input.authentication,
        token: input.token.map_or(before.token, Secret::new),
        policy: input.policy,
        window: input.window,
    };
    app.fleet.set(settings).await.map_err(|error| match error {
        SetError::Settings(wrong) => {
            let mut problems = Problems::default();
            for error in wrong {
                let code = match error {
                    SettingsError::Missing(_) => code::REQUIRED,
                    SettingsError::Address => code::URL,
                    SettingsError::Unencrypted => code::UNENCRYPTED,
                    SettingsError::Name(_) | SettingsError::Token => code::CHARACTER,
                };
                problems.add(error.field(), code, error.limit(), error.to_string());
            }
            problems.finish(()).err().map_or_else(
                || Problem::unavailable("The settings cannot be checked.".to_owned()),
                Problem::from,
            )
        }
        SetError::Disk(error) => {
            tracing::error!(%error, "the fleet's settings are not written");
            Problem::unavailable(format!("The settings are not written: {error}."))
        }
    })?;
    Ok(shown(&app))
}

/// Asks the server now.
#[utoipa::path(
    post, path = "/fleet/ask", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = FleetState), Unauthenticated, Forbidden, Conflict, Common)
)]
pub async fn ask_fleet(State(app): State<App>, _: Access) -> Result<Json<FleetState>, Problem> {
    if !app.fleet.settings().enabled {
        return Err(Problem::conflict("The fleet is switched off."));
    }
    app.fleet.ask();
    Ok(shown(&app))
}
