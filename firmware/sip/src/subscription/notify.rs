//! Telling a subscriber (RFC 6665 §4.2.2).

use std::time::Instant;

use bytes::Bytes;

use super::{Subscription, SubscriptionEnd};
use crate::endpoint::Event;
use crate::endpoint::context::Context;
use crate::transaction::TransactionId;
use crate::transaction::layer::{News, Owner};
use crate::{HeaderName, HeaderValue, Method, StatusCode, SubscriptionState, SubscriptionStatus};

/// What becomes of a subscription after something happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Lives,
    Over,
}

impl Subscription {
    /// Something is to be told.
    pub(crate) fn due(&mut self, context: &mut Context) {
        self.due = true;
        self.ask(context);
    }

    /// The next NOTIFY is the last.
    pub(crate) fn end(&mut self, context: &mut Context, why: SubscriptionEnd) {
        self.ending.get_or_insert(why);
        self.due(context);
    }

    /// Asks the user for the body, unless a NOTIFY is under way.
    pub(crate) fn ask(&mut self, context: &mut Context) {
        if self.due && !self.asked && self.outstanding.is_none() {
            self.asked = true;
            context.events.push_back(Event::NotifyDue {
                subscription: self.id,
            });
        }
    }

    /// The time is over without a refresh.
    pub(crate) fn expired(&mut self, context: &mut Context) -> Fate {
        self.expiry = None;
        if self.asked {
            // The user was asked and never answered.
            return Fate::Over;
        }
        self.end(context, SubscriptionEnd::Timeout);
        Fate::Lives
    }

    /// Sends the state; the user was asked for it.
    pub(crate) fn notify(
        &mut self,
        context: &mut Context,
        now: Instant,
        content_type: HeaderValue,
        body: Bytes,
    ) -> Fate {
        if !self.asked {
            return Fate::Lives;
        }
        (self.asked, self.due) = (false, false);
        let state = match self.ending {
            Some(why) => SubscriptionState::terminated(why.as_str()),
            None => {
                let left = self.deadline.saturating_duration_since(now).as_secs();
                let left = u32::try_from(left).unwrap_or(u32::MAX);
                SubscriptionState::lasting(SubscriptionStatus::Active, left)
            }
        };
        let mut notify = self.dialog.request(Method::Notify);
        let headers = &mut notify.headers;
        headers.push(HeaderName::Contact, self.contact(context));
        headers.push(HeaderName::Event, &self.event);
        headers.push(HeaderName::SubscriptionState, state);
        let notify = notify.with_body(content_type, body);
        let owner = Owner::Subscription(self.id);
        self.outstanding = Some(context.send_request(now, self.flow, owner, notify));
        match self.ending {
            Some(_) => Fate::Over,
            None => Fate::Lives,
        }
    }

    /// News of a NOTIFY.
    pub(crate) fn indication(
        &mut self,
        context: &mut Context,
        transaction: TransactionId,
        news: News,
    ) -> Fate {
        if self.outstanding != Some(transaction) {
            return Fate::Lives;
        }
        match news {
            News::Response(response) if response.status.is_provisional() => Fate::Lives,
            News::Response(response) if ends_subscription(response.status) => Fate::Over,
            News::Timeout | News::FlowFailed => Fate::Over,
            News::Response(_) => {
                self.outstanding = None;
                self.ask(context);
                Fate::Lives
            }
            News::Terminated => Fate::Lives,
        }
    }
}

/// Whether a response to NOTIFY says that the subscriber knows the subscription no more (RFC 5057 §5.3), or will never
/// take a NOTIFY from us.
fn ends_subscription(status: StatusCode) -> bool {
    matches!(
        status.code(),
        401 | 403..=405
            | 407
            | 408
            | 410
            | 416
            | 480..=485
            | 489
            | 501
            | 603
            | 604
    )
}
