//! Programs that look for open gateways, by what they call themselves.
//!
//! Only careless ones can be told like this, but they are by far the most. The others are told by what they do.

use memchr::memchr;

/// What scanners write into User-Agent, in lower case; none of these is a phone's.
const NAMES: [&str; 16] = [
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sip-scan",
    "sipcli",
    "sipscan",
    "sundayddr",
    "vaxsipuseragent",
    "vaxipuseragent",
    "pplsip",
    "sivus",
    "siparmyknife",
    "sipptk",
    "smap",
    "iwar",
    "gulp",
];
/// Header fields looked at; From and To because the best known scanner signs its requests there.
const FIELDS: [&[u8]; 4] = [b"user-agent:", b"from:", b"f:", b"contact:"];
/// Lines looked at: what a scanner has to say stands among the first.
const LINES: usize = 24;

/// What is to be known of an octet before a name is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Octet {
    /// It parts words.
    Apart,
    /// It is of a word.
    Word,
    /// It is of a word, and a name may begin with it.
    Initial,
}

/// Every message is looked at, so only what may be a name is compared with them.
const OCTETS: [Octet; 256] = {
    let mut octets = [Octet::Apart; 256];
    let mut at = 0;
    while at < 256 {
        if (at as u8).is_ascii_alphanumeric() {
            octets[at] = Octet::Word;
        }
        at += 1;
    }
    let mut at = 0;
    while at < NAMES.len() {
        let initial = NAMES[at].as_bytes()[0];
        octets[initial as usize] = Octet::Initial;
        octets[initial.to_ascii_uppercase() as usize] = Octet::Initial;
        at += 1;
    }
    octets
};

/// The name of the scanner a message comes from, when it gives itself away.
pub(super) fn recognize(message: &[u8]) -> Option<&'static str> {
    let mut rest = message;
    for _ in 0..LINES {
        let end = memchr(b'\n', rest)?;
        let (line, after) = rest.split_at_checked(end)?;
        rest = after.get(1..)?;
        let [initial, _, ..] = line else {
            return None;
        };
        let named = matches!(initial | 0x20, b'u' | b'f' | b'c')
            && FIELDS.iter().any(|field| {
                line.get(..field.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(field))
            });
        if named && let Some(name) = within(line) {
            return Some(name);
        }
    }
    None
}

/// The scanner whose name one of a line's words begins with.
fn within(line: &[u8]) -> Option<&'static str> {
    let mut before = Octet::Word;
    for (at, &byte) in line.iter().enumerate() {
        let octet = OCTETS[usize::from(byte)];
        if octet == Octet::Initial
            && before == Octet::Apart
            && let Some(name) = line.get(at..).and_then(scanner)
        {
            return Some(name);
        }
        before = octet;
    }
    None
}

/// The scanner whose name `text` begins with.
fn scanner(text: &[u8]) -> Option<&'static str> {
    let name = NAMES.iter().find(|name| {
        text.get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    });
    name.copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(field: &str) -> Vec<u8> {
        format!("OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9\r\n{field}\r\nContent-Length: 0\r\n\r\n")
            .into_bytes()
    }

    #[test]
    fn scanners_give_themselves_away() {
        for field in [
            "User-Agent: friendly-scanner",
            "user-agent: VaxSIPUserAgent/3.1",
            "User-Agent:sipcli/v1.8",
            "From: \"sipvicious\"<sip:100@1.1.1.1>;tag=64326533",
        ] {
            assert!(recognize(&with(field)).is_some(), "{field}");
        }
    }

    #[test]
    fn phones_do_not() {
        for field in [
            "User-Agent: Yealink SIP-T46S 66.85.0.5",
            "User-Agent: Grandstream GXP2170 1.0.11.16",
            "User-Agent: baresip v3.20.0 (x86_64/linux)",
            "User-Agent: Linphone/5.2 (belle-sip/5.3)",
            "From: \"Gisela Siwarek\" <sip:2001@192.0.2.1>;tag=1",
            "Subject: friendly-scanner",
        ] {
            assert_eq!(recognize(&with(field)), None, "{field}");
        }
        assert_eq!(recognize(b"\r\n\r\n"), None);
        assert_eq!(recognize(b"friendly-scanner"), None);
        assert_eq!(recognize(b""), None);
    }
}
