//! Encrypted media: keys in the description (RFC 4568), and what browsers want (RFC 8827).

use super::*;

/// A phone that wants encryption if it can have it, in the two ways phones say so.
#[test]
fn keys_are_read_offered_and_answered() {
    let key = Crypto {
        tag: 7,
        suite: "AES_CM_128_HMAC_SHA1_80".into(),
        key_and_salt: vec![9; 30],
    };
    let line = "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ|2^31\r\n";
    let optional = DESK_PHONE.replace("a=ptime:20\r\n", line);
    let offer = audio(&optional);
    assert_eq!(
        (offer.profile, &offer.crypto[..]),
        (Profile::Avp, &[key.clone()][..])
    );

    let plain = DESK_PHONE.split_once("m=audio").unwrap().1;
    let two = format!("{}m=audio{plain}", optional.replace("RTP/AVP", "RTP/SAVP"));
    let two = parse(two.as_bytes()).unwrap();
    let profiles: Vec<_> = two
        .audios()
        .map(|(at, audio)| (at, audio.profile))
        .collect();
    assert_eq!(profiles, [(0, Profile::Savp), (1, Profile::Avp)]);

    let (at, offer) = two.audios().next().unwrap();
    let answer = ours()
        .with_protection(Profile::Avp, vec![key])
        .answer_to(&offer)
        .unwrap();
    let text = printed(&Local::new(1).answer(&two, at, &answer));
    assert!(
        text.contains("m=audio 10000 RTP/SAVP 0 8 101\r\na=crypto:7 AES_CM"),
        "{text}"
    );
    assert!(
        text.contains("m=audio 0 RTP/AVP 9 0 8 18 101\r\n"),
        "{text}"
    );
    assert_eq!(audio(&text), answer);
}

/// What Chromium offers, shortened.
const CHROMIUM: &str = "v=0\r\n\
    o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n\
    s=-\r\n\
    t=0 0\r\n\
    a=group:BUNDLE 0\r\n\
    a=extmap-allow-mixed\r\n\
    a=msid-semantic: WMS stream\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n\
    c=IN IP4 0.0.0.0\r\n\
    a=rtcp:9 IN IP4 0.0.0.0\r\n\
    a=candidate:1 1 udp 2113937151 6bd1.local 50001 typ host generation 0 network-cost 999\r\n\
    a=ice-ufrag:sXJ3\r\n\
    a=ice-pwd:yEclOTrLg1gEubBFefOqtmyV\r\n\
    a=ice-options:trickle\r\n\
    a=fingerprint:sha-256 22:14:B5:AF:66:12:C7:C7:8D:EF:4B:DE:40:25:ED:5D:8F:17:54:DD:88:33:C0:13:2E:FD:1A:FA:7E:7A:1B:79\r\n\
    a=setup:actpass\r\n\
    a=mid:0\r\n\
    a=sendrecv\r\n\
    a=rtcp-mux\r\n\
    a=rtpmap:111 opus/48000/2\r\n\
    a=rtpmap:63 red/48000/2\r\n\
    a=rtpmap:110 telephone-event/48000\r\n\
    a=rtpmap:126 telephone-event/8000\r\n";

#[test]
fn a_browsers_offer_is_read_and_answered() {
    let offer = audio(CHROMIUM);
    let browser = offer.browser.clone().unwrap();
    assert_eq!(offer.profile, Profile::DtlsSavpf);
    assert_eq!(
        offer.direction,
        Direction::SendRecv,
        "no address is no hold here"
    );
    assert_eq!(
        (browser.setup, browser.fragment.as_str()),
        (Setup::ActPass, "sXJ3")
    );
    assert_eq!(
        (browser.fingerprint[0], browser.fingerprint[31]),
        (0x22, 0x79)
    );
    assert!(!browser.lite && !format!("{browser:?}").contains("yEcl"));

    let ours = ours().with_browser(
        Profile::DtlsSavpf,
        Browser {
            setup: Setup::Passive,
            lite: true,
            fragment: "abcd".into(),
            password: "0123456789012345678901".into(),
            ..browser
        },
    );
    let answer = ours.answer_to(&offer).unwrap();
    let text = printed(&Local::new(1).answer(&parse(CHROMIUM.as_bytes()).unwrap(), 0, &answer));
    assert_eq!(audio(&text), answer, "{text}");
    for line in [
        "a=ice-lite\r\na=group:BUNDLE 0\r\n",
        "m=audio 10000 UDP/TLS/RTP/SAVPF 0 8 126\r\n",
        "a=mid:0\r\na=ice-ufrag:abcd\r\n",
        "a=setup:passive\r\na=rtcp-mux\r\na=candidate:1 1 udp 2130706431 198.51.100.1 10000 typ host\r\n",
    ] {
        assert!(text.contains(line), "{line} {text}");
    }
}

#[test]
fn a_browser_without_what_it_takes_gives_no_audio() {
    for (from, to) in [
        ("a=rtcp-mux\r\n", ""),
        ("sha-256", "sha-1"),
        ("22:14:", "22:"),
        ("a=ice-pwd:yEclOTrLg1gEubBFefOqtmyV", "a=ice-pwd:short"),
        ("a=ice-ufrag:sXJ3", "a=ice-ufrag:s J3"),
        ("actpass", "holdconn"),
    ] {
        let text = CHROMIUM.replace(from, to);
        assert_eq!(parse(text.as_bytes()).unwrap().audio(), None, "{from}");
    }
}
