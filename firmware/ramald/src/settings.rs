//! Where `ramald` finds its folders and which addresses it uses: a TOML file, systemd credentials over it, and command
//! line flags over both. Everything about telephony itself is configured through the API, not here.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Parser;
use ramal_pbx::Advertise;
use serde::Deserialize;
use thiserror::Error;

/// The command line.
#[derive(Debug, Default, Parser)]
#[command(
    name = "ramald",
    version,
    about = "The Ramal telephone gateway service"
)]
pub(crate) struct Flags {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for everything that must survive a restart
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Folder for the local API socket
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
    /// Folder with the spoken prompts
    #[arg(long, value_name = "DIR")]
    prompts_dir: Option<PathBuf>,
    /// Folder with the music that is heard on hold where nothing else was chosen
    #[arg(long, value_name = "DIR")]
    music_dir: Option<PathBuf>,
    /// Address and port for SIP over UDP and TCP
    #[arg(long, value_name = "ADDRESS:PORT")]
    sip: Option<SocketAddr>,
    /// Address and port for SIP over TLS
    #[arg(long, value_name = "ADDRESS:PORT")]
    sip_tls: Option<SocketAddr>,
    /// UDP ports for voice
    #[arg(long, value_name = "FIRST-LAST")]
    rtp_ports: Option<PortRange>,
    /// Address and port of the web interface
    #[arg(long, value_name = "ADDRESS:PORT")]
    https: Option<SocketAddr>,
    /// Address and port that redirects to the web interface
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,
    /// Address told to phones instead of the one they reach us at, and the SIP port if that is another one too (behind
    /// NAT or port forwarding)
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    advertise: Option<Advertise>,
    /// Use simulated telephone lines instead of drivers
    #[arg(long)]
    simulated_lines: bool,
    /// Folder through which the system is told of network settings; without it the machine's network is not ours
    #[arg(long, value_name = "DIR")]
    network: Option<PathBuf>,
    /// The board's description: which line cards are on it
    #[arg(long, value_name = "FILE")]
    board: Option<PathBuf>,
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    data_dir: Option<PathBuf>,
    run_dir: Option<PathBuf>,
    prompts_dir: Option<PathBuf>,
    music_dir: Option<PathBuf>,
    boot_state: Option<PathBuf>,
    advertise_address: Option<Advertise>,
    sip: SipSection,
    rtp: RtpSection,
    web: WebSection,
    lines: LinesSection,
    network: NetworkSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NetworkSection {
    folder: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SipSection {
    listen: Option<SocketAddr>,
    tls_listen: Option<SocketAddr>,
    /// PEM file with certificate authorities of SIP servers, besides those the system trusts.
    authorities: Option<PathBuf>,
    /// Name servers (address and port) asked instead of the system's.
    name_servers: Vec<SocketAddr>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RtpSection {
    ports: Option<[u16; 2]>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WebSection {
    https: Option<SocketAddr>,
    http: Option<SocketAddr>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LinesSection {
    simulated: bool,
    board: Option<PathBuf>,
}

/// The ports from which media streams take theirs, two each (an even one for RTP, the next for RTCP).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortRange(pub(crate) RangeInclusive<u16>);

impl PortRange {
    fn new(first: u16, last: u16) -> Result<Self, SettingsError> {
        if first < 1024 || last <= first {
            return Err(SettingsError::PortRange { first, last });
        }
        Ok(Self(first..=last))
    }
}

impl FromStr for PortRange {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim()
            .split_once('-')
            .and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)))
            .ok_or_else(|| SettingsError::NotPorts(text.trim().to_owned()))
            .and_then(|(first, last)| Self::new(first, last))
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.start(), self.0.end())
    }
}

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// The file or credential is missing or may not be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        path: PathBuf,
        error: std::io::Error,
    },
    /// Not TOML, or an unknown or misspelt setting.
    #[error("{} is not a valid configuration: {error}", path.display())]
    Syntax {
        path: PathBuf,
        error: Box<toml::de::Error>,
    },
    /// The credential's content is not what it should be.
    #[error("credential {name} holds {text:?}, which is not {expected}")]
    Credential {
        name: &'static str,
        text: String,
        expected: &'static str,
    },
    /// Not two numbers.
    #[error("{0:?} is not a port range such as 10000-19999")]
    NotPorts(String),
    /// Two numbers that are no usable range.
    #[error(
        "ports {first}-{last} cannot be used for voice: give a first port from 1024 up and a larger last one"
    )]
    PortRange { first: u16, last: u16 },
}

/// What `ramald` runs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Holds the database, certificates and recordings.
    pub(crate) data_dir: PathBuf,
    /// Holds the local API socket.
    pub(crate) run_dir: PathBuf,
    /// Holds `<language>/<prompt>.wav` or `.flac`.
    pub(crate) prompts_dir: PathBuf,
    /// Holds `<name>.wav` or `.flac`.
    pub(crate) music_dir: PathBuf,
    /// Where the boot state is published; there is none where the machine was not started from an image.
    pub(crate) boot_state: PathBuf,
    /// SIP over UDP and TCP.
    pub(crate) sip: SocketAddr,
    /// SIP over TLS.
    pub(crate) sip_tls: SocketAddr,
    /// Certificate authorities of SIP servers, besides the system's.
    pub(crate) authorities: Option<PathBuf>,
    /// Asked instead of the system's name servers.
    pub(crate) name_servers: Vec<SocketAddr>,
    /// Voice.
    pub(crate) rtp_ports: RangeInclusive<u16>,
    /// The web interface.
    pub(crate) https: SocketAddr,
    /// Redirects to the web interface; none when not given.
    pub(crate) http: Option<SocketAddr>,
    /// Told to phones instead of our own address.
    pub(crate) advertise: Option<Advertise>,
    /// Simulated lines in place of drivers.
    pub(crate) simulated_lines: bool,
    /// Says which line cards are on the board.
    pub(crate) board: PathBuf,
    /// Through which the system is told of network settings; none where the machine's network is not ours.
    pub(crate) network: Option<PathBuf>,
}

impl Settings {
    /// Puts together file, credentials (in `credentials`, systemd's `$CREDENTIALS_DIRECTORY`) and flags.
    ///
    /// # Errors
    /// The first file, credential or value that cannot be read.
    pub(crate) fn load(flags: Flags, credentials: Option<&Path>) -> Result<Self, SettingsError> {
        let file = match &flags.config {
            Some(path) => read_file(path)?,
            None => File::default(),
        };
        let file_ports = file
            .rtp
            .ports
            .map(|[first, last]| PortRange::new(first, last))
            .transpose()?;
        let credential_address =
            credential(credentials, "ramald.advertise_address", Advertise::EXPECTED)?;
        let credential_ports = credential(
            credentials,
            "ramald.rtp_ports",
            "a port range such as 10000-19999",
        )?;
        let sip = flags
            .sip
            .or(file.sip.listen)
            .unwrap_or_else(|| SocketAddr::new(any_address(), 5060));
        Ok(Self {
            data_dir: flags
                .data_dir
                .or(file.data_dir)
                .unwrap_or_else(|| "/data/ramal".into()),
            run_dir: flags
                .run_dir
                .or(file.run_dir)
                .unwrap_or_else(|| "/run/ramal".into()),
            prompts_dir: flags
                .prompts_dir
                .or(file.prompts_dir)
                .unwrap_or_else(|| "/usr/share/ramal/prompts".into()),
            music_dir: flags
                .music_dir
                .or(file.music_dir)
                .unwrap_or_else(|| "/usr/share/ramal/music".into()),
            sip,
            sip_tls: flags
                .sip_tls
                .or(file.sip.tls_listen)
                .unwrap_or_else(|| SocketAddr::new(sip.ip(), tls_port(sip.port()))),
            authorities: file.sip.authorities,
            name_servers: file.sip.name_servers,
            rtp_ports: flags
                .rtp_ports
                .or(credential_ports)
                .or(file_ports)
                .map_or(10_000..=19_999, |ports| ports.0),
            https: flags
                .https
                .or(file.web.https)
                .unwrap_or(([0, 0, 0, 0], 443).into()),
            http: flags.http.or(file.web.http),
            boot_state: file
                .boot_state
                .unwrap_or_else(|| "/run/ramal-boot/state.json".into()),
            advertise: flags
                .advertise
                .or(credential_address)
                .or(file.advertise_address),
            network: flags.network.or(file.network.folder),
            simulated_lines: flags.simulated_lines || file.lines.simulated,
            board: flags
                .board
                .or(file.lines.board)
                .unwrap_or_else(|| "/usr/share/ramal/board.toml".into()),
        })
    }
}

/// All addresses of both families, or those of IPv4 where the kernel has no IPv6.
fn any_address() -> IpAddr {
    match Path::new("/proc/net/if_inet6").exists() {
        true => Ipv6Addr::UNSPECIFIED.into(),
        false => Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// One above the port without TLS, as 5061 is above 5060; 0 takes any for both.
fn tls_port(port: u16) -> u16 {
    match port {
        0 => 0,
        port => port.checked_add(1).unwrap_or(5061),
    }
}

fn read_file(path: &Path) -> Result<File, SettingsError> {
    let text = fs::read_to_string(path).map_err(|error| SettingsError::Read {
        path: path.to_owned(),
        error,
    })?;
    toml::from_str(&text).map_err(|error| SettingsError::Syntax {
        path: path.to_owned(),
        error: Box::new(error),
    })
}

/// Reads one systemd credential; none when it was not passed or is empty.
fn credential<T: FromStr>(
    folder: Option<&Path>,
    name: &'static str,
    expected: &'static str,
) -> Result<Option<T>, SettingsError> {
    let Some(folder) = folder else {
        return Ok(None);
    };
    let path = folder.join(name);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(SettingsError::Read { path, error }),
    };
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse() {
        Ok(value) => Ok(Some(value)),
        Err(_) => Err(SettingsError::Credential {
            name,
            text: text.to_owned(),
            expected,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(arguments: &[&str]) -> Flags {
        Flags::try_parse_from([&["ramald"], arguments].concat()).unwrap()
    }

    #[test]
    fn flags_override_credentials_which_override_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("ramald.toml");
        fs::write(
            &config,
            "data_dir = '/srv/ramal'\nadvertise_address = '192.0.2.1'\n[sip]\nlisten = '0.0.0.0:5062'\n[rtp]\nports = [20000, 20999]\n",
        )
        .unwrap();
        let config = config.to_str().unwrap();
        let file = Settings::load(flags(&["--config", config]), Some(folder.path())).unwrap();
        assert_eq!(file.data_dir, Path::new("/srv/ramal"));
        assert_eq!(file.sip.port(), 5062);
        assert_eq!(file.rtp_ports, 20000..=20999);
        assert_eq!(file.advertise, Some("192.0.2.1".parse().unwrap()));

        fs::write(folder.path().join("ramald.rtp_ports"), "30000-30099\n").unwrap();
        fs::write(
            folder.path().join("ramald.advertise_address"),
            "127.0.0.1:27060\n",
        )
        .unwrap();
        let passed = Settings::load(flags(&["--config", config]), Some(folder.path())).unwrap();
        assert_eq!(passed.rtp_ports, 30000..=30099);
        assert_eq!(
            passed.advertise,
            Some(Advertise {
                address: [127, 0, 0, 1].into(),
                sip_port: Some(27060),
            })
        );

        let arguments = [
            "--config",
            config,
            "--rtp-ports",
            "40000-40001",
            "--sip",
            "127.0.0.1:5070",
        ];
        let flagged = Settings::load(flags(&arguments), Some(folder.path())).unwrap();
        assert_eq!(flagged.rtp_ports, 40000..=40001);
        assert_eq!(flagged.sip, ([127, 0, 0, 1], 5070).into());
    }

    #[test]
    fn a_misspelt_setting_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("ramald.toml");
        fs::write(&config, "[sip]\nlissen = '0.0.0.0:5060'\n").unwrap();
        let error = Settings::load(flags(&["--config", config.to_str().unwrap()]), None)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("lissen") && error.contains("ramald.toml"),
            "{error}"
        );
    }

    #[test]
    fn a_credential_that_is_no_port_range_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ramald.rtp_ports"), "many").unwrap();
        let error = Settings::load(Flags::default(), Some(folder.path()))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("ramald.rtp_ports") && error.contains("many"),
            "{error}"
        );
    }

    #[test]
    fn an_empty_or_backward_port_range_is_refused() {
        for text in [
            "20000-20000",
            "20000-19999",
            "80-1000",
            "20000",
            "a-b",
            "1-99999",
        ] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }
}
