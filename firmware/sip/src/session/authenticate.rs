//! Answering challenges (RFC 3261 §22.2, §22.3).

use std::time::Instant;

use super::{Purpose, Session, State};
use crate::digest::{Answer, Secret, choose};
use crate::endpoint::context::Context;
use crate::transaction::TransactionId;
use crate::{CSeq, HeaderName, Request, Response, StatusCode};

/// How many challenges one request answers: a proxy's and the peer's, each once more when the nonce went stale.
const MOST_CHALLENGES: u8 = 4;

/// What an outgoing INVITE, and the requests within its dialog, answer challenges with.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// User name.
    pub username: String,
    /// Password or its hashes.
    pub secret: Secret,
}

impl ClientCredentials {
    /// Adds the answer to the challenge of a 401 or 407 to the request it refused, and the next sequence number.
    /// `cnonce` is random text.
    ///
    /// False, with the request as it was, when there is no challenge that can be answered, or these credentials have
    /// been refused already.
    pub fn answer(&self, request: &mut Request, response: &Response, cnonce: &str) -> bool {
        self.try_answer(request, response, cnonce).is_some()
    }

    fn try_answer(&self, request: &mut Request, response: &Response, cnonce: &str) -> Option<()> {
        let challenges = response.headers.challenges().ok()?;
        let challenge = choose(&challenges)?;
        let name = match response.status {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => HeaderName::ProxyAuthorization,
            _ => HeaderName::Authorization,
        };
        let stale = challenge
            .get("stale")
            .is_some_and(|stale| stale.eq_ignore_ascii_case("true"));
        if request.headers.contains(&name) && !stale {
            // The credentials are wrong; saying them again would only count as an attack.
            return None;
        }
        let answer = Answer {
            username: &self.username,
            secret: &self.secret,
            method: &request.method,
            uri: request.uri.as_bytes(),
            body: &request.body,
            cnonce,
            nc: 1,
        };
        let value = answer.to(challenge)?;
        let sequence = request.headers.cseq().ok()?.number.checked_add(1)?;
        request.headers.set(name, value);
        let method = request.method.clone();
        request
            .headers
            .set(HeaderName::CSeq, CSeq::new(sequence, method));
        Some(())
    }
}

impl Session {
    /// Sends a challenged request again with credentials. Returns whether that was possible.
    pub(super) fn answer_challenge(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: TransactionId,
        response: &Response,
    ) -> bool {
        let Some(live) = self.live.iter_mut().find(|live| live.id == id) else {
            return false;
        };
        let (purpose, challenges) = (live.purpose, live.challenges);
        let wanted = match purpose {
            Purpose::Invite => matches!(self.state, State::Calling { .. }),
            Purpose::Reinvite | Purpose::Refresh | Purpose::Info => {
                matches!(self.state, State::Confirmed)
            }
            Purpose::Update | Purpose::Prack => !matches!(self.state, State::Terminated),
            Purpose::Bye | Purpose::Notify | Purpose::Users => true,
            Purpose::Cancel | Purpose::Served => false,
        };
        let request = match purpose {
            Purpose::Invite => self.invite.as_deref().cloned(),
            _ => live.request.take().map(|request| *request),
        };
        let Some(request) = request.filter(|_| wanted && challenges < MOST_CHALLENGES) else {
            return false;
        };
        let mut request = request;
        let cnonce = context.token();
        let answered = self
            .credentials
            .as_deref()
            .is_some_and(|credentials| credentials.answer(&mut request, response, &cnonce));
        let Some(sequence) = request.headers.cseq().ok().filter(|_| answered) else {
            return false;
        };
        let sequence = sequence.number;
        let to = request.headers.to().ok();
        let remote_tag = to.as_ref().and_then(|to| to.tag()).unwrap_or_default();
        let early = self.early.iter_mut().map(|early| &mut early.dialog);
        for dialog in self.dialog.iter_mut().chain(early) {
            if *dialog.remote_tag == *remote_tag {
                dialog.advance_to(sequence);
            }
        }
        if purpose == Purpose::Invite {
            self.invite_anew(context, now, request, challenges + 1);
        } else {
            self.send_challenged(context, now, purpose, request, challenges + 1);
        }
        true
    }
}
