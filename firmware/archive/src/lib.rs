//! What becomes of a gateway's data as a whole: it is archived, replaced by an archive, or deleted.
//!
//! An archive is a tar file inside of an age file ([`ramal_age`]): `about.json` ([`About`]), the database with the key of
//! its secrets, uploaded sounds, and as ordered voice messages and recordings; at the end `contents.sha256`, in the form
//! of `sha256sum`. It is written and read as a stream, file by file, and never whole in memory.
//!
//! [`Archives`] makes archives while the gateway is in use, keeps them in `archives` of the data folder, and checks and
//! prepares a restore. Nothing of the gateway is touched by that: everything is unpacked, checked and brought to this
//! program's schema beside it, in `restore/incoming`. The one step that counts is a rename to `restore/ready`. [`settle`]
//! does the rest before anything is opened at the next start, in steps each of which may be done again, so that a power
//! cut leaves either what was or what was restored. A factory reset goes the same way, by a marker file.

mod archives;
mod error;
mod files;
mod manifest;
mod pack;
mod reset;
mod schedule;
mod settle;
mod unpack;

pub use archives::{Archives, Making, Missed, Order, Report, State};
pub use error::ArchiveError;
pub use files::{ArchiveFile, ArchiveKind, Upload};
pub use manifest::About;
pub use pack::{Contents, tar_of};
pub use ramal_age::{AgeError, Identity, Passphrase, PublicKey, Recipient, SecretKey};
pub use ramal_store::archive::{Difference, Holdings, Parts, Restored};
pub use reset::{is_ordered as is_reset_ordered, request as request_reset};
pub use schedule::{MAX_KEPT, MAX_KEYS, Schedule};
pub use settle::{Settled, settle};

#[cfg(test)]
mod tests;
