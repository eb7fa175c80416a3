//! What RFC 4475 wants done with each of its messages.

use crate::receiver::{Outcome, by_tcp, by_udp};
use crate::{archived, names};

const REMOTE: &str = "192.0.2.77:5060";

/// What becomes of a message by UDP; by TCP the same, unless `tcp` says otherwise.
struct Case {
    name: &'static str,
    section: &'static str,
    udp: &'static str,
    tcp: &'static [&'static str],
}

const fn case(name: &'static str, section: &'static str, udp: &'static str) -> Case {
    Case {
        name,
        section,
        udp,
        tcp: &[],
    }
}

const fn by_stream(case: Case, tcp: &'static [&'static str]) -> Case {
    Case { tcp, ..case }
}

/// `call` and `request` are accepted: the user gets them. Everything else the endpoint does by itself.
const CASES: &[Case] = &[
    // Well-formed; To has a tag of no dialog of ours (RFC 3261 §12.2.2).
    case(
        "wsinv",
        "3.1.1.1",
        "481 No dialog with this Call-ID and these tags",
    ),
    case(
        "intmeth",
        "3.1.1.2",
        "501 Method !interesting-Method0123456789_*+`.%indee not implemented",
    ),
    case("esc01", "3.1.1.3", "call INVITE"),
    case("escnull", "3.1.1.4", "request REGISTER"),
    case(
        "esc02",
        "3.1.1.5",
        "501 Method RE%47IST%45R not implemented",
    ),
    case("lwsdisp", "3.1.1.6", "request OPTIONS"),
    case("longreq", "3.1.1.7", "call INVITE"),
    // In a stream the octets behind the REGISTER are the next message, which lacks a Contact; its body is longer than
    // said.
    by_stream(
        case("dblreq", "3.1.1.8", "request REGISTER"),
        &["request REGISTER", "400 Missing Contact", "unanswerable"],
    ),
    case("semiuri", "3.1.1.9", "request OPTIONS"),
    case("transports", "3.1.1.10", "request OPTIONS"),
    case("mpart01", "3.1.1.11", "request MESSAGE"),
    case("unreason", "3.1.1.12", "stray response"),
    case("noreason", "3.1.1.13", "stray response"),
    case("badinv01", "3.1.2.1", "400 Malformed parameter in Via"),
    by_stream(
        case("clerr", "3.1.2.2", "400 Body shorter than Content-Length"),
        &["waits"],
    ),
    by_stream(
        case("ncl", "3.1.2.3", "400 Malformed Content-Length"),
        &["closes"],
    ),
    case("scalar02", "3.1.2.4", "400 Number out of range in CSeq"),
    case("scalarlg", "3.1.2.5", "malformed response"),
    case("quotbal", "3.1.2.6", "400 Unbalanced quotes in To"),
    case(
        "ltgtruri",
        "3.1.2.7",
        "400 Malformed request URI: URI without scheme",
    ),
    case(
        "lwsruri",
        "3.1.2.8",
        "400 Malformed request URI: Character not allowed in a URI",
    ),
    case(
        "lwsstart",
        "3.1.2.9",
        "400 Malformed request URI: URI without scheme",
    ),
    case("trws", "3.1.2.10", "400 Malformed start line"),
    case(
        "escruri",
        "3.1.2.11",
        "400 Malformed request URI: Malformed headers in URI",
    ),
    // Nothing here depends on Date.
    case("baddate", "3.1.2.12", "call INVITE"),
    case(
        "regbadct",
        "3.1.2.13",
        "400 URI without angle brackets in Contact",
    ),
    case("badaspec", "3.1.2.14", "400 URI without scheme in To"),
    // The archive's message ends without an empty line, for which a stream waits.
    by_stream(case("baddn", "3.1.2.15", "400 Malformed From"), &["waits"]),
    case("badvers", "3.1.2.16", "505 Version not supported"),
    case("mismatch01", "3.1.2.17", "400 CSeq method does not match"),
    case(
        "mismatch02",
        "3.1.2.18",
        "501 Method NEWMETHOD not implemented",
    ),
    case("bigcode", "3.1.2.19", "malformed response"),
    // Told apart as RFC 2543 does.
    case("badbranch", "3.2.1", "request OPTIONS"),
    case("insuf", "3.3.1", "400 Missing From"),
    case(
        "unkscm",
        "3.3.2",
        "416 Request URI is neither sip, sips nor tel",
    ),
    case(
        "novelsc",
        "3.3.3",
        "416 Request URI is neither sip, sips nor tel",
    ),
    case("unksm2", "3.3.4", "400 To of REGISTER is no SIP address"),
    case(
        "bext01",
        "3.3.5",
        "420 Extension nothingSupportsThis, nothingSupportsThis not supported",
    ),
    case("invut", "3.3.6", "415 Content-Type is not application/sdp"),
    // The registrar challenges it.
    case("regaut01", "3.3.7", "request REGISTER"),
    case("multi01", "3.3.8", "400 Several From"),
    by_stream(
        case("mcl01", "3.3.9", "400 Several Content-Length"),
        &["closes"],
    ),
    case("bcast", "3.3.10", "malformed response"),
    case("zeromf", "3.3.11", "request OPTIONS"),
    case("cparam01", "3.3.12", "request REGISTER"),
    case("cparam02", "3.3.13", "request REGISTER"),
    case("regescrt", "3.3.14", "request REGISTER"),
    case("sdp01", "3.3.15", "406 Accept lacks application/sdp"),
    // Without Content-Length a stream's message has no body; what follows is none.
    by_stream(
        case("inv2543", "3.4.1", "call INVITE"),
        &["call INVITE", "waits"],
    ),
    // In the archive alone: no SIP version, no Via.
    case("test", "A.1", "unanswerable"),
];

/// Everything that does not go as it should, so that one run shows all of it.
fn differences(differs: impl Fn(&Case) -> Option<String>) -> String {
    let list = CASES.iter().filter_map(|case| {
        let difference = differs(case)?;
        Some(format!("{} ({}): {difference}", case.name, case.section))
    });
    list.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_message_of_the_archive_has_its_case() {
    let mut cases: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    cases.sort_unstable();
    assert_eq!(cases, names("rfc4475"));
    assert_eq!(cases.len(), 50);
}

#[test]
fn all_50_by_udp() {
    let wrong = differences(|case| {
        let got = by_udp(archived("rfc4475", case.name), REMOTE).summary();
        (got != case.udp).then(|| format!("{got}, not {}", case.udp))
    });
    assert_eq!(wrong, "");
}

#[test]
fn all_50_by_tcp() {
    let wrong = differences(|case| {
        let got = by_tcp(&archived("rfc4475", case.name), REMOTE);
        let mut got: Vec<String> = got.iter().map(Outcome::summary).collect();
        let expected = match case.tcp {
            [] => &[case.udp][..],
            tcp => tcp,
        };
        // Some of the files have a line end behind the body, or a body longer than said.
        if got.len() > expected.len() && got.last().is_some_and(|last| last == "waits") {
            got.pop();
        }
        (got != expected).then(|| format!("{got:?}, not {expected:?}"))
    });
    assert_eq!(wrong, "");
}
