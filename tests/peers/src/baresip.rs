//! A baresip telephone.

use crate::{PeerError, tail, wave};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// How a telephone reaches the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// One connection.
    Tcp,
    /// An encrypted connection to a server whose certificate this PEM file vouches for.
    Tls(PathBuf),
}

impl Transport {
    /// As a URI says it.
    fn param(&self) -> &'static str {
        match self {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls(_) => ";transport=tls",
        }
    }
}

/// Where a telephone registers, and as whom.
#[derive(Debug, Clone)]
pub struct Account {
    /// The gateway's SIP address.
    pub server: SocketAddr,
    /// Extension number.
    pub user: String,
    /// Digest secret.
    pub secret: String,
    /// How signalling goes.
    pub transport: Transport,
    /// Whether it wants its media encrypted (SRTP with keys from signalling), and takes no other.
    pub srtp: bool,
    /// Whether it answers by itself only those calls that ask for it (RFC 5373 and what phones had before); otherwise it
    /// answers all.
    pub when_asked: bool,
}

/// RTP figures that baresip prints when a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RtpStatistics {
    /// Packets sent.
    pub sent: u64,
    /// Packets received.
    pub received: u64,
    /// Packets lost in both directions by the count of RFC 3550 §6.4.1, which late and repeated packets bring below zero.
    pub lost: i64,
}

/// A running telephone; it answers calls by itself.
#[derive(Debug)]
pub struct Baresip {
    child: Child,
    directory: tempfile::TempDir,
    control: SocketAddr,
}

impl Baresip {
    /// Starts a telephone that sends a tone of `frequency` Hz in every call and, when `dial` is given, calls that number
    /// once registered.
    pub async fn start(
        account: &Account,
        frequency: f64,
        dial: Option<&str>,
    ) -> Result<Baresip, PeerError> {
        let directory = tempfile::Builder::new().prefix("baresip-").tempdir()?;
        let path = |name: &str| directory.path().join(name);
        wave::write_tone(&path("tone.wav"), frequency, 60)?;
        let control = SocketAddr::from(([127, 0, 0, 1], free_port_pair()?));
        let loopback = match account.server {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        let config = format!(
            "ctrl_tcp_listen {control}\nsip_listen {listen}\nnet_interface {loopback}\naudio_source aufile,{tone}\naudio_player aubridge,out\n\
             audio_alert aubridge,alert\nrtp_stats yes\nrtp_ports 14000-15999\nmodule_path {modules}\nsnd_path {dir}\n\
             module g711.so\nmodule srtp.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\n\
             sip_autoanswer_beep no\nmodule_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n",
            listen = SocketAddr::new(loopback, free_port_pair()?),
            tone = path("tone.wav").display(),
            modules = modules().display(),
            dir = directory.path().display(),
        );
        let config = match &account.transport {
            Transport::Tls(authority) => {
                format!("{config}sip_cafile {}\n", authority.display())
            }
            _ => config,
        };
        std::fs::write(path("config"), config)?;
        let transport = account.transport.param();
        let line = format!(
            "<sip:{}@{}{transport}>;auth_pass={};regint=60;{};audio_codecs=PCMA{}\n",
            account.user,
            account.server,
            account.secret,
            if account.when_asked {
                "answermode=manual;sip_autoanswer=yes"
            } else {
                "answermode=auto"
            },
            if account.srtp {
                ";mediaenc=srtp-mand"
            } else {
                ""
            },
        );
        std::fs::write(path("accounts"), line)?;
        std::fs::write(path("contacts"), "")?;
        let log = std::fs::File::create(path("log"))?;
        let mut command = Command::new("baresip");
        command.arg("-f").arg(directory.path()).arg("-t").arg("120");
        if let Some(number) = dial {
            command
                .arg("-e")
                .arg(format!("/dial sip:{number}@{}{transport}", account.server));
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()?;
        Ok(Baresip {
            child,
            directory,
            control,
        })
    }

    /// Does what its user would do by `command` of its menu, such as `transfer` with a URI.
    pub async fn command(&self, command: &str, parameters: &str) -> Result<(), PeerError> {
        let order = format!("{{\"command\":\"{command}\",\"params\":\"{parameters}\"}}");
        // A netstring, and another one as the answer.
        let mut connection = TcpStream::connect(self.control).await?;
        let order = format!("{}:{order},", order.len());
        connection.write_all(order.as_bytes()).await?;
        let mut answer = Vec::new();
        let done = async {
            while !String::from_utf8_lossy(&answer).contains("\"response\":true") {
                if connection.read_buf(&mut answer).await? == 0 {
                    break;
                }
            }
            Ok::<_, std::io::Error>(())
        };
        let answered = tokio::time::timeout(Duration::from_secs(30), done).await;
        let text = String::from_utf8_lossy(&answer);
        match answered {
            Ok(Ok(())) if text.contains("\"ok\":true") => Ok(()),
            _ => Err(self.missing(&format!("a good answer to {command}, not '{text}'"))),
        }
    }

    /// What the telephone has printed.
    pub fn output(&self) -> String {
        let bytes = std::fs::read(self.directory.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until the output holds `text`.
    pub async fn wait_output(&mut self, text: &str, limit: Duration) -> Result<(), PeerError> {
        let deadline = tokio::time::Instant::now() + limit;
        while !self.output().contains(text) {
            let ended = self.child.try_wait()?.is_some();
            if ended || tokio::time::Instant::now() > deadline {
                let what = format!("'{text}' within {} s", limit.as_secs());
                return Err(self.missing(&what));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Waits until the telephone is registered.
    pub async fn wait_registered(&mut self, limit: Duration) -> Result<(), PeerError> {
        self.wait_output("200 OK", limit).await
    }

    /// Waits until a call is up.
    pub async fn wait_established(&mut self, limit: Duration) -> Result<(), PeerError> {
        self.wait_output("Call established", limit).await
    }

    /// Ends the telephone as its user would: its call is hung up, its figures are printed.
    pub async fn quit(&mut self) -> Result<(), PeerError> {
        interrupt(&self.child);
        match tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await {
            Ok(status) => match status?.signal() {
                None => Ok(()),
                Some(signal) => {
                    Err(self.missing(&format!("an orderly end instead of signal {signal}")))
                }
            },
            Err(_) => Err(self.missing("an end within 10 s")),
        }
    }

    /// The samples (8 kHz) that the telephone heard in its last call.
    pub fn heard(&self) -> Result<Vec<i16>, PeerError> {
        let mut recordings: Vec<PathBuf> = std::fs::read_dir(self.directory.path())?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|p| p.to_string_lossy().ends_with("-dec.wav"))
            .collect();
        recordings.sort();
        let last = recordings
            .pop()
            .ok_or_else(|| self.missing("a recording"))?;
        Ok(wave::read(&last)?)
    }

    /// RTP figures of the last call that ended.
    pub fn statistics(&self) -> Result<RtpStatistics, PeerError> {
        rtp_statistics(&self.output()).ok_or_else(|| self.missing("the RTP figures of a call"))
    }

    /// An error that says what the telephone should have shown, and what it printed instead.
    fn missing(&self, what: &str) -> PeerError {
        PeerError::Peer {
            peer: "baresip",
            what: what.to_owned(),
            output: tail(&self.output()),
        }
    }
}

/// The figures in the block that baresip prints at the end of a call.
fn rtp_statistics(output: &str) -> Option<RtpStatistics> {
    let figures = |name: &str| -> Option<(i64, i64)> {
        let line = output
            .lines()
            .rev()
            .find_map(|l| l.trim().strip_prefix(name))?;
        let mut numbers = line.split_ascii_whitespace().map_while(|n| n.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    };
    let (sent, received) = figures("packets:")?;
    let (lost_there, lost_here) = figures("lost:")?;
    Some(RtpStatistics {
        sent: u64::try_from(sent).ok()?,
        received: u64::try_from(received).ok()?,
        lost: lost_there + lost_here,
    })
}

/// Debian's multi-arch releases differ in where modules lie.
fn modules() -> PathBuf {
    let candidates = [
        "/usr/lib/baresip/modules",
        "/usr/lib/x86_64-linux-gnu/baresip/modules",
    ];
    candidates
        .iter()
        .map(PathBuf::from)
        .find(|p| p.is_dir())
        .unwrap_or_else(|| candidates[0].into())
}

/// A loopback port that is free for UDP and TCP, together with the next one; baresip takes that for TLS.
pub(crate) fn free_port_pair() -> Result<u16, PeerError> {
    loop {
        let first = TcpListener::bind("127.0.0.1:0")?;
        let port = first.local_addr()?.port();
        if port < u16::MAX
            && UdpSocket::bind(("127.0.0.1", port)).is_ok()
            && TcpListener::bind(("127.0.0.1", port + 1)).is_ok()
        {
            return Ok(port);
        }
    }
}

/// Control-C for a child that may be gone already.
fn interrupt(child: &Child) {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        // A child that has just ended needs no signal.
        let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_figures_of_a_call_whose_first_packets_overtook_each_other() {
        let block = "EX=BareSip;...\naudio         Transmit:     Receive:\npackets:            503          502\n\
                     avg. bitrate:      64.0         64.0  (kbit/s)\nerrors:               0            0\n\
                     pkt.report:           1            2\nlost:                 0           -1\n";
        let expected = RtpStatistics {
            sent: 503,
            received: 502,
            lost: -1,
        };
        assert_eq!(rtp_statistics(block), Some(expected));
        assert_eq!(rtp_statistics("packets: 503 502\n"), None);
    }
}
