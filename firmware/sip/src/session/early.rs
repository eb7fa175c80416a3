//! Early dialogs of our INVITE, and the PRACKs for reliable provisional responses within them (RFC 3262 §4).

use std::time::Instant;

use bytes::Bytes;

use super::offer::Pending;
use super::request::sdp_of;
use super::{Purpose, Reliability, Session, State};
use crate::dialog::{Dialog, DialogKey};
use crate::endpoint::Event;
use crate::endpoint::context::Context;
use crate::transaction::TransactionId;
use crate::{CSeq, HeaderName, Method, RAck, Response};

/// How many forks of one INVITE may ring at once; further ones are heard when they answer.
const MOST_EARLY_DIALOGS: usize = 16;

/// One fork that has rung.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) dialog: Dialog,
    /// RSeq of the latest reliable response: each fork counts for itself.
    rseq: Option<u32>,
    /// Whether the first offer and answer went by reliable messages.
    pub(super) settled: bool,
    /// The peer's answer, as long as it is the latest thing said.
    pub(super) answer: Option<Bytes>,
}

/// What becomes of the session description in a provisional response.
enum Said {
    Nothing,
    Answer(Bytes),
    Offer(Bytes),
}

impl Session {
    /// A provisional response other than 100.
    pub(super) fn progressed(
        &mut self,
        context: &mut Context,
        now: Instant,
        invite: TransactionId,
        response: Response,
    ) {
        self.hear_allow(&response.headers);
        let early = self.early_dialog(context, invite, &response);
        let reliable = self.policy.reliability != Reliability::Off
            && response.headers.has_token(&HeaderName::Require, "100rel");
        let mut said = Said::Nothing;
        let offered = self
            .invite
            .as_ref()
            .is_some_and(|invite| !invite.body.is_empty());
        let sdp = sdp_of(&response.headers, &response.body);
        if reliable {
            let rseq = response.headers.rseq().ok().flatten();
            let cseq = response.headers.cseq().ok();
            let (Some(at), Some(rseq), Some(cseq)) = (early, rseq, cseq) else {
                // Nothing to acknowledge it by.
                return;
            };
            let idle = matches!(self.exchange.pending, Pending::None);
            let early = &mut self.early[at];
            if early.rseq.is_some_and(|last| rseq != last.wrapping_add(1)) {
                // A copy, or one that overtook another: that one will come again first.
                return;
            }
            match sdp {
                Some(sdp) if offered && !early.settled => {
                    early.settled = true;
                    early.answer = Some(sdp.clone());
                    said = Said::Answer(sdp);
                }
                Some(sdp) if !offered && !early.settled => {
                    if !idle {
                        // The user has one offer to answer already; this fork's has to wait.
                        return;
                    }
                    said = Said::Offer(sdp);
                }
                _ => {}
            }
            early.rseq = Some(rseq);
            let dialog = early.dialog.key;
            let rack = RAck {
                rseq,
                cseq: CSeq::new(cseq.number, Method::Invite),
            };
            match said {
                Said::Offer(_) => self.exchange.pending = Pending::InProvisional { dialog, rack },
                _ => self.prack(context, now, dialog, &rack, None),
            }
        } else if let Some(sdp) = sdp
            && offered
            && early.is_none_or(|at| !self.early[at].settled)
        {
            // Not binding, but the media that goes with it can be heard.
            said = Said::Answer(sdp);
        }
        let (answer, offer) = match said {
            Said::Nothing => (None, None),
            Said::Answer(sdp) => (Some(sdp), None),
            Said::Offer(sdp) => (None, Some(sdp)),
        };
        let session = self.id;
        context.events.push_back(Event::Progress {
            session,
            status: response.status,
            sdp: answer,
            response,
        });
        if let Some(sdp) = offer {
            let sdp = Some(sdp);
            context.events.push_back(Event::Offer { session, sdp });
        }
        self.send_queued_offer(context, now);
    }

    /// A provisional response with a To tag sets up an early dialog (§12.1). Gives its place, if it has one.
    fn early_dialog(
        &mut self,
        context: &mut Context,
        invite: TransactionId,
        response: &Response,
    ) -> Option<usize> {
        let dialog = self.new_dialog(context, invite, response)?;
        if dialog.remote_tag.is_empty() {
            return None;
        }
        let known = self
            .early
            .iter()
            .position(|early| early.dialog.key == dialog.key);
        if known.is_none() && self.early.len() < MOST_EARLY_DIALOGS {
            context.dialogs.insert(dialog.key, self.id);
            // Few calls fork: room for one, not for four at once.
            self.early.reserve_exact(1);
            self.early.push(Early {
                dialog,
                rseq: None,
                settled: false,
                answer: None,
            });
            return Some(self.early.len() - 1);
        }
        known
    }

    /// Acknowledges a reliable provisional response.
    pub(super) fn prack(
        &mut self,
        context: &mut Context,
        now: Instant,
        dialog: DialogKey,
        rack: &RAck,
        answer: Option<Bytes>,
    ) {
        let Some(early) = self.early_mut(dialog) else {
            return;
        };
        early.settled |= answer.is_some();
        let mut prack = early.dialog.request(Method::Prack);
        prack.headers.push(HeaderName::RAck, rack);
        if let Some(answer) = answer {
            prack = prack.with_body("application/sdp", answer.clone());
            self.described = Some(answer);
        }
        self.send(context, now, Purpose::Prack, prack);
    }

    /// The early dialog in which an offer of ours may go before the call is answered.
    pub(super) fn settled_early(&self) -> Option<DialogKey> {
        let settled = self.early.iter().rfind(|early| early.settled);
        settled
            .filter(|_| matches!(self.state, State::Calling { .. }))
            .map(|early| early.dialog.key)
    }

    pub(super) fn early_mut(&mut self, key: DialogKey) -> Option<&mut Early> {
        self.early.iter_mut().find(|early| early.dialog.key == key)
    }

    pub(super) fn take_early(&mut self, key: DialogKey) -> Option<Early> {
        let at = self
            .early
            .iter()
            .position(|early| early.dialog.key == key)?;
        Some(self.early.swap_remove(at))
    }

    pub(super) fn forget_early_dialogs(&mut self, context: &mut Context) {
        for early in std::mem::take(&mut self.early) {
            context.dialogs.remove(&early.dialog.key);
        }
    }
}
