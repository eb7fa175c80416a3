//! The phrases of one language.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A problem with the phrases.
#[derive(Debug, thiserror::Error)]
pub enum TextsError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// One language's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// Language tag, from the file's name.
    #[serde(skip)]
    pub language: String,
    /// Voice of espeak-ng.
    pub voice: String,
    /// Words a minute, 80-450.
    pub speed: u16,
    /// What the synthesiser is given instead of the phrase, by prompt name.
    #[serde(default)]
    pub pronounced: BTreeMap<String, String>,
    /// Phrase by prompt name.
    pub phrases: BTreeMap<String, String>,
}

impl Texts {
    /// What the synthesiser is given for a phrase.
    pub fn pronounced<'a>(&'a self, id: &str, phrase: &'a str) -> &'a str {
        self.pronounced.get(id).map_or(phrase, String::as_str)
    }
}

/// Reads all languages in `folder`, in the order of their tags.
pub fn read_all(folder: &Path) -> Result<Vec<Texts>, TextsError> {
    let failed = |source| TextsError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        let reason = "holds no <language>.toml".to_owned();
        return Err(TextsError::Invalid {
            path: folder.to_owned(),
            reason,
        });
    }
    files.iter().map(|file| read(file)).collect()
}

fn read(path: &Path) -> Result<Texts, TextsError> {
    let invalid = |reason: String| TextsError::Invalid {
        path: path.to_owned(),
        reason,
    };
    let text = fs::read_to_string(path).map_err(|source| TextsError::Read {
        path: path.to_owned(),
        source,
    })?;
    let mut texts: Texts = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
    texts.language = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if !(80..=450).contains(&texts.speed) {
        return Err(invalid(format!(
            "speed {} is not 80-450 words a minute",
            texts.speed
        )));
    }
    for (id, phrase) in &texts.phrases {
        let plain =
            |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
        if id.is_empty() || !id.bytes().all(plain) {
            return Err(invalid(format!("\"{id}\" is not made of a-z, 0-9 and -")));
        }
        if phrase.trim().is_empty() {
            return Err(invalid(format!("{id} has no text")));
        }
    }
    if let Some(id) = texts
        .pronounced
        .keys()
        .find(|id| !texts.phrases.contains_key(*id))
    {
        return Err(invalid(format!("{id} is pronounced, but no phrase")));
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phrases_of_the_gateway_are_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rootfs/prompts");
        let texts = read_all(&folder).unwrap();
        let languages: Vec<&str> = texts.iter().map(|texts| texts.language.as_str()).collect();
        assert_eq!(languages, ["en", "es", "id", "pt-BR"]);
        assert_eq!(texts[3].phrases["and"], "e");
        assert_eq!(texts[3].pronounced("and", "e"), "[[i]]");
        assert_eq!(texts[3].pronounced("of", "de"), "de");
    }

    #[test]
    fn wrong_files_are_refused_by_name_and_reason() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |text: &str| {
            fs::write(folder.path().join("xx.toml"), text).unwrap();
            read_all(folder.path()).unwrap_err().to_string()
        };
        assert!(
            read_all(folder.path())
                .unwrap_err()
                .to_string()
                .contains("no <language>.toml")
        );
        for (text, reason) in [
            ("voice = 1", "xx.toml"),
            ("voice = \"en\"\nspeed = 5\n[phrases]\n", "80-450"),
            (
                "voice = \"en\"\nspeed = 150\n[phrases]\n\"../a\" = \"b\"\n",
                "../a",
            ),
            (
                "voice = \"en\"\nspeed = 150\n[phrases]\na = \" \"\n",
                "a has no text",
            ),
            (
                "voice = \"en\"\nspeed = 150\n[pronounced]\nb = \"c\"\n[phrases]\n",
                "b is pronounced",
            ),
            (
                "voice = \"en\"\nspeed = 150\npitch = 1\n[phrases]\n",
                "pitch",
            ),
        ] {
            assert!(refused(text).contains(reason), "{}", refused(text));
        }
    }
}
