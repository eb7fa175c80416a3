//! Which certificates are trusted over HTTPS.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::failure::Failure;

/// Debian's collection of certificate authorities.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// TLS settings: trust in `ca`, or in anybody when `insecure`, or in the system's authorities.
pub fn client_config(ca: Option<&Path>, insecure: bool) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::Connection(format!("TLS cannot be set up: {error}")))?;
    if insecure {
        let anybody = Arc::new(Anybody(provider));
        return Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(anybody)
            .with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    let file = ca.unwrap_or(Path::new(SYSTEM_AUTHORITIES));
    let unusable = |reason: String| {
        Failure::Usage(format!(
            "cannot use the certificates in {}: {reason}",
            file.display()
        ))
    };
    match CertificateDer::pem_file_iter(file) {
        Ok(certificates) => {
            for certificate in certificates {
                let added = roots.add(certificate.map_err(|error| unusable(error.to_string()))?);
                // One odd authority of the system spoils nothing; a file named by hand must be right.
                if ca.is_some() {
                    added.map_err(|error| unusable(error.to_string()))?;
                }
            }
        }
        Err(error) if ca.is_some() => return Err(unusable(error.to_string())),
        // No authorities installed: no certificate will be trusted, and the connection's error says so.
        Err(_) => {}
    }
    if roots.is_empty() && ca.is_some() {
        return Err(unusable("there is none in it".into()));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Trusts whoever answers; the signature is checked all the same, so that the key belongs to the certificate shown.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
