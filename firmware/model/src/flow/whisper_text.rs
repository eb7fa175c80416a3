//! What somebody hears who has answered, in words with variables: "Call for {number.label} from {caller.number}" (F034).

use super::menu_text::spoken;
use crate::problem::code;
use crate::{Language, Problems, Speech, text};

/// Characters of a whisper at most.
const LONGEST: usize = 200;
/// What may stand in one, as it is written.
const VARIABLES: [(&str, Variable); 3] = [
    ("{number.label}", Variable::Label),
    ("{caller.number}", Variable::Caller),
    ("{queue.name}", Variable::Queue),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    Label,
    Caller,
    Queue,
}

/// What is known of a call when its whisper is said.
#[derive(Clone, Copy, Debug, Default)]
pub struct WhisperFacts<'a> {
    /// What people in the company call the number that was called.
    pub label: Option<&'a str>,
    /// The queue that the call waits in, or came through.
    pub queue: Option<&'a str>,
}

/// A part of what is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhisperPart {
    /// Words.
    Words(Speech),
    /// The number of the caller, digit by digit; nothing where it is not known or not to be seen.
    Caller,
}

/// What is said for a whisper, part by part. Words and values are spoken each by itself: so all of them are known before there is a
/// call.
#[must_use]
pub fn whisper_parts(text: &str, language: Language, facts: WhisperFacts<'_>) -> Vec<WhisperPart> {
    let part = |piece| {
        let words = match piece {
            Piece::Words(words) => words,
            Piece::Variable(Variable::Label) => facts.label?,
            Piece::Variable(Variable::Queue) => facts.queue?,
            Piece::Variable(Variable::Caller) => return Some(WhisperPart::Caller),
        };
        said(words, language).map(WhisperPart::Words)
    };
    pieces(text).filter_map(part).collect()
}

/// What is spoken for a whisper, as far as it is known without a call.
pub(super) fn speeches(text: &str, language: Language, facts: WhisperFacts<'_>) -> Vec<Speech> {
    let parts = whisper_parts(text, language, facts).into_iter();
    let speech = |part| match part {
        WhisperPart::Words(speech) => Some(speech),
        WhisperPart::Caller => None,
    };
    parts.filter_map(speech).collect()
}

/// Whether a whisper says what the number is called that a call came to.
pub(super) fn says_label(text: &str) -> bool {
    pieces(text).any(|piece| piece == Piece::Variable(Variable::Label))
}

/// Whether a whisper says the name of a queue.
pub(super) fn says_queue(text: &str) -> bool {
    pieces(text).any(|piece| piece == Piece::Variable(Variable::Queue))
}

/// What is said where somebody chose the key that takes a call and nothing that is said before.
#[must_use]
pub fn default_whisper(key: &str, language: Language) -> Option<Speech> {
    let key = spoken(key, language)?;
    let text = match language {
        Language::PtBr => format!("Uma chamada para você. Para atender, tecle {key}."),
        Language::Es => format!("Una llamada para usted. Para atender, marque {key}."),
        Language::Id => format!("Ada panggilan untuk Anda. Untuk menerima, tekan {key}."),
        Language::En => format!("A call for you. To take it, press {key}."),
    };
    Some(Speech { text, language })
}

/// Normalises a whisper and notes what is wrong with it.
pub(super) fn check(problems: &mut Problems, field: &str, whisper: &mut Option<String>) {
    let Some(written) = whisper else { return };
    *written = text::line(problems, field, written, 1, LONGEST);
    let strange = pieces(written).any(|piece| match piece {
        Piece::Words(words) => words.contains(['{', '}']),
        Piece::Variable(_) => false,
    });
    if strange {
        let known = VARIABLES.map(|(name, _)| name).join(", ");
        let message = format!("braces hold one of {known}");
        problems.add(field, code::INVALID, Some(&known), message);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Words(&'a str),
    Variable(Variable),
}

/// A text, variable by variable and what stands between.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let first = VARIABLES
            .iter()
            .filter_map(|(name, variable)| Some((rest.find(name)?, *name, *variable)))
            .min_by_key(|(at, ..)| *at);
        let (piece, after) = match first {
            Some((0, name, variable)) => (Piece::Variable(variable), rest.get(name.len()..)),
            Some((at, ..)) => (Piece::Words(rest.get(..at)?), rest.get(at..)),
            None => (Piece::Words(rest), None),
        };
        rest = after.unwrap_or_default();
        Some(piece)
    })
}

/// Words that are spoken; none where there is nothing to be said.
pub(super) fn said(words: &str, language: Language) -> Option<Speech> {
    let text = words.trim().to_owned();
    let is_said = text.contains(char::is_alphanumeric);
    is_said.then_some(Speech { text, language })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> WhisperPart {
        WhisperPart::Words(Speech {
            text: text.to_owned(),
            language: Language::En,
        })
    }

    #[test]
    fn f034_variables_are_said_and_what_is_not_known_is_left_out() {
        let text = "Call for {number.label} from {caller.number}, {queue.name}.";
        let facts = WhisperFacts {
            label: Some("Sales"),
            queue: Some("Urgent"),
        };
        let expected = [
            words("Call for"),
            words("Sales"),
            words("from"),
            WhisperPart::Caller,
            words("Urgent"),
        ];
        assert_eq!(whisper_parts(text, Language::En, facts), expected);
        let without = WhisperFacts::default();
        let expected = [words("Call for"), words("from"), WhisperPart::Caller];
        assert_eq!(whisper_parts(text, Language::En, without), expected);
    }

    #[test]
    fn f034_a_variable_that_there_is_not_is_refused() {
        for (text, is_right) in [
            ("Call for {number.label}", true),
            ("Call for {number.name}", false),
            ("Call for {number.label", false),
            ("   ", false),
        ] {
            let mut problems = Problems::default();
            check(&mut problems, "whisper_text", &mut Some(text.to_owned()));
            assert_eq!(problems.finish(()).is_ok(), is_right, "{text}");
        }
    }

    #[test]
    fn f035_the_key_is_named_in_each_language() {
        for (language, word) in [
            (Language::PtBr, "cinco"),
            (Language::Es, "cinco"),
            (Language::Id, "lima"),
            (Language::En, "five"),
        ] {
            let said = default_whisper("5", language).unwrap();
            assert!(said.text.ends_with(&format!("{word}.")), "{}", said.text);
        }
    }
}
