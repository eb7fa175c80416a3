//! The parts of the gateway, wired together.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ramal_api::{ApiConfig, ApiError, Limits, Server};
use ramal_archive::{ArchiveError, Archives, Settled};
use ramal_lines::alsa_gpio::LineCard;
use ramal_lines::dahdi::DahdiLines;
use ramal_lines::simulated::{SimulatedConfig, SimulatedLines};
use ramal_lines::{LineError, PortNames};
use ramal_media::{Engine, EngineConfig, MediaError, Multiplexing, PromptLibrary};
use ramal_model::{Country, Language};
use ramal_network::{Network, NetworkError};
use ramal_notify::{Courier, CourierConfig, CourierError};
use ramal_pbx::{Pbx, PbxConfig, PbxError, RecordingConfig, SipTls, SoundFolders};
use ramal_phrases::vocabulary;
use ramal_sounds::{SoundError, Studio, StudioConfig};
use ramal_store::{Store, StoreError};
use ramal_tls::{CertificateError, Names, OwnCertificate, RootsError};
use ramal_update::{Updater, UpdaterConfig};
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::membership;
use crate::notify::Notify;
use crate::settings::{Settings, SettingsError};

/// How often the status line is renewed where nobody watches more closely.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);
/// Within this time the web service must be closed.
const WEB_STOP: Duration = Duration::from_secs(1);
/// Within this time what is queued must be on disk.
const STORE_STOP: Duration = Duration::from_secs(2);

/// How often the service manager is told that a restore takes longer.
const SETTLING: Duration = Duration::from_secs(5);

/// Why the service ends without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was told to stop.
    Stop,
    /// It is to start again.
    Again,
    /// It is to start again, and everything is to be deleted before, also what only the system may delete.
    Reset,
}

impl End {
    /// What the next start has to do.
    fn again(data_dir: &Path) -> Self {
        match ramal_archive::is_reset_ordered(data_dir) {
            true => Self::Reset,
            false => Self::Again,
        }
    }
}

/// Why the service ends with an error.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No threads.
    #[error("cannot start worker threads: {0}")]
    Runtime(io::Error),
    /// The program does not know its own file.
    #[error("cannot find the program itself: {0}")]
    Program(io::Error),
    /// A folder cannot be made or written to.
    #[error("cannot write to the folder {}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An archive that was ordered cannot be restored, or everything not be deleted.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The network's settings cannot be read or handed on.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The prompts cannot be loaded, or media not be started.
    #[error("cannot start media: {0}")]
    Media(#[from] MediaError),
    /// The folder of sounds cannot be used.
    #[error("sounds: {0}")]
    Sounds(#[from] SoundError),
    /// The lines cannot be started.
    #[error(transparent)]
    Lines(#[from] LineError),
    /// There is no usable certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate authorities named cannot be used.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// SIP cannot be started.
    #[error(transparent)]
    Pbx(#[from] PbxError),
    /// Nobody can be told of events.
    #[error(transparent)]
    Courier(#[from] CourierError),
    /// The web service cannot be started.
    #[error("cannot start the web service: {0}")]
    Api(#[from] ApiError),
    /// What is remembered of updates cannot be read.
    #[error("what is known of updates cannot be read: {0}; check the disk")]
    Update(io::Error),
    /// The chassis cannot be looked after.
    #[error("cannot start threads for the chassis: {0}")]
    Chassis(io::Error),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(io::Error),
}

/// Runs the gateway until it is told to stop.
///
/// # Errors
/// Whatever keeps it from starting.
pub(crate) async fn run(settings: Settings) -> Result<End, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Signals)?;
    let notify = Notify::from_environment();
    notify.starting("data");

    // A lifeline that a killed gateway has left energised is released whatever becomes of this start.
    let chassis = crate::chassis::start(&settings.board, &settings.data_dir)?;
    make_writable(&settings.data_dir)?;
    make_writable(&settings.run_dir)?;
    if crate::chassis::mind_the_button(&chassis, &settings.data_dir, &notify).await? {
        return Ok(End::Reset);
    }
    settle(&settings.data_dir, &notify).await?;
    notify.starting("configuration");
    let store = Store::open(&settings.data_dir)?;
    notify.starting("prompts and media");
    let studio = studio(&settings, &store)?;
    let engine = Engine::start(EngineConfig {
        // Voice comes to the addresses that signalling comes to.
        bind: settings.sip.ip(),
        ports: settings.rtp_ports.clone(),
        threads: 1,
        prompts: Arc::new(prompts(&settings.prompts_dir)?),
        multiplexing: Multiplexing::default(),
    })?;
    notify.starting("certificate");
    let certificate = OwnCertificate::open(settings.data_dir.join("tls"), names(&settings))?;
    notify.starting("telephony");
    let pbx = Pbx::start(
        PbxConfig {
            sip_listen: settings.sip,
            advertised: settings.advertise,
            sip_tls: Some(SipTls {
                listen: settings.sip_tls,
                // Phones name all sorts of protocols, or none.
                config: Arc::new(certificate.server_config(&[])?),
            }),
            tls_client: Some(Arc::new(ramal_tls::client_config(
                settings.authorities.as_deref(),
            )?)),
            name_servers: settings.name_servers.clone(),
            system_root: PathBuf::from("/"),
            sounds: SoundFolders {
                audio_files: Some(sounds_dir(&settings)),
                music: Some(settings.music_dir.clone()),
            },
            recordings: Some(recorded(&settings.data_dir, "recordings")),
            voicemail: Some(recorded(&settings.data_dir, "voicemail")),
        },
        store.clone(),
        engine,
    )
    .await?;
    notify.starting("lines");
    if settings.simulated_lines {
        pbx.add_lines(Box::new(SimulatedLines::start(&simulation(&store))?));
    } else {
        add_cards(&pbx, &settings.board, country(&store));
    }
    notify.starting("web and everything else");
    let courier = Courier::start(
        CourierConfig {
            tls: ramal_tls::client_config(settings.authorities.as_deref())?,
            authorities: settings.authorities.clone(),
        },
        store.clone(),
        pbx.clone(),
    )?;
    let updater = updater(&settings, &pbx).await?;
    let state = chassis.state();
    let minder = crate::chassis::Minder::start(chassis, pbx.clone(), updater.watch());
    let update_alarms = tokio::spawn(crate::update_alarms::follow(pbx.clone(), updater.watch()));
    let fleet = membership::start(
        settings.data_dir.join("update"),
        &settings.board,
        ramal_tls::client_config(settings.authorities.as_deref())?,
        store.clone(),
        pbx.clone(),
        updater.clone(),
    )
    .map_err(Failure::Update)?;
    let archives = Archives::open(&settings.data_dir, store.clone(), env!("CARGO_PKG_VERSION"))?;
    let archivist = tokio::spawn(archives.clone().follow_schedule());
    let backup_watch = tokio::spawn(crate::backups::follow(archives.watch(), pbx.clone()));
    let network = Network::open(settings.network.clone(), store.clone()).await?;
    let network_watch = tokio::spawn(crate::network::follow(network.reverted(), pbx.clone()));
    let again = Arc::new(tokio::sync::Notify::new());
    let speaker = tokio::spawn(crate::spoken::follow(studio.clone(), store.watch()));
    let web = Server::start(
        ApiConfig {
            https: settings.https,
            http: settings.http,
            socket: Some(settings.run_dir.join("api.sock")),
            data_dir: settings.data_dir.clone(),
            studio,
            updater,
            fleet,
            archives,
            again: Arc::clone(&again),
            network: network.clone(),
            chassis: state,
            certificate,
            limits: Limits::default(),
        },
        store.clone(),
        pbx.clone(),
    )
    .await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        sip = %pbx.sip_address(),
        sip_tls = ?pbx.sip_tls_address(),
        https = %web.https_address(),
        rtp_first = settings.rtp_ports.start(),
        rtp_last = settings.rtp_ports.end(),
        data = %settings.data_dir.display(),
        "ready"
    );
    crate::memory::give_back();
    minder.serving();
    notify.ready();
    let end = tokio::select! {
        () = watch(&notify, &pbx, &mut terminate, &mut interrupt) => End::Stop,
        () = again.notified() => End::again(&settings.data_dir),
    };

    tracing::info!(?end, "stopping");
    if end == End::Stop {
        notify.stopping();
    }
    notify.status("stopping");
    minder.stopping();
    pbx.shutdown().await;
    // Not before calls have ended: it releases the lifeline's relay.
    minder.stop().await;
    if timeout(WEB_STOP, web.shutdown()).await.is_err() {
        tracing::warn!("stopping although the web service still has requests");
    }
    drop(courier);
    speaker.abort();
    update_alarms.abort();
    archivist.abort();
    backup_watch.abort();
    network_watch.abort();
    if timeout(STORE_STOP, store.close()).await.is_err() {
        tracing::error!("stopping although the disk has not taken everything");
    }
    Ok(end)
}

/// Restores an archive or deletes everything when that was ordered, before anything of the data is opened. It may take
/// longer than the service manager waits.
async fn settle(data_dir: &Path, notify: &Notify) -> Result<(), Failure> {
    let dir = data_dir.to_owned();
    let mut settling = tokio::task::spawn_blocking(move || ramal_archive::settle(&dir));
    let mut ticks = interval(SETTLING);
    let settled = loop {
        tokio::select! {
            settled = &mut settling => break settled,
            _ = ticks.tick() => notify.takes_longer(4 * SETTLING),
        }
    };
    match settled
        .map_err(io::Error::from)
        .map_err(Failure::Runtime)??
    {
        Settled::Nothing => {}
        Settled::Reset => {
            tracing::warn!("everything was deleted: the gateway is as it came from the box")
        }
        Settled::Restored(restored) => tracing::warn!(
            archive = restored.archive, by = %restored.by, "an archive was restored"
        ),
    }
    Ok(())
}

/// Recordings and voice messages lie on the data partition; its last fiftieth, at least 64 MB, is for the database and everything else.
fn recorded(data_dir: &Path, folder: &str) -> RecordingConfig {
    const LEAST: u64 = 64 << 20;
    let size = nix::sys::statvfs::statvfs(data_dir).map_or(0, |space| {
        #[allow(clippy::unnecessary_cast, reason = "u32 on some machines")]
        let size = space.blocks() as u64 * space.fragment_size() as u64;
        size
    });
    RecordingConfig {
        folder: data_dir.join(folder),
        reserve: (size / 50).max(LEAST),
    }
}

/// Keeps systemd informed until a signal comes.
///
/// The watchdog hears from us only while the SIP agent answers: should it hang, the service is restarted.
async fn watch(notify: &Notify, pbx: &Pbx, terminate: &mut Signal, interrupt: &mut Signal) {
    let period = notify
        .watchdog_interval()
        .map_or(STATUS_INTERVAL, |interval| interval / 2);
    let mut ticks = interval(period.max(Duration::from_millis(100)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = interrupt.recv() => return,
            _ = ticks.tick() => match pbx.counters().await {
                Some(counters) => {
                    notify.alive();
                    notify.status(&format!(
                        "{} phones registered, {} calls",
                        counters.calls.registrations, counters.calls.active
                    ));
                }
                None => tracing::error!("call control does not answer"),
            },
        }
    }
}

/// Simulated lines with the tones of the company's country, as far as it is known at the start.
fn simulation(store: &Store) -> SimulatedConfig {
    SimulatedConfig {
        country: country(store),
        ..SimulatedConfig::default()
    }
}

/// The company's country, as far as it is known.
fn country(store: &Store) -> Country {
    let configuration = store.configuration();
    let company = configuration.company();
    company.map(|company| company.country).unwrap_or_default()
}

/// Takes calls on the board's line cards and on the analogue modules of cards in its slots. Without any, or with one that
/// cannot be used, telephones and other trunks work all the same.
fn add_cards(pbx: &Pbx, board: &Path, country: Country) {
    let mut names = PortNames::default();
    let cards = LineCard::read(board).unwrap_or_else(|error| {
        tracing::error!(%error, "no line cards");
        Vec::new()
    });
    for card in cards {
        match card.start(country, &mut names) {
            Ok(lines) => pbx.add_lines(Box::new(lines)),
            Err(error) => tracing::error!(%error, card = card.sound, "no line card"),
        }
    }
    let spans = match DahdiLines::find() {
        Ok(spans) if spans.is_empty() => return,
        Ok(spans) => spans,
        Err(error) => return tracing::error!(%error, "no analogue lines"),
    };
    match DahdiLines::start(&spans, country, &mut names) {
        Ok(lines) => pbx.add_lines(Box::new(lines)),
        Err(error) => tracing::error!(%error, "no analogue lines"),
    }
}

/// Makes a folder if need be, and tries whether it can be written to.
fn make_writable(path: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::Folder {
        path: path.to_owned(),
        error,
    };
    fs::create_dir_all(path).map_err(failed)?;
    let probe = path.join(".writable");
    fs::write(&probe, []).map_err(failed)?;
    fs::remove_file(&probe).map_err(failed)
}

/// Loads the prompts. Without them the gateway carries calls all the same; its services have nothing to say.
fn prompts(folder: &Path) -> Result<PromptLibrary, MediaError> {
    if !folder.is_dir() {
        tracing::warn!(folder = %folder.display(), "there are no prompts: services of the gateway are silent");
        return Ok(PromptLibrary::default());
    }
    let library = PromptLibrary::load(folder)?;
    let missing: Vec<String> = Language::ALL
        .into_iter()
        .flat_map(|language| vocabulary(language).map(move |name| (language.tag(), name)))
        .filter(|(language, name)| library.get(language, name).is_none())
        .map(|(language, name)| format!("{language}/{name}"))
        .collect();
    if let Some(first) = missing.first() {
        tracing::warn!(folder = %folder.display(), count = missing.len(), first, "prompts are missing");
    }
    Ok(library)
}

/// What a new certificate says of us: the machine's name, also as the local network knows it (RFC 6762).
fn names(settings: &Settings) -> Names {
    let hosts = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .map(|name| vec![name.clone(), format!("{name}.local")])
        .unwrap_or_default();
    Names {
        hosts,
        addresses: own_addresses(settings),
    }
}

/// Where uploaded and spoken sounds lie.
fn sounds_dir(settings: &Settings) -> PathBuf {
    settings.data_dir.join("sounds")
}

/// Opens the folder of sounds and brings it in line with the configuration.
fn studio(settings: &Settings, store: &Store) -> Result<Studio, Failure> {
    let studio = Studio::open(StudioConfig {
        folder: sounds_dir(settings),
        // Files from outside are decoded by a process of their own.
        converter: Some(std::env::current_exe().map_err(Failure::Program)?),
        espeak: "espeak-ng".into(),
    })?;
    let configuration = store.configuration();
    let files = configuration.audio_files().iter();
    let spoken = configuration.speeches().map(|speech| speech.key());
    let keys = files.map(|file| file.key.clone()).chain(spoken).collect();
    for key in studio.clean(&keys) {
        let mut files = configuration.audio_files().iter();
        let Some(file) = files.find(|file| file.key == key) else {
            // A text, which will be spoken anew.
            continue;
        };
        let name = file.name.as_str();
        tracing::warn!(
            audio_file = name,
            "the sound is not on this gateway: upload it again"
        );
    }
    Ok(studio)
}

/// Takes up what was known of updates before this start.
async fn updater(settings: &Settings, pbx: &Pbx) -> Result<Updater, Failure> {
    let (calls, equipment) = (pbx.clone(), pbx.clone());
    Updater::start(UpdaterConfig {
        folder: settings.data_dir.join("update"),
        boot_state: settings.boot_state.clone(),
        order: settings.run_dir.join("order"),
        version: env!("CARGO_PKG_VERSION"),
        calls: Arc::new(move || calls.active_calls()),
        equipment: Arc::new(move || equipment.equipment()),
    })
    .await
    .map_err(Failure::Update)
}

/// The addresses a browser may reach us at.
fn own_addresses(settings: &Settings) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = settings
        .advertise
        .into_iter()
        .map(|outer| outer.address)
        .collect();
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    for interface in interfaces.filter_map(|interface| interface.address) {
        let address = match (interface.as_sockaddr_in(), interface.as_sockaddr_in6()) {
            (Some(v4), _) => IpAddr::V4(v4.ip()),
            // A link-local address cannot be written into an address bar.
            (_, Some(v6)) if !v6.ip().is_unicast_link_local() => IpAddr::V6(v6.ip()),
            _ => continue,
        };
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}
