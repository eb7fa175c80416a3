//! Level and frequency of received samples, by the Goertzel recurrence.

/// Full-scale sine of A-law is +3.14 dBm0 (ITU-T G.711); samples here are 16-bit with the same overload point.
pub const OVERLOAD_DBM0: f64 = 314.0 / 100.0;
const RATE: f64 = 8000.0;

/// Level in dBm0 of the component at `frequency` (Hz, 0-4000) in 8 kHz `samples`; `-inf` for none.
pub fn level_dbm0(samples: &[i16], frequency: f64) -> f64 {
    if samples.is_empty() {
        return f64::NEG_INFINITY;
    }
    let coefficient = 2.0 * (std::f64::consts::TAU * frequency / RATE).cos();
    let (mut s1, mut s2) = (0.0, 0.0);
    for &x in samples {
        let s0 = f64::from(x) + coefficient * s1 - s2;
        s2 = s1;
        s1 = s0;
    }
    let power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    let amplitude = 2.0 * power.max(0.0).sqrt() / samples.len() as f64;
    20.0 * (amplitude / 32768.0).log10() + OVERLOAD_DBM0
}

/// The strongest frequency (Hz, in steps of `step`) between `from` and `to`, with its level in dBm0.
pub fn strongest(samples: &[i16], from: f64, to: f64, step: f64) -> (f64, f64) {
    let mut best = (from, f64::NEG_INFINITY);
    let mut frequency = from;
    while frequency <= to {
        let level = level_dbm0(samples, frequency);
        if level > best.1 {
            best = (frequency, level);
        }
        frequency += step;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_sine_reads_overload_and_its_own_frequency() {
        let samples: Vec<i16> = (0..8000)
            .map(|n| {
                (32767.0 * (std::f64::consts::TAU * 1004.0 * f64::from(n) / RATE).sin()) as i16
            })
            .collect();
        assert!((level_dbm0(&samples, 1004.0) - OVERLOAD_DBM0).abs() < 0.01);
        assert!(level_dbm0(&samples, 700.0) < -40.0);
        assert_eq!(strongest(&samples, 300.0, 3400.0, 4.0).0, 1004.0);
    }
}
