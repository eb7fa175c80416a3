//! The gateway's API over HTTPS, as a browser reaches it.

use crate::Failure;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use ureq::tls::TlsConfig;

/// An extension with its secret.
#[derive(Debug, Clone)]
pub struct Extension {
    /// Number, which is the SIP user as well.
    pub number: String,
    /// Digest secret.
    pub secret: String,
}

/// A browser-like session.
pub struct Api {
    agent: ureq::Agent,
    base: String,
}

impl Api {
    /// The certificate is made by the device itself at first boot, so it can't be checked against anything here.
    pub fn new(https: SocketAddr) -> Api {
        let agent = ureq::Agent::config_builder()
            .tls_config(TlsConfig::builder().disable_verification(true).build())
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .new_agent();
        Api {
            agent,
            base: format!("https://{https}/api/v1"),
        }
    }

    /// First visit: company and administrator.
    pub fn set_up(&self) -> Result<(), Failure> {
        let status = self.get("/status")?;
        if status["set_up"].as_bool() != Some(false) {
            return Err(format!("a fresh gateway is needed, this one says {status}").into());
        }
        let body = json!({
            "language": "es", "country": "AR",
            "company": { "legal_name": "Panaderia del Sur", "area_code": "11" },
            "admin": { "login": "admin", "name": "Admin", "password": "tres tazas de mate" },
        });
        self.post("/setup", &body).map(drop)
    }

    /// Creates an extension.
    pub fn extension(&self, number: &str) -> Result<Extension, Failure> {
        let answer = self.post(
            "/extensions",
            &json!({ "number": number, "display_name": format!("Interno {number}") }),
        )?;
        let secret = answer["secret"].as_str().ok_or("no secret in the answer")?;
        Ok(Extension {
            number: number.to_owned(),
            secret: secret.to_owned(),
        })
    }

    /// Every call so far has one record, with a result and an end. The last one may be on its way to the disk.
    pub fn check_records(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            match self.records_complete() {
                Err(_) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(100))
                }
                outcome => return outcome,
            }
        }
    }

    fn records_complete(&self) -> Result<(), Failure> {
        let answer = self.get("/calls?limit=100")?;
        let calls = answer["calls"].as_array().ok_or("no list of calls")?;
        if calls.len() != 8 {
            return Err(format!("8 calls were made, {} are recorded", calls.len()).into());
        }
        let open: Vec<_> = calls
            .iter()
            .filter(|c| !c["ended_at"].is_i64() || !c["result"].is_string())
            .map(|c| c["id"].to_string())
            .collect();
        if open.is_empty() {
            Ok(())
        } else {
            Err(format!("calls without an end: {}", open.join(", ")).into())
        }
    }

    fn get(&self, path: &str) -> Result<Value, Failure> {
        let mut response = self.agent.get(format!("{}{path}", self.base)).call()?;
        let body: Value = response.body_mut().read_json()?;
        if response.status().is_success() {
            Ok(body)
        } else {
            Err(format!("GET {path}: {body}").into())
        }
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("X-Ramal-CSRF", "1");
        let mut response = request.send_json(body)?;
        let body: Value = response.body_mut().read_json()?;
        if response.status().is_success() {
            Ok(body)
        } else {
            Err(format!("POST {path}: {body}").into())
        }
    }
}
