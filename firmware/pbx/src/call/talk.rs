//! Two legs talk until one hangs up, or wants something else.

use ramal_model::AudioFileId;

use super::Outcome;
use super::keys::{Key, Keys};
use super::participant::{Newcomer, Pair, Replacing};
use super::record::{Call, Interrupt};
use super::third;
use super::trace::{End, Step};
use super::voicedrop::{self, HeardAs};
use crate::leg::fax::FaxOffer;
use crate::leg::{self, Cause, DigitWay, Leg, LegEvent, MediaFlow, Transfer};

/// Why two do not talk any more.
pub(super) enum TalkEnd {
    /// The call is over; whichever legs are still there are not hung up.
    Over(Outcome),
    /// This end wants to pass the other one on.
    Transfer(End, Transfer),
    /// Somebody takes the place of this end.
    Replaced(End, Newcomer),
    /// This end asks back at a number.
    Consult(End, String),
    /// This end leaves the other one a message, and goes.
    LeavesMessage(End, AudioFileId),
    /// The third one takes the place of this end, which leaves the call for this cause.
    ThirdTakesPlace(End, Cause),
}

/// Lets the two ends talk.
pub(super) async fn talk(call: &mut Call, pair: &mut Pair) -> TalkEnd {
    let mut replacing: Option<(End, Replacing)> = None;
    // A fax one end has offered and the other has not answered.
    let mut faxing: Option<FaxOffer> = None;
    let mut keys = Keys::default();
    // The end whose place is being taken, should it hang up before.
    let mut left: Option<(End, Cause)> = None;
    let mut heard = HeardAs::default();
    voicedrop::listen(call, pair);
    third::attach(call, pair).await;
    call.record_conversation(pair);
    // Whose keys nobody hears as tones, because the other end is told of them: the caller's, the callee's.
    let muted = {
        let (caller, callee) = (&mut pair.caller.leg, &mut pair.callee.leg);
        let told = |leg: &dyn Leg| leg.digit_way() != DigitWay::Tones;
        let by_callee = told(&**callee);
        let by_caller = told(&**caller);
        [
            caller.mute_keys(by_callee) && by_callee,
            callee.mute_keys(by_caller) && by_caller,
        ]
    };
    loop {
        let (end, event) = tokio::select! {
            event = leg::event(&mut *pair.caller.leg) => (End::Caller, event),
            event = leg::event(&mut *pair.callee.leg) => (End::Callee, event),
            event = third::event(pair.third.as_mut()) => {
                if let Some(end) = Box::pin(third::take(call, pair, event)).await {
                    return TalkEnd::ThirdTakesPlace(end, Cause::NORMAL_CLEARING);
                }
                continue;
            }
            (end, newcomer) = awaited(&mut replacing) => {
                replacing = None;
                match (newcomer, left) {
                    (Some(newcomer), _) => return TalkEnd::Replaced(end, newcomer),
                    (None, Some((end, cause))) => {
                        call.step(Step::HungUp { by: end });
                        return TalkEnd::Over(Outcome::cleared_by(cause));
                    }
                    (None, None) => continue,
                }
            }
            () = keys.pause() => match keys.paused(call, pair) {
                Key::Transfers(end, transfer) => return TalkEnd::Transfer(end, transfer),
                Key::Consults(end, number) => return TalkEnd::Consult(end, number),
                Key::LeavesMessage(end, message) => return TalkEnd::LeavesMessage(end, message),
                Key::Kept | Key::Passes => continue,
            },
            interrupt = call.interrupt() => {
                match interrupt {
                    Interrupt::End(why) => return TalkEnd::Over(call.ended_here(why)),
                    Interrupt::Record(order) => call.order_recording(pair, order),
                    Interrupt::RecordingFailed(problem) => call.recording_failed(problem),
                    Interrupt::NoticeEnded(end) => call.notice_ended(end, Some(pair)),
                    Interrupt::Supervise(watch) => {
                        let end = Box::pin(third::supervise(call, pair, *watch)).await;
                        if let Some(end) = end {
                            return TalkEnd::ThirdTakesPlace(end, Cause::NORMAL_CLEARING);
                        }
                    }
                    Interrupt::VoiceDrop(drop) => {
                        if let Some((end, message)) = voicedrop::ordered(call, pair, *drop, heard) {
                            return TalkEnd::LeavesMessage(end, message);
                        }
                    }
                    // Who wants to take it comes too late.
                    Interrupt::Join(_) => {}
                }
                continue;
            }
        };
        if let LegEvent::Digit(key) | LegEvent::MediaDigit(key) | LegEvent::ToneDigit(key) = event {
            match keys.press(call, pair, end, key) {
                Key::Passes => {}
                Key::Kept => continue,
                Key::Transfers(end, transfer) => return TalkEnd::Transfer(end, transfer),
                Key::Consults(end, number) => return TalkEnd::Consult(end, number),
                Key::LeavesMessage(end, message) => return TalkEnd::LeavesMessage(end, message),
            }
        }
        let (this, other) = match end {
            End::Caller => (&mut pair.caller, &mut pair.callee),
            End::Callee => (&mut pair.callee, &mut pair.caller),
        };
        match event {
            LegEvent::MediaFlow(flow) => {
                let holds = !flow.send;
                if holds == this.flow.send {
                    call.step(if holds {
                        Step::Held { by: end }
                    } else {
                        Step::Resumed { by: end }
                    });
                }
                this.flow = flow;
                other.hear(call, &this.who, flow);
                call.held(!(pair.caller.flow.send && pair.callee.flow.send));
            }
            LegEvent::Digit(digit) => other.leg.send_digit(digit),
            LegEvent::MediaDigit(digit) => {
                if other.leg.digit_way() != DigitWay::Events {
                    other.leg.send_digit(digit);
                }
            }
            LegEvent::ToneDigit(digit) => {
                // As an event only to whoever does not hear it.
                let told = match other.leg.digit_way() {
                    DigitWay::Signalling => true,
                    DigitWay::Events => muted[usize::from(end == End::Callee)],
                    DigitWay::Tones => false,
                };
                if told {
                    other.leg.send_digit(digit);
                }
            }
            LegEvent::FaxOffered(offer) => {
                // Two offers at once cross each other; both are dropped, and the machines try again.
                faxing = None;
                if other.leg.offer_fax(offer.fax()) {
                    faxing = Some(offer);
                }
            }
            LegEvent::FaxAnswered(answer) => {
                if let (Some(offer), Some(fax)) = (faxing.take(), answer) {
                    call.step(Step::Fax { by: end.other() });
                    other.leg.answer_fax(offer, &fax);
                }
            }
            LegEvent::FaxEnded => other.leg.end_fax(),
            LegEvent::MachineHeard => heard = HeardAs::Machine,
            LegEvent::MediaTimeout => {
                // An end that holds, or is held, need not send anything.
                if pair.caller.flow == MediaFlow::BOTH && pair.callee.flow == MediaFlow::BOTH {
                    call.step(Step::MediaLost { from: end });
                    return TalkEnd::Over(Outcome::cleared_by(Cause::RECOVERY_ON_TIMER_EXPIRY));
                }
            }
            LegEvent::Unsecured(fault) => {
                call.step(Step::unsecured(end, fault));
                return TalkEnd::Over(Outcome::cleared_by(
                    Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED,
                ));
            }
            LegEvent::HungUp(cause) | LegEvent::Rejected(cause) => {
                if replacing
                    .as_ref()
                    .is_some_and(|(replaced, _)| *replaced == end)
                {
                    // Whoever takes its place is on the way.
                    left = Some((end, cause));
                    continue;
                }
                call.step(Step::HungUp { by: end });
                if pair.third.as_ref().is_some_and(|third| third.is_member()) {
                    return TalkEnd::ThirdTakesPlace(end, cause);
                }
                return TalkEnd::Over(Outcome::cleared_by(cause));
            }
            LegEvent::Transfer(transfer) => return TalkEnd::Transfer(end, *transfer),
            LegEvent::Replaced(newcomer) => replacing = Some((end, newcomer)),
            LegEvent::Joined(newcomer) => Box::pin(third::join(call, pair, *newcomer)).await,
            LegEvent::Attempt(_)
            | LegEvent::Searching
            | LegEvent::Proceeding
            | LegEvent::Ringing
            | LegEvent::Progress
            | LegEvent::Answered => {}
        }
    }
}

/// Who takes a place, once he comes or is known not to come.
pub(super) async fn awaited(replacing: &mut Option<(End, Replacing)>) -> (End, Option<Newcomer>) {
    match replacing {
        Some((end, newcomer)) => (*end, newcomer.await.ok()),
        None => std::future::pending().await,
    }
}
