//! The gateway's own certificate, for HTTPS and SIP: self-signed ECDSA P-256, made at first start.
//!
//! `tls/server.pem` holds key and certificate together (mode 0600), so that one atomic rename replaces both;
//! `tls/certificate.pem` is the public half, for `ramalctl --ca` and for import into browsers.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;

/// Validity in days: the longest that Apple's clients accept is 825.
const VALIDITY_DAYS: i64 = 820;
/// The clock may be wrong at first start, so the certificate begins earlier.
const BACKDATED_DAYS: i64 = 30;
/// Made anew when it ends within this time.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);
/// The name every certificate of ours carries; browsers reach it by mDNS.
pub const LOCAL_NAME: &str = "ramal.local";

/// Why there is no usable certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The folder or a file in it cannot be read or written.
    #[error(
        "cannot store the gateway's certificate in {path}: {source}; check the folder's owner and free space"
    )]
    Storage {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The generator refused the names or the random source failed.
    #[error("cannot make the gateway's certificate: {0}")]
    Generation(#[from] rcgen::Error),
    /// A certificate made just now is not accepted by the TLS library.
    #[error("the gateway's certificate cannot be used: {0}")]
    Unusable(#[from] Unusable),
}

/// Why a stored certificate is not used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The PEM file lacks a part or is damaged.
    #[error("damaged file: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// The key does not belong to the certificate, or the certificate is not valid now.
    #[error("{0}")]
    Tls(#[from] rustls::Error),
    /// The certificate cannot be its own trust anchor.
    #[error("{0}")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
    /// `ramal.local` is not a DNS name to the TLS library.
    #[error("{0}")]
    Name(#[from] rustls::pki_types::InvalidDnsNameError),
}

/// Names and addresses for the certificate: what a browser may write into its address bar.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Host names besides `ramal.local` and `localhost`.
    pub hosts: Vec<String>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
}

/// Loads the certificate under `folder`, or makes and stores a new one when there is none, or it is damaged, expired or
/// about to expire.
pub fn load_or_make(
    folder: &Path,
    names: &Names,
    provider: &Arc<CryptoProvider>,
) -> Result<CertifiedKey, CertificateError> {
    let file = folder.join("server.pem");
    match fs::read(&file) {
        Ok(pem) => match usable(&pem, provider, SystemTime::now()) {
            Ok(key) => {
                tighten(&file)?;
                return Ok(key);
            }
            Err(reason) => {
                tracing::warn!(file = %file.display(), %reason, "the gateway's certificate is replaced by a new one")
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tracing::info!(folder = %folder.display(), "making the gateway's certificate");
        }
        Err(source) => return Err(CertificateError::Storage { path: file, source }),
    }
    let (certificate, key) = make(names, Timestamp::now())?;
    let both = format!("{key}{certificate}");
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
        .map_err(storage(folder))?;
    write_atomically(folder, "certificate.pem", certificate.as_bytes(), 0o644)?;
    write_atomically(folder, "server.pem", both.as_bytes(), 0o600)?;
    Ok(usable(both.as_bytes(), provider, SystemTime::now())?)
}

fn storage(path: &Path) -> impl FnOnce(io::Error) -> CertificateError {
    let path = path.to_owned();
    move |source| CertificateError::Storage { path, source }
}

/// A key readable by others (restored from a backup, copied by hand) is closed again.
fn tighten(file: &Path) -> Result<(), CertificateError> {
    let mode = fs::metadata(file)
        .map_err(storage(file))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).map_err(storage(file))?;
    }
    Ok(())
}

/// Checks that key and certificate belong together and that the certificate is valid now and for some time.
fn usable(
    pem: &[u8],
    provider: &Arc<CryptoProvider>,
    now: SystemTime,
) -> Result<CertifiedKey, Unusable> {
    let certificate = CertificateDer::from_pem_slice(pem)?;
    let key = PrivateKeyDer::from_pem_slice(pem)?;
    let certified = CertifiedKey::from_der(vec![certificate.clone()], key, provider)?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()?;
    let name = ServerName::try_from(LOCAL_NAME)?;
    let since_epoch = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
    };
    for moment in [now, now + RENEW_BEFORE] {
        verifier.verify_server_cert(
            &certificate,
            &[],
            &name,
            &[],
            UnixTime::since_unix_epoch(since_epoch(moment)),
        )?;
    }
    Ok(certified)
}

/// Makes certificate and key, both PEM.
fn make(names: &Names, now: Timestamp) -> Result<(String, String), rcgen::Error> {
    let mut subjects = vec![LOCAL_NAME.to_owned(), "localhost".to_owned()];
    for name in names
        .hosts
        .iter()
        .cloned()
        .chain(names.addresses.iter().map(IpAddr::to_string))
    {
        if !name.is_empty() && !subjects.contains(&name) {
            subjects.push(name);
        }
    }
    let mut params = CertificateParams::new(subjects)?;
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Ramal");
    params.distinguished_name.push(
        DnType::CommonName,
        names.hosts.first().map_or(LOCAL_NAME, String::as_str),
    );
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let today = now.to_zoned(TimeZone::UTC).date();
    let day = |offset: i64| {
        let date = today.saturating_add(offset.days());
        rcgen::date_time_ymd(
            date.year().into(),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    params.not_before = day(-BACKDATED_DAYS);
    params.not_after = day(VALIDITY_DAYS - BACKDATED_DAYS);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Writes beside the file, syncs, renames, syncs the folder: after a power cut there is the old file or the new one.
fn write_atomically(
    folder: &Path,
    name: &str,
    content: &[u8],
    mode: u32,
) -> Result<(), CertificateError> {
    let path = folder.join(name);
    let temporary = folder.join(format!("{name}.new"));
    let write = || -> io::Result<()> {
        // A left-over of an interrupted start could have any mode.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(storage(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Arc<CryptoProvider> {
        Arc::new(rustls::crypto::ring::default_provider())
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_certificate_is_made_once_with_a_closed_key() {
        let folder = tempfile::tempdir().unwrap();
        let tls = folder.path().join("tls");
        let names = Names {
            hosts: vec!["gateway".into()],
            addresses: vec![IpAddr::from([192, 0, 2, 1])],
        };
        let first = load_or_make(&tls, &names, &provider()).unwrap();
        assert_eq!(mode(&tls.join("server.pem")), 0o600);
        assert_eq!(mode(&tls.join("certificate.pem")), 0o644);
        fs::set_permissions(tls.join("server.pem"), fs::Permissions::from_mode(0o644)).unwrap();
        let second = load_or_make(&tls, &names, &provider()).unwrap();
        assert_eq!(first.cert, second.cert);
        assert_eq!(mode(&tls.join("server.pem")), 0o600);
    }

    #[test]
    fn a_damaged_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.pem");
        let first = load_or_make(folder.path(), &Names::default(), &provider()).unwrap();
        let whole = fs::read(&file).unwrap();
        let (_, other_key) = make(&Names::default(), Timestamp::now()).unwrap();
        let foreign_key = format!(
            "{other_key}{}",
            fs::read_to_string(folder.path().join("certificate.pem")).unwrap()
        );
        for damaged in [
            &b""[..],
            b"not PEM",
            &whole[..whole.len() / 2],
            foreign_key.as_bytes(),
        ] {
            fs::write(&file, damaged).unwrap();
            let made = load_or_make(folder.path(), &Names::default(), &provider()).unwrap();
            assert_ne!(made.cert, first.cert);
            usable(&fs::read(&file).unwrap(), &provider(), SystemTime::now()).unwrap();
        }
    }

    #[test]
    fn an_expired_or_soon_expiring_certificate_is_not_used() {
        let (certificate, key) = make(&Names::default(), Timestamp::now()).unwrap();
        let pem = format!("{key}{certificate}");
        let day = Duration::from_secs(24 * 3600);
        let now = SystemTime::now();
        usable(pem.as_bytes(), &provider(), now).unwrap();
        usable(pem.as_bytes(), &provider(), now + 700 * day).unwrap();
        assert!(usable(pem.as_bytes(), &provider(), now + 770 * day).is_err());
        assert!(usable(pem.as_bytes(), &provider(), now + 900 * day).is_err());
        assert!(usable(pem.as_bytes(), &provider(), now - 40 * day).is_err());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        fs::write(&blocked, b"").unwrap();
        let error = load_or_make(&blocked.join("tls"), &Names::default(), &provider()).unwrap_err();
        assert!(error.to_string().contains("file/tls"), "{error}");
    }
}
