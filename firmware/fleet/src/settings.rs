//! Which server there is, how this gateway shows who it is, and what the server may do.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use crate::window::Window;

/// Longest address, name or token, in octets.
const LONGEST: usize = 512;

/// A token. It is not shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "secret" })
    }
}

/// How the gateway shows who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FleetAuthentication)]
pub enum Authentication {
    /// A token of this gateway alone.
    #[default]
    TargetToken,
    /// A token of all gateways of the tenant, by which new ones enrol.
    GatewayToken,
}

/// What the server may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FleetPolicy)]
pub enum Policy {
    /// Bring updates, which somebody here installs.
    #[default]
    Offer,
    /// Install them, and have the machine start again when no call is up.
    Install,
}

/// All of it. Off unless somebody switches it on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Whether the server is asked at all.
    pub enabled: bool,
    /// Address of the server, such as `https://fleet.example`.
    pub server: String,
    /// Tenant on it.
    pub tenant: String,
    /// What this gateway is called there; its serial number when blank.
    pub controller: String,
    /// How it shows who it is.
    pub authentication: Authentication,
    /// With this token.
    pub token: Secret,
    /// What the server may do.
    pub policy: Policy,
    /// When the machine may start again; at any time when none.
    pub window: Option<Window>,
}

/// What of the settings cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The field is needed.
    #[error("{0} is needed when the fleet is switched on")]
    Missing(&'static str),
    /// No address of the web.
    #[error("must be an address such as https://fleet.example")]
    Address,
    /// The token would travel in clear.
    #[error("must begin with https:// unless the server is in the same network, by its address")]
    Unencrypted,
    /// Something in it cannot be part of an address or a header.
    #[error("{0} may have letters, digits and . _ - only, at most 128")]
    Name(&'static str),
    /// A token is one line of printable ASCII.
    #[error("must be one line without spaces, at most {LONGEST} characters")]
    Token,
}

impl SettingsError {
    /// What the field may be.
    #[must_use]
    pub fn limit(&self) -> Option<&'static str> {
        match self {
            Self::Missing(_) => None,
            Self::Address | Self::Unencrypted => Some("https"),
            Self::Name(_) => Some("0-128"),
            Self::Token => Some("1-512"),
        }
    }

    /// The field it is about.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Missing(field) | Self::Name(field) => field,
            Self::Address | Self::Unencrypted => "server",
            Self::Token => "token",
        }
    }
}

impl Settings {
    /// Checks everything.
    ///
    /// # Errors
    /// All that cannot be, at most one of each field.
    pub fn check(&self) -> Result<(), Vec<SettingsError>> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name = |field, text: &str| match text.len() > 128 || !text.chars().all(plain) {
            true => Err(SettingsError::Name(field)),
            false => Ok(()),
        };
        let token = self.token.as_str();
        let is_line = token.bytes().all(|octet| octet.is_ascii_graphic());
        let needed = |field, text: &str| match self.enabled && text.is_empty() {
            true => Err(SettingsError::Missing(field)),
            false => Ok(()),
        };
        let token_fits = match token.len() <= LONGEST && is_line {
            true => Ok(()),
            false => Err(SettingsError::Token),
        };
        let checks = [
            needed("server", &self.server).and_then(|()| self.check_server()),
            needed("tenant", &self.tenant).and_then(|()| name("tenant", &self.tenant)),
            name("controller", &self.controller),
            needed("token", token).and(token_fits),
        ];
        let wrong: Vec<SettingsError> = checks.into_iter().filter_map(Result::err).collect();
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(wrong),
        }
    }

    fn check_server(&self) -> Result<(), SettingsError> {
        if self.server.is_empty() {
            return Ok(());
        }
        let uri: hyper::Uri = self.server.parse().map_err(|_| SettingsError::Address)?;
        let host = uri.host().filter(|_| self.server.len() <= LONGEST);
        let host = host.ok_or(SettingsError::Address)?;
        if uri.query().is_some() || self.server.contains('@') {
            return Err(SettingsError::Address);
        }
        match uri.scheme_str() {
            Some("https") => Ok(()),
            Some("http") if is_near(host) => Ok(()),
            Some("http") => Err(SettingsError::Unencrypted),
            _ => Err(SettingsError::Address),
        }
    }

    /// Where the server is asked, for a gateway with this serial number.
    pub(crate) fn base(&self, serial: &str) -> String {
        let controller = match self.controller.as_str() {
            "" => serial,
            name => name,
        };
        let server = self.server.trim_end_matches('/');
        format!("{server}/{}/controller/v1/{controller}", self.tenant)
    }

    /// The header that shows who this is.
    pub(crate) fn authorization(&self) -> String {
        let kind = match self.authentication {
            Authentication::TargetToken => "TargetToken",
            Authentication::GatewayToken => "GatewayToken",
        };
        format!("{kind} {}", self.token.as_str())
    }
}

/// Whether a host is one of the same network, given by its address.
fn is_near(host: &str) -> bool {
    use std::net::IpAddr;
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(server: &str) -> Settings {
        Settings {
            enabled: true,
            server: server.into(),
            tenant: "default".into(),
            token: Secret::new("abc".into()),
            ..Settings::default()
        }
    }

    #[test]
    fn a_token_does_not_travel_in_clear_through_the_world() {
        assert_eq!(settings("https://fleet.example").check(), Ok(()));
        assert_eq!(settings("http://127.0.0.1:8080").check(), Ok(()));
        assert_eq!(settings("http://192.168.1.7").check(), Ok(()));
        for far in [
            "http://fleet.example",
            "http://8.8.8.8",
            "http://[2001:db8::1]",
        ] {
            assert_eq!(
                settings(far).check(),
                Err(vec![SettingsError::Unencrypted]),
                "{far}"
            );
        }
        for broken in [
            "fleet",
            "ftp://x",
            "https://",
            "https://a@b",
            "https://a?x=1",
        ] {
            assert_eq!(
                settings(broken).check(),
                Err(vec![SettingsError::Address]),
                "{broken}"
            );
        }
    }

    #[test]
    fn nothing_gets_into_a_header_or_a_path_that_does_not_belong_there() {
        let mut injected = settings("https://fleet.example");
        injected.token = Secret::new("a\r\nX: y".into());
        assert_eq!(injected.check(), Err(vec![SettingsError::Token]));
        let mut path = settings("https://fleet.example");
        path.controller = "../x".into();
        assert_eq!(path.check(), Err(vec![SettingsError::Name("controller")]));
        assert!(!format!("{:?}", settings("https://x")).contains("abc"));
    }

    #[test]
    fn it_is_off_by_itself_and_asks_by_the_serial_number() {
        assert!(!Settings::default().enabled);
        assert_eq!(Settings::default().check(), Ok(()));
        assert_eq!(
            settings("https://f/").base("0011"),
            "https://f/default/controller/v1/0011"
        );
        assert_eq!(settings("https://f").authorization(), "TargetToken abc");
    }
}
