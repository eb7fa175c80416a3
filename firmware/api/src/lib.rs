//! The gateway's web service: HTTPS with API, event stream and web UI, and the local socket of `ramalctl`.
//!
//! [`Server::start`] opens three doors: HTTPS with the gateway's own certificate, an HTTP port that only redirects, and a
//! Unix socket for root and the service's own user. A connection ([`Limits`] bounds every wait and every count) hands its
//! requests to the router: first the guards (time limit, cross-site check, security headers), then the operation. An
//! permission of each operation is checked in one place (`permit`); the operation takes the caller, a body that is checked field by field, asks the store
//! or the PBX, and answers JSON or a [`Problem`]. Nothing blocks: storage has threads of its own, `/proc` and the disk are
//! read where blocking is allowed.
//!
//! The OpenAPI document ([`openapi`], served as `/api/v1/openapi.json`) is made from the operations themselves. The web UI
//! (`web/dist`) is embedded at build time with its precompressed variants.

mod admission;
mod app;
mod assets;
mod audit;
mod backoff;
mod body;
pub mod caller;
mod connection;
mod csv;
mod document;
mod file;
mod form;
mod guard;
mod holiday_file;
mod listen;
mod load;
mod permit;
mod problem;
mod query;
mod redirect;
mod routes;
mod server;
mod stall;
mod stop;
mod text_body;
mod websocket;

pub use connection::Limits;
pub use document::BASE;
pub use problem::{PROBLEM_JSON, Problem};
pub use server::{ApiConfig, ApiError, Server};

/// The OpenAPI document of the whole API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes::api().into_openapi()
}
