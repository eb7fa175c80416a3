//! Mail: the servers that take it, and who is written to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EventKind, events};
use crate::problem::code;
use crate::{Language, Object, Problems, Reference, Secret, text};

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// By STARTTLS (RFC 3207); without it nothing is sent.
    #[default]
    StartTls,
    /// From its beginning (RFC 8314 §3.3).
    Tls,
    /// Not at all: for a server in the same building. No password is sent then.
    None,
}

/// A server that takes mail from the gateway (SMTP, RFC 5321). Where there are several, the next one is asked when one does
/// not take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MailServer {
    /// 1-64 characters, unique; servers are tried in the order of their names.
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Name or address, at most 255 characters.
    pub host: String,
    /// 1-65535.
    #[schema(minimum = 1, maximum = 65535)]
    pub port: i64,
    /// How the connection is encrypted.
    pub security: MailSecurity,
    /// Whom the gateway logs in as, at most 254 characters; blank when it does not.
    pub user: String,
    /// The password, at most 256 characters. Never shown again; stays as it is when left out, and is forgotten when blank.
    #[serde(skip_serializing)]
    #[schema(write_only)]
    pub password: Option<Secret>,
    /// The sender's address.
    pub from: String,
}

impl Default for MailServer {
    fn default() -> Self {
        Self {
            name: String::new(),
            enabled: true,
            host: String::new(),
            port: 587,
            security: MailSecurity::StartTls,
            user: String::new(),
            password: None,
            from: String::new(),
        }
    }
}

impl Object for MailServer {
    const KIND: &'static str = "mail_server";
    const WORDS: &'static str = "mail server";
    const LIST: &'static str = "mail_servers";
    const MAX: usize = 3;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        self.host = text::line(problems, "host", &self.host, 1, 255);
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
        if !self.host.chars().all(known) {
            let message = "must be a host name or an address";
            problems.add("host", code::CHARACTER, Some("a-z 0-9 . - :"), message);
        }
        text::range(problems, "port", self.port, 1i64, 65_535);
        self.user = text::line(problems, "user", &self.user, 0, 254);
        self.from = text::email(problems, "from", &self.from);
        if let Some(password) = &self.password {
            text::line(problems, "password", password.as_str(), 0, 256);
        }
        if self.security == MailSecurity::None && !self.user.is_empty() {
            let message = "no password is sent without encryption: choose start_tls or tls, or leave the user blank";
            problems.add("user", code::UNENCRYPTED, None, message);
        }
    }

    fn references(&self, _: &mut dyn FnMut(Reference)) {}

    fn take_secret(&mut self) -> Option<Secret> {
        self.password.take()
    }
}

/// People who are written to when something happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MailNotice {
    /// 1-64 characters, unique.
    pub name: String,
    /// Whether anything is sent.
    pub enabled: bool,
    /// The kinds of events that are written of: `call.missed`, `voicemail.new`, `alarm.raised`, `alarm.cleared`.
    pub events: Vec<EventKind>,
    /// Whom it is sent to, 1-20 addresses.
    pub to: Vec<String>,
    /// Language of the mail; null is the company's.
    pub language: Option<Language>,
}

impl Default for MailNotice {
    fn default() -> Self {
        Self {
            name: String::new(),
            enabled: true,
            events: Vec::new(),
            to: Vec::new(),
            language: None,
        }
    }
}

impl MailNotice {
    /// The kinds of events that people can be written to of; for others there are webhooks.
    pub const KINDS: [EventKind; 4] = [
        EventKind::CallMissed,
        EventKind::VoicemailNew,
        EventKind::AlarmRaised,
        EventKind::AlarmCleared,
    ];
}

impl Object for MailNotice {
    const KIND: &'static str = "mail_notice";
    const WORDS: &'static str = "mail notice";
    const LIST: &'static str = "mail_notices";
    const MAX: usize = 100;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        events(problems, "events", &mut self.events);
        if let Some(kind) = self.events.iter().find(|kind| !Self::KINDS.contains(kind)) {
            let kinds: Vec<_> = Self::KINDS.iter().map(|kind| kind.as_str()).collect();
            let message = format!("nobody is written to of `{}`", kind.as_str());
            problems.add("events", code::INVALID, Some(&kinds.join(" ")), message);
        }
        text::at_most(problems, "to", self.to.len(), 20);
        if self.to.is_empty() {
            problems.add("to", code::REQUIRED, Some("1-20"), "needs an address");
        }
        for (index, address) in self.to.iter_mut().enumerate() {
            *address = text::email(problems, &format!("to[{index}]"), address);
        }
    }

    fn references(&self, _: &mut dyn FnMut(Reference)) {}
}
