//! gooseBit itself: enrolment, a roll-out that works, and one that falls back.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ramal_fleet::{Contact, Policy};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::gateway::Gateway;

const PORT: u16 = 11_753;
const DEVICE: &str = "RML000007";

struct GooseBit {
    _process: Child,
    token: String,
}

impl GooseBit {
    async fn start(python: &Path, folder: &Path) -> Self {
        let bin = python.parent().unwrap();
        let environment = [
            ("GOOSEBIT_PORT", PORT.to_string()),
            (
                "GOOSEBIT_DB_URI",
                format!("sqlite:///{}", folder.join("db.sqlite3").display()),
            ),
            (
                "GOOSEBIT_ARTIFACTS_DIR",
                folder.join("artifacts").display().to_string(),
            ),
            ("GOOSEBIT_POLL_TIME", "00:00:05".to_owned()),
            ("GOOSEBIT_DEVICE_AUTH__ENABLE", "true".to_owned()),
            ("GOOSEBIT_DEVICE_AUTH__MODE", "setup".to_owned()),
        ];
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let process = Command::new(python)
            .args(["-c", START])
            .env("PATH", bin)
            .envs(environment)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut server = Self {
            _process: process,
            token: String::new(),
        };
        let user = "username=admin%40example.com&password=um+girassol";
        for attempt in 0.. {
            let kind = "application/x-www-form-urlencoded";
            if let Some((200, body)) = ask("POST", "/setup", kind, "", user.as_bytes()).await {
                server.token = body["access_token"].as_str().unwrap_or_default().to_owned();
                break;
            }
            let log = std::fs::read_to_string(folder.join("log")).unwrap();
            assert!(attempt < 600, "gooseBit does not start: {log}");
            sleep(Duration::from_millis(200)).await;
        }
        server
    }

    async fn api(&self, method: &str, path: &str, body: Value) -> Value {
        let body = body.to_string();
        let (status, answer) = ask(
            method,
            path,
            "application/json",
            &self.token,
            body.as_bytes(),
        )
        .await
        .unwrap();
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    async fn upload(&self, file: &Path) -> i64 {
        let name = file.file_name().unwrap().to_str().unwrap();
        let mut body = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend(std::fs::read(file).unwrap());
        body.extend(b"\r\n--cut--\r\n");
        let kind = "multipart/form-data; boundary=cut";
        let (status, answer) = ask("PUT", "/api/v1/software", kind, &self.token, &body)
            .await
            .unwrap();
        assert_eq!(status, 200, "{answer}");
        answer["id"].as_i64().unwrap()
    }

    async fn device(&self) -> Value {
        self.api("GET", &format!("/api/v1/devices/{DEVICE}"), Value::Null)
            .await
    }

    async fn log(&self) -> String {
        let log = self
            .api("GET", &format!("/api/v1/devices/{DEVICE}/log"), Value::Null)
            .await;
        log["log"].as_str().unwrap_or_default().to_owned()
    }
}

/// Its database is made first, which it leaves to its package manager.
const START: &str = "
import asyncio, uvicorn
from aerich import Command
from goosebit import app
from goosebit.db.config import TORTOISE_CONF
from goosebit.settings import config
from pathlib import Path
import goosebit.db
async def upgrade():
    command = Command(tortoise_config=TORTOISE_CONF, location=str(Path(goosebit.db.__file__).parent / 'migrations'))
    await command.init()
    await command.upgrade(run_in_transaction=True)
    from tortoise import Tortoise
    await Tortoise.close_connections()
asyncio.run(upgrade())
uvicorn.run(app, host='127.0.0.1', port=config.port)
";

async fn ask(
    method: &str,
    path: &str,
    kind: &str,
    token: &str,
    body: &[u8],
) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", PORT)).await.ok()?;
    let authorization = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nConnection: close\r\nContent-Type: {kind}\r\n\
         {authorization}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(body).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or_default()))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gooseBit and RAUC: tools/check/fleet runs it"]
async fn goosebit_rolls_out_an_update_and_learns_of_one_that_fell_back() {
    let given = |name: &str| PathBuf::from(std::env::var(name).unwrap());
    let (python, bundles) = (given("GOOSEBIT_PYTHON"), given("FLEET_BUNDLES"));
    let folder = tempfile::tempdir().unwrap();
    let server = GooseBit::start(&python, folder.path()).await;
    let mut gateway = Gateway::new(
        &format!("http://127.0.0.1:{PORT}"),
        "DEFAULT",
        Policy::Install,
    )
    .await;

    // It enrols with its own token, and says what it is.
    gateway
        .until("enrolment", async |gateway| {
            gateway.status().contact == Contact::Reached
                && server.device().await["sw_version"] == "1.0.0"
        })
        .await;
    for (version, reason) in [("2.0.0", None), ("3.0.0", Some("it hangs"))] {
        let id = server
            .upload(&bundles.join(format!("{version}.raucb")))
            .await;
        let rollout = json!({ "name": version, "feed": "default", "software_id": id });
        server.api("PUT", "/api/v1/rollouts", rollout).await;
        gateway
            .until("the installation", async |gateway| {
                gateway.ordered().is_some()
            })
            .await;
        let device = server.device().await;
        assert_ne!(
            device["last_state"], "Finished",
            "{version} has not run yet: {device}"
        );
        assert_ne!(device["sw_version"], version);
        gateway.restart(reason).await;
        let runs = gateway.version();
        gateway
            .until("the report", async |_| {
                let device = server.device().await;
                device["sw_version"] == runs.as_str()
                    && device["progress"].is_number()
                    && server.log().await.contains(match reason {
                        None => "has passed its checks",
                        Some(_) => {
                            "Version 3.0.0 did not work (it hangs); version 2.0.0 runs again."
                        }
                    })
            })
            .await;
        assert_eq!(runs, "2.0.0");
    }
    let rollouts = server.api("GET", "/api/v1/rollouts", Value::Null).await;
    let counts = |name: &str| {
        let rollouts = rollouts["rollouts"].as_array().unwrap();
        let one = rollouts.iter().find(|one| one["name"] == name).unwrap();
        (
            one["success_count"].as_i64().unwrap(),
            one["failure_count"].as_i64().unwrap(),
        )
    };
    assert_eq!(counts("2.0.0"), (1, 0));
    assert_eq!(counts("3.0.0"), (0, 1));
}
