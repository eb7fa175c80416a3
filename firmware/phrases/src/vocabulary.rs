//! The prompts that a language needs.

use ramal_model::Language;

use crate::grammar;

/// Sentences and words that every language has.
const SENTENCES: [&str; 50] = [
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
    "no-outbound-number",
    "verification-code",
    "international-barred",
    "call-barred",
    "toll-limit-reached",
    "goodbye",
    "recording-notice",
    "ivr-invalid",
    "ivr-timeout",
    "anonymous-refused",
    "queue-please-hold",
    "queue-wait",
    "queue-callback-offer",
    "queue-callback",
    "agent-logged-in",
    "agent-logged-out",
    "agent-paused",
    "agent-resumed",
    "agent-unknown",
    "agent-phone-taken",
    "break-unknown",
    "break-full",
    "setting-refused",
    "forward-on",
    "forward-off",
    "dnd-on",
    "dnd-off",
    "override-open",
    "override-closed",
    "override-until",
    "override-off",
    "no-last-caller",
    "enter-number",
    "take-call",
    "parked-at",
];

/// What voicemail boxes and conferences say; every language has it.
const SERVICES: [&str; 44] = [
    "vm-greeting",
    "vm-full",
    "vm-not-stored",
    "vm-kept",
    "vm-too-short",
    "vm-review",
    "vm-choose-box",
    "vm-box",
    "vm-new-messages",
    "vm-old-messages",
    "vm-no-messages",
    "vm-no-box",
    "vm-enter-box",
    "enter-pin",
    "wrong-pin",
    "vm-not-available",
    "vm-menu-listen",
    "vm-menu-greeting",
    "vm-no-more",
    "vm-message",
    "vm-from",
    "vm-from-withheld",
    "vm-received",
    "vm-message-menu",
    "vm-saved",
    "vm-deleted",
    "vm-forward-to",
    "vm-unknown-box",
    "vm-forwarded",
    "vm-speak-greeting",
    "vm-greeting-kept",
    "conf-moderator-pin",
    "conf-full",
    "conf-locked",
    "conf-waiting",
    "conf-alone",
    "conf-removed",
    "conf-muted",
    "conf-unmuted",
    "conf-opened",
    "conf-closed",
    "conf-put-out",
    "conf-others-muted",
    "conf-others-unmuted",
];

/// Names of all prompts the gateway itself speaks in a language: fixed sentences, and what [`crate::Composer`] composes
/// of. Each name comes once.
pub fn vocabulary(language: Language) -> impl Iterator<Item = String> {
    (0..10)
        .map(|digit| format!("digit-{digit}"))
        .chain((0..100).map(|number| format!("number-{number}")))
        .chain((1..=7).map(|day| format!("weekday-{day}")))
        .chain((1..=12).map(|month| format!("month-{month}")))
        .chain(SENTENCES.into_iter().chain(SERVICES).map(str::to_owned))
        .chain(grammar(language).vocabulary())
}
