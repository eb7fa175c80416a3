//! The client of a fleet's update server: DDI v1, as hawkBit and gooseBit speak it.
//!
//! [`Machine`] is the client without I/O. It says what to do next ([`Step`]) and is told what came of it ([`News`]); clock and
//! serial number are given to it, and what must survive a restart is one [`Record`]. [`Fleet`] does what it says: requests over
//! HTTP, a download that goes on where it broke off ([`download`]), and [`ramal_update`] for everything that touches the
//! gateway's own systems.
//!
//! What the server is told is true: an update is reported as a success when it has passed its checks after the restart and in no
//! other case, and as a failure with both versions when the system before came back.

mod ddi;
mod download;
mod fleet;
mod http;
mod installer;
mod keeping;
mod machine;
mod settings;
mod window;

pub use ddi::{Artifact, Deployment, DocumentError, Finished, Permission};
pub use download::DownloadFault;
pub use fleet::{Fleet, FleetConfig, Inventory, SetError};
pub use installer::{Fate, Installer};
pub use machine::status::{Contact, Status};
pub use machine::{Action, Asked, Machine, News, Phase, Record, Step};
pub use settings::{Authentication, Policy, Secret, Settings, SettingsError};
pub use window::Window;
