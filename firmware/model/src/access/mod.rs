//! Who may do what: [`Permission`]s, the [`Profile`]s that bundle them, and the [`Team`]s that scopes are about.

mod people;
mod permission;
mod profile;
mod roles;
mod team;

pub use people::People;
pub use permission::{Area, Permission, Permissions, Scope, Verb};
pub use profile::{Menu, Profile};
pub use team::Team;
