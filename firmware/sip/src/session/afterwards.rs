//! What is left of a session that is over: transactions that absorb copies of what was said, and for 64*T1 the duty to
//! acknowledge every copy of a 2xx to our INVITE (RFC 3261 §13.2.2.4, RFC 6026 §7.2).

use std::time::Instant;

use super::uac::sequence_of;
use super::{SentAck, Session};
use crate::dialog::Dialog;
use crate::endpoint::context::Context;
use crate::transaction::TransactionId;
use crate::transaction::layer::{News, Owner};
use crate::{Message, Method, Response};

/// Forks of one INVITE that are answered after the end; nobody has more phones.
const MOST_FORKS: usize = 16;

impl Session {
    /// Leaves behind what its transactions still need.
    pub(super) fn leave_acks(&mut self, context: &mut Context) {
        for live in &self.live {
            context.layer.forget_response(live.id);
        }
        for ack in self.acks.drain(..) {
            context.acks.entry(ack.invite).or_default().push(ack);
        }
        for live in &self.live {
            if let Some(acks) = context.acks.get_mut(&live.id) {
                acks.shrink_to_fit();
            }
        }
    }
}

impl Context {
    /// News from a transaction whose session is over.
    pub(crate) fn afterwards(&mut self, now: Instant, id: TransactionId, news: News) {
        match news {
            News::Response(response) if response.status.is_success() => {
                self.late_success(now, id, &response);
            }
            News::Terminated => {
                self.acks.remove(&id);
            }
            // Nobody waits for an answer any more.
            News::Response(_) | News::Timeout | News::FlowFailed => {}
        }
    }

    /// The dialog of a fork that answers an INVITE of ours, made from what its transaction has kept.
    pub(super) fn fork(&self, id: TransactionId, response: &Response) -> Option<Dialog> {
        let (_, invite) = self.layer.sent(id)?;
        let Ok(Message::Request(invite)) = Message::parse(invite.clone()) else {
            return None;
        };
        // A re-INVITE has one dialog only.
        if invite.headers.to().ok()?.tag().is_some() {
            return None;
        }
        Dialog::for_client(&self.keys, &invite, response)
    }

    /// A copy of the 2xx is acknowledged again; another fork's is acknowledged, too, and its dialog ended at once.
    fn late_success(&mut self, now: Instant, id: TransactionId, response: &Response) {
        let (Some(acks), Some((flow, _))) = (self.acks.get(&id), self.layer.sent(id)) else {
            return;
        };
        let to = response.headers.to();
        let tag = to.as_ref().ok().and_then(|to| to.tag());
        let tag = tag.unwrap_or_default();
        if let Some(ack) = acks.iter().find(|ack| *ack.remote_tag == *tag) {
            let message = ack.message.clone();
            self.layer.transmit(flow, message);
            return;
        }
        if acks.len() >= MOST_FORKS {
            return;
        }
        let Some(mut dialog) = self.fork(id, response) else {
            return;
        };
        let message = self.send_ack(flow, dialog.acknowledge(sequence_of(response)));
        let ack = SentAck {
            invite: id,
            remote_tag: dialog.remote_tag.clone(),
            message,
        };
        self.acks.entry(id).or_default().push(ack);
        self.send_request(now, flow, Owner::Nobody, dialog.request(Method::Bye));
    }
}
