//! TLS of our own ports: the ring provider, TLS 1.2 and 1.3, and a certificate that is renewed while running.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::certificate::{self, CertificateError, Names};

/// The certificate in use and where it comes from.
#[derive(Debug)]
pub struct OwnCertificate {
    folder: PathBuf,
    names: Names,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
}

impl OwnCertificate {
    /// Loads or makes the certificate under `folder`. Blocks on the disk.
    ///
    /// # Errors
    /// The folder cannot be read or written, or a new certificate not be made.
    pub fn open(folder: PathBuf, names: Names) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let current = certificate::load_or_make(&folder, &names, &provider)?;
        Ok(Arc::new(Self {
            folder,
            names,
            provider,
            current: ArcSwap::from_pointee(current),
        }))
    }

    /// Replaces the certificate when it is about to expire or its file was changed. Blocks on the disk.
    ///
    /// # Errors
    /// As for [`open`](Self::open); the certificate in use stays.
    pub fn renew(&self) -> Result<(), CertificateError> {
        let fresh = certificate::load_or_make(&self.folder, &self.names, &self.provider)?;
        if fresh.cert != self.current.load().cert {
            self.current.store(Arc::new(fresh));
        }
        Ok(())
    }

    /// TLS settings for a port. `protocols` are those of ALPN (RFC 7301), the preferred one first; with none, whatever
    /// clients name is ignored.
    ///
    /// # Errors
    /// The TLS library refuses its settings.
    pub fn server_config(
        self: &Arc<Self>,
        protocols: &[&[u8]],
    ) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}
