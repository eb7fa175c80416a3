//! Streams cut in every way.

use super::*;

const MESSAGE: &str = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nl : 4\r\n\r\nbody";

fn frames(chunks: &[&[u8]]) -> Result<Vec<Frame>, FrameError> {
    let mut decoder = StreamDecoder::new();
    let mut frames = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(frame) = decoder.next_frame()? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

fn message(text: &str) -> Frame {
    Frame::Message(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn a_message_is_found_however_the_stream_is_cut() {
    let stream = format!("\r\n\r\n{MESSAGE}{MESSAGE}");
    let expected = vec![Frame::Ping, message(MESSAGE), message(MESSAGE)];
    assert_eq!(frames(&[stream.as_bytes()]).unwrap(), expected);
    for cut in 4..stream.len() {
        let (a, b) = stream.as_bytes().split_at(cut);
        assert_eq!(frames(&[a, b]).unwrap(), expected, "cut at {cut}");
    }
    let mut bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
    let split_ping = frames(&bytes).unwrap();
    // The first line end could have been a pong; what matters is that the ping is answered.
    assert_eq!(split_ping, [&[Frame::Pong], &expected[..]].concat());
    bytes.drain(..4);
    assert_eq!(frames(&bytes).unwrap(), expected[1..]);
}

#[test]
fn pings_and_pongs_are_told_apart() {
    assert_eq!(frames(&[b"\r\n\r\n"]).unwrap(), [Frame::Ping]);
    assert_eq!(frames(&[b"\r\n"]).unwrap(), [Frame::Pong]);
    assert_eq!(frames(&[b"\r"]).unwrap(), []);
    let stream = format!("\r\n{MESSAGE}");
    assert_eq!(
        frames(&[stream.as_bytes()]).unwrap(),
        [Frame::Pong, message(MESSAGE)]
    );
    let stream = format!("{MESSAGE}\r\n\r\n{MESSAGE}");
    assert_eq!(
        frames(&[stream.as_bytes()]).unwrap(),
        [message(MESSAGE), Frame::Ping, message(MESSAGE)]
    );
}

#[test]
fn answers_to_our_pings_are_not_the_halves_of_one() {
    let mut decoder = StreamDecoder::new();
    let next = |decoder: &mut StreamDecoder, bytes: &[u8]| {
        decoder.push(bytes);
        let frame = decoder.next_frame().unwrap();
        assert_eq!(decoder.next_frame(), Ok(None));
        frame.unwrap()
    };
    for _ in 0..3 {
        decoder.expect_pong();
        assert_eq!(next(&mut decoder, PONG), Frame::Pong);
        // Theirs are still answered.
        assert_eq!(next(&mut decoder, PING), Frame::Ping);
    }
    assert_eq!(next(&mut decoder, PONG), Frame::Pong);
    assert_eq!(next(&mut decoder, PONG), Frame::Ping, "one in two parts");
}

#[test]
fn a_message_without_content_length_has_no_body() {
    let bare = "OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n";
    let stream = format!("{bare}{MESSAGE}");
    assert_eq!(
        frames(&[stream.as_bytes()]).unwrap(),
        [message(bare), message(MESSAGE)]
    );
}

#[test]
fn what_looks_like_a_content_length_in_a_folded_field_is_none() {
    let folded = "OPTIONS sip:a@b SIP/2.0\r\nSubject: x\r\n Content-Length: 9\r\nContent-Length:\r\n 2\r\n\r\nab";
    let stream = format!("{folded}{MESSAGE}");
    assert_eq!(
        frames(&[stream.as_bytes()]).unwrap(),
        [message(folded), message(MESSAGE)]
    );
}

#[test]
fn unusable_content_lengths_end_the_stream() {
    for value in ["-1", "x", "", "1\r\nContent-Length: 2", "1 2"] {
        let stream = format!("OPTIONS sip:a@b SIP/2.0\r\nContent-Length: {value}\r\n\r\n12");
        assert_eq!(
            frames(&[stream.as_bytes()]),
            Err(FrameError::ContentLength),
            "{value}"
        );
    }
}

#[test]
fn a_failed_stream_stays_failed_and_keeps_nothing() {
    let mut decoder = StreamDecoder::new();
    decoder.push(b"X\r\nContent-Length: x\r\n\r\n");
    assert_eq!(decoder.next_frame(), Err(FrameError::ContentLength));
    decoder.push(MESSAGE.as_bytes());
    assert_eq!(decoder.next_frame(), Err(FrameError::ContentLength));
    assert!(!decoder.is_partial());
}

#[test]
fn the_length_is_refused_before_the_body_arrives() {
    for length in ["65536", "99999999999999999999999"] {
        let head = format!("OPTIONS sip:a@b SIP/2.0\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(frames(&[head.as_bytes()]), Err(FrameError::TooLarge));
    }
    let endless = vec![b'a'; MAX_MESSAGE + 1];
    assert_eq!(frames(&[&endless]), Err(FrameError::TooLarge));
    let many = format!("X\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
    assert_eq!(frames(&[many.as_bytes()]), Err(FrameError::TooManyHeaders));
}

#[test]
fn a_message_of_the_greatest_size_passes() {
    let head = "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 65486\r\n\r\n";
    let text = format!("{head}{}", "x".repeat(65_486));
    assert_eq!(text.len(), MAX_MESSAGE);
    assert_eq!(frames(&[text.as_bytes()]).unwrap(), [message(&text)]);
}

#[test]
fn a_started_message_is_partial_until_it_is_whole() {
    let mut decoder = StreamDecoder::new();
    assert!(!decoder.is_partial());
    decoder.push(b"OPTIONS sip:");
    assert_eq!(decoder.next_frame(), Ok(None));
    assert!(decoder.is_partial());
}
