//! Who is told of what happens: webhooks, mail and text messages.

mod delivery;
mod event;
mod mail;
mod mobile;
mod text_message;
mod webhook;

pub use delivery::{Delivery, DeliveryId, DeliveryState, DeliveryWay};
pub use event::EventKind;
pub use mail::{MailNotice, MailSecurity, MailServer};
pub use mobile::mobile_number;
pub use text_message::{TextBack, TextGateway, TextWay};
pub use webhook::Webhook;

use crate::problem::{Problems, code};
use crate::text;

/// An address of the web that is asked by the gateway.
fn url(problems: &mut Problems, field: &str, value: &str) -> String {
    let value = text::line(problems, field, value, 1, 500);
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| value.strip_prefix(scheme))
        .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let usable = host.is_some_and(|host| {
        !host.is_empty()
            && host.is_ascii()
            && !host.contains(['@', '\\', ' '])
            && !host.starts_with(':')
    });
    if !value.is_empty() && (!usable || value.contains(char::is_whitespace)) {
        let message =
            "must be an address such as https://crm.example.com/calls, without user and password";
        problems.add(field, code::URL, Some("http:// https://"), message);
    }
    value
}

/// A set of kinds of events: sorted, each once, at least one.
fn events(problems: &mut Problems, field: &str, events: &mut Vec<EventKind>) {
    events.sort_unstable();
    events.dedup();
    if events.is_empty() {
        let message = "needs at least one kind of event";
        problems.add(field, code::REQUIRED, None, message);
    }
}
