//! A mail server: aiosmtpd, which keeps what it takes in a Maildir.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::{PeerError, tail};

/// Until it must listen: Python may have to be read from a slow disk.
const STARTED: Duration = Duration::from_secs(60);

/// A mail server that runs until it is dropped.
#[derive(Debug)]
pub struct MailSink {
    child: Child,
    directory: tempfile::TempDir,
}

impl MailSink {
    /// Starts one. With a certificate and its key it takes nothing before STARTTLS.
    pub async fn start(
        listen: SocketAddr,
        certificate: Option<(&Path, &Path)>,
    ) -> Result<Self, PeerError> {
        let directory = tempfile::Builder::new().prefix("mail-").tempdir()?;
        let log = std::fs::File::create(directory.path().join("log"))?;
        let mut command = Command::new("aiosmtpd");
        command.arg("-n").args(["-l", &listen.to_string()]);
        if let Some((certificate, key)) = certificate {
            command.arg("--tlscert").arg(certificate);
            command.arg("--tlskey").arg(key);
        }
        let child = command
            .args(["-c", "aiosmtpd.handlers.Mailbox"])
            .arg(directory.path().join("mail"))
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()?;
        let mut sink = Self { child, directory };
        let deadline = Instant::now() + STARTED;
        while TcpStream::connect(listen).await.is_err() {
            if sink.child.try_wait()?.is_some() || Instant::now() > deadline {
                let output = std::fs::read_to_string(sink.directory.path().join("log"))?;
                return Err(PeerError::Peer {
                    peer: "aiosmtpd",
                    what: "a server that listens".to_owned(),
                    output: tail(&output),
                });
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(sink)
    }

    /// Everything it has taken, each mail with its headers.
    pub fn taken(&self) -> Result<Vec<String>, PeerError> {
        let folder = self.directory.path().join("mail/new");
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Ok(Vec::new());
        };
        let mut mails = Vec::new();
        for entry in entries {
            mails.push(String::from_utf8_lossy(&std::fs::read(entry?.path())?).into_owned());
        }
        Ok(mails)
    }
}
