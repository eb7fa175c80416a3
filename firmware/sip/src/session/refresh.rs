//! Session timers (RFC 4028): a session that nobody refreshes ends, so that none outlives a peer that vanished.

use std::time::{Duration, Instant};

use super::policy::LEAST_SESSION_INTERVAL;
use super::{Live, Purpose, Session, SessionTimer, SessionTimers, State, offers};
use crate::endpoint::EndCause;
use crate::endpoint::context::Context;
use crate::timer::TimerHandle;
use crate::transaction::TransactionId;
use crate::{CSeq, HeaderName, Headers, Method, Refresher, Response, SessionExpires, StatusCode};

/// When a refresh is tried again that was refused without a reason that would end the session.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// How often one request is sent again with a longer session interval.
const MOST_INTERVALS: u8 = 4;

/// The session timer of one session.
#[derive(Debug, Default)]
pub(super) struct SessionTimerState {
    /// `None` while there is no timer.
    running: Option<Running>,
    /// The longest Min-SE anybody has asked for.
    min_se: u32,
    refresh: Option<TimerHandle>,
    expiry: Option<TimerHandle>,
    /// How often a request was refused because its interval was too short.
    too_short: u8,
}

/// What was agreed, or what we do alone.
#[derive(Debug, Clone, Copy)]
struct Running {
    /// Session interval in seconds.
    seconds: u32,
    we_refresh: bool,
    /// Whether the peer has agreed. One that knows no session timers is refreshed all the same, to see whether it still
    /// lives, but the session does not expire (§7.2).
    agreed: bool,
}

impl Session {
    /// Adds what an INVITE or UPDATE of ours says of the session timer (§7.1, §7.4).
    pub(super) fn ask_for_timer(&self, headers: &mut Headers) {
        let policy = &self.policy;
        let (seconds, refresher) = match self.timer.running {
            _ if policy.timers == SessionTimers::Refuse => return,
            Some(running) => {
                let refresher = match running.we_refresh {
                    true => Refresher::Uac,
                    false => Refresher::Uas,
                };
                (running.seconds, Some(refresher))
            }
            None if policy.timers == SessionTimers::Originate => (policy.session_expires, None),
            None => return,
        };
        let min_se = policy.min_se.max(self.timer.min_se);
        let seconds = seconds.max(min_se);
        headers.set(
            HeaderName::SessionExpires,
            SessionExpires {
                interval: seconds,
                refresher,
            },
        );
        if min_se > LEAST_SESSION_INTERVAL {
            headers.set(HeaderName::MinSe, min_se);
        }
    }

    /// Our 2xx to an INVITE or UPDATE settles the timer (§9).
    pub(super) fn grant_timer(
        &mut self,
        context: &mut Context,
        now: Instant,
        request: &Headers,
        response: &mut Response,
    ) {
        let policy = self.policy;
        if policy.timers == SessionTimers::Refuse {
            return;
        }
        let asked = request.session_expires().ok().flatten();
        let min_se = request.min_se().ok().flatten().unwrap_or_default();
        self.timer.min_se = self.timer.min_se.max(min_se);
        let min_se = policy.min_se.max(min_se);
        let ours = policy.session_expires.max(min_se);
        let seconds = match asked {
            Some(asked) => asked.interval.clamp(policy.min_se, ours),
            None if policy.timers == SessionTimers::Originate => ours,
            None => return self.stop_session_timer(context),
        };
        let knows = offers(request, "timer");
        let we_refresh = match asked.and_then(|asked| asked.refresher) {
            _ if !knows => true,
            Some(refresher) => refresher == Refresher::Uas,
            // Unchanged while the session lasts; at its beginning, whoever wanted the timer.
            None => match self.timer.running {
                Some(running) => running.we_refresh,
                None => policy.timers == SessionTimers::Originate,
            },
        };
        let refresher = Some(match we_refresh {
            true => Refresher::Uas,
            false => Refresher::Uac,
        });
        let expires = SessionExpires {
            interval: seconds,
            refresher,
        };
        response.headers.push(HeaderName::SessionExpires, expires);
        if knows {
            response.headers.push(HeaderName::Require, "timer");
        }
        let running = Running {
            seconds,
            we_refresh,
            agreed: knows,
        };
        self.start_session_timer(context, now, running);
    }

    /// The peer's 2xx to an INVITE or UPDATE of ours settles the timer (§7.2).
    pub(super) fn timer_granted(
        &mut self,
        context: &mut Context,
        now: Instant,
        response: &Headers,
    ) {
        self.timer.too_short = 0;
        if self.policy.timers == SessionTimers::Refuse {
            return;
        }
        let expires = response.session_expires().ok().flatten();
        let ours = self.policy.session_expires.max(self.policy.min_se);
        let running = match (expires, self.timer.running) {
            (Some(expires), _) => Running {
                seconds: expires.interval.max(LEAST_SESSION_INTERVAL),
                we_refresh: expires.refresher != Some(Refresher::Uas),
                agreed: true,
            },
            (None, running) if self.policy.timers == SessionTimers::Originate => Running {
                seconds: running.map_or(ours, |running| running.seconds),
                we_refresh: true,
                agreed: false,
            },
            (None, _) => return self.stop_session_timer(context),
        };
        self.start_session_timer(context, now, running);
    }

    fn start_session_timer(&mut self, context: &mut Context, now: Instant, running: Running) {
        self.stop_session_timer(context);
        self.timer.running = Some(running);
        let interval = Duration::from_secs(running.seconds.into());
        if running.agreed {
            // The BYE is to arrive before the others' timers expire (§10).
            let early = Duration::from_secs(32).min(interval / 3);
            let timer = SessionTimer::SessionExpiry;
            self.timer.expiry = Some(self.start_timer(context, now, interval - early, timer));
        }
        if running.we_refresh {
            self.refresh_after(context, now, interval / 2);
        }
    }

    fn refresh_after(&mut self, context: &mut Context, now: Instant, after: Duration) {
        let timer = self.start_timer(context, now, after, SessionTimer::Refresh);
        if let Some(running) = self.timer.refresh.replace(timer) {
            context.layer.timers.cancel(running);
        }
    }

    /// Ends the timer: the session may last for ever.
    pub(super) fn stop_session_timer(&mut self, context: &mut Context) {
        self.timer.running = None;
        for timer in [self.timer.refresh.take(), self.timer.expiry.take()]
            .into_iter()
            .flatten()
        {
            context.layer.timers.cancel(timer);
        }
    }

    /// Half of the session interval has passed: refreshes the session, by UPDATE where the peer takes it, else by a
    /// re-INVITE that offers what we said last (§7.4).
    pub(super) fn refresh(&mut self, context: &mut Context, now: Instant) {
        self.timer.refresh = None;
        if !matches!(self.state, State::Confirmed) {
            return;
        }
        if !self.peer_takes_update {
            if self.exchange.queued.is_none() {
                self.exchange.queued = self.described.clone();
            }
            return self.send_queued_offer(context, now);
        }
        let update = self
            .dialog
            .as_mut()
            .map(|dialog| dialog.request(Method::Update));
        if let Some(mut update) = update {
            self.describe_us(context, &mut update);
            self.send(context, now, Purpose::Refresh, update);
        }
    }

    /// The answer to a refresh without session description.
    pub(super) fn refresh_response(
        &mut self,
        context: &mut Context,
        now: Instant,
        response: Response,
    ) {
        let status = response.status;
        match status {
            _ if status.is_provisional() || !matches!(self.state, State::Confirmed) => {}
            _ if status.is_success() => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.refresh_target(&response.headers);
                }
                self.timer_granted(context, now, &response.headers);
            }
            StatusCode::CALL_DOES_NOT_EXIST => self.give_up(context, now, EndCause::DialogGone),
            StatusCode::REQUEST_TIMEOUT => self.give_up(context, now, EndCause::Timeout),
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                self.peer_takes_update = false;
                self.refresh(context, now);
            }
            StatusCode::SESSION_INTERVAL_TOO_SMALL if self.lengthen(&response.headers) => {
                self.refresh(context, now);
            }
            _ => self.refresh_after(context, now, TRY_AGAIN),
        }
    }

    /// A re-INVITE that was refused may have been a refresh: it is tried again before the session expires.
    pub(super) fn refresh_again(&mut self, context: &mut Context, now: Instant) {
        if self.timer.running.is_some_and(|running| running.we_refresh)
            && self.timer.refresh.is_none()
        {
            self.refresh_after(context, now, TRY_AGAIN);
        }
    }

    /// The connection of the peer is gone. It may come back by another one, and media needs none: the session ends no
    /// earlier than it expires.
    pub(super) fn refresh_unsent(&mut self, context: &mut Context, now: Instant) {
        match self.timer.running {
            Some(Running { agreed: true, .. }) => self.refresh_after(context, now, TRY_AGAIN),
            Some(Running { seconds, .. }) => {
                self.refresh_after(context, now, Duration::from_secs(seconds.into()) / 2);
            }
            None => {}
        }
    }

    /// 422: notes the interval the peer wants (§7.3). Returns whether it is worth another try.
    pub(super) fn lengthen(&mut self, response: &Headers) -> bool {
        let min_se = response.min_se().ok().flatten();
        let timer = &mut self.timer;
        timer.too_short += 1;
        match min_se {
            Some(min_se) if min_se > timer.min_se && timer.too_short <= MOST_INTERVALS => {
                timer.min_se = min_se;
                true
            }
            _ => false,
        }
    }

    /// 422 to our first INVITE: sends it again with a longer interval. Returns whether it did.
    pub(super) fn invite_again_with_interval(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: TransactionId,
        response: &Response,
    ) -> bool {
        if !matches!(self.state, State::Calling { .. }) || !self.lengthen(&response.headers) {
            return false;
        }
        let Some(mut request) = self.invite.as_deref().cloned() else {
            return false;
        };
        let Ok(cseq) = request.headers.cseq() else {
            return false;
        };
        let challenges = self
            .live
            .iter()
            .find(|live| live.id == id)
            .map_or(0, |Live { challenges, .. }| *challenges);
        // Credentials are good for one request only.
        request.headers.remove(&HeaderName::Authorization);
        request.headers.remove(&HeaderName::ProxyAuthorization);
        let cseq = CSeq::new(cseq.number + 1, Method::Invite);
        request.headers.set(HeaderName::CSeq, cseq);
        self.ask_for_timer(&mut request.headers);
        self.invite_anew(context, now, request, challenges);
        true
    }

    /// Nobody has refreshed the session (§10).
    pub(super) fn session_expired(&mut self, context: &mut Context, now: Instant) {
        self.timer.expiry = None;
        self.give_up(context, now, EndCause::Expired);
    }
}
