//! Which of the two systems on the disk starts, and whether it is the one that was built.
//!
//! The disk holds two systems, a and b. One is *proven*: it has passed its checks. The *second* may be empty, on trial,
//! failed, or proven earlier. [`State`] says which is which and knows the permitted changes; [`Area`] keeps it on a
//! partition without a file system so that a power cut at any moment leaves the state before or the state after.
//!
//! GRUB reads the same partition ([`record`] is its environment block), verifies the same hash, and writes one thing only:
//! that it has started the system on trial. So a trial is one start, and starts of a proven system are never counted.
//!
//! [`verity`] maps the system's partition so that every block is compared with the hash tree the system was built with. A
//! system that starts for the first time, or whose last start did not come to an orderly end, is read whole before it is
//! started ([`damage`]); [`watch`] sees to the blocks that go bad later. A damaged system is left for the other one.

pub mod area;
pub mod damage;
pub mod disk;
pub mod record;
pub mod state;
pub mod verity;
pub mod watch;

pub use area::{Area, AreaError};
pub use state::{Second, Slot, Start, State, StateError};
