//! Texts that the gateway speaks because of what objects say, without an audio file of their own.

use sha2::{Digest, Sha256};

use crate::Language;

/// A text and the language it is spoken in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Speech {
    /// What is said.
    pub text: String,
    /// In which language.
    pub language: Language,
}

impl Speech {
    /// What its sound is found by: 32 hexadecimal digits that follow from the text alone, so that the same text is spoken
    /// once and nothing has to be remembered.
    #[must_use]
    pub fn key(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(self.language.tag());
        digest.update([0]);
        digest.update(&self.text);
        let octets: [u8; 32] = digest.finalize().into();
        octets[..16]
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect()
    }
}
