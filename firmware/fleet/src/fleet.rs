//! What the machine says, done.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ramal_update::{Phase as UpdatePhase, Restart};
use rustls::ClientConfig;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::download;
use crate::http::{Answered, Http};
use crate::installer::{Fate, Installer};
use crate::keeping;
use crate::machine::status::Status;
use crate::machine::{Asked, LONGEST_WAIT, Machine, News, Record, Step};
use crate::settings::{Policy, Settings, SettingsError};

/// How often it is looked what has become of an update.
const LOOK: Duration = Duration::from_secs(2);

/// What the server is told of the gateway.
pub type Inventory = Arc<dyn Fn() -> BTreeMap<String, String> + Send + Sync>;

/// What the client works with.
#[derive(Clone)]
pub struct FleetConfig {
    /// Folder on the data partition, the one that updates lie in.
    pub folder: PathBuf,
    /// Whom it believes.
    pub tls: ClientConfig,
    /// Serial number of the machine.
    pub serial: String,
    /// What the server is told of the gateway.
    pub inventory: Inventory,
    /// The company's time zone, for hours.
    pub time_zone: Arc<dyn Fn() -> TimeZone + Send + Sync>,
}

/// The client of the fleet's server. Clones are handles of the same.
#[derive(Clone, Debug)]
pub struct Fleet {
    settings: Arc<watch::Sender<Settings>>,
    status: watch::Receiver<Status>,
    file: PathBuf,
    serial: String,
}

impl Fleet {
    /// Reads settings and what was under way, and begins when it is switched on.
    ///
    /// # Errors
    /// What lies on the disk cannot be read.
    pub fn start(config: FleetConfig, installer: impl Installer) -> io::Result<Self> {
        std::fs::create_dir_all(&config.folder)?;
        let file = config.folder.join("fleet.json");
        let (settings, changes) = watch::channel(keeping::read(&file)?);
        let (status, shown) = watch::channel(Status::default());
        let serial = config.serial.clone();
        tokio::spawn(run(config, installer, changes, status));
        Ok(Self {
            settings: Arc::new(settings),
            status: shown,
            file,
            serial,
        })
    }

    /// How it is set.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings.borrow().clone()
    }

    /// Serial number of the machine.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Has the server asked now.
    pub fn ask(&self) {
        self.settings.send_modify(|_| {});
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Sets it; it asks the server anew.
    ///
    /// # Errors
    /// Something of it cannot be, or is not written.
    pub async fn set(&self, settings: Settings) -> Result<(), SetError> {
        settings.check().map_err(SetError::Settings)?;
        let (file, kept) = (self.file.clone(), settings.clone());
        let written = tokio::task::spawn_blocking(move || keeping::write(&file, &kept)).await;
        written.map_err(io::Error::other)??;
        self.settings.send_replace(settings);
        Ok(())
    }
}

/// Why settings are not taken.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// Something of them cannot be.
    #[error("the settings cannot be")]
    Settings(Vec<SettingsError>),
    /// The disk does not take them.
    #[error("the fleet's settings are not written: {0}; check the disk")]
    Disk(#[from] io::Error),
}

/// Runs the client whenever it is switched on.
async fn run(
    config: FleetConfig,
    installer: impl Installer,
    mut settings: watch::Receiver<Settings>,
    status: watch::Sender<Status>,
) {
    // After a power cut all gateways start at once; somebody who has changed the settings waits for what comes of it.
    let mut somebody_waits = false;
    loop {
        let now = settings.borrow_and_update().clone();
        status.send_replace(Status::default());
        if now.enabled {
            let mut driver = Driver::new(config.clone(), installer.clone(), now, &status).await;
            if somebody_waits {
                driver.machine.hurry(Instant::now());
            }
            somebody_waits = true;
            tokio::select! {
                () = driver.run() => {}
                changed = settings.changed() => if changed.is_err() { return },
            }
        } else {
            somebody_waits = true;
            if settings.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Something that takes long.
struct Job(JoinHandle<()>);

impl Drop for Job {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Driver<'a, I> {
    config: FleetConfig,
    installer: I,
    settings: Settings,
    machine: Machine,
    http: Option<Http>,
    status: &'a watch::Sender<Status>,
    news: mpsc::Receiver<News>,
    told: mpsc::Sender<News>,
    job: Option<Job>,
}

impl<'a, I: Installer> Driver<'a, I> {
    async fn new(
        config: FleetConfig,
        installer: I,
        settings: Settings,
        status: &'a watch::Sender<Status>,
    ) -> Self {
        let record: Record = keeping::read(&config.folder.join("fleet-record.json"))
            .unwrap_or_else(|error| {
                tracing::error!(%error, "what was under way with the fleet cannot be read");
                Record::default()
            });
        let state = installer.state().await;
        let running = state.systems.iter().find(|system| system.running);
        let running = running.and_then(|system| system.version.clone());
        let machine = Machine::new(
            settings.base(&config.serial),
            settings.policy,
            running.unwrap_or_default(),
            &config.serial,
            record,
            Instant::now(),
        );
        let (told, news) = mpsc::channel(8);
        Self {
            http: Http::new(
                config.tls.clone(),
                &settings.server,
                &settings.authorization(),
            ),
            config,
            installer,
            settings,
            machine,
            status,
            news,
            told,
            job: None,
        }
    }

    fn path(&self) -> PathBuf {
        self.config.folder.join("fleet.raucb")
    }

    async fn run(mut self) {
        let Some(http) = self.http.clone() else {
            tracing::error!("the fleet's token cannot be sent");
            return std::future::pending().await;
        };
        loop {
            let shown = self.machine.status();
            self.status.send_if_modified(|status| {
                let changed = *status != shown;
                *status = shown;
                changed
            });
            match self.machine.next(Instant::now()) {
                Step::Get(asked, url) => self.ask(&http, asked, Method::GET, &url, None).await,
                Step::Put(asked, url, body) => {
                    self.ask(&http, asked, Method::PUT, &url, Some(&body)).await;
                }
                Step::Post(asked, url, body) => {
                    self.ask(&http, asked, Method::POST, &url, Some(&body))
                        .await;
                }
                Step::Keep(record) => self.keep(record).await,
                Step::Download(artifact) => {
                    let (told, path, http) = (self.told.clone(), self.path(), http.clone());
                    self.job = Some(Job(tokio::spawn(async move {
                        let progress = |percent| {
                            // Lost when nobody has had time for the last one.
                            let _ = told.try_send(News::Progress(percent));
                        };
                        let done = download::download(&http, &artifact, &path, progress).await;
                        // Fails when the client is switched off.
                        let _ = told.send(News::Downloaded(done)).await;
                    })));
                }
                Step::Abort => {
                    self.job = None;
                    download::remove(&self.path()).await;
                }
                Step::Install { install } => {
                    let (told, path) = (self.told.clone(), self.path());
                    let installer = self.installer.clone();
                    // Not stopped with the client: whatever was begun ends.
                    tokio::spawn(async move {
                        let done = take_and_install(&installer, path, install).await;
                        let _ = told.send(News::Installed(done)).await;
                    });
                }
                Step::Restart => self.restart().await,
                Step::Discard => {
                    let done = self.installer.discard().await;
                    let done = done.map_err(|refusal| refusal.to_string());
                    self.machine.news(News::Discarded(done), Instant::now());
                }
                Step::Wait(until) => self.wait(until).await,
            }
        }
    }

    async fn ask(
        &mut self,
        http: &Http,
        asked: Asked,
        method: Method,
        url: &str,
        body: Option<&serde_json::Value>,
    ) {
        if asked == Asked::Base {
            self.look_around().await;
        }
        let news = match http.exchange(method, url, body).await {
            Answered::Document(document) => News::Answer(asked, document),
            Answered::Status(status, wait) => News::Refused(asked, status, wait),
            Answered::Nothing(why) => News::Unreachable(asked, why),
        };
        if let News::Refused(_, status, _) = &news {
            tracing::info!(?asked, status, "the fleet's server refuses");
        }
        self.machine.news(news, Instant::now());
    }

    /// What is told and known of the gateway, as it is now.
    async fn look_around(&mut self) {
        let state = self.installer.state().await;
        let failed = state.failed_versions.iter();
        let failed = failed.map(|failed| (failed.version.clone(), failed.reason.clone()));
        self.machine.set_failed(failed.collect());
        let mut inventory = (self.config.inventory)();
        let running = state.systems.iter().find(|system| system.running);
        if let Some(version) = running.and_then(|system| system.version.clone()) {
            inventory.insert("sw_version".to_owned(), version);
        }
        inventory.insert("serial".to_owned(), self.config.serial.clone());
        self.machine.set_inventory(inventory);
    }

    async fn keep(&self, record: Record) {
        let file = self.config.folder.join("fleet-record.json");
        let written = tokio::task::spawn_blocking(move || keeping::write(&file, &record)).await;
        if let Ok(Err(error)) = written {
            tracing::error!(%error, "what is under way with the fleet is not written");
        }
    }

    async fn restart(&mut self) {
        let now = Timestamp::now();
        let begin = self.settings.window.map(|window| {
            let zone = (self.config.time_zone)();
            window.next(now, &zone)
        });
        let when = match begin {
            Some(begin) if begin > now => Restart::At {
                time: begin.as_millisecond(),
            },
            _ => Restart::Idle,
        };
        if let Err(refusal) = self.installer.restart(when).await {
            tracing::error!(%refusal, "the gateway does not restart for the fleet's update");
        }
    }

    async fn wait(&mut self, until: Instant) {
        let until = until.min(Instant::now() + LONGEST_WAIT);
        let awaited = self.machine.awaited().map(str::to_owned);
        tokio::select! {
            Some(news) = self.news.recv() => self.machine.news(news, Instant::now()),
            () = sleep_until(until) => {}
            () = sleep(LOOK), if awaited.is_some() => {
                let state = self.installer.state().await;
                let installs = self.settings.policy == Policy::Install;
                let fate = Fate::of(&state, &awaited.unwrap_or_default(), installs);
                if fate != Fate::Open {
                    self.machine.news(News::Fate(fate), Instant::now());
                }
            }
        }
    }
}

/// Has the bundle verified, and installed if that is wanted; its version.
async fn take_and_install(
    installer: &impl Installer,
    path: PathBuf,
    install: bool,
) -> Result<String, String> {
    let version = installer
        .take(path)
        .await
        .map_err(|refusal| refusal.to_string())?;
    if !install {
        return Ok(version);
    }
    if let Err(refusal) = installer.install().await {
        // It would wait for somebody to install it.
        if let Err(error) = installer.discard().await {
            tracing::warn!(%error, "an update of the fleet stays");
        }
        return Err(refusal.to_string());
    }
    loop {
        let state = installer.state().await;
        match state.phase {
            UpdatePhase::Installing => sleep(LOOK).await,
            _ if state.pending.is_some() => return Ok(version),
            _ => {
                let why = state.problem.or(state.last.map(|last| last.reason));
                return Err(why.unwrap_or_else(|| "It was not installed.".to_owned()));
            }
        }
    }
}
