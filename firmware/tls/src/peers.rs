//! Whom the gateway believes when it connects to others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

/// Why there is no configuration for connecting to others.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// A file with certificates cannot be read.
    #[error("cannot read the certificates in {path}: {source}; give a PEM file")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// A certificate cannot be an authority.
    #[error("a certificate in {path} cannot be used: {source}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: rustls::Error,
    },
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// TLS 1.2 and 1.3 towards servers whose certificates lead to an authority that the system trusts (`/etc/ssl/certs`), or
/// to one in the PEM file `extra`. Blocks on the disk.
///
/// # Errors
/// `extra` cannot be read. A system without authorities is none: connecting will fail then.
pub fn client_config(extra: Option<&Path>) -> Result<ClientConfig, RootsError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "some of the system's certificate authorities cannot be read");
    }
    // Some systems carry ancient ones that the library refuses.
    let (trusted, ignored) = roots.add_parsable_certificates(system.certs);
    tracing::debug!(trusted, ignored, "certificate authorities of the system");
    if let Some(path) = extra {
        let file = |source| RootsError::File {
            path: path.to_owned(),
            source,
        };
        for certificate in CertificateDer::pem_file_iter(path).map_err(file)? {
            roots
                .add(certificate.map_err(file)?)
                .map_err(|source| RootsError::Certificate {
                    path: path.to_owned(),
                    source,
                })?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
