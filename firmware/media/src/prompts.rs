//! Prompts: short recordings companded once for each law at load and shared by all listeners.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ramal_dsp::{FRAME_SAMPLES, Law, SAMPLE_RATE};

use crate::{Codec, MediaError};

/// A recording in both companding laws, padded with silence to whole 20 ms frames.
pub struct Prompt {
    id: Box<str>,
    alaw: Box<[[u8; FRAME_SAMPLES]]>,
    ulaw: Box<[[u8; FRAME_SAMPLES]]>,
}

impl std::fmt::Debug for Prompt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Prompt({}, {} ms)", self.id, self.duration_ms())
    }
}

impl Prompt {
    /// Compands `samples` (8 kHz, linear).
    #[must_use]
    pub fn new(id: &str, samples: &[i16]) -> Self {
        let compand = |law: Law| {
            samples
                .chunks(FRAME_SAMPLES)
                .map(|chunk| {
                    let mut frame = [law.silence(); FRAME_SAMPLES];
                    law.encode(chunk, &mut frame);
                    frame
                })
                .collect()
        };
        Prompt {
            id: id.into(),
            alaw: compand(Law::A),
            ulaw: compand(Law::Mu),
        }
    }

    /// Name within its language, for example `digit-7`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Length in milliseconds, a multiple of 20.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.alaw.len() as u64 * 20
    }

    /// The 20 ms at `index` encoded with `codec`; `None` after the end, and when the prompt has no
    /// frames of this codec: a listener then hears the A-law ones, encoded for it alone.
    #[must_use]
    pub fn frame(&self, codec: Codec, index: usize) -> Option<&[u8]> {
        match codec {
            Codec::Pcma => self.alaw.get(index).map(<[u8; FRAME_SAMPLES]>::as_slice),
            Codec::Pcmu => self.ulaw.get(index).map(<[u8; FRAME_SAMPLES]>::as_slice),
            _ => None,
        }
    }
}

/// All prompts of all languages, by language tag (`pt-BR`) and name (`digit-7`).
#[derive(Debug, Default)]
pub struct PromptLibrary {
    languages: HashMap<Box<str>, HashMap<Box<str>, Arc<Prompt>>>,
}

impl PromptLibrary {
    /// Reads every `<dir>/<language>/<id>.wav` (8 kHz, mono, 16-bit PCM).
    ///
    /// Whether everything needed is there is told by [`Self::missing`].
    ///
    /// # Errors
    /// The directory cannot be read, or a file in it is no such recording; the file is named.
    pub fn load(dir: &Path) -> Result<Self, MediaError> {
        let mut languages = HashMap::new();
        for folder in entries(dir)? {
            if !folder.is_dir() {
                continue;
            }
            let mut prompts = HashMap::new();
            for file in entries(&folder)? {
                if file.extension().is_none_or(|extension| extension != "wav") {
                    continue;
                }
                let id = stem(&file);
                let samples = read_wav(&file)?;
                prompts.insert(id.clone(), Arc::new(Prompt::new(&id, &samples)));
            }
            languages.insert(stem(&folder), prompts);
        }
        Ok(PromptLibrary { languages })
    }

    /// The prompt `id` in `language`.
    #[must_use]
    pub fn get(&self, language: &str, id: &str) -> Option<Arc<Prompt>> {
        self.languages.get(language)?.get(id).cloned()
    }

    /// Names, as `language/id`, of those of [`system_prompt_ids`] that are not there for `languages`.
    #[must_use]
    pub fn missing(&self, languages: &[&str]) -> Vec<String> {
        let absent = |language: &&str, id: &String| self.get(language, id).is_none();
        languages
            .iter()
            .flat_map(|language| {
                system_prompt_ids()
                    .filter(move |id| absent(language, id))
                    .map(move |id| format!("{language}/{id}"))
            })
            .collect()
    }

    /// How many prompts are loaded, over all languages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.languages.values().map(HashMap::len).sum()
    }

    /// Whether nothing is loaded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Names of the prompts the gateway itself speaks in every language: digits, the hours and minutes of
/// the speaking clock as whole phrases, and the fixed sentences.
pub fn system_prompt_ids() -> impl Iterator<Item = String> {
    const SENTENCES: [&str; 5] = [
        "your-number-is",
        "time-is",
        "echo-intro",
        "not-in-service",
        "goodbye",
    ];
    (0..10)
        .map(|digit| format!("digit-{digit}"))
        .chain((0..24).map(|hour| format!("hour-{hour:02}")))
        .chain((0..60).map(|minute| format!("minute-{minute:02}")))
        .chain(SENTENCES.into_iter().map(str::to_owned))
}

fn stem(path: &Path) -> Box<str> {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into()
}

fn entries(dir: &Path) -> Result<Vec<std::path::PathBuf>, MediaError> {
    let failed = |source| MediaError::system(format!("read {}", dir.display()), source);
    let read: Result<Vec<_>, _> = fs::read_dir(dir)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect();
    read.map_err(failed)
}

/// Samples of a RIFF/WAVE file of 16-bit PCM, mono, 8 kHz.
fn read_wav(path: &Path) -> Result<Vec<i16>, MediaError> {
    let octets = fs::read(path)
        .map_err(|source| MediaError::system(format!("read {}", path.display()), source))?;
    parse_wav(&octets).map_err(|reason| MediaError::Prompt {
        path: path.to_owned(),
        reason: reason.to_owned(),
    })
}

fn parse_wav(octets: &[u8]) -> Result<Vec<i16>, &'static str> {
    const CUT: &str = "the file is cut short";
    let body = octets
        .strip_prefix(b"RIFF")
        .and_then(|rest| rest.get(4..))
        .and_then(|rest| rest.strip_prefix(b"WAVE"))
        .ok_or("not a RIFF/WAVE file")?;
    let mut rest = body;
    let mut format_seen = false;
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, l0, l1, l2, l3] = *head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let chunk = after.get(..length).ok_or(CUT)?;
        match &[a, b, c, d] {
            b"fmt " => {
                let [1, 0, 1, 0, r0, r1, r2, r3, _, _, _, _, 2, 0, 16, 0, ..] = *chunk else {
                    return Err("not 16-bit mono PCM");
                };
                if u32::from_le_bytes([r0, r1, r2, r3]) != SAMPLE_RATE {
                    return Err("not 8,000 samples a second");
                }
                format_seen = true;
            }
            b"data" if format_seen => {
                let (samples, _) = chunk.as_chunks::<2>();
                return Ok(samples
                    .iter()
                    .map(|&sample| i16::from_le_bytes(sample))
                    .collect());
            }
            _ => {}
        }
        // Chunks begin at even offsets.
        rest = after.get(length.next_multiple_of(2)..).unwrap_or_default();
    }
    Err("no sound in the file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
        let mut octets = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x01\0".to_vec();
        octets.extend_from_slice(&rate.to_le_bytes());
        octets.extend_from_slice(&(rate * 2).to_le_bytes());
        octets.extend_from_slice(&[2, 0, 16, 0]);
        octets.extend_from_slice(b"data");
        octets.extend_from_slice(&(samples.len() as u32 * 2).to_le_bytes());
        samples
            .iter()
            .for_each(|sample| octets.extend_from_slice(&sample.to_le_bytes()));
        octets
    }

    #[test]
    fn a_recording_is_companded_to_both_laws_and_padded() {
        let samples = parse_wav(&wav(8_000, &[1_000; 200])).unwrap();
        let prompt = Prompt::new("digit-1", &samples);
        assert_eq!(prompt.duration_ms(), 40);
        for codec in [Codec::Pcma, Codec::Pcmu] {
            let mut back = [0i16; FRAME_SAMPLES];
            codec
                .law()
                .unwrap()
                .decode(prompt.frame(codec, 1).unwrap(), &mut back);
            assert!(back[..40].iter().all(|sample| (sample - 1_000).abs() < 30));
            assert!(back[40..].iter().all(|sample| sample.abs() <= 8));
        }
        assert!(prompt.frame(Codec::Pcma, 2).is_none());
    }

    #[test]
    fn files_that_are_no_such_recording_are_refused_with_the_reason() {
        let valid = wav(8_000, &[1; 10]);
        for (octets, reason) in [
            (b"\x89PNG\r\n".to_vec(), "not a RIFF/WAVE file"),
            (wav(16_000, &[1; 10]), "not 8,000 samples a second"),
            (valid[..valid.len() - 1].to_vec(), "the file is cut short"),
            (b"RIFF\0\0\0\0WAVE".to_vec(), "no sound in the file"),
        ] {
            assert_eq!(parse_wav(&octets), Err(reason));
        }
    }

    #[test]
    fn a_library_finds_by_language_and_names_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        for id in system_prompt_ids().filter(|id| id != "hour-13") {
            for language in ["pt-BR", "en"] {
                let folder = dir.path().join(language);
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(format!("{id}.wav")), wav(8_000, &[5; 160])).unwrap();
            }
        }
        let library = PromptLibrary::load(dir.path()).unwrap();
        assert_eq!(library.len(), 2 * 98);
        assert_eq!(library.get("en", "digit-7").unwrap().id(), "digit-7");
        assert!(library.get("es", "digit-7").is_none());
        assert_eq!(
            library.missing(&["pt-BR", "en"]),
            ["pt-BR/hour-13", "en/hour-13"]
        );
        assert_eq!(library.missing(&["id"]).len(), 99);

        fs::write(dir.path().join("en/goodbye.wav"), b"GIF89a").unwrap();
        let refused = PromptLibrary::load(dir.path()).unwrap_err().to_string();
        assert!(
            refused.contains("goodbye.wav") && refused.contains("RIFF"),
            "{refused}"
        );
        assert!(PromptLibrary::load(&dir.path().join("nowhere")).is_err());
    }
}
