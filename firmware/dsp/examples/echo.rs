//! What the echo canceller does to real speech, and what it costs.
//!
//! `cargo run --release -p ramal-dsp --example echo` sends speech of four languages over lines of
//! several echo return losses, companded both ways, and prints the enhancement second by second.

mod speech;

use std::time::{Duration, Instant};

use ramal_dsp::{EchoCanceller, Law, level_dbm0};
use speech::{LANGUAGES, VOICES, speak};

/// What comes back of `far` over a hybrid with this loss for white noise, through A-law.
fn echo_of(far: &[i16], loss: f32) -> Vec<i16> {
    let mut taps: Vec<f32> = (0..200)
        .map(|n| {
            let n = n as f32;
            (-n / 25.0).exp() * ((n * 0.8).cos() + 0.5 * (n * 1.9 + 1.0).sin())
        })
        .collect();
    let gain: f32 = taps.iter().map(|tap| tap * tap).sum();
    let scale = 10f32.powf(-loss / 20.0) / gain.sqrt();
    taps.iter_mut().for_each(|tap| *tap *= scale);
    const DELAY: usize = 60;
    let mut echo: Vec<i16> = (0..far.len())
        .map(|n| {
            let past = n.checked_sub(DELAY).map_or(&[][..], |end| &far[..=end]);
            let pairs = taps.iter().zip(past.iter().rev());
            pairs
                .map(|(tap, &sample)| tap * f32::from(sample))
                .sum::<f32>()
                .round() as i16
        })
        .collect();
    let mut octets = vec![0; echo.len()];
    Law::A.encode(&echo, &mut octets);
    Law::A.decode(&octets, &mut echo);
    echo
}

/// The near end talks from second 10 to 20: enhancement before, while it talks, and after, in dB, and
/// how much its voice changed in level through the nonlinear processor.
fn double_talk(far: &[i16], voice: &[i16], loss: f32) -> [f64; 4] {
    let voice: Vec<i16> = (0..far.len())
        .map(|n| match n {
            80_000..160_000 => voice.get(n - 80_000).copied().unwrap_or(0),
            _ => 0,
        })
        .collect();
    let echo = echo_of(far, loss);
    let near: Vec<i16> = echo
        .iter()
        .zip(&voice)
        .map(|(e, v)| e.saturating_add(*v))
        .collect();
    let outputs = [false, true].map(|nonlinear| {
        let mut canceller = EchoCanceller::new(nonlinear);
        let mut output = near.clone();
        for (far, near) in far.chunks(160).zip(output.chunks_mut(160)) {
            canceller.process(far, near);
        }
        output
    });
    let left: Vec<i16> = outputs[0]
        .iter()
        .zip(&voice)
        .map(|(o, v)| o.saturating_sub(*v))
        .collect();
    let gain = |from: usize, to: usize| {
        let stretch = from * 8_000..(to * 8_000).min(far.len());
        level_dbm0(&echo[stretch.clone()]) - level_dbm0(&left[stretch])
    };
    let stretch = 80_000..160_000;
    let change = level_dbm0(&outputs[1][stretch.clone()]) - level_dbm0(&voice[stretch]);
    [gain(5, 10), gain(10, 20), gain(20, 30), change]
}

fn main() -> std::io::Result<()> {
    let (mut spent, mut heard) = (Duration::ZERO, 0.0);
    for (language, voice) in LANGUAGES.into_iter().zip(VOICES) {
        let far = speak(language, voice, -15.0)?;
        let far = &far[..far.len().min(8_000 * 30)];
        for loss in [6.0, 12.0, 20.0] {
            let near = echo_of(far, loss);
            let mut left = [near.clone(), near.clone()];
            for (nonlinear, output) in left.iter_mut().enumerate() {
                let mut canceller = EchoCanceller::new(nonlinear == 1);
                let begin = Instant::now();
                for (far, near) in far.chunks(160).zip(output.chunks_mut(160)) {
                    canceller.process(far, near);
                }
                spent += begin.elapsed();
                heard += far.len() as f64 / 8_000.0;
            }
            let gain = |output: &[i16], seconds: std::ops::Range<usize>| {
                let stretch = seconds.start * 8_000..(seconds.end * 8_000).min(near.len());
                level_dbm0(&near[stretch.clone()]) - level_dbm0(&output[stretch])
            };
            let early: Vec<String> = (0..5)
                .map(|second| format!("{:.0}", gain(&left[0], second..second + 1)))
                .collect();
            println!(
                "{} ERL {loss}: filter {} dB in seconds 1-5, then {:.1} dB; with the nonlinear processor {:.1} dBm0 are left of {:.1}",
                language.0,
                early.join(" "),
                gain(&left[0], 5..30),
                level_dbm0(&left[1][8_000..]),
                level_dbm0(&near[8_000..]),
            );
        }
    }
    for level in [-15.0, -25.0] {
        let far = speak(LANGUAGES[0], VOICES[0], -15.0)?;
        let far = &far[..far.len().min(8_000 * 30)];
        let voice = speak(LANGUAGES[3], VOICES[3], level)?;
        for loss in [6.0, 12.0, 20.0] {
            let [before, during, after, change] = double_talk(far, &voice, loss);
            println!(
                "near end at {level} dBm0, ERL {loss}: {before:.1} dB before, {during:.1} while it talks, {after:.1} after; its voice {change:+.1} dB"
            );
        }
    }
    println!(
        "cost: {:.2} % of a core a line",
        spent.as_secs_f64() / heard * 100.0
    );
    Ok(())
}
