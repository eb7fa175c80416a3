use ramal_dsp::level_dbm0;

use super::*;

/// A sine at the rate of a codec.
fn sine(rate: SampleRate, hertz: f64, seconds: usize) -> Vec<i16> {
    let step = hertz * std::f64::consts::TAU / f64::from(rate.hertz());
    (0..seconds * rate.hertz() as usize)
        .map(|n| (8_000.0 * (n as f64 * step).sin()) as i16)
        .collect()
}

/// What a decoder makes of what an encoder was given at `rate`.
fn through(codec: Codec, samples: &[i16], rate: SampleRate) -> Vec<i16> {
    let mut encoder = Encoder::new(codec, rate).unwrap();
    let mut decoder = Decoder::new(codec).unwrap();
    let (mut octets, mut decoded) = ([0; LONGEST_FRAME], [0; LONGEST_PACKET]);
    let mut heard = Vec::new();
    for frame in samples.chunks(rate.frame()) {
        let length = encoder.encode(frame, rate, &mut octets);
        let expected = samples_in(codec, &octets[..length]);
        let count = decoder.decode(&octets[..length], &mut decoded);
        assert_eq!(count, expected, "{codec:?}");
        assert_eq!(count, decoder.rate().frame(), "{codec:?}");
        heard.extend_from_slice(&decoded[..count]);
    }
    heard
}

#[test]
fn a_tone_keeps_its_level_through_every_codec_from_either_rate() {
    for codec in Codec::DECODED {
        for rate in [SampleRate::Narrow, SampleRate::Wide] {
            let samples = sine(rate, 1_004.0, 2);
            let heard = through(codec, &samples, rate);
            let half = heard.len() / 2;
            let lost = level_dbm0(&samples[samples.len() / 2..]) - level_dbm0(&heard[half..]);
            assert!(lost.abs() < 0.5, "{codec:?} {rate:?}: {lost} dB");
        }
    }
}

#[test]
fn what_is_only_carried_has_no_coder() {
    let format = Codec::Passthrough(Format::new("G729", 8_000, 1, None, 18).unwrap());
    assert!(Decoder::new(format).is_none());
    assert!(Encoder::new(format, SampleRate::Narrow).is_none());
    assert_eq!(samples_in(format, &[0; 20]), 0);
}

#[test]
fn decoders_survive_any_octets() {
    let mut state = 0x1234_5678u32;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    for codec in Codec::DECODED {
        let mut decoder = Decoder::new(codec).unwrap();
        let mut samples = [0; LONGEST_PACKET];
        for _ in 0..3_000 {
            let length = random() as usize % 1_400;
            let payload: Vec<u8> = (0..length).map(|_| random() as u8).collect();
            assert!(decoder.decode(&payload, &mut samples) <= LONGEST_PACKET);
            let next = (random() % 2 == 0).then_some(&payload[..]);
            assert!(decoder.conceal(320, next, &mut samples) <= 320);
            samples_in(codec, &payload);
        }
    }
}

#[test]
fn opus_makes_up_what_was_lost() {
    let samples = sine(SampleRate::Wide, 440.0, 1);
    let mut encoder = Encoder::new(Codec::Opus, SampleRate::Wide).unwrap();
    let mut decoder = Decoder::new(Codec::Opus).unwrap();
    let (mut octets, mut decoded) = ([0; LONGEST_FRAME], [0; LONGEST_PACKET]);
    for (number, frame) in samples.chunks(320).enumerate() {
        let length = encoder.encode(frame, SampleRate::Wide, &mut octets);
        if number == 30 {
            assert_eq!(decoder.conceal(320, None, &mut decoded), 320);
            assert!(level_dbm0(&decoded[..320]) > -25.0);
        } else {
            decoder.decode(&octets[..length], &mut decoded);
        }
    }
}
