//! One body: an answer to any offer reads back with as many streams.

use ramal_sip::sdp::{self, AudioDescription, Local, RtpCodec};

/// Panics when something is wrong.
pub fn run(input: &[u8]) {
    let Ok(offer) = sdp::parse(input) else { return };
    let Some((at, audio)) = offer.audios().next() else {
        return;
    };
    let keys = audio.crypto.iter().take(1).cloned().collect();
    let ours = AudioDescription::new([127, 0, 0, 1].into(), 10_000, vec![RtpCodec::pcma()])
        .with_protection(audio.profile, keys);
    let ours = AudioDescription {
        browser: audio.browser.clone(),
        ..ours
    };
    let Some(answer) = ours.answer_to(&audio) else {
        return;
    };
    let body = Local::new(1).answer(&offer, at, &answer);
    match sdp::parse(&body) {
        Ok(again) => {
            assert_eq!(again.audio().as_ref(), Some(&answer));
            assert_eq!(again.streams().count(), offer.streams().count());
        }
        Err(error) => panic!("{error}"),
    }
}
