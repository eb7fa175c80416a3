//! The gateway's own network: addresses, VLAN, name servers, time servers, host name.
//!
//! [`NetworkSettings`] are what somebody wants; [`NetworkSettings::check`] refuses what cannot be, field by field, and
//! gives a [`Plan`], of which [`render`] makes files for systemd-networkd (which also tells resolved and timesyncd).
//!
//! The service may not configure a network, and shall not. It writes what is wanted into a folder ([`Network`]);
//! [`apply`], run by the system as root whenever that folder changes and at each start of the machine, reads it with the
//! same checks and writes the files. A change is on trial first, in a file of its own: unless it is confirmed within
//! [`TRIAL`], by somebody whom the new address lets through, the file is deleted and what was before is applied again. So
//! it is, too, when the service or the machine starts anew meanwhile.

mod address;
mod apply;
mod files;
mod render;
mod settings;
mod trial;

pub use apply::{APPLY, ApplyError, apply, run_apply};
pub use render::render;
pub use settings::{Ipv4, Ipv4Mode, Ipv6, Ipv6Mode, NetworkSettings, Plan, Route};
pub use trial::{Network, NetworkError, Reverted, TRIAL, Trial};

#[cfg(test)]
mod tests;
