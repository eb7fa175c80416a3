//! Keys in session descriptions: `a=crypto` (RFC 4568).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// The longest key with salt that a suite has: AES-256 and 14 octets.
const LONGEST_KEY: usize = 46;

/// One `a=crypto` line with one key for the whole session. Its `Debug` form does not show the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {
    /// Names the line; the answer to it has the same.
    pub tag: u32,
    /// The suite, such as `AES_CM_128_HMAC_SHA1_80`; compares without case.
    pub suite: String,
    /// Master key and salt for what the describing side sends.
    pub key_and_salt: Vec<u8>,
}

impl Crypto {
    /// Reads the value of an attribute. `None` also for what we do not do, so that another line is taken: several keys, a
    /// master key identifier, and session parameters that change how packets look.
    pub(super) fn read(value: &str) -> Option<Self> {
        let mut parts = value.split_ascii_whitespace();
        let tag = parts.next()?;
        let usable =
            (1..=9).contains(&tag.len()) && tag.bytes().all(|digit| digit.is_ascii_digit());
        let tag = usable.then(|| tag.parse().ok())??;
        let suite = parts.next()?.to_owned();
        let (method, key) = parts.next()?.split_once(':')?;
        if !method.eq_ignore_ascii_case("inline") || key.contains(';') {
            return None;
        }
        let mut key = key.split('|');
        let text = key.next()?;
        // The lifetime is at least what a call may last; an identifier would be part of each packet.
        if key.any(|part| part.contains(':')) {
            return None;
        }
        let harmless = |parameter: &str| {
            let parameter = parameter.to_ascii_uppercase();
            parameter == "KDR=0" || parameter.starts_with("WSH=")
        };
        if !parts.all(harmless) {
            return None;
        }
        let text = text.trim_end_matches('=');
        let key_and_salt = STANDARD_NO_PAD.decode(text).ok()?;
        (1..=LONGEST_KEY)
            .contains(&key_and_salt.len())
            .then_some(Self {
                tag,
                suite,
                key_and_salt,
            })
    }

    pub(super) fn value(&self) -> String {
        let key = STANDARD.encode(&self.key_and_salt);
        format!("{} {} inline:{key}", self.tag, self.suite)
    }
}

impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crypto({} {})", self.tag, self.suite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    /// The example of RFC 4568 §6.1 and what phones write.
    #[test]
    fn lines_of_one_key_are_read() {
        for line in [
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^48 WSH=64 KDR=0"),
            format!(" 1  AES_CM_128_HMAC_SHA1_80  INLINE:{KEY}"),
        ] {
            let crypto = Crypto::read(&line).unwrap();
            assert_eq!(crypto.tag, 1, "{line}");
            assert_eq!(crypto.suite, "AES_CM_128_HMAC_SHA1_80");
            assert_eq!(crypto.key_and_salt.len(), 30);
            assert_eq!(Crypto::read(&crypto.value()), Some(crypto.clone()));
            assert!(!format!("{crypto:?}").contains("WVN"), "{crypto:?}");
        }
        // The key of AEAD_AES_128_GCM ends in padding, which some leave out.
        let padded = Crypto {
            tag: 2,
            suite: "AEAD_AES_128_GCM".into(),
            key_and_salt: vec![7; 28],
        };
        assert!(padded.value().ends_with('='));
        assert_eq!(Crypto::read(&padded.value()), Some(padded.clone()));
        let bare = padded.value().replace('=', "");
        assert_eq!(Crypto::read(&bare), Some(padded));
    }

    #[test]
    fn what_cannot_be_done_is_passed_over() {
        for line in [
            String::new(),
            "1".into(),
            "1 AES_CM_128_HMAC_SHA1_80".into(),
            "1 AES_CM_128_HMAC_SHA1_80 inline:".into(),
            "1 AES_CM_128_HMAC_SHA1_80 inline:!!!!".into(),
            format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1234567890 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 uri:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4;inline:{KEY}|2:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{}", "A".repeat(400)),
        ] {
            assert_eq!(Crypto::read(&line), None, "{line}");
        }
    }
}
