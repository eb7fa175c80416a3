use std::time::{Duration, Instant};

use ramal_dsp::{Goertzel, level_dbm0};

use super::*;
use crate::codec::{Encoder, LONGEST_FRAME};

/// A network in simulated time, between a far end that sends a tone and a playout.
struct Network {
    codec: Codec,
    /// One packet in this many is lost.
    loss: Option<u32>,
    /// Largest delay beyond the least.
    jitter: Duration,
    /// Speed of the far end's clock beyond ours, in millionths.
    skew: i64,
}

/// What was heard.
struct Heard {
    /// Loss in level of the tone over each second, dB.
    levels: Vec<f64>,
    /// Delay at the end of each second, milliseconds.
    delays: Vec<u32>,
    late: u64,
    made_up: u64,
}

const TONE: f64 = 1_004.0;
const PEAK: f64 = 8_000.0;

fn hears(network: &Network, seconds: usize) -> Heard {
    let start = Instant::now();
    let mut playout = Playout::new(network.codec, start).unwrap();
    let rate = playout.rate();
    let mut encoder = Encoder::new(network.codec, rate).unwrap();
    let mut state = 7u32;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let mut on_the_way: Vec<(Duration, u32, Vec<u8>)> = Vec::new();
    let (mut octets, mut sent, mut phase) = ([0; LONGEST_FRAME], 0u64, 0.0f64);
    let step = TONE * std::f64::consts::TAU / f64::from(rate.hertz());
    let reference = level_dbm0(
        &(0..16_000)
            .map(|n| (PEAK * (f64::from(n) * step).sin()) as i16)
            .collect::<Vec<_>>(),
    );
    let mut heard = Heard {
        levels: Vec::new(),
        delays: Vec::new(),
        late: 0,
        made_up: 0,
    };
    let mut second: Vec<i16> = Vec::new();
    let units = network.codec.clock_rate() / 50;
    for tick in 0..seconds as u64 * 50 {
        let now = Duration::from_millis(tick * 20 + 13);
        // The far end's 20 ms are not ours.
        let sent_at = |number: u64| {
            let length = 20_000_000_i64 - 20 * network.skew;
            Duration::from_nanos(number * length.cast_unsigned())
        };
        while sent_at(sent) <= now {
            let samples: Vec<i16> = (0..rate.frame())
                .map(|_| {
                    phase = (phase + step) % std::f64::consts::TAU;
                    (PEAK * phase.sin()) as i16
                })
                .collect();
            let length = encoder.encode(&samples, rate, &mut octets);
            let late = network.jitter * (random() >> 16) / 65_536;
            if network.loss.is_none_or(|one| random() % one != 0) {
                let timestamp = (sent as u32).wrapping_mul(units).wrapping_sub(100_000);
                on_the_way.push((sent_at(sent) + late, timestamp, octets[..length].to_vec()));
            }
            sent += 1;
        }
        on_the_way.sort_by_key(|packet| packet.0);
        while on_the_way.first().is_some_and(|packet| packet.0 <= now) {
            let (at, timestamp, payload) = on_the_way.remove(0);
            playout.put(network.codec, timestamp, &payload, start + at);
        }
        let mut frame = vec![0; rate.frame()];
        playout.pull(start + now, &mut frame);
        second.extend_from_slice(&frame);
        if second.len() == rate.hertz() as usize {
            let mut tone = Goertzel::new(TONE, rate.hertz());
            tone.feed(&second);
            heard.levels.push(reference - level_dbm0(&second));
            heard.delays.push(playout.delay_ms());
            second.clear();
        }
    }
    (heard.late, heard.made_up) = (playout.late, playout.made_up);
    heard
}

/// The first second is left out: the tone begins in it.
fn mean(levels: &[f64]) -> f64 {
    levels[1..].iter().sum::<f64>() / (levels.len() - 1) as f64
}

const QUIET: Network = Network {
    codec: Codec::Pcma,
    loss: None,
    jitter: Duration::ZERO,
    skew: 0,
};

#[test]
fn an_even_stream_is_played_whole_after_at_most_40_ms() {
    for codec in Codec::DECODED {
        let heard = hears(&Network { codec, ..QUIET }, 10);
        assert_eq!((heard.late, heard.made_up), (0, 0), "{codec:?}");
        assert!(
            heard.levels[1..].iter().all(|lost| lost.abs() < 0.3),
            "{codec:?} {:?}",
            heard.levels
        );
        assert!(
            heard.delays.iter().all(|&delay| delay <= 40),
            "{codec:?} {:?}",
            heard.delays
        );
    }
}

#[test]
fn five_percent_loss_keeps_a_tone_within_half_a_decibel() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let network = Network {
            codec,
            loss: Some(20),
            ..QUIET
        };
        let heard = hears(&network, 60);
        assert!(
            mean(&heard.levels).abs() < 0.5,
            "{codec:?} {:?}",
            heard.levels
        );
        assert!(heard.delays.iter().all(|&delay| delay <= 40), "{codec:?}");
    }
}

#[test]
fn jitter_of_60_ms_with_reordering_and_loss_is_bought_with_delay_and_no_more() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let network = Network {
            codec,
            jitter: Duration::from_millis(60),
            loss: Some(20),
            ..QUIET
        };
        let heard = hears(&network, 60);
        let late = heard.late as f64 / 3_000.0;
        assert!(late < 0.03, "{codec:?}: {late} late");
        assert!(
            mean(&heard.levels[2..]).abs() < 0.5,
            "{codec:?} {:?}",
            heard.levels
        );
        let longest = heard.delays[3..].iter().max().unwrap();
        assert!(*longest <= 120, "{codec:?} {:?}", heard.delays);
    }
}

#[test]
fn clocks_100_ppm_apart_for_an_hour_bring_no_drift_and_no_delay() {
    for skew in [100, -100] {
        let heard = hears(&Network { skew, ..QUIET }, 3_600);
        assert!(
            heard.delays.iter().all(|&delay| delay <= 55),
            "{skew}: {:?}",
            heard.delays.iter().max()
        );
        let worst = heard.levels[1..]
            .iter()
            .fold(0.0f64, |worst, lost| worst.max(lost.abs()));
        assert!(worst < 0.5, "{skew}: {worst} dB");
        assert_eq!(heard.late, 0, "{skew}");
    }
}

#[test]
fn a_skewed_clock_with_jitter_and_loss_stays_in_bounds_for_ten_minutes() {
    for skew in [100, -100] {
        let network = Network {
            loss: Some(20),
            jitter: Duration::from_millis(60),
            skew,
            ..QUIET
        };
        let heard = hears(&network, 600);
        let longest = heard.delays[3..].iter().max().unwrap();
        assert!(*longest <= 120, "{skew}: {longest}");
        assert!(mean(&heard.levels).abs() < 0.5, "{skew}");
        assert!(heard.late < 900, "{skew}: {}", heard.late);
    }
}

/// A playout fed with 20 ms A-law packets of a level, and its clock.
struct Fed {
    playout: Box<Playout>,
    now: Instant,
    timestamp: u32,
}

impl Fed {
    fn new() -> Self {
        let now = Instant::now();
        let playout = Playout::new(Codec::Pcma, now).unwrap();
        Fed {
            playout,
            now,
            timestamp: 0,
        }
    }

    fn talk(&mut self, frames: usize) -> Vec<i16> {
        let mut heard = Vec::new();
        for _ in 0..frames {
            let samples: Vec<i16> = (0..160)
                .map(|n| if n % 16 < 8 { 4_000 } else { -4_000 })
                .collect();
            let mut payload = [0; 160];
            ramal_dsp::Law::A.encode(&samples, &mut payload);
            self.playout
                .put(Codec::Pcma, self.timestamp, &payload, self.now);
            heard.extend(self.pull());
        }
        heard
    }

    fn pull(&mut self) -> Vec<i16> {
        let mut frame = vec![0; 160];
        self.timestamp = self.timestamp.wrapping_add(160);
        self.now += Duration::from_millis(20);
        self.playout.pull(self.now, &mut frame);
        frame
    }
}

#[test]
fn silence_is_filled_with_noise_of_the_level_told() {
    let mut fed = Fed::new();
    fed.talk(20);
    fed.playout.put_noise(fed.timestamp, &[60]);
    for _ in 0..5 {
        fed.pull();
    }
    let noise: Vec<i16> = (0..50).flat_map(|_| fed.pull()).collect();
    let expected = OVERLOAD - 60.0;
    assert!(
        (level_dbm0(&noise) - expected).abs() < 1.0,
        "{}",
        level_dbm0(&noise)
    );
    let made_up = fed.playout.made_up;
    let heard = fed.talk(20);
    assert!(level_dbm0(&heard[800..]) > -20.0);
    assert!(fed.playout.made_up <= made_up + 1);
}

#[test]
fn a_source_that_stops_fades_into_its_background_and_comes_back_without_waiting() {
    let mut fed = Fed::new();
    fed.talk(20);
    let fading: Vec<i16> = (0..10).flat_map(|_| fed.pull()).collect();
    assert!(level_dbm0(&fading[1_000..]) < LOUDEST_NOISE + 3.0);
    for _ in 0..200 {
        fed.pull();
    }
    let heard = fed.talk(3);
    assert!(
        level_dbm0(&heard[320..]) > -20.0,
        "{}",
        level_dbm0(&heard[320..])
    );
}

#[test]
fn a_jump_of_the_timestamps_costs_no_more_than_a_new_beginning() {
    let mut fed = Fed::new();
    fed.talk(20);
    fed.timestamp = fed.timestamp.wrapping_add(1_000_000);
    let heard = fed.talk(10);
    assert!(level_dbm0(&heard[640..]) > -20.0);
    fed.timestamp = fed.timestamp.wrapping_sub(77_777);
    let heard = fed.talk(10);
    assert!(level_dbm0(&heard[640..]) > -20.0);
}

#[test]
fn garbage_and_floods_are_survived() {
    for codec in Codec::DECODED {
        let start = Instant::now();
        let mut playout = Playout::new(codec, start).unwrap();
        let mut frame = vec![0; playout.rate().frame()];
        let mut state = 99u32;
        for round in 0..4_000u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let length = (state >> 8) as usize % 1_500;
            let payload: Vec<u8> = (0..length).map(|n| (state >> (n % 24)) as u8).collect();
            let timestamp = match state >> 28 {
                0 => state,
                1..=3 => round * 160,
                _ => round * 160 + (state >> 20) % 2_000,
            };
            let now = start + Duration::from_micros(u64::from(round) * 4_100);
            playout.put(codec, timestamp, &payload, now);
            if state >> 29 == 0 {
                playout.put_noise(timestamp, &payload);
            }
            if round % 5 == 0 {
                playout.pull(now, &mut frame);
            }
        }
    }
}
