//! The documents of DDI v1: what comes from the server, read with tolerance for what is new, and what goes there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

/// Shortest and longest time between two polls.
const SLEEP: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(24 * 3600)];
/// Between two polls when the server says nothing.
pub(crate) const USUAL_SLEEP: Duration = Duration::from_secs(300);

/// Why a document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// It lacks what it must have.
    #[error("the server's answer makes no sense: {0}")]
    Nonsense(String),
    /// There is not exactly one update in it.
    #[error("the roll-out must hold exactly one file that ends in .raucb, it holds {0}")]
    Artifacts(usize),
    /// Nothing in it says what the file has to be.
    #[error("the roll-out gives neither SHA-256 nor SHA-1 of {0}")]
    NoHash(String),
}

/// What the server has for this gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) sleep: Option<Duration>,
    pub(crate) config_data: Option<String>,
    pub(crate) deployment: Option<String>,
    pub(crate) cancel: Option<String>,
    pub(crate) confirmation: Option<String>,
}

impl Base {
    pub(crate) fn read(document: &Value) -> Self {
        let link = |name: &str| {
            let href = document["_links"][name]["href"].as_str();
            href.map(str::to_owned)
        };
        Self {
            sleep: document["config"]["polling"]["sleep"]
                .as_str()
                .and_then(clock_time)
                .map(|sleep| sleep.clamp(SLEEP[0], SLEEP[1])),
            config_data: link("configData"),
            deployment: link("deploymentBase"),
            cancel: link("cancelAction"),
            confirmation: link("confirmationBase"),
        }
    }
}

/// `HH:MM:SS`.
fn clock_time(text: &str) -> Option<Duration> {
    let mut seconds = 0u64;
    let mut parts = 0;
    for part in text.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
        parts += 1;
    }
    (parts == 3).then(|| Duration::from_secs(seconds))
}

/// What may be done with an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Nothing.
    Skip,
    /// When it suits.
    Attempt,
    /// As soon as possible.
    Forced,
}

impl Permission {
    fn read(value: &Value) -> Self {
        match value.as_str() {
            Some("skip") => Self::Skip,
            Some("forced") => Self::Forced,
            _ => Self::Attempt,
        }
    }
}

/// A file to be installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Where it is.
    pub url: String,
    /// Octets.
    pub size: u64,
    /// SHA-256 in lower-case hexadecimal; blank when the server gives none.
    #[serde(default)]
    pub sha256: String,
    /// SHA-1, where there is no SHA-256.
    #[serde(default)]
    pub sha1: String,
}

/// A roll-out for this gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Id of the action.
    pub id: String,
    /// The version it brings.
    pub version: String,
    /// Whether it may be downloaded.
    pub download: Permission,
    /// Whether it may be installed.
    pub update: Permission,
    /// Whether the server's maintenance window is open, or there is none.
    pub window_open: bool,
    /// What is installed.
    pub artifact: Artifact,
}

/// The id of a document, which some servers write as a number.
pub(crate) fn id_of(document: &Value) -> Option<String> {
    match &document["id"] {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

impl Deployment {
    /// Reads the document behind `deploymentBase`.
    ///
    /// # Errors
    /// It is none, or not one that can be installed here.
    pub fn read(document: &Value) -> Result<Self, DocumentError> {
        let lacks = |what: &str| DocumentError::Nonsense(format!("{what} is missing"));
        let id = id_of(document).ok_or_else(|| lacks("id"))?;
        let deployment = &document["deployment"];
        let chunks = deployment["chunks"].as_array();
        let chunks = chunks.ok_or_else(|| lacks("deployment.chunks"))?;
        let files = chunks.iter().flat_map(|chunk| {
            let files = chunk["artifacts"].as_array().into_iter().flatten();
            files.map(move |file| (chunk, file))
        });
        let bundles: Vec<_> = files
            .filter(|(_, file)| {
                let name = file["filename"].as_str().unwrap_or_default();
                name.to_ascii_lowercase().ends_with(".raucb")
            })
            .collect();
        let [(chunk, file)] = bundles.as_slice() else {
            return Err(DocumentError::Artifacts(bundles.len()));
        };
        let hash = |name: &str| {
            let hash = file["hashes"][name].as_str().unwrap_or_default();
            hash.to_ascii_lowercase()
        };
        let links = &file["_links"];
        let url = ["download", "download-http"]
            .iter()
            .find_map(|name| links[*name]["href"].as_str());
        let artifact = Artifact {
            url: url.ok_or_else(|| lacks("the link to the file"))?.to_owned(),
            size: file["size"].as_u64().ok_or_else(|| lacks("its size"))?,
            sha256: hash("sha256"),
            sha1: hash("sha1"),
        };
        if artifact.sha256.is_empty() && artifact.sha1.is_empty() {
            let name = file["filename"].as_str().unwrap_or_default();
            return Err(DocumentError::NoHash(name.to_owned()));
        }
        Ok(Self {
            id,
            version: chunk["version"].as_str().unwrap_or_default().to_owned(),
            download: Permission::read(&deployment["download"]),
            update: Permission::read(&deployment["update"]),
            window_open: deployment["maintenanceWindow"].as_str() != Some("unavailable"),
            artifact,
        })
    }
}

/// How an action ended, or that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finished {
    /// It goes on.
    None,
    /// It worked.
    Success,
    /// It did not.
    Failure,
}

/// What is told of an action.
pub(crate) fn feedback(id: &str, execution: &str, finished: Finished, details: &[String]) -> Value {
    json!({
        "id": id,
        "status": {
            "execution": execution,
            "result": { "finished": finished },
            "details": details,
        },
    })
}

/// What is told of the gateway.
pub(crate) fn config_data(data: &BTreeMap<String, String>) -> Value {
    json!({ "mode": "merge", "data": data })
}

/// Where feedback about the action behind `href` goes: the query of a link belongs to its document only.
pub(crate) fn feedback_url(href: &str) -> String {
    let path = href.split(['?', '#']).next().unwrap_or(href);
    format!("{}/feedback", path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({
            "id": 6,
            "deployment": {
                "download": "forced", "update": "attempt",
                "chunks": [{ "part": "os", "name": "ramal", "version": "2.0.0", "artifacts": [
                    { "filename": "notes.txt", "size": 3 },
                    {
                        "filename": "ramal.raucb", "size": 12,
                        "hashes": { "sha1": "AB", "md5": "x" },
                        "_links": { "download-http": { "href": "http://fleet/f?x=1" } },
                    },
                ] }],
            },
        })
    }

    #[test]
    fn a_roll_out_is_read_as_hawkbit_and_goosebit_write_it() {
        let read = Deployment::read(&document()).unwrap();
        assert_eq!((read.id.as_str(), read.version.as_str()), ("6", "2.0.0"));
        assert_eq!(read.download, Permission::Forced);
        assert_eq!(read.update, Permission::Attempt);
        assert!(read.window_open);
        assert_eq!(read.artifact.url, "http://fleet/f?x=1");
        assert_eq!(
            (read.artifact.size, read.artifact.sha1.as_str()),
            (12, "ab")
        );
    }

    #[test]
    fn what_cannot_be_installed_here_is_refused_in_words() {
        let mut two = document();
        two["deployment"]["chunks"][0]["artifacts"][0]["filename"] = json!("b.RAUCB");
        assert_eq!(Deployment::read(&two), Err(DocumentError::Artifacts(2)));
        let mut unhashed = document();
        unhashed["deployment"]["chunks"][0]["artifacts"][1]["hashes"] = json!({ "md5": "x" });
        assert_eq!(
            Deployment::read(&unhashed),
            Err(DocumentError::NoHash("ramal.raucb".into()))
        );
        for broken in [json!({}), json!([]), json!(null), json!({ "id": "1" })] {
            assert!(matches!(
                Deployment::read(&broken),
                Err(DocumentError::Nonsense(_))
            ));
        }
    }

    #[test]
    fn links_are_taken_as_they_are_and_feedback_goes_beside_them() {
        let base = Base::read(&json!({
            "config": { "polling": { "sleep": "00:10:30" } },
            "_links": { "deploymentBase": { "href": "http://f/deploymentBase/6?c=-1" } },
        }));
        assert_eq!(base.sleep, Some(Duration::from_secs(630)));
        let link = base.deployment.unwrap();
        assert_eq!(link, "http://f/deploymentBase/6?c=-1");
        assert_eq!(feedback_url(&link), "http://f/deploymentBase/6/feedback");
    }

    #[test]
    fn a_server_can_neither_be_flooded_nor_forgotten() {
        let sleep =
            |text: &str| Base::read(&json!({ "config": { "polling": { "sleep": text } } })).sleep;
        assert_eq!(sleep("00:00:00"), Some(SLEEP[0]));
        assert_eq!(sleep("99999:00:00"), Some(SLEEP[1]));
        for broken in ["", "5", "00:05", "a:b:c", "99999999999999999999:0:0"] {
            assert_eq!(sleep(broken), None, "{broken}");
        }
    }
}
