//! Fourier transform of 128 points, in place.

use std::f64::consts::TAU;
use std::sync::LazyLock;

/// Points of the transform.
pub const POINTS: usize = 128;

/// A complex number: real and imaginary part.
pub type Complex = (f32, f32);

static TURNS: LazyLock<[Complex; POINTS / 2]> = LazyLock::new(|| {
    std::array::from_fn(|k| {
        let angle = -TAU * k as f64 / POINTS as f64;
        (angle.cos() as f32, angle.sin() as f32)
    })
});

pub fn multiply(a: Complex, b: Complex) -> Complex {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

/// Forward transform.
pub fn forward(points: &mut [Complex; POINTS]) {
    let turns = &*TURNS;
    let bits = POINTS.trailing_zeros();
    for index in 0..POINTS {
        let other = index.reverse_bits() >> (usize::BITS - bits);
        if index < other {
            points.swap(index, other);
        }
    }
    let mut half = 1;
    while half < POINTS {
        let stride = POINTS / 2 / half;
        for group in points.chunks_exact_mut(2 * half) {
            let (low, high) = group.split_at_mut(half);
            for (k, (low, high)) in low.iter_mut().zip(high).enumerate() {
                let turned = multiply(*high, turns[k * stride]);
                *high = (low.0 - turned.0, low.1 - turned.1);
                *low = (low.0 + turned.0, low.1 + turned.1);
            }
        }
        half *= 2;
    }
}

/// Inverse transform, scaled so that it undoes [`forward`].
pub fn inverse(points: &mut [Complex; POINTS]) {
    for point in points.iter_mut() {
        point.1 = -point.1;
    }
    forward(points);
    let scale = 1.0 / POINTS as f32;
    for point in points {
        *point = (point.0 * scale, -point.1 * scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impulse_is_flat_a_cosine_is_one_line_and_the_inverse_undoes() {
        let mut points = [(0.0, 0.0); POINTS];
        points[0].0 = 1.0;
        forward(&mut points);
        assert!(points.iter().all(|p| (p.0 - 1.0).abs() < 1e-6));
        let wave: [Complex; POINTS] =
            std::array::from_fn(|n| ((TAU * 5.0 * n as f64 / 128.0).cos() as f32, 0.0));
        let mut points = wave;
        forward(&mut points);
        assert!((points[5].0 - 64.0).abs() < 1e-3 && (points[123].0 - 64.0).abs() < 1e-3);
        assert!(points[6].0.abs() < 1e-3);
        inverse(&mut points);
        assert!(
            points
                .iter()
                .zip(&wave)
                .all(|(a, b)| (a.0 - b.0).abs() < 1e-5)
        );
    }
}
