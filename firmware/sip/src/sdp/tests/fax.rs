//! Audio that becomes a fax (T.38).

use super::*;

/// An adapter that has heard a fax tone turns its audio stream into a fax.
const FAX: &str = "v=0\r\n\
    o=- 20051 20052 IN IP4 192.0.2.31\r\n\
    s=-\r\n\
    c=IN IP4 192.0.2.31\r\n\
    t=0 0\r\n\
    m=image 11782 udptl t38\r\n\
    a=T38FaxVersion:0\r\n\
    a=T38MaxBitRate:14400\r\n\
    a=T38FaxFillBitRemoval\r\n\
    a=T38FaxUdpEC:t38UDPRedundancy\r\n\
    a=sendrecv\r\n";

#[test]
fn a_fax_keeps_its_attributes_and_the_place_of_the_audio() {
    let mut local = Local::new(1);
    let before = printed(&local.offer(&ours()));
    assert!(before.contains("m=audio 10000 "), "{before}");
    let offer = parse(FAX.as_bytes()).unwrap();
    assert!(offer.audio().is_none());
    let image = offer.image().unwrap();
    assert_eq!(image.address(), "192.0.2.31:11782".parse().unwrap());

    let answer = printed(&local.answer_image(&offer, &image.at(ours().addr, 10_000)));
    assert!(answer.contains(" 2 IN IP4 198.51.100.1\r\n"), "{answer}");
    let line = answer.split_once("m=").unwrap().1;
    assert_eq!(
        line,
        "image 10000 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxFillBitRemoval\r\n\
         a=T38FaxUdpEC:t38UDPRedundancy\r\n"
    );
    let back = printed(&local.offer(&ours()));
    assert_eq!(back.matches("m=").count(), 1, "{back}");
    assert!(back.contains("m=audio 10000 "), "{back}");
}

#[test]
fn a_fax_beside_refused_audio_is_answered_in_its_place() {
    let with_audio = FAX.replace("m=image", "m=audio 0 RTP/AVP 8\r\nm=image");
    let offer = parse(with_audio.as_bytes()).unwrap();
    let image = offer.image().unwrap();
    let answer = printed(&Local::new(1).answer_image(&offer, &image));
    assert!(
        answer.contains("m=audio 0 RTP/AVP 8\r\nm=image 11782 udptl t38\r\n"),
        "{answer}"
    );
    for other in [("udptl", "TCP"), ("t38", "jpeg"), ("11782", "0")] {
        let text = FAX.replacen(other.0, other.1, 1);
        assert!(parse(text.as_bytes()).unwrap().image().is_none(), "{text}");
    }
}
