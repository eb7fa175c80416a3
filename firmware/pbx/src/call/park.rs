//! Parked calls (RFC 5359 §2.15, A.4): somebody waits in a slot until he is taken at any phone, or goes back to whoever
//! parked him.
//!
//! A call is parked by passing it on to the code for parking, or to a slot, in any way: blindly, by keys, or after calling
//! the code and hearing the slot. Whoever dials the slot becomes the other end of the call that waits there; no call of his
//! own comes about.

use std::time::Duration;

use ramal_media::{PlayHandle, Repeat, Sound};
use ramal_model::{CallResult, Language, Party};
use ramal_phrases::Composer;
use tokio::time::{Instant, sleep_until};

use super::participant::{Newcomer, Participant};
use super::phones::taken_by;
use super::reach::{Following, NotTaken, Reached, Waiting, reach};
use super::record::{Call, Interrupt};
use super::routing::Route;
use super::talk::awaited;
use super::trace::{End, EndedHere, Refused, Step};
use super::transfer::{self, Transferor};
use super::{Caller, Outcome, Slot, ring, voice};
use crate::leg::{self, Cause, LegEvent, MediaFlow, TransferNews};
use crate::parking::{Parking, Place};

/// How long somebody who has called the code for parking may take to pass his call on to the slot he hears.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a call goes back to whoever parked it before it ends.
const RETURNS: u32 = 3;

/// Parks whoever waits, or keeps a slot for the one he is going to pass on.
pub(super) async fn park(
    call: &mut Call,
    waiting: &mut Waiting<'_>,
    wanted: Option<&str>,
    following: &Following<'_>,
) -> Result<Reached, NotTaken> {
    let exchange = call.exchange().clone();
    let configuration = exchange.configuration.borrow().clone();
    let parks = waiting.transferor.as_ref().and_then(|it| it.who());
    let parks = parks.unwrap_or(&waiting.participant.who).extension();
    let company = parks.map_or(call.company(), |extension| extension.company);
    let whose = (call.id(), company);
    let Some(place) = Parking::take(&exchange, &configuration, wanted, whose) else {
        return Err(NotTaken::Failed(
            call.refused(Refused::NoFreeSlot, Cause::USER_BUSY),
        ));
    };
    let seconds = configuration.company().map(|company| company.park_seconds);
    let mut parked = Parked {
        time: Duration::from_secs(seconds.unwrap_or(60).into()),
        here: End::Caller,
        by: waiting.participant.who.clone(),
        place,
    };
    match &mut waiting.transferor {
        Some(transferor) => {
            parked.here = transferor.end.other();
            if let Some(who) = transferor.who() {
                parked.by = who.clone();
            }
        }
        None => parked.keep(call, waiting.participant).await?,
    }
    parked.wait(call, waiting, following).await
}

/// A slot and what is known of the call in it.
struct Parked {
    place: Place,
    /// Whoever parked it.
    by: Caller,
    /// The end of the call that waits.
    here: End,
    /// After this time it goes back.
    time: Duration,
}

/// What wakes the waiting.
enum News {
    Waiting(LegEvent),
    Transferor(LegEvent),
    /// Whoever parked the call has heard where it is.
    Told,
    Replaced(Option<Newcomer>),
    Interrupt(Interrupt),
    Deadline,
}

/// What came of waiting.
enum Came {
    Taken(Newcomer),
    Nobody,
}

impl Parked {
    /// Tells somebody the slot again and again, until another takes his place in the call.
    async fn keep(&self, call: &mut Call, caller: &mut Participant) -> Result<(), NotTaken> {
        if let Err(refused) = voice::answer(call, caller) {
            return Err(NotTaken::Over(refused));
        }
        call.answered(caller.record, None, caller.leg.codec());
        call.now_at(End::Callee, self.party());
        let mut sounds = self.words(call, &caller.who);
        sounds.push(Sound::Silence { ms: 3_000 });
        let said = caller
            .leg
            .stream()
            .map(|it| it.play(sounds, Repeat::Forever));
        let deadline = Instant::now() + PATIENCE;
        let mut replacing = None;
        let mut gone = None;
        loop {
            let news = tokio::select! {
                event = leg::event(&mut *caller.leg) => News::Waiting(event),
                (_, newcomer) = awaited(&mut replacing) => News::Replaced(newcomer),
                interrupt = call.interrupt() => News::Interrupt(interrupt),
                () = sleep_until(deadline) => News::Deadline,
            };
            match news {
                News::Waiting(LegEvent::Replaced(newcomer)) => {
                    replacing = Some((End::Caller, newcomer));
                }
                News::Waiting(event) => {
                    if let Some(over) = take(call, caller, End::Caller, event) {
                        match over {
                            // Whoever takes his place is on the way.
                            Left::HungUp(cause) if replacing.is_some() => gone = Some(cause),
                            left => return Err(NotTaken::Over(left.outcome(call, End::Caller))),
                        }
                    }
                }
                News::Replaced(newcomer) => {
                    replacing = None;
                    if let Some(newcomer) = newcomer {
                        drop(said);
                        if swap(call, caller, End::Caller, newcomer).await {
                            return Ok(());
                        }
                        return Err(NotTaken::Over(call.ended_here(EndedHere::Finished)));
                    }
                    if let Some(cause) = gone {
                        let left = Left::HungUp(cause);
                        return Err(NotTaken::Over(left.outcome(call, End::Caller)));
                    }
                }
                News::Interrupt(Interrupt::End(why)) => {
                    return Err(NotTaken::Over(call.ended_here(why)));
                }
                News::Deadline => {
                    return Err(NotTaken::Over(call.ended_here(EndedHere::Finished)));
                }
                // Nobody waits in the slot yet.
                News::Interrupt(_) | News::Transferor(_) | News::Told => {}
            }
        }
    }

    /// Somebody waits in the slot until he is taken, or his call ends.
    async fn wait(
        self,
        call: &mut Call,
        waiting: &mut Waiting<'_>,
        following: &Following<'_>,
    ) -> Result<Reached, NotTaken> {
        let slot = self.place.slot().to_owned();
        call.step(Step::Parked {
            by: self.by.party().number,
            slot: slot.clone(),
        });
        let in_slot = call.parked_in(slot.clone());
        let mut telling = waiting
            .transferor
            .as_deref_mut()
            .and_then(|transferor| self.tell(call, transferor));
        for round in 1.. {
            call.now_at(self.here.other(), self.party());
            call.held(true);
            // Their music, not his: he is the one who holds.
            waiting
                .participant
                .music
                .start(call, &*waiting.participant.leg, &self.by);
            self.place.waits();
            let came = self.stay(call, waiting, &mut telling).await;
            waiting.participant.music.stop();
            match came? {
                Came::Taken(newcomer) => {
                    call.step(Step::ParkTaken {
                        by: newcomer.who.party().number,
                        slot,
                    });
                    call.service_ended(in_slot);
                    call.now_at(self.here.other(), newcomer.who.party());
                    let taken = newcomer.join(call);
                    let taken = ring::connect(call, waiting.participant, taken).await?;
                    return Ok(Reached::Talking(taken));
                }
                Came::Nobody => {}
            }
            call.step(Step::ParkReturns {
                to: self.by.party().number,
                slot: slot.clone(),
            });
            match self.give_back(call, waiting, round, following).await {
                Err(NotTaken::Failed(_)) if round < RETURNS => {}
                back => {
                    call.service_ended(in_slot);
                    return back;
                }
            }
        }
        // The last round has given its answer.
        Err(NotTaken::Failed(Outcome::new(
            CallResult::NoAnswer,
            Cause::NO_ANSWER,
        )))
    }

    /// Waits until somebody takes the call or its time is over.
    async fn stay(
        &self,
        call: &mut Call,
        waiting: &mut Waiting<'_>,
        telling: &mut Option<PlayHandle>,
    ) -> Result<Came, NotTaken> {
        let deadline = Instant::now() + self.time;
        let mut replacing = None;
        let mut gone = None;
        if telling.is_none()
            && let Some(transferor) = waiting.transferor.as_deref_mut()
        {
            transferor.let_go(call, TransferNews::Done).await;
        }
        loop {
            let Waiting {
                participant,
                transferor,
                ..
            } = waiting;
            let news = tokio::select! {
                event = leg::event(&mut *participant.leg) => News::Waiting(event),
                event = transfer::event(transferor.as_deref_mut()) => News::Transferor(event),
                () = told(telling) => News::Told,
                (_, newcomer) = awaited(&mut replacing) => News::Replaced(newcomer),
                interrupt = call.interrupt() => News::Interrupt(interrupt),
                () = sleep_until(deadline) => News::Deadline,
            };
            match news {
                News::Waiting(LegEvent::Replaced(newcomer)) => {
                    replacing = Some((self.here, newcomer));
                }
                News::Waiting(event) => {
                    if let Some(left) = take(call, participant, self.here, event) {
                        match left {
                            Left::HungUp(cause) if replacing.is_some() => gone = Some(cause),
                            left => return Err(NotTaken::Over(left.outcome(call, self.here))),
                        }
                    }
                }
                News::Transferor(event) => {
                    if let Some(transferor) = transferor {
                        transferor.take(call, event).await;
                    }
                }
                News::Told => {
                    *telling = None;
                    if let Some(transferor) = transferor {
                        transferor.let_go(call, TransferNews::Done).await;
                    }
                }
                News::Replaced(newcomer) => {
                    replacing = None;
                    if let Some(newcomer) = newcomer {
                        participant.music.stop();
                        if swap(call, participant, self.here, newcomer).await {
                            let leg = &*participant.leg;
                            participant.music.start(call, leg, &self.by);
                            gone = None;
                        }
                    }
                    if let Some(cause) = gone {
                        let left = Left::HungUp(cause);
                        return Err(NotTaken::Over(left.outcome(call, self.here)));
                    }
                }
                News::Interrupt(Interrupt::End(why)) => {
                    return Err(NotTaken::Over(call.ended_here(why)));
                }
                News::Interrupt(Interrupt::Join(newcomer)) => {
                    if let Some(newcomer) = taken_by(participant, *newcomer) {
                        return Ok(Came::Taken(newcomer));
                    }
                }
                News::Interrupt(Interrupt::NoticeEnded(end)) => call.notice_ended(end, None),
                News::Interrupt(Interrupt::RecordingFailed(problem)) => {
                    call.recording_failed(problem);
                }
                // Nobody talks.
                News::Interrupt(
                    Interrupt::Record(_) | Interrupt::Supervise(_) | Interrupt::VoiceDrop(_),
                ) => {}
                News::Deadline => return Ok(Came::Nobody),
            }
        }
    }

    /// Rings whoever parked the call. The slot stays, so that others may still take it.
    async fn give_back(
        &self,
        call: &mut Call,
        waiting: &mut Waiting<'_>,
        round: u32,
        following: &Following<'_>,
    ) -> Result<Reached, NotTaken> {
        let exchange = call.exchange().clone();
        let mut waiting = Waiting {
            participant: &mut *waiting.participant,
            transferor: None,
            queued: None,
            asking: None,
            on_behalf_of: None,
        };
        let of_now = exchange.configuration.borrow().clone();
        match &self.by {
            Caller::Extension(extension) => {
                let Some(extension) = of_now.extension(extension.id) else {
                    let refused = Refused::UnknownNumber;
                    let outcome = call.refused(refused, Cause::UNALLOCATED_NUMBER);
                    return Err(NotTaken::Failed(outcome));
                };
                if round == RETURNS {
                    // As if he were called, with his voicemail behind.
                    let route = Route::Extension(Box::new(extension.clone()));
                    return Box::pin(reach(call, &mut waiting, route, following)).await;
                }
                let Some(slot) = Slot::take(&exchange.live, extension) else {
                    let outcome = call.refused(Refused::Busy, Cause::USER_BUSY);
                    return Err(NotTaken::Failed(outcome));
                };
                let rung = ring::ring(call, &mut waiting, extension, slot, following);
                rung.await.map(Reached::Talking)
            }
            Caller::Station(party) => {
                let route = Route::Station(party.number.clone());
                Box::pin(reach(call, &mut waiting, route, following)).await
            }
            // Nobody outside reaches the code.
            Caller::Trunk { .. } | Caller::SipTrunk(_) | Caller::E1(_) => Err(NotTaken::Failed(
                call.refused(Refused::UnknownNumber, Cause::UNALLOCATED_NUMBER),
            )),
        }
    }

    /// Tells whoever parked the call where it is.
    fn tell(&self, call: &Call, transferor: &Transferor) -> Option<PlayHandle> {
        let participant = transferor.participant()?;
        let channel = participant.leg.stream()?;
        if let Err(error) = call.exchange().engine.unbridge(channel) {
            tracing::error!(%error, "two cannot be parted");
        }
        let sounds = self.words(call, &participant.who);
        channel.play(sounds, Repeat::Once).ok()
    }

    /// The slot in words.
    fn words(&self, call: &Call, who: &Caller) -> Vec<Sound> {
        let exchange = call.exchange();
        let configuration = exchange.configuration.borrow().clone();
        let company = configuration.company().map(|company| company.language);
        let own = who.extension().and_then(|extension| extension.language);
        let language = own.or(company).unwrap_or(Language::En);
        let mut words = vec!["parked-at".to_owned()];
        words.extend(Composer::new(language).digits(self.place.slot()));
        let prompts = exchange.engine.prompts();
        let mut sounds = vec![Sound::Silence { ms: 300 }];
        let prompts = words.iter().map(|word| prompts.get(language.tag(), word));
        sounds.extend(prompts.flatten().map(Sound::Prompt));
        sounds
    }

    /// What lamps and live calls show as the other end.
    fn party(&self) -> Party {
        Party {
            number: self.place.slot().to_owned(),
            name: String::new(),
        }
    }
}

/// Why somebody does not wait any longer.
enum Left {
    HungUp(Cause),
    MediaLost,
    Unsecured(ramal_media::HandshakeFault),
}

impl Left {
    fn outcome(self, call: &mut Call, end: End) -> Outcome {
        match self {
            Self::HungUp(cause) => {
                call.step(Step::HungUp { by: end });
                Outcome::cleared_by(cause)
            }
            Self::MediaLost => {
                call.step(Step::MediaLost { from: end });
                Outcome::cleared_by(Cause::RECOVERY_ON_TIMER_EXPIRY)
            }
            Self::Unsecured(fault) => {
                call.step(Step::unsecured(end, fault));
                Outcome::cleared_by(Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED)
            }
        }
    }
}

/// Takes what the leg of somebody who waits says.
fn take(call: &Call, participant: &mut Participant, end: End, event: LegEvent) -> Option<Left> {
    match event {
        LegEvent::HungUp(cause) | LegEvent::Rejected(cause) => return Some(Left::HungUp(cause)),
        LegEvent::MediaTimeout if participant.flow == MediaFlow::BOTH => {
            return Some(Left::MediaLost);
        }
        LegEvent::Unsecured(fault) => return Some(Left::Unsecured(fault)),
        LegEvent::MediaFlow(flow) => participant.flow = flow,
        LegEvent::Transfer(transfer) => transfer.refuse_as_pending(),
        event => tracing::trace!(call = %call.id(), ?end, ?event, "nobody is there to be told"),
    }
    None
}

/// Somebody takes the place of the one who waits; false when there is nothing that he could talk in.
async fn swap(
    call: &mut Call,
    participant: &mut Participant,
    end: End,
    mut newcomer: Newcomer,
) -> bool {
    if newcomer.leg.answer(None).is_err() {
        return false;
    }
    call.step(Step::Replaced {
        end,
        by: newcomer.who.party().number,
        from: newcomer.from.as_ref().map(ToString::to_string),
    });
    call.now_at(end, newcomer.who.party());
    let newcomer = newcomer.join(call);
    call.leg_answered(newcomer.record);
    let gone = std::mem::replace(participant, newcomer);
    gone.end(call, Cause::NORMAL_CLEARING).await;
    // Who held him before is not his peer any more.
    participant.leg.set_media_flow(MediaFlow::BOTH);
    true
}

/// What is told has been told.
async fn told(telling: &mut Option<PlayHandle>) {
    match telling {
        Some(playing) => {
            playing.wait().await;
        }
        None => std::future::pending().await,
    }
}
