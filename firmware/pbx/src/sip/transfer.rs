//! REFER, and INVITE with Replaces or Join: who is to take whose place, or to talk with whom (RFC 3515, RFC 3891, RFC 3911).

use ramal_model::Extension;
use ramal_sip::{Refer, Replaces, SessionId, StatusCode};
use tokio::sync::oneshot;

use super::agent::Agent;
use super::command::SipEvent;
use crate::call::{Caller, Newcomer, Slot};
use crate::leg::Leg;

impl Agent {
    /// A phone wants the other end of its call to call somebody else.
    ///
    /// When that is the other end of another call of the phone, that call is told at once that its end will be replaced:
    /// the phone may hang up both right after this.
    pub(super) fn referred(&mut self, session: SessionId, refer: Refer) {
        let now = self.now().instant;
        let id = refer.id;
        let target = refer.target.user().filter(|user| !user.is_empty());
        let (Some(target), true) = (target, self.legs.contains_key(&session)) else {
            self.endpoint.refuse_refer(now, id, StatusCode::NOT_FOUND);
            return;
        };
        let target = target.into_owned();
        let join = refer.replaces.as_ref().map(|replaces| {
            let (join, newcomer) = oneshot::channel();
            let replaced = self.endpoint.find_dialog(replaces);
            if let Some(replaced) = replaced.filter(|replaced| *replaced != session) {
                self.tell(replaced, SipEvent::Replaced(newcomer));
            }
            // If there is no such call, nobody waits for the newcomer, which is how its call learns of it.
            join
        });
        self.tell(
            session,
            SipEvent::Refer {
                refer: id,
                target,
                join,
            },
        );
    }

    /// A phone calls to take somebody's place.
    pub(super) fn replace(
        &mut self,
        session: SessionId,
        leg: Box<dyn Leg>,
        caller: Extension,
        replaces: &Replaces,
    ) {
        let found = self.endpoint.find_session(replaces);
        let Some((replaced, newcomer)) = self.newcomer(session, leg, caller, found) else {
            return;
        };
        let (join, coming) = oneshot::channel();
        // The receiver is right here.
        let _ = join.send(newcomer);
        self.tell(replaced, SipEvent::Replaced(coming));
    }

    /// A phone calls to talk with the two of a call.
    pub(super) fn join(
        &mut self,
        session: SessionId,
        leg: Box<dyn Leg>,
        caller: Extension,
        join: &Replaces,
    ) {
        let found = self.endpoint.find_dialog(join);
        let found = found.ok_or(StatusCode::CALL_DOES_NOT_EXIST);
        if let Some((joined, newcomer)) = self.newcomer(session, leg, caller, found) {
            self.tell(joined, SipEvent::Joined(Box::new(newcomer)));
        }
    }

    /// Whoever calls for a call that there is, and the session of that call; refused when there is none, or he has as many
    /// calls as he may.
    fn newcomer(
        &mut self,
        session: SessionId,
        leg: Box<dyn Leg>,
        caller: Extension,
        found: Result<SessionId, StatusCode>,
    ) -> Option<(SessionId, Newcomer)> {
        let slot = Slot::take(&self.exchange.live, &caller);
        let status = match (found, slot) {
            (Ok(found), Some(slot)) if self.legs.contains_key(&found) => {
                let caller = Caller::Extension(Box::new(caller));
                return Some((found, Newcomer::calling(leg, caller, Some(slot))));
            }
            (Err(status), _) => status,
            (Ok(_), None) => StatusCode::BUSY_HERE,
            (Ok(_), Some(_)) => StatusCode::CALL_DOES_NOT_EXIST,
        };
        let now = self.now().instant;
        self.forget(session);
        self.endpoint.reject(now, session, status, Vec::new());
        None
    }
}
