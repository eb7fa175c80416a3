//! Subscriptions others have to states of ours: the notifier of RFC 6665.
//!
//! A [`Subscription`] is a dialog set up by SUBSCRIBE. It knows *when* its subscriber is to be told (after every SUBSCRIBE,
//! when the state has changed, at the end) and asks the user for the body then; *what* the state is it never knows. One
//! NOTIFY is under way at a time, so that a subscriber who is slow gets fewer of them, and always the newest state.

pub(crate) mod notify;
mod table;

use std::time::{Duration, Instant};

pub(crate) use table::Subscriptions;

use crate::dialog::Dialog;
use crate::endpoint::context::Context;
use crate::flow::Flow;
use crate::timer::TimerHandle;
use crate::transaction::TransactionId;
use crate::transaction::layer::TimerKey;
use crate::{EventPackage, HeaderName, HeaderValue, Headers, Request, StatusCode};

/// The shortest subscription granted, except for one that ends at once; shorter ones are refused with 423.
pub(crate) const MIN_EXPIRES: Duration = Duration::from_secs(60);
/// The longest subscription granted, also the one granted when a subscriber names none.
pub(crate) const MAX_EXPIRES: Duration = Duration::from_secs(3600);

/// Names one subscription of an endpoint; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(pub(crate) u64);

/// Why a subscription ends: the `reason` of Subscription-State (RFC 6665 §4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionEnd {
    /// It was not refreshed, or its subscriber ended it.
    Timeout,
    /// What was watched exists no more.
    NoResource,
    /// The subscriber may not watch this any more.
    Rejected,
    /// The subscriber should subscribe anew at once.
    Deactivated,
}

impl SubscriptionEnd {
    fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::NoResource => "noresource",
            Self::Rejected => "rejected",
            Self::Deactivated => "deactivated",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) id: SubscriptionId,
    flow: Flow,
    pub(crate) dialog: Dialog,
    contact_user: Box<str>,
    /// Repeated in every NOTIFY, `id` included.
    event: EventPackage,
    /// When it ends unless refreshed.
    deadline: Instant,
    expiry: Option<TimerHandle>,
    /// Set once the next NOTIFY is to be the last.
    ending: Option<SubscriptionEnd>,
    /// Whether the subscriber is to be told something.
    due: bool,
    /// Whether the user has been asked for it.
    asked: bool,
    /// The NOTIFY that waits for its response.
    outstanding: Option<TransactionId>,
}

impl Subscription {
    /// The subscription a SUBSCRIBE sets up; `None` when it names no way to send requests back.
    pub(crate) fn new(
        context: &mut Context,
        id: SubscriptionId,
        now: Instant,
        flow: Flow,
        request: &Request,
        local_tag: &str,
    ) -> Option<Self> {
        let sequence = context.first_sequence();
        let dialog = Dialog::for_server(&context.keys, request, local_tag, sequence)?;
        Some(Self {
            id,
            flow,
            dialog,
            contact_user: request.uri.user().unwrap_or_default().into(),
            event: own(&request.headers.event().ok()??)?,
            deadline: now,
            expiry: None,
            ending: None,
            due: true,
            asked: false,
            outstanding: None,
        })
    }

    /// Sets the time the subscription lasts from now on; zero ends it with the next NOTIFY.
    pub(crate) fn prolong(&mut self, context: &mut Context, now: Instant, expires: Duration) {
        self.stop(context);
        self.deadline = now + expires;
        self.due = true;
        if expires.is_zero() {
            self.ending = Some(SubscriptionEnd::Timeout);
        } else {
            let timer = TimerKey::Subscription(self.id);
            self.expiry = Some(context.layer.timers.start(self.deadline, timer));
        }
    }

    /// Takes a SUBSCRIBE within the dialog.
    pub(crate) fn refreshed(&mut self, flow: Flow, request: &Request) {
        self.flow = flow;
        self.dialog.refresh_target(&request.headers);
    }

    /// Whether a SUBSCRIBE within the dialog means this subscription (RFC 6665 §4.4.1).
    pub(crate) fn is_for(&self, request: &Request) -> bool {
        request.headers.event().ok().flatten().is_some_and(|event| {
            event.package.eq_ignore_ascii_case(&self.event.package) && event.id() == self.event.id()
        })
    }

    /// The Contact of responses and NOTIFYs.
    pub(crate) fn contact(&self, context: &Context) -> HeaderValue {
        context.contact(&self.flow, &self.contact_user)
    }

    /// Stops the timer.
    pub(crate) fn stop(&mut self, context: &mut Context) {
        if let Some(timer) = self.expiry.take() {
            context.layer.timers.cancel(timer);
        }
    }
}

/// The same in a buffer of its own: a subscription outlives the message it was made by.
fn own(event: &EventPackage) -> Option<EventPackage> {
    let mut headers = Headers::new();
    headers.push(HeaderName::Event, event);
    headers.event().ok().flatten()
}

/// The event package a request names, lower case.
pub(crate) fn package_of(request: &Request) -> Option<String> {
    let event = request.headers.event().ok().flatten()?;
    Some(event.package.to_ascii_lowercase())
}

/// The time a SUBSCRIBE asks for, as it is granted.
///
/// # Errors
/// 423 when it is too short, 400 when it cannot be read.
pub(crate) fn expires_of(request: &Request) -> Result<Duration, StatusCode> {
    let asked = request
        .headers
        .expires()
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    let asked = asked.map_or(MAX_EXPIRES, |seconds| Duration::from_secs(seconds.into()));
    if !asked.is_zero() && asked < MIN_EXPIRES {
        return Err(StatusCode::INTERVAL_TOO_BRIEF);
    }
    Ok(asked.min(MAX_EXPIRES))
}
