//! Counts what the detectors take speech for: nothing of it is a key, a signal or a tone.
//!
//! `cargo run --release -p ramal-dsp --example talk_off` speaks in four languages and five voices at
//! three levels, and fails when a key was heard. With a FOLDER of recordings (`speech::recorded`) people speak instead:
//! Debian's `asterisk-core-sounds-*-wav` hold more than two hours of five languages.

mod speech;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ramal_dsp::{
    CountryTones, DtmfDetector, DtmfEvent, FaxToneDetector, Law, ProgressDetector, R2Detector,
    R2Direction, R2Event,
};
use speech::{LANGUAGES, VOICES, recorded, speak};

const COUNTRIES: [&str; 4] = ["BR", "AR", "ID", "US"];

/// Runs a detector over speech in blocks of 20 ms; adds the time it took.
fn timed(spent: &mut Duration, samples: &[i16], mut detector: impl FnMut(&[i16])) {
    let begin = Instant::now();
    samples.chunks(160).for_each(&mut detector);
    *spent += begin.elapsed();
}

/// Who speaks, and what.
type Speech = Vec<(String, Vec<i16>)>;

/// Speech at a level, in dBm0: of the people in a folder, or made in four languages and five voices.
fn speech(folder: Option<&Path>, level: f64) -> std::io::Result<Speech> {
    if let Some(folder) = folder {
        return recorded(folder, level);
    }
    let mut speech = Vec::new();
    for language in LANGUAGES {
        for voice in VOICES {
            let name = format!("{} {}", language.0, voice.0);
            speech.push((name, speak(language, voice, level)?));
        }
    }
    Ok(speech)
}

/// What detectors took for what they listen for.
#[derive(Default)]
struct Heard {
    keys: String,
    signals: usize,
    tones: Vec<String>,
    faxes: usize,
    /// Time of each detector.
    spent: [Duration; 4],
}

impl Heard {
    fn listen(&mut self, samples: &[i16], country: &str) {
        let mut dtmf = DtmfDetector::default();
        timed(&mut self.spent[0], samples, |block| {
            dtmf.process(block, |event| {
                if let DtmfEvent::Down { key, .. } = event {
                    self.keys.push(key);
                }
            });
        });
        let mut r2 = R2Detector::new(R2Direction::Forward);
        timed(&mut self.spent[1], samples, |block| {
            r2.process(block, |event| {
                self.signals += usize::from(matches!(event, R2Event::On { .. }));
            });
        });
        if let Some(row) = CountryTones::of(country) {
            let mut progress = ProgressDetector::new(row, None);
            timed(&mut self.spent[2], samples, |block| {
                progress.process(block, |event| self.tones.push(format!("{event:?}")));
            });
        }
        let mut fax = FaxToneDetector::new();
        timed(&mut self.spent[3], samples, |block| {
            fax.process(block, |_| self.faxes += 1);
        });
    }
}

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let mut seconds = 0.0;
    let mut heard = Heard::default();
    for level in [-12.0, -20.0, -30.0] {
        for (at, (name, mut samples)) in speech(folder.as_deref(), level)?.into_iter().enumerate() {
            let mut octets = vec![0; samples.len()];
            Law::A.encode(&samples, &mut octets);
            Law::A.decode(&octets, &mut samples);
            seconds += samples.len() as f64 / 8_000.0;
            heard.listen(&samples, COUNTRIES[at % COUNTRIES.len()]);
            println!(
                "{level} dBm0, {name}: {:.0} minutes so far, {} keys",
                seconds / 60.0,
                heard.keys.len()
            );
        }
    }
    let cost = heard.spent.map(|time| time.as_secs_f64() / seconds * 100.0);
    println!("speech: {:.1} minutes", seconds / 60.0);
    println!(
        "DTMF: {} keys {:?}, {:.3} % of a core",
        heard.keys.len(),
        heard.keys,
        cost[0]
    );
    println!(
        "R2 forward: {} signals, {:.3} % of a core",
        heard.signals, cost[1]
    );
    println!(
        "call progress: {:?}, {:.3} % of a core",
        heard.tones, cost[2]
    );
    println!("fax: {} tones, {:.3} % of a core", heard.faxes, cost[3]);
    if seconds == 0.0 || !heard.keys.is_empty() {
        std::process::exit(1);
    }
    Ok(())
}
