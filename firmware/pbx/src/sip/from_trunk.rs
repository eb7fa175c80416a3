//! Calls that come from carriers: recognised by where they come from, and not challenged.

use ramal_sip::{Flow, HeaderName, HeaderValue, Request, SessionId, StatusCode};

use super::agent::Agent;
use crate::call::{Caller, IncomingCall, SipTrunkCaller};
use crate::leg::sip::{EVENT_QUEUE, MediaSettings};
use crate::leg::{Cause, Release};
use crate::queue::queue;
use crate::trunk;

/// Seconds after which a carrier may try again when too many calls begin at once.
const RETRY_AFTER: u32 = 1;
/// Hops of a request that does not say how many it has left.
const MAX_HOPS: u8 = 70;

impl Agent {
    /// Takes a call if it comes from a trunk's carrier; false when it does not.
    pub(super) fn incoming_from_trunk(
        &mut self,
        session: SessionId,
        flow: Flow,
        request: &Request,
    ) -> bool {
        // Whoever is configured now is known now.
        let configuration = self.configuration();
        let Some(trunk) = self.exchange.trunks.source(flow.remote.ip(), request) else {
            return false;
        };
        let now = self.now();
        let settings = &trunk.settings;
        self.endpoint.trying(now.instant, session);
        if request.headers.contains(&HeaderName::Replaces)
            || request.headers.contains(&HeaderName::Join)
        {
            // A carrier has no business in calls of ours (RFC 3891 §3 wants whoever replaces to be authorised).
            tracing::warn!(
                trunk = settings.name,
                "refuses to let the trunk replace a call"
            );
            let status = StatusCode::FORBIDDEN;
            self.endpoint
                .reject(now.instant, session, status, Vec::new());
            return true;
        }
        if !trunk.begin(now.instant) {
            tracing::warn!(
                trunk = settings.name,
                "more calls a second than the trunk may have"
            );
            let retry = (HeaderName::RetryAfter, HeaderValue::from(RETRY_AFTER));
            let status = StatusCode::SERVICE_UNAVAILABLE;
            self.endpoint
                .reject(now.instant, session, status, vec![retry]);
            return true;
        }
        let hops = request.headers.max_forwards().ok().flatten();
        let Some(hops_left) = hops.unwrap_or(MAX_HOPS).checked_sub(1) else {
            let status = StatusCode::TOO_MANY_HOPS;
            self.endpoint
                .reject(now.instant, session, status, Vec::new());
            return true;
        };
        let Some(dialled) = trunk::did(settings, request) else {
            let cause = Cause::INVALID_NUMBER_FORMAT;
            super::session::reject(
                &mut self.endpoint,
                now.instant,
                session,
                Release::Cause(cause),
            );
            return true;
        };
        self.endpoint.set_policy(session, trunk::policy(settings));
        let offer = Some(request.body.clone()).filter(|body| !body.is_empty());
        let (events, receiver) = queue(EVENT_QUEUE);
        let key = self.exchange.sip.key();
        let user_agent = request.headers.user_agent();
        let media = MediaSettings::of_trunk(settings);
        let mut leg =
            self.exchange
                .sip
                .incoming(key, flow, user_agent.as_deref(), receiver, offer, media);
        if settings.rel100 && super::session::takes_early_offer(request) {
            leg.offer_early();
        }
        let channel = trunk.channel();
        let has_channel = channel.is_some();
        if let Some(channel) = channel {
            leg.occupy(channel);
        }
        self.enter(session, key, events);
        let caller = SipTrunkCaller {
            trunk: trunk.id(),
            name: settings.name.clone(),
            party: trunk::caller(settings, request),
            diversions: trunk::diversions(settings, request),
            has_channel,
        };
        self.start_call(
            session,
            IncomingCall {
                leg: Box::new(leg),
                caller: Caller::SipTrunk(Box::new(caller)),
                dialled,
                hops_left,
                configuration,
            },
        );
        true
    }
}
