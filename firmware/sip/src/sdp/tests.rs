//! Bodies as real phones write them, and the rules of RFC 3264 on them.

mod encrypted;
mod fax;

use super::*;

/// A desk phone's offer with many codecs.
const DESK_PHONE: &str = "v=0\r\n\
    o=- 20051 20051 IN IP4 192.0.2.31\r\n\
    s=SDP data\r\n\
    c=IN IP4 192.0.2.31\r\n\
    t=0 0\r\n\
    m=audio 11780 RTP/AVP 9 0 8 18 101\r\n\
    a=rtpmap:9 G722/8000\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:18 G729/8000\r\n\
    a=fmtp:18 annexb=no\r\n\
    a=ptime:20\r\n\
    a=sendrecv\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\n";

/// A softphone's offer with video, RTCP elsewhere and Opus.
const SOFTPHONE: &str = "v=0\r\n\
    o=alice 3862 1234 IN IP6 2001:db8::7\r\n\
    s=Talk\r\n\
    c=IN IP6 2001:db8::7\r\n\
    t=0 0\r\n\
    a=rtcp-xr:rcvr-rtt=all:10000\r\n\
    m=video 9078 RTP/AVP 96\r\n\
    a=rtpmap:96 VP8/90000\r\n\
    m=audio 7078 RTP/AVP 96 8 97 98\r\n\
    a=rtpmap:96 opus/48000/2\r\n\
    a=fmtp:96 useinbandfec=1\r\n\
    a=rtpmap:97 telephone-event/48000\r\n\
    a=rtpmap:98 telephone-event/8000\r\n\
    a=rtcp:7090 IN IP6 2001:db8::8\r\n\
    m=application 5000 UDP/BFCP *\r\n";

/// An old adapter's offer: no `a=rtpmap`, LF alone, a NUL behind, no time.
const ADAPTER: &str = "v=0\no=ATA 1 1 IN IP4 10.0.0.9\ns=caf\u{e9}\nc=IN IP4 10.0.0.9\nm=audio 4000 RTP/AVP 18 8 0\na=ptime:30.0\n\0";

fn audio(text: &str) -> AudioDescription {
    parse(text.as_bytes()).unwrap().audio().unwrap()
}

fn ours() -> AudioDescription {
    AudioDescription::new(
        "198.51.100.1".parse().unwrap(),
        10_000,
        vec![RtpCodec::pcma(), RtpCodec::pcmu()],
    )
    .with_telephone_event(101)
}

fn printed(body: &[u8]) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn a_desk_phones_offer_is_read() {
    let audio = audio(DESK_PHONE);
    assert_eq!(audio.rtp_address(), "192.0.2.31:11780".parse().unwrap());
    assert_eq!(audio.rtcp_address(), "192.0.2.31:11781".parse().unwrap());
    let names: Vec<_> = audio.codecs.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["G722", "PCMU", "PCMA", "G729"]);
    assert_eq!(audio.codecs[3].fmtp.as_deref(), Some("annexb=no"));
    assert_eq!(audio.telephone_event, Some(101));
    assert_eq!(audio.direction, Direction::SendRecv);
    assert_eq!(audio.ptime, Some(20));
}

#[test]
fn a_softphones_offer_is_read() {
    let audio = audio(SOFTPHONE);
    assert_eq!(audio.rtp_address(), "[2001:db8::7]:7078".parse().unwrap());
    assert_eq!(audio.rtcp_address(), "[2001:db8::8]:7090".parse().unwrap());
    assert_eq!(
        audio.codecs[0],
        RtpCodec {
            channels: 2,
            fmtp: Some("useinbandfec=1".into()),
            ..RtpCodec::new(96, "opus", 48_000)
        }
    );
    assert_eq!(audio.telephone_event, Some(98));
}

#[test]
fn an_old_adapters_offer_is_read() {
    let audio = audio(ADAPTER);
    let types: Vec<_> = audio.codecs.iter().map(|c| c.payload_type).collect();
    assert_eq!(types, [18, 8, 0]);
    assert_eq!(audio.codecs[1], RtpCodec::pcma());
    assert_eq!(audio.telephone_event, None);
    assert_eq!(audio.ptime, Some(30));
}

#[test]
fn session_names_in_latin_1_are_read() {
    let mut body =
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=caf\xe9\r\nc=IN IP4 192.0.2.1\r\n".to_vec();
    body.extend_from_slice(b"t=0 0\r\nm=audio 4000 RTP/AVP 8\r\n");
    assert!(parse(&body).unwrap().audio().is_some());
}

#[test]
fn the_answer_has_the_common_codecs_in_the_offerers_order() {
    let offer = audio(DESK_PHONE);
    let answer = ours().answer_to(&offer).unwrap();
    let types: Vec<_> = answer.codecs.iter().map(|c| c.payload_type).collect();
    assert_eq!(types, [0, 8]);
    assert_eq!(answer.telephone_event, Some(101));
    assert_eq!(answer.ptime, Some(20));
    assert_eq!(answer.rtp_address(), "198.51.100.1:10000".parse().unwrap());
}

#[test]
fn the_answer_uses_the_offerers_payload_types() {
    let text = DESK_PHONE
        .replace("9 0 8 18 101", "110 121")
        .replace("a=rtpmap:8 ", "a=rtpmap:110 ")
        .replace(":101 ", ":121 ");
    let answer = ours().answer_to(&audio(&text)).unwrap();
    assert_eq!(answer.codecs[0].payload_type, 110);
    assert_eq!(answer.telephone_event, Some(121));
    let body = printed(&Local::new(1).answer(&parse(text.as_bytes()).unwrap(), 0, &answer));
    assert!(body.contains("m=audio 10000 RTP/AVP 110 121\r\n"), "{body}");
    assert!(body.contains("a=rtpmap:110 PCMA/8000\r\n"), "{body}");
    assert!(
        body.contains("a=rtpmap:121 telephone-event/8000\r\n"),
        "{body}"
    );
}

#[test]
fn without_a_common_codec_there_is_no_answer() {
    let mut only_pcma = ours();
    only_pcma.codecs = vec![RtpCodec::pcma()];
    let offer = audio(&DESK_PHONE.replace("9 0 8 18 101", "9 0 18 101"));
    assert_eq!(only_pcma.answer_to(&offer), None);
}

#[test]
fn telephone_events_are_answered_only_when_both_have_them() {
    let mut deaf = ours();
    deaf.telephone_event = None;
    assert_eq!(
        deaf.answer_to(&audio(DESK_PHONE)).unwrap().telephone_event,
        None
    );
    assert_eq!(
        ours().answer_to(&audio(ADAPTER)).unwrap().telephone_event,
        None
    );
}

#[test]
fn directions_are_answered_as_rfc_3264_says() {
    use Direction::*;
    for (offer, wish, answer) in [
        (SendRecv, SendRecv, SendRecv),
        (SendRecv, SendOnly, SendOnly),
        (SendOnly, SendRecv, RecvOnly),
        (SendOnly, SendOnly, Inactive),
        (RecvOnly, SendRecv, SendOnly),
        (RecvOnly, RecvOnly, Inactive),
        (Inactive, SendRecv, Inactive),
        (SendRecv, Inactive, Inactive),
    ] {
        assert_eq!(wish.answer_to(offer), answer, "{offer:?} {wish:?}");
    }
}

#[test]
fn every_form_of_hold_is_understood() {
    let held = |text: String| audio(&text).direction;
    let by = |attribute: &str| DESK_PHONE.replace("sendrecv", attribute);
    assert_eq!(held(by("sendonly")), Direction::SendOnly);
    assert_eq!(held(by("inactive")), Direction::Inactive);
    assert_eq!(held(by("recvonly")), Direction::RecvOnly);
    let zero = DESK_PHONE.replace("c=IN IP4 192.0.2.31", "c=IN IP4 0.0.0.0");
    assert_eq!(held(zero.clone()), Direction::SendOnly);
    assert_eq!(
        held(zero.replace("sendrecv", "recvonly")),
        Direction::Inactive
    );
    assert_eq!(
        held(zero.replace("a=sendrecv\r\n", "")),
        Direction::SendOnly
    );
}

#[test]
fn a_direction_for_the_session_holds_unless_the_stream_has_its_own() {
    let text = DESK_PHONE.replace("t=0 0\r\n", "t=0 0\r\na=inactive\r\n");
    assert_eq!(audio(&text).direction, Direction::SendRecv);
    let text = text.replace("a=sendrecv\r\n", "");
    assert_eq!(audio(&text).direction, Direction::Inactive);
}

#[test]
fn the_streams_own_address_goes_before_the_sessions() {
    let text = DESK_PHONE.replace("18 101\r\n", "18 101\r\nc=IN IP4 203.0.113.9\r\n");
    assert_eq!(audio(&text).addr.to_string(), "203.0.113.9");
}

#[test]
fn other_streams_are_answered_with_port_0_in_their_places() {
    let offer = parse(SOFTPHONE.as_bytes()).unwrap();
    let answer = ours().answer_to(&offer.audio().unwrap()).unwrap();
    let mut local = Local::new(5);
    let body = local.answer(&offer, 1, &answer);
    let parsed = parse(&body).unwrap();
    assert_eq!(
        parsed.streams().collect::<Vec<_>>(),
        [("video", 0), ("audio", 10_000), ("application", 0)]
    );
    let text = printed(&body);
    assert!(text.contains("m=video 0 RTP/AVP 96\r\n"), "{text}");
    assert!(text.contains("m=application 0 UDP/BFCP *\r\n"), "{text}");
    // A later offer of ours keeps the places (RFC 3264 §8).
    let again = parse(&local.offer(&ours())).unwrap();
    assert_eq!(
        again.streams().collect::<Vec<_>>(),
        [("video", 0), ("audio", 10_000), ("application", 0)]
    );
}

#[test]
fn of_two_audio_streams_the_first_usable_one_is_taken() {
    let second = "m=audio 12000 RTP/AVP 8\r\n";
    let secure = DESK_PHONE.replace("11780 RTP/AVP", "11780 RTP/SAVP");
    assert_eq!(audio(&format!("{secure}{second}")).port, 12_000);
    assert_eq!(audio(&format!("{DESK_PHONE}{second}")).port, 11_780);
}

#[test]
fn streams_that_cannot_be_used_give_no_audio() {
    for (from, to) in [
        ("m=audio 11780", "m=audio 0"),
        ("RTP/AVP", "RTP/SAVP"),
        ("m=audio", "m=image"),
        ("9 0 8 18 101", "101"),
        ("9 0 8 18 101", "99"),
        ("c=IN IP4 192.0.2.31", "c=IN IP4 phone.example"),
        ("c=IN IP4 192.0.2.31\r\n", ""),
    ] {
        let text = DESK_PHONE.replace(from, to);
        let parsed = parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.audio(), None, "{to}");
    }
}

#[test]
fn the_version_grows_with_changes_only() {
    let mut local = Local::new(u64::MAX);
    let first = local.offer(&ours());
    assert_eq!(local.version(), 1);
    assert_eq!(local.offer(&ours()), first);
    let held = local.offer(&ours().with_direction(Direction::SendOnly));
    assert_eq!(local.version(), 2);
    let (id, version) = (u64::MAX >> 2, 2);
    let parsed = parse(&held).unwrap();
    assert_eq!(parsed.origin(), (id.to_string().as_str(), version));
    assert_eq!(parsed.audio().unwrap().direction, Direction::SendOnly);
    let back = local.offer(&ours());
    assert_eq!(parse(&back).unwrap().origin().1, 3);
}

#[test]
fn what_we_print_reads_back_the_same() {
    let mut full = ours().with_ptime(20).with_direction(Direction::RecvOnly);
    full.maxptime = Some(60);
    full.rtcp = Some("198.51.100.2:9".parse().unwrap());
    full.codecs.push(RtpCodec {
        channels: 2,
        fmtp: Some("useinbandfec=1".into()),
        ..RtpCodec::new(96, "opus", 48_000)
    });
    assert_eq!(audio(&printed(&Local::new(1).offer(&full))), full);
    let mut v6 = ours();
    v6.addr = "2001:db8::1".parse().unwrap();
    assert_eq!(audio(&printed(&Local::new(1).offer(&v6))), v6);
}

#[test]
fn the_peers_payload_types_count_when_it_answers_our_offer() {
    let mut answer = ours();
    answer.codecs = vec![
        RtpCodec::new(110, "pcma", 8000),
        RtpCodec::new(18, "G729", 8000),
    ];
    let taken = ours().taken_by(&answer);
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].payload_type, 110);
}

#[test]
fn broken_bodies_are_told_apart() {
    assert_eq!(parse(b""), Err(SdpError::Empty));
    assert_eq!(parse(b" \r\n\0"), Err(SdpError::Empty));
    for broken in [
        "hello",
        "v=1\r\n",
        "v=0\r\no=-\r\n",
        "v=0\r\nm=audio\r\n",
        "v=0\r\nm=audio 70000 RTP/AVP 8\r\n",
        "v=0\r\nc=IN IP4\r\n",
    ] {
        assert!(
            matches!(parse(broken.as_bytes()), Err(SdpError::Syntax(_))),
            "{broken}"
        );
    }
}

#[test]
fn odd_attributes_are_passed_over() {
    for (from, to) in [
        ("a=rtpmap:8 PCMA/8000", "a=rtpmap:8 PCMA"),
        ("a=rtpmap:8 PCMA/8000", "a=rtpmap:8 PCMA/0"),
        ("a=rtpmap:8 PCMA/8000", "a=rtpmap"),
        ("a=ptime:20", "a=ptime:abc"),
        ("a=ptime:20", "a=rtcp:99999"),
        ("a=ptime:20", "a=rtcp:0"),
        ("9 0 8", "9 0 300 -1 x 8"),
    ] {
        let text = DESK_PHONE.replace(from, to);
        assert!(audio(&text).codecs.contains(&RtpCodec::pcmu()), "{to}");
    }
}
