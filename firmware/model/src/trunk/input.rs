//! What trunks are made and changed by.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rules::{check_name, check_password};
use super::{
    Cidr, DidSource, DiversionHeader, DtmfMode, HostPort, IdentityHeader, InboundNumber,
    MAX_TRUNKS, OutboundPrefix, PrivacyHandling, SessionTimerMode, SipTrunk, TrunkAuth, TrunkCodec,
    TrunkId, TrunkTransport, ValidTrunk,
};
use crate::{
    Configuration, ExtensionId, Invalid, MediaEncryption, MusicClassId, RecordingMode, Secret,
    problem::{Problems, code},
    sound::check_class,
    text,
};

/// Input for a trunk. A new one needs `name` and `hosts`, and what its `auth` needs; everything else has a default. In a
/// change, what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrunkInput {
    /// 1-40 characters, unique among all trunks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Pilot number or account, at most 64 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Defaults to true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// 1-4 hosts `name[:port]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 4)]
    pub hosts: Option<Vec<String>>,
    /// Defaults to udp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<TrunkTransport>,
    /// Whom to believe over TLS: authorities in PEM, or the SHA-256 fingerprint of the carrier's certificate; blank for
    /// the authorities that the system trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_certificate: Option<String>,
    /// Defaults to register.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<TrunkAuth>,
    /// User of the account, at most 64 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Password of the account, at most 128 characters. Stored encrypted and never shown; blank removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub password: Option<Secret>,
    /// Networks that calls come from, such as `192.0.2.0/24`; at most 32.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 32)]
    pub sources: Option<Vec<String>>,
    /// Seconds, 60-86400, default 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 60, maximum = 86400)]
    pub register_expires: Option<i64>,
    /// Seconds, 10-3600, default 30; 0 sends none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 3600)]
    pub options_interval: Option<i64>,
    /// User part of From; the caller's number when blank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
    /// Host part of From; the first host when blank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_domain: Option<String>,
    /// Any of from, p_asserted_identity and remote_party_id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_out: Option<Vec<IdentityHeader>>,
    /// Header fields that say who sent a call on: any of diversion and history_info, both by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 2)]
    pub diversion_out: Option<Vec<DiversionHeader>>,
    /// Header fields that are believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_in: Option<Vec<IdentityHeader>>,
    /// Defaults to privacy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<PrivacyHandling>,
    /// Defaults to request_uri.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub did_source: Option<DidSource>,
    /// 1-500, default 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 500)]
    pub max_channels: Option<i64>,
    /// 1-100, default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub max_calls_per_second: Option<i64>,
    /// PCMA, PCMU, G722, OPUS and G729, best first; not G729 alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 5)]
    pub codecs: Option<Vec<TrunkCodec>>,
    /// Defaults to rfc4733.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtmf: Option<DtmfMode>,
    /// Default automatic: optional over TLS, off otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_encryption: Option<MediaEncryption>,
    /// Defaults to default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_timer: Option<SessionTimerMode>,
    /// Defaults to true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rel100: Option<bool>,
    /// 1-99, default 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 99)]
    pub priority: Option<i64>,
    /// Which numbers go out here; every number by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 50)]
    pub outbound: Option<Vec<OutboundPrefix>>,
    /// Where incoming numbers lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 1000)]
    pub inbound: Option<Vec<InboundNumber>>,
    /// Where all other incoming numbers lead; null refuses them.
    #[serde(
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<i64>)]
    pub inbound_default: Option<Option<ExtensionId>>,
    /// A class of music on hold, or null to follow the company.
    #[serde(
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<MusicClassId>)]
    pub music_class: Option<Option<MusicClassId>>,
    /// Whether calls over it are recorded; null leaves it to the extension and the company.
    #[serde(
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<RecordingMode>)]
    pub recording: Option<Option<RecordingMode>>,
    /// Whether it shows verified numbers of users that its carrier has not given; by default not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign_caller_id: Option<bool>,
}

impl TrunkInput {
    /// The trunk a new input makes, under the identity `id`.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn validate_new(
        &self,
        id: TrunkId,
        configuration: &Configuration,
    ) -> Result<ValidTrunk, Invalid> {
        let mut problems = Problems::default();
        if configuration.trunks().len() >= MAX_TRUNKS {
            problems.add(
                "name",
                code::TOO_MANY,
                Some(&MAX_TRUNKS.to_string()),
                format!("the gateway holds at most {MAX_TRUNKS} trunks"),
            );
        }
        self.apply(SipTrunk::blank(id), false, configuration, problems)
    }

    /// `current` after this change.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn validate_change(
        &self,
        current: &SipTrunk,
        configuration: &Configuration,
    ) -> Result<ValidTrunk, Invalid> {
        let has_password = configuration.trunk_password(current.id).is_some();
        self.apply(
            current.clone(),
            has_password,
            configuration,
            Problems::default(),
        )
    }

    fn apply(
        &self,
        mut trunk: SipTrunk,
        has_password: bool,
        configuration: &Configuration,
        mut problems: Problems,
    ) -> Result<ValidTrunk, Invalid> {
        fn put<T: Clone>(field: &mut T, input: &Option<T>) {
            if let Some(input) = input {
                field.clone_from(input);
            }
        }
        put(&mut trunk.name, &self.name);
        put(&mut trunk.line, &self.line);
        put(&mut trunk.enabled, &self.enabled);
        put(&mut trunk.transport, &self.transport);
        put(&mut trunk.auth, &self.auth);
        put(&mut trunk.user, &self.user);
        put(&mut trunk.from_user, &self.from_user);
        put(&mut trunk.from_domain, &self.from_domain);
        put(&mut trunk.identity_out, &self.identity_out);
        put(&mut trunk.diversion_out, &self.diversion_out);
        put(&mut trunk.identity_in, &self.identity_in);
        put(&mut trunk.privacy, &self.privacy);
        put(&mut trunk.did_source, &self.did_source);
        put(&mut trunk.codecs, &self.codecs);
        put(&mut trunk.dtmf, &self.dtmf);
        put(&mut trunk.media_encryption, &self.media_encryption);
        put(&mut trunk.session_timer, &self.session_timer);
        put(&mut trunk.rel100, &self.rel100);
        put(&mut trunk.outbound, &self.outbound);
        put(&mut trunk.inbound, &self.inbound);
        put(&mut trunk.inbound_default, &self.inbound_default);
        put(&mut trunk.music_class, &self.music_class);
        put(&mut trunk.recording, &self.recording);
        put(&mut trunk.foreign_caller_id, &self.foreign_caller_id);
        let problem = &mut problems;
        if let Some(hosts) = &self.hosts {
            trunk.hosts = parsed::<HostPort>(problem, "hosts", hosts, "host[:port]");
        }
        if let Some(text) = &self.trusted_certificate {
            match text.parse() {
                Ok(certificate) => trunk.trusted_certificate = certificate,
                Err(error) => problem.add(
                    "trusted_certificate",
                    code::INVALID,
                    Some("PEM, SHA-256"),
                    error.to_string(),
                ),
            }
        }
        if let Some(sources) = &self.sources {
            trunk.sources = parsed::<Cidr>(problem, "sources", sources, "192.0.2.0/24");
        }
        if let Some(seconds) = self.register_expires {
            trunk.register_expires = text::range(problem, "register_expires", seconds, 60, 86_400);
        }
        if let Some(seconds) = self.options_interval {
            trunk.options_interval = text::range(problem, "options_interval", seconds, 0, 3600);
        }
        if let Some(channels) = self.max_channels {
            trunk.max_channels = text::range(problem, "max_channels", channels, 1, 500);
        }
        if let Some(calls) = self.max_calls_per_second {
            trunk.max_calls_per_second =
                text::range(problem, "max_calls_per_second", calls, 1, 100);
        }
        if let Some(priority) = self.priority {
            trunk.priority = text::range(problem, "priority", priority, 1, 99);
        }
        trunk.check_alone(problem);
        if self.hosts.as_ref().is_none_or(Vec::is_empty) {
            trunk.check_hosts(problem);
        }
        let password = self.password.clone();
        if let Some(password) = &password {
            check_password(problem, password);
        }
        let knows_password = password
            .as_ref()
            .map_or(has_password, |password| !password.as_str().is_empty());
        if trunk.auth == TrunkAuth::Register && !knows_password {
            problem.add(
                "password",
                code::REQUIRED,
                Some("1-128"),
                "is needed to register",
            );
        }
        let sip = configuration
            .trunk_by_name(&trunk.name)
            .filter(|other| other.id != trunk.id)
            .map(|other| other.name.as_str());
        let e1 = configuration
            .e1_trunk_by_name(&trunk.name)
            .map(|other| other.name.as_str());
        check_name(problem, sip.or(e1));
        let known = |id| configuration.extension(id).is_some();
        trunk.check_references(problem, known);
        check_class(problem, trunk.music_class, |id| {
            configuration.music_class(id).is_some()
        });
        problems.finish(ValidTrunk { trunk, password })
    }
}

/// Reads each text of a list and names those that cannot be.
fn parsed<T: std::str::FromStr<Err = super::BadAddress>>(
    problems: &mut Problems,
    field: &str,
    texts: &[String],
    limit: &str,
) -> Vec<T> {
    let mut values = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match text.parse::<T>() {
            Ok(value) => values.push(value),
            Err(error) => {
                problems.add(
                    &format!("{field}[{index}]"),
                    code::INVALID,
                    Some(limit),
                    error.to_string(),
                );
            }
        }
    }
    values
}
