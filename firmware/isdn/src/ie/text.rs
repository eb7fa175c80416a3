//! Text of displays, names and keypads (Q.931 §4.5.16, §4.5.18).

/// Text from outside: UTF-8 where it is, else ISO 8859-1; without control characters.
pub(crate) fn to_text(octets: &[u8]) -> String {
    let text = match str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => octets.iter().copied().map(char::from).collect(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.trim().to_owned()
}

/// Text for the line: ISO 8859-1, with `?` for what it lacks, cut to a number of octets.
pub(crate) fn from_text(text: &str, most: usize) -> Vec<u8> {
    let mut octets: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_control())
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .take(most)
        .collect();
    // Letters whose octets are UTF-8 for others would be read as those.
    if !octets.is_ascii() && str::from_utf8(&octets).is_ok() {
        for octet in octets.iter_mut().filter(|octet| !octet.is_ascii()) {
            *octet = b'?';
        }
    }
    octets
}

/// Characters of IA5 only.
pub(crate) fn ascii(octets: &[u8]) -> String {
    octets
        .iter()
        .map(|octet| octet & 0x7F)
        .filter(|octet| octet.is_ascii_graphic())
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_accents() {
        assert_eq!(from_text("João 漢", 20), b"Jo\xE3o ?");
        assert_eq!(to_text(b"Jo\xE3o"), "João");
        assert_eq!(to_text("João".as_bytes()), "João");
        assert_eq!(from_text("MÞ¡", 20), b"M??");
        assert_eq!(to_text(b" A\x00B\x1b "), "AB");
        assert_eq!(ascii(b"1#\x002"), "1#2");
    }
}
