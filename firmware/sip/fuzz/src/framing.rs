//! A stream: cut in one piece or bytewise, it holds the same messages.

use ramal_sip::framing::{Frame, StreamDecoder};

fn messages<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<bytes::Bytes> {
    let mut decoder = StreamDecoder::new();
    let mut messages = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Ok(Some(frame)) = decoder.next_frame() {
            if let Frame::Message(message) = frame {
                messages.push(message);
            }
        }
    }
    messages
}

/// Panics when something is wrong.
pub fn run(input: &[u8]) {
    assert_eq!(messages(std::iter::once(input)), messages(input.chunks(1)));
}
