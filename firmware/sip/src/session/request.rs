//! The peer's requests within a dialog (RFC 3261 §12.2.2).

use std::time::Instant;

use bytes::Bytes;

use super::{Live, Purpose, Session, State};
use crate::dialog::{DialogKey, Order};
use crate::endpoint::Event;
use crate::endpoint::context::Context;
use crate::flow::Flow;
use crate::transaction::TransactionId;
use crate::{HeaderName, HeaderValue, Headers, Method, Request, StatusCode};

/// The body, when it is a session description.
pub(crate) fn sdp_of(headers: &Headers, body: &Bytes) -> Option<Bytes> {
    if body.is_empty() {
        return None;
    }
    match headers.content_type() {
        Ok(Some(media)) => media.is("application", "sdp").then(|| body.clone()),
        // A body without type in a session's messages can be nothing else.
        Ok(None) => Some(body.clone()),
        Err(_) => None,
    }
}

impl Session {
    /// A request within dialog `key` has begun `transaction`.
    pub(crate) fn request(
        &mut self,
        context: &mut Context,
        now: Instant,
        flow: Flow,
        key: DialogKey,
        transaction: TransactionId,
        request: Request,
    ) {
        self.live.push(Live {
            id: transaction,
            purpose: Purpose::Served,
            request: None,
            challenges: 0,
        });
        let sequence = request
            .headers
            .cseq()
            .map(|cseq| cseq.number)
            .unwrap_or_default();
        let dialog = self
            .dialog
            .iter_mut()
            .chain(self.early.iter_mut().map(|early| &mut early.dialog))
            .find(|dialog| dialog.key == key);
        let order = dialog.map(|dialog| dialog.receive(sequence));
        let answering_bye = request.method == Method::Bye;
        // The subscription of a REFER may outlive its session.
        let refreshing = request.method == Method::Subscribe && self.is_referring();
        match order {
            // RAck says what a PRACK is for, even when a later request has overtaken it.
            Some(Order::OutOfOrder) if request.method != Method::Prack => {
                let response = self
                    .response_to(context, &request, StatusCode::SERVER_INTERNAL_ERROR)
                    .with_reason("CSeq Out Of Order");
                context.respond(now, transaction, response);
            }
            Some(_) if answering_bye || refreshing || !matches!(self.state, State::Terminated) => {
                self.flow = flow;
                self.request_in_order(context, now, flow, key, transaction, request);
            }
            _ => self.reply(
                context,
                now,
                transaction,
                &request,
                StatusCode::CALL_DOES_NOT_EXIST,
            ),
        }
    }

    fn request_in_order(
        &mut self,
        context: &mut Context,
        now: Instant,
        flow: Flow,
        dialog: DialogKey,
        transaction: TransactionId,
        request: Request,
    ) {
        match request.method {
            // The called side leaves an early dialog by refusing the INVITE, never by BYE (§15).
            Method::Bye if matches!(self.state, State::Calling { .. }) => {
                self.reply(
                    context,
                    now,
                    transaction,
                    &request,
                    StatusCode::CALL_DOES_NOT_EXIST,
                );
            }
            Method::Bye => {
                self.reply(context, now, transaction, &request, StatusCode::OK);
                self.bye_received(context, now, &request);
            }
            Method::Invite | Method::Update => {
                self.offer_received(context, now, dialog, transaction, request)
            }
            Method::Prack => self.prack_received(context, now, dialog, transaction, request),
            Method::Info => self.info_received(context, now, transaction, &request),
            Method::Refer => self.refer_received(context, now, transaction, request),
            Method::Subscribe => self.subscribe_received(context, now, transaction, &request),
            Method::Options => {
                let mut response = self
                    .response_to(context, &request, StatusCode::OK)
                    .with_header(HeaderName::Allow, context.allow())
                    .with_header(HeaderName::Accept, "application/sdp");
                if let Some(supported) = context.supported(&self.policy) {
                    response.headers.push(HeaderName::Supported, supported);
                }
                context.respond(now, transaction, response);
            }
            _ => context.events.push_back(Event::Request {
                transaction,
                flow,
                session: Some(self.id),
                request,
            }),
        }
    }

    fn info_received(
        &mut self,
        context: &mut Context,
        now: Instant,
        transaction: TransactionId,
        request: &Request,
    ) {
        if request.body.is_empty() {
            // A mere keep-alive of old equipment (RFC 2976 §2.2).
            self.reply(context, now, transaction, request, StatusCode::OK);
            return;
        }
        let media = request.headers.content_type().ok().flatten();
        let name =
            media.map(|media| format!("{}/{}", media.kind, media.subtype).to_ascii_lowercase());
        match name.filter(|name| context.config.info_types.contains(name)) {
            Some(content_type) => {
                self.reply(context, now, transaction, request, StatusCode::OK);
                let body = request.body.clone();
                context.events.push_back(Event::Info {
                    session: self.id,
                    content_type,
                    body,
                });
            }
            None => {
                let accept = HeaderValue::sanitized(context.config.info_types.join(", "));
                let response = self
                    .response_to(context, request, StatusCode::UNSUPPORTED_MEDIA_TYPE)
                    .with_header(HeaderName::Accept, accept);
                context.respond(now, transaction, response);
            }
        }
    }

    /// Sends an INFO with a body.
    pub(crate) fn info(
        &mut self,
        context: &mut Context,
        now: Instant,
        content_type: HeaderValue,
        body: Bytes,
    ) {
        if !matches!(self.state, State::Confirmed) {
            return;
        }
        if let Some(dialog) = &mut self.dialog {
            let request = dialog.request(Method::Info).with_body(content_type, body);
            self.send(context, now, Purpose::Info, request);
        }
    }

    /// Sends a request of the user's within the dialog.
    pub(crate) fn users_request(
        &mut self,
        context: &mut Context,
        now: Instant,
        method: Method,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Option<(HeaderValue, Bytes)>,
    ) -> Option<TransactionId> {
        if !matches!(self.state, State::Confirmed) {
            return None;
        }
        let mut request = self.dialog.as_mut()?.request(method);
        request.headers.push(
            HeaderName::Contact,
            context.contact(&self.flow, &self.contact_user),
        );
        for (name, value) in headers {
            request.headers.push(name, value);
        }
        if let Some((content_type, body)) = body {
            request = request.with_body(content_type, body);
        }
        self.send(context, now, Purpose::Users, request);
        self.live.last().map(|live| live.id)
    }

    /// Answers with a bare status.
    pub(super) fn reply(
        &self,
        context: &mut Context,
        now: Instant,
        transaction: TransactionId,
        request: &Request,
        status: StatusCode,
    ) {
        let response = match status {
            StatusCode::TRYING => crate::Response::to(request, status),
            _ => self.response_to(context, request, status),
        };
        context.respond(now, transaction, response);
    }
}
