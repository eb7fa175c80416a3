//! Being asked to call somebody else: REFER within a session's dialog and its implicit subscription (RFC 3515, RFC 4488).
//!
//! The subscription lives in the dialog of the session and outlives the session: a transferor may hang up before it is
//! told how the transfer went.

use std::time::{Duration, Instant};

use super::{Purpose, Session, SessionId, SessionTimer, State};
use crate::endpoint::Event;
use crate::endpoint::context::Context;
use crate::timer::TimerHandle;
use crate::transaction::TransactionId;
use crate::{HeaderName, HeaderValue, Method, NameAddr, Replaces, Request, StatusCode, Uri};

/// How long the outcome of a REFER may take; the subscription ends then.
const REFER_EXPIRES: Duration = Duration::from_secs(360);
/// REFERs of one session that wait for their outcome.
const MOST_REFERS: usize = 4;

/// Names a REFER; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReferId {
    pub(crate) session: SessionId,
    transaction: TransactionId,
}

/// A REFER within a session's dialog.
#[derive(Debug, Clone)]
pub struct Refer {
    /// To answer it by.
    pub id: ReferId,
    /// Whom to call: the URI of Refer-To, without headers.
    pub target: Uri,
    /// The dialog the new call is to take the place of (attended transfer).
    pub replaces: Option<Replaces>,
    /// On whose behalf (RFC 3892), if said.
    pub referred_by: Option<NameAddr>,
    /// The whole request.
    pub request: Request,
}

/// What becomes of a REFER.
#[derive(Debug)]
pub(super) struct Referral {
    transaction: TransactionId,
    /// The REFER until it is answered.
    request: Option<Box<Request>>,
    sequence: u32,
    /// Whether another REFER came before on this dialog: then NOTIFYs name theirs by `id` (RFC 3515 §2.4.6).
    named: bool,
    /// Whether the referrer wants to hear of it (RFC 4488).
    subscribed: bool,
    /// The NOTIFY that waits for its response.
    outstanding: Option<TransactionId>,
    /// What is to be told once it has come.
    news: Option<StatusCode>,
    /// What was told last.
    told: StatusCode,
    deadline: Instant,
    expiry: TimerHandle,
}

impl Referral {
    /// Whether nothing is left to be told.
    fn is_over(&self) -> bool {
        self.request.is_none()
            && self.news.is_none()
            && self.outstanding.is_none()
            && self.told.is_final()
    }
}

impl Session {
    /// A REFER from the peer. Its place in the dialog's order has been checked.
    pub(super) fn refer_received(
        &mut self,
        context: &mut Context,
        now: Instant,
        transaction: TransactionId,
        request: Request,
    ) {
        if !matches!(self.state, State::Confirmed) || self.refers.len() >= MOST_REFERS {
            let status = StatusCode::REQUEST_PENDING;
            self.reply(context, now, transaction, &request, status);
            return;
        }
        let id = ReferId {
            session: self.id,
            transaction,
        };
        let refer = match read(id, &request) {
            Ok(refer) => refer,
            Err((status, reason)) => {
                let response = self
                    .response_to(context, &request, status)
                    .with_reason(reason);
                context.respond(now, transaction, response);
                return;
            }
        };
        let unwanted = request
            .headers
            .text(&HeaderName::ReferSub)
            .is_some_and(|value| value.trim().to_ascii_lowercase().starts_with("false"));
        let expiry = self.start_timer(context, now, REFER_EXPIRES, SessionTimer::ReferExpired);
        self.refers.push(Referral {
            transaction,
            sequence: request
                .headers
                .cseq()
                .map(|cseq| cseq.number)
                .unwrap_or_default(),
            named: std::mem::replace(&mut self.referred, true),
            subscribed: !unwanted,
            request: Some(Box::new(request)),
            outstanding: None,
            news: None,
            told: StatusCode::TRYING,
            deadline: now + REFER_EXPIRES,
            expiry,
        });
        context.events.push_back(Event::Refer {
            session: self.id,
            refer: Box::new(refer),
        });
    }

    /// Answers 202: the target is being called.
    pub(crate) fn accept_refer(&mut self, context: &mut Context, now: Instant, id: ReferId) {
        let Some((at, request)) = self.take_unanswered(id) else {
            return;
        };
        let contact = context.contact(&self.flow, &self.contact_user);
        let mut response = self
            .response_to(context, &request, StatusCode::ACCEPTED)
            .with_header(HeaderName::Contact, contact);
        let subscribed = self
            .refers
            .get(at)
            .is_some_and(|referral| referral.subscribed);
        if !subscribed {
            response.headers.push(HeaderName::ReferSub, "false");
        }
        context.respond(now, id.transaction, response);
        if subscribed {
            // The first NOTIFY follows at once, whatever is known (RFC 3515 §2.4.4).
            self.tell_referrer(context, now, id, StatusCode::TRYING);
        }
    }

    /// Refuses a REFER.
    pub(crate) fn refuse_refer(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: ReferId,
        status: StatusCode,
    ) {
        if let Some((at, request)) = self.take_unanswered(id) {
            self.reply(context, now, id.transaction, &request, status);
            self.forget_referral(context, at);
        }
    }

    /// Tells the referrer how the call to the target fares.
    pub(crate) fn tell_referrer(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: ReferId,
        status: StatusCode,
    ) {
        let Some(at) = self.position(id) else {
            return;
        };
        let Some(referral) = self.refers.get_mut(at) else {
            return;
        };
        if referral.request.is_some() || referral.told.is_final() {
            return;
        }
        if !referral.subscribed {
            if status.is_final() {
                self.forget_referral(context, at);
            }
            return;
        }
        // The outcome is never overtaken by how it came about.
        if referral.news.is_none_or(|news| news.is_provisional()) {
            referral.news = Some(status);
        }
        self.notify_referrer(context, now, at);
    }

    /// Sends what is to be told, unless a NOTIFY is under way. The last word waits for nothing: the session may be hung up
    /// right after it.
    fn notify_referrer(&mut self, context: &mut Context, now: Instant, at: usize) {
        let (Some(referral), Some(dialog)) = (self.refers.get_mut(at), &mut self.dialog) else {
            return;
        };
        let last = referral.news.is_some_and(StatusCode::is_final);
        if referral.outstanding.is_some() && !last {
            return;
        }
        let Some(status) = referral.news.take() else {
            return;
        };
        referral.told = status;
        let state = if status.is_final() {
            "terminated;reason=noresource".to_owned()
        } else {
            let left = referral.deadline.saturating_duration_since(now).as_secs();
            format!("active;expires={left}")
        };
        let event = if referral.named {
            format!("refer;id={}", referral.sequence)
        } else {
            "refer".to_owned()
        };
        let mut notify = dialog.request(Method::Notify);
        let headers = &mut notify.headers;
        headers.push(
            HeaderName::Contact,
            context.contact(&self.flow, &self.contact_user),
        );
        headers.push(HeaderName::Event, HeaderValue::sanitized(event));
        headers.push(HeaderName::SubscriptionState, HeaderValue::sanitized(state));
        let fragment = format!("SIP/2.0 {} {}\r\n", status.code(), status.default_reason());
        let notify = notify.with_body("message/sipfrag;version=2.0", fragment.into_bytes());
        self.send(context, now, Purpose::Notify, notify);
        let sent = self.live.last().map(|live| live.id);
        if let Some(referral) = self.refers.get_mut(at) {
            referral.outstanding = sent;
        }
    }

    /// A NOTIFY of ours was answered, or (`None`) was not.
    pub(super) fn notify_answered(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: TransactionId,
        status: Option<StatusCode>,
    ) {
        if status.is_some_and(StatusCode::is_provisional) {
            return;
        }
        let Some(at) = self
            .refers
            .iter()
            .position(|referral| referral.outstanding == Some(id))
        else {
            return;
        };
        let heard = status.is_some_and(StatusCode::is_success);
        if let Some(referral) = self.refers.get_mut(at) {
            referral.outstanding = None;
            if !heard {
                // Whoever cannot be told is told no more (RFC 6665 §4.2.2).
                referral.subscribed = false;
                referral.news = None;
            }
            if referral.is_over() {
                self.forget_referral(context, at);
            } else {
                self.notify_referrer(context, now, at);
            }
        }
    }

    /// SUBSCRIBE within the dialog: the implicit subscription is prolonged or ended (RFC 3515 §2.4.4).
    pub(super) fn subscribe_received(
        &mut self,
        context: &mut Context,
        now: Instant,
        transaction: TransactionId,
        request: &Request,
    ) {
        let event = request.headers.event().ok().flatten();
        let Some(event) = event.filter(|event| event.package.eq_ignore_ascii_case("refer")) else {
            // Other subscriptions have dialogs of their own (RFC 6665 §4.5.2).
            self.reply(context, now, transaction, request, StatusCode::BAD_EVENT);
            return;
        };
        let named = event.id().map(|id| id.parse::<u32>().unwrap_or_default());
        let at = self.refers.iter().position(|referral| {
            referral.subscribed
                && referral.request.is_none()
                && named.is_none_or(|sequence| referral.sequence == sequence)
        });
        let Some(at) = at else {
            let status = StatusCode::CALL_DOES_NOT_EXIST;
            self.reply(context, now, transaction, request, status);
            return;
        };
        let asked = request.headers.expires().ok().flatten();
        let seconds = if asked == Some(0) {
            0
        } else {
            REFER_EXPIRES.as_secs() as u32
        };
        let contact = context.contact(&self.flow, &self.contact_user);
        let response = self
            .response_to(context, request, StatusCode::OK)
            .with_header(HeaderName::Contact, contact)
            .with_header(HeaderName::Expires, seconds);
        context.respond(now, transaction, response);
        if seconds == 0 {
            if let Some(referral) = self.refers.get_mut(at) {
                referral.subscribed = false;
                referral.news = None;
            }
        } else if let Some(referral) = self.refers.get_mut(at) {
            referral.news.get_or_insert(referral.told);
            self.notify_referrer(context, now, at);
        }
    }

    /// The outcome of a REFER took too long. One that was never answered has lost its transaction long ago.
    pub(super) fn refer_expired(&mut self, context: &mut Context, now: Instant) {
        while let Some(at) = self
            .refers
            .iter()
            .position(|referral| referral.deadline <= now)
        {
            self.forget_referral(context, at);
        }
    }

    /// Whether a referrer still waits for news.
    pub(super) fn is_referring(&self) -> bool {
        !self.refers.is_empty()
    }

    /// Gives back the timers.
    pub(super) fn forget_referrals(&mut self, context: &mut Context) {
        while !self.refers.is_empty() {
            self.forget_referral(context, 0);
        }
    }

    fn forget_referral(&mut self, context: &mut Context, at: usize) {
        if at < self.refers.len() {
            let referral = self.refers.remove(at);
            context.layer.timers.cancel(referral.expiry);
        }
    }

    fn position(&self, id: ReferId) -> Option<usize> {
        self.refers
            .iter()
            .position(|referral| referral.transaction == id.transaction)
    }

    fn take_unanswered(&mut self, id: ReferId) -> Option<(usize, Box<Request>)> {
        let at = self.position(id)?;
        let request = self.refers.get_mut(at)?.request.take()?;
        Some((at, request))
    }
}

/// Reads what a REFER asks for.
fn read(id: ReferId, request: &Request) -> Result<Refer, (StatusCode, &'static str)> {
    let bad = |reason| (StatusCode::BAD_REQUEST, reason);
    let targets = request
        .headers
        .addresses(&HeaderName::ReferTo)
        .map_err(|_| bad("Malformed Refer-To"))?;
    let [target] = targets.as_slice() else {
        return Err(bad("REFER needs one Refer-To"));
    };
    let method = target.uri.param("method");
    if method.is_some_and(|method| !method.eq_ignore_ascii_case("INVITE")) {
        return Err((StatusCode::DECLINE, "Only INVITE is referred"));
    }
    let replaces = target
        .uri
        .header("Replaces")
        .map(|value| Replaces::from_text(&value))
        .transpose()
        .map_err(|_| bad("Malformed Replaces"))?;
    let referred_by = request
        .headers
        .address(&HeaderName::ReferredBy)
        .map_err(|_| bad("Malformed Referred-By"))?;
    Ok(Refer {
        id,
        target: target.uri.clone().without_headers(),
        replaces,
        referred_by,
        request: request.clone(),
    })
}
