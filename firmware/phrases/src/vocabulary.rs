//! The prompts that a language needs.

use ramal_model::Language;

use crate::grammar;

/// Sentences and words that every language has.
const SENTENCES: [&str; 20] = [
    "your-number-is",
    "time-is",
    "date-is",
    "position-before",
    "position-after",
    "position-number",
    "plus",
    "star",
    "pound",
    "day",
    "hour",
    "minute",
    "second",
    "echo-intro",
    "not-in-service",
    "goodbye",
    "recording-notice",
    "ivr-invalid",
    "ivr-timeout",
    "anonymous-refused",
];

/// Names of all prompts the gateway itself speaks in a language: fixed sentences, and what [`crate::Composer`] composes
/// of. Each name comes once.
pub fn vocabulary(language: Language) -> impl Iterator<Item = String> {
    (0..10)
        .map(|digit| format!("digit-{digit}"))
        .chain((0..100).map(|number| format!("number-{number}")))
        .chain((1..=7).map(|day| format!("weekday-{day}")))
        .chain((1..=12).map(|month| format!("month-{month}")))
        .chain(SENTENCES.into_iter().map(str::to_owned))
        .chain(grammar(language).vocabulary())
}
