//! What an archive says of itself.

use ramal_store::archive::{Holdings, Parts, schema_known};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ArchiveError;

/// Names in an archive.
pub const ABOUT: &str = "about.json";
pub const SUMS: &str = "contents.sha256";
pub const SOUNDS: &str = "sounds";
pub const VOICEMAIL: &str = "voicemail";
pub const RECORDINGS: &str = "recordings";

const FORMAT: &str = "ramal-archive";
/// Counts up when older programs could not read an archive any more.
const VERSION: u32 = 1;

/// What an archive says of itself, first of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// `ramal-archive`.
    pub format: String,
    /// Version of the format.
    pub version: u32,
    /// Version of the product that made it.
    pub product: String,
    /// Company whose gateway it is of.
    pub company: String,
    /// When it was made, UTC milliseconds.
    pub made_at: i64,
    /// What it has besides settings and uploaded sounds.
    pub parts: Parts,
    /// What its database holds.
    pub holdings: Holdings,
}

impl About {
    pub(crate) fn new(
        product: &str,
        company: String,
        made_at: i64,
        parts: Parts,
        holdings: Holdings,
    ) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            product: product.into(),
            company,
            made_at,
            parts,
            holdings,
        }
    }

    /// Reads it, and refuses what this program cannot restore.
    pub fn read(text: &[u8]) -> Result<Self, ArchiveError> {
        let foreign = |error: serde_json::Error| ArchiveError::Foreign(error.to_string());
        let value: serde_json::Value = serde_json::from_slice(text).map_err(foreign)?;
        let field = |name: &str| value.get(name).cloned().unwrap_or_default();
        if field("format") != FORMAT {
            return Err(ArchiveError::Foreign(format!(
                "{ABOUT} names another format"
            )));
        }
        let schema = value
            .pointer("/holdings/schema")
            .and_then(|schema| schema.as_i64());
        let version = field("version").as_u64().unwrap_or_default();
        // Before the rest is read: a newer program may say other things.
        if version > VERSION.into() || schema.is_some_and(|schema| schema > schema_known()) {
            return Err(ArchiveError::Newer {
                product: field("product").as_str().unwrap_or("?").to_owned(),
                found: schema.unwrap_or_default(),
                known: schema_known(),
            });
        }
        serde_json::from_value(value).map_err(foreign)
    }

    /// Folders that it may have.
    pub fn folders(&self) -> Vec<&'static str> {
        folders(self.parts)
    }
}

/// Folders of these parts.
pub fn folders(parts: Parts) -> Vec<&'static str> {
    let mut folders = vec![SOUNDS];
    folders.extend(parts.voicemail.then_some(VOICEMAIL));
    folders.extend(parts.recordings.then_some(RECORDINGS));
    folders
}
