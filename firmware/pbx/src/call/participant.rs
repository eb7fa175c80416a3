//! Who is in a call, and how somebody comes to take another's place in it.

use std::fmt;

use ramal_media::Codec;
use ramal_model::CallId;
use tokio::sync::oneshot;

use super::hold::HoldMusic;
use super::record::{Call, Charged, LegRef};
use super::third::Third;
use super::trace::End;
use super::{Caller, Slot};
use crate::leg::{Cause, Leg, MediaFlow, Release};

/// One of the two ends of a call.
pub(super) struct Participant {
    pub(super) leg: Box<dyn Leg>,
    pub(super) who: Caller,
    /// Its place in the call's record.
    pub(super) record: LegRef,
    /// How it wants media to flow: hold is its wish.
    pub(super) flow: MediaFlow,
    /// Its share of the calls its extension may have.
    pub(super) slot: Option<Slot>,
    /// What it hears while its peer holds.
    pub(super) music: HoldMusic,
}

/// Somebody who is to take the place of an end of a call, or the call that rings. Dropping it hangs it up.
pub(crate) struct Newcomer {
    pub(super) leg: Box<dyn Leg>,
    pub(super) who: Caller,
    pub(super) slot: Option<Slot>,
    /// The call it was in before.
    pub(super) from: Option<CallId>,
    /// What its leg costs, if it led out of the company there.
    charged: Box<Charged>,
    flow: MediaFlow,
}

/// Tells a leg that its place in the call will be taken: by whom arrives here. When nobody comes after all, it ends.
pub(crate) type Replacing = oneshot::Receiver<Newcomer>;

impl Newcomer {
    /// A leg that has just called for it.
    pub(crate) fn calling(leg: Box<dyn Leg>, who: Caller, slot: Option<Slot>) -> Self {
        Self {
            leg,
            who,
            slot,
            from: None,
            charged: Box::default(),
            flow: MediaFlow::BOTH,
        }
    }

    /// Makes it a part of this call.
    pub(super) fn join(self, call: &mut Call) -> Participant {
        let record = call.leg_started(&*self.leg, self.who.leg_party());
        call.goes_on_costing(record, *self.charged);
        Participant {
            leg: self.leg,
            who: self.who,
            record,
            flow: self.flow,
            slot: self.slot,
            music: HoldMusic::default(),
        }
    }

    /// Takes back the leg of somebody who could not take a place.
    pub(super) fn into_leg(self) -> Box<dyn Leg> {
        self.leg
    }
}

impl fmt::Debug for Newcomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newcomer")
            .field("who", &self.who.leg_party())
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl Participant {
    pub(super) fn new(leg: Box<dyn Leg>, who: Caller, record: LegRef, slot: Option<Slot>) -> Self {
        Self {
            leg,
            who,
            record,
            flow: MediaFlow::BOTH,
            slot,
            music: HoldMusic::default(),
        }
    }

    /// What it can hear, best first: what it hears now before all others.
    pub(super) fn codecs(&self) -> Vec<Codec> {
        let others = self.leg.codecs().iter().copied();
        let mut codecs: Vec<Codec> = self.leg.codec().into_iter().collect();
        codecs.extend(others.filter(|codec| Some(*codec) != self.leg.codec()));
        codecs
    }

    /// Lets it hear its peer as far as the peer's wish `flow` goes, and music while the peer holds.
    pub(super) fn hear(&mut self, call: &Call, peer: &Caller, flow: MediaFlow) {
        let mut told = flow.across();
        if flow == MediaFlow::BOTH {
            self.music.stop();
        } else {
            // Even from a peer that sends nothing there is music to be heard.
            told.send = true;
            self.music.start(call, &*self.leg, peer);
        }
        self.leg.set_media_flow(told);
    }

    /// Ends its part in the call and writes that down.
    pub(super) async fn end(mut self, call: &mut Call, cause: Cause) {
        self.hang_up(cause);
        call.leg_ended(self.record, &*self.leg, cause).await;
    }

    /// Ends its leg. The next call of its extension need not wait for what is written down of this one.
    fn hang_up(&mut self, cause: Cause) {
        self.leg.hang_up(Release::Cause(cause));
        self.slot = None;
    }

    /// Leaves for another call; written down here as the end of its leg.
    pub(super) async fn leave(self, call: &mut Call) -> Newcomer {
        let charged = Box::new(call.charged(self.record));
        call.leg_ended(self.record, &*self.leg, Cause::NORMAL_CLEARING)
            .await;
        Newcomer {
            leg: self.leg,
            who: self.who,
            slot: self.slot,
            from: Some(call.id().clone()),
            charged,
            flow: self.flow,
        }
    }

    /// Comes back to a call it was about to leave.
    pub(super) fn back(newcomer: Newcomer, record: LegRef) -> Self {
        Self {
            leg: newcomer.leg,
            who: newcomer.who,
            record,
            flow: newcomer.flow,
            slot: newcomer.slot,
            music: HoldMusic::default(),
        }
    }
}

/// The two ends of a call that talk.
pub(super) struct Pair {
    pub(super) caller: Participant,
    pub(super) callee: Participant,
    /// A supervisor, or somebody who talks with both.
    pub(super) third: Option<Box<Third>>,
}

impl Pair {
    /// Two who are going to talk.
    pub(super) fn new(caller: Participant, callee: Participant) -> Self {
        Self {
            caller,
            callee,
            third: None,
        }
    }

    /// The end asked for, and the other one.
    pub(super) fn split(self, end: End) -> (Participant, Participant) {
        match end {
            End::Caller => (self.caller, self.callee),
            End::Callee => (self.callee, self.caller),
        }
    }

    /// Puts two together again: `at` is the end where `one` is.
    pub(super) fn join(at: End, one: Participant, other: Participant) -> Self {
        match at {
            End::Caller => Self::new(one, other),
            End::Callee => Self::new(other, one),
        }
    }

    /// Lets both hear each other, each as far as the other wants.
    pub(super) fn connect(&mut self, call: &mut Call) {
        call.bridge(&*self.caller.leg, &*self.callee.leg);
        self.caller.hear(call, &self.callee.who, self.callee.flow);
        self.callee.hear(call, &self.caller.who, self.caller.flow);
        call.held(!(self.caller.flow.send && self.callee.flow.send));
        call.now_at(End::Caller, self.caller.who.party());
        call.now_at(End::Callee, self.callee.who.party());
    }

    /// Ends the call of both.
    pub(super) async fn end(mut self, call: &mut Call, cause: Cause) {
        let both = [&mut self.callee, &mut self.caller];
        for participant in both {
            participant.hang_up(cause);
        }
        let legs = [&self.callee, &self.caller].map(|end| (end.record, &*end.leg));
        call.legs_ended(&legs, cause).await;
        if let Some(third) = self.third {
            third.participant.end(call, cause).await;
        }
    }
}
