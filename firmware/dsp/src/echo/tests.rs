//! Tests after ITU-T G.168: convergence, double talk, change of path, noise, tones.

use super::*;
use crate::{Law, Noise, Tone, level_dbm0};

/// A composite source signal in the manner of ITU-T P.501 §7.2.1: 48 ms of a voiced sound, 200 ms of
/// noise that covers the band, 102 ms of pause, over and over.
fn composite(samples: usize, seed: u32, pitch: usize) -> Vec<i16> {
    let mut noise = Noise::new(seed);
    let (mut first, mut second) = (0.0f32, 0.0f32);
    let raw: Vec<f32> = (0..samples)
        .map(|n| match n % 2_800 {
            place @ 0..390 => {
                // Pulses through one formant at 700 Hz.
                let pulse = if place % pitch == 0 { 1.0 } else { 0.0 };
                let sound = pulse + 1.62 * first - 0.9 * second;
                (second, first) = (first, sound);
                sound * 3_000.0
            }
            390..1_990 => noise.next_value() * 7_000.0,
            _ => 0.0,
        })
        .collect();
    raw.iter().map(|&s| s as i16).collect()
}

/// An echo path of a hybrid: `delay` samples, then a decaying oscillation, with this loss for noise.
fn path(delay: usize, loss: f32) -> Vec<f32> {
    let mut taps: Vec<f32> = (0..160)
        .map(|n| {
            let decay = (-(n as f32) / 22.0).exp();
            decay * ((n as f32 * 0.9).cos() + 0.6 * (n as f32 * 2.1 + 1.0).sin())
        })
        .collect();
    let gain: f32 = taps.iter().map(|tap| tap * tap).sum();
    let scale = 10f32.powf(-loss / 20.0) / gain.sqrt();
    taps.iter_mut().for_each(|tap| *tap *= scale);
    [vec![0.0; delay], taps].concat()
}

fn echo_of(far: &[i16], path: &[f32]) -> Vec<i16> {
    (0..far.len())
        .map(|n| {
            let sum: f32 = path
                .iter()
                .take(n + 1)
                .enumerate()
                .map(|(k, tap)| tap * f32::from(far[n - k]))
                .sum();
            sum.round() as i16
        })
        .collect()
}

fn cancelled(canceller: &mut EchoCanceller, far: &[i16], near: &[i16]) -> Vec<i16> {
    let mut output = near.to_vec();
    for (far, near) in far.chunks(160).zip(output.chunks_mut(160)) {
        canceller.process(far, near);
    }
    output
}

/// Loss in dB over a stretch of time in milliseconds.
fn loss(before: &[i16], after: &[i16], from_ms: usize, to_ms: usize) -> f64 {
    let stretch = from_ms * 8..to_ms * 8;
    level_dbm0(&before[stretch.clone()]) - level_dbm0(&after[stretch])
}

#[test]
fn thirty_decibels_within_a_second_for_every_echo_return_loss() {
    let far = composite(8 * 2_400, 1, 47);
    for delay in [0, 100, 300] {
        for erl in [6.0, 12.0, 20.0] {
            let near = echo_of(&far, &path(delay, erl));
            let mut canceller = EchoCanceller::new(false);
            let output = cancelled(&mut canceller, &far, &near);
            let enhancement = loss(&near, &output, 1_000, 2_400);
            assert!(
                enhancement >= 30.0,
                "delay {delay} ERL {erl}: {enhancement:.1}"
            );
            let known = canceller.echo_return_loss().unwrap();
            assert!((known - erl).abs() < 1.5, "{known} for {erl}");
        }
    }
}

#[test]
fn with_companding_and_the_nonlinear_processor_only_comfort_noise_is_left() {
    let far = composite(8 * 3_000, 4, 53);
    for erl in [6.0, 12.0, 20.0] {
        let mut near = echo_of(&far, &path(60, erl));
        Noise::new(8).add(&mut near, -65.0);
        let mut octets = vec![0; near.len()];
        Law::A.encode(&near, &mut octets);
        Law::A.decode(&octets, &mut near);
        let mut linear = EchoCanceller::new(false);
        let left = loss(&near, &cancelled(&mut linear, &far, &near), 1_000, 3_000);
        assert!(left > 25.0, "ERL {erl}: {left:.1} by the filter");
        let mut canceller = EchoCanceller::new(true);
        let output = cancelled(&mut canceller, &far, &near);
        let level = level_dbm0(&output[8 * 1_000..]);
        assert!(level < -55.0, "ERL {erl}: {level:.1} dBm0 are left");
    }
}

#[test]
fn double_talk_neither_spoils_the_filter_nor_the_voice() {
    let far = composite(8 * 6_000, 1, 47);
    for near_level in [1.0f32, 0.5, 0.25] {
        let echo = echo_of(&far, &path(40, 10.0));
        // The near end talks from second 2 to 4, with another rhythm.
        let voice: Vec<i16> = composite(8 * 6_000 + 1_234, 77, 71)[1_234..]
            .iter()
            .enumerate()
            .map(|(n, &s)| match n {
                16_000..32_000 => (f32::from(s) * near_level) as i16,
                _ => 0,
            })
            .collect();
        let near: Vec<i16> = echo
            .iter()
            .zip(&voice)
            .map(|(e, v)| e.saturating_add(*v))
            .collect();
        let mut canceller = EchoCanceller::new(false);
        let output = cancelled(&mut canceller, &far, &near);
        let residue: Vec<i16> = output.iter().zip(&voice).map(|(o, v)| o - v).collect();
        let before = loss(&echo, &residue, 1_200, 2_000);
        let during = loss(&echo, &residue, 2_000, 4_000);
        let after = loss(&echo, &residue, 4_000, 6_000);
        assert!(
            before > 28.0 && during > 18.0 && after > 28.0,
            "voice {near_level}: {before:.1} {during:.1} {after:.1}"
        );
        // With the nonlinear processor the voice still passes at its level.
        let mut canceller = EchoCanceller::new(true);
        let output = cancelled(&mut canceller, &far, &near);
        let change = loss(&voice, &output, 2_100, 4_000);
        assert!(change.abs() < 1.0, "voice {near_level}: {change:.1} dB");
    }
}

#[test]
fn another_path_is_learned_within_a_second() {
    let far = composite(8 * 5_000, 3, 61);
    let (first, second) = (path(20, 8.0), path(150, 14.0));
    let mut near = echo_of(&far, &first);
    near[20_000..].copy_from_slice(&echo_of(&far, &second)[20_000..]);
    let mut canceller = EchoCanceller::new(false);
    let output = cancelled(&mut canceller, &far, &near);
    let relearned = loss(&near, &output, 3_700, 5_000);
    assert!(relearned > 28.0, "{relearned:.1}");
}

#[test]
fn a_tone_does_not_make_it_howl_and_a_modem_switches_it_off() {
    let mut far = vec![0; 8 * 4_000];
    Tone::new(425.0, -10.0, 8_000).fill(&mut far);
    let near = echo_of(&far, &path(30, 8.0));
    let mut canceller = EchoCanceller::new(false);
    let output = cancelled(&mut canceller, &far, &near);
    assert!(loss(&near, &output, 1_000, 4_000) > 25.0);

    let mut far = vec![0; 3_600 * 4];
    Tone::new(2_100.0, -12.0, 8_000).fill(&mut far);
    for part in far.chunks_mut(3_600).skip(1).step_by(2) {
        part.iter_mut().for_each(|sample| *sample = -*sample);
    }
    let near = echo_of(&far, &path(30, 8.0));
    let mut canceller = EchoCanceller::new(true);
    let output = cancelled(&mut canceller, &far, &near);
    assert!(canceller.is_disabled());
    assert_eq!(output[3_600 * 3..], near[3_600 * 3..]);
}

#[test]
fn silence_and_the_near_end_alone_pass_unchanged() {
    let voice = composite(8 * 2_000, 5, 47);
    let mut canceller = EchoCanceller::new(true);
    let output = cancelled(&mut canceller, &vec![0; voice.len()], &voice);
    assert_eq!(output, voice);
    assert!(canceller.echo_return_loss().is_none());
}
