//! The DTLS handshake that gives a browser's stream its keys (RFC 5763, RFC 5764). It runs beside the media threads, which
//! only carry its datagrams.

use std::sync::Arc;
use std::time::Instant;

use dimpl::{Config, Dtls, DtlsCertificate, KeyingMaterial, Output, SrtpProfile};
use ring::digest::{SHA256, digest};
use tokio::sync::mpsc;

use super::{MasterKey, SrtpKeys, Suite};
use crate::command::{Command, Home};
use crate::{HandshakeFault, MediaError};

/// The longest datagram taken.
pub(crate) const LONGEST: usize = 2_048;
/// Datagrams waiting for one handshake at most.
pub(crate) const QUEUE: usize = 16;

/// What the media thread tells.
#[derive(Debug)]
pub(crate) enum Input {
    /// Datagrams reach the far end now.
    Reachable,
    /// One that came.
    Datagram(Box<[u8]>),
}

/// Our certificate, made anew at every start: it is known by its fingerprint alone.
pub(crate) struct Identity {
    certificate: DtlsCertificate,
    config: Arc<Config>,
    pub(crate) fingerprint: [u8; 32],
}

impl Identity {
    pub(crate) fn new() -> Result<Self, MediaError> {
        let failed = |error: String| {
            MediaError::system(
                "make a certificate for browsers",
                std::io::Error::other(error),
            )
        };
        let key = rcgen::KeyPair::generate().map_err(|error| failed(error.to_string()))?;
        let certificate = rcgen::CertificateParams::new(Vec::new())
            .and_then(|parameters| parameters.self_signed(&key))
            .map_err(|error| failed(error.to_string()))?;
        let certificate = certificate.der().to_vec();
        let config = Config::builder()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Identity {
            fingerprint: sha256(&certificate),
            certificate: DtlsCertificate {
                certificate,
                private_key: key.serialize_der(),
            },
            config: Arc::new(config),
        })
    }
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, octets).as_ref());
    sum
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("the certificate is not the one announced by signalling")]
    WrongCertificate,
    #[error("no cipher suite for media was agreed upon")]
    NoProfile,
    #[error("{0}")]
    Dtls(#[from] dimpl::Error),
}

impl From<HandshakeError> for HandshakeFault {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::WrongCertificate => Self::WrongCertificate,
            HandshakeError::NoProfile => Self::NoCommonSuite,
            HandshakeError::Dtls(_) => Self::Broken,
        }
    }
}

/// One handshake, and afterwards the association it made.
pub(crate) struct Handshake {
    dtls: Dtls,
    /// Whether we are the client.
    active: bool,
    /// SHA-256 of the far end's certificate, from signalling.
    fingerprint: [u8; 32],
    verified: bool,
    keys: Option<SrtpKeys>,
    /// Whether the stream has its keys.
    secured: bool,
    home: Arc<Home>,
}

impl Handshake {
    pub(crate) fn new(
        identity: &Identity,
        active: bool,
        fingerprint: [u8; 32],
        home: Arc<Home>,
    ) -> Self {
        let (config, certificate) = (Arc::clone(&identity.config), identity.certificate.clone());
        let mut dtls = Dtls::new_auto(config, certificate, Instant::now());
        dtls.set_active(active);
        Handshake {
            dtls,
            active,
            fingerprint,
            verified: false,
            keys: None,
            secured: false,
            home,
        }
    }

    /// Runs until the stream is closed, or the handshake fails.
    pub(crate) async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        let number = self.home.id;
        let Err(error) = self.work(&mut inputs).await else {
            return;
        };
        if self.secured {
            // What was agreed stays in force; a handshake that comes later fails by itself.
            tracing::debug!(stream = number, %error, "the association of a browser's media ended");
            return;
        }
        tracing::warn!(stream = number, %error, "no keys for a browser's media");
        // Its media stays barred, so whoever leads the call is to end it.
        let _ = self
            .home
            .post(Command::Unsecured(self.home.id, error.into()));
    }

    async fn work(&mut self, inputs: &mut mpsc::Receiver<Input>) -> Result<(), HandshakeError> {
        let mut buffer = vec![0; LONGEST];
        // A client has nobody to greet before datagrams reach him.
        let mut greeted = !self.active;
        let mut deadline = None;
        loop {
            if greeted {
                deadline = self.drain(&mut buffer)?;
            }
            let waited = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(tokio::time::Instant::from_std(at)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                input = inputs.recv() => match input {
                    Some(Input::Reachable) => {
                        greeted = true;
                        self.dtls.handle_timeout(Instant::now())?;
                    }
                    Some(Input::Datagram(datagram)) => {
                        self.dtls.handle_timeout(Instant::now())?;
                        self.dtls.handle_packet(&datagram)?;
                    }
                    None => return Ok(()),
                },
                () = waited => self.dtls.handle_timeout(Instant::now())?,
            }
        }
    }

    /// Does what is due; gives the time of what is due next.
    fn drain(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Instant>, HandshakeError> {
        loop {
            match self.dtls.poll_output(buffer) {
                Output::Packet(datagram) => {
                    // One that cannot be sent is repeated like one that was lost.
                    let _ = self
                        .home
                        .post(Command::SendHandshake(self.home.id, datagram.into()));
                }
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::Timeout(at) => return Ok(Some(at)),
                Output::PeerCert(certificate) => {
                    if sha256(certificate) != self.fingerprint {
                        return Err(HandshakeError::WrongCertificate);
                    }
                    self.verified = true;
                }
                Output::KeyingMaterial(material, profile) => {
                    let keys = keys(&material, profile, self.active);
                    self.keys = Some(keys.ok_or(HandshakeError::NoProfile)?);
                }
                Output::CloseNotify => return Ok(None),
                _ => {}
            }
            if self.verified
                && let Some(keys) = self.keys.take()
            {
                tracing::debug!(
                    stream = self.home.id,
                    suite = keys.send.suite().name(),
                    "keys for a browser's media"
                );
                let _ = self.home.post(Command::Keys(self.home.id, Box::new(keys)));
                self.secured = true;
            }
        }
    }
}

/// The keys in the exported material: client's and server's key, client's and server's salt (RFC 5764 §4.2).
fn keys(material: &KeyingMaterial, profile: SrtpProfile, client: bool) -> Option<SrtpKeys> {
    let suite = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Suite::AesCm128HmacSha1_80,
        SrtpProfile::AEAD_AES_128_GCM => Suite::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Suite::AeadAes256Gcm,
        _ => return None,
    };
    let (keys, salts) = material.split_at_checked(2 * suite.key_length())?;
    let master = |second: bool| {
        let key = keys.chunks_exact(suite.key_length()).nth(second.into())?;
        let salt = salts.chunks_exact(suite.salt_length()).nth(second.into())?;
        MasterKey::new(suite, &[key, salt].concat())
    };
    let (of_client, of_server) = (master(false)?, master(true)?);
    Some(match client {
        true => SrtpKeys {
            send: of_client,
            receive: of_server,
        },
        false => SrtpKeys {
            send: of_server,
            receive: of_client,
        },
    })
}
