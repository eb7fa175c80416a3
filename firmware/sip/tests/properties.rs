//! Properties that hold for every input: nothing panics, what is read prints as it came, what is built reads back.

use std::hint::black_box;

use bytes::Bytes;
use proptest::prelude::*;
use ramal_sip::framing::{Frame, StreamDecoder};
use ramal_sip::sdp::{self, AudioDescription, Direction, Local, RtpCodec};
use ramal_sip::{
    Credentials, HeaderName, HeaderValue, Headers, Host, Message, Method, NameAddr, Params,
    Request, Response, StatusCode, Uri,
};

const SEEDS: [&str; 3] = [
    "INVITE sip:*43@[2001:db8::1]:5070;transport=tcp SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK77;rport, SIP/2.0/TLS p;branch=z9hG4bK1\r\nf: \"A \\\"b\\\"\" <sip:101@gw>;tag=a1\r\nt:\r\n <sip:*43@gw>\r\ni: 7a@192.0.2.7\r\nCSeq: 21 INVITE\r\nMax-Forwards: 70\r\nm: \"x, y\" <sip:101@192.0.2.7;lr?a=b>;q=0.5;expires=60, tel:+55;x\r\nRoute: <sip:p;lr>\r\nRequire: timer, 100rel\r\nx: 90;refresher=uac\r\nAuthorization: Digest username=\"101\", realm=\"ramal\", nonce=\"00\", uri=\"sip:*43@gw\", response=\"00\", qop=auth, nc=00000001, cnonce=\"c\"\r\nc: application/sdp;x=y\r\nl: 4\r\n\r\nv=0\n",
    "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK77;received=::1\r\nFrom: <sip:101@gw>;tag=a1\r\nTo: <sip:101@gw>;tag=b\r\nCall-ID: 7a\r\nCSeq: 1 REGISTER\r\nContact: *\r\nExpires: 0\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256, qop=\"auth,auth-int\"\r\nAllow: INVITE, ACK\r\nServer: x\r\nContent-Length: 0\r\n\r\n",
    "REGISTER sip:gw SIP/2.0\nVia: SIP / 2.0 / WSS h : 1 ; branch = b\nFrom: a <sip:a@b>;tag=1\nTo: sip:a@b;tag=2;lr\nCall-ID: x\nCSeq: 0\n  REGISTER\n\n",
];

const BODY: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.31\r\ns=x\r\nc=IN IP4 192.0.2.31\r\nt=0 0\r\na=sendonly\r\nm=audio 11780 RTP/AVP 9 0 8 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=rtcp:5 IN IP4 192.0.2.1\r\nm=video 0 RTP/AVP 96\r\n";

/// Reads all there is to read.
fn read_everything(headers: &Headers) {
    let h = headers;
    let _ = black_box((h.via(), h.vias(), h.from(), h.to(), h.cseq(), h.contacts()));
    let _ = black_box((h.call_id().is_ok(), h.expires(), h.max_forwards()));
    let _ = black_box((h.content_length(), h.content_type(), h.routes()));
    let _ = black_box((h.record_routes(), h.require(), h.supported(), h.allow()));
    let _ = black_box((h.authorization(), h.proxy_authorization(), h.challenges()));
    let _ = black_box((h.user_agent(), h.number(HeaderName::SessionExpires)));
    for addr in h.addresses(&HeaderName::Contact).unwrap_or_default() {
        let _ = black_box((addr.tag(), addr.q(), addr.expires(), addr.to_string()));
        read_uri(&addr.uri);
    }
    for via in h.vias().unwrap_or_default() {
        let _ = black_box((via.branch(), via.received(), via.rport(), via.maddr()));
    }
}

fn read_uri(uri: &Uri) {
    let _ = black_box((uri.user(), uri.password(), uri.host(), uri.port()));
    let _ = black_box((uri.headers().count(), uri.transport().is_ok()));
    assert!(uri.equivalent(uri));
    assert_eq!(
        Uri::parse(Bytes::copy_from_slice(uri.as_bytes())).as_ref(),
        Ok(uri)
    );
}

/// What every input has to stand.
fn check(input: &[u8]) {
    match Message::parse(Bytes::copy_from_slice(input)) {
        Ok(message) => {
            let start = input.iter().take_while(|b| b"\r\n".contains(b)).count();
            let printed = message.encode();
            assert!(input[start..].starts_with(&printed));
            assert_eq!(Message::parse(printed).as_ref(), Ok(&message));
            read_everything(message.headers());
            if let Message::Request(request) = &message {
                read_uri(&request.uri);
                check_response(Response::to(request, StatusCode::OK).with_to_tag("t"));
            }
        }
        Err(error) => {
            assert!(!error.reason().is_empty());
            read_everything(&error.headers);
            if let Some(response) = error.response() {
                // It may lack the fields the request lacked, but it is made of whole lines.
                let printed = response.encode();
                let start = String::from_utf8_lossy(&printed).into_owned();
                assert!(start.starts_with("SIP/2.0 "), "{start}");
            }
        }
    }
}

fn check_response(response: Response) {
    let printed = response.encode();
    match Message::parse(printed.clone()) {
        Ok(Message::Response(again)) => {
            assert_eq!(again.status, response.status);
            assert_eq!(again.headers.len(), response.headers.len() + 1);
        }
        other => panic!("{other:?} {}", String::from_utf8_lossy(&printed)),
    }
}

/// One of the seeds with some bytes overwritten, put in or left out.
fn mutated(seeds: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let odd = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"\r\n \t\";,<>=:@%?*\\/[]0\0".to_vec())
    ];
    let change = (any::<prop::sample::Index>(), 0..3_u8, odd);
    (
        prop::sample::select(seeds),
        prop::collection::vec(change, 1..6),
    )
        .prop_map(|(seed, changes)| {
            let mut bytes = seed.as_bytes().to_vec();
            for (index, kind, byte) in changes {
                let at = index.index(bytes.len());
                match kind {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    _ => drop(bytes.remove(at)),
                }
            }
            bytes
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_are_stood(input in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&input);
    }

    #[test]
    fn mutated_messages_are_stood(input in mutated(&SEEDS)) {
        check(&input);
    }

    #[test]
    fn mutated_descriptions_are_stood(input in mutated(&[BODY])) {
        if let Ok(offer) = sdp::parse(&input)
            && let Some((at, audio)) = offer.audios().next()
        {
            let _ = black_box((audio.rtcp_address(), offer.streams().count()));
            let keys = audio.crypto.iter().take(1).cloned().collect();
            let ours = AudioDescription::new([127, 0, 0, 1].into(), 10_000, vec![RtpCodec::pcma()])
                .with_protection(audio.profile, keys);
            let ours = AudioDescription { browser: audio.browser.clone(), ..ours };
            if let Some(answer) = ours.answer_to(&audio) {
                let body = Local::new(1).answer(&offer, at, &answer);
                let again = sdp::parse(&body).unwrap();
                prop_assert_eq!(again.audio().unwrap(), answer);
                prop_assert_eq!(again.streams().count(), offer.streams().count());
            }
        }
    }

    #[test]
    fn streams_decode_the_same_however_they_are_cut(
        messages in prop::collection::vec(prop::sample::select(&SEEDS[..2]), 1..4),
        cuts in prop::collection::vec(1..200_usize, 1..20),
    ) {
        let stream = messages.concat();
        let mut decoder = StreamDecoder::new();
        let mut frames = Vec::new();
        let mut rest = stream.as_bytes();
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let (chunk, tail) = rest.split_at(cut.min(rest.len()));
            decoder.push(chunk);
            while let Some(frame) = decoder.next_frame().unwrap() {
                frames.push(frame);
            }
            rest = tail;
        }
        let expected: Vec<_> = messages.iter().map(|m| Frame::Message(Bytes::from(*m))).collect();
        prop_assert_eq!(frames, expected);
        prop_assert!(!decoder.is_partial());
    }

    #[test]
    fn random_streams_are_stood(
        chunks in prop::collection::vec(mutated(&SEEDS), 1..4),
    ) {
        let mut decoder = StreamDecoder::new();
        for chunk in chunks {
            decoder.push(&chunk);
            while let Ok(Some(frame)) = decoder.next_frame() {
                if let Frame::Message(bytes) = frame {
                    check(&bytes);
                }
            }
        }
    }

    #[test]
    fn any_text_is_kept_inside_its_place(
        user in any::<String>(),
        name in any::<String>(),
        value in any::<String>(),
        token in "[a-z]{1,8}",
    ) {
        let host: Host = "gw.example".parse().unwrap();
        let uri = Uri::sip(Some(&user), host, Some(5060))
            .with_param(&token, Some(&value))
            .with_uri_header(&token, &value);
        let mut params = Params::new();
        params.set(&token, &value);
        let addr = NameAddr { display_name: Some(name.clone()), uri: uri.clone(), params };
        let request = Request::new(Method::Options, uri.clone().without_headers())
            .with_header(HeaderName::Via, "SIP/2.0/UDP h;branch=z9hG4bK1")
            .with_header(HeaderName::From, &addr)
            .with_header(HeaderName::To, &addr)
            .with_header(HeaderName::CallId, "i")
            .with_header(HeaderName::CSeq, "1 OPTIONS")
            .with_header(HeaderName::Subject, HeaderValue::sanitized(&value))
            .with_body("text/plain", value.clone());
        let Ok(Message::Request(again)) = Message::parse(request.encode()) else {
            panic!("{request:?}")
        };
        prop_assert_eq!(again.headers.len(), 8);
        prop_assert_eq!(&again.body, value.as_bytes());
        let from = again.headers.from().unwrap();
        prop_assert_eq!(&from.uri, &uri);
        prop_assert_eq!(from.uri.user().unwrap_or_default(), user);
        prop_assert_eq!(from.uri.param(&token).unwrap(), value.as_str());
        prop_assert_eq!(from.uri.header(&token).unwrap(), value.as_str());
        let spaced = |text: &str| -> String {
            text.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect()
        };
        prop_assert_eq!(from.params.get(&token).unwrap(), spaced(&value));
        let shown = Some(spaced(&name)).filter(|name| !name.is_empty());
        prop_assert_eq!(from.display_name, shown);
    }

    #[test]
    fn any_credentials_are_stood(text in "Digest [ -~]{0,80}") {
        if let Ok(credentials) = Credentials::from_text(&text) {
            let _ = black_box((credentials.username(), credentials.nonce(), credentials.get("qop")));
        }
    }

    #[test]
    fn descriptions_read_back(
        port in 1..u16::MAX,
        ip in any::<[u8; 4]>().prop_filter("specified", |ip| *ip != [0; 4]),
        ptime in prop::option::of(1..100_u16),
        event in prop::option::of(96..127_u8),
        direction in prop::sample::select(vec![
            Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive,
        ]),
    ) {
        let mut audio = AudioDescription::new(ip.into(), port, vec![RtpCodec::pcmu()]);
        audio.ptime = ptime;
        audio.telephone_event = event;
        audio.direction = direction;
        let body = Local::new(u64::from(port)).offer(&audio);
        prop_assert_eq!(sdp::parse(&body).unwrap().audio().unwrap(), audio);
    }
}
