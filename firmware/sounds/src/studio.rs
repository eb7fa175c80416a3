//! The folder of sounds, and the one place where they are made.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use crate::process::Converter;
use crate::{MAX_OCTETS, SoundError, SoundFormat, Voice};

/// What is played.
const PLAYED: &str = "wav";
/// What was uploaded, as it came.
const ORIGINAL: &str = "original";
/// What is not finished.
const NEW: &str = "new";
/// Sounds that may wait for the one being made.
const WAITING: usize = 8;

/// Where sounds lie and who makes them.
#[derive(Debug, Clone)]
pub struct StudioConfig {
    /// Folder of the sounds; made when it is missing.
    pub folder: PathBuf,
    /// A program that calls [`crate::run_conversion`] when it is run with [`crate::CONVERT`]; none converts on a thread.
    pub converter: Option<PathBuf>,
    /// The speech synthesiser.
    pub espeak: PathBuf,
}

/// Makes and keeps sounds. Clones are handles of the same one.
#[derive(Debug, Clone)]
pub struct Studio(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    folder: PathBuf,
    converter: Converter,
    espeak: PathBuf,
    /// One is made at a time.
    work: Semaphore,
    queue: Arc<Semaphore>,
}

/// A sound that was made and lies in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What it is found by: 32 hexadecimal digits.
    pub key: String,
    /// What the original was.
    pub format: SoundFormat,
    /// How long it plays, in milliseconds.
    pub duration_ms: u64,
    /// Octets on the disk, the original's included.
    pub octets: u64,
}

/// An upload on its way to the disk. Dropping it deletes it.
#[derive(Debug)]
pub struct Upload {
    path: PathBuf,
    file: tokio::fs::File,
    octets: u64,
}

impl Upload {
    /// Appends what came.
    ///
    /// # Errors
    /// [`SoundError::TooLarge`], [`SoundError::DiskFull`].
    pub async fn append(&mut self, octets: &[u8]) -> Result<(), SoundError> {
        self.octets += octets.len() as u64;
        if self.octets > MAX_OCTETS {
            return Err(SoundError::TooLarge { limit: MAX_OCTETS });
        }
        let written = self.file.write_all(octets).await;
        written.map_err(|error| SoundError::file("write", &self.path, &error))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Deletes an unfinished file at the end.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

impl Studio {
    /// Opens the folder, and makes it when it is missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(config: StudioConfig) -> Result<Self, SoundError> {
        let folder = config.folder;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| SoundError::file("create", &folder, &error))?;
        Ok(Self(Arc::new(Parts {
            folder,
            converter: config
                .converter
                .map_or(Converter::Thread, Converter::Process),
            espeak: config.espeak,
            work: Semaphore::new(1),
            queue: Arc::new(Semaphore::new(WAITING + 1)),
        })))
    }

    /// Deletes what no key in `keep` names: sounds whose object a power cut kept from being stored, or whose deletion it
    /// cut short. Gives the keys in `keep` that have no sound.
    pub fn clean(&self, keep: &HashSet<String>) -> Vec<String> {
        let mut there = HashSet::new();
        for entry in fs::read_dir(&self.0.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let key = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let kind = path.extension().unwrap_or_default();
            if kind == NEW || !keep.contains(&key) {
                tracing::info!(file = %path.display(), "a sound that nothing names is deleted");
                remove(&path);
            } else if kind == PLAYED {
                there.insert(key);
            }
        }
        keep.difference(&there).cloned().collect()
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// The file cannot be made.
    pub async fn upload(&self) -> Result<Upload, SoundError> {
        let path = self.path(&new_key()?, NEW);
        let file = tokio::fs::File::create(&path)
            .await
            .map_err(|error| SoundError::file("create", &path, &error))?;
        Ok(Upload {
            path,
            file,
            octets: 0,
        })
    }

    /// Makes a sound of an upload; both are on the disk when this returns.
    ///
    /// # Errors
    /// What is wrong with the content, or with the disk; nothing is left behind then.
    pub async fn take(&self, mut upload: Upload) -> Result<Taken, SoundError> {
        let _place = self.place()?;
        let flushed = async {
            upload.file.flush().await?;
            upload.file.sync_all().await
        };
        flushed
            .await
            .map_err(|error| SoundError::file("write", &upload.path, &error))?;
        self.make(&upload.path, &new_key()?, true).await
    }

    /// Speaks a text.
    ///
    /// # Errors
    /// [`SoundError::NoVoice`], [`SoundError::Unspeakable`], or the disk.
    pub async fn speak(&self, text: &str, voice: Voice) -> Result<Taken, SoundError> {
        self.speak_as(&new_key()?, text, voice).await
    }

    /// Speaks a text into a sound that is found by this key, 32 hexadecimal digits.
    ///
    /// # Errors
    /// As [`Studio::speak`].
    pub async fn speak_as(&self, key: &str, text: &str, voice: Voice) -> Result<Taken, SoundError> {
        let _place = self.place()?;
        let spoken = Unfinished(self.path(&new_key()?, NEW));
        {
            let _turn = self.turn().await;
            voice.speak(&self.0.espeak, text, &spoken.0).await?;
        }
        self.make(&spoken.0, key, false).await
    }

    /// Speaks a text in a language (BCP 47 tag) unless the sound of this key is there already.
    ///
    /// # Errors
    /// As [`Studio::speak`].
    pub async fn keep_spoken(&self, key: &str, text: &str, tag: &str) -> Result<(), SoundError> {
        if tokio::fs::try_exists(self.played(key))
            .await
            .unwrap_or(false)
        {
            return Ok(());
        }
        let voice = Voice::of_language(tag).ok_or_else(|| SoundError::NoVoice(tag.to_owned()))?;
        self.speak_as(key, text, voice).await.map(|_| ())
    }

    /// The file that is played.
    #[must_use]
    pub fn played(&self, key: &str) -> PathBuf {
        self.path(key, PLAYED)
    }

    /// The file that was uploaded; there is none of spoken texts.
    #[must_use]
    pub fn original(&self, key: &str) -> PathBuf {
        self.path(key, ORIGINAL)
    }

    /// Deletes a sound. What cannot be deleted goes at the next start.
    pub fn delete(&self, key: &str) {
        remove(&self.path(key, PLAYED));
        remove(&self.path(key, ORIGINAL));
    }

    async fn make(&self, source: &Path, key: &str, keep: bool) -> Result<Taken, SoundError> {
        let new = Unfinished(self.path(&new_key()?, NEW));
        let converted = {
            let _turn = self.turn().await;
            self.0.converter.convert(source, &new.0).await?
        };
        let (played, original) = (self.played(key), self.original(key));
        let place = || -> io::Result<u64> {
            let mut octets = fs::metadata(&new.0)?.len();
            if keep {
                octets += fs::metadata(source)?.len();
                fs::rename(source, &original)?;
            }
            // The one that makes it count comes last.
            fs::rename(&new.0, &played)?;
            File::open(&self.0.folder)?.sync_all()?;
            Ok(octets)
        };
        let octets = place().map_err(|error| {
            self.delete(key);
            SoundError::file("store", &played, &error)
        })?;
        Ok(Taken {
            key: key.to_owned(),
            format: converted.format,
            duration_ms: converted.duration_ms(),
            octets,
        })
    }

    fn place(&self) -> Result<tokio::sync::OwnedSemaphorePermit, SoundError> {
        Arc::clone(&self.0.queue)
            .try_acquire_owned()
            .map_err(|_| SoundError::Busy)
    }

    async fn turn(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        // Never closed.
        self.0.work.acquire().await.ok()
    }

    fn path(&self, key: &str, kind: &str) -> PathBuf {
        self.0.folder.join(format!("{key}.{kind}"))
    }
}

fn new_key() -> Result<String, SoundError> {
    let mut octets = [0u8; 16];
    getrandom::fill(&mut octets)
        .map_err(|error| SoundError::Unspeakable(format!("no random numbers: {error}")))?;
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(file = %path.display(), %error, "a file cannot be deleted");
    }
}
