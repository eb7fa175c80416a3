//! Counts what the detectors take speech for: nothing of it is a key, a signal or a tone.
//!
//! `cargo run --release -p ramal-dsp --example talk_off` speaks in four languages and five voices at
//! three levels, and fails when a key was heard.

mod speech;

use std::time::{Duration, Instant};

use ramal_dsp::{
    CountryTones, DtmfDetector, DtmfEvent, FaxToneDetector, Law, ProgressDetector, R2Detector,
    R2Direction, R2Event,
};
use speech::{LANGUAGES, VOICES, speak};

const COUNTRIES: [&str; 4] = ["BR", "AR", "ID", "US"];

/// Runs a detector over speech in blocks of 20 ms; adds the time it took.
fn timed(spent: &mut Duration, samples: &[i16], mut detector: impl FnMut(&[i16])) {
    let begin = Instant::now();
    samples.chunks(160).for_each(&mut detector);
    *spent += begin.elapsed();
}

fn main() -> std::io::Result<()> {
    let mut heard = 0.0;
    let (mut keys, mut signals, mut tones, mut faxes) = (String::new(), 0, Vec::new(), Vec::new());
    let mut spent = [Duration::ZERO; 4];
    for (language, country) in LANGUAGES.into_iter().zip(COUNTRIES) {
        for voice in VOICES {
            for level in [-12.0, -20.0, -30.0] {
                let mut samples = speak(language, voice, level)?;
                let mut octets = vec![0; samples.len()];
                Law::A.encode(&samples, &mut octets);
                Law::A.decode(&octets, &mut samples);
                heard += samples.len() as f64 / 8_000.0;
                let mut dtmf = DtmfDetector::default();
                timed(&mut spent[0], &samples, |block| {
                    dtmf.process(block, |event| {
                        if let DtmfEvent::Down { key, .. } = event {
                            keys.push(key);
                        }
                    });
                });
                let mut r2 = R2Detector::new(R2Direction::Forward);
                timed(&mut spent[1], &samples, |block| {
                    r2.process(block, |event| {
                        signals += i32::from(matches!(event, R2Event::On { .. }));
                    });
                });
                if let Some(row) = CountryTones::of(country) {
                    let mut progress = ProgressDetector::new(row, None);
                    timed(&mut spent[2], &samples, |block| {
                        progress.process(block, |event| tones.push(event));
                    });
                }
                let mut fax = FaxToneDetector::new();
                timed(&mut spent[3], &samples, |block| {
                    fax.process(block, |tone| faxes.push(tone));
                });
            }
        }
        println!("{}: {:.0} minutes so far", language.0, heard / 60.0);
    }
    let cost = spent.map(|time| time.as_secs_f64() / heard * 100.0);
    println!("speech: {:.1} minutes", heard / 60.0);
    println!(
        "DTMF: {} keys {keys:?}, {:.3} % of a core",
        keys.len(),
        cost[0]
    );
    println!("R2 forward: {signals} signals, {:.3} % of a core", cost[1]);
    println!("call progress: {tones:?}, {:.3} % of a core", cost[2]);
    println!("fax: {faxes:?}, {:.3} % of a core", cost[3]);
    if heard == 0.0 || !keys.is_empty() {
        std::process::exit(1);
    }
    Ok(())
}
