//! Challenges to our requests, answered with credentials (RFC 3665 §2.1 and §3.2 show the like; RFC 3261 §22).

use bytes::Bytes;
use ramal_sip::digest::Secret;
use ramal_sip::{ClientCredentials, HeaderName, Invite, Method, Request, StatusCode};

use crate::network::*;
use crate::sightings::*;

fn call(network: &mut Network) -> (ramal_sip::SessionId, Request) {
    let credentials = Some(ClientCredentials {
        username: "alice".into(),
        secret: Secret::Password("open sesame".into()),
    });
    let invite = Invite {
        credentials,
        ..network.invite()
    };
    let session = network.act(ALICE, |endpoint, now| endpoint.invite(now, invite));
    network.run_shortly();
    (session, one(&network.received(BOB), Method::Invite))
}

fn challenge(
    network: &mut Network,
    request: &Request,
    status: StatusCode,
    name: HeaderName,
    nonce: &'static str,
) {
    let response = request
        .response(status)
        .with_to_tag("challenger")
        .with_header(name, nonce);
    network.send(BOB, ALICE, response.encode());
    network.run_shortly();
}

const FIRST: &str = r#"Digest realm="b.example", nonce="one", algorithm=MD5, qop="auth""#;
const STALE: &str =
    r#"Digest realm="b.example", nonce="two", algorithm=MD5, qop="auth", stale=true"#;
const PROXY: &str = r#"Digest realm="proxy.example", nonce="three", algorithm=SHA-256, qop="auth""#;

#[test]
fn a_challenged_call_is_made_again_with_credentials() {
    let mut network = Network::alone();
    let (alice, first) = call(&mut network);
    challenge(
        &mut network,
        &first,
        StatusCode::UNAUTHORIZED,
        HeaderName::WwwAuthenticate,
        FIRST,
    );
    let received = network.received(BOB);
    one(&received, Method::Ack);
    let second = one(&received, Method::Invite);
    let credentials = &second.headers.authorization().unwrap()[0];
    assert_eq!(credentials.get("username").unwrap(), "alice");
    assert_eq!(credentials.get("nonce").unwrap(), "one");
    assert_eq!(credentials.get("uri").unwrap(), "sip:bob@127.0.0.12");
    assert_eq!(
        second.headers.cseq().unwrap().number,
        first.headers.cseq().unwrap().number + 1
    );
    assert_eq!(
        second.headers.call_id().unwrap(),
        first.headers.call_id().unwrap()
    );
    assert_eq!(
        second.headers.from().unwrap(),
        first.headers.from().unwrap()
    );
    assert_ne!(
        second.headers.via().unwrap().branch(),
        first.headers.via().unwrap().branch()
    );
    assert_eq!(
        (&second.body[..], second.headers.to().unwrap().tag()),
        (OFFER, None)
    );

    // A proxy behind it wants its own; the first credentials stay.
    challenge(
        &mut network,
        &second,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        HeaderName::ProxyAuthenticate,
        PROXY,
    );
    let third = one(&network.received(BOB), Method::Invite);
    assert_eq!(third.headers.authorization().unwrap().len(), 1);
    assert_eq!(
        third.headers.proxy_authorization().unwrap()[0]
            .get("realm")
            .unwrap(),
        "proxy.example"
    );

    let answer = third
        .response(StatusCode::OK)
        .with_to_tag("b")
        .with_header(HeaderName::Contact, "<sip:bob@127.0.0.12>")
        .with_body("application/sdp", Bytes::from_static(ANSWER));
    network.send(BOB, ALICE, answer.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Answered sdp"]);

    // Its BYE is challenged, too, and made again although the session is over for the user.
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    let bye = one(&network.received(BOB), Method::Bye);
    assert_eq!(
        bye.headers.cseq().unwrap().number,
        third.headers.cseq().unwrap().number + 1
    );
    challenge(
        &mut network,
        &bye,
        StatusCode::UNAUTHORIZED,
        HeaderName::WwwAuthenticate,
        FIRST,
    );
    let bye = one(&network.received(BOB), Method::Bye);
    assert!(bye.headers.contains(&HeaderName::Authorization));
    network.send(BOB, ALICE, bye.response(StatusCode::OK).encode());
    network.assert_nothing_left();
}

#[test]
fn a_stale_nonce_is_answered_and_wrong_credentials_are_not_repeated() {
    let mut network = Network::alone();
    let (_, first) = call(&mut network);
    challenge(
        &mut network,
        &first,
        StatusCode::UNAUTHORIZED,
        HeaderName::WwwAuthenticate,
        FIRST,
    );
    let second = one(&network.received(BOB), Method::Invite);
    challenge(
        &mut network,
        &second,
        StatusCode::UNAUTHORIZED,
        HeaderName::WwwAuthenticate,
        STALE,
    );
    let third = one(&network.received(BOB), Method::Invite);
    assert_eq!(
        third.headers.authorization().unwrap()[0]
            .get("nonce")
            .unwrap(),
        "two"
    );
    challenge(
        &mut network,
        &third,
        StatusCode::UNAUTHORIZED,
        HeaderName::WwwAuthenticate,
        FIRST,
    );
    one(&network.received(BOB), Method::Ack);
    assert_eq!(names(&network.events(ALICE)), ["Rejected 401"]);
    network.assert_nothing_left();
}

#[test]
fn a_server_that_challenges_for_ever_is_given_up() {
    let mut network = Network::alone();
    let (_, mut request) = call(&mut network);
    let mut invites = 1;
    while network.hosts[ALICE].events.is_empty() && invites < 20 {
        challenge(
            &mut network,
            &request,
            StatusCode::UNAUTHORIZED,
            HeaderName::WwwAuthenticate,
            STALE,
        );
        let again = network
            .received(BOB)
            .into_iter()
            .find_map(|message| match message {
                ramal_sip::Message::Request(request) if request.method == Method::Invite => {
                    Some(request)
                }
                _ => None,
            });
        let Some(again) = again else { break };
        request = again;
        invites += 1;
    }
    assert_eq!(invites, 5);
    assert_eq!(names(&network.events(ALICE)), ["Rejected 401"]);
    network.assert_nothing_left();
}

#[test]
fn without_credentials_a_challenge_rejects_the_call() {
    let mut network = Network::alone();
    network.alice_calls_bob();
    network.run_shortly();
    let invite = one(&network.received(BOB), Method::Invite);
    challenge(
        &mut network,
        &invite,
        StatusCode::UNAUTHORIZED,
        HeaderName::WwwAuthenticate,
        FIRST,
    );
    assert_eq!(names(&network.events(ALICE)), ["Rejected 401"]);
    network.assert_nothing_left();
}
