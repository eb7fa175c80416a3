//! Prompts: recordings of any length, encoded once for each codec when they are first heard, and shared by all listeners.
//!
//! A prompt is known by its file's header until somebody hears it: then `encode` reads and encodes it, segment by segment
//! on a thread of its own, and the media threads find the frames without lock or copy. A player waits the few
//! milliseconds that the first segment takes.

mod encode;
mod flac;
mod recording;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use ramal_dsp::FRAME_SAMPLES;

pub use self::encode::Encoding;
use self::encode::{Job, SEGMENT, Segment, encode_samples};
use self::recording::{Recording, Samples};
use crate::codec::{Encoder, SampleRate};
use crate::{Codec, MediaError};

/// A recording, padded with silence to whole 20 ms frames.
pub struct Prompt {
    id: Box<str>,
    frames: usize,
    source: Source,
    forms: [Form; Codec::DECODED.len()],
}

enum Source {
    /// Both laws were made when the prompt was.
    Ready,
    /// A file, and who encodes it.
    File(Recording, Encoding),
}

/// A recording in one codec.
#[derive(Default)]
struct Form {
    asked: AtomicBool,
    /// It cannot be encoded, or its file cannot be read any more.
    failed: AtomicBool,
    segments: OnceLock<Box<[OnceLock<Segment>]>>,
}

/// Whether a prompt can be heard in a codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// It is being encoded.
    Soon,
    /// It never will be.
    Never,
}

impl std::fmt::Debug for Prompt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Prompt({}, {} ms)", self.id, self.duration_ms())
    }
}

impl Prompt {
    /// A prompt of samples at 8,000 a second, for listeners with G.711 only.
    #[must_use]
    pub fn new(id: &str, samples: &[i16]) -> Self {
        let prompt = Prompt {
            id: id.into(),
            frames: samples.len().div_ceil(FRAME_SAMPLES),
            source: Source::Ready,
            forms: Default::default(),
        };
        let band = SampleRate::Narrow;
        for codec in [Codec::Pcma, Codec::Pcmu] {
            let Some(mut encoder) = Encoder::new(codec, band) else {
                continue;
            };
            for (number, part) in samples.chunks(SEGMENT * FRAME_SAMPLES).enumerate() {
                prompt.keep(
                    codec,
                    number,
                    Some(encode_samples(part, band, &mut encoder)),
                );
            }
        }
        prompt
    }

    /// A recording in a file: RIFF/WAVE or FLAC, mono, 16 bits, 8,000 or 16,000 samples a second. Reads its header only. The
    /// file has to stay as it is; one that goes away is silent from the next segment that is not encoded yet.
    ///
    /// # Errors
    /// It cannot be read, or is no such recording; the file is named.
    pub fn open(path: &Path, encoding: &Encoding) -> Result<Self, MediaError> {
        let recording = Recording::open(path)?;
        let per_frame = u64::from(recording.rate) / 50;
        Ok(Prompt {
            id: stem(path),
            frames: recording.samples.div_ceil(per_frame) as usize,
            source: Source::File(recording, encoding.clone()),
            forms: Default::default(),
        })
    }

    /// Name within its language, for example `digit-7`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Length in milliseconds, a multiple of 20.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.frames as u64 * 20
    }

    /// Length in frames of 20 ms.
    pub(crate) fn frames(&self) -> usize {
        self.frames
    }

    /// The 20 ms at `index` encoded with `codec`; `None` after the end, and as long as the prompt is not encoded.
    #[must_use]
    pub fn frame(&self, codec: Codec, index: usize) -> Option<&[u8]> {
        let segments = self.form(codec)?.segments.get()?;
        segments.get(index / SEGMENT)?.get()?.frame(index % SEGMENT)
    }

    /// Has the prompt encoded with `codec`, unless that was asked for before.
    pub(crate) fn prepare(self: &Arc<Self>, codec: Codec) -> Readiness {
        let (Some(form), Source::File(_, encoding)) = (self.form(codec), &self.source) else {
            return Readiness::Never;
        };
        if form.failed.load(Ordering::Acquire) {
            return Readiness::Never;
        }
        if !form.asked.swap(true, Ordering::AcqRel) {
            let prompt = Arc::clone(self);
            if !encoding.ask(Job { prompt, codec }) {
                form.asked.store(false, Ordering::Release);
            }
        }
        Readiness::Soon
    }

    /// Octets that the encoded forms take.
    #[must_use]
    pub fn encoded_octets(&self) -> usize {
        let segments = self.forms.iter().filter_map(|form| form.segments.get());
        let segments = segments.flat_map(|segments| segments.iter());
        segments
            .filter_map(OnceLock::get)
            .map(Segment::octets)
            .sum()
    }

    /// Rate of the samples in its file.
    fn band(&self) -> Option<SampleRate> {
        match &self.source {
            Source::File(recording, _) => Some(recording.band()),
            Source::Ready => None,
        }
    }

    /// Opens its file; says so when that is not possible any more.
    fn samples(&self) -> Option<Samples> {
        let Source::File(recording, _) = &self.source else {
            return None;
        };
        recording
            .samples()
            .inspect_err(|error| unreadable(&recording.path, error))
            .ok()
    }

    /// Encodes the next segment of its file; says so when it cannot be read any more.
    fn next_segment(&self, samples: &mut Samples, encoder: &mut Encoder) -> Option<Segment> {
        let Source::File(recording, _) = &self.source else {
            return None;
        };
        let band = recording.band();
        let read = samples
            .read(SEGMENT * band.frame())
            .inspect_err(|error| unreadable(&recording.path, error));
        Some(encode_samples(&read.ok()?, band, encoder))
    }

    /// Makes a segment audible; whether there was one.
    fn keep(&self, codec: Codec, number: usize, segment: Option<Segment>) -> bool {
        let Some(form) = self.form(codec) else {
            return false;
        };
        let Some(segment) = segment else {
            form.failed.store(true, Ordering::Release);
            return false;
        };
        let count = self.frames.div_ceil(SEGMENT);
        let segments = form
            .segments
            .get_or_init(|| (0..count).map(|_| OnceLock::new()).collect());
        segments
            .get(number)
            .is_some_and(|place| place.set(segment).is_ok())
    }

    fn form(&self, codec: Codec) -> Option<&Form> {
        let index = Codec::DECODED.iter().position(|known| *known == codec)?;
        self.forms.get(index)
    }
}

/// All prompts of all languages, by language tag (`pt-BR`) and name (`digit-7`).
#[derive(Debug, Default)]
pub struct PromptLibrary {
    languages: HashMap<Box<str>, HashMap<Box<str>, Arc<Prompt>>>,
    /// Who encodes them; none when there are none.
    encoding: Option<Encoding>,
}

impl PromptLibrary {
    /// Finds every `<dir>/<language>/<id>.wav` and `.flac`, as [`Prompt::open`] takes them.
    ///
    /// # Errors
    /// The directory cannot be read, or a file in it is no such recording; the file is named.
    pub fn load(dir: &Path) -> Result<Self, MediaError> {
        let encoding = Encoding::start()?;
        let mut languages = HashMap::new();
        for folder in entries(dir)? {
            if !folder.is_dir() {
                continue;
            }
            let mut prompts = HashMap::new();
            for file in entries(&folder)? {
                if !is_sound(&file) {
                    continue;
                }
                let prompt = Prompt::open(&file, &encoding)?;
                prompts.insert(stem(&file), Arc::new(prompt));
            }
            languages.insert(stem(&folder), prompts);
        }
        Ok(PromptLibrary {
            languages,
            encoding: Some(encoding),
        })
    }

    /// Who encodes the prompts.
    pub(crate) fn encoding(&self) -> Option<&Encoding> {
        self.encoding.as_ref()
    }

    /// The prompt `id` in `language`.
    #[must_use]
    pub fn get(&self, language: &str, id: &str) -> Option<Arc<Prompt>> {
        self.languages.get(language)?.get(id).cloned()
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

/// Whether a file is called as those are that [`Prompt::open`] takes.
#[must_use]
pub fn is_sound(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "wav" || extension == "flac")
}

fn unreadable(path: &Path, error: &std::io::Error) {
    tracing::error!(file = %path.display(), %error, "a recording cannot be read");
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

#[cfg(test)]
mod tests {
    use super::*;

    use super::recording::tests::wav;
    use ramal_dsp::Goertzel;

    #[test]
    fn samples_are_companded_to_both_laws_and_padded() {
        let prompt = Prompt::new("digit-1", &[1_000; 200]);
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

    /// Everything of a prompt in a codec, once it is encoded.
    fn encoded(prompt: &Arc<Prompt>, codec: Codec) -> Vec<u8> {
        let mut octets = Vec::new();
        for index in 0..prompt.frames() {
            let frame = loop {
                match prompt.frame(codec, index) {
                    Some(frame) => break frame,
                    None => assert_eq!(prompt.prepare(codec), Readiness::Soon),
                }
                std::thread::yield_now();
            };
            octets.extend_from_slice(frame);
        }
        octets
    }

    #[test]
    fn a_file_is_encoded_when_it_is_first_asked_for_without_seams() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tone.wav");
        for rate in [8_000u32, 16_000] {
            // Five segments and a bit.
            let mut samples = vec![0i16; rate as usize * 10 + 77];
            ramal_dsp::Tone::new(1_004.0, -10.0, rate).fill(&mut samples);
            fs::write(&path, wav(rate, &samples)).unwrap();
            let prompt = Arc::new(Prompt::open(&path, &Encoding::start().unwrap()).unwrap());
            assert_eq!((prompt.duration_ms(), prompt.encoded_octets()), (10_020, 0));
            assert!(prompt.frame(Codec::Pcma, 0).is_none());
            let alaw = encoded(&prompt, Codec::Pcma);
            assert_eq!(alaw.len(), 501 * 160);
            assert_eq!(prompt.encoded_octets(), alaw.len());
            let mut back = vec![0i16; alaw.len()];
            ramal_dsp::Law::A.decode(&alaw, &mut back);
            // Every tenth of a second is the tone and nothing else.
            for part in back[800..80_000 - 800].chunks_exact(800) {
                let mut meter = Goertzel::new(1_004.0, 8_000);
                meter.feed(part);
                assert!(
                    (meter.level_dbm0() + 10.0).abs() < 0.2,
                    "{}",
                    meter.level_dbm0()
                );
                assert!(meter.total_dbm0() - meter.level_dbm0() < 0.1);
            }
            if rate == 8_000 {
                let mut direct = vec![0u8; samples.len()];
                ramal_dsp::Law::A.encode(&samples, &mut direct);
                assert_eq!(alaw[..direct.len()], direct);
            }
        }
    }

    #[test]
    fn every_codec_has_the_tone_at_its_level() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tone.wav");
        for rate in [8_000u32, 16_000] {
            let mut samples = vec![0i16; rate as usize * 5];
            ramal_dsp::Tone::new(1_004.0, -16.0, rate).fill(&mut samples);
            fs::write(&path, wav(rate, &samples)).unwrap();
            let prompt = Arc::new(Prompt::open(&path, &Encoding::start().unwrap()).unwrap());
            for codec in Codec::DECODED {
                encoded(&prompt, codec);
                let mut decoder = crate::codec::Decoder::new(codec).unwrap();
                let heard_rate = decoder.rate();
                let mut heard = Vec::new();
                for index in 0..prompt.frames() {
                    let mut samples = [0i16; crate::codec::LONGEST_PACKET];
                    let count = decoder.decode(prompt.frame(codec, index).unwrap(), &mut samples);
                    heard.extend_from_slice(&samples[..count]);
                }
                let mut meter = Goertzel::new(1_004.0, heard_rate.hertz());
                meter.feed(&heard[heard.len() / 5..heard.len() * 4 / 5]);
                let level = meter.level_dbm0();
                assert!(
                    (level + 16.0).abs() < 0.5,
                    "{codec:?} of {rate}: {level} dBm0"
                );
            }
        }
    }

    #[test]
    fn a_file_that_went_away_is_never_ready() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tone.wav");
        fs::write(&path, wav(8_000, &[5; 1_600])).unwrap();
        let prompt = Arc::new(Prompt::open(&path, &Encoding::start().unwrap()).unwrap());
        fs::remove_file(&path).unwrap();
        while prompt.prepare(Codec::Pcmu) == Readiness::Soon {
            std::thread::yield_now();
        }
        assert!(prompt.frame(Codec::Pcmu, 0).is_none());
    }

    #[test]
    fn a_library_finds_by_language_and_name() {
        let dir = tempfile::tempdir().unwrap();
        for id in ["digit-7", "goodbye"] {
            for language in ["pt-BR", "en"] {
                let folder = dir.path().join(language);
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(format!("{id}.wav")), wav(8_000, &[5; 160])).unwrap();
            }
        }
        let library = PromptLibrary::load(dir.path()).unwrap();
        assert_eq!(library.len(), 4);
        assert_eq!(library.get("en", "digit-7").unwrap().id(), "digit-7");
        assert!(library.get("es", "digit-7").is_none());
        assert!(library.get("en", "digit-8").is_none());

        fs::write(dir.path().join("en/goodbye.wav"), b"GIF89a").unwrap();
        let refused = PromptLibrary::load(dir.path()).unwrap_err().to_string();
        assert!(
            refused.contains("goodbye.wav") && refused.contains("RIFF"),
            "{refused}"
        );
        assert!(PromptLibrary::load(&dir.path().join("nowhere")).is_err());
    }
}
