//! The requests a trunk sends: REGISTER, OPTIONS and INVITE.

use std::net::IpAddr;

use bytes::Bytes;
use ramal_model::{
    HostPort, IdentityHeader, Party, PrivacyHandling, Secret, SessionTimerMode, SipTrunk,
    TrunkTransport,
};
use ramal_sip::{
    ClientCredentials, Flow, HeaderName, HeaderValue, Host, Invite, Method, NameAddr, Reliability,
    Request, SessionPolicy, SessionTimers, Transport, Uri, digest,
};

use super::diversion::{Diverted, told};

/// A call to be made over a trunk.
#[derive(Debug, Clone)]
pub(crate) struct TrunkCall {
    /// The number as the carrier is to get it.
    pub(crate) number: String,
    /// Who calls.
    pub(crate) caller: Party,
    /// Whether he withholds his number.
    pub(crate) withheld: bool,
    /// Who sent it on, the last one first.
    pub(crate) diversions: Vec<Diverted>,
    /// How often the call may still be passed on.
    pub(crate) hops_left: u8,
}

/// The transport of SIP on a trunk.
pub(super) fn transport(trunk: &SipTrunk) -> Transport {
    match trunk.transport {
        TrunkTransport::Udp => Transport::Udp,
        TrunkTransport::Tcp => Transport::Tcp,
        TrunkTransport::Tls => Transport::Tls,
    }
}

/// What the trunk answers challenges with.
pub(super) fn credentials(
    trunk: &SipTrunk,
    password: Option<&Secret>,
) -> Option<ClientCredentials> {
    let password = password?;
    Some(ClientCredentials {
        username: trunk.user.clone(),
        secret: digest::Secret::Password(password.as_str().to_owned()),
    })
}

/// The URI of a host of the trunk, for a user of it.
pub(super) fn host_uri(user: Option<&str>, host: &HostPort) -> Uri {
    Uri::sip(user, parsed(&host.host), host.port)
}

fn parsed(host: &str) -> Host {
    match host.parse::<IpAddr>() {
        Ok(address) => Host::from(address),
        // Checked when the trunk was saved.
        Err(_) => host
            .parse()
            .unwrap_or(Host::V4(std::net::Ipv4Addr::UNSPECIFIED)),
    }
}

/// The domain the trunk's own URIs have.
fn domain(trunk: &SipTrunk, host: &HostPort) -> Host {
    match trunk.from_domain.as_str() {
        "" => parsed(&host.host),
        domain => parsed(domain),
    }
}

/// REGISTER of the account; Contact is added where the way is known.
pub(super) fn register(trunk: &SipTrunk, host: &HostPort, expires: u32) -> Request {
    let account = NameAddr::new(Uri::sip(Some(&trunk.user), domain(trunk, host), None));
    let mut request = Request::new(Method::Register, host_uri(None, host));
    request.headers.push(HeaderName::From, account.clone());
    request.headers.push(HeaderName::To, account);
    request.headers.push(HeaderName::Expires, expires);
    request
}

/// OPTIONS to see whether a host lives.
pub(super) fn options(trunk: &SipTrunk, host: &HostPort) -> Request {
    let user = Some(trunk.account()).filter(|user| !user.is_empty());
    let mut request = Request::new(Method::Options, host_uri(None, host));
    let headers = &mut request.headers;
    let from = NameAddr::new(Uri::sip(user, domain(trunk, host), None));
    headers.push(HeaderName::From, from);
    headers.push(HeaderName::To, NameAddr::new(host_uri(None, host)));
    headers.push(
        HeaderName::Accept,
        HeaderValue::sanitized("application/sdp"),
    );
    request
}

/// MESSAGE with a text for a number (RFC 3428).
pub(super) fn message(trunk: &SipTrunk, host: &HostPort, to: &str, text: &str) -> Request {
    let user = match trunk.from_user.as_str() {
        "" => trunk.account(),
        user => user,
    };
    let user = Some(user).filter(|user| !user.is_empty());
    let domain = domain(trunk, host);
    let mut request = Request::new(Method::Message, host_uri(Some(to), host));
    let headers = &mut request.headers;
    let from = NameAddr::new(Uri::sip(user, domain.clone(), None));
    headers.push(HeaderName::From, from);
    let to = NameAddr::new(Uri::sip(Some(to), domain, None));
    headers.push(HeaderName::To, to);
    let plain = HeaderValue::sanitized("text/plain;charset=UTF-8");
    headers.push(HeaderName::ContentType, plain);
    request.body = Bytes::copy_from_slice(text.as_bytes());
    request
}

/// The extensions that sessions over the trunk use.
pub(crate) fn policy(trunk: &SipTrunk) -> SessionPolicy {
    SessionPolicy {
        reliability: match trunk.rel100 {
            true => Reliability::Supported,
            false => Reliability::Off,
        },
        timers: match trunk.session_timer {
            SessionTimerMode::Default => SessionTimers::Originate,
            SessionTimerMode::Refuse => SessionTimers::Refuse,
        },
        ..SessionPolicy::default()
    }
}

/// INVITE to a host of the trunk.
pub(super) fn invite(
    trunk: &SipTrunk,
    password: Option<&Secret>,
    host: &HostPort,
    call: &TrunkCall,
    flow: Flow,
    offer: Option<Bytes>,
) -> Invite {
    let domain = domain(trunk, host);
    let target = host_uri(Some(&call.number), host);
    let to = NameAddr::new(Uri::sip(Some(&call.number), domain.clone(), None));
    let Identity { from, headers } = identity(trunk, call, domain);
    Invite {
        contact_user: trunk.account().to_owned(),
        offer,
        credentials: credentials(trunk, password),
        policy: Some(policy(trunk)),
        max_forwards: call.hops_left,
        headers,
        ..Invite::new(flow, target, from, to)
    }
}

/// How a call says who calls.
struct Identity {
    from: NameAddr,
    headers: Vec<(HeaderName, HeaderValue)>,
}

fn identity(trunk: &SipTrunk, call: &TrunkCall, domain: Host) -> Identity {
    let sends = |header| trunk.identity_out.contains(&header);
    let (number, name) = match trunk.from_user.as_str() {
        "" => (call.caller.number.as_str(), call.caller.name.as_str()),
        // The number that the carrier knows; the name goes with the number it belongs to.
        user => (user, ""),
    };
    let address = |user: &str| NameAddr::new(Uri::sip(Some(user), domain.clone(), None));
    let named = |user: &str| match name {
        "" => address(user),
        name => address(user).with_display_name(name),
    };
    let hidden = call.withheld && trunk.privacy != PrivacyHandling::Show;
    let from = if hidden {
        NameAddr::new(Uri::sip(
            Some("anonymous"),
            parsed("anonymous.invalid"),
            None,
        ))
        .with_display_name("Anonymous")
    } else if sends(IdentityHeader::From) {
        named(number)
    } else {
        address(trunk.account())
    };
    let mut headers = Vec::new();
    let tells_carrier = !hidden || trunk.privacy == PrivacyHandling::Privacy;
    if sends(IdentityHeader::PAssertedIdentity) && tells_carrier {
        headers.push((HeaderName::PAssertedIdentity, named(number).into()));
    }
    if sends(IdentityHeader::RemotePartyId) && tells_carrier {
        let privacy = if hidden { "full" } else { "off" };
        let party = format!(
            "{};party=calling;privacy={privacy};screen=no",
            named(number)
        );
        headers.push((HeaderName::RemotePartyId, HeaderValue::sanitized(party)));
    }
    if hidden && trunk.privacy == PrivacyHandling::Privacy {
        headers.push((HeaderName::Privacy, HeaderValue::sanitized("id")));
    }
    headers.extend(told(trunk, &call.diversions, &call.number, &domain));
    Identity { from, headers }
}

#[cfg(test)]
mod tests {
    use ramal_model::{Configuration, TrunkAuth, TrunkId, TrunkInput};

    use super::*;

    fn trunk(change: impl FnOnce(&mut TrunkInput)) -> SipTrunk {
        let mut input = TrunkInput {
            name: Some("Carrier".into()),
            hosts: Some(vec![
                "sip.carrier.example:5070".into(),
                "[2001:db8::1]".into(),
            ]),
            auth: Some(TrunkAuth::None),
            user: Some("acct".into()),
            ..TrunkInput::default()
        };
        change(&mut input);
        let valid = input.validate_new(TrunkId(1), &Configuration::default());
        valid.unwrap().trunk
    }

    /// From and the further header fields of a call of 2001.
    fn identity_of(withheld: bool, change: impl FnOnce(&mut TrunkInput)) -> Vec<String> {
        let trunk = trunk(change);
        let call = TrunkCall {
            number: "5125554444".into(),
            caller: Party {
                number: "2001".into(),
                name: "Rui \"Zé\"".into(),
            },
            withheld,
            diversions: Vec::new(),
            hops_left: 69,
        };
        let host = &trunk.hosts[0];
        let Identity { from, headers } = identity(&trunk, &call, domain(&trunk, host));
        let mut lines = vec![format!("From: {from}")];
        lines.extend(headers.into_iter().map(|(name, value)| {
            let value = String::from_utf8(value.as_bytes().to_vec()).unwrap();
            format!("{}: {value}", name.as_str())
        }));
        lines
    }

    #[test]
    fn the_caller_is_told_in_the_headers_the_carrier_wants() {
        let caller = "\"Rui \\\"Zé\\\"\" <sip:2001@sip.carrier.example>";
        assert_eq!(
            identity_of(false, |_| {}),
            [
                format!("From: {caller}"),
                format!("P-Asserted-Identity: {caller}")
            ]
        );
        let lines = identity_of(false, |input| {
            input.identity_out = Some(vec![IdentityHeader::RemotePartyId]);
            input.from_domain = Some("ims.example".into());
            input.from_user = Some("5133334444".into());
        });
        assert_eq!(
            lines,
            [
                "From: <sip:acct@ims.example>",
                "Remote-Party-ID: <sip:5133334444@ims.example>;party=calling;privacy=off;screen=no"
            ]
        );
    }

    #[test]
    fn a_withheld_number_is_told_as_the_carrier_expects() {
        let anonymous = "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>";
        let lines = identity_of(true, |_| {});
        assert_eq!(
            (lines[0].as_str(), lines[2].as_str()),
            (anonymous, "Privacy: id")
        );
        assert!(lines[1].starts_with("P-Asserted-Identity: "));
        let lines = identity_of(true, |input| {
            input.privacy = Some(PrivacyHandling::AnonymousFrom);
        });
        assert_eq!(lines, [anonymous]);
        let lines = identity_of(true, |input| input.privacy = Some(PrivacyHandling::Show));
        assert!(lines[0].contains("sip:2001@"), "{lines:?}");
    }

    #[test]
    fn register_and_options_name_the_account_and_the_host() {
        let trunk = trunk(|input| input.line = Some("5133334444".into()));
        let request = register(&trunk, &trunk.hosts[0], 600);
        assert_eq!(request.uri.to_string(), "sip:sip.carrier.example:5070");
        let to = request.headers.to().unwrap();
        assert_eq!(to.uri.to_string(), "sip:acct@sip.carrier.example");
        assert_eq!(request.headers.expires().unwrap(), Some(600));
        let request = options(&trunk, &trunk.hosts[1]);
        assert_eq!(request.uri.to_string(), "sip:[2001:db8::1]");
        let from = request.headers.from().unwrap();
        assert_eq!(from.uri.to_string(), "sip:5133334444@[2001:db8::1]");
    }
}
