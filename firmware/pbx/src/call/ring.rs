//! Rings phones and lines at once until one takes the call.

use std::sync::Arc;
use std::time::Duration;

use ramal_model::{CallResult, Configuration, Extension, Language, Party, TollClass};
use tokio::time::{Instant, sleep_until};

use super::confirm::CallConnect;
use super::outside::{self, Outgoing};
use super::participant::{Newcomer, Participant};
use super::phones::{Callee, Phones, Taker, phone, taken_by};
use super::progress_tone::ProgressTone;
use super::queued::hears_next;
use super::reach::{Following, NotTaken, Waiting};
use super::record::{Call, Interrupt};
use super::routing;
use super::talk::awaited;
use super::trace::{End, Refused, Step};
use super::transfer;
use super::{Caller, Outcome, Slot, toll_bar, whisper};
use crate::flow::{Outside, Who};
use crate::leg::sip::Dial;
use crate::leg::{self, Cause, Leg, LegEvent, Release};
use crate::lines::NoLine;
use crate::trunk::Diverted;

/// How long a telephone on a line may ring: exchanges give up by themselves after one to three minutes.
pub(super) const LINE_TIME: Duration = Duration::from_secs(180);

/// When the time for ringing is over, and somebody is being asked whether he takes the call, it is looked again after this.
const ASKING: Duration = Duration::from_secs(1);

/// Rings the callee's phones for its ring time.
pub(super) async fn ring(
    call: &mut Call,
    waiting: &mut Waiting<'_>,
    callee: &Extension,
    slot: Slot,
    following: &Following<'_>,
) -> Result<Participant, NotTaken> {
    let mut phones = Phones::default();
    call.open_notice(waiting.participant).await;
    call.announce_recording(waiting.participant, callee);
    if let Err((refused, cause)) =
        add_extension(call, waiting, &mut phones, callee, slot, following)
    {
        return Err(NotTaken::Failed(call.refused(refused, cause)));
    }
    let ring_time = Duration::from_secs(callee.ring_time.into());
    // While it rings, others may take the call for the callee.
    let _ringing = call.may_be_picked_up(vec![callee.id]);
    until_answered(call, waiting, phones, ring_time).await
}

/// Rings several at once.
pub(super) async fn several(
    call: &mut Call,
    waiting: &mut Waiting<'_>,
    who: &[Who],
    ring_time: Duration,
    following: &Following<'_>,
) -> Result<Participant, NotTaken> {
    let mut phones = Phones::default();
    let mut rung = Vec::new();
    let mut refused = (Refused::NotRegistered, Cause::SUBSCRIBER_ABSENT);
    call.open_notice(waiting.participant).await;
    let callees = who.iter().filter_map(|one| match one {
        Who::Extension(id) => following.configuration.extension(*id),
        Who::Outside(_) => None,
    });
    for callee in callees {
        let live = &call.exchange().live;
        let Some(slot) = Slot::take(live, callee) else {
            refused = (Refused::Busy, Cause::USER_BUSY);
            continue;
        };
        if rung.is_empty() {
            call.announce_recording(waiting.participant, callee);
        }
        match add_extension(call, waiting, &mut phones, callee, slot, following) {
            Ok(()) => rung.push(callee.id),
            Err(why) => refused = why,
        }
    }
    for one in who {
        if let Who::Outside(outside) = one {
            add_outside(call, waiting, &mut phones, outside, following);
        }
    }
    if phones.ringing.is_empty() {
        let (refused, cause) = refused;
        return Err(NotTaken::Failed(call.refused(refused, cause)));
    }
    let _ringing = call.may_be_picked_up(rung);
    until_answered(call, waiting, phones, ring_time).await
}

/// Who calls, as somebody in the company sees it who is called: after the name of the number that was called, where that
/// is wanted (F026).
fn seen(
    call: &Call,
    waiting: &Waiting<'_>,
    configuration: &Configuration,
    callee: &Extension,
) -> Party {
    let mut party = match call.hides_number() {
        true => Party::default(),
        false => waiting.participant.who.shown(configuration),
    };
    if party.number.is_empty() {
        let company = configuration.company().map(|company| company.language);
        let language = callee.language.or(company).unwrap_or(Language::En);
        language.anonymous().clone_into(&mut party.name);
    }
    if let Some(label) = &call.of_number.label {
        let caller = match party.name.as_str() {
            "" => &party.number,
            name => name,
        };
        party.name = format!("[{label}] {caller}");
    }
    party
}

/// Lets the phones of an extension ring with the others.
fn add_extension(
    call: &mut Call,
    waiting: &Waiting<'_>,
    phones: &mut Phones,
    callee: &Extension,
    slot: Slot,
    following: &Following<'_>,
) -> Result<(), (Refused, Cause)> {
    let exchange = Arc::clone(call.exchange());
    let contacts = exchange.locations.targets(callee.id);
    let lines = if call.do_phones_answer() {
        // No telephone on a line takes a call by itself.
        Err(NoLine::None)
    } else {
        let (engine, configuration) = (&exchange.engine, following.configuration);
        let caller = seen(call, waiting, configuration, callee);
        exchange
            .lines
            .ring_telephones(engine, configuration, callee, &caller)
    };
    let lines = match lines {
        Ok(lines) => lines,
        Err(_) if !contacts.is_empty() => Vec::new(),
        Err(NoLine::Busy) => return Err((Refused::Busy, Cause::USER_BUSY)),
        Err(NoLine::None) => return Err((Refused::NotRegistered, Cause::SUBSCRIBER_ABSENT)),
    };
    let dial = Dial {
        caller: seen(call, waiting, following.configuration, callee),
        callee: callee.number.clone(),
        called_number: call.of_number.number.clone(),
        codecs: waiting.participant.codecs(),
        encryption: callee.media_encryption,
        hops_left: following.hops_left,
        diversions: waiting.participant.who.diversions().to_vec(),
        answers_itself: call.do_phones_answer(),
    };
    // That members of a queue ring is said once for all of them.
    if waiting.queued.is_none() {
        call.step(Step::Ringing {
            contacts: contacts.len() + lines.len(),
            seconds: callee.ring_time,
        });
    }
    let place = phones.expect(Callee {
        who: Caller::Extension(Box::new(callee.clone())),
        slot: Some(slot),
        connect: None,
    });
    let before = phones.ringing.len();
    for contact in contacts {
        match exchange.sip.dial(&contact, &dial) {
            Ok(leg) => {
                let record = call.leg_started(&leg, &callee.number);
                phones.add(place, Box::new(leg), record);
            }
            Err(cause) => tracing::warn!(contact = %contact.uri, %cause, "cannot ring a phone"),
        }
    }
    for leg in lines {
        let record = call.leg_started(&leg, &callee.number);
        phones.add(place, Box::new(leg), record);
    }
    if phones.ringing.len() == before {
        return Err((Refused::NoResources, Cause::RESOURCE_UNAVAILABLE));
    }
    Ok(())
}

/// Lets somebody outside ring with the others.
fn add_outside(
    call: &mut Call,
    waiting: &Waiting<'_>,
    phones: &mut Phones,
    outside: &Outside,
    following: &Following<'_>,
) {
    let caller = waiting.participant.who.party();
    let shown = match &outside.forwarded_from {
        Some(number) if outside.shows_called_number => Party {
            number: number.clone(),
            name: String::new(),
        },
        _ => caller,
    };
    let exchange = Arc::clone(call.exchange());
    let ways = match outside.on_behalf_of {
        Some(id) => {
            let trace = |step| call.step(step);
            let configuration = following.configuration;
            routing::ways_of(configuration, &exchange, id, &outside.number, trace)
        }
        None => routing::ways_outside(
            following.configuration,
            &exchange,
            call.company(),
            &outside.number,
        ),
    };
    let outgoing = Outgoing {
        withheld: shown.number.is_empty()
            || call.hides_number()
            || waiting.participant.leg.is_private(),
        caller: shown,
        diversions: outside
            .forwarded_from
            .as_deref()
            .map(Diverted::from_here)
            .into_iter()
            .chain(waiting.participant.who.diversions().iter().cloned())
            .collect(),
        codecs: waiting.participant.codecs(),
        hops_left: following.hops_left,
    };
    call.step(Step::Trunk {
        number: outside.number.clone(),
    });
    let toll = toll_bar::class(following.configuration, &ways);
    let line = outside::dial(&exchange, &outside.number, ways, outgoing);
    let place = phones.expect(Callee {
        who: Caller::Trunk {
            line: line.trunk().unwrap_or(line.device()).into(),
            party: Box::new(Party {
                number: outside.number.clone(),
                name: String::new(),
            }),
        },
        slot: None,
        connect: Some(CallConnect {
            wanted: outside.call_connect,
            whisper: outside.whisper.or(call.of_number.whisper),
            text: call.of_number.whisper_text.clone(),
            key: call.of_number.accept_key,
        }),
    });
    let record = call.leg_started(&*line, &outside.number);
    let forwarder = outside.on_behalf_of;
    let forwarder = forwarder.and_then(|id| following.configuration.extension(id));
    call.charge(record, toll, forwarder);
    phones.add(place, line, record);
}

/// What a call outside costs, and whom.
#[derive(Default)]
pub(super) struct Charge {
    /// What it costs; none inside.
    pub(super) toll: Option<TollClass>,
    /// Whose class of service it comes under.
    pub(super) to: Option<Extension>,
}

/// Rings over a line.
pub(super) async fn line(
    call: &mut Call,
    waiting: &mut Waiting<'_>,
    line: Result<Box<dyn Leg>, NoLine>,
    number: &str,
    who: Caller,
    ring_time: Duration,
    charge: Charge,
) -> Result<Participant, NotTaken> {
    let failed = |outcome| Err(NotTaken::Failed(outcome));
    let leg = match line {
        Ok(leg) => leg,
        Err(NoLine::Busy) if call.is_outbound() => {
            return failed(call.refused(Refused::NoFreeLine, Cause::NO_CIRCUIT));
        }
        Err(NoLine::Busy) => return failed(call.refused(Refused::Busy, Cause::USER_BUSY)),
        Err(NoLine::None) => {
            return failed(call.refused(Refused::UnknownNumber, Cause::UNALLOCATED_NUMBER));
        }
    };
    call.open_notice(waiting.participant).await;
    if !call.is_outbound() {
        call.step(Step::Ringing {
            contacts: 1,
            seconds: u16::try_from(ring_time.as_secs()).unwrap_or(u16::MAX),
        });
    }
    let mut phones = Phones::default();
    let record = call.leg_started(&*leg, number);
    call.charge(record, charge.toll, charge.to.as_ref());
    let place = phones.expect(Callee {
        who,
        slot: None,
        connect: None,
    });
    phones.add(place, leg, record);
    until_answered(call, waiting, phones, ring_time).await
}

/// Waits for somebody to take the call, and connects him.
async fn until_answered(
    call: &mut Call,
    waiting: &mut Waiting<'_>,
    mut phones: Phones,
    ring_time: Duration,
) -> Result<Participant, NotTaken> {
    let deadline = Instant::now() + ring_time;
    let outcome = wait(call, waiting, &mut phones, deadline).await;
    phones.ringback = None;
    match outcome {
        Ok(Taker::Phone(index)) => {
            let taken = phones.ringing.swap_remove(index);
            let Some(callee) = phones.callee_of(&taken) else {
                // Every phone that rings was added with whose it is.
                return Err(NotTaken::Failed(
                    call.refused(Refused::NoResources, Cause::RESOURCE_UNAVAILABLE),
                ));
            };
            phones.hang_up(Release::AnsweredElsewhere);
            let mut taken = Participant::new(taken.leg, callee.who, taken.record, callee.slot);
            let queued = waiting.queued.as_ref();
            let whisper = queued.map(|it| it.whisper.clone()).unwrap_or_default();
            if !whisper.is_empty()
                && let Err(not_taken) = whisper::tell(call, waiting, &mut taken, whisper).await
            {
                taken.end(call, Cause::NORMAL_CLEARING).await;
                phones.record(call, Cause::NON_SELECTED_USER_CLEARING).await;
                return Err(not_taken);
            }
            waiting.stops_hearing();
            let connected = connect(call, waiting.participant, taken).await;
            phones.record(call, Cause::NON_SELECTED_USER_CLEARING).await;
            connected
        }
        Ok(Taker::PickedUp(newcomer)) => {
            phones.hang_up(Release::AnsweredElsewhere);
            call.step(Step::PickedUp {
                by: newcomer.who.party().number,
            });
            call.now_at(End::Callee, newcomer.who.party());
            let taken = newcomer.join(call);
            waiting.stops_hearing();
            let connected = connect(call, waiting.participant, taken).await;
            phones.record(call, Cause::NON_SELECTED_USER_CLEARING).await;
            connected
        }
        Err(not_taken) => {
            let cause = match &not_taken {
                NotTaken::Failed(outcome) | NotTaken::Over(outcome) => outcome.cause,
            };
            phones.hang_up(Release::Cause(cause));
            phones.record(call, cause).await;
            Err(not_taken)
        }
    }
}

/// What wakes the waiting.
enum News {
    Phone(usize, LegEvent),
    Waiting(LegEvent),
    Transferor(LegEvent),
    Replaced(Option<Newcomer>),
    Interrupt(Interrupt),
    /// Whoever waits in a queue is to hear something else.
    Hears,
    /// Somebody has been asked for long enough whether he takes the call.
    AskedLong,
    Deadline,
}

/// Waits until somebody takes the call.
async fn wait(
    call: &mut Call,
    waiting: &mut Waiting<'_>,
    phones: &mut Phones,
    mut deadline: Instant,
) -> Result<Taker, NotTaken> {
    // Somebody who takes the place of the one who waits, and why that one has hung up before.
    let mut replacing = None;
    let mut gone = None;
    loop {
        let Waiting {
            participant,
            transferor,
            queued,
            asking,
            ..
        } = waiting;
        let due = phones.due();
        let news = tokio::select! {
            (index, event) = phones.event() => News::Phone(index, event),
            event = leg::event(&mut *participant.leg) => News::Waiting(event),
            event = transfer::event(transferor.as_deref_mut()) => News::Transferor(event),
            (_, newcomer) = awaited(&mut replacing) => News::Replaced(newcomer),
            interrupt = call.interrupt() => News::Interrupt(interrupt),
            () = hears_next(queued.as_mut()) => News::Hears,
            () = at(due) => News::AskedLong,
            () = sleep_until(deadline) => News::Deadline,
        };
        match news {
            News::Phone(index, event) => {
                if let Some(taker) = phone(call, waiting, phones, index, event).await? {
                    return Ok(taker);
                }
            }
            News::Waiting(
                LegEvent::Digit(key) | LegEvent::MediaDigit(key) | LegEvent::ToneDigit(key),
            ) => {
                if asking.as_mut().and_then(|keys| keys.press(key)) == Some('1') {
                    let outcome = Outcome::new(CallResult::Cancelled, Cause::NORMAL_CLEARING);
                    return Err(NotTaken::Failed(outcome));
                }
            }
            News::Waiting(LegEvent::HungUp(cause) | LegEvent::Rejected(cause)) => {
                if let Some(keys) = asking {
                    keys.gone = true;
                }
                if replacing.is_none() {
                    return Err(NotTaken::Over(gave_up(call, cause)));
                }
                gone = Some(cause);
            }
            News::Waiting(LegEvent::MediaFlow(flow)) => participant.flow = flow,
            News::Waiting(LegEvent::Transfer(transfer)) => transfer.refuse_as_pending(),
            News::Waiting(LegEvent::Replaced(newcomer)) => {
                replacing = Some((End::Caller, newcomer));
            }
            // Nobody is there yet to be told.
            News::Waiting(_) => {}
            News::Transferor(event) => {
                if let Some(transferor) = transferor {
                    transferor.take(call, event).await;
                }
            }
            News::Replaced(newcomer) => {
                replacing = None;
                match (newcomer, gone) {
                    (Some(newcomer), _) => {
                        replace(call, waiting.participant, phones, newcomer).await;
                    }
                    (None, Some(cause)) => return Err(NotTaken::Over(gave_up(call, cause))),
                    (None, None) => {}
                }
            }
            News::Hears => {
                if let Some(queued) = queued {
                    queued.hear_next(call, &*participant.leg);
                }
            }
            News::Interrupt(Interrupt::End(why)) => {
                return Err(NotTaken::Over(call.ended_here(why)));
            }
            News::Interrupt(Interrupt::Join(newcomer)) => {
                if let Some(newcomer) = taken_by(waiting.participant, *newcomer) {
                    return Ok(Taker::PickedUp(newcomer));
                }
            }
            News::Interrupt(Interrupt::NoticeEnded(end)) => {
                call.notice_ended(end, None);
                phones.notice_ended(call, waiting);
            }
            News::Interrupt(Interrupt::RecordingFailed(problem)) => call.recording_failed(problem),
            // Nobody talks: whoever asked is told so by the silence.
            News::Interrupt(
                Interrupt::Record(_) | Interrupt::Supervise(_) | Interrupt::VoiceDrop(_),
            ) => {}
            News::AskedLong => phones.ask_again(call).await?,
            // Whoever has answered in time is asked to the end.
            News::Deadline if phones.due().is_some() => deadline = Instant::now() + ASKING,
            News::Deadline => {
                if phones.ringing.iter().any(|phone| phone.alerting) {
                    call.step(Step::NoAnswer);
                    let outcome = Outcome::new(CallResult::NoAnswer, Cause::NO_ANSWER);
                    return Err(NotTaken::Failed(outcome));
                }
                // Not one phone has reacted: registered, but not there.
                let outcome = call.refused(Refused::NotRegistered, Cause::SUBSCRIBER_ABSENT);
                return Err(NotTaken::Failed(outcome));
            }
        }
    }
}

/// Waits until then; for ever when there is no such time.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// How a call ends whose caller does not wait any longer.
pub(super) fn gave_up(call: &mut Call, cause: Cause) -> Outcome {
    call.step(Step::CallerGaveUp);
    let result = if call.is_taken() {
        CallResult::Answered
    } else {
        CallResult::Cancelled
    };
    Outcome::new(result, cause)
}

/// Somebody takes the place of the one who waits.
async fn replace(
    call: &mut Call,
    waiting: &mut Participant,
    phones: &mut Phones,
    mut newcomer: Newcomer,
) {
    if newcomer.leg.answer(None).is_err() {
        return;
    }
    call.step(Step::Replaced {
        end: End::Caller,
        by: newcomer.who.party().number,
        from: newcomer.from.as_ref().map(ToString::to_string),
    });
    call.now_at(End::Caller, newcomer.who.party());
    let newcomer = newcomer.join(call);
    call.answered(newcomer.record, None, newcomer.leg.codec());
    let gone = std::mem::replace(waiting, newcomer);
    gone.end(call, Cause::NORMAL_CLEARING).await;
    match phones
        .ringing
        .iter()
        .find(|phone| Some(phone.record) == phones.early)
    {
        Some(phone) => call.bridge(&*waiting.leg, &*phone.leg),
        None if phones.alerted => {
            phones.ringback = call.progress_tone(&*waiting.leg, ProgressTone::Ringing)
        }
        None => {}
    }
}

/// Connects the one who waited with the one who took the call.
pub(super) async fn connect(
    call: &mut Call,
    waiting: &mut Participant,
    mut taken: Participant,
) -> Result<Participant, NotTaken> {
    call.step(Step::AnsweredBy {
        device: taken.leg.device().to_owned(),
    });
    if let Err(cause) = waiting.leg.answer(taken.leg.codec()) {
        taken.leg.hang_up(Release::Cause(cause));
        call.leg_ended(taken.record, &*taken.leg, cause).await;
        let refused = call.refused(Refused::of_media(cause), cause);
        return Err(NotTaken::Failed(refused));
    }
    if let Some(slot) = &mut taken.slot {
        slot.take_call();
    }
    if taken.who.extension().is_some() {
        // Called was perhaps a number of the company or a queue: whoever looks for his call looks for him.
        call.now_at(End::Callee, taken.who.party());
    }
    call.bridge(&*waiting.leg, &*taken.leg);
    call.answered(waiting.record, Some(taken.record), waiting.leg.codec());
    Ok(taken)
}
