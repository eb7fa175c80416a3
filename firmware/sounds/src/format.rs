//! What a file is, told by its first octets.

use serde::{Deserialize, Serialize};

use crate::SoundError;

/// Octets that are looked at.
pub(crate) const HEAD: usize = 64;

/// The kinds of files that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoundFormat {
    /// RIFF/WAVE: PCM of any width, A-law, mu-law.
    Wav,
    /// MPEG audio, layer III.
    Mp3,
    /// Ogg with Opus (RFC 7845) or Vorbis.
    Ogg,
    /// FLAC (RFC 9639).
    Flac,
}

impl SoundFormat {
    /// Tells the format by the beginning of the content.
    ///
    /// # Errors
    /// [`SoundError::NotSound`] with what it seems to be instead, [`SoundError::Empty`].
    pub fn of(head: &[u8]) -> Result<Self, SoundError> {
        if head.is_empty() {
            return Err(SoundError::Empty);
        }
        let riff = head.starts_with(b"RIFF") || head.starts_with(b"RIFX");
        if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WAVE") {
            return Ok(Self::Wav);
        }
        if head.starts_with(b"fLaC") {
            return Ok(Self::Flac);
        }
        if head.starts_with(b"OggS") {
            return Ok(Self::Ogg);
        }
        if head.starts_with(b"ID3") || is_layer_3(head) {
            return Ok(Self::Mp3);
        }
        let found = match head {
            [0x89, b'P', b'N', b'G', ..] => "a PNG picture",
            [0xFF, 0xD8, 0xFF, ..] => "a JPEG picture",
            [b'G', b'I', b'F', b'8', ..] => "a GIF picture",
            [b'%', b'P', b'D', b'F', ..] => "a PDF document",
            [b'P', b'K', 3 | 5, _, ..] => "a ZIP archive or office document",
            [b'F', b'O', b'R', b'M', ..] => "AIFF",
            [0x1A, 0x45, 0xDF, 0xA3, ..] => "Matroska or WebM",
            [0x30, 0x26, 0xB2, 0x75, ..] => "Windows Media (WMA)",
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => "MP4 or M4A",
            [b'#', b'!', b'A', b'M', b'R', ..] => "AMR",
            _ if riff => "RIFF, but not WAVE",
            // ADTS: sync word with layer 0.
            [0xFF, second, ..] if second & 0xF6 == 0xF0 => "AAC",
            _ if head
                .iter()
                .all(|octet| octet.is_ascii_graphic() || octet.is_ascii_whitespace()) =>
            {
                "text"
            }
            _ => "of an unknown kind",
        };
        Err(SoundError::NotSound {
            found: found.to_owned(),
        })
    }

    /// Its name, such as `MP3`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wav => "WAV",
            Self::Mp3 => "MP3",
            Self::Ogg => "Ogg",
            Self::Flac => "FLAC",
        }
    }

    /// Media type for whoever downloads the original.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::Ogg => "audio/ogg",
            Self::Flac => "audio/flac",
        }
    }

    /// Usual end of the name of such a file.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::Ogg => "ogg",
            Self::Flac => "flac",
        }
    }
}

/// A whole frame header of MPEG-1, -2 or -2.5 layer III (ISO/IEC 11172-3 §2.4.1.3).
fn is_layer_3(head: &[u8]) -> bool {
    let [0xFF, second, third, ..] = *head else {
        return false;
    };
    let sync = second & 0xE0 == 0xE0;
    let version_is_known = second & 0x18 != 0x08;
    let layer_3 = second & 0x06 == 0x02;
    let bit_rate = third >> 4;
    let sample_rate = third >> 2 & 3;
    sync && version_is_known && layer_3 && !matches!(bit_rate, 0 | 15) && sample_rate != 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_content() {
        for (head, format) in [
            (&b"RIFF\x24\0\0\0WAVEfmt "[..], SoundFormat::Wav),
            (b"fLaC\0\0\0\x22", SoundFormat::Flac),
            (b"OggS\0\x02", SoundFormat::Ogg),
            (b"ID3\x04\0\0", SoundFormat::Mp3),
            (b"\xFF\xFB\x90\x64", SoundFormat::Mp3),
            (b"\xFF\xF3\x44\xC4", SoundFormat::Mp3),
        ] {
            assert_eq!(SoundFormat::of(head), Ok(format));
        }
    }

    #[test]
    fn whatever_else_is_refused_by_its_name() {
        for (head, found) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "a PNG picture"),
            (b"RIFF\x24\0\0\0WEBPVP8 ", "RIFF, but not WAVE"),
            (b"\0\0\0\x20ftypM4A ", "MP4 or M4A"),
            (b"%PDF-1.7", "a PDF document"),
            (b"\xFF\xF1\x50\x80", "AAC"),
            (b"hello there", "text"),
            (b"\x01\x02\x03\xFF", "of an unknown kind"),
        ] {
            let error = SoundFormat::of(head).unwrap_err();
            assert!(error.to_string().contains(found), "{error}");
        }
        assert_eq!(SoundFormat::of(b""), Err(SoundError::Empty));
    }
}
