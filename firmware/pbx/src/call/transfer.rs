//! Passing an end of a call on to somebody else: unattended and attended transfer (RFC 5589), and taking an end's place.

use super::participant::{Newcomer, Pair, Participant};
use super::reach::{Following, NotTaken, Reached, Waiting, reach};
use super::record::Call;
use super::routing::{self, Route};
use super::talk::{TalkEnd, talk};
use super::third;
use super::trace::{End, Refused, Step};
use super::{Caller, Outcome, consult, voicedrop};
use crate::leg::{self, Cause, LegEvent, Transfer, TransferNews};

/// Lets two talk, and whoever they are replaced by, until the call is over.
pub(super) async fn converse(
    call: &mut Call,
    mut pair: Pair,
    following: &Following<'_>,
) -> Outcome {
    loop {
        let end = talk(call, &mut pair).await;
        // Whoever is the third one stays so while the two change.
        let third = match end {
            TalkEnd::Over(_) | TalkEnd::ThirdTakesPlace(..) | TalkEnd::LeavesMessage(..) => None,
            TalkEnd::Transfer(..) | TalkEnd::Replaced(..) | TalkEnd::Consult(..) => {
                pair.third.take()
            }
        };
        let next = match end {
            TalkEnd::Over(outcome) => {
                Box::pin(pair.end(call, outcome.cause)).await;
                return outcome;
            }
            TalkEnd::Transfer(by, transfer) if transfer.join.is_some() => {
                Box::pin(attended(call, pair, by, transfer)).await
            }
            TalkEnd::Transfer(by, transfer) => {
                Box::pin(unattended(call, pair, by, transfer, following)).await
            }
            TalkEnd::Replaced(end, newcomer) => {
                Ok(Box::pin(replaced(call, pair, end, newcomer)).await)
            }
            TalkEnd::Consult(by, number) => {
                Box::pin(consult::consult(call, pair, by, number, following)).await
            }
            TalkEnd::LeavesMessage(by, message) => {
                if let Some(third) = pair.third.take() {
                    let cause = Cause::NORMAL_CLEARING;
                    Box::pin(third.participant.end(call, cause)).await;
                }
                return Box::pin(voicedrop::leave(call, pair, by, message)).await;
            }
            TalkEnd::ThirdTakesPlace(end, cause) => {
                Ok(Box::pin(third::takes_place(call, pair, end, cause)).await)
            }
        };
        match next {
            Ok(next) => {
                pair = next;
                match (third, &pair.third) {
                    // All three places are taken.
                    (Some(third), Some(_)) => {
                        let cause = Cause::NORMAL_CLEARING;
                        Box::pin(third.participant.end(call, cause)).await;
                    }
                    (Some(third), None) => pair.third = Some(third),
                    (None, _) => {}
                }
            }
            Err(outcome) => {
                if let Some(third) = third {
                    Box::pin(third.participant.end(call, outcome.cause)).await;
                }
                return outcome;
            }
        }
    }
}

/// Passes the other end on to a number. The transferor stays in the call until that has worked (RFC 5589 §6.1), unless it
/// hangs up.
async fn unattended(
    call: &mut Call,
    pair: Pair,
    by: End,
    mut transfer: Transfer,
    following: &Following<'_>,
) -> Result<Pair, Outcome> {
    let (transferor, mut remaining) = pair.split(by);
    let number = transfer.target.clone();
    call.step(Step::TransferAsked {
        by,
        number: number.clone(),
    });
    transfer.accept();
    let lines = call.exchange().clone();
    let route = routing::route(
        following.configuration,
        &lines,
        &transferor.who,
        &number,
        |step| call.step(step),
    );
    let route = match route {
        // Nobody is put through to himself.
        Route::Extension(callee)
            if remaining
                .who
                .extension()
                .is_some_and(|extension| extension.id == callee.id) =>
        {
            Route::Refused(Refused::OwnNumber, Cause::USER_BUSY)
        }
        route => route,
    };
    let parks = matches!(route, Route::Park(_));
    let mut left = Transferor::new(by, transferor, transfer);
    if matches!(route, Route::Feature(_) | Route::Agent(_) | Route::Flow(_)) {
        left.let_go(call, TransferNews::Done).await;
    }
    let mut waiting = Waiting {
        participant: &mut remaining,
        transferor: Some(&mut left),
        queued: None,
        asking: None,
        on_behalf_of: None,
    };
    let reached = reach(call, &mut waiting, route, following).await;
    match reached {
        Ok(Reached::Talking(target)) => {
            left.let_go(call, TransferNews::Done).await;
            if !parks {
                call.step(Step::Transferred { by });
            }
            let mut pair = Pair::join(by, target, remaining);
            pair.connect(call);
            Ok(pair)
        }
        Ok(Reached::Served(outcome)) | Err(NotTaken::Over(outcome)) => {
            let news = TransferNews::Failed(outcome.cause);
            left.let_go(call, news).await;
            remaining.end(call, outcome.cause).await;
            Err(outcome)
        }
        Err(NotTaken::Failed(outcome)) => {
            call.step(Step::TransferFailed {
                by,
                cause: outcome.cause.0,
            });
            match left.fail(outcome.cause) {
                Some(transferor) => {
                    // As if nothing had happened.
                    let mut pair = Pair::join(by, transferor, remaining);
                    pair.connect(call);
                    Ok(pair)
                }
                None => {
                    remaining.end(call, outcome.cause).await;
                    Err(Outcome::cleared_by(outcome.cause))
                }
            }
        }
    }
}

/// Hands the other end over to the transferor's second call, where it takes the transferor's place (RFC 5589 §7).
async fn attended(
    call: &mut Call,
    pair: Pair,
    by: End,
    mut transfer: Transfer,
) -> Result<Pair, Outcome> {
    let (transferor, remaining) = pair.split(by);
    call.step(Step::TransferAsked {
        by,
        number: transfer.target.clone(),
    });
    transfer.accept();
    let record = remaining.record;
    let newcomer = remaining.leave(call).await;
    let refused = match transfer.join.take() {
        Some(join) => join.send(newcomer).err(),
        None => Some(newcomer),
    };
    match refused {
        None => {
            transfer.finish(TransferNews::Done);
            call.step(Step::Transferred { by });
            let outcome = Outcome::cleared_by(Cause::NORMAL_CLEARING);
            transferor.end(call, outcome.cause).await;
            Err(outcome)
        }
        Some(newcomer) => {
            let cause = Cause::NORMAL_UNSPECIFIED;
            transfer.finish(TransferNews::NoSuchCall);
            call.step(Step::TransferFailed { by, cause: cause.0 });
            call.leg_goes_on(record);
            let remaining = Participant::back(newcomer, record);
            Ok(Pair::join(by, transferor, remaining))
        }
    }
}

/// Somebody takes the place of an end.
async fn replaced(call: &mut Call, pair: Pair, end: End, mut newcomer: Newcomer) -> Pair {
    let (gone, mut remaining) = pair.split(end);
    if newcomer.leg.answer(remaining.leg.codec()).is_err() {
        // Nothing that both could talk in: as if he had never come.
        drop(newcomer.into_leg());
        return Pair::join(end, gone, remaining);
    }
    call.step(Step::Replaced {
        end,
        by: newcomer.who.party().number,
        from: newcomer.from.as_ref().map(ToString::to_string),
    });
    gone.end(call, Cause::NORMAL_CLEARING).await;
    let newcomer = newcomer.join(call);
    call.leg_answered(newcomer.record);
    // Being held belongs to the one who held.
    remaining.leg.set_media_flow(newcomer.flow.across());
    let mut pair = Pair::join(end, newcomer, remaining);
    pair.connect(call);
    pair
}

/// Who passed somebody on, while the target is rung.
pub(super) struct Transferor {
    pub(super) end: End,
    /// `None` once it has hung up.
    participant: Option<Participant>,
    pub(super) transfer: Transfer,
}

impl Transferor {
    pub(super) fn new(end: End, participant: Participant, transfer: Transfer) -> Self {
        Self {
            end,
            participant: Some(participant),
            transfer,
        }
    }

    /// Who passed somebody on, while he is there.
    pub(super) fn participant(&self) -> Option<&Participant> {
        self.participant.as_ref()
    }

    /// The same.
    pub(super) fn who(&self) -> Option<&Caller> {
        self.participant
            .as_ref()
            .map(|participant| &participant.who)
    }

    /// Takes what its leg says.
    pub(super) async fn take(&mut self, call: &mut Call, event: LegEvent) {
        match event {
            LegEvent::HungUp(cause) | LegEvent::Rejected(cause) => {
                if let Some(participant) = self.participant.take() {
                    call.step(Step::TransferorLeft { end: self.end });
                    participant.end(call, cause).await;
                }
            }
            LegEvent::MediaFlow(flow) => {
                if let Some(participant) = &mut self.participant {
                    participant.flow = flow;
                }
            }
            LegEvent::Transfer(transfer) => transfer.refuse_as_pending(),
            _ => {}
        }
    }

    /// Gives him back, if he is still there.
    pub(super) fn give_back(mut self) -> Option<Participant> {
        self.participant.take()
    }

    /// It is not needed any more.
    pub(super) async fn let_go(&mut self, call: &mut Call, news: TransferNews) {
        self.transfer.finish(news);
        if let Some(participant) = self.participant.take() {
            participant.end(call, Cause::NORMAL_CLEARING).await;
        }
    }

    /// The target was not reached; gives back the transferor if it is still there.
    fn fail(mut self, cause: Cause) -> Option<Participant> {
        self.transfer.finish(TransferNews::Failed(cause));
        self.participant.take()
    }
}

/// The next event of the transferor's leg.
pub(super) async fn event(transferor: Option<&mut Transferor>) -> LegEvent {
    match transferor.and_then(|transferor| transferor.participant.as_mut()) {
        Some(participant) => leg::event(&mut *participant.leg).await,
        None => std::future::pending().await,
    }
}
