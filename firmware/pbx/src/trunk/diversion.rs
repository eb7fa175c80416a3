//! Who sent a call on before it came to where it is: read from carriers and told to others by `Diversion` (RFC 5806) and
//! `History-Info` (RFC 7044), and by the redirecting number of ISDN (ETS 300 207-1).

use std::fmt::Write as _;

use ramal_isdn::RedirectionReason;
use ramal_lines::Redirected;
use ramal_model::{DiversionHeader, IdentityHeader, SipTrunk};
use ramal_sip::{HeaderName, HeaderValue, Headers, Host, NameAddr, Request, Uri};

use super::incoming::number;

/// How many of those who sent a call on are kept; a call that went further goes in circles.
const MAX_DIVERSIONS: usize = 8;

/// Why a call was sent on: in the words of RFC 5806 §5, by the cause of RFC 4458 §2 that `History-Info` has, and in ISDN.
const REASONS: [(&str, &str, RedirectionReason); 6] = [
    ("unconditional", "302", RedirectionReason::Unconditional),
    ("user-busy", "486", RedirectionReason::Busy),
    ("no-answer", "408", RedirectionReason::NoReply),
    ("deflection", "480", RedirectionReason::Deflection),
    ("out-of-service", "503", RedirectionReason::OutOfOrder),
    UNKNOWN,
];
const UNKNOWN: (&str, &str, RedirectionReason) = ("unknown", "404", RedirectionReason::Unknown);

/// Somebody who sent a call on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diverted {
    /// His number; blank when he withholds it.
    pub(crate) by: String,
    /// Why, in the words of the header field (RFC 5806 §5), such as `user-busy`; blank when it does not say.
    pub(crate) reason: String,
}

impl Diverted {
    /// A number of the company that sends its calls on.
    pub(crate) fn from_here(number: &str) -> Self {
        Self {
            by: number.to_owned(),
            reason: "unconditional".to_owned(),
        }
    }

    /// As an exchange says it.
    pub(crate) fn from_isdn(redirected: &Redirected) -> Self {
        let known = REASONS
            .iter()
            .find(|(.., reason)| *reason == redirected.reason);
        Self {
            by: redirected.number.clone(),
            reason: known.unwrap_or(&UNKNOWN).0.to_owned(),
        }
    }

    /// As an exchange is told.
    pub(crate) fn to_isdn(&self) -> Redirected {
        Redirected {
            number: self.by.clone(),
            reason: self.known_reason().2,
        }
    }

    fn known_reason(&self) -> &(&'static str, &'static str, RedirectionReason) {
        let cause = self.reason.rsplit_once("cause=").map(|(_, cause)| cause);
        REASONS
            .iter()
            .find(|(word, code, _)| *word == self.reason || cause == Some(*code))
            .unwrap_or(&UNKNOWN)
    }

    fn uri(&self, domain: &Host) -> String {
        match self.by.as_str() {
            "" => "sip:anonymous@anonymous.invalid".to_owned(),
            by => Uri::sip(Some(by), domain.clone(), None).to_string(),
        }
    }
}

/// Who sent the call on, the last one first, where the trunk's carrier is believed in this.
pub(crate) fn diversions(trunk: &SipTrunk, request: &Request) -> Vec<Diverted> {
    let headers = &request.headers;
    let believed = |header| trunk.identity_in.contains(&header);
    if believed(IdentityHeader::Diversion) {
        let diversions = by_diversion(headers);
        if !diversions.is_empty() {
            return diversions;
        }
    }
    match believed(IdentityHeader::HistoryInfo) {
        true => by_history(headers).into_iter().collect(),
        false => Vec::new(),
    }
}

/// The topmost entry is the latest (RFC 5806 §4).
fn by_diversion(headers: &Headers) -> Vec<Diverted> {
    let entries = headers.addresses(&HeaderName::Diversion);
    let entries = entries.unwrap_or_default().into_iter();
    entries
        .filter_map(|entry| {
            let param = |name| entry.params.get(name).unwrap_or_default().into_owned();
            let hidden = matches!(param("privacy").as_str(), "full" | "uri");
            Some(Diverted {
                by: if hidden {
                    String::new()
                } else {
                    number(&entry.uri)?
                },
                reason: param("reason"),
            })
        })
        .take(MAX_DIVERSIONS)
        .collect()
}

/// The last entry is where the call is now, the one before it where it was (RFC 7044 §9). Those before may be anything
/// that servers have done to the call.
fn by_history(headers: &Headers) -> Option<Diverted> {
    let entries = headers.addresses(&HeaderName::HistoryInfo).ok()?;
    let before = entries.get(entries.len().checked_sub(2)?)?;
    Some(Diverted {
        by: number(&before.uri)?,
        reason: before.uri.header("Reason").unwrap_or_default().into_owned(),
    })
}

/// What a carrier is told of who sent a call for `called` on, as far as the trunk is set to.
pub(super) fn told(
    trunk: &SipTrunk,
    diversions: &[Diverted],
    called: &str,
    domain: &Host,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for header in &trunk.diversion_out {
        headers.extend(match header {
            DiversionHeader::Diversion => diversion(diversions, domain),
            DiversionHeader::HistoryInfo => history(diversions, called, domain),
        });
    }
    headers
}

/// `Diversion` with an entry for each who sent the call on.
pub(crate) fn diversion(
    diversions: &[Diverted],
    domain: &Host,
) -> Option<(HeaderName, HeaderValue)> {
    let entries: Vec<String> = diversions
        .iter()
        .map(|diverted| {
            let (word, ..) = diverted.known_reason();
            let privacy = match diverted.by.as_str() {
                "" => ";privacy=full",
                _ => "",
            };
            format!("<{}>;reason={word}{privacy}", diverted.uri(domain))
        })
        .collect();
    let value = HeaderValue::sanitized(entries.join(", "));
    (!entries.is_empty()).then_some((HeaderName::Diversion, value))
}

/// `History-Info` from the number that was called first to the one that is called now.
fn history(
    diversions: &[Diverted],
    called: &str,
    domain: &Host,
) -> Option<(HeaderName, HeaderValue)> {
    if diversions.is_empty() {
        return None;
    }
    let mut index = "1".to_owned();
    let mut value = String::new();
    let mut mapped = String::new();
    for diverted in diversions.iter().rev() {
        let (_, cause, _) = diverted.known_reason();
        let uri = diverted.uri(domain);
        // Writing into a string cannot fail.
        let _ = write!(
            value,
            "<{uri}?Reason=SIP%3Bcause%3D{cause}>;index={index}{mapped}, "
        );
        mapped = format!(";mp={index}");
        index.push_str(".1");
    }
    let target = NameAddr::new(Uri::sip(Some(called), domain.clone(), None));
    let _ = write!(value, "{target};index={index}{mapped}");
    Some((HeaderName::HistoryInfo, HeaderValue::sanitized(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trunk::incoming::tests::{FROM, invite, trunk};

    fn diverted(by: &str, reason: &str) -> Diverted {
        Diverted {
            by: by.into(),
            reason: reason.into(),
        }
    }

    #[test]
    fn who_forwarded_is_known_the_last_first() {
        let diversion = "Diversion: <sip:5130003333@h>;reason=user-busy;counter=1, <sip:5130004444@h>;reason=no-answer\r\n";
        let history = "History-Info: <sip:5130005555@h?Reason=SIP%3Bcause%3D302>;index=1, <sip:1@h>;index=1.1\r\n";
        let of = |more: &str, headers: &[IdentityHeader]| {
            let trunk = trunk(|input| input.identity_in = Some(headers.to_vec()));
            diversions(&trunk, &invite("sip:1@h", FROM, more))
        };
        let both = [IdentityHeader::Diversion, IdentityHeader::HistoryInfo];
        assert_eq!(
            of(diversion, &both),
            [
                diverted("5130003333", "user-busy"),
                diverted("5130004444", "no-answer")
            ]
        );
        assert_eq!(
            of(history, &both),
            [diverted("5130005555", "SIP;cause=302")]
        );
        assert_eq!(of(diversion, &[]), []);
        assert_eq!(of("History-Info: <sip:1@h>;index=1\r\n", &both), []);
        // Who wants to stay unknown stays so.
        let hidden = "Diversion: <sip:5130003333@h>;reason=deflection;privacy=full\r\n";
        assert_eq!(of(hidden, &both), [diverted("", "deflection")]);
    }

    /// What a carrier is told of a call to 999, by the header fields the trunk is set to.
    fn lines(diversions: &[Diverted], out: &[DiversionHeader]) -> Vec<String> {
        let trunk = trunk(|input| input.diversion_out = Some(out.to_vec()));
        let domain: Host = "h.example".parse().unwrap();
        told(&trunk, diversions, "999", &domain)
            .into_iter()
            .map(|(name, value)| {
                let value = String::from_utf8(value.as_bytes().to_vec()).unwrap();
                format!("{}: {value}", name.as_str())
            })
            .collect()
    }

    #[test]
    fn a_carrier_is_told_by_the_header_fields_that_the_trunk_is_set_to() {
        let both = [DiversionHeader::Diversion, DiversionHeader::HistoryInfo];
        let twice = [
            diverted("3032", "unconditional"),
            diverted("51", "user-busy"),
        ];
        let diversion = "Diversion: <sip:3032@h.example>;reason=unconditional, <sip:51@h.example>;reason=user-busy";
        let history = "History-Info: <sip:51@h.example?Reason=SIP%3Bcause%3D486>;index=1, \
            <sip:3032@h.example?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1, <sip:999@h.example>;index=1.1.1;mp=1.1";
        assert_eq!(lines(&twice, &both), [diversion, history]);
        assert_eq!(lines(&twice, &both[1..]), [history]);
        assert!(lines(&twice, &[]).is_empty() && lines(&[], &both).is_empty());
        assert_eq!(
            lines(&[diverted("", "SIP;cause=408")], &both[..1]),
            ["Diversion: <sip:anonymous@anonymous.invalid>;reason=no-answer;privacy=full"]
        );
    }

    #[test]
    fn reasons_of_isdn_keep_their_meaning_both_ways() {
        for (word, _, reason) in REASONS {
            let redirected = Redirected {
                number: "51".into(),
                reason,
            };
            let known = Diverted::from_isdn(&redirected);
            assert_eq!(known, diverted("51", word));
            assert_eq!(known.to_isdn(), redirected);
        }
        let other = Redirected {
            number: String::new(),
            reason: RedirectionReason::Other(7),
        };
        assert_eq!(Diverted::from_isdn(&other), diverted("", "unknown"));
        let history = diverted("51", "SIP;cause=486");
        assert_eq!(history.to_isdn().reason, RedirectionReason::Busy);
    }
}
