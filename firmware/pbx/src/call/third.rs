//! A third one in a call of two: a supervisor who listens, whispers or barges in, or somebody who talks with both. All three
//! are in a room of the media engine.

use ramal_media::{MediaError, Part, Room};

use super::participant::{Newcomer, Pair, Participant};
use super::phones::taken_by;
use super::record::Call;
use super::trace::{End, Step};
use crate::leg::{self, Cause, LegEvent};
use crate::supervision::{Supervision, Watch};

/// The third one.
pub(super) struct Third {
    pub(super) participant: Participant,
    role: Role,
    room: Room,
}

/// What he does in the call.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    /// He supervises the calls of the extension with this number.
    Supervisor { of: String, mode: Supervision },
    /// He talks with both.
    Member,
}

impl Third {
    /// Somebody who talks with both.
    pub(super) fn member(call: &Call, participant: Participant) -> Box<Self> {
        Self::new(call, participant, Role::Member)
    }

    fn new(call: &Call, participant: Participant, role: Role) -> Box<Self> {
        Box::new(Self {
            participant,
            role,
            room: call.exchange().engine.room(),
        })
    }

    /// Whether he talks with both.
    pub(super) fn is_member(&self) -> bool {
        self.role == Role::Member
    }

    fn number(&self) -> String {
        self.participant.who.party().number
    }

    /// Lets everybody hear whom he is to hear.
    async fn mix(&self, pair: &Pair) -> Result<(), MediaError> {
        let (Some(caller), Some(callee), Some(own)) = (
            pair.caller.leg.stream(),
            pair.callee.leg.stream(),
            self.participant.leg.stream(),
        ) else {
            return Err(MediaError::Stopped);
        };
        // Heard by nobody at first: not one word of his goes where it should not.
        self.room.join(caller, Part::Speaker).await?;
        self.room.join(callee, Part::Speaker).await?;
        self.room.join(own, Part::Listener).await?;
        self.speak(pair)
    }

    /// Lets those hear him who are to.
    fn speak(&self, pair: &Pair) -> Result<(), MediaError> {
        let is_heard_by = |end: End| match &self.role {
            Role::Member => true,
            Role::Supervisor { of, mode } => match mode {
                Supervision::Listen | Supervision::TakeOver => false,
                Supervision::Whisper => end_of(pair, of) == Some(end),
                Supervision::Barge => true,
            },
        };
        let own = self.participant.leg.stream().ok_or(MediaError::Stopped)?;
        for (end, other) in [(End::Caller, &pair.caller), (End::Callee, &pair.callee)] {
            let other = other.leg.stream().ok_or(MediaError::Stopped)?;
            self.room.set_heard(own, other, is_heard_by(end))?;
        }
        Ok(())
    }
}

/// Brings the three together, or lets the third one go who has nothing to do here any more.
pub(super) async fn attach(call: &mut Call, pair: &mut Pair) {
    let Some(third) = pair.third.take() else {
        return;
    };
    if let Role::Supervisor { of, .. } = &third.role
        && end_of(pair, of).is_none()
    {
        return let_go(call, pair, third, Cause::NORMAL_CLEARING).await;
    }
    if let Err(error) = third.mix(pair).await {
        tracing::error!(%error, "a third one cannot be heard");
        return let_go(call, pair, third, Cause::RESOURCE_UNAVAILABLE).await;
    }
    pair.third = Some(third);
}

/// Ends the part of the third one. The two hear each other as before.
async fn let_go(call: &mut Call, pair: &mut Pair, third: Box<Third>, cause: Cause) {
    call.step(Step::ThirdLeft {
        number: third.number(),
    });
    call.bridge(&*pair.caller.leg, &*pair.callee.leg);
    third.participant.end(call, cause).await;
}

/// The end where the extension with this number is.
fn end_of(pair: &Pair, number: &str) -> Option<End> {
    let is = |participant: &Participant| participant.who.party().number == number;
    match (is(&pair.caller), is(&pair.callee)) {
        (_, true) => Some(End::Callee),
        (true, false) => Some(End::Caller),
        (false, false) => None,
    }
}

/// The next event of the third one's leg.
pub(super) async fn event(third: Option<&mut Box<Third>>) -> LegEvent {
    match third {
        Some(third) => leg::event(&mut *third.participant.leg).await,
        None => std::future::pending().await,
    }
}

/// Takes what the third one's leg says; the end whose place he takes.
pub(super) async fn take(call: &mut Call, pair: &mut Pair, event: LegEvent) -> Option<End> {
    let gone = match event {
        LegEvent::HungUp(cause) | LegEvent::Rejected(cause) => cause,
        LegEvent::Unsecured(_) => Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED,
        LegEvent::MediaTimeout => Cause::RECOVERY_ON_TIMER_EXPIRY,
        LegEvent::Digit(key) | LegEvent::MediaDigit(key) | LegEvent::ToneDigit(key) => {
            let mode = Supervision::by_key(key)?;
            return change(call, pair, mode).await;
        }
        LegEvent::Transfer(transfer) => {
            transfer.refuse_as_pending();
            return None;
        }
        _ => return None,
    };
    if let Some(third) = pair.third.take() {
        let_go(call, pair, third, gone).await;
    }
    None
}

/// A supervisor does something else from now on; the end whose place he takes.
async fn change(call: &mut Call, pair: &mut Pair, to: Supervision) -> Option<End> {
    let third = pair.third.as_mut()?;
    let by = third.number();
    let Role::Supervisor { of, mode } = &mut third.role else {
        return None;
    };
    *mode = to;
    let of = of.clone();
    call.step(Step::Supervised {
        by,
        of: of.clone(),
        mode: to,
    });
    if to == Supervision::TakeOver {
        return end_of(pair, &of);
    }
    let third = pair.third.as_ref()?;
    if let Err(error) = third.speak(pair) {
        tracing::error!(%error, "a supervisor is not heard as he should be");
    }
    None
}

/// Somebody wants to talk with both; hung up when there is no place for him.
pub(super) async fn join(call: &mut Call, pair: &mut Pair, newcomer: Newcomer) {
    if pair.third.is_some() || !is_mixable(pair) {
        return;
    }
    let Some(newcomer) = taken_by(&pair.callee, newcomer) else {
        return;
    };
    let participant = newcomer.join(call);
    call.leg_answered(participant.record);
    let third = Third::member(call, participant);
    call.step(Step::ThirdJoined {
        number: third.number(),
    });
    pair.third = Some(third);
    attach(call, pair).await;
}

/// Whether the sound of both is understood here: what is only carried cannot be mixed.
fn is_mixable(pair: &Pair) -> bool {
    [&pair.caller, &pair.callee].into_iter().all(|participant| {
        let codec = participant.leg.codec();
        codec.is_none_or(|codec| codec.sample_rate().is_some())
    })
}

/// Somebody wants to supervise the call, or who does wants to do something else; the end whose place he takes.
pub(super) async fn supervise(call: &mut Call, pair: &mut Pair, mut watch: Watch) -> Option<End> {
    if let Some(third) = &pair.third {
        let is_his = !third.is_member() && third.number() == watch.by;
        watch.tell(is_his);
        return if is_his {
            change(call, pair, watch.mode).await
        } else {
            None
        };
    }
    let fits = end_of(pair, &watch.of).is_some() && is_mixable(pair);
    let newcomer = watch.newcomer.take().filter(|_| fits);
    let newcomer = newcomer.and_then(|newcomer| taken_by(&pair.callee, newcomer));
    let Some(newcomer) = newcomer else {
        watch.tell(false);
        return None;
    };
    let participant = newcomer.join(call);
    call.leg_answered(participant.record);
    watch.tell(true);
    let role = Role::Supervisor {
        of: watch.of.clone(),
        mode: Supervision::Listen,
    };
    pair.third = Some(Third::new(call, participant, role));
    attach(call, pair).await;
    change(call, pair, watch.mode).await
}

/// Lets the third one take the place of an end, which leaves the call.
pub(super) async fn takes_place(call: &mut Call, mut pair: Pair, end: End, cause: Cause) -> Pair {
    let Some(third) = pair.third.take() else {
        return pair;
    };
    call.step(Step::Replaced {
        end,
        by: third.number(),
        from: None,
    });
    let (gone, remaining) = pair.split(end);
    gone.end(call, cause).await;
    let mut pair = Pair::join(end, third.participant, remaining);
    pair.connect(call);
    pair
}
