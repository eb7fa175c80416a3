//! How a trunk stands, as people see it.

use ramal_model::TrunkId;
use serde::Serialize;
use utoipa::ToSchema;

/// How a trunk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkState {
    /// Its hosts were asked and have not answered yet.
    Trying,
    /// It has to register and has not heard from the registrar yet.
    Unregistered,
    /// Registered, and its hosts answer.
    Registered,
    /// It needs no registration, and its hosts answer or are not asked.
    Ok,
    /// The carrier refuses the account, or there is no password to register with.
    Rejected,
    /// No host answers.
    Unreachable,
}

/// Why a trunk does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkFault {
    /// The carrier answered with a refusal; `status` is its number.
    Refused,
    /// Nobody answered.
    NoAnswer,
    /// No connection could be made.
    Unreachable,
    /// The host's certificate is not one that the trunk believes.
    NotTrusted,
    /// The host's name has no address.
    NoAddress,
    /// No password is stored that this gateway can read.
    NoPassword,
}

/// A trunk as it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TrunkStatus {
    /// The trunk.
    pub id: TrunkId,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: TrunkState,
    /// Since when, UTC milliseconds since the epoch.
    pub since: i64,
    /// The host that calls go to first.
    pub host: Option<String>,
    /// Why it does not work, when it does not.
    pub fault: Option<TrunkFault>,
    /// SIP status of the carrier's refusal.
    pub status: Option<u16>,
    /// When the registration ends unless refreshed, UTC milliseconds since the epoch.
    pub registered_until: Option<i64>,
}

impl TrunkStatus {
    /// Leaves a line for whoever looks why calls did not go out.
    pub(crate) fn log(&self) {
        let Self {
            name,
            fault,
            status,
            ..
        } = self;
        let host = self.host.as_deref().unwrap_or_default();
        match self.state {
            TrunkState::Registered | TrunkState::Ok => {
                tracing::info!(trunk = name, host, "trunk is up")
            }
            TrunkState::Trying | TrunkState::Unregistered => {
                tracing::info!(trunk = name, host, "trunk is starting")
            }
            TrunkState::Rejected => {
                tracing::warn!(
                    trunk = name,
                    host,
                    ?fault,
                    status,
                    "trunk is rejected by its carrier; check user and password"
                );
            }
            TrunkState::Unreachable => {
                tracing::warn!(trunk = name, host, ?fault, status, "trunk is unreachable");
            }
        }
    }
}
