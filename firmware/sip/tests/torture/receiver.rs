//! An endpoint that gets one message by UDP or by TCP, and what comes of it.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use ramal_sip::framing::{Frame, StreamDecoder};
use ramal_sip::{
    Endpoint, EndpointConfig, Event, Flow, HeaderName, Message, Method, Request, Response,
    Transport,
};

/// What comes of one message.
#[derive(Debug)]
pub enum Outcome {
    /// A call for the user: accepted.
    Incoming(Box<Request>),
    /// Another request for the user, who answers it: accepted.
    Request(Box<Request>),
    /// The endpoint's own answer, which needs no state.
    Answer(Box<Response>),
    /// A well-formed response that answers nothing of ours.
    StrayResponse,
    /// A malformed response.
    MalformedResponse,
    /// Nothing that names a way to answer.
    Unanswerable,
    /// The stream waits for the rest of a message.
    Waits,
    /// The stream's boundaries are lost: it is closed.
    Closes,
}

impl Outcome {
    /// In a few words: `INVITE`, `400 Malformed Via`, `stray response` …
    pub fn summary(&self) -> String {
        match self {
            Self::Incoming(request) => format!("call {}", request.method),
            Self::Request(request) => format!("request {}", request.method),
            Self::Answer(response) => {
                let reason = String::from_utf8_lossy(&response.reason);
                format!("{} {reason}", response.status)
            }
            Self::StrayResponse => "stray response".into(),
            Self::MalformedResponse => "malformed response".into(),
            Self::Unanswerable => "unanswerable".into(),
            Self::Waits => "waits".into(),
            Self::Closes => "closes".into(),
        }
    }
}

fn config() -> EndpointConfig {
    EndpointConfig {
        methods: vec![Method::Register, Method::Options, Method::Message],
        ..EndpointConfig::default()
    }
}

fn flow(transport: Transport, remote: SocketAddr) -> Flow {
    let local = match remote {
        SocketAddr::V4(_) => "127.0.0.1:5060",
        SocketAddr::V6(_) => "[::1]:5060",
    };
    Flow {
        transport,
        local: local.parse().unwrap(),
        remote,
        connection: u64::from(transport != Transport::Udp),
    }
}

/// Sends a datagram from `remote`.
pub fn by_udp(datagram: Bytes, remote: &str) -> Outcome {
    receive(flow(Transport::Udp, remote.parse().unwrap()), datagram)
}

/// Sends a stream, in pieces of seven bytes.
pub fn by_tcp(stream: &[u8], remote: &str) -> Vec<Outcome> {
    let flow = flow(Transport::Tcp, remote.parse().unwrap());
    let mut decoder = StreamDecoder::new();
    let mut outcomes = Vec::new();
    for piece in stream.chunks(7) {
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(Frame::Message(message))) => outcomes.push(receive(flow, message)),
                Ok(Some(Frame::Ping | Frame::Pong)) => {}
                Ok(None) => break,
                Err(_) => {
                    outcomes.push(Outcome::Closes);
                    return outcomes;
                }
            }
        }
    }
    if decoder.is_partial() {
        outcomes.push(Outcome::Waits);
    }
    outcomes
}

fn receive(flow: Flow, message: Bytes) -> Outcome {
    let mut endpoint = Endpoint::new(config(), [3; 32]);
    endpoint.handle_message(Instant::now(), flow, message.clone());
    let events: Vec<Event> = std::iter::from_fn(|| endpoint.poll_event()).collect();
    let sent: Vec<Bytes> = std::iter::from_fn(|| endpoint.poll_transmit())
        .map(|transmit| {
            assert_eq!(transmit.flow.remote.ip(), flow.remote.ip());
            transmit.message
        })
        .collect();
    let counters = endpoint.counters();
    match (&events[..], &sent[..]) {
        ([Event::Incoming { request, .. }], [trying]) => {
            assert!(trying.starts_with(b"SIP/2.0 100 Trying\r\n"));
            Outcome::Incoming(request.clone().into())
        }
        ([Event::Request { request, .. }], []) => Outcome::Request(request.clone().into()),
        ([], [answer]) => {
            let response = read_answer(answer);
            let refused = [(response.status.code(), 1)];
            assert_eq!(counters.refused, refused);
            assert_eq!((counters.transactions, counters.timers), (0, 0));
            check_answer(&message, &response);
            Outcome::Answer(response.into())
        }
        ([], []) => {
            let dropped = counters.dropped;
            match (
                dropped.stray_responses,
                dropped.malformed_responses,
                dropped.unanswerable,
            ) {
                (1, 0, 0) => Outcome::StrayResponse,
                (0, 1, 0) => Outcome::MalformedResponse,
                (0, 0, 1) => Outcome::Unanswerable,
                _ => panic!("{counters:?}"),
            }
        }
        _ => panic!("{events:?} {sent:?}"),
    }
}

/// An answer to a malformed request repeats what is malformed, so it may not read back as a whole.
fn read_answer(answer: &Bytes) -> Response {
    match Message::parse(answer.clone()) {
        Ok(Message::Response(response)) => response,
        Ok(request) => panic!("{request:?}"),
        Err(error) => {
            let line = String::from_utf8_lossy(answer);
            let line = line.lines().next().unwrap().to_owned();
            let status = line[8..11]
                .parse()
                .ok()
                .and_then(ramal_sip::StatusCode::new);
            let mut response = Response::new(status.unwrap()).with_reason(&line[12..]);
            response.headers = *error.headers;
            response
        }
    }
}

/// The fields of §8.2.6.2 are copied, and To has a tag.
fn check_answer(request: &Bytes, response: &Response) {
    let headers = match Message::parse(request.clone()) {
        Ok(message) => message.headers().clone(),
        Err(error) => *error.headers,
    };
    for name in [HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
        let all = |headers: &ramal_sip::Headers| -> Vec<Vec<u8>> {
            headers.get_all(&name).map(unfolded).collect()
        };
        assert_eq!(all(&response.headers), all(&headers), "{name}");
    }
    if let Ok(to) = response.headers.to() {
        assert!(to.tag().is_some());
    }
}

fn unfolded(value: &[u8]) -> Vec<u8> {
    let words: Vec<&[u8]> = value
        .split(|b| b" \t\r\n".contains(b))
        .filter(|word| !word.is_empty())
        .collect();
    words.join(&b' ')
}
