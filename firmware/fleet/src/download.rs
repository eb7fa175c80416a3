//! A file that comes from the server, on a line that may break at any octet.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Response;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::CONTENT_RANGE;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::ddi::Artifact;
use crate::http::Http;

/// Longest pause between two parts.
const PAUSE: Duration = Duration::from_secs(60);
/// So many times in a row it is gone on with although nothing came.
const FRUITLESS: u32 = 3;
/// Largest file.
const MOST: u64 = ramal_update::BUNDLE_MAX;
/// Octets read at once when what is there is hashed.
const BLOCK: usize = 256 << 10;

/// Why a file is not there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DownloadFault {
    /// The line broke, and did not come back soon: it is gone on with later.
    #[error("the download broke off: {0}")]
    BrokeOff(String),
    /// More octets than the server has said, or fewer.
    #[error("The server announced {announced} octets and sent {sent}: check the file there.")]
    OtherSize {
        /// What it has said.
        announced: u64,
        /// What it has sent.
        sent: u64,
    },
    /// Not what the server has described.
    #[error(
        "The file is not the one that the server describes (its {0} is another): check the file there."
    )]
    OtherHash(&'static str),
    /// Too large to be an update.
    #[error("The file has {0} octets, more than an update of this gateway: choose the right one.")]
    TooLarge(u64),
    /// The server does not give it.
    #[error("The server does not give the file (HTTP {0}): check the roll-out there.")]
    Status(u16),
    /// The disk does not take it.
    #[error(
        "The file cannot be kept on the disk ({0}): delete recordings or old files, or check the disk."
    )]
    Disk(String),
}

/// Brings the file to `path`. What is there of it already is gone on with. `progress` hears percent.
///
/// # Errors
/// Why it is not there. After [`DownloadFault::BrokeOff`] what came is kept, else it is removed.
pub(crate) async fn download(
    http: &Http,
    artifact: &Artifact,
    path: &Path,
    progress: impl Fn(u8),
) -> Result<(), DownloadFault> {
    if artifact.size > MOST {
        return Err(DownloadFault::TooLarge(artifact.size));
    }
    let mut brought = Part::open(path, artifact).await?;
    let mut fruitless = 0;
    let fault = loop {
        let before = brought.octets;
        match brought.go_on(http, artifact, &progress).await {
            Ok(()) => break brought.verify(artifact).await.err(),
            Err(DownloadFault::BrokeOff(why)) => {
                fruitless = match brought.octets > before {
                    true => 0,
                    false => fruitless + 1,
                };
                if fruitless >= FRUITLESS {
                    return Err(DownloadFault::BrokeOff(why));
                }
            }
            Err(fault) => break Some(fault),
        }
    };
    match fault {
        None => Ok(()),
        Some(fault) => {
            remove(path).await;
            Err(fault)
        }
    }
}

/// Removes what came.
pub(crate) async fn remove(path: &Path) {
    for file in [path.to_owned(), mark(path)] {
        match fs::remove_file(&file).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = %file.display(), %error, "a file is not removed");
            }
            _ => {}
        }
    }
}

/// Says which file it is that is there in part.
fn mark(path: &Path) -> PathBuf {
    path.with_extension("of")
}

/// What is there of a file.
struct Part {
    file: File,
    octets: u64,
    sha256: Sha256,
    sha1: Sha1,
}

fn disk(error: io::Error) -> DownloadFault {
    DownloadFault::Disk(error.to_string())
}

impl Part {
    async fn open(path: &Path, artifact: &Artifact) -> Result<Self, DownloadFault> {
        let which = format!("{} {} {}", artifact.size, artifact.sha256, artifact.sha1);
        let is_of_it = fs::read_to_string(mark(path))
            .await
            .is_ok_and(|found| found == which);
        if !is_of_it {
            remove(path).await;
            fs::write(mark(path), which).await.map_err(disk)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .await
            .map_err(disk)?;
        let mut part = Self {
            file,
            octets: 0,
            sha256: Sha256::new(),
            sha1: Sha1::new(),
        };
        let mut block = vec![0; BLOCK];
        loop {
            let read = part.file.read(&mut block).await.map_err(disk)?;
            if read == 0 {
                break;
            }
            part.hash(&block[..read]);
        }
        if part.octets > artifact.size {
            part.begin_anew().await?;
        }
        Ok(part)
    }

    fn hash(&mut self, octets: &[u8]) {
        self.sha256.update(octets);
        self.sha1.update(octets);
        self.octets += octets.len() as u64;
    }

    async fn begin_anew(&mut self) -> Result<(), DownloadFault> {
        self.file.set_len(0).await.map_err(disk)?;
        self.octets = 0;
        self.sha256 = Sha256::new();
        self.sha1 = Sha1::new();
        Ok(())
    }

    async fn go_on(
        &mut self,
        http: &Http,
        artifact: &Artifact,
        progress: &impl Fn(u8),
    ) -> Result<(), DownloadFault> {
        if self.octets == artifact.size {
            return Ok(());
        }
        let response = http
            .file(&artifact.url, self.octets)
            .await
            .map_err(DownloadFault::BrokeOff)?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(&response, self.octets) => {}
            // It sends something else than was asked for, or all of it: from the beginning then.
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                self.begin_anew().await?;
                return Err(DownloadFault::BrokeOff("another part came".to_owned()));
            }
            StatusCode::OK => self.begin_anew().await?,
            status if status.is_server_error() || status.as_u16() == 429 => {
                return Err(DownloadFault::BrokeOff(format!("HTTP {status}")));
            }
            status => return Err(DownloadFault::Status(status.as_u16())),
        }
        let mut body = response.into_body();
        loop {
            let frame = timeout(PAUSE, body.frame())
                .await
                .map_err(|_| DownloadFault::BrokeOff("nothing came for a minute".to_owned()))?;
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|error| DownloadFault::BrokeOff(error.to_string()))?;
            let Some(octets) = frame.data_ref() else {
                continue;
            };
            let sent = self.octets + octets.len() as u64;
            if sent > artifact.size {
                let announced = artifact.size;
                return Err(DownloadFault::OtherSize { announced, sent });
            }
            self.file.write_all(octets).await.map_err(disk)?;
            self.hash(octets);
            let percent = self.octets * 100 / artifact.size.max(1);
            progress(u8::try_from(percent).unwrap_or(100));
        }
        self.file.flush().await.map_err(disk)?;
        match self.octets == artifact.size {
            true => Ok(()),
            // A server that closes too early and one that has no more look the same: asked for the rest it shows which.
            false => Err(DownloadFault::BrokeOff(format!(
                "{} of {} octets came",
                self.octets, artifact.size
            ))),
        }
    }

    async fn verify(&mut self, artifact: &Artifact) -> Result<(), DownloadFault> {
        self.file.sync_all().await.map_err(disk)?;
        let sha256 = hexadecimal(&self.sha256.clone().finalize());
        let sha1 = hexadecimal(&self.sha1.clone().finalize());
        match (artifact.sha256.as_str(), artifact.sha1.as_str()) {
            ("", wanted) if wanted == sha1 => Ok(()),
            ("", _) => Err(DownloadFault::OtherHash("SHA-1")),
            (wanted, _) if wanted == sha256 => Ok(()),
            _ => Err(DownloadFault::OtherHash("SHA-256")),
        }
    }
}

/// Whether a part begins where it was asked for (RFC 9110 §14.4).
fn begins_at(response: &Response<Incoming>, first: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE);
    let range = range.and_then(|value| value.to_str().ok());
    let begin = range.and_then(|range| {
        let (begin, _) = range.trim().strip_prefix("bytes ")?.split_once('-')?;
        begin.parse::<u64>().ok()
    });
    begin == Some(first)
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
