//! spandsp as an independent generator and detector, both ways. It runs as a process of its own, built
//! from `tests/spandsp/peer.c`; needs a C compiler and Debian's `libspandsp-dev`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use ramal_dsp::{
    CallerIdMessage, CallerIdReceiver, CallerIdSignal, CallerIdTiming, DtmfDetector, DtmfEvent,
    DtmfGenerator, DtmfTiming, FskStandard, G722Decoder, G722Encoder, Law, MessageFormat, Noise,
    Presentation, R2Detector, R2Direction, R2Event, r2_tones,
};

static PEER: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("spandsp-peer");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spandsp/peer.c");
    let built = Command::new("cc")
        .args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program)
        .arg(source)
        .args(["-lspandsp", "-ltiff", "-lm"])
        .status()
        .expect("a C compiler");
    assert!(
        built.success(),
        "cannot build the peer: install libspandsp-dev"
    );
    program
});

fn sent_by_spandsp(arguments: &[&str]) -> Vec<i16> {
    let output = Command::new(&*PEER).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {:?}",
        output.status
    );
    let (samples, _) = output.stdout.as_chunks::<2>();
    samples.iter().map(|&two| i16::from_ne_bytes(two)).collect()
}

fn received_by_spandsp(arguments: &[&str], samples: &[i16], name: &str) -> String {
    let octets: Vec<u8> = samples.iter().flat_map(|s| s.to_ne_bytes()).collect();
    let output = passed_through_spandsp(arguments, &octets, name);
    String::from_utf8_lossy(&output).trim().to_owned()
}

fn passed_through_spandsp(arguments: &[&str], octets: &[u8], name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, octets).unwrap();
    let output = Command::new(&*PEER)
        .args(arguments)
        .stdin(Stdio::from(File::open(&path).unwrap()))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {:?}",
        output.status
    );
    output.stdout
}

const KEYS: &str = "1234567890*#ABCD";

#[test]
fn keys_of_spandsp_are_heard_at_every_level_twist_and_length() {
    for level in ["-5", "-10", "-20", "-28"] {
        for twist in ["-6", "0", "4", "8"] {
            // The sum of both tones may not clip, and neither may be below the weakest level.
            if matches!((level, twist), ("-5", "4" | "8") | ("-28", "-6")) {
                continue;
            }
            for length in ["40", "50", "100"] {
                let arguments = ["dtmf-send", KEYS, level, twist, length, length];
                let mut detector = DtmfDetector::default();
                let mut heard = String::new();
                for block in sent_by_spandsp(&arguments).chunks(160) {
                    detector.process(block, |event| {
                        if let DtmfEvent::Down { key, .. } = event {
                            heard.push(key);
                        }
                    });
                }
                assert_eq!(heard, KEYS, "{arguments:?}");
            }
        }
    }
}

#[test]
fn keys_of_ours_are_heard_by_spandsp() {
    for (level, twist) in [(-4.0, 0.0), (-11.0, 2.0), (-20.0, -3.0), (-24.0, 3.0)] {
        for length in [45, 80] {
            let timing = DtmfTiming {
                tone_ms: length,
                pause_ms: length,
                level,
                twist,
            };
            let mut generator = DtmfGenerator::new(KEYS.chars(), timing);
            let mut samples = vec![0; 800 + 16 * 2 * length as usize * 8 + 1_600];
            generator.add(&mut samples[800..]);
            let name = format!("dtmf{level}{length}");
            let heard = received_by_spandsp(&["dtmf-receive"], &samples, &name);
            assert_eq!(heard, KEYS, "{timing:?}");
        }
    }
}

const DIRECTIONS: [(R2Direction, &str); 2] = [
    (R2Direction::Forward, "forward"),
    (R2Direction::Backward, "backward"),
];

#[test]
fn r2_signals_of_spandsp_are_heard() {
    for (direction, name) in DIRECTIONS {
        let mut detector = R2Detector::new(direction);
        let mut heard = Vec::new();
        let mut samples = sent_by_spandsp(&["r2-send", name]);
        Noise::new(1).add(&mut samples, -45.0);
        for block in samples.chunks(160) {
            detector.process(block, |event| {
                if let R2Event::On { signal, .. } = event {
                    heard.push(signal);
                }
            });
        }
        assert_eq!(heard, (1..=15).collect::<Vec<u8>>(), "{name}");
    }
}

#[test]
fn r2_signals_of_ours_are_heard_by_spandsp() {
    for (direction, name) in DIRECTIONS {
        let mut samples = vec![0; 800];
        for signal in 1..=15 {
            let mut sound = [0; 640];
            for mut tone in r2_tones(direction, signal).unwrap() {
                tone.add(&mut sound);
            }
            samples.extend(sound);
            samples.extend([0; 640]);
        }
        let heard = received_by_spandsp(&["r2-receive", name], &samples, name);
        assert_eq!(heard, "1234567890BCDEF", "{name}");
    }
}

const STANDARDS: [(FskStandard, &str); 2] =
    [(FskStandard::Bell202, "bell"), (FskStandard::V23, "v23")];

#[test]
fn caller_id_of_spandsp_is_received() {
    for (standard, name) in STANDARDS {
        for noise in [-90.0, -40.0] {
            let mut samples =
                sent_by_spandsp(&["caller-id-send", name, "1155550105", "PADARIA CENTRAL"]);
            Noise::new(2).add(&mut samples, noise);
            let mut receiver = CallerIdReceiver::new(standard);
            let mut messages = Vec::new();
            for block in samples.chunks(160) {
                receiver.process(block, |message| {
                    messages.push(CallerIdMessage::parse(message.octets));
                });
            }
            let mut expected = CallerIdMessage::call(
                Presentation::Given("1155550105".into()),
                Presentation::Given("PADARIA CENTRAL".into()),
            );
            expected.date = Some([11, 21, 5, 58]);
            assert_eq!(messages, [Ok(expected)], "{name} {noise}");
        }
    }
}

#[test]
fn caller_id_of_ours_is_received_by_spandsp() {
    for (standard, name) in STANDARDS {
        for timing in [CallerIdTiming::ON_HOOK, CallerIdTiming::OFF_HOOK] {
            let mut message = CallerIdMessage::call(
                Presentation::Given("11987654321".into()),
                Presentation::Given("MARIA".into()),
            );
            message.date = Some([12, 31, 23, 59]);
            let octets = message.encode(MessageFormat::Multiple);
            let mut signal = CallerIdSignal::new(&octets, standard, timing);
            let mut samples = vec![0; 2_400];
            while !signal.is_over() {
                let mut block = [0; 160];
                signal.add(&mut block);
                samples.extend(block);
            }
            samples.extend([0; 2_400]);
            let file = format!("{name}{}", timing.seizure_bits);
            let lines = received_by_spandsp(&["caller-id-receive", name], &samples, &file);
            assert_eq!(
                lines, "message 80\n01 12312359\n02 11987654321\n07 MARIA",
                "{name} {timing:?}"
            );
        }
    }
}

/// Five seconds at 16,000 samples a second: a sweep over both bands with noise, growing until it clips.
fn sweep() -> Vec<i16> {
    let mut noise = Noise::new(3);
    let mut phase = 0.0f64;
    (0..80_000)
        .map(|n| {
            let place = f64::from(n) / 80_000.0;
            phase += (100.0 + 7_500.0 * place) * std::f64::consts::TAU / 16_000.0;
            let peak = 40_000.0 * place;
            (peak * phase.sin() + f64::from(noise.next_value()) * peak * 0.2) as i16
        })
        .collect()
}

#[test]
fn g711_says_what_spandsp_says_of_every_sample_and_every_octet() {
    let inputs = i16::MIN..=i16::MAX;
    let input: Vec<u8> = inputs
        .clone()
        .flat_map(|sample| {
            let [low, high] = sample.to_ne_bytes();
            [low, high, sample as u8, 0]
        })
        .collect();
    let theirs = passed_through_spandsp(&["g711"], &input, "g711-samples");
    let (theirs, rest) = theirs.as_chunks::<8>();
    assert!(rest.is_empty() && theirs.len() == 65_536);
    let linear = |law: Law, octet: u8| {
        let mut sample = [0];
        law.decode(&[octet], &mut sample);
        i32::from(sample[0])
    };
    for (sample, &[a0, a1, u0, u1, to_alaw, to_ulaw, a_to_u, u_to_a]) in inputs.zip(theirs) {
        let octet = sample as u8;
        for (law, decoded, encoded) in [
            (Law::A, i16::from_ne_bytes([a0, a1]), to_alaw),
            (Law::Mu, i16::from_ne_bytes([u0, u1]), to_ulaw),
        ] {
            assert_eq!(
                linear(law, octet),
                i32::from(decoded),
                "{law:?} {octet:#04x}"
            );
            let mut ours = [0];
            law.encode(&[sample], &mut ours);
            // A sample between two that stand for octets may become either.
            let off = |octet: u8| (linear(law, octet) - i32::from(sample)).abs();
            assert!(
                ours[0] == encoded || off(ours[0]) <= off(encoded),
                "{law:?} {sample}: {:#04x}, spandsp {encoded:#04x}",
                ours[0]
            );
        }
        let (mut to_ulaw, mut to_alaw) = ([octet], [octet]);
        ramal_dsp::alaw_to_ulaw(&mut to_ulaw);
        ramal_dsp::ulaw_to_alaw(&mut to_alaw);
        // Known copies of the Recommendation's tables differ in one place, where A-law's 80th value (of either sign) lies
        // between two of mu-law: which of these it becomes, and what becomes of that one.
        let differs = |octet: u8, inverted: u8, place: u8| (octet ^ inverted) & 0x7F == place;
        if !differs(octet, 0x55, 79) {
            assert_eq!(to_ulaw[0], a_to_u, "A-law {octet:#04x}");
        }
        if !differs(octet, 0x7F, 80) {
            assert_eq!(to_alaw[0], u_to_a, "mu-law {octet:#04x}");
        }
    }
}

/// The digital test sequences of G.722 Appendix II are the ITU's own and not to be passed on, and no package that may be
/// used carries them: another implementation takes their place, in every state that a sweep of all levels and noise reach.
#[test]
fn g722_is_bit_exact_with_spandsp_both_ways() {
    let samples = sweep();
    let input: Vec<u8> = samples.iter().flat_map(|s| s.to_ne_bytes()).collect();
    let theirs = passed_through_spandsp(&["g722-encode"], &input, "g722-samples");
    let mut ours = vec![0; samples.len() / 2];
    G722Encoder::new().encode(&samples, &mut ours);
    assert!(theirs == ours, "encoders differ");

    // What an encoder writes, and then anything.
    let noise = (0..40_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8);
    ours.extend(noise);
    let decoded = passed_through_spandsp(&["g722-decode"], &ours, "g722-octets");
    let (decoded, _) = decoded.as_chunks::<2>();
    let theirs: Vec<i16> = decoded.iter().map(|&s| i16::from_ne_bytes(s)).collect();
    let mut back = vec![0; ours.len() * 2];
    G722Decoder::new().decode(&ours, &mut back);
    // Where the sum of both bands is beyond 16 bits spandsp wraps; LIMIT saturates.
    let differ =
        |(&theirs, &ours): (&i16, &i16)| theirs != ours && !matches!(ours, i16::MIN | i16::MAX);
    assert_eq!(theirs.len(), back.len());
    assert_eq!(theirs.iter().zip(&back).position(differ), None);
}
