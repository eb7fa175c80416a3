//! The `ramald` process of a test.

use crate::GatewayError;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::{Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::process::{Child, Command};

/// Where gateways under test listen for SIP: below the ports the kernel hands out, so that whoever captures these ports
/// (`tools/check/sip`) sees what gateways send and nobody else.
const SIP_PORTS: RangeInclusive<u16> = 7_000..=9_899;
/// Where the other services of gateways under test listen: clear of the media of gateways and test phones.
const OTHER_PORTS: RangeInclusive<u16> = 10_000..=11_999;

/// How to run the gateway.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// More command-line arguments.
    pub arguments: Vec<String>,
    /// RTP ports to give it; 400 of its own when absent.
    pub rtp_ports: Option<(u16, u16)>,
    /// Whether it takes SIP over IPv6, too.
    pub ipv6: bool,
}

/// A running process with its own directory and ports.
#[derive(Debug)]
pub struct Process {
    child: Child,
    directory: tempfile::TempDir,
    socket: PathBuf,
    options: Options,
    pub sip: SocketAddr,
    pub sip_tls: SocketAddr,
    pub https: SocketAddr,
    http: SocketAddr,
    rtp: (u16, u16),
}

impl Process {
    pub async fn start(options: Options) -> Result<Process, GatewayError> {
        let directory = tempfile::Builder::new().prefix("ramal-").tempdir()?;
        let sip = free_port(&SIP_PORTS)?;
        let (https, http) = (free_port(&OTHER_PORTS)?, free_port(&OTHER_PORTS)?);
        let sip_tls = free_port(&OTHER_PORTS)?;
        let rtp = options.rtp_ports.unwrap_or_else(rtp_ports);
        let socket = directory.path().join("run/api.sock");
        let child = spawn(directory.path(), [sip, sip_tls, https, http], rtp, &options)?;
        let mut process = Process {
            child,
            directory,
            socket,
            options,
            sip,
            sip_tls,
            https,
            http,
            rtp,
        };
        process.wait_ready().await?;
        Ok(process)
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The public half of the gateway's certificate.
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("data/tls/certificate.pem")
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    pub fn log(&self) -> String {
        std::fs::read(self.directory.path().join("log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    pub async fn kill(&mut self) -> Result<(), GatewayError> {
        self.child.kill().await?;
        Ok(())
    }

    pub async fn restart(&mut self) -> Result<(), GatewayError> {
        self.child = spawn(
            self.directory.path(),
            [self.sip, self.sip_tls, self.https, self.http],
            self.rtp,
            &self.options,
        )?;
        self.wait_ready().await
    }

    /// Sends SIGTERM and waits at most 10 s.
    pub async fn stop(&mut self) -> Result<Option<i32>, GatewayError> {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // A process that has just ended needs no signal.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        match tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await {
            Ok(status) => Ok(status?.code()),
            Err(_) => Err(self.failed("did not stop within 10 s of SIGTERM")),
        }
    }

    fn failed(&self, what: &str) -> GatewayError {
        let log = self.log();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        let log = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
        GatewayError::Process {
            what: what.to_owned(),
            log,
        }
    }

    /// The local API answers as the last part of the service to come up.
    async fn wait_ready(&mut self) -> Result<(), GatewayError> {
        let api = crate::Api::new(&self.socket);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failed(&format!("ended at once ({status})")));
            }
            if let Ok(answer) = api.get("/api/v1/status").await
                && answer.status == 200
            {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                return Err(self.failed("was not ready within 60 s"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn spawn(
    directory: &Path,
    [sip, sip_tls, https, http]: [SocketAddr; 4],
    rtp: (u16, u16),
    options: &Options,
) -> Result<Child, GatewayError> {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.join("log"))?;
    let listen = match options.ipv6 {
        true => SocketAddr::from((Ipv6Addr::UNSPECIFIED, sip.port())),
        false => sip,
    };
    let mut command = Command::new(binary());
    command
        .arg("--data-dir")
        .arg(directory.join("data"))
        .arg("--run-dir")
        .arg(directory.join("run"))
        .args([
            "--sip",
            &listen.to_string(),
            "--sip-tls",
            &sip_tls.to_string(),
            "--https",
            &https.to_string(),
            "--http",
            &http.to_string(),
        ])
        .args(["--rtp-ports", &format!("{}-{}", rtp.0, rtp.1)])
        .args(&options.arguments)
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if !options.ipv6 {
        command.args(["--advertise", "127.0.0.1"]);
    }
    if let Some(prompts) = std::env::var_os("RAMAL_PROMPTS") {
        command.arg("--prompts-dir").arg(prompts);
    }
    Ok(command.spawn()?)
}

/// `$RAMALD`, or the binary that the same build put beside the test.
fn binary() -> PathBuf {
    std::env::var_os("RAMALD")
        .map(PathBuf::from)
        .unwrap_or_else(|| {
            let mut path = std::env::current_exe().unwrap_or_default();
            path.pop();
            path.pop();
            path.join("ramald")
        })
}

/// A port of `ports` that is free by UDP and by TCP. The kernel hands out none of them: one of its own choosing may be
/// that of somebody's connection by the time it is listened on.
fn free_port(ports: &RangeInclusive<u16>) -> Result<SocketAddr, GatewayError> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let room = u32::from(ports.end() - ports.start()) + 1;
    let mut last = None;
    for _ in 0..room {
        let slot = u32::from(NEXT.fetch_add(1, Ordering::Relaxed)) + std::process::id() * 31;
        let port = ports.start() + (slot % room) as u16;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        match TcpListener::bind(address).and_then(|_| UdpSocket::bind(address)) {
            Ok(_) => return Ok(address),
            Err(error) => last = Some(error),
        }
    }
    Err(last
        .unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into())
        .into())
}

/// 400 ports below the range that the kernel hands out, different for each gateway of this process.
fn rtp_ports() -> (u16, u16) {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let slot = u32::from(NEXT.fetch_add(1, Ordering::Relaxed)) + std::process::id() * 7;
    let first = 10_000 + (slot % 55) as u16 * 400;
    (first, first + 399)
}
