//! Whom to believe of one server alone.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};

/// Why there is no configuration for one server.
#[derive(Debug, thiserror::Error)]
pub enum OnePeerError {
    /// The text is no certificates in PEM.
    #[error("the certificates cannot be read: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// There is no certificate in the text, one cannot be an authority, or the TLS library refuses its settings.
    #[error("the certificates cannot be used: {0}")]
    Tls(#[from] Error),
}

/// TLS 1.2 and 1.3 towards servers whose certificates carry their name and lead to one of the authorities in this PEM, and
/// to no other.
///
/// # Errors
/// The text holds no usable certificate.
pub fn client_config_of(authorities: &str) -> Result<ClientConfig, OnePeerError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        roots.add(certificate?)?;
    }
    if roots.is_empty() {
        return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer).into());
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// TLS 1.2 and 1.3 towards the server whose certificate has this SHA-256 fingerprint, whatever its name and dates: whoever
/// pins a certificate means this one.
///
/// # Errors
/// The TLS library refuses its settings.
pub fn client_config_pinned(fingerprint: [u8; 32]) -> Result<ClientConfig, OnePeerError> {
    let provider = provider();
    let pinned = Pinned {
        fingerprint,
        provider: provider.clone(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned))
        .with_no_client_auth();
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Believes one certificate. That the server has its key is still proven by its signature.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match Sha256::digest(end_entity)[..] == self.fingerprint {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_authorities_is_no_trust() {
        for text in [
            "",
            "nothing",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        ] {
            assert!(client_config_of(text).is_err(), "{text}");
        }
    }
}
