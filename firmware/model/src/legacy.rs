//! Text in the form of Asterisk's chan_sip, as other systems ask people to paste it (D8): read, told of line by line, and
//! never executed. What can be said in settings of a trunk becomes those; nobody is let in by it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    DtmfMode, Invalid, Secret, SessionTimerMode, TrunkAuth, TrunkInput, TrunkTransport, code,
};

/// Characters of a text at most.
pub const MAX_LEGACY_TEXT: usize = 8_192;

/// What became of one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LegacyOutcome {
    /// It is a setting of the trunk.
    Taken,
    /// It is done in another way here.
    Translated,
    /// It means nothing here.
    Ignored,
    /// It is not done here, for safety.
    Refused,
    /// Nobody knows what it means.
    Unknown,
}

/// What became of one setting of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LegacyLine {
    /// The line of the text, from 1.
    pub line: u32,
    /// The setting, without passwords.
    pub text: String,
    /// What became of it.
    pub outcome: LegacyOutcome,
    /// Why: `registration`, `field`, `value`, `source_address`, `no_guests`, `routes`, `company_language`, `automatic`,
    /// `always`, `never`, `comment` or `unknown`.
    pub code: String,
    /// The setting of the trunk that it became.
    pub field: Option<String>,
}

/// What a text says.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LegacyImport {
    /// The trunk it describes, to be completed and made like any other. Nothing was made yet.
    pub trunk: TrunkInput,
    /// Each setting.
    pub lines: Vec<LegacyLine>,
}

/// Reads a text: `user:password@host/line` with percent-encoding, `register => …`, `key=value`, several in a line.
///
/// # Errors
/// When it is longer than [`MAX_LEGACY_TEXT`].
pub fn read_legacy(text: &str) -> Result<LegacyImport, Invalid> {
    if text.chars().count() > MAX_LEGACY_TEXT {
        let limit = format!("0-{MAX_LEGACY_TEXT}");
        let message = format!("takes at most {MAX_LEGACY_TEXT} characters");
        return Err(Invalid::one("text", code::TOO_LONG, Some(&limit), message));
    }
    let mut import = LegacyImport {
        trunk: TrunkInput::default(),
        lines: Vec::new(),
    };
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        if text.starts_with([';', '[', '#']) || text.starts_with("//") {
            import.tell(line, text, LegacyOutcome::Ignored, "comment", None);
            continue;
        }
        let registration = text
            .strip_prefix("register")
            .map(|rest| rest.trim_start_matches([' ', '=', '>']));
        if import.registration(line, registration.unwrap_or(text)) {
            continue;
        }
        for setting in settings(text) {
            import.setting(line, setting);
        }
    }
    Ok(import)
}

/// The settings of a line: one, or several with blanks between.
fn settings(text: &str) -> Vec<&str> {
    let words: Vec<_> = text.split_whitespace().collect();
    let each_is_one = words
        .iter()
        .all(|word| word.find('=').is_some_and(|at| at > 0));
    if words.len() > 1 && each_is_one {
        words
    } else {
        vec![text]
    }
}

impl LegacyImport {
    fn tell(
        &mut self,
        line: u32,
        text: &str,
        outcome: LegacyOutcome,
        code: &str,
        field: Option<&str>,
    ) {
        self.lines.push(LegacyLine {
            line,
            text: text
                .chars()
                .filter(|letter| !letter.is_control())
                .take(200)
                .collect(),
            outcome,
            code: code.to_owned(),
            field: field.map(str::to_owned),
        });
    }

    /// Takes `user[:password]@host[:port][/line]`; whether it was one.
    fn registration(&mut self, line: u32, text: &str) -> bool {
        let Some((account, place)) = text.rsplit_once('@') else {
            return false;
        };
        // `fromuser=a@b` is a setting.
        if account
            .split(':')
            .next()
            .unwrap_or_default()
            .contains(['=', ' '])
            || place.contains(' ')
        {
            return false;
        }
        let (user, password) = match account.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (account, None),
        };
        let (host, number) = match place.split_once('/') {
            Some((host, number)) => (host, Some(number)),
            None => (place, None),
        };
        let user = decoded(user);
        let hidden = if password.is_some() { ":***" } else { "" };
        let shown = format!("{user}{hidden}@{place}");
        self.trunk.user = Some(user);
        self.trunk.password = password.map(|password| Secret::new(decoded(password)));
        self.trunk.hosts = Some(vec![host.trim().to_owned()]);
        self.trunk.line = number.map(|number| decoded(number.trim()));
        self.trunk.auth = Some(TrunkAuth::Register);
        self.tell(
            line,
            &shown,
            LegacyOutcome::Taken,
            "registration",
            Some("auth"),
        );
        true
    }

    fn setting(&mut self, line: u32, text: &str) {
        use LegacyOutcome::{Ignored, Refused, Taken, Translated, Unknown};
        let Some((key, value)) = text.split_once('=') else {
            return self.tell(line, text, Unknown, "unknown", None);
        };
        let value = value.trim_start_matches('>').trim();
        let is_on = ["yes", "true", "on", "1"].contains(&value.to_lowercase().as_str());
        let key = key.trim().to_lowercase();
        let filled = || Some(value.to_owned()).filter(|value| !value.is_empty());
        let (outcome, why, field) = match key.as_str() {
            "insecure" => (Refused, "source_address", Some("sources")),
            "allowguest" if is_on => (Refused, "no_guests", None),
            "allowguest" | "alwaysauthreject" => (Ignored, "always", None),
            "match_auth_username" | "promiscredir" | "autodomain" => (Refused, "never", None),
            "context" | "regcontext" | "subscribecontext" => (Translated, "routes", None),
            "language" => (Translated, "company_language", None),
            "nat" | "externip" | "externaddr" | "localnet" | "directmedia" | "canreinvite"
            | "bindport" | "bindaddr" | "udpbindaddr" | "type" | "qualify" | "qualifyfreq"
            | "srvlookup" => (Ignored, "automatic", None),
            "callcounter" | "limitonpeers" | "notifyringing" => (Ignored, "always", None),
            "videosupport" | "disallow" | "allowsubscribe" => (Ignored, "never", None),
            "transport" => match value.split(',').next().unwrap_or_default() {
                "udp" => (
                    self.transport(TrunkTransport::Udp),
                    "field",
                    Some("transport"),
                ),
                "tcp" => (
                    self.transport(TrunkTransport::Tcp),
                    "field",
                    Some("transport"),
                ),
                "tls" => (
                    self.transport(TrunkTransport::Tls),
                    "field",
                    Some("transport"),
                ),
                _ => (Unknown, "value", Some("transport")),
            },
            "host" if value == "dynamic" => (Ignored, "automatic", None),
            "host" => {
                self.trunk.hosts = filled().map(|host| vec![host]);
                (Taken, "field", Some("hosts"))
            }
            "username" | "defaultuser" | "user" => {
                self.trunk.user = filled();
                (Taken, "field", Some("user"))
            }
            "secret" | "remotesecret" | "password" => {
                self.trunk.password = filled().map(Secret::new);
                return self.tell(
                    line,
                    &format!("{key}=***"),
                    Taken,
                    "field",
                    Some("password"),
                );
            }
            "fromuser" => {
                self.trunk.from_user = filled();
                (Taken, "field", Some("from_user"))
            }
            "fromdomain" => {
                self.trunk.from_domain = filled();
                (Taken, "field", Some("from_domain"))
            }
            "dtmfmode" => match value {
                "rfc2833" | "auto" => (self.dtmf(DtmfMode::Rfc4733), "field", Some("dtmf")),
                "info" => (self.dtmf(DtmfMode::Info), "field", Some("dtmf")),
                "inband" => (self.dtmf(DtmfMode::Inband), "field", Some("dtmf")),
                _ => (Unknown, "value", Some("dtmf")),
            },
            "call-limit" | "calllimit" => match value.parse() {
                Ok(channels) => {
                    self.trunk.max_channels = Some(channels);
                    (Taken, "field", Some("max_channels"))
                }
                Err(_) => (Unknown, "value", Some("max_channels")),
            },
            "defaultexpiry" | "maxexpiry" => match value.parse() {
                Ok(seconds) => {
                    self.trunk.register_expires = Some(seconds);
                    (Taken, "field", Some("register_expires"))
                }
                Err(_) => (Unknown, "value", Some("register_expires")),
            },
            "session-timers" if value == "refuse" => {
                self.trunk.session_timer = Some(SessionTimerMode::Refuse);
                (Taken, "field", Some("session_timer"))
            }
            "session-timers" | "session-expires" | "session-minse" | "session-refresher" => {
                (Translated, "automatic", Some("session_timer"))
            }
            "allow" => (Translated, "value", Some("codecs")),
            "trustrpid" | "sendrpid" => (Translated, "value", Some("identity_out")),
            _ => (Unknown, "unknown", None),
        };
        self.tell(line, text, outcome, why, field);
    }

    fn transport(&mut self, transport: TrunkTransport) -> LegacyOutcome {
        self.trunk.transport = Some(transport);
        LegacyOutcome::Taken
    }

    fn dtmf(&mut self, dtmf: DtmfMode) -> LegacyOutcome {
        self.trunk.dtmf = Some(dtmf);
        LegacyOutcome::Taken
    }
}

/// A text with its percent-encoding undone (RFC 3986 §2.1); what is no encoding stays.
fn decoded(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .and_then(|code| std::str::from_utf8(code).ok());
        let code = code.filter(|code| code.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(octet) if *first == b'%' => {
                octets.push(octet);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                octets.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(import: &LegacyImport) -> Vec<(u32, &str, LegacyOutcome, &str)> {
        let each = import.lines.iter();
        each.map(|one| (one.line, one.text.as_str(), one.outcome, one.code.as_str()))
            .collect()
    }

    #[test]
    fn at_07_a_registration_fills_the_fields_and_keeps_the_at_in_the_password() {
        let import =
            read_legacy("user:pa%40ss@host/5133334444\ninsecure=port,invite\nallowguest=yes")
                .unwrap();
        let trunk = &import.trunk;
        assert_eq!(
            (trunk.user.as_deref(), trunk.line.as_deref()),
            (Some("user"), Some("5133334444"))
        );
        assert_eq!(trunk.password.as_ref().map(Secret::as_str), Some("pa@ss"));
        assert_eq!(
            (trunk.hosts.clone(), trunk.auth),
            (Some(vec!["host".to_owned()]), Some(TrunkAuth::Register))
        );
        assert_eq!(trunk.sources, None);
        assert_eq!(
            told(&import),
            [
                (
                    1,
                    "user:***@host/5133334444",
                    LegacyOutcome::Taken,
                    "registration"
                ),
                (
                    2,
                    "insecure=port,invite",
                    LegacyOutcome::Refused,
                    "source_address"
                ),
                (3, "allowguest=yes", LegacyOutcome::Refused, "no_guests"),
            ]
        );
        let raw = read_legacy("register => 51:a@b%zz@sip.example.com:5070")
            .unwrap()
            .trunk;
        assert_eq!(raw.password.as_ref().map(Secret::as_str), Some("a@b%zz"));
        assert_eq!(raw.hosts, Some(vec!["sip.example.com:5070".to_owned()]));
    }

    #[test]
    fn the_pasted_block_is_told_of_line_by_line() {
        let text = "context=default\nallowguest=yes\nlanguage=pt-br\ntransport=udp\n\
            callcounter=yes session-timers=refuse\nvideosupport=yes\nmatch_auth_username=yes\ncolour=red\nnonsense";
        let import = read_legacy(text).unwrap();
        let outcomes: Vec<_> = import
            .lines
            .iter()
            .map(|one| (one.line, one.outcome))
            .collect();
        use LegacyOutcome::{Ignored, Refused, Taken, Translated, Unknown};
        assert_eq!(
            outcomes,
            [
                (1, Translated),
                (2, Refused),
                (3, Translated),
                (4, Taken),
                (5, Ignored),
                (5, Taken),
                (6, Ignored),
                (7, Refused),
                (8, Unknown),
                (9, Unknown),
            ]
        );
        assert_eq!(import.trunk.transport, Some(TrunkTransport::Udp));
        let peer =
            read_legacy("[carrier]\nhost=192.0.2.10\nusername=51\nsecret=hush\ndtmfmode=rfc2833")
                .unwrap();
        assert!(!format!("{:?}", peer.lines).contains("hush"));
        assert_eq!(peer.trunk.hosts, Some(vec!["192.0.2.10".to_owned()]));
        assert!(read_legacy(&"x".repeat(MAX_LEGACY_TEXT + 1)).is_err());
    }

    proptest! {
        #[test]
        fn anything_is_told_of(text in "\\PC{0,200}") {
            let import = read_legacy(&text).unwrap();
            prop_assert!(import.lines.iter().all(|one| one.text.chars().count() <= 200));
            prop_assert_eq!(import.trunk.sources, None);
        }
    }
}
