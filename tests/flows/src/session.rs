//! Somebody at the API as people are: over HTTPS, logged in with a password.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::bench::{Bench, Result};

/// What everybody logs in with who is made by a test.
pub const PASSWORD: &str = "vermelho-cadeira-42";

/// Somebody who has logged in as people do, over HTTPS with a cookie.
pub struct Session {
    origin: String,
    cookies: tempfile::NamedTempFile,
}

impl Session {
    /// Logs in.
    pub async fn open(bench: &Bench, login: &str) -> Result<Self> {
        let session = Self {
            origin: format!("https://{}/api/v1", bench.gateway.https()),
            cookies: tempfile::NamedTempFile::new()?,
        };
        let body = json!({ "login": login, "password": PASSWORD });
        let (status, told) = session.send("POST", "/session", Some(body)).await?;
        assert_eq!(status, 200, "{told}");
        Ok(session)
    }

    /// Sends a request; status and body of the answer.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value)> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--insecure", "--max-time", "30"])
            .args(["--request", method, "--header", "X-Ramal-CSRF: 1"])
            .args(["--write-out", "\n%{http_code}"])
            .arg("--cookie")
            .arg(self.cookies.path())
            .arg("--cookie-jar")
            .arg(self.cookies.path())
            .arg(format!("{}{path}", self.origin))
            .stdin(Stdio::null());
        if let Some(body) = body {
            curl.args(["--header", "Content-Type: application/json"])
                .args(["--data", &body.to_string()]);
        }
        // The phones of the test go on meanwhile.
        let answer = tokio::task::spawn_blocking(move || curl.output()).await??;
        let answer = String::from_utf8(answer.stdout)?;
        let (body, status) = answer.rsplit_once('\n').ok_or("no answer")?;
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        Ok((status.parse()?, body))
    }

    /// What there is at this path, which he may see.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let (status, body) = self.send("GET", path, None).await?;
        assert_eq!(status, 200, "{path}: {body}");
        Ok(body)
    }
}
