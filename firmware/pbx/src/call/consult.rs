//! Asking back by keys (A.4): somebody calls a third one while the other end hears music, and then goes back to it, passes it
//! on, goes between both, or brings all three together.
//!
//! Once the third one has answered the keys are fixed: `*1` ends the call to him, `*2` passes the other end on to him, `*3`
//! brings all together, `*4` goes between the two.

use std::time::Duration;

use ramal_model::Destination;
use tokio::time::Instant;

use super::participant::{Pair, Participant};
use super::reach::{Following, NotTaken, Reached, Waiting, reach};
use super::record::{Call, Interrupt};
use super::routing::{self, Route};
use super::third::Third;
use super::trace::{ConsultEnd, End, Refused, Step};
use super::transfer::Transferor;
use super::{Caller, Outcome};
use crate::leg::{self, Cause, DigitWay, LegEvent, Transfer};

/// The second key must follow `*` within this time.
const KEY_TIME: Duration = Duration::from_secs(3);

/// What somebody who asks back presses, also while the third one is still rung.
#[derive(Debug, Default)]
pub(super) struct AskingKeys {
    star: Option<Instant>,
    /// He has hung up.
    pub(super) gone: bool,
}

impl AskingKeys {
    /// Takes a key; the one that follows `*`.
    pub(super) fn press(&mut self, key: char) -> Option<char> {
        let follows = self.star.take().is_some_and(|at| at.elapsed() < KEY_TIME);
        if key == '*' {
            self.star = Some(Instant::now());
            return None;
        }
        follows.then_some(key)
    }
}

/// Lets `by` ask back at a number.
pub(super) async fn consult(
    call: &mut Call,
    pair: Pair,
    by: End,
    number: String,
    following: &Following<'_>,
) -> Result<Pair, Outcome> {
    let (mut asker, held) = pair.split(by);
    call.step(Step::Consults {
        by,
        number: number.clone(),
    });
    let exchange = call.exchange().clone();
    let configuration = following.configuration;
    let route = routing::route(configuration, &exchange, &asker.who, &number, |step| {
        call.step(step);
    });
    // Who waits in a queue or hears a menu cannot be talked with.
    let route = match route {
        Route::Extension(_)
        | Route::Outside { .. }
        | Route::Station(_)
        | Route::Refused(..)
        | Route::Flow(Destination::Extension { .. }) => route,
        _ => Route::Refused(Refused::UnknownNumber, Cause::UNALLOCATED_NUMBER),
    };
    let again = route.clone();
    let mut waits = Transferor::new(
        by.other(),
        held,
        Transfer::new(number, None, Box::new(|_| {})),
    );
    let mut waiting = Waiting {
        participant: &mut asker,
        transferor: Some(&mut waits),
        queued: None,
        asking: Some(AskingKeys::default()),
        on_behalf_of: None,
    };
    let reached = reach(call, &mut waiting, route, following).await;
    let gone = waiting.asking.is_some_and(|keys| keys.gone);
    let held = waits.give_back();
    match (reached, held) {
        (Ok(Reached::Talking(target)), Some(held)) => {
            let three = Three {
                by,
                asker,
                held,
                target,
                with_target: true,
                keys: AskingKeys::default(),
            };
            three.talk(call).await
        }
        (Ok(Reached::Talking(target)), None) => Ok(connected(call, by, asker, target)),
        // Whoever hangs up while it rings has passed the other end on.
        (Err(NotTaken::Over(outcome)), Some(held)) if gone => {
            let asked = asker.who.clone();
            asker.end(call, outcome.cause).await;
            passed_on(call, by, (held, &asked), again, following).await
        }
        (Ok(Reached::Served(outcome)) | Err(NotTaken::Over(outcome)), held) => {
            asker.end(call, outcome.cause).await;
            if let Some(held) = held {
                held.end(call, outcome.cause).await;
            }
            Err(outcome)
        }
        (Err(NotTaken::Failed(_)), Some(held)) => {
            call.step(Step::ConsultEnded {
                how: ConsultEnd::NotReached,
            });
            Ok(connected(call, by, asker, held))
        }
        (Err(NotTaken::Failed(outcome)), None) => {
            asker.end(call, outcome.cause).await;
            Err(Outcome::cleared_by(outcome.cause))
        }
    }
}

/// Two talk from now on: `one` at the end where who asked back was.
fn connected(call: &mut Call, by: End, one: Participant, other: Participant) -> Pair {
    let mut pair = Pair::join(by, one, other);
    pair.connect(call);
    pair
}

/// Takes whoever was held to the number that was asked at, on behalf of the one who asked and is gone.
async fn passed_on(
    call: &mut Call,
    by: End,
    (mut held, asked): (Participant, &Caller),
    route: Route,
    following: &Following<'_>,
) -> Result<Pair, Outcome> {
    held.music.stop();
    let mut waiting = Waiting {
        participant: &mut held,
        transferor: None,
        queued: None,
        asking: None,
        on_behalf_of: Some(asked),
    };
    match reach(call, &mut waiting, route, following).await {
        Ok(Reached::Talking(target)) => {
            call.step(Step::Transferred { by });
            Ok(connected(call, by, target, held))
        }
        Ok(Reached::Served(outcome)) | Err(NotTaken::Over(outcome) | NotTaken::Failed(outcome)) => {
            held.end(call, outcome.cause).await;
            Err(Outcome::cleared_by(outcome.cause))
        }
    }
}

/// Somebody who asks back, the one who is held for it, and the one he asks.
struct Three {
    by: End,
    asker: Participant,
    held: Participant,
    target: Participant,
    /// Whether he talks with the target now, rather than with the one who was held first.
    with_target: bool,
    keys: AskingKeys,
}

/// Of which of the three something came.
enum News {
    Asker(LegEvent),
    Held(LegEvent),
    Target(LegEvent),
    Interrupt(Interrupt),
}

impl Three {
    /// Lets him talk with one or the other until two are left, or all three talk.
    async fn talk(mut self, call: &mut Call) -> Result<Pair, Outcome> {
        loop {
            let news = tokio::select! {
                event = leg::event(&mut *self.asker.leg) => News::Asker(event),
                event = leg::event(&mut *self.held.leg) => News::Held(event),
                event = leg::event(&mut *self.target.leg) => News::Target(event),
                interrupt = call.interrupt() => News::Interrupt(interrupt),
            };
            match news {
                News::Asker(event) => {
                    let key = match &event {
                        LegEvent::Digit(key)
                        | LegEvent::MediaDigit(key)
                        | LegEvent::ToneDigit(key) => self.keys.press(*key),
                        _ => None,
                    };
                    match key {
                        Some('1') => return Ok(self.back(call, ConsultEnd::Aborted).await),
                        Some('2') => {
                            return Ok(self.complete(call, Cause::NORMAL_CLEARING).await);
                        }
                        Some('3') => return Ok(self.together(call)),
                        Some('4') => self.swap(call),
                        _ => match event {
                            LegEvent::HungUp(cause) | LegEvent::Rejected(cause) => {
                                return Ok(self.complete(call, cause).await);
                            }
                            event => self.asker_says(call, event),
                        },
                    }
                }
                News::Held(event) => {
                    if let Some(cause) = left(event, &mut self.held) {
                        call.step(Step::HungUp {
                            by: self.by.other(),
                        });
                        self.held.end(call, cause).await;
                        return Ok(connected(call, self.by, self.asker, self.target));
                    }
                }
                News::Target(event) => {
                    if left(event, &mut self.target).is_some() {
                        return Ok(self.back(call, ConsultEnd::TargetLeft).await);
                    }
                }
                News::Interrupt(Interrupt::End(why)) => {
                    let outcome = call.ended_here(why);
                    for one in [self.asker, self.held, self.target] {
                        one.end(call, outcome.cause).await;
                    }
                    return Err(outcome);
                }
                News::Interrupt(Interrupt::NoticeEnded(end)) => call.notice_ended(end, None),
                News::Interrupt(Interrupt::RecordingFailed(problem)) => {
                    call.recording_failed(problem);
                }
                // Whoever wants something of two who talk asks again when they do.
                News::Interrupt(
                    Interrupt::Join(_)
                    | Interrupt::Supervise(_)
                    | Interrupt::VoiceDrop(_)
                    | Interrupt::Record(_),
                ) => {}
            }
        }
    }

    /// He goes back to the one who was held; the target is let go.
    async fn back(self, call: &mut Call, how: ConsultEnd) -> Pair {
        call.step(Step::ConsultEnded { how });
        self.target.end(call, Cause::NORMAL_CLEARING).await;
        connected(call, self.by, self.asker, self.held)
    }

    /// The two others talk; he leaves.
    async fn complete(self, call: &mut Call, cause: Cause) -> Pair {
        self.asker.end(call, cause).await;
        call.step(Step::Transferred { by: self.by });
        connected(call, self.by, self.target, self.held)
    }

    /// All three talk.
    fn together(mut self, call: &mut Call) -> Pair {
        call.step(Step::ConsultEnded {
            how: ConsultEnd::ThreeWay,
        });
        self.target.music.stop();
        let mut pair = connected(call, self.by, self.asker, self.held);
        pair.third = Some(Third::member(call, self.target));
        pair
    }

    /// He talks with the other one.
    fn swap(&mut self, call: &mut Call) {
        call.step(Step::ConsultSwapped { by: self.by });
        self.with_target = !self.with_target;
        let (heard, held) = if self.with_target {
            (&mut self.target, &mut self.held)
        } else {
            (&mut self.held, &mut self.target)
        };
        heard.music.stop();
        call.bridge(&*self.asker.leg, &*heard.leg);
        held.music.start(call, &*held.leg, &self.asker.who);
    }

    /// Passes on what he presses, and whether he holds.
    fn asker_says(&mut self, call: &mut Call, event: LegEvent) {
        let other = if self.with_target {
            &mut self.target
        } else {
            &mut self.held
        };
        match event {
            LegEvent::Digit(key) => other.leg.send_digit(key),
            LegEvent::MediaDigit(key) if other.leg.digit_way() != DigitWay::Events => {
                other.leg.send_digit(key);
            }
            LegEvent::ToneDigit(key) if other.leg.digit_way() == DigitWay::Signalling => {
                other.leg.send_digit(key);
            }
            LegEvent::MediaFlow(flow) => {
                self.asker.flow = flow;
                other.hear(call, &self.asker.who, flow);
            }
            LegEvent::Transfer(transfer) => transfer.refuse_as_pending(),
            _ => {}
        }
    }
}

/// Takes what the leg of one of the two others says; why he is there no more.
fn left(event: LegEvent, participant: &mut Participant) -> Option<Cause> {
    match event {
        LegEvent::HungUp(cause) | LegEvent::Rejected(cause) => return Some(cause),
        LegEvent::Unsecured(_) => return Some(Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED),
        LegEvent::MediaFlow(flow) => participant.flow = flow,
        LegEvent::Transfer(transfer) => transfer.refuse_as_pending(),
        _ => {}
    }
    None
}
