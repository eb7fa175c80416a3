//! The phones on both sides of the gateway; nothing of them is counted.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use ramal_sip::digest::Secret;
use ramal_sip::{
    ClientCredentials, Endpoint, EndpointConfig, Event, Flow, Invite, NameAddr, SessionId,
    StatusCode, Uri, UriError,
};

pub const SECRET: &str = "3yq0ZxJ1rVn8Kc5LtW2b";
const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";
const ANSWER: &[u8] = b"v=0\r\no=- 2 2 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4002 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

/// All phones that call, or all that are called: one endpoint with as many addresses.
pub struct Phones {
    pub endpoint: Endpoint,
    /// Answered calls made here, oldest first.
    pub standing: VecDeque<SessionId>,
    /// Calls that came to nothing.
    pub failed: usize,
}

impl Phones {
    pub fn new(seed: u8) -> Self {
        let config = EndpointConfig {
            user_agent: "Phone".into(),
            ..EndpointConfig::default()
        };
        Self {
            endpoint: Endpoint::new(config, [seed; 32]),
            standing: VecDeque::new(),
            failed: 0,
        }
    }

    /// Calls `callee` from the phone with this number and way to the gateway.
    pub fn call(
        &mut self,
        now: Instant,
        flow: Flow,
        number: &str,
        callee: &str,
    ) -> Result<(), UriError> {
        let gateway = flow.remote;
        let target: Uri = format!("sip:{callee}@{gateway}").parse()?;
        let own: Uri = format!("sip:{number}@{gateway}").parse()?;
        let invite = Invite {
            contact_user: number.to_owned(),
            offer: Some(Bytes::from_static(SDP)),
            credentials: Some(ClientCredentials {
                username: number.to_owned(),
                secret: Secret::Password(SECRET.to_owned()),
            }),
            ..Invite::new(
                flow,
                target.clone(),
                NameAddr::new(own).with_display_name("Ana"),
                NameAddr::new(target),
            )
        };
        self.endpoint.invite(now, invite);
        Ok(())
    }

    /// Hangs up the oldest call.
    pub fn hang_up(&mut self, now: Instant) {
        if let Some(session) = self.standing.pop_front() {
            self.endpoint.hang_up(now, session, None);
        }
    }

    /// Acts on what was heard; what is to be sent goes to `send`.
    pub fn pump(&mut self, now: Instant, send: &mut impl FnMut(Flow, Bytes)) {
        loop {
            while let Some(transmit) = self.endpoint.poll_transmit() {
                send(transmit.flow, transmit.message);
            }
            match self.endpoint.poll_event() {
                Some(Event::Incoming { session, .. }) => {
                    let endpoint = &mut self.endpoint;
                    endpoint.progress(now, session, StatusCode::RINGING, None);
                    endpoint.accept(now, session, Bytes::from_static(ANSWER));
                }
                Some(Event::Answered { session, .. }) => self.standing.push_back(session),
                Some(Event::Rejected { .. }) => self.failed += 1,
                Some(_) => {}
                None => return,
            }
        }
    }
}
