//! A server that does what the test says, down to the octet at which it hangs up.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub head: String,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// Where the part begins that is asked for.
    pub fn range(&self) -> usize {
        let range = self.header("range");
        let first = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
        first.map_or(0, |first| first.parse().unwrap())
    }
}

/// What it answers.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The connection ends after so many octets of the body.
    pub cut: Option<usize>,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            cut: None,
        }
    }

    pub fn json(body: &Value) -> Self {
        Self {
            body: body.to_string().into_bytes(),
            ..Self::status(200)
        }
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

type Rule = dyn Fn(&Asked, usize) -> Answer + Send + Sync;

/// It answers by a rule, which also hears how often the same was asked before.
#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    rule: Arc<Rule>,
}

impl Server {
    pub async fn start(rule: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            rule: Arc::new(rule),
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything it was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How the actions were said to have ended: result and words.
    pub fn ends(&self) -> Vec<(String, String)> {
        let asked = self.asked();
        let closed = asked
            .iter()
            .filter(|one| one.body["status"]["execution"] == "closed");
        closed
            .map(|one| {
                let status = &one.body["status"];
                let words = status["details"].as_array().unwrap();
                let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
                let finished = status["result"]["finished"].as_str().unwrap();
                (finished.to_owned(), words.join(" "))
            })
            .collect()
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut octets = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
                    break end + 4;
                }
                let mut block = [0; 4096];
                match stream.read(&mut block).await.ok()? {
                    0 => return None,
                    read => octets.extend_from_slice(&block[..read]),
                }
            };
            let head = String::from_utf8(octets[..end].to_vec()).ok()?;
            let mut first = head.lines().next()?.split(' ');
            let mut asked = Asked {
                method: first.next()?.to_owned(),
                path: first.next()?.to_owned(),
                head: head.clone(),
                body: Value::Null,
            };
            let length: usize = asked
                .header("content-length")
                .map_or(0, |length| length.parse().unwrap());
            while octets.len() < end + length {
                let mut block = [0; 4096];
                match stream.read(&mut block).await.ok()? {
                    0 => return None,
                    read => octets.extend_from_slice(&block[..read]),
                }
            }
            asked.body = serde_json::from_slice(&octets[end..end + length]).unwrap_or_default();
            octets.drain(..end + length);
            let answer = {
                let mut all = self.asked.lock().unwrap();
                let same = |one: &&Asked| one.method == asked.method && one.path == asked.path;
                let before = all.iter().filter(same).count();
                all.push(asked.clone());
                (self.rule)(&asked, before)
            };
            let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
            let has_length = answer
                .headers
                .iter()
                .any(|(name, _)| name == "content-length");
            if !has_length {
                head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
            }
            for (name, value) in &answer.headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            stream
                .write_all(format!("{head}\r\n").as_bytes())
                .await
                .ok()?;
            let sent = answer.cut.unwrap_or(answer.body.len());
            stream.write_all(&answer.body[..sent]).await.ok()?;
            if answer.cut.is_some() {
                stream.shutdown().await.ok()?;
                return None;
            }
        }
    }
}

/// A bundle of the tests' gateway.
pub fn bundle(version: &str) -> Vec<u8> {
    let mut content = format!("hsqs\nversion={version}\n").into_bytes();
    content.resize(300_000, 7);
    content
}

/// A roll-out of `content` that says `size` octets.
pub fn roll_out(url: &str, id: u32, version: &str, content: &[u8], size: usize) -> Value {
    let hash: String = Sha256::digest(content)
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    json!({
        "id": id.to_string(),
        "deployment": { "download": "forced", "update": "forced", "chunks": [{
            "part": "os", "name": "ramal", "version": version,
            "artifacts": [{
                "filename": "ramal.raucb", "size": size, "hashes": { "sha256": hash },
                "_links": { "download": { "href": format!("{url}/file") } },
            }],
        }] },
    })
}

/// What there is: this action.
pub fn base(url: &str, id: u32) -> Value {
    json!({
        "config": { "polling": { "sleep": "00:00:05" } },
        "_links": { "deploymentBase": { "href": format!("{url}/deploymentBase/{id}?c=7") } },
    })
}
