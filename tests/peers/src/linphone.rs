//! A linphone telephone: the console one, steered by what is written to it.

use crate::baresip::free_port_pair;
use crate::{Account, PeerError, Transport, tail, wave};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

/// What the telephone prints when it waits for a command.
const PROMPT: &str = "linphonec>";
/// Until a command must have been taken.
const AT_ONCE: Duration = Duration::from_secs(10);
/// Until it must have started: its libraries are large, and may have to be read from a slow disk first.
const STARTED: Duration = Duration::from_secs(60);

/// A running telephone; it answers every call by itself.
#[derive(Debug)]
pub struct Linphone {
    child: Child,
    /// Where it is typed, until it quits.
    commands: Option<ChildStdin>,
    directory: tempfile::TempDir,
}

impl Linphone {
    /// Starts a telephone that registers, and sends a tone of `frequency` Hz in every call.
    pub async fn start(account: &Account, frequency: f64) -> Result<Linphone, PeerError> {
        let directory = tempfile::Builder::new().prefix("linphone-").tempdir()?;
        wave::write_tone(&directory.path().join("tone.wav"), frequency, 60)?;
        std::fs::write(
            directory.path().join("linphonerc"),
            configuration(account, free_port_pair()?),
        )?;
        std::fs::create_dir_all(directory.path().join(".local/share/linphone"))?;
        let log = std::fs::File::create(directory.path().join("log"))?;
        let mut child = Command::new("linphonec")
            .arg("-a")
            .arg("-c")
            .arg(directory.path().join("linphonerc"))
            .env("HOME", directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()?;
        let commands = child.stdin.take();
        let mut phone = Linphone {
            child,
            commands,
            directory,
        };
        phone.prompted(0, STARTED).await?;
        phone.command("soundcard use files").await?;
        let file = |phone: &Linphone, name: &str| phone.directory.path().join(name);
        let (tone, heard) = (file(&phone, "tone.wav"), file(&phone, "heard.wav"));
        phone.command(&format!("play {}", tone.display())).await?;
        phone
            .command(&format!("record {}", heard.display()))
            .await?;
        Ok(phone)
    }

    /// Types a command and waits until it is taken: the telephone overlooks what is typed ahead.
    pub async fn command(&mut self, command: &str) -> Result<(), PeerError> {
        let before = self.prompts();
        self.type_line(command).await?;
        self.prompted(before, AT_ONCE).await
    }

    async fn type_line(&mut self, line: &str) -> Result<(), PeerError> {
        let Some(commands) = &mut self.commands else {
            return Err(self.fault("a telephone that runs".to_owned()));
        };
        commands.write_all(line.as_bytes()).await?;
        commands.write_all(b"\n").await?;
        commands.flush().await?;
        Ok(())
    }

    fn prompts(&self) -> usize {
        self.output().matches(PROMPT).count()
    }

    /// Waits until the telephone has prompted more than `before` times.
    async fn prompted(&mut self, before: usize, limit: Duration) -> Result<(), PeerError> {
        let deadline = tokio::time::Instant::now() + limit;
        while self.prompts() <= before {
            let ended = self.child.try_wait()?.is_some();
            if ended || tokio::time::Instant::now() > deadline {
                return Err(self.fault("a prompt".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
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
                return Err(self.fault(format!("'{text}' within {} s", limit.as_secs())));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Waits until the telephone is registered.
    pub async fn wait_registered(&mut self, limit: Duration) -> Result<(), PeerError> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            self.command("status register").await?;
            if self.output().contains("registered, identity=") {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                return Err(self.fault("a registration".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Ends the telephone as its user would: it un-registers first.
    pub async fn quit(&mut self) -> Result<(), PeerError> {
        self.type_line("quit").await?;
        // It also waits for the end of what is typed.
        self.commands = None;
        match tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await {
            Ok(status) => status.map(drop).map_err(PeerError::from),
            Err(_) => Err(self.fault("an end within 10 s".to_owned())),
        }
    }

    /// The samples (8 kHz) that the telephone heard.
    pub fn heard(&self) -> Result<Vec<i16>, PeerError> {
        Ok(wave::read(&self.directory.path().join("heard.wav"))?)
    }

    fn fault(&self, what: String) -> PeerError {
        PeerError::Peer {
            peer: "linphone",
            what,
            output: tail(&self.output()),
        }
    }
}

/// Signalling on ports from `port` up; voice on ports that no gateway under test uses.
fn configuration(account: &Account, port: u16) -> String {
    let Account {
        server,
        user,
        secret,
        transport,
        srtp,
        // It answers all calls.
        when_asked: _,
    } = account;
    let encryption = if *srtp { "srtp" } else { "none" };
    let (param, authority) = match transport {
        Transport::Udp => ("udp", None),
        Transport::Tcp => ("tcp", None),
        Transport::Tls(certificate) => ("tls", Some(certificate.as_path())),
    };
    let authority = authority.unwrap_or(Path::new("/etc/ssl/certs/ca-certificates.crt"));
    format!(
        "[sip]\nsip_port={port}\nsip_tcp_port={port}\nsip_tls_port=-1\nuse_ipv6=0\nmedia_encryption={encryption}\ndefault_proxy=0\n\
         root_ca={authority}\n\
         [rtp]\naudio_rtp_port=12000-13999\n\
         [net]\nmtu=1300\nfirewall_policy=0\n\
         [sound]\nremote_ring=\nlocal_ring=\nechocancellation=0\n\
         [audio_codec_0]\nmime=PCMA\nrate=8000\nenabled=1\n\
         [audio_codec_1]\nmime=PCMU\nrate=8000\nenabled=1\n\
         [auth_info_0]\nusername={user}\nuserid={user}\npasswd={secret}\nrealm=\"ramal\"\n\
         [proxy_0]\nreg_proxy=<sip:{server};transport={param}>\nreg_identity=sip:{user}@{server}\nreg_expires=600\n\
         reg_sendregister=1\npublish=0\n",
        authority = authority.display(),
    )
}
