//! Endpoints back to back over a simulated network, in simulated time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop at the first surprise"
)]

mod authentication;
mod bad_input;
mod cancel_races;
mod early_offers;
mod forking;
mod garbage;
mod network;
mod offers;
mod random_calls;
mod refer;
mod refusals;
mod reliable;
mod response_routing;
mod rfc3665;
mod session_ends;
mod session_timers;
mod sightings;
mod subscriptions;
mod timers;
mod users;
