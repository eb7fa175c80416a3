//! The vectors of RFC 2617 §3.5 and RFC 7616 §3.9.1, and the parts one by one.

use super::algorithm::{Input, Qop, hashed, response};
use super::nonce::Nonce;
use super::replay::{ReplayWindow, Use};
use super::{Algorithm, Challenger, DigestFault, Ha1, Proof};
use crate::{Credentials, Method, Uri};

fn vector(algorithm: Algorithm, ha1: &Ha1, nonce: &str, cnonce: &str, qop: Qop) -> String {
    let hash = response(&Input {
        algorithm,
        ha1,
        nonce: nonce.as_bytes(),
        nc: b"00000001",
        cnonce: cnonce.as_bytes(),
        qop,
        method: "GET",
        uri: b"/dir/index.html",
        body: b"",
    });
    String::from_utf8(hash.hex().to_vec()).unwrap()
}

#[test]
fn rfc_2617_vector() {
    let ha1 = Ha1::new("Mufasa", "testrealm@host.com", "Circle Of Life");
    let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
    assert_eq!(
        vector(Algorithm::Md5, &ha1, nonce, "0a4f113b", Qop::Auth),
        "6629fae49393a05397450978507c4ef1"
    );
    // The same without qop, as RFC 2069 computes it.
    assert_eq!(
        vector(Algorithm::Md5, &ha1, nonce, "", Qop::None),
        "670fd8c2df070c60b045671b8b24ff02"
    );
}

#[test]
fn rfc_7616_vectors() {
    let ha1 = Ha1::new("Mufasa", "http-auth@example.org", "Circle of Life");
    let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    assert_eq!(
        vector(Algorithm::Md5, &ha1, nonce, cnonce, Qop::Auth),
        "8ca523f5e9506fed4657c9700eebdbec"
    );
    assert_eq!(
        vector(Algorithm::Sha256, &ha1, nonce, cnonce, Qop::Auth),
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    );
}

/// With the names and nonces of RFC 7616 §3.9.1, computed by another implementation, which gives the vectors above, too.
#[test]
fn sessions_and_bodies_are_hashed_as_rfc_7616_says() {
    let ha1 = Ha1::new("Mufasa", "http-auth@example.org", "Circle of Life");
    let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    for (algorithm, qop, expected) in [
        (
            Algorithm::Md5Sess,
            Qop::Auth,
            "e783283f46242139c486a698fec7211d",
        ),
        (
            Algorithm::Md5,
            Qop::AuthInt,
            "8804a53d3640a40a4f73cea12c5ba451",
        ),
        (
            Algorithm::Md5Sess,
            Qop::AuthInt,
            "200cda1c37eb927016d1f97f2c0f04f6",
        ),
        (
            Algorithm::Sha256Sess,
            Qop::Auth,
            "2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7",
        ),
        (
            Algorithm::Sha256,
            Qop::AuthInt,
            "8bdf6f15638e260831e905028de5450562816d093c9bfc5c13d3a46adcdde940",
        ),
        (
            Algorithm::Sha256Sess,
            Qop::AuthInt,
            "3c19fbb1d58d0c5baff1a2ef49d847b5d0dfd7e3252b355d978d3af7d895912b",
        ),
    ] {
        let got = vector(algorithm, &ha1, nonce, cnonce, qop);
        assert_eq!(got, expected, "{algorithm:?} {qop:?}");
    }
}

#[test]
fn the_replay_window_stays_bounded_and_forgets_to_the_safe_side() {
    let mut window = ReplayWindow::new(3);
    let nonce = |serial| Nonce {
        time: serial,
        serial,
    };
    for serial in 0..5 {
        assert_eq!(window.note(nonce(serial), Some(1)), Use::Fresh);
    }
    assert_eq!(window.len(), 3);
    assert_eq!(window.note(nonce(1), Some(2)), Use::Forgotten);
    assert_eq!(window.note(nonce(4), Some(1)), Use::Replay);
    window.expire(4);
    assert_eq!(window.len(), 1);
    assert_eq!(window.note(nonce(4), Some(2)), Use::Fresh);
    assert_eq!(window.note(nonce(3), Some(9)), Use::Forgotten);
}

/// Whoever listens to how long an answer takes learns nothing of who exists: the same hashes over as many octets, and the
/// same refusal.
#[test]
fn an_unknown_user_costs_what_a_wrong_secret_costs() {
    let source = "192.0.2.1".parse().unwrap();
    let uri = Uri::parse(bytes::Bytes::from_static(b"sip:gw")).unwrap();
    let mut challenger = Challenger::new([7; 32], "gw");
    let nonce = Nonce { time: 5, serial: 0 }.print(&[7; 32], source);
    for algorithm in ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess"] {
        for qop in ["auth", "auth-int"] {
            let value = format!(
                "Digest username=\"2001\", realm=\"gw\", nonce=\"{nonce}\", uri=\"sip:gw\", algorithm={algorithm}, \
                 qop={qop}, nc=00000001, cnonce=\"c\", response=\"{}\"",
                "0".repeat(64)
            );
            let credentials = Credentials::from_text(&value).unwrap();
            let mut refused = |known: Option<Ha1>| {
                let proof = Proof {
                    credentials: &credentials,
                    method: &Method::Register,
                    uri: &uri,
                    body: b"v=0",
                };
                hashed::take();
                let fault = challenger.verify(6, source, proof, |_| known);
                assert_eq!(fault, Err(DigestFault::Mismatch));
                hashed::take()
            };
            let wrong = refused(Some(Ha1::new("2001", "gw", "secret")));
            assert!(wrong.len() >= 2, "{wrong:?}");
            assert_eq!(refused(None), wrong, "{algorithm} {qop}");
        }
    }
}
