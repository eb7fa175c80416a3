//! What is answered to and taken from a far end, by setting.

use ramal_sip::sdp::RtpCodec;

use super::*;

fn plain() -> AudioDescription {
    AudioDescription::new([192, 0, 2, 7].into(), 4000, vec![RtpCodec::pcma()])
}

fn secure(profile: Profile, suites: &[(u32, Suite)]) -> AudioDescription {
    let key = |&(tag, suite)| crypto(tag, &MasterKey::from_random(suite, [tag as u8; 44]));
    plain().with_protection(profile, suites.iter().map(key).collect())
}

const STRONG: (u32, Suite) = (4, Suite::AesCm128HmacSha1_80);

#[test]
fn offers_are_answered_as_the_setting_says() {
    use MediaEncryption::{Off, Optional, Required};
    let savp = secure(Profile::Savp, &[STRONG]);
    let optional = secure(Profile::Avp, &[STRONG]);
    // Setting, offer, whether it is taken, whether it is encrypted then.
    for (setting, offer, taken, encrypted) in [
        (Off, &plain(), true, false),
        (Off, &optional, true, false),
        (Off, &savp, false, false),
        (Optional, &plain(), true, false),
        (Optional, &optional, true, true),
        (Optional, &savp, true, true),
        (Required, &plain(), false, false),
        (Required, &optional, true, true),
        (Required, &savp, true, true),
    ] {
        let mut protector = Protector::new(setting, false, None);
        let chosen = protector.choose(std::iter::once((0, offer.clone())));
        assert_eq!(chosen.is_some(), taken, "{setting:?} {offer:?}");
        let answer = protector.answer(offer);
        assert_eq!(answer.is_some(), taken, "{setting:?} {offer:?}");
        let keys = answer.map_or(Vec::new(), |terms| terms.crypto);
        assert_eq!(keys.first().map(|key| key.tag), encrypted.then_some(4));
        let suite = STRONG.1.name();
        assert_eq!(protector.encryption(), encrypted.then_some(suite));
        if !taken {
            assert_eq!(protector.protection(), Protection::None);
        }
    }
}

#[test]
fn of_two_streams_the_encrypted_one_is_taken() {
    let streams = || [(0, plain()), (1, secure(Profile::Savp, &[STRONG]))].into_iter();
    let chosen = |setting| {
        Protector::new(setting, false, None)
            .choose(streams())
            .map(|(at, _)| at)
    };
    assert_eq!(chosen(MediaEncryption::Off), Some(0));
    assert_eq!(chosen(MediaEncryption::Optional), Some(1));
    assert_eq!(chosen(MediaEncryption::Required), Some(1));
}

#[test]
fn our_offer_may_be_taken_or_passed_over_unless_it_is_required() {
    for setting in [MediaEncryption::Optional, MediaEncryption::Required] {
        let mut protector = Protector::new(setting, false, None);
        let offer = protector.offer();
        assert_eq!(offer.crypto.len(), 4);
        let required = setting == MediaEncryption::Required;
        assert_eq!(offer.profile.is_secure(), required);
        assert_eq!(protector.take_answer(&plain()), !required);

        let mut protector = Protector::new(setting, false, None);
        let Terms {
            profile, crypto, ..
        } = protector.offer();
        let second = &crypto[1];
        let suite = Suite::from_name(&second.suite).unwrap();
        assert!(protector.take_answer(&secure(profile, &[(second.tag, suite)])));
        let Protection::Srtp(keys) = protector.protection() else {
            panic!("in clear")
        };
        assert_eq!(keys.send.key_and_salt(), second.key_and_salt);
        // Offered again as agreed, under the same key.
        let again = Terms::of_keys(profile, vec![second.clone()]);
        assert_eq!(protector.offer(), again);
        // A tag that was never offered is no answer.
        let mut other = Protector::new(MediaEncryption::Required, false, None);
        assert!(!other.take_answer(&secure(Profile::Savp, &[(9, suite)])));
    }
}

#[test]
fn who_takes_nothing_in_clear_is_offered_the_same_keys_and_nothing_else() {
    let mut protector = Protector::new(MediaEncryption::Optional, false, None);
    let before = protector.offer();
    assert!(protector.insist());
    let Terms {
        profile, crypto, ..
    } = protector.offer();
    assert_eq!((profile, &crypto), (Profile::Savp, &before.crypto));
    assert!(!protector.take_answer(&plain()));
    assert!(!protector.insist(), "once is enough");
    for setting in [MediaEncryption::Off, MediaEncryption::Required] {
        assert!(!Protector::new(setting, false, None).insist());
    }
    assert!(!Protector::new(MediaEncryption::Optional, true, None).insist());
}

#[test]
fn what_is_in_force_stays_when_the_far_end_offers_the_same_again() {
    let mut protector = Protector::new(MediaEncryption::Optional, false, None);
    let offer = secure(Profile::Savp, &[STRONG]);
    let first = protector.answer(&offer);
    let before = protector.protection();
    assert_eq!(protector.answer(&offer), first);
    assert_eq!(protector.protection(), before);
    // It may change its own key; ours stays.
    let mut renewed = offer;
    renewed.crypto[0].key_and_salt[0] ^= 1;
    assert_eq!(protector.answer(&renewed), first);
    assert_ne!(protector.protection(), before);
}

fn browser(setup: Setup) -> AudioDescription {
    plain().with_browser(
        Profile::DtlsSavpf,
        Browser {
            fingerprint: [5; 32],
            setup,
            fragment: "theirs".into(),
            password: "x".repeat(22),
            mid: Some("a1".into()),
            lite: false,
        },
    )
}

#[test]
fn a_browser_is_answered_whatever_is_set_and_begins_the_handshake() {
    for setting in [MediaEncryption::Off, MediaEncryption::Required] {
        let mut protector = Protector::new(setting, true, Some([9; 32]));
        let offer = browser(Setup::ActPass);
        let chosen = protector.choose([(0, plain()), (1, offer.clone())].into_iter());
        assert_eq!(chosen.map(|(at, _)| at), Some(1));
        let ours = protector.answer(&offer).unwrap().browser.unwrap();
        assert_eq!((ours.setup, ours.lite), (Setup::Passive, true));
        assert_eq!(ours.mid.as_deref(), Some("a1"));
        assert_eq!(protector.protection(), Protection::Dtls);
        let (ice, fingerprint, active) = protector.handshake().unwrap();
        assert_eq!((fingerprint, active), ([5; 32], false));
        assert_eq!(ice.remote_fragment, "theirs");
        assert_eq!(ice.local_fragment, ours.fragment);
        // Offered again, it may choose other roles; they stay all the same.
        let again = protector.answer(&browser(Setup::Passive)).unwrap();
        assert_eq!(again.browser.unwrap().setup, Setup::Passive);
    }
    let without = Protector::new(MediaEncryption::Off, true, None);
    let offered = std::iter::once((0, browser(Setup::ActPass)));
    assert!(without.choose(offered).is_none(), "no certificate");
}

#[test]
fn a_browser_is_offered_nothing_else() {
    let mut protector = Protector::new(MediaEncryption::Off, true, Some([9; 32]));
    let offer = protector.offer();
    assert_eq!(offer.profile, Profile::DtlsSavpf);
    assert_eq!(offer.browser.unwrap().setup, Setup::ActPass);
    assert!(!protector.take_answer(&plain()), "in clear");
    assert!(!protector.take_answer(&browser(Setup::ActPass)));
    assert!(protector.take_answer(&browser(Setup::Active)));
    assert!(!protector.handshake().unwrap().2, "the browser begins");
}
