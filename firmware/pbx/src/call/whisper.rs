//! What a member of a queue hears who has taken a call, before he is connected.

use std::sync::Arc;

use ramal_media::{Prompt, Repeat, Sound};
use ramal_model::CallResult;

use super::Outcome;
use super::participant::Participant;
use super::queued::hears_next;
use super::reach::{NotTaken, Waiting};
use super::record::Call;
use super::ring::gave_up;
use super::trace::Step;
use crate::leg::{self, LegEvent};

/// Tells something to whoever has taken the call before he is connected.
pub(super) async fn tell(
    call: &mut Call,
    waiting: &mut Waiting<'_>,
    taken: &mut Participant,
    what: Arc<Prompt>,
) -> Result<(), NotTaken> {
    let sounds = vec![Sound::Silence { ms: 400 }, Sound::Prompt(what)];
    let playing = taken
        .leg
        .stream()
        .and_then(|stream| stream.play(sounds, Repeat::Once).ok());
    let Some(mut playing) = playing else {
        return Ok(());
    };
    loop {
        let Waiting {
            participant,
            queued,
            ..
        } = waiting;
        tokio::select! {
            _ = playing.wait() => return Ok(()),
            event = leg::event(&mut *taken.leg) => {
                if let LegEvent::HungUp(cause) | LegEvent::Rejected(cause) = event {
                    call.step(Step::ContactRefused {
                        device: taken.leg.device().to_owned(),
                        cause: cause.0,
                    });
                    return Err(NotTaken::Failed(Outcome::new(CallResult::NoAnswer, cause)));
                }
            }
            event = leg::event(&mut *participant.leg) => match event {
                LegEvent::HungUp(cause) | LegEvent::Rejected(cause) => {
                    return Err(NotTaken::Over(gave_up(call, cause)));
                }
                LegEvent::MediaFlow(flow) => participant.flow = flow,
                LegEvent::Transfer(transfer) => transfer.refuse_as_pending(),
                _ => {}
            },
            () = hears_next(queued.as_mut()) => {
                if let Some(queued) = queued {
                    queued.hear_next(call, &*participant.leg);
                }
            }
            why = call.interrupted() => return Err(NotTaken::Over(call.ended_here(why))),
        }
    }
}
