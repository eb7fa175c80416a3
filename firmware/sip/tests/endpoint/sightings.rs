//! Messages a host the test plays writes and reads, and events in words.

use ramal_sip::{
    Event, HeaderName, HeaderValue, Message, Method, Request, Response, SessionId, Via,
};

use crate::network::{Network, address, uri};

/// The session of the one `Incoming` among events.
pub fn incoming(events: &[Event]) -> SessionId {
    let sessions: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Incoming { session, .. } => Some(*session),
            _ => None,
        })
        .collect();
    assert_eq!(sessions.len(), 1, "one incoming call in {events:?}");
    sessions[0]
}

/// The names of events, with what matters of them.
pub fn names(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| match event {
        Event::Incoming { .. } => "Incoming".to_owned(),
        Event::Progress { status, sdp, .. } => format!(
            "Progress {status}{}",
            if sdp.is_some() { " sdp" } else { "" }
        ),
        Event::Answered { sdp, .. } => {
            format!("Answered{}", if sdp.is_some() { " sdp" } else { "" })
        }
        Event::Rejected {
            status, response, ..
        } => {
            format!(
                "Rejected {status}{}",
                if response.is_some() {
                    ""
                } else {
                    " unanswered"
                }
            )
        }
        Event::Confirmed { sdp, .. } => {
            format!("Confirmed{}", if sdp.is_some() { " sdp" } else { "" })
        }
        Event::Offer { sdp, .. } => format!("Offer{}", if sdp.is_some() { " sdp" } else { "" }),
        Event::OfferWithdrawn { .. } => "OfferWithdrawn".to_owned(),
        Event::OfferAnswered { .. } => "OfferAnswered".to_owned(),
        Event::OfferRefused { status, .. } => format!("OfferRefused {status}"),
        Event::Info { content_type, .. } => format!("Info {content_type}"),
        Event::Ended { cause, .. } => format!("Ended {cause:?}"),
        Event::Request { request, .. } => format!("Request {}", request.method),
        Event::Response { response, .. } => format!("Response {}", response.status),
        Event::Timeout { flow_failed, .. } => {
            format!("Timeout{}", if *flow_failed { " flow failed" } else { "" })
        }
        other => format!("{other:?}"),
    };
    events.iter().map(name).collect()
}

/// A request from a host the test plays, with what every request needs.
pub fn request(
    network: &Network,
    from: usize,
    method: Method,
    branch: &str,
    from_tag: &str,
    to_tag: Option<&str>,
    cseq: u32,
) -> Request {
    let host = network.hosts[from].address;
    let via = Via::new(network.transport, host.ip(), Some(host.port()), branch);
    let mut to = address("sip:alice@a.example");
    if let Some(tag) = to_tag {
        to = to.with_tag(tag);
    }
    Request::new(method.clone(), uri("sip:alice@127.0.0.11"))
        .with_header(HeaderName::Via, &via)
        .with_header(HeaderName::MaxForwards, 70)
        .with_header(
            HeaderName::From,
            address("sip:bob@b.example").with_tag(from_tag),
        )
        .with_header(HeaderName::To, to)
        .with_header(HeaderName::CallId, "one-call")
        .with_header(HeaderName::CSeq, ramal_sip::CSeq::new(cseq, method))
        .with_header(
            HeaderName::Contact,
            HeaderValue::sanitized(format!("<sip:bob@{host}>")),
        )
}

/// The one request with this method among messages.
pub fn one(messages: &[Message], method: Method) -> Request {
    let found: Vec<_> = messages
        .iter()
        .filter_map(|message| match message {
            Message::Request(request) if request.method == method => Some(request.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(found.len(), 1, "one {method} in {messages:?}");
    found.into_iter().next().unwrap()
}

/// The one response among messages.
pub fn one_response(messages: &[Message]) -> Response {
    let found: Vec<_> = messages
        .iter()
        .filter_map(|message| match message {
            Message::Response(response) => Some(response.clone()),
            Message::Request(_) => None,
        })
        .collect();
    assert_eq!(found.len(), 1, "one response in {messages:?}");
    found.into_iter().next().unwrap()
}
