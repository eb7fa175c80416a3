//! What every handler shares.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ramal_archive::Archives;
use ramal_fleet::Fleet;
use ramal_network::Network;
use ramal_pbx::Pbx;
use ramal_sounds::Studio;
use ramal_store::Store;
use ramal_update::Updater;
use tokio::sync::{Notify, Semaphore, watch};

use crate::admission::Admission;
use crate::backoff::Backoff;
use crate::connection::Limits;
use crate::load::LoadMeter;
use crate::stop::Stop;

/// Handle to the shared parts; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The shared parts.
pub struct Parts {
    /// Configuration, sessions, calls.
    pub store: Store,
    /// Live state and control of calls.
    pub pbx: Pbx,
    /// Makes and keeps sounds.
    pub studio: Studio,
    /// Updates of the gateway.
    pub updater: Updater,
    /// The fleet that may bring them.
    pub fleet: Fleet,
    /// Archives of the whole gateway.
    pub archives: Archives,
    /// The gateway's own network.
    pub network: Network,
    /// State of the chassis.
    pub chassis: watch::Receiver<ramal_chassis::State>,
    /// Told when the service is to start again.
    pub again: Arc<Notify>,
    /// Where the data partition is mounted, for its free space.
    pub data_dir: PathBuf,
    /// When the service started.
    pub started: Instant,
    /// Failed logins.
    pub backoff: Backoff,
    /// Places for clients of the event stream.
    pub event_places: Arc<Semaphore>,
    /// Bounds.
    pub limits: Limits,
    /// Connections now and refused.
    pub admission: Arc<Admission>,
    /// CPU and memory.
    pub load: Arc<LoadMeter>,
    /// Turns true when the service stops.
    pub stop: Stop,
    /// The OpenAPI document, as JSON.
    pub document: Bytes,
}

impl App {
    /// Wraps the parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
