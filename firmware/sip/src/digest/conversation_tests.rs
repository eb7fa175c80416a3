//! Conversations of a client with a server.

use std::net::IpAddr;

use super::server::same_target;
use super::*;
use crate::{Challenge, Credentials, Method, Uri};

const REALM: &str = "ramal";
const NOW: u64 = 1_780_000_000;

fn challenger() -> Challenger {
    Challenger::new([7; 32], REALM)
}

fn source() -> IpAddr {
    "192.0.2.7".parse().unwrap()
}

fn uri() -> Uri {
    "sip:102@gateway.example".parse().unwrap()
}

fn ha1_of(user: &str) -> Option<Ha1> {
    (user == "101").then(|| Ha1::new("101", REALM, "secret"))
}

/// A phone's answer to a challenge value.
fn answer(challenge: &str, secret: &str, nc: u32) -> Credentials {
    let secret = Secret::Password(secret.into());
    let value = Answer {
        username: "101",
        secret: &secret,
        method: &Method::Invite,
        uri: uri().as_bytes(),
        body: b"v=0",
        cnonce: "c0ffee",
        nc,
    }
    .to(&Challenge::from_text(challenge).unwrap())
    .unwrap();
    Credentials::from_text(&value.to_string()).unwrap()
}

fn verify(
    challenger: &mut Challenger,
    now: u64,
    source: IpAddr,
    credentials: &Credentials,
) -> Result<(), DigestFault> {
    let proof = Proof {
        credentials,
        method: &Method::Invite,
        uri: &uri(),
        body: b"v=0",
    };
    challenger.verify(now, source, proof, ha1_of)
}

fn first_challenge(challenger: &mut Challenger) -> [String; 2] {
    let values = challenger.challenge(NOW, source(), false);
    [values[0].to_string(), values[1].to_string()]
}

#[test]
fn sha_256_is_offered_before_md5() {
    let [sha, md5] = first_challenge(&mut challenger());
    assert!(sha.contains("algorithm=SHA-256") && sha.contains("qop=\"auth\""));
    assert!(md5.contains("algorithm=MD5") && md5.contains("realm=\"ramal\""));
    let both = [sha, md5].map(|text| Challenge::from_text(&text).unwrap());
    assert_eq!(choose(&both).unwrap().get("algorithm").unwrap(), "SHA-256");
}

#[test]
fn a_challenge_with_an_unknown_algorithm_is_passed_over() {
    let unknown =
        Challenge::from_text("Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256").unwrap();
    let known = Challenge::from_text("Digest realm=\"r\", nonce=\"n\", algorithm=MD5").unwrap();
    assert_eq!(choose(&[unknown.clone(), known.clone()]), Some(&known));
    assert_eq!(choose(&[unknown]), None);
}

#[test]
fn right_secret_is_accepted_with_both_algorithms() {
    let mut server = challenger();
    for challenge in first_challenge(&mut server) {
        let nc = if challenge.contains("MD5") { 2 } else { 1 };
        let credentials = answer(&challenge, "secret", nc);
        assert_eq!(verify(&mut server, NOW + 1, source(), &credentials), Ok(()));
    }
}

#[test]
fn session_algorithms_and_auth_int_are_accepted() {
    for (algorithm, qop) in [
        ("MD5-sess", "auth"),
        ("SHA-256-sess", "auth"),
        ("SHA-256", "auth-int"),
        ("MD5-sess", "auth-int"),
    ] {
        let mut server = challenger();
        let [sha, _] = first_challenge(&mut server);
        let challenge = sha
            .replace("SHA-256", algorithm)
            .replace("\"auth\"", &format!("\"{qop}\""));
        let credentials = answer(&challenge, "secret", 1);
        assert_eq!(credentials.get("qop").unwrap(), qop);
        assert_eq!(verify(&mut server, NOW, source(), &credentials), Ok(()));
    }
}

#[test]
fn auth_int_covers_the_body() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut server);
    let credentials = answer(&sha.replace("\"auth\"", "\"auth-int\""), "secret", 1);
    let proof = Proof {
        credentials: &credentials,
        method: &Method::Invite,
        uri: &uri(),
        body: b"v=1",
    };
    assert_eq!(
        server.verify(NOW, source(), proof, ha1_of),
        Err(DigestFault::Mismatch)
    );
}

#[test]
fn wrong_secret_and_unknown_user_get_the_same_answer() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut server);
    let wrong = answer(&sha, "Secret", 1);
    assert_eq!(
        verify(&mut server, NOW, source(), &wrong),
        Err(DigestFault::Mismatch)
    );
    let right = answer(&sha, "secret", 1);
    let proof = Proof {
        credentials: &right,
        method: &Method::Invite,
        uri: &uri(),
        body: b"",
    };
    assert_eq!(
        server.verify(NOW, source(), proof, |_| None),
        Err(DigestFault::Mismatch)
    );
}

#[test]
fn another_method_does_not_match() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut server);
    let credentials = answer(&sha, "secret", 1);
    let proof = Proof {
        credentials: &credentials,
        method: &Method::Register,
        uri: &uri(),
        body: b"",
    };
    assert_eq!(
        server.verify(NOW, source(), proof, ha1_of),
        Err(DigestFault::Mismatch)
    );
}

#[test]
fn credentials_for_another_callee_are_refused() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut server);
    let credentials = answer(&sha, "secret", 1);
    let mut asked = |uri: &str| {
        let proof = Proof {
            credentials: &credentials,
            method: &Method::Invite,
            uri: &uri.parse().unwrap(),
            body: b"v=0",
        };
        server.verify(NOW, source(), proof, ha1_of)
    };
    assert_eq!(
        asked("sip:0900123@gateway.example"),
        Err(DigestFault::WrongUri)
    );
    // The configured domain and the address it stands for are the same place.
    assert_eq!(asked("sip:102@192.0.2.1:5060;transport=udp"), Ok(()));
}

#[test]
fn old_nonces_are_stale_after_five_minutes() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut server);
    let credentials = answer(&sha, "secret", 1);
    assert_eq!(
        verify(&mut server, NOW + 301, source(), &credentials),
        Err(DigestFault::Stale)
    );
    assert_eq!(
        verify(&mut server, NOW + 300, source(), &credentials),
        Ok(())
    );
    let next = server.challenge(NOW + 301, source(), DigestFault::Stale.is_stale());
    assert!(next[0].to_string().ends_with("stale=true"));
}

#[test]
fn a_wrong_secret_never_learns_that_its_nonce_is_stale() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut server);
    let credentials = answer(&sha, "wrong", 1);
    assert_eq!(
        verify(&mut server, NOW + 1000, source(), &credentials),
        Err(DigestFault::Mismatch)
    );
}

#[test]
fn nonces_are_bound_to_their_source() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut server);
    let elsewhere: IpAddr = "192.0.2.8".parse().unwrap();
    // A phone whose address changed proves its secret and gets a new nonce without asking its user.
    let right = answer(&sha, "secret", 1);
    assert_eq!(
        verify(&mut server, NOW, elsewhere, &right),
        Err(DigestFault::Stale)
    );
    let wrong = answer(&sha, "guess", 1);
    assert_eq!(
        verify(&mut server, NOW, elsewhere, &wrong),
        Err(DigestFault::BadNonce)
    );
    let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
    assert_eq!(verify(&mut server, NOW, mapped, &right), Ok(()));
}

#[test]
fn nonces_of_another_key_and_forged_ones_are_not_ours() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut Challenger::new([8; 32], REALM));
    assert_eq!(
        verify(&mut server, NOW, source(), &answer(&sha, "guess", 1)),
        Err(DigestFault::BadNonce)
    );
    let made_up = "Digest realm=\"ramal\", nonce=\"abc\", qop=\"auth\"";
    assert_eq!(
        verify(&mut server, NOW, source(), &answer(made_up, "guess", 1)),
        Err(DigestFault::BadNonce)
    );
    assert_eq!(
        verify(&mut server, NOW, source(), &answer(made_up, "secret", 1)),
        Err(DigestFault::Stale)
    );
}

#[test]
fn nonce_counts_are_accepted_once_and_out_of_order() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut server);
    let mut with_count = |nc| verify(&mut server, NOW, source(), &answer(&sha, "secret", nc));
    assert_eq!(with_count(1), Ok(()));
    assert_eq!(with_count(1), Err(DigestFault::Replay));
    assert_eq!(with_count(5), Ok(()));
    assert_eq!(with_count(3), Ok(()));
    assert_eq!(with_count(3), Err(DigestFault::Replay));
    assert_eq!(with_count(200), Ok(()));
    assert_eq!(with_count(4), Err(DigestFault::Replay));
    assert_eq!(with_count(137), Ok(()));
    assert_eq!(with_count(u32::MAX), Ok(()));
}

#[test]
fn nonce_counts_are_hexadecimal() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut server);
    for nc in [9, 10, 15, 16, 31, 256] {
        let credentials = answer(&sha, "secret", nc);
        assert_eq!(credentials.get("nc").unwrap(), format!("{nc:08x}"));
        assert_eq!(verify(&mut server, NOW, source(), &credentials), Ok(()));
    }
}

#[test]
fn phones_without_qop_use_a_nonce_once() {
    let mut server = challenger();
    let [_, md5] = first_challenge(&mut server);
    let old_style = md5.replace(", qop=\"auth\"", "");
    let credentials = answer(&old_style, "secret", 1);
    assert_eq!(credentials.get("qop"), None);
    assert_eq!(credentials.get("nc"), None);
    assert_eq!(verify(&mut server, NOW, source(), &credentials), Ok(()));
    assert_eq!(
        verify(&mut server, NOW, source(), &credentials),
        Err(DigestFault::Replay)
    );
}

#[test]
fn malformed_credentials_are_told_apart() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut server);
    let good = answer(&sha, "secret", 1);
    assert!(server.recognizes(&good));
    let mut changed = |from: &str, to: &str| {
        let text = format!("{} {}", good.scheme(), printed(&good)).replace(from, to);
        verify(
            &mut server,
            NOW,
            source(),
            &Credentials::from_text(&text).unwrap(),
        )
    };
    assert_eq!(changed("nc=00000001", "nc=1"), Err(DigestFault::Malformed));
    assert_eq!(
        changed("nc=00000001", "nc=+0000001"),
        Err(DigestFault::Malformed)
    );
    assert_eq!(changed("qop=auth", "qop=x"), Err(DigestFault::Malformed));
    assert_eq!(changed("cnonce", "x-cnonce"), Err(DigestFault::Malformed));
    assert_eq!(changed("SHA-256", "SHA-1"), Err(DigestFault::Malformed));
    assert_eq!(
        changed("\"ramal\"", "\"other\""),
        Err(DigestFault::BadNonce)
    );
    assert_eq!(changed("Digest", "Basic"), Err(DigestFault::BadNonce));
    assert_eq!(changed("", ""), Ok(()));
}

fn printed(credentials: &Credentials) -> String {
    let names = [
        "username",
        "realm",
        "nonce",
        "uri",
        "response",
        "cnonce",
        "algorithm",
        "qop",
        "nc",
    ];
    let quoted = |name: &str| !matches!(name, "algorithm" | "qop" | "nc");
    let pair = |name: &str| {
        let value = credentials.get(name).unwrap();
        match quoted(name) {
            true => format!("{name}=\"{value}\""),
            false => format!("{name}={value}"),
        }
    };
    names.map(pair).join(", ")
}

#[test]
fn algorithms_that_are_not_offered_are_refused() {
    let mut server = challenger().with_algorithms(&[Algorithm::Sha256]);
    let values = server.challenge(NOW, source(), false);
    assert_eq!(values.len(), 1);
    let md5 = values[0].to_string().replace("SHA-256", "MD5");
    assert_eq!(
        verify(&mut server, NOW, source(), &answer(&md5, "secret", 1)),
        Err(DigestFault::Malformed)
    );
}

#[test]
fn the_uri_is_signed_as_spelled() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut server);
    let request_uri: Uri = "sip:%2A21%23@host".parse().unwrap();
    let secret = Secret::Ha1(Ha1::new("101", REALM, "secret"));
    let value = Answer {
        username: "101",
        secret: &secret,
        method: &Method::Invite,
        uri: request_uri.as_bytes(),
        body: b"",
        cnonce: "c",
        nc: 1,
    }
    .to(&Challenge::from_text(&sha).unwrap())
    .unwrap();
    let credentials = Credentials::from_text(&value.to_string()).unwrap();
    let same: Uri = "sip:*21#@host".parse().unwrap();
    let proof = Proof {
        credentials: &credentials,
        method: &Method::Invite,
        uri: &same,
        body: b"",
    };
    assert_eq!(server.verify(NOW, source(), proof, ha1_of), Ok(()));
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let mut server = challenger();
    let [sha, _] = first_challenge(&mut server);
    let credentials = answer(&sha, "secret", 1);
    let text = format!(
        "{credentials:?} {:?} {:?}",
        Secret::Password("secret".into()),
        Ha1::new("101", REALM, "secret")
    );
    let response = credentials.get("response").unwrap().into_owned();
    assert!(!text.contains("\"secret\"") && !text.contains(&response));
}

#[test]
fn a_signed_uri_without_user_names_the_server() {
    let target: Uri = "sip:102@192.0.2.1".parse().unwrap();
    assert!(same_target(b"sip:192.0.2.1:5060", &target));
    assert!(!same_target(b"sip:0900123@192.0.2.1", &target));
}
