//! TLS of the gateway, for the web interface and for SIP alike.
//!
//! [`OwnCertificate`] is what the gateway shows: loaded from the data folder or made at first start, renewed while it
//! runs, and turned into a `rustls` server configuration for each port. [`client_config`] is what the gateway believes
//! when it connects to others: the authorities that the system trusts, and more that are named. [`client_config_of`] and
//! [`client_config_pinned`] are for one of them who has authorities of his own, or a certificate that is known. Nothing
//! here opens sockets.

mod certificate;
mod one_peer;
mod own;
mod peers;

pub use certificate::{CertificateError, Names};
pub use one_peer::{OnePeerError, client_config_of, client_config_pinned};
pub use own::OwnCertificate;
pub use peers::{RootsError, client_config};
