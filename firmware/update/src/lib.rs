//! Updates of the gateway: what an administrator or a fleet's server wants of them, above RAUC and the boot state.
//!
//! [`Updater`] is the way in. A bundle is taken as a stream into a file ([`Updater::receive`]), verified by RAUC before anything of
//! the system is written ([`Upload::finish`]), installed over the system that does not run ([`Updater::install`]) and started when
//! no call is up ([`Updater::restart`]). What was begun stands in a [`Record`] on the data partition before the machine starts
//! again, and the boot state tells what became of it ([`Pending::fate`]): an update has succeeded when it has passed its checks
//! and in no other case.
//!
//! `ramald`, which runs this, has no rights of its own: RAUC lets it ask for what [`rauc`] has here and nothing else, and a
//! restart is one word in a file that a unit of the system waits for ([`Order`]).

mod actor;
mod boot;
mod bundle;
mod folder;
mod order;
mod rauc;
mod record;
mod refusal;
mod state;
mod updater;
mod upload;

pub use boot::{BootState, Second, Slot};
pub use bundle::{BUNDLE_MAX, Bundle, is_newer_or_same};
pub use order::Order;
pub use record::{Failed, Fate, Kind, Outcome, Pending, Record, Restart};
pub use refusal::Refusal;
pub use state::{Health, Phase, State, System};
pub use updater::{Calls, Equipment, Updater, UpdaterConfig};
pub use upload::Upload;
