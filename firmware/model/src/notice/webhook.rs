//! Webhooks: other systems that are told by HTTP (U13).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EventKind, events, url};
use crate::problem::code;
use crate::{Object, Problems, Reference, Secret, text};

/// An address that events are sent to by HTTP POST, signed as the Standard Webhooks specification 1.0 says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Webhook {
    /// 1-64 characters, unique.
    pub name: String,
    /// Whether anything is sent.
    pub enabled: bool,
    /// `http://` or `https://`, at most 500 characters.
    pub url: String,
    /// The kinds of events that are sent.
    pub events: Vec<EventKind>,
    /// What requests are signed with, `whsec_` and base64 of 24-64 bytes. Never shown again; stays as it is when left out, and is
    /// made by the gateway for a new webhook.
    #[serde(skip_serializing)]
    #[schema(write_only)]
    pub secret: Option<Secret>,
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            name: String::new(),
            enabled: true,
            url: String::new(),
            events: Vec::new(),
            secret: None,
        }
    }
}

impl Webhook {
    /// What a secret begins with.
    pub const SECRET_PREFIX: &str = "whsec_";
}

impl Object for Webhook {
    const KIND: &'static str = "webhook";
    const WORDS: &'static str = "webhook";
    const LIST: &'static str = "webhooks";
    const MAX: usize = 50;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        self.url = url(problems, "url", &self.url);
        events(problems, "events", &mut self.events);
        if let Some(secret) = &self.secret {
            let key = secret.as_str().strip_prefix(Self::SECRET_PREFIX);
            let key = key.and_then(|key| BASE64_STANDARD.decode(key).ok());
            let size = key.map(|key| key.len());
            if !size.is_some_and(|bytes| (24..=64).contains(&bytes)) {
                let message = "must be `whsec_` and base64 of 24-64 bytes";
                problems.add("secret", code::INVALID, Some("24-64"), message);
            }
        }
    }

    fn references(&self, _: &mut dyn FnMut(Reference)) {}

    fn take_secret(&mut self) -> Option<Secret> {
        self.secret.take()
    }

    fn make_secret(random: [u8; 32]) -> Option<Secret> {
        let key = BASE64_STANDARD.encode(random);
        Some(Secret::new(format!("{}{key}", Self::SECRET_PREFIX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(webhook: Webhook) -> Vec<String> {
        let mut problems = Problems::default();
        webhook.clone().check(&mut problems);
        let fields = problems.finish(()).err().map(|invalid| invalid.problems);
        let fields = fields.into_iter().flatten();
        fields.map(|problem| problem.field).collect()
    }

    fn usable() -> Webhook {
        Webhook {
            name: "CRM".into(),
            url: "https://crm.example.com:8443/calls?source=pbx".into(),
            events: vec![EventKind::CallMissed, EventKind::CallMissed],
            ..Webhook::default()
        }
    }

    #[test]
    fn addresses_are_of_the_web_and_without_passwords() {
        assert_eq!(refused(usable()), [""; 0]);
        for url in [
            "ftp://crm",
            "https://",
            "https:///calls",
            "https://a@b/",
            "http://a b/",
            "crm",
        ] {
            let webhook = Webhook {
                url: url.into(),
                ..usable()
            };
            assert_eq!(refused(webhook), ["url"], "{url}");
        }
    }

    #[test]
    fn a_kind_of_event_is_needed_and_secrets_have_their_form() {
        assert_eq!(
            refused(Webhook {
                events: vec![],
                ..usable()
            }),
            ["events"]
        );
        let with = |secret: &str| Webhook {
            secret: Some(Secret::new(secret.into())),
            ..usable()
        };
        assert_eq!(
            refused(with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
            [""; 0]
        );
        for secret in [
            "",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_MfKQ",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        ] {
            assert_eq!(refused(with(secret)), ["secret"], "{secret}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let webhook = Webhook {
            secret: Some(Secret::new("whsec_abc".into())),
            ..usable()
        };
        assert!(!serde_json::to_string(&webhook).unwrap().contains("whsec"));
    }
}
