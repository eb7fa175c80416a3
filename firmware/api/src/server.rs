//! Starts and stops the web service.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use bytes::Bytes;
use ramal_archive::Archives;
use ramal_fleet::Fleet;
use ramal_network::Network;
use ramal_pbx::Pbx;
use ramal_sounds::Studio;
use ramal_store::Store;
use ramal_tls::OwnCertificate;
use ramal_update::Updater;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::admission::Admission;
use crate::app::{App, Parts};
use crate::backoff::Backoff;
use crate::connection::Limits;
use crate::listen::{self, Door};
use crate::load::LoadMeter;
use crate::stop::Stop;
use crate::{assets, guard, permit, redirect, routes, websocket};

/// How often it is looked whether the certificate must be renewed.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(3600);

/// Where the web service listens and keeps its files.
#[derive(Clone)]
pub struct ApiConfig {
    /// Address of the HTTPS port.
    pub https: SocketAddr,
    /// Address of the HTTP port that redirects to HTTPS; none to have none.
    pub http: Option<SocketAddr>,
    /// The local socket; none to have none.
    pub socket: Option<PathBuf>,
    /// Archives of the whole gateway.
    pub archives: Archives,
    /// The gateway's own network.
    pub network: Network,
    /// State of the chassis.
    pub chassis: watch::Receiver<ramal_chassis::State>,
    /// Told when the service is to start again: with a restored archive, or empty.
    pub again: Arc<Notify>,
    /// The data folder, whose file system's space is shown.
    pub data_dir: PathBuf,
    /// Makes and keeps sounds.
    pub studio: Studio,
    /// Updates of the gateway.
    pub updater: Updater,
    /// The fleet that may bring them.
    pub fleet: Fleet,
    /// Shown to browsers, and renewed in time.
    pub certificate: Arc<OwnCertificate>,
    /// Bounds.
    pub limits: Limits,
}

/// Why the web service does not start.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// A port or the socket cannot be opened.
    #[error(
        "cannot listen on {on}: {source}; is another service running there, and is the port allowed?"
    )]
    Listen {
        /// Address or path.
        on: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The OpenAPI document cannot be written.
    #[error("the API's document cannot be written: {0}")]
    Document(#[from] serde_json::Error),
    /// The machine's load cannot be read.
    #[error("the load of the machine cannot be read: {0}")]
    Load(#[from] sysinfo::Error),
    /// A helper thread died.
    #[error("a task of the web service ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// The running web service.
#[derive(Debug)]
pub struct Server {
    https: SocketAddr,
    http: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Opens the ports and starts to answer.
    pub async fn start(config: ApiConfig, store: Store, pbx: Pbx) -> Result<Self, ApiError> {
        let certificate = config.certificate;
        let tls = TlsAcceptor::from(Arc::new(certificate.server_config(&[b"h2", b"http/1.1"])?));
        let load = Arc::new(tokio::task::spawn_blocking(LoadMeter::new).await??);
        let https = bind(config.https).await?;
        let https_address = local_address(&https, config.https)?;
        let http = match config.http {
            Some(address) => Some((bind(address).await?, address)),
            None => None,
        };
        let local = match config.socket {
            Some(path) => {
                let on = path.display().to_string();
                let listener =
                    listen::bind_local(&path).map_err(|source| ApiError::Listen { on, source })?;
                Some((listener, path))
            }
            None => None,
        };
        let (stop, stopped) = Stop::new();
        let limits = config.limits;
        let admission = Admission::new(limits.connections, limits.connections_per_source);
        let (api, document) = routes::api().split_for_parts();
        let app = App::new(Parts {
            store,
            pbx,
            studio: config.studio,
            updater: config.updater,
            fleet: config.fleet,
            archives: config.archives,
            again: config.again,
            network: config.network,
            chassis: config.chassis,
            data_dir: config.data_dir,
            started: Instant::now(),
            backoff: Backoff::default(),
            event_places: Arc::new(Semaphore::new(limits.event_clients)),
            limits,
            admission: Arc::clone(&admission),
            load,
            stop: stopped.clone(),
            document: Bytes::from(serde_json::to_vec(&document)?),
        });
        let door = |router: Router| Door {
            router,
            limits,
            admission: Arc::clone(&admission),
            stop: stopped.clone(),
        };
        let site = door(site(api, app.clone(), limits));
        let mut tasks = JoinSet::new();
        tasks.spawn(listen::tcp(https, Some(tls), site.clone()));
        let mut http_address = None;
        if let Some((listener, asked)) = http {
            http_address = Some(local_address(&listener, asked)?);
            tasks.spawn(listen::tcp(
                listener,
                None,
                door(redirect::router(https_address.port(), app)),
            ));
        }
        if let Some((listener, path)) = local {
            tasks.spawn(listen::local(listener, path, site));
        }
        tasks.spawn(keep_certificate(certificate, stopped));
        Ok(Self {
            https: https_address,
            http: http_address,
            stop,
            tasks,
        })
    }

    /// The HTTPS address in use; tells the port when port 0 was asked for.
    pub fn https_address(&self) -> SocketAddr {
        self.https
    }

    /// The HTTP address in use.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Closes the ports, ends the event streams, lets running requests finish, and returns when all is done.
    pub async fn shutdown(mut self) {
        // Fails only when no task is left to hear it.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// API and web UI with all that goes around them.
fn site(api: Router<App>, app: App, limits: Limits) -> Router {
    api.route_layer(from_fn_with_state(app.clone(), permit::permit))
        .route("/ws", get(websocket::upgrade))
        .fallback(assets::serve)
        // Bodies are limited where they are read, each kind by its own measure.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(guard::same_site))
        .layer(from_fn_with_state(limits, guard::time_limit))
        .layer(from_fn(guard::finish))
        .with_state(app)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ApiError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ApiError::Listen {
            on: address.to_string(),
            source,
        })
}

fn local_address(listener: &TcpListener, asked: SocketAddr) -> Result<SocketAddr, ApiError> {
    listener.local_addr().map_err(|source| ApiError::Listen {
        on: asked.to_string(),
        source,
    })
}

async fn keep_certificate(certificate: Arc<OwnCertificate>, mut stop: Stop) {
    loop {
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(CERTIFICATE_CHECK) => {}
        }
        let certificate = Arc::clone(&certificate);
        match tokio::task::spawn_blocking(move || certificate.renew()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the certificate is not renewed"),
            Err(error) => tracing::error!(%error, "the check of the certificate failed"),
        }
    }
}
