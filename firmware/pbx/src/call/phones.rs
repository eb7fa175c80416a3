//! The phones that ring for a call, and what each of them says.

use std::future::poll_fn;
use std::task::Poll;

use ramal_media::PlayHandle;
use tokio::time::Instant;

use super::confirm::{Asked, CallConnect, Patience, Pressed};
use super::outside;
use super::participant::{Newcomer, Participant};
use super::pickup;
use super::progress_tone::ProgressTone;
use super::reach::{NotTaken, Waiting};
use super::record::{Call, LegRef};
use super::refusals::Refusals;
use super::trace::Step;
use super::{Caller, Slot};
use crate::leg::{Cause, Leg, LegEvent, Release};

/// Who is rung.
pub(super) struct Callee {
    pub(super) who: Caller,
    pub(super) slot: Option<Slot>,
    /// What is asked of him before he is connected.
    pub(super) connect: Option<CallConnect>,
}

impl Callee {
    /// The number he is called at.
    fn number(&self) -> String {
        self.who.party().number
    }
}

/// A phone that rings.
pub(super) struct Ringing {
    /// Whose it is.
    callee: usize,
    pub(super) leg: Box<dyn Leg>,
    pub(super) record: LegRef,
    /// Whether it has said that it rings.
    pub(super) alerting: bool,
    /// He has answered and is asked whether he takes the call.
    asked: Option<Asked>,
}

/// Who has taken the call.
pub(super) enum Taker {
    /// The phone at this place.
    Phone(usize),
    /// Somebody else, whose leg has been answered.
    PickedUp(Newcomer),
}

/// The phones that still ring.
#[derive(Default)]
pub(super) struct Phones {
    pub(super) ringing: Vec<Ringing>,
    callees: Vec<Option<Callee>>,
    refusals: Refusals,
    /// The one whose early media the caller hears.
    pub(super) early: Option<LegRef>,
    /// Whether the caller was told that it rings.
    pub(super) alerted: bool,
    /// What somebody who was passed on hears meanwhile.
    pub(super) ringback: Option<PlayHandle>,
}

impl Phones {
    /// One more is rung, on phones that will be added; his place.
    pub(super) fn expect(&mut self, callee: Callee) -> usize {
        self.callees.push(Some(callee));
        self.callees.len() - 1
    }

    /// Whose phone it is, who takes the call now.
    pub(super) fn callee_of(&mut self, phone: &Ringing) -> Option<Callee> {
        self.callees.get_mut(phone.callee)?.take()
    }

    /// The number at which the phone at this place rings; blank when it is taken.
    fn number_of(&self, index: usize) -> String {
        let phone = self.ringing.get(index);
        let callee = phone.and_then(|phone| self.callees.get(phone.callee)?.as_ref());
        callee.map(Callee::number).unwrap_or_default()
    }

    /// One more phone of the callee at this place rings.
    pub(super) fn add(&mut self, callee: usize, leg: Box<dyn Leg>, record: LegRef) {
        self.ringing.push(Ringing {
            callee,
            leg,
            record,
            alerting: false,
            asked: None,
        });
    }

    /// When somebody who is asked whether he takes the call has to be asked again, or let go.
    pub(super) fn due(&self) -> Option<Instant> {
        let asked = self.ringing.iter().filter_map(|one| one.asked.as_ref());
        asked.map(Asked::due).min()
    }

    /// The time is over of somebody who was asked whether he takes the call.
    pub(super) async fn ask_again(&mut self, call: &mut Call) -> Result<(), NotTaken> {
        let now = Instant::now();
        let due = self
            .ringing
            .iter_mut()
            .enumerate()
            .find_map(|(index, one)| {
                let asked = one.asked.as_mut().filter(|asked| asked.due() <= now)?;
                Some((index, asked.go_on(&*one.leg)))
            });
        match due {
            Some((index, Patience::Over)) => self.not_pressed(call, index).await,
            Some((_, Patience::Again)) | None => Ok(()),
        }
    }

    /// Somebody has answered and does not take the call.
    async fn not_pressed(&mut self, call: &mut Call, index: usize) -> Result<(), NotTaken> {
        let Some(phone) = self.ringing.get_mut(index) else {
            return Ok(());
        };
        phone.leg.hang_up(Release::Cause(Cause::NORMAL_CLEARING));
        let callee = self.callees.get(phone.callee).and_then(Option::as_ref);
        call.step(Step::KeyMissing {
            number: callee.map(Callee::number).unwrap_or_default(),
        });
        gone(call, self, index, Cause::NO_ANSWER).await
    }

    /// Asks somebody who has answered whether he takes the call; false when he need not be asked.
    async fn ask(&mut self, call: &mut Call, waiting: &mut Waiting<'_>, index: usize) -> bool {
        let Some(phone) = self.ringing.get_mut(index) else {
            return false;
        };
        let Some(callee) = self.callees.get(phone.callee).and_then(Option::as_ref) else {
            return false;
        };
        let Some(connect) = &callee.connect else {
            return false;
        };
        if !connect.is_needed(call, &*phone.leg) {
            return false;
        }
        call.step(Step::KeyAsked {
            number: callee.number(),
        });
        phone.alerting = true;
        let sounds = connect.asks(call, waiting).sounds().await;
        phone.asked = Some(Asked::begin(sounds, &*phone.leg));
        // To whoever waits it goes on ringing.
        self.alert(call, waiting);
        true
    }

    /// Whether whoever waits may hear what comes from this phone before it is known that he is connected.
    fn may_be_heard(&self, call: &Call, index: usize) -> bool {
        let phone = self.ringing.get(index);
        phone.is_some_and(|phone| {
            let callee = self.callees.get(phone.callee).and_then(Option::as_ref);
            let connect = callee.and_then(|callee| callee.connect.as_ref());
            !connect.is_some_and(|connect| connect.is_needed(call, &*phone.leg))
        })
    }

    /// The next event of any of them.
    pub(super) async fn event(&mut self) -> (usize, LegEvent) {
        poll_fn(|context| {
            for (index, phone) in self.ringing.iter_mut().enumerate() {
                if let Poll::Ready(event) = phone.leg.poll_event(context) {
                    return Poll::Ready((index, event));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Lets somebody take the call from the phone at this place who may; hangs him up otherwise.
    fn allowed(&self, index: usize, mut newcomer: Newcomer) -> Option<Newcomer> {
        let phone = self.ringing.get(index);
        let rung = phone.and_then(|phone| self.callees.get(phone.callee)?.as_ref());
        let rung = rung.and_then(|callee| callee.who.extension());
        if rung.is_some_and(|rung| !pickup::may_pick_up_at(&newcomer.who, rung)) {
            newcomer.leg.hang_up(Release::Declined);
            return None;
        }
        Some(newcomer)
    }

    /// Tells whoever waits, and whoever passed him on, that it rings.
    fn alert(&mut self, call: &Call, waiting: &mut Waiting<'_>) {
        if std::mem::replace(&mut self.alerted, true) {
            return;
        }
        waiting.participant.leg.alert();
        if let Some(transferor) = &waiting.transferor {
            transferor.transfer.alerting();
        }
        let hears_us = call.is_answered() || call.recording.has_spoken();
        if waiting.queued.is_none()
            && hears_us
            && self.early.is_none()
            && !call.recording.notice_is_playing()
        {
            self.ringback = call.progress_tone(&*waiting.participant.leg, ProgressTone::Ringing);
        }
    }

    /// What was said to whoever waits is over: now he hears that it rings.
    pub(super) fn notice_ended(&mut self, call: &Call, waiting: &mut Waiting<'_>) {
        if let Some(queued) = &mut waiting.queued {
            return queued.hear_music(call, &*waiting.participant.leg);
        }
        if self.alerted && self.early.is_none() {
            self.ringback = call.progress_tone(&*waiting.participant.leg, ProgressTone::Ringing);
        }
    }

    pub(super) fn hang_up(&mut self, release: Release) {
        for phone in &mut self.ringing {
            phone.leg.hang_up(release);
        }
    }

    /// Writes down that they ring no more.
    pub(super) async fn record(self, call: &mut Call, cause: Cause) {
        let legs: Vec<(LegRef, &dyn Leg)> = self
            .ringing
            .iter()
            .map(|phone| (phone.record, &*phone.leg))
            .collect();
        call.legs_ended(&legs, cause).await;
    }
}

/// Takes what one of the phones says.
pub(super) async fn phone(
    call: &mut Call,
    waiting: &mut Waiting<'_>,
    phones: &mut Phones,
    index: usize,
    event: LegEvent,
) -> Result<Option<Taker>, NotTaken> {
    let may_be_heard = phones.may_be_heard(call, index);
    let number = phones.number_of(index);
    let Some(phone) = phones.ringing.get_mut(index) else {
        return Ok(None);
    };
    match event {
        LegEvent::Progress if !may_be_heard => {
            phone.alerting = true;
            call.alerting(&*phone.leg, &number);
            phones.alert(call, waiting);
        }
        LegEvent::Ringing => {
            phone.alerting = true;
            call.alerting(&*phone.leg, &number);
            phones.alert(call, waiting);
        }
        LegEvent::Progress => {
            phone.alerting = true;
            call.alerting(&*phone.leg, &number);
            // The first phone that sends media is the one heard.
            let caller_leg = &mut waiting.participant.leg;
            // Whoever is heard already has other sound now. Who waits in a queue hears music.
            let goes_on = phones.early == Some(phone.record);
            if goes_on
                || waiting.queued.is_none()
                    && phones.early.is_none()
                    && caller_leg.progress(phone.leg.codec()).is_ok()
            {
                phones.ringback = None;
                call.bridge(&**caller_leg, &*phone.leg);
                phones.early = Some(phone.record);
            }
        }
        LegEvent::Answered => {
            if !phones.ask(call, waiting, index).await {
                return Ok(Some(Taker::Phone(index)));
            }
        }
        LegEvent::Digit(key) | LegEvent::MediaDigit(key) | LegEvent::ToneDigit(key) => {
            if phone.asked.is_none() {
                return Ok(None);
            }
            let callee = phones.callees.get(phone.callee).and_then(Option::as_ref);
            let connect = callee.and_then(|callee| callee.connect.as_ref());
            match connect.map(|connect| connect.pressed(key)) {
                Some(Pressed::Takes) => phone.asked = None,
                Some(Pressed::Refuses) => {
                    return phones.not_pressed(call, index).await.map(|()| None);
                }
                Some(Pressed::Nothing) | None => return Ok(None),
            }
            call.step(Step::KeyPressed {
                number: callee.map(Callee::number).unwrap_or_default(),
            });
            return Ok(Some(Taker::Phone(index)));
        }
        LegEvent::Replaced(mut newcomer) => {
            // Picked up by an INVITE that names this phone's dialog (RFC 3891): its leg is here already.
            let newcomer = newcomer.try_recv().ok();
            let newcomer = newcomer.and_then(|newcomer| phones.allowed(index, newcomer));
            let taker = newcomer.and_then(|newcomer| taken_by(waiting.participant, newcomer));
            return Ok(taker.map(Taker::PickedUp));
        }
        LegEvent::Rejected(cause) | LegEvent::HungUp(cause) => {
            gone(call, phones, index, cause).await?;
        }
        LegEvent::Attempt(attempt) => call.step(attempt.into()),
        LegEvent::Searching
        | LegEvent::Proceeding
        | LegEvent::MediaFlow(_)
        | LegEvent::FaxOffered(_)
        | LegEvent::FaxAnswered(_)
        | LegEvent::FaxEnded
        | LegEvent::MachineHeard
        | LegEvent::MediaTimeout
        | LegEvent::Unsecured(_)
        | LegEvent::Joined(_)
        | LegEvent::Transfer(_) => {}
    }
    Ok(None)
}

/// A phone rings no more.
async fn gone(
    call: &mut Call,
    phones: &mut Phones,
    index: usize,
    cause: Cause,
) -> Result<(), NotTaken> {
    if index >= phones.ringing.len() {
        return Ok(());
    }
    let phone = phones.ringing.swap_remove(index);
    phones.early.take_if(|early| *early == phone.record);
    call.step(Step::ContactRefused {
        device: phone.leg.device().to_owned(),
        cause: cause.0,
    });
    call.leg_ended(phone.record, &*phone.leg, cause).await;
    if call.is_outbound() && phones.ringing.is_empty() {
        let refused = call.refused(outside::refusal(cause), cause);
        return Err(NotTaken::Failed(refused));
    }
    phones.refusals.add(cause);
    if cause == Cause::CALL_REJECTED {
        // He has seen it and does not want it: his other phones need not ring on.
        let his = |other: &mut Ringing| other.callee == phone.callee;
        let mut others: Vec<_> = phones.ringing.extract_if(.., his).collect();
        for other in &mut others {
            other.leg.hang_up(Release::Cause(cause));
        }
        let legs: Vec<_> = others.iter().map(|one| (one.record, &*one.leg)).collect();
        call.legs_ended(&legs, cause).await;
    }
    if !phones
        .ringing
        .iter()
        .any(|other| other.callee == phone.callee)
        && let Some(callee) = phones.callees.get_mut(phone.callee)
    {
        // He is free for other calls.
        *callee = None;
    }
    if phones.ringing.is_empty() {
        let (reason, cause) = phones.refusals.verdict();
        return Err(NotTaken::Failed(call.refused(reason, cause)));
    }
    Ok(())
}

/// Answers somebody who wants to take a call that rings, if both have a codec in common.
pub(super) fn taken_by(waiting: &Participant, mut newcomer: Newcomer) -> Option<Newcomer> {
    let codec = waiting.codecs().first().copied();
    newcomer.leg.answer(codec).ok().map(|()| newcomer)
}
