//! A gateway of its own for every measurement: fresh data, its own ports, extensions made through the API.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::message::hexadecimal;
use crate::phone::Account;
use crate::process::Measured;

/// Longest wait for the gateway to answer after its start.
const START: Duration = Duration::from_secs(30);
/// Calls an extension may have at once (the product's limit).
pub const CALLS_PER_EXTENSION: usize = 20;

/// A running `ramald`; stopped and its data deleted when dropped.
pub struct Gateway {
    /// The process.
    pub process: Measured,
    /// Where it listens for SIP.
    pub sip: SocketAddr,
    socket: PathBuf,
    command: Command,
    core: usize,
    _data: tempfile::TempDir,
}

impl Gateway {
    /// Starts `program` with `prompts` on processor `core` and waits until its API answers.
    pub fn start(
        program: &Path,
        prompts: Option<&Path>,
        core: usize,
    ) -> Result<Gateway, Box<dyn Error>> {
        let data = tempfile::tempdir()?;
        let (sip, https, http) = (free_udp_port()?, free_tcp_port()?, free_tcp_port()?);
        let sip = SocketAddr::from((Ipv4Addr::LOCALHOST, sip));
        let run_dir = data.path().join("run");
        let mut command = Command::new(program);
        command
            .args(["--sip", &sip.to_string(), "--rtp-ports", "20000-29999"])
            .args(["--sip-tls", "127.0.0.1:0"])
            .args([
                "--https",
                &format!("127.0.0.1:{https}"),
                "--http",
                &format!("127.0.0.1:{http}"),
            ])
            .arg("--data-dir")
            .arg(data.path().join("data"))
            .arg("--run-dir")
            .arg(&run_dir)
            .arg("--prompts-dir")
            .arg(prompts.unwrap_or(&data.path().join("prompts")));
        let process = Measured::start(&command, core, false)?;
        let socket = run_dir.join("api.sock");
        let mut gateway = Gateway {
            process,
            sip,
            socket,
            command,
            core,
            _data: data,
        };
        gateway.wait()?;
        Ok(gateway)
    }

    /// Ends the process in order and starts it again on the same data.
    pub fn restart(&mut self) -> Result<(), Box<dyn Error>> {
        self.process.end()?;
        self.process = Measured::start(&self.command, self.core, false)?;
        self.wait()
    }

    fn wait(&mut self) -> Result<(), Box<dyn Error>> {
        let begun = Instant::now();
        while let Err(error) = self.call("GET", "/status", &Value::Null) {
            let program = self.command.get_program().display();
            if let Some(status) = self.process.child.try_wait()? {
                return Err(format!("{program} ended: {status}").into());
            }
            if begun.elapsed() > START {
                return Err(format!("{program} does not answer: {error}").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // It answers before it has read its prompts and given back what that took.
        let mut resident = 0;
        while begun.elapsed() <= START {
            let now = self.process.resident_kib()?;
            if now == resident {
                break;
            }
            resident = now;
            std::thread::sleep(Duration::from_millis(500));
        }
        Ok(())
    }

    /// Does the first set-up and makes `count` extensions.
    pub fn set_up(&mut self, count: usize) -> Result<Vec<Account>, Box<dyn Error>> {
        let admin =
            json!({ "login": "loadgen", "password": format!("{:032x}", rand::random::<u128>()) });
        let set_up = json!({ "language": "en", "country": "BR", "company": {}, "admin": admin });
        self.call("POST", "/setup", &set_up)?;
        (0..count)
            .map(|index| {
                let number = (1_000 + index).to_string();
                let extension = json!({
                    "number": number,
                    "display_name": format!("Load {number}"),
                    "max_calls": CALLS_PER_EXTENSION,
                });
                let created = self.call("POST", "/extensions", &extension)?;
                let secret = created["secret"]
                    .as_str()
                    .ok_or("no secret in the answer")?;
                Ok(Account {
                    number,
                    secret: secret.to_owned(),
                })
            })
            .collect()
    }

    /// Does the first set-up and brings in `count` extensions by one document, which is faster for thousands.
    pub fn set_up_many(&mut self, count: usize) -> Result<Vec<Account>, Box<dyn Error>> {
        self.set_up(1)?;
        let mut document = self.call("GET", "/configuration/export", &Value::Null)?;
        let model = document["extensions"][0].clone();
        let first_id = model["id"].as_i64().ok_or("an extension without id")?;
        let mut accounts = Vec::with_capacity(count);
        let mut extensions = Vec::with_capacity(count);
        for index in 0..count {
            let account = Account {
                number: (100_000 + index).to_string(),
                secret: format!("{:032x}", rand::random::<u128>()),
            };
            let secret = format!("{}:ramal:{}", account.number, account.secret);
            let mut extension = model.clone();
            extension["id"] = json!(first_id + i64::try_from(index)?);
            extension["number"] = json!(account.number);
            extension["credential"]["md5"] = json!(hexadecimal(&Md5::digest(&secret)));
            extension["credential"]["sha256"] = json!(hexadecimal(&Sha256::digest(&secret)));
            extensions.push(extension);
            accounts.push(account);
        }
        document["extensions"] = Value::Array(extensions);
        self.call("POST", "/configuration/import", &document)?;
        Ok(accounts)
    }

    /// Makes an object; its id.
    pub fn make(&self, path: &str, body: &Value) -> Result<i64, Box<dyn Error>> {
        let made = self.call("POST", path, body)?;
        made["id"].as_i64().ok_or("an object without id".into())
    }

    /// Uploads a sound; the id of its audio file.
    pub fn upload(&self, name: &str, sound: &[u8]) -> Result<i64, Box<dyn Error>> {
        let path = format!("/audio-files?name={name}");
        let made = self.send("POST", &path, "application/octet-stream", sound)?;
        made["id"].as_i64().ok_or("an audio file without id".into())
    }

    /// One request over the local socket; the answer is the body.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, Box<dyn Error>> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, path, "application/json", body.as_bytes())
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> Result<Value, Box<dyn Error>> {
        let mut stream = UnixStream::connect(&self.socket)?;
        write!(
            stream,
            "{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             X-Ramal-CSRF: 1\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )?;
        stream.write_all(body)?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let status: u16 = line.split(' ').nth(1).ok_or("no HTTP answer")?.parse()?;
        let mut length = None;
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = Some(value.trim().parse::<u64>()?);
            }
        }
        if status == 204 {
            return Ok(Value::Null);
        }
        let mut text = String::new();
        reader
            .take(length.ok_or("an answer without length")?)
            .read_to_string(&mut text)?;
        if !(200..300).contains(&status) {
            return Err(format!("{method} {path}: {status} {text}").into());
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

fn free_udp_port() -> Result<u16, Box<dyn Error>> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

fn free_tcp_port() -> Result<u16, Box<dyn Error>> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
