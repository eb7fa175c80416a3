//! Which phrases must be spoken anew, and doing so on all processors.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest, Sha256};

use crate::espeak::{self, EspeakError};
use crate::speech;
use crate::texts::{self, Texts, TextsError};
use crate::wav;

/// Goes into every key: a change of what is done to the speech renders everything anew.
const REVISION: &str = "2";
/// Remembers what each recording was made from.
const KEYS: &str = "keys.toml";

/// Rendering failed.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The phrases.
    #[error(transparent)]
    Texts(#[from] TextsError),
    /// The synthesiser.
    #[error("{language}/{id}: {source}")]
    Espeak {
        /// Language tag.
        language: String,
        /// Prompt name.
        id: String,
        /// What happened.
        source: EspeakError,
    },
    /// A phrase that makes no sound.
    #[error("{language}/{id}: \"{phrase}\" is silent with this voice; write it another way")]
    Silent {
        /// Language tag.
        language: String,
        /// Prompt name.
        id: String,
        /// Its text.
        phrase: String,
    },
    /// A file cannot be written or deleted.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Recordings made.
    pub rendered: usize,
    /// Recordings kept.
    pub unchanged: usize,
    /// Recordings deleted because no phrase has their name.
    pub deleted: usize,
}

/// Recording name and key of what it was made from.
type Keys = BTreeMap<String, String>;

struct Job<'a> {
    texts: &'a Texts,
    id: &'a str,
    phrase: &'a str,
    path: PathBuf,
}

/// Brings all recordings under `out` up to date with the phrases in `folder`.
pub fn all(folder: &Path, out: &Path, espeak: &str) -> Result<Done, RenderError> {
    let languages = texts::read_all(folder)?;
    let mut done = Done::default();
    let mut jobs = Vec::new();
    for texts in &languages {
        let dir = out.join(&texts.language);
        fs::create_dir_all(&dir).map_err(writing(&dir))?;
        let known = read_keys(&dir);
        for (id, phrase) in &texts.phrases {
            let phrase = texts.pronounced(id, phrase);
            let path = dir.join(format!("{id}.wav"));
            if known.get(id) == Some(&key(texts, phrase)) && path.exists() {
                done.unchanged += 1;
            } else {
                jobs.push(Job {
                    texts,
                    id,
                    phrase,
                    path,
                });
            }
        }
        done.deleted += delete_strangers(texts, &dir)?;
    }
    if jobs.is_empty() && done.deleted == 0 {
        return Ok(done);
    }
    // What was remembered holds no more until everything is made.
    let outdated = jobs
        .iter()
        .map(|job| out.join(&job.texts.language).join(KEYS));
    for keys in outdated {
        match fs::remove_file(&keys) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(RenderError::Write { path: keys, source });
            }
            _ => {}
        }
    }
    render(&jobs, espeak)?;
    done.rendered = jobs.len();
    for texts in &languages {
        let keys: Keys = texts
            .phrases
            .iter()
            .map(|(id, phrase)| (id.clone(), key(texts, texts.pronounced(id, phrase))))
            .collect();
        let lines: String = keys
            .iter()
            .map(|(id, key)| format!("{id} = \"{key}\"\n"))
            .collect();
        write(&out.join(&texts.language).join(KEYS), lines.as_bytes())?;
    }
    Ok(done)
}

/// Works through the jobs, one thread for each processor.
fn render(jobs: &[Job<'_>], espeak: &str) -> Result<(), RenderError> {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            // After a failure the others stop too.
            job.run(espeak)
                .inspect_err(|_| next.store(jobs.len(), Ordering::Relaxed))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })
}

impl Job<'_> {
    fn run(&self, espeak: &str) -> Result<(), RenderError> {
        let (language, id) = (self.texts.language.clone(), self.id.to_owned());
        let spoken = espeak::speak(espeak, &self.texts.voice, self.texts.speed, self.phrase)
            .map_err(|source| RenderError::Espeak {
                language: language.clone(),
                id: id.clone(),
                source,
            })?;
        let phrase = self.phrase.to_owned();
        let speech = speech::condition(&spoken).ok_or(RenderError::Silent {
            language,
            id,
            phrase,
        })?;
        write(&self.path, &wav::encode(&speech))
    }
}

fn key(texts: &Texts, phrase: &str) -> String {
    let mut hash = Sha256::new();
    for part in [REVISION, &texts.voice, &texts.speed.to_string(), phrase] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

/// Keys of the recordings in `dir`; none when they cannot be read, which renders everything anew.
fn read_keys(dir: &Path) -> Keys {
    fs::read_to_string(dir.join(KEYS))
        .ok()
        .and_then(|text| toml::from_str(&text).ok())
        .unwrap_or_default()
}

fn delete_strangers(texts: &Texts, dir: &Path) -> Result<usize, RenderError> {
    let mut deleted = 0;
    for entry in fs::read_dir(dir).map_err(writing(dir))? {
        let path = entry.map_err(writing(dir))?.path();
        let id = path.file_stem().unwrap_or_default().to_string_lossy();
        let recording = path.extension().is_some_and(|extension| extension == "wav");
        if recording && !texts.phrases.contains_key(id.as_ref()) {
            fs::remove_file(&path).map_err(writing(&path))?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// Writes a whole file or none: an interrupted run leaves no cut recording behind.
fn write(path: &Path, octets: &[u8]) -> Result<(), RenderError> {
    let new = path.with_extension("new");
    fs::write(&new, octets).map_err(writing(&new))?;
    fs::rename(&new, path).map_err(writing(path))
}

fn writing(path: &Path) -> impl Fn(io::Error) -> RenderError {
    let path = path.to_owned();
    move |source| RenderError::Write {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A synthesiser that speaks a tone for any phrase and notes each call in a file.
    fn speaker(dir: &Path) -> String {
        let mut samples = vec![0i16; 22_050];
        ramal_dsp::Tone::new(440.0, -20.0, 22_050).fill(&mut samples[5_000..15_000]);
        let tone = wav::encode(&wav::Recording {
            rate: 22_050,
            samples,
        });
        fs::write(dir.join("tone.wav"), tone).unwrap();
        let script = dir.join("speaker");
        let at = dir.display();
        fs::write(
            &script,
            format!("#!/bin/sh\necho x >> {at}/calls\ncat {at}/tone.wav\n"),
        )
        .unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        script.display().to_string()
    }

    fn calls(dir: &Path) -> usize {
        fs::read_to_string(dir.join("calls")).map_or(0, |text| text.lines().count())
    }

    #[test]
    fn only_what_changed_is_spoken_again() {
        let dir = tempfile::tempdir().unwrap();
        let (texts, out) = (dir.path().join("texts"), dir.path().join("out"));
        fs::create_dir_all(&texts).unwrap();
        let file = texts.join("xx.toml");
        let head = "voice = \"xx\"\nspeed = 150\n[phrases]\n";
        fs::write(&file, format!("{head}one = \"um\"\ntwo = \"dois\"\n")).unwrap();
        let speaker = speaker(dir.path());

        let first = all(&texts, &out, &speaker).unwrap();
        assert_eq!(
            first,
            Done {
                rendered: 2,
                unchanged: 0,
                deleted: 0
            }
        );
        let recording = wav::parse(&fs::read(out.join("xx/one.wav")).unwrap()).unwrap();
        assert_eq!(recording.rate, 16_000);

        let second = all(&texts, &out, &speaker).unwrap();
        assert_eq!(
            second,
            Done {
                rendered: 0,
                unchanged: 2,
                deleted: 0
            }
        );
        assert_eq!(calls(dir.path()), 2);

        let head = "voice = \"xx\"\nspeed = 150\n[pronounced]\none = \"uma\"\n[phrases]\n";
        fs::write(&file, format!("{head}one = \"um\"\nthree = \"três\"\n")).unwrap();
        let third = all(&texts, &out, &speaker).unwrap();
        assert_eq!(
            third,
            Done {
                rendered: 2,
                unchanged: 0,
                deleted: 1
            }
        );
        assert!(!out.join("xx/two.wav").exists());

        fs::remove_file(out.join("xx/one.wav")).unwrap();
        assert_eq!(all(&texts, &out, &speaker).unwrap().rendered, 1);
    }

    #[test]
    fn a_failure_names_the_prompt_and_is_made_up_for_by_the_next_run() {
        let dir = tempfile::tempdir().unwrap();
        let (texts, out) = (dir.path().join("texts"), dir.path().join("out"));
        fs::create_dir_all(&texts).unwrap();
        fs::write(
            texts.join("xx.toml"),
            "voice = \"xx\"\nspeed = 150\n[phrases]\none = \"um\"\n",
        )
        .unwrap();
        let error = all(&texts, &out, "false").unwrap_err().to_string();
        assert!(error.starts_with("xx/one: "), "{error}");
        let speaker = speaker(dir.path());
        assert_eq!(all(&texts, &out, &speaker).unwrap().rendered, 1);
    }
}
