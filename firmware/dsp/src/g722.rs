//! G.722 at 64 kbit/s (ITU-T G.722, 09/2012): two sub-bands of adaptive differential PCM behind a
//! quadrature mirror filter. Names of blocks are those of the Recommendation's figures.

/// QMF coefficients (table 11/G.722), one half; the other is their mirror image.
const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
/// Decision levels of the 60-level quantiser (QUANTL).
const Q6: [i32; 30] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940,
    1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// Outputs of the 4-bit inverse quantiser of the lower band (INVQAL).
const QM4: [i32; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584,
    1200, 0,
];
/// Outputs of the 6-bit inverse quantiser of the lower band (INVQBL).
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
    -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776,
    -2400, -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280,
    11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776,
    2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
/// Outputs of the inverse quantiser of the higher band (INVQAH).
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];
/// Logarithmic scale multipliers of the lower band by the 4-bit code (WL by RL42).
const WL: [i32; 16] = [
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
];
/// The same of the higher band by the 2-bit code (WH by RH2).
const WH: [i32; 4] = [798, -214, 798, -214];
/// Antilogarithm (ILB).
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

fn saturate(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

/// A sub-band's predictor and scale factor.
#[derive(Clone, Debug)]
struct Band {
    /// Predicted signal and the part of it due to the zeros.
    s: i32,
    sz: i32,
    /// Reconstructed and partially reconstructed signal, the newest first.
    r: [i32; 2],
    p: [i32; 2],
    /// Coefficients of the poles.
    a: [i32; 2],
    /// Differences, the newest first, and coefficients of the zeros.
    d: [i32; 6],
    b: [i32; 6],
    /// Logarithmic and linear scale factor.
    nb: i32,
    det: i32,
}

impl Band {
    /// Reset state; the linear scale factor is 32 in the lower and 8 in the higher band.
    fn new(det: i32) -> Self {
        Band {
            s: 0,
            sz: 0,
            r: [0; 2],
            p: [0; 2],
            a: [0; 2],
            d: [0; 6],
            b: [0; 6],
            nb: 0,
            det,
        }
    }

    /// LOGSC and SCALE: adapts the scale factor by `step`, below `limit`; `shift` is 8 in the lower and
    /// 10 in the higher band.
    fn scale(&mut self, step: i32, limit: i32, shift: i32) {
        self.nb = (((self.nb * 127) >> 7) + step).clamp(0, limit);
        let mantissa = ILB[(self.nb >> 6 & 31) as usize];
        let exponent = shift - (self.nb >> 11);
        self.det = 4 * if exponent < 0 {
            mantissa << -exponent
        } else {
            mantissa >> exponent
        };
    }

    /// Block 4: adapts the predictor to the difference `d` and predicts the next signal.
    fn predict(&mut self, d: i32) {
        let r = saturate(self.s + d);
        let p = saturate(self.sz + d);

        // UPPOL2
        let same = |a: i32, b: i32| (a < 0) == (b < 0);
        let first = saturate(self.a[0] << 2);
        let first = if same(p, self.p[0]) {
            (-first).min(32_767)
        } else {
            first
        };
        let second = (first >> 7)
            + if same(p, self.p[1]) { 128 } else { -128 }
            + ((self.a[1] * 32_512) >> 15);
        let a2 = second.clamp(-12_288, 12_288);

        // UPPOL1
        let step = if same(p, self.p[0]) { 192 } else { -192 };
        let bound = saturate(15_360 - a2);
        let a1 = saturate(step + ((self.a[0] * 32_640) >> 15)).clamp(-bound, bound);

        // UPZERO, and FILTEZ of the next sample with the differences moved on by one
        let step = if d == 0 { 0 } else { 128 };
        let mut sz = 0;
        let mut newer = d;
        for (b, slot) in self.b.iter_mut().zip(&mut self.d) {
            let step = if same(*slot, d) { step } else { -step };
            *b = saturate(step + ((*b * 32_640) >> 15));
            sz += (*b * saturate(newer << 1)) >> 15;
            newer = std::mem::replace(slot, newer);
        }
        self.sz = saturate(sz);

        // DELAYA, FILTEP, PREDIC
        self.r = [r, self.r[0]];
        self.p = [p, self.p[0]];
        self.a = [a1, a2];
        let sp = ((a1 * saturate(self.r[0] << 1)) >> 15) + ((a2 * saturate(self.r[1] << 1)) >> 15);
        self.s = saturate(saturate(sp) + self.sz);
    }
}

/// Sums of one half of the QMF over the even and over the odd places of the history.
fn qmf(history: &[i32; 24]) -> (i32, i32) {
    let (mut even, mut odd) = (0, 0);
    let (pairs, _) = history.as_chunks::<2>();
    for ((pair, &forward), &backward) in pairs.iter().zip(&QMF).zip(QMF.iter().rev()) {
        odd += pair[0] * forward;
        even += pair[1] * backward;
    }
    (even, odd)
}

/// Encodes 16 kHz samples, two to an octet.
#[derive(Clone, Debug)]
pub struct G722Encoder {
    history: [i32; 24],
    low: Band,
    high: Band,
}

impl Default for G722Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl G722Encoder {
    /// An encoder in reset state.
    #[must_use]
    pub fn new() -> Self {
        G722Encoder {
            history: [0; 24],
            low: Band::new(32),
            high: Band::new(8),
        }
    }

    /// Encodes pairs of samples into `octets`; the shorter of the two bounds how many are written.
    pub fn encode(&mut self, samples: &[i16], octets: &mut [u8]) {
        let (pairs, _) = samples.as_chunks::<2>();
        for (&[first, second], octet) in pairs.iter().zip(octets) {
            self.history.copy_within(2.., 0);
            self.history[22] = i32::from(first);
            self.history[23] = i32::from(second);
            let (even, odd) = qmf(&self.history);
            *octet = self.low((even + odd) >> 14) | self.high((even - odd) >> 14) << 6;
        }
    }

    fn low(&mut self, x: i32) -> u8 {
        let band = &mut self.low;
        let e = saturate(x - band.s);
        // QUANTL: the level below which the magnitude lies.
        let magnitude = if e >= 0 { e } else { -(e + 1) };
        let level = 1 + Q6[1..]
            .iter()
            .take_while(|&&decision| magnitude >= (decision * band.det) >> 12)
            .count() as i32;
        let code = match (e < 0, level) {
            (true, 1) => 63,
            (true, 2) => 62,
            (true, level) => 34 - level,
            (false, level) => 62 - level,
        };
        let short = (code >> 2) as usize;
        let d = (band.det * QM4[short]) >> 15;
        band.scale(WL[short], 18_432, 8);
        band.predict(d);
        code as u8
    }

    fn high(&mut self, x: i32) -> u8 {
        let band = &mut self.high;
        let e = saturate(x - band.s);
        let magnitude = if e >= 0 { e } else { -(e + 1) };
        let outer = magnitude >= (564 * band.det) >> 12;
        let code: usize = match (e < 0, outer) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        };
        let d = (band.det * QM2[code]) >> 15;
        band.scale(WH[code], 22_528, 10);
        band.predict(d);
        code as u8
    }
}

/// Decodes to 16 kHz samples, two of each octet.
#[derive(Clone, Debug)]
pub struct G722Decoder {
    history: [i32; 24],
    low: Band,
    high: Band,
}

impl Default for G722Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl G722Decoder {
    /// A decoder in reset state.
    #[must_use]
    pub fn new() -> Self {
        G722Decoder {
            history: [0; 24],
            low: Band::new(32),
            high: Band::new(8),
        }
    }

    /// Decodes `octets` to twice as many samples; the shorter of the two bounds how many are written.
    pub fn decode(&mut self, octets: &[u8], samples: &mut [i16]) {
        let (pairs, _) = samples.as_chunks_mut::<2>();
        for (&octet, pair) in octets.iter().zip(pairs) {
            let low = self.low(usize::from(octet & 0x3F));
            let high = self.high(usize::from(octet >> 6));
            self.history.copy_within(2.., 0);
            self.history[22] = low + high;
            self.history[23] = low - high;
            let (even, odd) = qmf(&self.history);
            *pair = [saturate(even >> 11) as i16, saturate(odd >> 11) as i16];
        }
    }

    fn low(&mut self, code: usize) -> i32 {
        let band = &mut self.low;
        let reconstructed = band.s + ((band.det * QM6[code]) >> 15);
        let short = code >> 2;
        let d = (band.det * QM4[short]) >> 15;
        band.scale(WL[short], 18_432, 8);
        band.predict(d);
        reconstructed.clamp(-16_384, 16_383)
    }

    fn high(&mut self, code: usize) -> i32 {
        let band = &mut self.high;
        let d = (band.det * QM2[code]) >> 15;
        let reconstructed = d + band.s;
        band.scale(WH[code], 22_528, 10);
        band.predict(d);
        reconstructed.clamp(-16_384, 16_383)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level_dbm0;

    /// A sine at 16,000 samples a second.
    fn sine(hertz: f64, peak: f64, samples: usize) -> Vec<i16> {
        (0..samples)
            .map(|n| (peak * (n as f64 * hertz * std::f64::consts::TAU / 16_000.0).sin()) as i16)
            .collect()
    }

    #[test]
    fn tones_of_both_bands_come_back_at_their_level() {
        for hertz in [200.0, 1_004.0, 3_000.0, 5_000.0, 6_500.0] {
            let samples = sine(hertz, 8_000.0, 16_000);
            let mut octets = vec![0; 8_000];
            G722Encoder::new().encode(&samples, &mut octets);
            let mut back = vec![0; 16_000];
            G722Decoder::new().decode(&octets, &mut back);
            let lost = level_dbm0(&samples[1_600..]) - level_dbm0(&back[1_600..]);
            assert!(lost.abs() < 0.3, "{hertz} Hz: {lost} dB");
            let pass = |shift: usize| -> f64 {
                let pairs = samples[1_600..15_000].iter().zip(&back[1_600 + shift..]);
                let noise: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
                noise / 13_400.0
            };
            // The filters of both sides delay by 22 samples.
            let noise = 10.0 * (pass(22) / 8_000f64.powi(2) * 2.0).log10();
            // Six bits carry the lower band, two the higher.
            let most = if hertz < 4_000.0 { -25.0 } else { -12.0 };
            assert!(noise < most, "{hertz} Hz: noise {noise} dB");
        }
    }

    #[test]
    fn any_octets_are_survived() {
        let octets: Vec<u8> = (0..200_000u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let mut samples = vec![0; 400_000];
        G722Decoder::new().decode(&octets, &mut samples);
        let mut again = vec![0; 200_000];
        G722Encoder::new().encode(&samples, &mut again);
        let extremes: Vec<i16> = (0..32_000)
            .map(|n| if n / 3 % 2 == 0 { i16::MAX } else { i16::MIN })
            .collect();
        G722Encoder::new().encode(&extremes, &mut again);
    }
}
