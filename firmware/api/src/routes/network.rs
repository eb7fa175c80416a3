//! The gateway's own network.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use ramal_network::{NetworkError, NetworkSettings, Reverted, Trial};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::body::JsonBody;
use crate::connection::Peer;
use crate::document::{BadBody, Common, Conflict, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// A network port of the machine.
#[derive(Debug, Serialize, ToSchema)]
pub struct NetworkPort {
    /// Its name.
    name: String,
    /// Addresses that it has now.
    #[schema(value_type = Vec<String>)]
    addresses: Vec<IpAddr>,
}

/// The network as it is, as it is wanted, and as it is tried.
#[derive(Debug, Serialize, ToSchema)]
pub struct NetworkState {
    /// Whether it is configured here; else the machine's own system does that.
    managed: bool,
    /// What is in force, or will be again when nobody confirms the trial.
    settings: NetworkSettings,
    /// A change that waits to be confirmed.
    trial: Option<Trial>,
    /// The last change that nobody confirmed.
    reverted: Option<Reverted>,
    /// The machine's ports.
    ports: Vec<NetworkPort>,
}

/// The gateway's network: settings, a change on trial, and the addresses it has now.
#[utoipa::path(
    get, path = "/network", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = NetworkState), Unauthenticated, Forbidden, Common)
)]
pub async fn show_network(State(app): State<App>, _: Access) -> Json<NetworkState> {
    let reverted = app.network.reverted().borrow().clone();
    Json(NetworkState {
        managed: app.network.is_managed(),
        settings: app.network.settings(),
        trial: app.network.trial(),
        reverted,
        ports: ports(),
    })
}

fn ports() -> Vec<NetworkPort> {
    let mut ports: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for interface in nix::ifaddrs::getifaddrs().into_iter().flatten() {
        if interface.interface_name == "lo" {
            continue;
        }
        let addresses = ports.entry(interface.interface_name).or_default();
        let address = interface.address.as_ref();
        addresses.extend(
            address
                .and_then(|address| address.as_sockaddr_in())
                .map(|v4| IpAddr::V4(v4.ip())),
        );
        addresses.extend(
            address
                .and_then(|address| address.as_sockaddr_in6())
                .map(|v6| IpAddr::V6(v6.ip())),
        );
    }
    let port = |(name, addresses)| NetworkPort { name, addresses };
    ports.into_iter().map(port).collect()
}

/// A change that has to be confirmed.
#[derive(Debug, Serialize, ToSchema)]
pub struct NetworkTrial {
    /// Confirms it, from wherever the new settings let one through.
    token: String,
    /// Until when it has to be confirmed, UTC milliseconds.
    until: i64,
    /// Where the gateway is reached then; empty when a server gives the address.
    #[schema(value_type = Vec<String>)]
    addresses: Vec<IpAddr>,
}

/// Tries network settings. Unless they are confirmed at the new address within 90 s they are taken back.
#[utoipa::path(
    put, path = "/network", tag = "gateway", security(("session" = []), ("token" = [])), request_body = NetworkSettings,
    responses((status = 202, body = NetworkTrial), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn try_network(
    State(app): State<App>,
    may: Access,
    JsonBody(settings): JsonBody<NetworkSettings>,
) -> Result<(StatusCode, Json<NetworkTrial>), Problem> {
    let addresses = settings.check()?.addresses();
    let tried = app.network.try_out(settings, may.caller.actor.clone());
    let (token, trial) = tried.map_err(problem)?;
    tracing::warn!(by = %may.caller.actor, "new network settings are on trial");
    let until = trial.until;
    Ok((
        StatusCode::ACCEPTED,
        Json(NetworkTrial {
            token,
            until,
            addresses,
        }),
    ))
}

/// What confirms a change of the network.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfirmation {
    /// As it came with the trial.
    token: String,
}

/// Confirms the change on trial, at the new address. The token is evidence enough: at another address nobody is logged in.
#[utoipa::path(
    post, path = "/network/confirm", tag = "gateway", request_body = NetworkConfirmation,
    responses((status = 204), Forbidden, BadBody, Conflict, Common)
)]
pub async fn confirm_network(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    JsonBody(confirmation): JsonBody<NetworkConfirmation>,
) -> Result<Response, Problem> {
    let reached_at = match peer {
        Peer::Network { local, .. } => Some(local.ip()),
        Peer::Local { .. } => None,
    };
    let confirmed = app.network.confirm(&confirmation.token, reached_at).await;
    let by = confirmed.map_err(problem)?;
    tracing::info!(%by, "the new network settings are confirmed");
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.extensions_mut().insert(by);
    Ok(response)
}

/// Takes back the change on trial at once.
#[utoipa::path(
    delete, path = "/network/trial", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 204), Unauthenticated, Forbidden, Conflict, Common)
)]
pub async fn revert_network(State(app): State<App>, _: Access) -> Result<StatusCode, Problem> {
    app.network.revert().await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes note of a change that was taken back: there is no alarm of it any more.
#[utoipa::path(
    post, path = "/network/acknowledge", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 204), Unauthenticated, Forbidden, Common)
)]
pub async fn acknowledge_network(State(app): State<App>, _: Access) -> Result<StatusCode, Problem> {
    app.network.forget_reverted().await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

fn problem(error: NetworkError) -> Problem {
    match error {
        NetworkError::Invalid(invalid) => invalid.into(),
        NetworkError::Store(error) => error.into(),
        NetworkError::File(error) => {
            tracing::error!(%error, "the network settings cannot be handed on");
            Problem::internal(
                "The network settings cannot be handed on. The gateway's log has the reason.",
            )
        }
        refused => Problem::conflict(refused.to_string()),
    }
}
