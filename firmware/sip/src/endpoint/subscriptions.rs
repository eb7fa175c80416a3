//! SUBSCRIBE and NOTIFY (RFC 6665): between the endpoint's user and its subscriptions.

use std::time::Instant;

use bytes::Bytes;

use super::refuse::Refusal;
use super::{Endpoint, Event};
use crate::dialog::Order;
use crate::flow::Flow;
use crate::subscription::notify::Fate;
use crate::subscription::{
    MIN_EXPIRES, Subscription, SubscriptionEnd, SubscriptionId, expires_of, package_of,
};
use crate::transaction::TransactionId;
use crate::transaction::layer::News;
use crate::{Contacts, HeaderName, HeaderValue, Request, Response, StatusCode};

impl Endpoint {
    /// Takes an [`Event::Subscribe`]: answers 200 with the time granted. [`Event::NotifyDue`] follows at once. `None` when
    /// it cannot be taken; it has been refused then.
    pub fn accept_subscription(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        flow: Flow,
        request: &Request,
    ) -> Option<SubscriptionId> {
        let limits = self.context.config.limits;
        if self.subscriptions.len() >= limits.subscriptions {
            let seconds = u32::try_from(limits.retry_after.as_secs()).unwrap_or(u32::MAX);
            let response = request
                .response(StatusCode::SERVICE_UNAVAILABLE)
                .with_header(HeaderName::RetryAfter, seconds);
            self.respond(now, transaction, response);
            return None;
        }
        let tag = self.context.token();
        let id = self.subscriptions.new_id();
        let granted = expires_of(request).ok();
        let subscription = Subscription::new(&mut self.context, id, now, flow, request, &tag);
        let (Some(granted), Some(mut subscription)) = (granted, subscription) else {
            self.respond(now, transaction, request.response(StatusCode::BAD_REQUEST));
            return None;
        };
        let response = Response::to(request, StatusCode::OK)
            .with_to_tag(&tag)
            .with_header(HeaderName::Contact, subscription.contact(&self.context))
            .with_header(
                HeaderName::Expires,
                u32::try_from(granted.as_secs()).unwrap_or(u32::MAX),
            );
        self.context.respond(now, transaction, response);
        subscription.prolong(&mut self.context, now, granted);
        subscription.ask(&mut self.context);
        self.subscriptions.insert(subscription);
        self.settle(now);
        Some(id)
    }

    /// Notes that what is watched has changed; [`Event::NotifyDue`] follows when the subscriber can take it.
    pub fn state_changed(&mut self, subscription: SubscriptionId) {
        if let Some(subscription) = self.subscriptions.get_mut(subscription) {
            subscription.due(&mut self.context);
        }
    }

    /// Answers [`Event::NotifyDue`] with the state as it is now.
    pub fn notify(
        &mut self,
        now: Instant,
        subscription: SubscriptionId,
        content_type: HeaderValue,
        body: Bytes,
    ) {
        self.with_subscription(subscription, |subscription, context| {
            subscription.notify(context, now, content_type, body)
        });
        self.settle(now);
    }

    /// Ends a subscription; a last [`Event::NotifyDue`] comes before [`Event::SubscriptionEnded`].
    pub fn end_subscription(&mut self, subscription: SubscriptionId, why: SubscriptionEnd) {
        if let Some(subscription) = self.subscriptions.get_mut(subscription) {
            subscription.end(&mut self.context, why);
        }
    }

    /// What a SUBSCRIBE must fulfil before the user sees it.
    pub(super) fn check_subscribe(&self, request: &Request) -> Result<String, Refusal> {
        let packages = &self.context.config.event_packages;
        let package = package_of(request).filter(|package| packages.contains(package));
        let Some(package) = package else {
            let allowed = HeaderValue::sanitized(packages.join(", "));
            return Err(
                Refusal::new(StatusCode::BAD_EVENT).with_header(HeaderName::AllowEvents, allowed)
            );
        };
        check_expires(request)?;
        match request.headers.contacts() {
            Ok(Contacts::List(contacts)) if contacts.len() == 1 => Ok(package),
            _ => Err(Refusal::because(
                StatusCode::BAD_REQUEST,
                "SUBSCRIBE needs one Contact",
            )),
        }
    }

    /// A SUBSCRIBE within the dialog of a subscription: refreshes or ends it.
    pub(super) fn resubscribe(
        &mut self,
        now: Instant,
        flow: Flow,
        id: SubscriptionId,
        transaction: TransactionId,
        request: &Request,
    ) {
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return;
        };
        let sequence = request.headers.cseq().map(|cseq| cseq.number);
        let order = subscription.dialog.receive(sequence.unwrap_or_default());
        let refusal = match (order, expires_of(request)) {
            (Order::OutOfOrder, _) => Some(Refusal::because(
                StatusCode::SERVER_INTERNAL_ERROR,
                "CSeq Out Of Order",
            )),
            _ if !subscription.is_for(request) => Some(Refusal::new(StatusCode::BAD_EVENT)),
            (_, Err(_)) => check_expires(request).err(),
            (Order::InOrder, Ok(expires)) => {
                subscription.refreshed(flow, request);
                let response = Response::to(request, StatusCode::OK)
                    .with_header(HeaderName::Contact, subscription.contact(&self.context))
                    .with_header(
                        HeaderName::Expires,
                        u32::try_from(expires.as_secs()).unwrap_or(u32::MAX),
                    );
                self.context.respond(now, transaction, response);
                subscription.prolong(&mut self.context, now, expires);
                subscription.ask(&mut self.context);
                None
            }
        };
        if let Some(refusal) = refusal {
            let mut response = Response::to(request, refusal.status);
            if let Some(reason) = &refusal.reason {
                response = response.with_reason(reason);
            }
            if let Some((name, value)) = refusal.header {
                response.headers.push(name, value);
            }
            self.context.respond(now, transaction, response);
        }
    }

    pub(super) fn subscription_expired(&mut self, now: Instant, id: SubscriptionId) {
        self.with_subscription(id, |subscription, context| subscription.expired(context));
        self.settle(now);
    }

    pub(super) fn subscription_indication(
        &mut self,
        id: SubscriptionId,
        transaction: TransactionId,
        news: News,
    ) {
        self.with_subscription(id, |subscription, context| {
            subscription.indication(context, transaction, news)
        });
    }

    /// Acts on a subscription, if it lives, and forgets it when it is over.
    fn with_subscription(
        &mut self,
        id: SubscriptionId,
        action: impl FnOnce(&mut Subscription, &mut super::context::Context) -> Fate,
    ) {
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return;
        };
        if action(subscription, &mut self.context) == Fate::Over
            && let Some(mut subscription) = self.subscriptions.remove(id)
        {
            subscription.stop(&mut self.context);
            self.context
                .events
                .push_back(Event::SubscriptionEnded { subscription: id });
        }
    }
}

fn check_expires(request: &Request) -> Result<(), Refusal> {
    match expires_of(request) {
        Ok(_) => Ok(()),
        Err(StatusCode::INTERVAL_TOO_BRIEF) => {
            let least = u32::try_from(MIN_EXPIRES.as_secs()).unwrap_or(u32::MAX);
            Err(Refusal::new(StatusCode::INTERVAL_TOO_BRIEF)
                .with_header(HeaderName::MinExpires, least))
        }
        Err(status) => Err(Refusal::because(status, "Malformed Expires")),
    }
}
