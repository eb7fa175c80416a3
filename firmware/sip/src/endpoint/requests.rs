//! Received requests: to which transaction, dialog or user they go.

use std::time::Instant;

use super::refuse::{Refusal, response_flow};
use super::{Endpoint, Event};
use crate::dialog::DialogKey;
use crate::flow::Flow;
use crate::session::{Session, SessionId};
use crate::transaction::key::{ClientKey, ServerKey};
use crate::transaction::layer::Owner;
use crate::{CSeq, HeaderName, Method, Request, Response, StatusCode};

/// What identifies a request, read once.
struct Identity {
    key: ServerKey,
    /// Where responses go.
    reply: Flow,
    cseq: CSeq,
    from_tag: String,
    to_tag: Option<String>,
}

impl Endpoint {
    pub(super) fn handle_request(&mut self, now: Instant, flow: Flow, mut request: Request) {
        self.context
            .layer
            .counters
            .received
            .request(&request.method);
        // The parser has read these fields already; what it let through is there.
        let (Ok(mut via), Ok(cseq), Ok(from), Ok(to)) = (
            request.headers.via(),
            request.headers.cseq(),
            request.headers.from(),
            request.headers.to(),
        ) else {
            self.context.layer.counters.dropped.unanswerable += 1;
            return;
        };
        let key = self.context.keys.request(&request, &via, &cseq);
        via.stamp(flow.remote);
        request.headers.set_top_via(&via);
        let identity = Identity {
            key,
            reply: response_flow(&flow, &via),
            cseq,
            from_tag: from.tag().unwrap_or_default().to_owned(),
            to_tag: to.tag().map(str::to_owned),
        };
        match request.method {
            Method::Ack => self.handle_ack(now, &identity, &request),
            Method::Cancel => self.handle_cancel(now, &identity, &request),
            _ => match self.context.layer.find_server(identity.key) {
                Some(transaction) => self.context.layer.request_again(now, transaction),
                None => self.handle_new(now, flow, &identity, request),
            },
        }
    }

    /// An ACK ends a rejected INVITE's transaction, confirms a dialog, or is for nothing and absorbed.
    fn handle_ack(&mut self, now: Instant, identity: &Identity, ack: &Request) {
        if let Some(transaction) = self.context.layer.find_server(identity.key)
            && self.context.layer.ack(now, transaction)
        {
            return;
        }
        let mut awaited = false;
        if let Some(dialog) = self.dialog_key(identity, ack)
            && let Some(id) = self.context.dialogs.get(&dialog).copied()
        {
            self.with_session(id, |session, context| {
                awaited = session.ack(context, now, ack)
            });
        }
        if !awaited {
            self.context.layer.counters.dropped.stray_acks += 1;
        }
    }

    /// §9.2. `identity.key` is that of the INVITE with the same branch. The CANCEL needs no transaction of its own:
    /// every copy gets the same answer.
    fn handle_cancel(&mut self, now: Instant, identity: &Identity, cancel: &Request) {
        let invite = self.context.layer.find_server(identity.key);
        let owner = invite.and_then(|id| Some((id, self.context.layer.server_owner(id)?)));
        let Some((transaction, Owner::Session(id))) = owner else {
            self.refuse(
                identity.reply,
                cancel,
                Refusal::because(StatusCode::CALL_DOES_NOT_EXIST, "No INVITE to cancel"),
            );
            return;
        };
        let mut response = Response::to(cancel, StatusCode::OK);
        if let Some(session) = self.sessions.get(&id) {
            response = response.with_to_tag(session.local_tag());
        }
        self.answer_statelessly(identity.reply, response);
        self.with_session(id, |session, context| {
            session.cancelled(context, now, transaction, cancel)
        });
    }

    fn handle_new(&mut self, now: Instant, flow: Flow, identity: &Identity, request: Request) {
        if let Err(refusal) = self.validate(&request) {
            self.refuse(identity.reply, &request, refusal);
            return;
        }
        let dialog = self.dialog_key(identity, &request);
        let session = dialog.and_then(|dialog| Some((dialog, *self.context.dialogs.get(&dialog)?)));
        // A registration has no dialog, whatever its To says; the dialogs of subscriptions made by the user are his.
        let users = matches!(request.method, Method::Register | Method::Notify);
        match session {
            Some((dialog, id)) if request.method != Method::Register => {
                self.handle_inside(now, flow, identity, dialog, id, request);
            }
            _ if request.method == Method::Subscribe => {
                self.handle_subscribe(now, flow, identity, dialog, request);
            }
            _ if identity.to_tag.is_none() || users => {
                self.handle_outside(now, flow, identity, request);
            }
            _ => self.refuse_unknown(identity, &request),
        }
    }

    /// A request within a dialog (§12.2.2).
    fn handle_inside(
        &mut self,
        now: Instant,
        flow: Flow,
        identity: &Identity,
        dialog: DialogKey,
        id: SessionId,
        request: Request,
    ) {
        // Who is in a call must be able to end it while others fill the table: twice the room.
        if self.context.layer.len() / 2 >= self.context.config.limits.transactions {
            self.refuse_as_full(identity, &request);
            return;
        }
        let invite = request.method == Method::Invite;
        let owner = Owner::Session(id);
        let transaction =
            self.context
                .layer
                .serve(now, identity.reply, invite, identity.key, None, owner);
        self.with_session(id, |session, context| {
            session.request(context, now, flow, dialog, transaction, request);
        });
    }

    /// A request outside of the dialogs of sessions.
    fn handle_outside(&mut self, now: Instant, flow: Flow, identity: &Identity, request: Request) {
        if self.context.layer.len() >= self.context.config.limits.transactions {
            self.refuse_as_full(identity, &request);
            return;
        }
        let origin = self
            .context
            .keys
            .origin(&request, &identity.from_tag, &identity.cseq);
        let origin = identity.to_tag.is_none().then_some(origin);
        if origin.is_some_and(|origin| self.context.layer.is_merged(origin)) {
            let merged = Refusal::because(StatusCode::LOOP_DETECTED, "Merged Request");
            self.refuse(identity.reply, &request, merged);
            return;
        }
        match request.method {
            Method::Invite => self.handle_invite(now, flow, origin, identity, request),
            // These mean something within a dialog only.
            Method::Bye | Method::Update | Method::Info | Method::Prack | Method::Refer => {
                let reason = format!("{} belongs into a dialog", request.method.as_str());
                let outside = Refusal::because(StatusCode::CALL_DOES_NOT_EXIST, reason);
                self.refuse(identity.reply, &request, outside);
            }
            _ => {
                let layer = &mut self.context.layer;
                let transaction = layer.serve(
                    now,
                    identity.reply,
                    false,
                    identity.key,
                    origin,
                    Owner::User,
                );
                self.context.events.push_back(Event::Request {
                    transaction,
                    flow,
                    session: None,
                    request,
                });
            }
        }
    }

    /// A SUBSCRIBE outside of the dialogs of sessions (RFC 6665 §4.2.1).
    fn handle_subscribe(
        &mut self,
        now: Instant,
        flow: Flow,
        identity: &Identity,
        dialog: Option<DialogKey>,
        request: Request,
    ) {
        let known = dialog.and_then(|dialog| self.subscriptions.find(dialog));
        if known.is_none() && identity.to_tag.is_some() {
            self.refuse_unknown(identity, &request);
            return;
        }
        if self.context.layer.len() >= self.context.config.limits.transactions {
            self.refuse_as_full(identity, &request);
            return;
        }
        let (key, owner) = (identity.key, Owner::User);
        if let Some(id) = known {
            let layer = &mut self.context.layer;
            let transaction = layer.serve(now, identity.reply, false, key, None, owner);
            self.resubscribe(now, flow, id, transaction, &request);
            return;
        }
        let package = match self.check_subscribe(&request) {
            Ok(package) => package,
            Err(refusal) => {
                self.refuse(identity.reply, &request, refusal);
                return;
            }
        };
        let layer = &mut self.context.layer;
        let transaction = layer.serve(now, identity.reply, false, key, None, owner);
        self.context.events.push_back(Event::Subscribe {
            transaction,
            flow,
            package,
            request,
        });
    }

    fn refuse_unknown(&mut self, identity: &Identity, request: &Request) {
        let unknown = Refusal::because(
            StatusCode::CALL_DOES_NOT_EXIST,
            "No dialog with this Call-ID and these tags",
        );
        self.refuse(identity.reply, request, unknown);
    }

    fn handle_invite(
        &mut self,
        now: Instant,
        flow: Flow,
        origin: Option<ServerKey>,
        identity: &Identity,
        request: Request,
    ) {
        if self.is_full() {
            self.refuse_as_full(identity, &request);
            return;
        }
        if self.is_looped(&request) {
            self.refuse(
                identity.reply,
                &request,
                Refusal::new(StatusCode::LOOP_DETECTED),
            );
            return;
        }
        let id = self.new_session();
        let transaction = self.context.layer.serve(
            now,
            identity.reply,
            true,
            identity.key,
            origin,
            Owner::Session(id),
        );
        if let Some(session) =
            Session::incoming(&mut self.context, now, id, flow, transaction, request)
        {
            self.sessions.insert(id, Box::new(session));
        }
    }

    /// Whether this is an INVITE of our own that nobody changed the target of: it would be passed on like the last
    /// time, and again (§16.3 step 4). One that comes back with another Request-URI has spiralled, which is allowed.
    fn is_looped(&self, request: &Request) -> bool {
        let Ok(vias) = request.headers.vias() else {
            return false;
        };
        vias.iter().any(|via| {
            via.branch()
                .and_then(|branch| ClientKey::of_response(branch, &Method::Invite))
                .and_then(|key| self.context.layer.sent_request(key))
                .and_then(|sent| sent.split(|byte| *byte == b' ').nth(1))
                == Some(request.uri.as_bytes())
        })
    }

    fn refuse_as_full(&mut self, identity: &Identity, request: &Request) {
        let seconds =
            u32::try_from(self.context.config.limits.retry_after.as_secs()).unwrap_or(u32::MAX);
        let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE)
            .with_header(HeaderName::RetryAfter, seconds);
        self.refuse(identity.reply, request, refusal);
    }

    fn dialog_key(&self, identity: &Identity, request: &Request) -> Option<DialogKey> {
        let call_id = request.headers.get(&HeaderName::CallId)?;
        let local_tag = identity.to_tag.as_deref()?;
        Some(DialogKey::new(
            &self.context.keys,
            call_id,
            local_tag,
            &identity.from_tag,
        ))
    }
}
