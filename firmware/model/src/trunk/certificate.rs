//! Whom a trunk believes over TLS.

use std::{fmt, fmt::Write as _, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// The longest text taken, in octets: a few certificates.
const MAX_TEXT: usize = 16 * 1024;
/// Certificates in one text.
const MAX_CERTIFICATES: usize = 8;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// What the certificate of a carrier is checked by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TrustedCertificate {
    /// The authorities that the system trusts; the text is blank.
    #[default]
    System,
    /// This one and no other, whatever its name and dates: the SHA-256 of its DER, 64 hexadecimal digits.
    Fingerprint([u8; 32]),
    /// These authorities and no others, one after the other in PEM.
    Authorities(String),
}

/// The text is neither a fingerprint nor certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// It is something else.
    #[error("is neither a certificate in PEM nor a SHA-256 fingerprint of 64 hexadecimal digits")]
    Neither,
    /// A certificate's text is damaged.
    #[error("holds a damaged certificate; copy it whole, from BEGIN to END")]
    Damaged,
    /// It is longer than anybody needs.
    #[error("holds more than {MAX_CERTIFICATES} certificates or {MAX_TEXT} octets")]
    TooLong,
}

impl FromStr for TrustedCertificate {
    type Err = BadCertificate;

    fn from_str(text: &str) -> Result<Self, BadCertificate> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::System);
        }
        if text.len() > MAX_TEXT {
            return Err(BadCertificate::TooLong);
        }
        if !text.contains("-----") {
            return fingerprint(text)
                .map(Self::Fingerprint)
                .ok_or(BadCertificate::Neither);
        }
        authorities(text).map(Self::Authorities)
    }
}

/// Digits as tools print them: with colons, blanks or nothing between the octets, perhaps after `sha256:` or the like.
fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let text = text.rsplit_once('=').map_or(text, |(_, digits)| digits);
    let digits: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ':')
        .collect();
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut octets = [0; 32];
    for (at, octet) in octets.iter_mut().enumerate() {
        *octet = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(octets)
}

/// The certificates alone, without what is between them.
fn authorities(text: &str) -> Result<String, BadCertificate> {
    let mut pem = String::new();
    let mut rest = text;
    let mut count = 0;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (body, after) = after.split_once(END).ok_or(BadCertificate::Damaged)?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = STANDARD
            .decode(&body)
            .map_err(|_| BadCertificate::Damaged)?;
        // A SEQUENCE (X.690 §8.9).
        if der.first() != Some(&0x30) {
            return Err(BadCertificate::Damaged);
        }
        pem.push_str(BEGIN);
        for (at, character) in body.chars().enumerate() {
            if at % 64 == 0 {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem.push('\n');
        pem.push_str(END);
        pem.push('\n');
        count += 1;
        rest = after;
    }
    match count {
        0 => Err(BadCertificate::Neither),
        1..=MAX_CERTIFICATES => Ok(pem),
        _ => Err(BadCertificate::TooLong),
    }
}

impl fmt::Display for TrustedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => Ok(()),
            Self::Fingerprint(octets) => {
                let mut digits = String::with_capacity(64);
                for octet in octets {
                    write!(digits, "{octet:02x}")?;
                }
                f.write_str(&digits)
            }
            Self::Authorities(pem) => f.write_str(pem),
        }
    }
}

impl TryFrom<String> for TrustedCertificate {
    type Error = BadCertificate;

    fn try_from(text: String) -> Result<Self, BadCertificate> {
        text.parse()
    }
}

impl From<TrustedCertificate> for String {
    fn from(certificate: TrustedCertificate) -> Self {
        certificate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TrustedCertificate, BadCertificate> {
        let read: TrustedCertificate = text.parse()?;
        assert_eq!(read.to_string().parse(), Ok(read.clone()), "{text}");
        Ok(read)
    }

    #[test]
    fn a_fingerprint_is_read_as_tools_print_it() {
        let digits = "0a".repeat(32);
        let colons = vec!["0A"; 32].join(":");
        for text in [
            digits.clone(),
            colons.clone(),
            format!(" {colons}\n"),
            format!("sha256 Fingerprint={colons}"),
        ] {
            assert_eq!(
                read(&text),
                Ok(TrustedCertificate::Fingerprint([0x0a; 32])),
                "{text}"
            );
        }
        assert_eq!(read("  "), Ok(TrustedCertificate::System));
        for text in ["0a", &digits[1..], &digits.replace('0', "g"), "ramal.local"] {
            assert_eq!(read(text), Err(BadCertificate::Neither), "{text}");
        }
    }

    #[test]
    fn certificates_are_kept_and_what_is_around_them_is_not() {
        let one = format!("{BEGIN}\nMIIB\r\nAgME\n{END}");
        let Ok(TrustedCertificate::Authorities(pem)) = read(&format!("subject=x\n{one}\n\n{one}"))
        else {
            panic!("not read");
        };
        assert_eq!(pem, format!("{BEGIN}\nMIIBAgME\n{END}\n").repeat(2));
        for damaged in [
            format!("{BEGIN}\nMIIB"),
            format!("{BEGIN}\n*\n{END}"),
            format!("{BEGIN}\n{END}"),
            format!("{BEGIN}\nAAAA\n{END}"),
        ] {
            assert_eq!(read(&damaged), Err(BadCertificate::Damaged), "{damaged}");
        }
        assert_eq!(
            read("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"),
            Err(BadCertificate::Neither)
        );
        assert_eq!(read(&one.repeat(9)), Err(BadCertificate::TooLong));
        assert_eq!(
            read(&"a".repeat(MAX_TEXT + 1)),
            Err(BadCertificate::TooLong)
        );
    }
}
