//! The PBX under test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ramal_media::{Engine, EngineConfig, Multiplexing, PromptLibrary};
use ramal_model::{Actor, CallRecord, Extension, NewAdmin, NewCompany, NewExtension, Secret};
use ramal_pbx::{Live, LiveEvent, Pbx, PbxConfig, PbxError, SipTls};
use ramal_store::{CallFilter, Options, Store};
use ramal_tls::{Names, OwnCertificate};
use sipphone::{Call, Phone, PhoneConfig};

/// Longest wait for anything that should happen at once.
pub const SOON: Duration = Duration::from_secs(30);

/// A PBX with its own data folder and ports, all on 127.0.0.1.
pub struct Gateway {
    pub pbx: Pbx,
    pub store: Store,
    folder: tempfile::TempDir,
}

impl Gateway {
    pub async fn start() -> Self {
        Self::start_with(|config, _| config).await
    }

    /// The same with other settings; they may put files into the folder.
    pub async fn start_with(settings: impl FnOnce(PbxConfig, &Path) -> PbxConfig) -> Self {
        Self::start_at(Options::default(), settings).await
    }

    /// The same with another clock for what is written down and counted.
    pub async fn start_at(
        options: Options,
        settings: impl FnOnce(PbxConfig, &Path) -> PbxConfig,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_with(folder.path(), options).unwrap();
        let company = NewCompany {
            legal_name: "Padaria do Bairro".into(),
            tax_id: String::new(),
            contact_name: String::new(),
            contact_phone: String::new(),
            cnl: String::new(),
            country: "BR".into(),
            country_code: None,
            area_code: None,
            language: None,
            time_zone: None,
            music_class: None,
            limits: None,
            park_seconds: None,
        };
        let admin = NewAdmin {
            login: "admin".into(),
            name: "Admin".into(),
            password: Secret::new("um girassol na janela".into()),
            language: ramal_model::Language::PtBr,
        };
        store.set_up(company, admin).await.unwrap();
        let config = PbxConfig::new(([127, 0, 0, 1], 0).into());
        let config = settings(config, folder.path());
        // A port that is free for TCP may be somebody's for UDP; the next one is another.
        let started = async {
            loop {
                match start(&store, config.clone(), folder.path()).await {
                    Err(PbxError::Listen { .. }) => {}
                    started => return started.unwrap(),
                }
            }
        };
        let pbx = tokio::time::timeout(SOON, started).await.unwrap();
        Self { pbx, store, folder }
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// File with the certificate that [`encrypted`] made.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls/certificate.pem")
    }

    /// Stops the PBX in good order and starts another one on the same data.
    pub async fn restart(&mut self) {
        self.restart_with(|_| {}).await;
    }

    /// The same with other settings.
    pub async fn restart_with(&mut self, settings: impl Fn(&mut PbxConfig)) {
        let address = self.pbx.sip_address();
        self.pbx.shutdown().await;
        // The listener of the old one may take a moment to go.
        let again = async {
            loop {
                let mut config = PbxConfig::new(address);
                settings(&mut config);
                match start(&self.store, config, self.folder.path()).await {
                    Ok(pbx) => return pbx,
                    Err(PbxError::Listen { .. }) => {
                        tokio::time::sleep(Duration::from_millis(5)).await
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        };
        self.pbx = tokio::time::timeout(SOON, again).await.unwrap();
    }

    pub async fn extension(&self, number: &str) -> (Extension, Secret) {
        let new = NewExtension {
            number: number.into(),
            display_name: format!("Ramal {number}"),
            ..NewExtension::default()
        };
        self.extension_with(new).await
    }

    pub async fn extension_with(&self, new: NewExtension) -> (Extension, Secret) {
        self.store
            .create_extension(&Actor::System, new)
            .await
            .unwrap()
    }

    pub fn config(&self, extension: &Extension, secret: &Secret) -> PhoneConfig {
        PhoneConfig::new(self.pbx.sip_address(), &extension.number, secret.as_str())
    }

    /// A registered phone of a new extension.
    pub async fn phone(&self, number: &str) -> Phone {
        let (extension, secret) = self.extension(number).await;
        let phone = Phone::start(self.config(&extension, &secret))
            .await
            .unwrap();
        phone.register(600).await.unwrap();
        phone
    }

    /// Waits until the live state is as wanted.
    pub async fn wait(&self, what: &str, is: impl Fn(&Live) -> bool) -> Live {
        let (mut live, mut events) = self.pbx.observe();
        tokio::time::timeout(SOON, async {
            while !is(&live) {
                let _: LiveEvent = events.recv().await.unwrap();
                live = self.pbx.live();
            }
            live
        })
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen; now: {:?}", self.pbx.live()))
    }

    /// The record of the only call so far, once it is over.
    pub async fn record(&self) -> CallRecord {
        self.wait("the end of the call", |live| live.calls.is_empty())
            .await;
        let mut records = self.store.calls(CallFilter::default()).await.unwrap();
        assert_eq!(records.len(), 1, "{records:?}");
        records.remove(0)
    }
}

/// Settings of a gateway that takes TLS, and believes those whose certificates are in `authorities`.
pub fn encrypted(config: PbxConfig, folder: &Path, authorities: Option<&Path>) -> PbxConfig {
    let own = OwnCertificate::open(folder.join("tls"), Names::default()).unwrap();
    PbxConfig {
        sip_tls: Some(SipTls {
            listen: ([127, 0, 0, 1], 0).into(),
            config: Arc::new(own.server_config(&[]).unwrap()),
        }),
        tls_client: Some(Arc::new(ramal_tls::client_config(authorities).unwrap())),
        ..config
    }
}

async fn start(store: &Store, config: PbxConfig, folder: &Path) -> Result<Pbx, PbxError> {
    let prompts = folder.join("prompts");
    let prompts = if prompts.is_dir() {
        PromptLibrary::load(&prompts).unwrap()
    } else {
        PromptLibrary::default()
    };
    let engine = Engine::start(EngineConfig {
        bind: config.sip_listen.ip(),
        ports: 20_000..=29_999,
        threads: 1,
        prompts: Arc::new(prompts),
        multiplexing: Multiplexing::default(),
    })
    .unwrap();
    Pbx::start(config, store.clone(), engine).await
}

/// The next call that comes to a phone.
pub async fn incoming(phone: &Phone) -> Call {
    tokio::time::timeout(SOON, phone.next_call())
        .await
        .unwrap()
        .unwrap()
}

/// A phone calls a number, and the phone there answers: the ends of both.
pub async fn talking(caller: &Phone, number: &str, callee: &Phone) -> (Call, Call) {
    let mut out = caller.call(number).await.unwrap();
    let mut inn = incoming(callee).await;
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    inn.wait_answered(SOON).await.unwrap();
    (out, inn)
}

/// The steps of a call's trace.
pub fn steps(record: &CallRecord) -> Vec<&str> {
    record
        .trace
        .iter()
        .filter_map(|step| step["step"].as_str())
        .collect()
}
