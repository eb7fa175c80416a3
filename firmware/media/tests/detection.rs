//! Keys and fax machines heard in what a far end says, while it is bridged.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use far_end::{FarEnd, connected, engine, event, statistics, statistics_when};
use ramal_dsp::{DtmfGenerator, DtmfTiming, FaxTone, Law, Tone};
use ramal_media::{Codec, Detected, Detection, StreamEvent};

/// Says samples, in packets of 20 ms of mu-law.
fn say(phone: &mut FarEnd, samples: &[i16]) {
    for chunk in samples.chunks(160) {
        let mut octets = vec![0; chunk.len()];
        Law::Mu.encode(chunk, &mut octets);
        phone.send(&octets);
    }
}

fn keys(keys: &str) -> Vec<i16> {
    let mut samples = vec![0; 8_000];
    DtmfGenerator::new(keys.chars(), DtmfTiming::default()).add(&mut samples);
    samples
}

#[test]
fn keys_and_fax_machines_are_told_and_still_heard_at_the_other_end() {
    let engine = engine(23_900..=23_999, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcmu);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    let mut events = a.events().unwrap();
    a.detect(Detection {
        keys: true,
        fax: true,
        ..Detection::default()
    })
    .unwrap();
    statistics(&a);
    say(&mut phone_a, &keys("4#"));
    let mut found = Vec::new();
    while found.len() < 2 {
        if let StreamEvent::Detected(detected) = event(&mut events) {
            found.push(detected);
        }
    }
    let digits: String = found
        .iter()
        .filter_map(|detected| match detected {
            Detected::Key { digit, .. } => Some(*digit),
            _ => None,
        })
        .collect();
    assert_eq!(digits, "4#");
    // Converted to the other law, and not swallowed.
    let mut heard = [0i16; 160];
    Law::A.decode(&phone_b.receive().payload, &mut heard);
    assert!(heard.iter().any(|sample| sample.abs() > 1_000));

    let mut answer = vec![0i16; 8_000];
    Tone::new(2_100.0, -10.0, 8_000).add(&mut answer);
    say(&mut phone_a, &answer);
    assert_eq!(
        event(&mut events),
        StreamEvent::Detected(Detected::Fax(FaxTone::Answering))
    );

    a.detect(Detection::default()).unwrap();
    statistics(&a);
    say(&mut phone_a, &keys("7"));
    statistics_when(&a, |figures| figures.packets_received == 150);
    assert!(events.try_recv().is_err());
}
