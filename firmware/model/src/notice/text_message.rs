//! Text messages to callers nobody answered (F096).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::url;
use crate::problem::code;
use crate::{Configuration, Id, Object, Problems, Reference, Secret, TrunkId, text};

/// What carries text messages out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "way", rename_all = "snake_case", deny_unknown_fields)]
pub enum TextWay {
    /// A service on the web.
    Http {
        /// Where requests go, at most 500 characters; `${to}` and `${text}` in it are replaced, percent-encoded.
        url: String,
        /// What is posted, at most 2000 characters; `${to}` and `${text}` are replaced, written as `content_type` asks. Blank asks
        /// by GET.
        #[serde(default)]
        body: String,
        /// Kind of the body: `application/json` or `application/x-www-form-urlencoded`.
        #[serde(default = "json")]
        content_type: String,
        /// Name of the header that carries the secret, such as `Authorization`; blank when there is none.
        #[serde(default)]
        secret_header: String,
    },
    /// A SIP trunk whose carrier, or GSM gateway, takes messages (RFC 3428). They go to the number as `+` and its digits.
    Sip {
        /// The trunk.
        trunk: TrunkId,
    },
}

fn json() -> String {
    TextWay::JSON.to_owned()
}

impl TextWay {
    /// Bodies in JSON.
    pub const JSON: &str = "application/json";
    /// Bodies as forms send them.
    pub const FORM: &str = "application/x-www-form-urlencoded";

    fn check(&mut self, problems: &mut Problems) {
        let Self::Http {
            url: address,
            body,
            content_type,
            secret_header,
        } = self
        else {
            return;
        };
        *address = url(problems, "carrier.url", address);
        if body.chars().count() > 2000 {
            let message = "takes at most 2000 characters";
            problems.add("carrier.body", code::TOO_LONG, Some("0-2000"), message);
        }
        if !["${to}", "${text}"]
            .iter()
            .all(|name| body.contains(name) || address.contains(name))
        {
            let message = "needs ${to} and ${text} in the address or in the body";
            problems.add(
                "carrier.body",
                code::REQUIRED,
                Some("${to} ${text}"),
                message,
            );
        }
        if ![TextWay::JSON, TextWay::FORM].contains(&content_type.as_str()) {
            let kinds = format!("{} {}", TextWay::JSON, TextWay::FORM);
            let message = format!("must be one of {kinds}");
            problems.add("carrier.content_type", code::INVALID, Some(&kinds), message);
        }
        *secret_header = text::line(problems, "carrier.secret_header", secret_header, 0, 64);
        if !secret_header
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            let message = "must be the name of a header";
            problems.add(
                "carrier.secret_header",
                code::CHARACTER,
                Some("a-z 0-9 -"),
                message,
            );
        }
    }
}

impl Default for TextWay {
    fn default() -> Self {
        Self::Http {
            url: String::new(),
            body: String::new(),
            content_type: json(),
            secret_header: String::new(),
        }
    }
}

/// A way by which text messages leave the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TextGateway {
    /// 1-64 characters, unique.
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// What carries the messages.
    pub carrier: TextWay,
    /// The value of `secret_header`, at most 500 characters. Never shown again; stays as it is when left out, and is forgotten
    /// when blank.
    #[serde(skip_serializing)]
    #[schema(write_only)]
    pub secret: Option<Secret>,
}

impl Default for TextGateway {
    fn default() -> Self {
        Self {
            name: String::new(),
            enabled: true,
            carrier: TextWay::default(),
            secret: None,
        }
    }
}

impl Object for TextGateway {
    const KIND: &'static str = "text_gateway";
    const WORDS: &'static str = "text gateway";
    const LIST: &'static str = "text_gateways";
    const MAX: usize = 10;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        if let Some(secret) = &self.secret {
            text::line(problems, "secret", secret.as_str(), 0, 500);
        }
        self.carrier.check(problems);
    }

    fn check_among(&self, _: Id<Self>, configuration: &Configuration, problems: &mut Problems) {
        if let TextWay::Sip { trunk } = self.carrier
            && configuration.trunk(trunk).is_none()
            && configuration
                .e1_trunks()
                .iter()
                .any(|one| one.id.0 == trunk.0)
        {
            let message = "is an E1 trunk, which carries no text messages";
            problems.add("carrier.trunk", code::INVALID, Some("a SIP trunk"), message);
        }
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        if let TextWay::Sip { trunk } = self.carrier {
            tell(Reference::to_trunk("carrier.trunk", trunk));
        }
    }

    fn take_secret(&mut self) -> Option<Secret> {
        self.secret.take()
    }
}

/// What callers of a number are written whom nobody answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextBack {
    /// What carries it; webhooks are told of the missed call in any case.
    #[schema(value_type = i64)]
    pub gateway: Id<TextGateway>,
    /// The text, at most 320 characters; `${number}` is the number that was called, `${company}` the company's name. Blank is the
    /// built-in text in the caller's language.
    #[serde(default)]
    pub text: String,
}

impl TextBack {
    /// Notes what is wrong with it.
    pub(crate) fn check(&mut self, problems: &mut Problems) {
        self.text = text::line(problems, "text", &self.text, 0, 320);
    }

    /// Tells of the objects it refers to.
    pub(crate) fn references(&self, field: &str, tell: &mut dyn FnMut(Reference)) {
        tell(Reference::to(format!("{field}.gateway"), self.gateway));
    }
}
