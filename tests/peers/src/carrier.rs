//! A carrier: SIPp as registrar, as answerer of OPTIONS and as the far end of calls, at an address of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::{PeerError, tail};

/// A running carrier. Dropping it takes it off the network.
#[derive(Debug)]
pub struct Carrier {
    address: SocketAddr,
    child: Child,
    directory: tempfile::TempDir,
}

impl Carrier {
    /// A carrier with one account, by the scenario `carrier` or another one that takes requests, over UDP.
    ///
    /// # Errors
    /// SIPp cannot be run.
    pub async fn start(
        scenario: &str,
        address: SocketAddr,
        account: (&str, &str),
    ) -> Result<Carrier, PeerError> {
        let mut carrier = Carrier::run(scenario, address, account, &[])?;
        carrier.wait_listening().await?;
        Ok(carrier)
    }

    /// The same over TCP.
    ///
    /// # Errors
    /// SIPp cannot be run.
    pub async fn start_tcp(
        scenario: &str,
        address: SocketAddr,
        account: (&str, &str),
    ) -> Result<Carrier, PeerError> {
        let mut carrier = Carrier::run(scenario, address, account, &["-t", "t1"])?;
        carrier.wait_listening().await?;
        Ok(carrier)
    }

    /// Makes one call to `server` by a scenario that sends an INVITE, from any port of `address`; `[field0]` is the number,
    /// `[field1]` a further header field. Returns every message of it once it went as the scenario says.
    ///
    /// # Errors
    /// SIPp cannot be run, or it did not go so.
    pub async fn call(
        scenario: &str,
        address: std::net::IpAddr,
        server: SocketAddr,
        number: &str,
        header: &str,
    ) -> Result<String, PeerError> {
        let from = SocketAddr::new(address, 0);
        let to = server.to_string();
        let mut carrier = Carrier::run(scenario, from, (number, header), &[&to, "-m", "1"])?;
        let limit = Duration::from_secs(40);
        match tokio::time::timeout(limit, carrier.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(carrier.messages()),
            _ => Err(PeerError::Peer {
                peer: "sipp",
                what: format!("{scenario} to succeed"),
                output: tail(&carrier.messages()),
            }),
        }
    }

    fn run(
        scenario: &str,
        address: SocketAddr,
        account: (&str, &str),
        arguments: &[&str],
    ) -> Result<Carrier, PeerError> {
        let directory = tempfile::Builder::new().prefix("carrier-").tempdir()?;
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("sipp")
            .join(format!("{scenario}.xml"));
        // `verifyauth` reads no fields of an injection file, so the account stands in a copy of the scenario.
        let text = std::fs::read_to_string(file)?
            .replace("[field0]", account.0)
            .replace("[field1]", account.1);
        let scenario = directory.path().join("scenario.xml");
        std::fs::write(&scenario, text)?;
        let log = std::fs::File::create(directory.path().join("log"))?;
        let mut command = Command::new("sipp");
        if address.port() != 0 {
            command.args(["-p", &address.port().to_string()]);
        }
        let child = command
            .args(arguments)
            .arg("-sf")
            .arg(&scenario)
            .args(["-i", &address.ip().to_string()])
            .args(["-mi", &address.ip().to_string()])
            // Registrations of one account share a Call-ID: what is over must not be remembered.
            .args(["-deadcall_wait", "0"])
            .args(["-nostdin", "-trace_err", "-trace_msg"])
            .arg("-message_file")
            .arg(directory.path().join("messages"))
            .current_dir(directory.path())
            .env("TERM", "dumb")
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()?;
        Ok(Carrier {
            address,
            child,
            directory,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every message it has sent and received, as text.
    pub fn messages(&self) -> String {
        let file = self.directory.path().join("messages");
        // Not there before the first message.
        String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned()
    }

    /// Waits until a message that holds all of `parts` has passed, and returns it.
    ///
    /// # Errors
    /// None has within `limit`.
    pub async fn message(&self, parts: &[&str], limit: Duration) -> Result<String, PeerError> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let messages = self.messages();
            let found = messages
                .split("-----------------------------------------------")
                .find(|message| parts.iter().all(|part| message.contains(part)));
            if let Some(found) = found {
                return Ok(found.to_owned());
            }
            if tokio::time::Instant::now() > deadline {
                return Err(PeerError::Peer {
                    peer: "sipp",
                    what: format!("a message with {parts:?}"),
                    output: tail(&messages),
                });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Takes it off the network and waits until it is.
    ///
    /// # Errors
    /// It cannot be ended.
    pub async fn stop(mut self) -> Result<(), PeerError> {
        self.child.kill().await?;
        Ok(())
    }

    async fn wait_listening(&mut self) -> Result<(), PeerError> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = self.child.try_wait()? {
                let log = std::fs::read(self.directory.path().join("log")).unwrap_or_default();
                return Err(PeerError::Peer {
                    peer: "sipp",
                    what: format!("to run, not {status}"),
                    output: tail(&String::from_utf8_lossy(&log)),
                });
            }
            // Taken: it listens.
            if std::net::UdpSocket::bind(self.address).is_err()
                || std::net::TcpListener::bind(self.address).is_err()
            {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                return Err(PeerError::Peer {
                    peer: "sipp",
                    what: "to listen within 10 s".into(),
                    output: String::new(),
                });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
