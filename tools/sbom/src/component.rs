//! A part of the image, whatever it comes from.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::licence::Licence;

/// What a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A program of its own.
    Application,
    /// Code that is part of a program.
    Library,
    /// The kernel.
    OperatingSystem,
    /// Kernel modules.
    DeviceDriver,
}

/// A part of the image.
#[derive(Clone, Debug)]
pub struct Component {
    /// What it is.
    pub kind: Kind,
    /// Its name where it comes from.
    pub name: String,
    /// Its version as its maker writes it.
    pub version: String,
    /// Package URL: what it is known by, and what vulnerabilities are looked up with.
    pub purl: String,
    /// One sentence of its maker.
    pub description: Option<String>,
    /// Who packages or publishes it: `Name <address>`.
    pub supplier: Option<String>,
    /// Its source package and that one's version, where they have names of their own.
    pub source: Option<(String, String)>,
    /// SHA-256 of the archive that it was made from, in hexadecimal.
    pub sha256: Option<String>,
    /// Package URL of what was changed to make it, and the names of the changes.
    pub changed: Option<(String, Vec<String>)>,
    /// What it may be used under.
    pub licence: Licence,
    /// Package URLs of what it needs.
    pub depends: BTreeSet<String>,
}

impl Component {
    /// A component of which nothing else is known yet.
    pub fn new(kind: Kind, name: &str, version: &str, purl: String) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            version: version.to_owned(),
            purl,
            description: None,
            supplier: None,
            source: None,
            sha256: None,
            changed: None,
            licence: Licence::default(),
            depends: BTreeSet::new(),
        }
    }
}

/// Percent-encodes a part of a package URL (purl-spec: all but letters, digits and `.-_~`).
pub fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// SHA-256 in hexadecimal.
pub fn digest(content: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(64);
    for byte in Sha256::digest(content) {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// A UUID made from the content it stands for (RFC 9562 §5.8, version 8).
pub fn uuid_of(content: &[u8]) -> String {
    let hash = digest(content);
    let variant = ['8', '9', 'a', 'b'][usize::from(Sha256::digest(content)[31] & 3)];
    format!(
        "{}-{}-8{}-{variant}{}-{}",
        &hash[..8],
        &hash[8..12],
        &hash[12..15],
        &hash[15..18],
        &hash[18..30]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_urls_keep_what_purl_allows() {
        assert_eq!(
            encoded("1:3.1.0+git~dfsg-10.1"),
            "1%3A3.1.0%2Bgit~dfsg-10.1"
        );
    }

    #[test]
    fn a_uuid_is_of_its_content_and_of_version_8() {
        let id = uuid_of(b"image");
        assert_eq!(id, uuid_of(b"image"));
        assert_ne!(id, uuid_of(b"another"));
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "8");
        assert!("89ab".contains(&id[19..20]));
    }
}
