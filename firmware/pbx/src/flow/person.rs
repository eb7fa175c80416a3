//! One person's extension: where he has his calls go, and what becomes of those that he does not take.

use ramal_model::{Configuration, Destination, Extension, ExtensionId};

use super::{Availability, Journey, MOST_FORWARDS, Next, Switch, Who, gone, presence, ring};
use crate::call::trace::{ForwardedBecause, Step};

/// A call to an extension.
pub(super) async fn extension<S: Switch>(
    switch: &mut S,
    journey: &mut Journey,
    id: ExtensionId,
) -> Result<Next<S::Taken>, S::Over> {
    let configuration = switch.configuration().clone();
    let Some(extension) = configuration.extension(id) else {
        return Ok(gone(switch));
    };
    if let Some(to) = extension.forward_all.as_ref().filter(|_| extension.enabled) {
        let because = ForwardedBecause::All;
        return Ok(forward(switch, journey, extension, to, because));
    }
    let state = presence::of_extension(switch, journey, id);
    if state == Availability::Busy
        && let Some(to) = &extension.forward_busy
    {
        let because = ForwardedBecause::Busy;
        return Ok(forward(switch, journey, extension, to, because));
    }
    let away = extension.forward_no_answer.as_ref();
    if let Some(to) = away.filter(|_| state == Availability::Offline && extension.enabled) {
        let because = ForwardedBecause::NoAnswer;
        return Ok(forward(switch, journey, extension, to, because));
    }
    let mut plan = ring::only(Who::Extension(id));
    if journey.number.is_none() {
        plan = plan.for_seconds(extension.ring_time);
    }
    if let Some(to) = away {
        if let Some(taken) = ring::whoever_is_free(switch, journey, &plan).await? {
            return Ok(taken);
        }
        let because = ForwardedBecause::NoAnswer;
        return Ok(forward(switch, journey, extension, to, because));
    }
    let own_box = own_box(&configuration, extension).filter(|_| journey.number.is_none());
    ring::people(switch, journey, &plan, own_box).await
}

/// Leads a call on to where an extension has it go.
fn forward<S: Switch>(
    switch: &mut S,
    journey: &mut Journey,
    extension: &Extension,
    to: &str,
    because: ForwardedBecause,
) -> Next<S::Taken> {
    journey.forwards += 1;
    if journey.forwards > MOST_FORWARDS {
        switch.step(Step::RoundInCircles);
        return super::congested();
    }
    switch.step(Step::ForwardedBy {
        extension: extension.number.clone(),
        number: to.to_owned(),
        because,
    });
    journey.forwarder = Some(extension.id);
    let configuration = switch.configuration().clone();
    Next::Go(destination(&configuration, to))
}

/// Where a number leads that an extension forwards to.
fn destination(configuration: &Configuration, to: &str) -> Destination {
    let user = configuration.who_is_at(to);
    let inside = user.and_then(|user| {
        Some(match user.object.as_str() {
            "extension" => Destination::Extension {
                id: ExtensionId(user.id),
            },
            _ => return crate::call::routing::inside(configuration, to),
        })
    });
    inside.unwrap_or_else(|| Destination::External {
        number: to.to_owned(),
    })
}

/// The voicemail box that is an extension's alone.
pub(crate) fn own_box(configuration: &Configuration, extension: &Extension) -> Option<Destination> {
    let mut boxes = configuration.catalogue().voicemail_boxes.iter();
    let own = boxes.find(|mailbox| *mailbox.extensions == [extension.id])?;
    Some(Destination::Voicemail { id: own.id })
}
