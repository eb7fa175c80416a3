//! A gateway for one test: store, PBX and web service in a temporary folder, on ports of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ramal_api::{ApiConfig, Limits, Server};
use ramal_fleet::{Fleet, FleetConfig};
use ramal_media::{Engine, EngineConfig, Multiplexing};
use ramal_pbx::{Pbx, PbxConfig, RecordingConfig};
use ramal_sounds::{Studio, StudioConfig};
use ramal_store::{HashCost, Options, Store};
use ramal_tls::{Names, OwnCertificate};
use ramal_update::{Updater, UpdaterConfig};
use serde_json::{Value, json};
use sipphone::{Phone, PhoneConfig};
use tempfile::TempDir;

use crate::client::Client;

/// Shared by all tests: the engine takes free ports of the range.
const MEDIA_PORTS: RangeInclusive<u16> = 20_000..=29_999;
pub const PASSWORD: &str = "vermelho-cadeira-42";

pub struct Gateway {
    pub server: Server,
    pub pbx: Pbx,
    pub store: Store,
    pub folder: TempDir,
    pub document: Arc<Value>,
    /// Milliseconds by which the store's clock is ahead.
    pub ahead: Arc<AtomicI64>,
}

impl Gateway {
    pub async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ahead = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&ahead);
        let options = Options {
            clock: Arc::new(move || {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                i64::try_from(now.as_millis()).unwrap() + clock.load(Ordering::Relaxed)
            }),
            hash_cost: HashCost {
                memory_kib: 64,
                passes: 1,
            },
            ..Options::default()
        };
        let store = Store::open_with(folder.path(), options).unwrap();
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let updater = Updater::start(UpdaterConfig {
            folder: folder.path().join("update"),
            boot_state: folder.path().join("no-boot-state.json"),
            order: folder.path().join("order"),
            version: "0.1.0",
            calls: Arc::new(|| 0),
            equipment: Arc::new(Vec::new),
        })
        .await
        .unwrap();
        let config = ApiConfig {
            https: any_port,
            http: Some(any_port),
            socket: Some(folder.path().join("run/api.sock")),
            data_dir: folder.path().to_owned(),
            studio: Studio::open(StudioConfig {
                folder: folder.path().join("sounds"),
                converter: None,
                espeak: "espeak-ng".into(),
            })
            .unwrap(),
            fleet: Fleet::start(
                FleetConfig {
                    folder: folder.path().join("fleet"),
                    tls: ramal_tls::client_config(None).unwrap(),
                    serial: "RML000001".into(),
                    inventory: Arc::new(std::collections::BTreeMap::new),
                    time_zone: Arc::new(|| jiff::tz::TimeZone::UTC),
                },
                updater.clone(),
            )
            .unwrap(),
            updater,
            archives: ramal_archive::Archives::open(folder.path(), store.clone(), "test").unwrap(),
            again: Arc::default(),
            network: ramal_network::Network::open(None, store.clone())
                .await
                .unwrap(),
            chassis: tokio::sync::watch::channel(ramal_chassis::State::default()).1,
            certificate: OwnCertificate::open(
                folder.path().join("tls"),
                Names {
                    hosts: vec!["gateway".into()],
                    addresses: vec![Ipv4Addr::LOCALHOST.into()],
                },
            )
            .unwrap(),
            limits,
        };
        let engine = Engine::start(EngineConfig {
            bind: Ipv4Addr::LOCALHOST.into(),
            ports: MEDIA_PORTS,
            threads: 1,
            prompts: Arc::default(),
            multiplexing: Multiplexing::default(),
        })
        .unwrap();
        let mut lines = PbxConfig::new(any_port);
        lines.recordings = Some(RecordingConfig {
            folder: folder.path().join("recordings"),
            reserve: 0,
        });
        lines.voicemail = Some(RecordingConfig {
            folder: folder.path().join("voicemail"),
            reserve: 0,
        });
        let pbx = Pbx::start(lines, store.clone(), engine).await.unwrap();
        let server = Server::start(config, store.clone(), pbx.clone())
            .await
            .unwrap();
        let document = serde_json::to_value(ramal_api::openapi()).unwrap();
        Self {
            server,
            pbx,
            store,
            folder,
            document: Arc::new(document),
            ahead,
        }
    }

    /// A gateway after the first set-up, and its administrator in a session.
    pub async fn set_up() -> (Self, Client) {
        Self::set_up_with(Limits::default()).await
    }

    pub async fn set_up_with(limits: Limits) -> (Self, Client) {
        let gateway = Self::with(limits).await;
        let mut admin = gateway.client();
        let answer = admin.post("/setup", &set_up_body()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        admin.take_session(&answer);
        (gateway, admin)
    }

    /// A client that trusts the gateway's certificate and is not logged in.
    pub fn client(&self) -> Client {
        Client::new(
            self.server.https_address(),
            &self.certificate(),
            Arc::clone(&self.document),
        )
    }

    /// A user of this role, in a session.
    pub async fn user(&self, admin: &Client, role: &str) -> Client {
        let login = format!("the-{role}");
        let body = json!({ "login": login, "role": role, "password": PASSWORD });
        let answer = admin.post("/users", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let mut client = self.client();
        let answer = client
            .post("/session", &json!({ "login": login, "password": PASSWORD }))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        client.take_session(&answer);
        client
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls/certificate.pem")
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("run/api.sock")
    }
}

pub fn set_up_body() -> Value {
    json!({
        "language": "pt-BR",
        "country": "BR",
        "company": { "legal_name": "Padaria Central Ltda", "area_code": "11" },
        "admin": { "login": "administrador", "name": "Ana Souza", "password": PASSWORD },
    })
}

impl Gateway {
    /// A registered phone of a new extension, made through the API.
    pub async fn phone(&self, admin: &Client, number: &str) -> Phone {
        let made = admin
            .post("/extensions", &json!({ "number": number }))
            .await
            .json();
        let secret = made["secret"].as_str().unwrap();
        let config = PhoneConfig::new(self.pbx.sip_address(), number, secret);
        let phone = Phone::start(config).await.unwrap();
        phone.register(600).await.unwrap();
        phone
    }
}
