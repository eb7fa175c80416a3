//! What a listener thinks of a stream: the mean opinion score by the E-model (ITU-T G.107).

use std::time::Duration;

/// Transmission rating of a connection without loss and delay, all other parameters at the defaults of
/// G.107 (06/2015) table 3.
const BEST_RATING: f64 = 93.2;
/// Equipment impairment factor of G.711 (G.113 appendix I).
const CODING: f64 = 0.0;
/// Packet-loss robustness of G.711 with concealment (G.113 appendix I). The other codecs are rated by the
/// same figure: for G.722 and Opus no narrowband one is published.
const ROBUSTNESS: f64 = 25.1;

/// Mean opinion score, 1.0 (bad) to 4.4 (the best that G.711 gets), of a stream that lost this share
/// of its packets at random (0.0 to 1.0) and took `delay` from mouth to ear.
#[must_use]
pub fn mean_opinion_score(loss: f64, delay: Duration) -> f64 {
    let percent = loss.clamp(0.0, 1.0) * 100.0;
    let equipment = CODING + (95.0 - CODING) * percent / (percent + ROBUSTNESS);
    score(BEST_RATING - delay_impairment(delay) - equipment)
}

/// Impairment by too long a delay, without echo (Idd, G.107 §7.4).
fn delay_impairment(delay: Duration) -> f64 {
    let ms = delay.as_secs_f64() * 1_000.0;
    if ms <= 100.0 {
        return 0.0;
    }
    let x = (ms / 100.0).log2();
    let root = |value: f64| (1.0 + value.powi(6)).powf(1.0 / 6.0);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

/// From a transmission rating to the score (G.107 annex B).
fn score(rating: f64) -> f64 {
    let rating = rating.clamp(0.0, 100.0);
    (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 0.01
    }

    #[test]
    fn ratings_become_the_scores_of_annex_b() {
        // G.107 table B.1: rating, score.
        for (rating, expected) in [
            (90.0, 4.34),
            (80.0, 4.03),
            (70.0, 3.60),
            (60.0, 3.10),
            (50.0, 2.58),
        ] {
            assert!(near(score(rating), expected), "{rating}: {}", score(rating));
        }
        assert!(near(score(-5.0), 1.0) && near(score(6.5), 1.0));
    }

    #[test]
    fn a_clean_stream_has_the_best_score() {
        assert!(near(
            mean_opinion_score(0.0, Duration::from_millis(100)),
            4.41
        ));
    }

    #[test]
    fn loss_and_delay_lower_it_and_never_below_one() {
        let mut last = 5.0;
        for loss in [0.0, 0.01, 0.03, 0.1, 0.5, 1.0, 7.0] {
            let score = mean_opinion_score(loss, Duration::from_millis(50));
            assert!((1.0..=last).contains(&score), "{loss}: {score}");
            last = score;
        }
        let delayed = |ms| mean_opinion_score(0.0, Duration::from_millis(ms));
        assert!(delayed(150) > delayed(250) && delayed(250) > delayed(400));
        // G.114: 400 ms is the most that a network should be planned for.
        assert!((2.9..3.7).contains(&delayed(400)), "{}", delayed(400));
        assert!(delayed(100_000) >= 1.0);
    }
}
