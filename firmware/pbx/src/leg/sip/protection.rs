//! Whether the media of a leg is encrypted, and with which keys (SDES, RFC 4568).

use ramal_media::{MasterKey, Protection, SrtpKeys, Suite};
use ramal_model::MediaEncryption;
use ramal_sip::sdp::{AudioDescription, Crypto, Profile};

/// What was agreed about encryption. Our key for a suite is the same in all descriptions of a leg, so that media goes on
/// undisturbed when something else is agreed anew.
pub(super) struct Protector {
    encryption: MediaEncryption,
    /// Our keys by suite, with the tags they are offered under.
    ours: [(u32, MasterKey); Suite::ALL.len()],
    agreed: Option<Agreed>,
}

/// What is in force.
#[derive(Clone, Copy)]
struct Agreed {
    profile: Profile,
    /// The tag and the keys; none: in clear.
    keys: Option<(u32, SrtpKeys)>,
}

impl Protector {
    /// For a leg that is to be encrypted as said; nothing but `Off`, `Optional` and `Required` makes a difference.
    pub(super) fn new(encryption: MediaEncryption) -> Self {
        let mut tag = 0;
        let ours = Suite::ALL.map(|suite| {
            tag += 1;
            (tag, MasterKey::from_random(suite, rand::random()))
        });
        Self {
            encryption,
            ours,
            agreed: None,
        }
    }

    /// Whether media may go in clear. A fax always does: UDPTL has no keys of SDES.
    pub(super) fn allows_clear(&self) -> bool {
        self.encryption != MediaEncryption::Required
    }

    /// Profile and keys of an offer of ours: what is in force, or else all we can.
    pub(super) fn offer(&self) -> (Profile, Vec<Crypto>) {
        match self.agreed {
            Some(Agreed { profile, keys }) => {
                let keys = keys.map(|(tag, keys)| crypto(tag, &keys.send));
                (profile, keys.into_iter().collect())
            }
            None => {
                let keys = || self.ours.iter().map(|(tag, key)| crypto(*tag, key));
                match self.encryption {
                    MediaEncryption::Off | MediaEncryption::Automatic => (Profile::Avp, Vec::new()),
                    // Who does not know keys passes over them; SAVP would be refused by him.
                    MediaEncryption::Optional => (Profile::Avp, keys().collect()),
                    MediaEncryption::Required => (Profile::Savp, keys().collect()),
                }
            }
        }
    }

    /// The stream of an offer to take: an encrypted one before one in clear, as far as either may be.
    pub(super) fn choose(
        &self,
        streams: impl Iterator<Item = (usize, AudioDescription)>,
    ) -> Option<(usize, AudioDescription)> {
        let mut clear = None;
        for (at, audio) in streams {
            if self.key_for(&audio).is_some() {
                return Some((at, audio));
            }
            if !audio.profile.is_secure() && self.encryption != MediaEncryption::Required {
                clear.get_or_insert((at, audio));
            }
        }
        clear
    }

    /// Our key in the answer to a stream that was chosen: `Some(None)` in clear; `None` when it must not be answered.
    pub(super) fn answer(&mut self, offer: &AudioDescription) -> Option<Option<Crypto>> {
        let keys = self.key_for(offer);
        if keys.is_none()
            && (offer.profile.is_secure() || self.encryption == MediaEncryption::Required)
        {
            return None;
        }
        self.agreed = Some(Agreed {
            profile: offer.profile,
            keys,
        });
        Some(keys.map(|(tag, keys)| crypto(tag, &keys.send)))
    }

    /// Takes the answer to our offer; false when it does not keep to it.
    pub(super) fn take_answer(&mut self, answer: &AudioDescription) -> bool {
        let (offered_profile, offered) = self.offer();
        let keys = answer.crypto.first().and_then(|theirs| {
            // One of those offered, under its tag.
            offered.iter().find(|ours| ours.tag == theirs.tag)?;
            let suite = Suite::from_name(&theirs.suite)?;
            let ours = self.ours_for(suite)?;
            let receive = MasterKey::new(suite, &theirs.key_and_salt)?;
            let keys = SrtpKeys {
                send: ours,
                receive,
            };
            Some((theirs.tag, keys))
        });
        let in_clear = keys.is_none();
        if in_clear
            && (answer.profile.is_secure()
                || offered_profile.is_secure()
                || self.encryption == MediaEncryption::Required)
        {
            return false;
        }
        self.agreed = Some(Agreed {
            profile: answer.profile,
            keys,
        });
        true
    }

    /// What the stream has to do.
    pub(super) fn protection(&self) -> Protection {
        match self.agreed.and_then(|agreed| agreed.keys) {
            Some((_, keys)) => Protection::Srtp(keys),
            None => Protection::None,
        }
    }

    /// The suite in force; none in clear.
    pub(super) fn suite(&self) -> Option<Suite> {
        let (_, keys) = self.agreed?.keys?;
        Some(keys.send.suite())
    }

    /// The first of the offered keys that we can use, with its tag and ours. The order is the offerer's.
    fn key_for(&self, offer: &AudioDescription) -> Option<(u32, SrtpKeys)> {
        if self.encryption == MediaEncryption::Off {
            return None;
        }
        offer.crypto.iter().find_map(|theirs| {
            let suite = Suite::from_name(&theirs.suite)?;
            let receive = MasterKey::new(suite, &theirs.key_and_salt)?;
            let send = self.ours_for(suite)?;
            Some((theirs.tag, SrtpKeys { send, receive }))
        })
    }

    fn ours_for(&self, suite: Suite) -> Option<MasterKey> {
        let mut keys = self.ours.iter().map(|(_, key)| *key);
        keys.find(|key| key.suite() == suite)
    }
}

fn crypto(tag: u32, key: &MasterKey) -> Crypto {
    Crypto {
        tag,
        suite: key.suite().name().to_owned(),
        key_and_salt: key.key_and_salt().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use ramal_sip::sdp::RtpCodec;

    use super::*;

    fn plain() -> AudioDescription {
        AudioDescription::new([192, 0, 2, 7].into(), 4000, vec![RtpCodec::pcma()])
    }

    fn secure(profile: Profile, suites: &[(u32, Suite)]) -> AudioDescription {
        let key = |&(tag, suite)| crypto(tag, &MasterKey::from_random(suite, [tag as u8; 30]));
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
            let mut protector = Protector::new(setting);
            let chosen = protector.choose(std::iter::once((0, offer.clone())));
            assert_eq!(chosen.is_some(), taken, "{setting:?} {offer:?}");
            let answer = protector.answer(offer);
            assert_eq!(answer.is_some(), taken, "{setting:?} {offer:?}");
            let key = answer.flatten();
            assert_eq!(key.is_some(), encrypted, "{setting:?} {offer:?}");
            assert_eq!(key.map(|key| key.tag), encrypted.then_some(4));
            assert_eq!(protector.suite(), encrypted.then_some(STRONG.1));
            if !taken {
                assert_eq!(protector.protection(), Protection::None);
            }
        }
    }

    #[test]
    fn of_two_streams_the_encrypted_one_is_taken() {
        let streams = || [(0, plain()), (1, secure(Profile::Savp, &[STRONG]))].into_iter();
        let chosen = |setting| Protector::new(setting).choose(streams()).map(|(at, _)| at);
        assert_eq!(chosen(MediaEncryption::Off), Some(0));
        assert_eq!(chosen(MediaEncryption::Optional), Some(1));
        assert_eq!(chosen(MediaEncryption::Required), Some(1));
    }

    #[test]
    fn our_offer_may_be_taken_or_passed_over_unless_it_is_required() {
        for setting in [MediaEncryption::Optional, MediaEncryption::Required] {
            let mut protector = Protector::new(setting);
            let (profile, keys) = protector.offer();
            assert_eq!(keys.len(), 3);
            let required = setting == MediaEncryption::Required;
            assert_eq!(profile.is_secure(), required);
            assert_eq!(protector.take_answer(&plain()), !required);

            let mut protector = Protector::new(setting);
            let (profile, offered) = protector.offer();
            let second = &offered[1];
            let suite = Suite::from_name(&second.suite).unwrap();
            assert!(protector.take_answer(&secure(profile, &[(second.tag, suite)])));
            let Protection::Srtp(keys) = protector.protection() else {
                panic!("in clear")
            };
            assert_eq!(keys.send.key_and_salt(), second.key_and_salt);
            // Offered again as agreed, under the same key.
            assert_eq!(protector.offer(), (profile, vec![second.clone()]));
            // A tag that was never offered is no answer.
            let mut other = Protector::new(MediaEncryption::Required);
            assert!(!other.take_answer(&secure(Profile::Savp, &[(9, suite)])));
        }
    }

    #[test]
    fn what_is_in_force_stays_when_the_far_end_offers_the_same_again() {
        let mut protector = Protector::new(MediaEncryption::Optional);
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
}
