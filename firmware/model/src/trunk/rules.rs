//! The rules that a trunk keeps, however it came in.

use std::collections::HashSet;

use super::address::is_host_name;
use super::routing::{check_extensions, check_inbound, check_outbound};
use super::{
    IdentityHeader, MAX_HOSTS, MAX_PASSWORD, MAX_SOURCES, SipTrunk, TrunkAuth, TrunkCodec,
};
use crate::{
    ExtensionId, Secret,
    problem::{Problems, code},
    text,
};

/// Refuses a password that no header field could carry.
pub(crate) fn check_password(problems: &mut Problems, password: &Secret) {
    let text = password.as_str();
    if text.chars().count() > MAX_PASSWORD {
        problems.add(
            "password",
            code::TOO_LONG,
            Some(&format!("1-{MAX_PASSWORD}")),
            format!("takes at most {MAX_PASSWORD} characters"),
        );
    }
    if text.chars().any(char::is_control) {
        problems.add(
            "password",
            code::CONTROL_CHARACTER,
            None,
            "must be one line without control characters",
        );
    }
}

/// Refuses a name that another trunk, of whatever kind, has.
pub(crate) fn check_name(problems: &mut Problems, taken_by: Option<&str>) {
    if let Some(other) = taken_by {
        problems.add(
            "name",
            code::TAKEN,
            Some(other),
            format!("there is a trunk {other} already"),
        );
    }
}

impl SipTrunk {
    /// Everything that can be said without another object, but for the hosts' number.
    pub(crate) fn check_alone(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 40);
        self.line = account(problems, "line", &self.line);
        self.user = account(problems, "user", &self.user);
        self.from_user = account(problems, "from_user", &self.from_user);
        self.from_domain = self.from_domain.trim().to_ascii_lowercase();
        let is_address = self.from_domain.parse::<std::net::IpAddr>().is_ok();
        if !self.from_domain.is_empty() && !is_address && !is_host_name(&self.from_domain) {
            problems.add(
                "from_domain",
                code::INVALID,
                Some("example.com"),
                "must be a host name or an address",
            );
        }
        text::at_most(problems, "hosts", self.hosts.len(), MAX_HOSTS);
        text::at_most(problems, "sources", self.sources.len(), MAX_SOURCES);
        if self.auth == TrunkAuth::Register && self.user.is_empty() {
            problems.add(
                "user",
                code::REQUIRED,
                Some("1-64"),
                "is needed to register",
            );
        }
        if self.auth == TrunkAuth::Ip && self.sources.is_empty() {
            let limit = format!("1-{MAX_SOURCES}");
            problems.add(
                "sources",
                code::REQUIRED,
                Some(&limit),
                "a trunk known by address needs the addresses that its calls come from",
            );
        }
        self.register_expires = text::range(
            problems,
            "register_expires",
            self.register_expires.into(),
            60,
            86_400,
        );
        self.options_interval = text::range(
            problems,
            "options_interval",
            self.options_interval.into(),
            0,
            3600,
        );
        if (1..10).contains(&self.options_interval) {
            problems.add(
                "options_interval",
                code::OUT_OF_RANGE,
                Some("10-3600"),
                "is at least 10 s, or 0 for none",
            );
        }
        self.max_channels = text::range(problems, "max_channels", self.max_channels.into(), 1, 500);
        self.max_calls_per_second = text::range(
            problems,
            "max_calls_per_second",
            self.max_calls_per_second.into(),
            1,
            100,
        );
        self.priority = text::range(problems, "priority", self.priority.into(), 1, 99);
        let mut seen = HashSet::new();
        self.codecs.retain(|codec| seen.insert(*codec));
        if self.codecs.iter().all(|codec| *codec == TrunkCodec::G729) {
            problems.add(
                "codecs",
                code::REQUIRED,
                Some("1-5"),
                "at least one besides G729 is needed",
            );
        }
        let mut seen = HashSet::new();
        self.identity_in.retain(|header| seen.insert(*header));
        let mut seen = HashSet::new();
        self.diversion_out.retain(|header| seen.insert(*header));
        let mut seen = HashSet::new();
        self.identity_out.retain(|header| seen.insert(*header));
        for (index, header) in self.identity_out.iter().enumerate() {
            if matches!(
                header,
                IdentityHeader::Diversion | IdentityHeader::HistoryInfo
            ) {
                problems.add(
                    &format!("identity_out[{index}]"),
                    code::INVALID,
                    Some("from, p_asserted_identity, remote_party_id"),
                    "does not say who calls",
                );
            }
        }
        check_outbound(problems, &mut self.outbound);
        check_inbound(problems, &mut self.inbound);
    }

    pub(crate) fn check_hosts(&self, problems: &mut Problems) {
        if self.hosts.is_empty() {
            let limit = format!("1-{MAX_HOSTS}");
            problems.add(
                "hosts",
                code::REQUIRED,
                Some(&limit),
                "at least one is needed",
            );
        }
    }

    /// Checks that the extensions calls are led to exist.
    pub(crate) fn check_references(
        &self,
        problems: &mut Problems,
        known: impl Fn(ExtensionId) -> bool,
    ) {
        check_extensions(problems, &self.inbound, self.inbound_default, known);
    }
}

/// The user part of a URI: one word without what would end it.
fn account(problems: &mut Problems, field: &str, value: &str) -> String {
    let value = text::line(problems, field, value, 0, 64);
    if value
        .chars()
        .any(|c| c.is_whitespace() || "<>\"@".contains(c))
    {
        problems.add(
            field,
            code::CHARACTER,
            Some("no blanks, < > \" @"),
            "must not hold blanks or any of < > \" @",
        );
    }
    value
}
