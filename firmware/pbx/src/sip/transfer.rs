//! REFER and INVITE with Replaces: who is to take whose place (RFC 3515, RFC 3891).

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
        let now = self.now().instant;
        let slot = Slot::take(&self.exchange.live, &caller);
        let replaced = match (self.endpoint.find_session(replaces), &slot) {
            (Ok(replaced), Some(_)) if self.legs.contains_key(&replaced) => replaced,
            (found, slot) => {
                let status = match (found, slot) {
                    (Err(status), _) => status,
                    (Ok(_), None) => StatusCode::BUSY_HERE,
                    (Ok(_), Some(_)) => StatusCode::CALL_DOES_NOT_EXIST,
                };
                self.forget(session);
                self.endpoint.reject(now, session, status, Vec::new());
                return;
            }
        };
        let caller = Caller::Extension(Box::new(caller));
        let (join, newcomer) = oneshot::channel();
        // The receiver is right here.
        let _ = join.send(Newcomer::calling(leg, caller, slot));
        self.tell(replaced, SipEvent::Replaced(newcomer));
    }
}
