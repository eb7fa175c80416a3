//! The gateway as a whole.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use jiff::Timestamp;
use ramal_chassis::State as ChassisState;
use ramal_lines::PortStatus;
use ramal_lines::dahdi::UnusableCard;
use ramal_model::{Country, CountryDefaults};
use ramal_pbx::Counters;
use ramal_store::StorageState;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::document::{Common, Forbidden, Unauthenticated};
use crate::load::{Space, disk_space};
use crate::permit::Access;
use crate::problem::Problem;

/// What anybody may know about the gateway.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// Always `ramal`.
    product: &'static str,
    /// Version of the firmware.
    version: &'static str,
    /// Whether the first set-up was done.
    set_up: bool,
    /// Seconds since the service started.
    uptime_s: u64,
    /// The gateway's clock, UTC milliseconds since the epoch.
    time: i64,
    /// Whether its database is as it should be; if not, the alarms say what happened and what to do.
    storage: StorageHealth,
}

/// Whether the database is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StorageHealth {
    /// It is.
    Good,
    /// It was recovered, and nobody has taken note of that.
    Recovered,
    /// It is damaged; the next start repairs it.
    Damaged,
}

impl StorageHealth {
    fn of(state: &StorageState) -> Self {
        if state.damage.is_some() {
            Self::Damaged
        } else if state.recovery.is_some() {
            Self::Recovered
        } else {
            Self::Good
        }
    }
}

/// Product, version, whether it is set up.
#[utoipa::path(get, path = "/status", tag = "gateway", responses((status = 200, body = Status), Common))]
pub async fn status(State(app): State<App>) -> Json<Status> {
    Json(Status {
        product: "ramal",
        version: env!("CARGO_PKG_VERSION"),
        set_up: app.store.configuration().is_set_up(),
        uptime_s: app.started.elapsed().as_secs(),
        time: Timestamp::now().as_millisecond(),
        storage: StorageHealth::of(&app.store.storage().borrow()),
    })
}

/// Countries with their presets.
#[utoipa::path(get, path = "/countries", tag = "gateway", responses((status = 200, body = [CountryDefaults]), Common))]
pub async fn countries() -> Json<&'static [CountryDefaults]> {
    Json(Country::known())
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "gateway", responses((status = 200, body = Object), Common))]
pub async fn openapi(State(app): State<App>) -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        app.document.clone(),
    )
}

/// State of the machine.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemState {
    /// Version of the firmware.
    version: &'static str,
    /// Host name.
    hostname: String,
    /// Port on which phones register, UDP and TCP.
    sip_port: u16,
    /// Busy share of all processors, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    cpu_percent: f32,
    /// Main memory in bytes.
    memory: Space,
    /// Data partition in bytes.
    disk_data: Space,
    /// Hours of one recorded call that still fit on the data partition, its reserve left free.
    recording_hours_left: f64,
    /// Seconds since the service started.
    uptime_s: u64,
    /// Open web connections.
    web_connections: usize,
    /// Web connections refused since the start because there were too many.
    web_connections_refused: u64,
    /// Temperatures, the disk's health, the hardware's watchdog, lifeline and reset button.
    chassis: ChassisState,
    /// Telephone lines that end in the gateway.
    lines: Vec<PortStatus>,
    /// Cards in the machine that no driver works with, most often because a firmware file is missing.
    unusable_cards: Vec<UnusableCard>,
    /// What the PBX has counted since its start; null when it does not answer.
    counters: Option<Counters>,
}

/// Load, memory, disk, counters.
#[utoipa::path(
    get, path = "/system", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = SystemState), Unauthenticated, Forbidden, Common)
)]
pub async fn system(State(app): State<App>, _: Access) -> Result<Json<SystemState>, Problem> {
    system_state(&app).await.map(Json)
}

/// State of the machine now.
pub(super) async fn system_state(app: &App) -> Result<SystemState, Problem> {
    let meter = app.load.clone();
    let data_dir = app.data_dir.clone();
    // /proc and statvfs block.
    let (load, disk, hostname) = tokio::task::spawn_blocking(move || {
        (
            meter.measure(),
            disk_space(&data_dir),
            sysinfo::System::host_name(),
        )
    })
    .await
    .map_err(|error| Problem::internal(error.to_string()))?;
    let disk_data = disk.map_err(|error| {
        Problem::internal(format!(
            "The data partition's space cannot be read: {error}."
        ))
    })?;
    let counters = app.pbx.counters().await;
    let (web_connections, web_connections_refused) = app.admission.counts();
    Ok(SystemState {
        version: env!("CARGO_PKG_VERSION"),
        hostname: hostname.unwrap_or_default(),
        sip_port: app.pbx.sip_address().port(),
        cpu_percent: load.cpu_percent,
        memory: load.memory,
        recording_hours_left: recording_hours(app, disk_data),
        disk_data,
        uptime_s: app.started.elapsed().as_secs(),
        web_connections,
        web_connections_refused,
        chassis: app.chassis.borrow().clone(),
        lines: app.pbx.lines(),
        unusable_cards: app.pbx.unusable_cards(),
        counters,
    })
}

/// Octets of an hour of recording: two sides of G.711.
const RECORDED_HOUR: f64 = 2.0 * 8_000.0 * 3_600.0;

fn recording_hours(app: &App, disk: Space) -> f64 {
    let configuration = app.store.configuration();
    let kept_free = configuration.company().map_or(0, |company| {
        disk.total / 100 * u64::from(company.recording.min_free_percent)
    });
    let left = disk.free.saturating_sub(kept_free);
    // Far below 2^53 octets, and a tenth of an hour is exact enough.
    (left as f64 / RECORDED_HOUR * 10.0).round() / 10.0
}
