//! The gateway as the black-box tests see it: a `ramald` process of their own on loopback, and the phones around it.
//!
//! [`Gateway::start`] runs the real binary with an empty data directory, waits until it says it is ready, sets it up
//! through the API and hands out extensions and registered phones. The API is reached over the Unix socket, as
//! `ramalctl` does. The process is stopped, and its directory removed, when the value is dropped.

mod api;
mod process;

pub use api::{Answer, Api};
pub use process::Options;

use serde_json::json;
use sipphone::{Phone, PhoneConfig, PhoneError};
use std::net::SocketAddr;
use std::time::Duration;

/// What can go wrong around the gateway.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The process could not be started, or files not be made.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The process ended, or did not get ready in time; with the end of its log.
    #[error("ramald {what}; its log ends with:\n{log}")]
    Process {
        /// What happened.
        what: String,
        /// Last lines of its log.
        log: String,
    },
    /// The API answered something unexpected.
    #[error("{request} answered {status}: {body}")]
    Api {
        /// Method and path.
        request: String,
        /// HTTP status.
        status: u16,
        /// Body as text.
        body: String,
    },
    /// HTTP trouble on the local socket.
    #[error("API connection: {0}")]
    Http(String),
    /// A phone could not register.
    #[error(transparent)]
    Phone(#[from] PhoneError),
    /// A condition did not come true in time.
    #[error("{0} did not happen in time")]
    Late(&'static str),
}

/// A running gateway with an administrator and no extensions.
#[derive(Debug)]
pub struct Gateway {
    process: process::Process,
    api: Api,
}

/// An extension and its secret.
#[derive(Debug, Clone)]
pub struct Extension {
    /// Object id in the API.
    pub id: i64,
    /// Number, which is the SIP user as well.
    pub number: String,
    /// Digest secret.
    pub secret: String,
}

impl Gateway {
    /// A gateway set up for a Brazilian company.
    pub async fn start() -> Result<Gateway, GatewayError> {
        Gateway::start_with(Options::default()).await
    }

    /// The same with other options.
    pub async fn start_with(options: Options) -> Result<Gateway, GatewayError> {
        let gateway = Gateway::start_empty(options).await?;
        let body = json!({
            "language": "pt-BR", "country": "BR",
            "company": { "legal_name": "Padaria do Bairro", "area_code": "51" },
            "admin": { "login": "admin", "name": "Admin", "password": "um girassol na janela" },
        });
        gateway
            .api
            .post("/api/v1/setup", &body)
            .await?
            .expect(201)?;
        Ok(gateway)
    }

    /// A gateway as it comes from the box: nobody has visited it yet.
    pub async fn start_empty(options: Options) -> Result<Gateway, GatewayError> {
        let process = process::Process::start(options).await?;
        let api = Api::new(process.socket());
        Ok(Gateway { process, api })
    }

    /// The API over the Unix socket.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// SIP address, UDP and TCP.
    pub fn sip(&self) -> SocketAddr {
        self.process.sip
    }

    /// SIP address, TLS.
    pub fn sip_tls(&self) -> SocketAddr {
        self.process.sip_tls
    }

    /// File with the gateway's certificate, its own authority.
    pub fn certificate(&self) -> std::path::PathBuf {
        self.process.certificate()
    }

    /// HTTPS address.
    pub fn https(&self) -> SocketAddr {
        self.process.https
    }

    /// Process id of `ramald`.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Everything `ramald` has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Kills the process as a power cut would and starts it again on the same data.
    pub async fn crash_and_restart(&mut self) -> Result<(), GatewayError> {
        self.process.kill().await?;
        self.process.restart().await
    }

    /// Kills the process as a power cut would.
    pub async fn crash(&mut self) -> Result<(), GatewayError> {
        self.process.kill().await
    }

    /// Starts it again on the same data.
    pub async fn restart(&mut self) -> Result<(), GatewayError> {
        self.process.restart().await
    }

    /// Its folder of data.
    pub fn data(&self) -> std::path::PathBuf {
        self.process.data()
    }

    /// Asks the process to stop and waits for it; its exit code.
    pub async fn stop(&mut self) -> Result<Option<i32>, GatewayError> {
        self.process.stop().await
    }

    /// Creates an extension.
    pub async fn extension(&self, number: &str) -> Result<Extension, GatewayError> {
        let body = json!({ "number": number, "display_name": format!("Ramal {number}") });
        self.extension_with(&body).await
    }

    /// Creates an extension from an API document.
    pub async fn extension_with(
        &self,
        body: &serde_json::Value,
    ) -> Result<Extension, GatewayError> {
        let answer = self
            .api
            .post("/api/v1/extensions", body)
            .await?
            .expect(201)?;
        let field = |pointer: &str| answer.pointer(pointer).cloned().unwrap_or_default();
        Ok(Extension {
            id: field("/extension/id").as_i64().unwrap_or_default(),
            number: field("/extension/number")
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            secret: field("/secret").as_str().unwrap_or_default().to_owned(),
        })
    }

    /// A phone configured for `extension`, not registered.
    pub fn phone_config(&self, extension: &Extension) -> PhoneConfig {
        PhoneConfig::new(self.sip(), &extension.number, &extension.secret)
    }

    /// Creates an extension and registers a phone on it.
    pub async fn phone(&self, number: &str) -> Result<Phone, GatewayError> {
        let extension = self.extension(number).await?;
        let phone = Phone::start(self.phone_config(&extension)).await?;
        phone.register(300).await?;
        Ok(phone)
    }

    /// Waits until `condition` holds for the answer to GET `path`, at most 15 s.
    pub async fn wait(
        &self,
        path: &str,
        what: &'static str,
        condition: impl Fn(&serde_json::Value) -> bool,
    ) -> Result<serde_json::Value, GatewayError> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(15);
        loop {
            let answer = self.api.get(path).await?.expect(200)?;
            if condition(&answer) {
                return Ok(answer);
            }
            if tokio::time::Instant::now() > deadline {
                return Err(GatewayError::Late(what));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The call records, newest first, once there are `count` ended ones.
    pub async fn records(&self, count: usize) -> Result<Vec<serde_json::Value>, GatewayError> {
        let ended = |answer: &serde_json::Value| {
            let calls = answer
                .get("calls")
                .and_then(|c| c.as_array())
                .cloned()
                .unwrap_or_default();
            calls
                .into_iter()
                .filter(|c| c.get("result").is_some_and(|r| r.is_string()))
                .collect::<Vec<_>>()
        };
        let answer = self
            .wait("/api/v1/calls?limit=100", "the call records", |a| {
                ended(a).len() >= count
            })
            .await?;
        Ok(ended(&answer))
    }
}
