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
    /// Phrase by prompt name.
    pub phrases: BTreeMap<String, String>,
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
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository_texts() -> Vec<Texts> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rootfs/prompts");
        read_all(&folder).unwrap()
    }

    #[test]
    fn every_language_has_every_system_prompt_and_nothing_else() {
        let texts = repository_texts();
        let languages: Vec<&str> = texts.iter().map(|texts| texts.language.as_str()).collect();
        assert_eq!(languages, ["en", "es", "id", "pt-BR"]);
        let mut wanted: Vec<String> = ramal_media::system_prompt_ids().collect();
        wanted.sort();
        for texts in &texts {
            let ids: Vec<String> = texts.phrases.keys().cloned().collect();
            assert_eq!(ids, wanted, "{}", texts.language);
        }
    }

    #[test]
    fn hours_and_minutes_agree_with_their_number_and_gender() {
        let texts = repository_texts();
        let phrase = |language: &str, id: &str| -> String {
            let texts = texts
                .iter()
                .find(|texts| texts.language == language)
                .unwrap();
            texts.phrases[id].clone()
        };
        for (language, id, wanted) in [
            ("pt-BR", "hour-01", "é uma hora"),
            ("pt-BR", "hour-02", "são duas horas"),
            ("pt-BR", "hour-21", "são vinte e uma horas"),
            ("pt-BR", "minute-01", "e um minuto"),
            ("pt-BR", "minute-22", "e vinte e dois minutos"),
            ("es", "hour-01", "es la una"),
            ("es", "hour-21", "son las veintiuna horas"),
            ("es", "minute-21", "y veintiún minutos"),
            ("es", "minute-31", "y treinta y un minutos"),
            ("id", "hour-15", "pukul lima belas"),
            ("id", "minute-11", "lewat sebelas menit"),
            ("en", "hour-13", "one p.m."),
            ("en", "minute-45", "and forty-five minutes"),
        ] {
            assert_eq!(phrase(language, id), wanted);
        }
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
                "voice = \"en\"\nspeed = 150\npitch = 1\n[phrases]\n",
                "pitch",
            ),
        ] {
            assert!(refused(text).contains(reason), "{}", refused(text));
        }
    }
}
