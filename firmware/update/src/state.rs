//! What is shown of updates.

use serde::Serialize;
use utoipa::ToSchema;

use crate::boot::Slot;
use crate::bundle::Bundle;
use crate::record::{Failed, Outcome, Pending};

/// How far an update is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UpdatePhase)]
pub enum Phase {
    /// Nothing is going on.
    #[default]
    Idle,
    /// A bundle comes.
    Receiving,
    /// A bundle is verified; nothing is written.
    Checking,
    /// A bundle was verified and waits to be installed.
    Ready,
    /// It is written over the system that does not run. There is no way to stop that; the system that runs is not touched.
    Installing,
    /// The machine has to start again.
    Installed,
    /// The machine was told to start again.
    Restarting,
    /// The new system runs and is checked.
    OnTrial,
}

/// How one of the two systems is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SystemHealth)]
pub enum Health {
    /// It has passed its checks last and starts.
    Proven,
    /// It passed them earlier: there is a way back to it.
    Ready,
    /// It gets one start, or has it now.
    Trial,
    /// It did not work.
    Failed,
    /// There is nothing, or it is being written.
    Empty,
}

/// One of the two systems.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UpdateSystem)]
pub struct System {
    /// Which.
    pub slot: Slot,
    /// Its version; null when that is not known.
    pub version: Option<String>,
    /// When it was installed, as RFC 3339 writes it; null for the factory's.
    pub installed_at: Option<String>,
    /// How it is.
    pub health: Health,
    /// Why it has failed; else blank.
    pub reason: String,
    /// Whether it runs.
    pub running: bool,
}

/// Both systems, and what is going on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UpdateState)]
pub struct State {
    /// Whether there are two systems on the disk; else nothing can be updated here.
    pub supported: bool,
    /// How far it is.
    pub phase: Phase,
    /// Octets of the bundle that have come.
    pub received: u64,
    /// Octets of it that were announced.
    pub expected: Option<u64>,
    /// How much is installed, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    pub percent: u8,
    /// Both systems, a first.
    pub systems: Vec<System>,
    /// The bundle that waits to be installed.
    pub bundle: Option<Bundle>,
    /// Why that one does not go in by itself: it was tried and did not work.
    pub bundle_failed: Option<Failed>,
    /// What waits for the machine to start again, or for its checks.
    pub pending: Option<Pending>,
    /// How the last update or way back ended.
    pub last: Option<Outcome>,
    /// What could not be written the last time, in one sentence; null when it could.
    pub problem: Option<String>,
    /// Versions that did not work here, the latest first.
    pub failed_versions: Vec<Failed>,
}
