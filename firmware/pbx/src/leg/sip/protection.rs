//! Whether the media of a leg is encrypted, and with which keys: told by signalling (SDES, RFC 4568), or made by a handshake
//! with a browser (DTLS-SRTP, RFC 5763).

use ramal_media::{IceParameters, MasterKey, Protection, SrtpKeys, Suite};
use ramal_model::MediaEncryption;
use ramal_sip::sdp::{AudioDescription, Browser, Crypto, Profile, Setup};

/// What was agreed about encryption. Our key for a suite is the same in all descriptions of a leg, so that media goes on
/// undisturbed when something else is agreed anew.
pub(super) struct Protector {
    encryption: MediaEncryption,
    /// Our keys by suite, with the tags they are offered under.
    ours: [(u32, MasterKey); Suite::ALL.len()],
    /// How we describe ourselves to browsers; none without a certificate.
    browser: Option<Browser>,
    /// Whether the far end is a browser.
    to_browser: bool,
    /// Whether nothing but encryption is offered although clear media would do.
    insists: bool,
    agreed: Option<Agreed>,
}

/// What one of our descriptions says about encryption.
#[derive(Debug, PartialEq)]
pub(super) struct Terms {
    profile: Profile,
    crypto: Vec<Crypto>,
    browser: Option<Browser>,
}

impl Terms {
    fn of_keys(profile: Profile, crypto: Vec<Crypto>) -> Self {
        Self {
            profile,
            crypto,
            browser: None,
        }
    }

    /// Adds them to a description of ours.
    pub(super) fn describe(self, ours: AudioDescription) -> AudioDescription {
        match self.browser {
            Some(browser) => ours.with_browser(self.profile, browser),
            None => ours.with_protection(self.profile, self.crypto),
        }
    }
}

/// What is in force.
#[derive(Clone)]
struct Agreed {
    profile: Profile,
    keys: Keys,
}

#[derive(Clone)]
enum Keys {
    /// There are none: in clear.
    None,
    /// Told by signalling, under this tag.
    Told(u32, SrtpKeys),
    /// Made by a handshake, which we begin when `active`, with whoever describes himself so.
    Handshake { theirs: Browser, active: bool },
}

impl Protector {
    /// For a leg that is to be encrypted as said; nothing but `Off`, `Optional` and `Required` makes a difference.
    /// `identity` is the fingerprint of our certificate.
    pub(super) fn new(
        encryption: MediaEncryption,
        to_browser: bool,
        identity: Option<[u8; 32]>,
    ) -> Self {
        let mut tag = 0;
        let ours = Suite::ALL.map(|suite| {
            tag += 1;
            (tag, MasterKey::from_random(suite, rand::random()))
        });
        let browser = identity.map(|fingerprint| Browser {
            fingerprint,
            setup: Setup::ActPass,
            fragment: format!("{:08x}", rand::random::<u32>()),
            password: format!("{:032x}", rand::random::<u128>()),
            mid: Some("0".to_owned()),
            lite: true,
        });
        Self {
            encryption,
            ours,
            browser,
            to_browser,
            insists: false,
            agreed: None,
        }
    }

    /// Offers from now on nothing but encryption, with the same keys. False when that makes no difference.
    pub(super) fn insist(&mut self) -> bool {
        let undecided = self.encryption == MediaEncryption::Optional && self.agreed.is_none();
        undecided && !self.to_browser && !std::mem::replace(&mut self.insists, true)
    }

    /// Whether media may go in clear. A fax always does: UDPTL has no keys of SDES.
    pub(super) fn allows_clear(&self) -> bool {
        self.encryption != MediaEncryption::Required && !self.to_browser
    }

    /// What an offer of ours says: what is in force, or else all we can.
    pub(super) fn offer(&self) -> Terms {
        match &self.agreed {
            Some(Agreed { profile, keys }) => match keys {
                Keys::None => Terms::of_keys(*profile, Vec::new()),
                Keys::Told(tag, keys) => Terms::of_keys(*profile, vec![crypto(*tag, &keys.send)]),
                Keys::Handshake { theirs, .. } => Terms {
                    profile: *profile,
                    crypto: Vec::new(),
                    browser: self.to(theirs, Setup::ActPass),
                },
            },
            None if self.to_browser => Terms {
                profile: Profile::DtlsSavpf,
                crypto: Vec::new(),
                browser: self.browser.clone(),
            },
            None => {
                let keys = || self.ours.iter().map(|(tag, key)| crypto(*tag, key));
                match self.encryption {
                    MediaEncryption::Off | MediaEncryption::Automatic => {
                        Terms::of_keys(Profile::Avp, Vec::new())
                    }
                    // Who does not know keys passes over them; SAVP would be refused by him.
                    MediaEncryption::Optional if !self.insists => {
                        Terms::of_keys(Profile::Avp, keys().collect())
                    }
                    MediaEncryption::Optional | MediaEncryption::Required => {
                        Terms::of_keys(Profile::Savp, keys().collect())
                    }
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
            match self.keys_for(&audio) {
                Some(Keys::None) => clear = clear.or(Some((at, audio))),
                Some(_) => return Some((at, audio)),
                None => {}
            }
        }
        clear
    }

    /// What our answer to a stream that was chosen says; `None` when it must not be answered.
    pub(super) fn answer(&mut self, offer: &AudioDescription) -> Option<Terms> {
        let (profile, keys) = (offer.profile, self.keys_for(offer)?);
        let terms = match &keys {
            Keys::None => Terms::of_keys(profile, Vec::new()),
            Keys::Told(tag, keys) => Terms::of_keys(profile, vec![crypto(*tag, &keys.send)]),
            Keys::Handshake { theirs, active } => Terms {
                profile,
                crypto: Vec::new(),
                browser: self.to(
                    theirs,
                    match active {
                        true => Setup::Active,
                        false => Setup::Passive,
                    },
                ),
            },
        };
        self.agreed = Some(Agreed { profile, keys });
        Some(terms)
    }

    /// Takes the answer to our offer; false when it does not keep to it.
    pub(super) fn take_answer(&mut self, answer: &AudioDescription) -> bool {
        let offered = self.offer();
        let keys = if let Some(theirs) = &answer.browser {
            let active = match theirs.setup {
                Setup::Active => false,
                Setup::Passive => true,
                Setup::ActPass => return false,
            };
            offered.browser.is_some().then(|| Keys::Handshake {
                theirs: theirs.clone(),
                active: self.begun().unwrap_or(active),
            })
        } else {
            let told = answer.crypto.first().and_then(|theirs| {
                // One of those offered, under its tag.
                let ours = offered.crypto.iter().find(|ours| ours.tag == theirs.tag)?;
                ours.suite
                    .eq_ignore_ascii_case(&theirs.suite)
                    .then_some(())?;
                self.told(theirs)
            });
            let may_be_clear = !answer.profile.is_secure()
                && !offered.profile.is_secure()
                && self.encryption != MediaEncryption::Required;
            told.or(may_be_clear.then_some(Keys::None))
        };
        let agreed = keys.map(|keys| Agreed {
            profile: answer.profile,
            keys,
        });
        let kept = agreed.is_some();
        self.agreed = agreed.or(self.agreed.take());
        kept
    }

    /// What the stream has to do.
    pub(super) fn protection(&self) -> Protection {
        match self.agreed.as_ref().map(|agreed| &agreed.keys) {
            Some(Keys::Told(_, keys)) => Protection::Srtp(*keys),
            Some(Keys::Handshake { .. }) => Protection::Dtls,
            Some(Keys::None) | None => Protection::None,
        }
    }

    /// What the call's record says; none in clear.
    pub(super) fn encryption(&self) -> Option<&'static str> {
        match &self.agreed.as_ref()?.keys {
            Keys::None => None,
            Keys::Told(_, keys) => Some(keys.send.suite().name()),
            Keys::Handshake { .. } => Some("DTLS-SRTP"),
        }
    }

    /// How a browser is reached, whose certificate it has, and whether we begin the handshake.
    pub(super) fn handshake(&self) -> Option<(IceParameters, [u8; 32], bool)> {
        let Keys::Handshake { theirs, active } = &self.agreed.as_ref()?.keys else {
            return None;
        };
        let ours = self.browser.as_ref()?;
        let ice = IceParameters {
            local_fragment: ours.fragment.clone(),
            local_password: ours.password.clone(),
            remote_fragment: theirs.fragment.clone(),
        };
        Some((ice, theirs.fingerprint, *active))
    }

    /// Our description for a browser that describes itself so.
    fn to(&self, theirs: &Browser, setup: Setup) -> Option<Browser> {
        Some(Browser {
            setup,
            mid: theirs.mid.clone(),
            ..self.browser.clone()?
        })
    }

    /// Whether we began the handshake there was: roles stay for the whole call (RFC 8842 §5.5).
    fn begun(&self) -> Option<bool> {
        match self.agreed.as_ref()?.keys {
            Keys::Handshake { active, .. } => Some(active),
            Keys::None | Keys::Told(..) => None,
        }
    }

    /// What a stream that is offered would be encrypted with; `None` when it must not be taken.
    fn keys_for(&self, offer: &AudioDescription) -> Option<Keys> {
        if let Some(theirs) = &offer.browser {
            self.browser.as_ref()?;
            // The browser begins, unless it wants to wait.
            let active = theirs.setup == Setup::Passive;
            return Some(Keys::Handshake {
                theirs: theirs.clone(),
                active: self.begun().unwrap_or(active),
            });
        }
        let told = match self.encryption {
            MediaEncryption::Off => None,
            // The order is the offerer's.
            _ => offer.crypto.iter().find_map(|theirs| self.told(theirs)),
        };
        let may_be_clear =
            !offer.profile.is_secure() && self.encryption != MediaEncryption::Required;
        told.or(may_be_clear.then_some(Keys::None))
    }

    /// The keys of both sides for a line of theirs.
    fn told(&self, theirs: &Crypto) -> Option<Keys> {
        let suite = Suite::from_name(&theirs.suite)?;
        let receive = MasterKey::new(suite, &theirs.key_and_salt)?;
        let mut ours = self.ours.iter().map(|(_, key)| *key);
        let send = ours.find(|key| key.suite() == suite)?;
        Some(Keys::Told(theirs.tag, SrtpKeys { send, receive }))
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
mod tests;
