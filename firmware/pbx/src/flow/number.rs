//! A call to a number of the company, in the one order there is (D2, A.2).

use std::sync::Arc;
use std::time::Duration;

use ramal_model::{
    Clearing, Destination, InboundMode, Number, NumberTarget, OfflineAction, Stored,
};

use super::{End, Journey, MOST_NUMBERS, Next, Outside, Say, Switch, Who, matches, ring};
use crate::call::trace::{NumberRefuses, Step};

/// How long a caller hears it ring whom nobody can answer (S2:18).
const FREE_TONE: Duration = Duration::from_secs(30);

impl Journey {
    /// Whether the number's welcome belongs here: a menu has a greeting of its own (C25).
    pub(super) fn welcomes(&self) -> bool {
        self.menus == 0
    }
}

/// Evaluates a call to a number. The comments count the steps of A.2; line, caller and number (1, 2) are known by now.
pub(super) async fn called<S: Switch>(
    switch: &mut S,
    journey: &mut Journey,
    number: &Arc<Stored<Number>>,
) -> Result<Next<S::Taken>, S::Over> {
    switch.step(Step::Number {
        number: number.number.clone(),
        label: number.label.clone(),
    });
    journey.numbers += 1;
    if journey.numbers > MOST_NUMBERS {
        switch.step(Step::RoundInCircles);
        return Ok(Next::End(End::Cleared(Clearing::Congestion)));
    }
    journey.number = Some(Arc::clone(number));

    // 3. Who is not let in.
    match switch.caller() {
        None if number.reject_anonymous => {
            return refuse_anonymous(switch, number).await;
        }
        Some(caller) if number.blocks(&caller, switch.configuration().company()) => {
            switch.step(Step::NumberRefuses {
                because: NumberRefuses::Blocked,
            });
            return Ok(Next::End(End::Cleared(Clearing::Rejected)));
        }
        _ => {}
    }
    // 4. The mode.
    match (number.mode, &number.forward_to) {
        (InboundMode::Reject, _) => {
            return reject(switch, journey, number, NumberRefuses::Mode).await;
        }
        (InboundMode::ForwardAll, Some(to)) => {
            return forward_all(switch, journey, number, to).await;
        }
        (InboundMode::Receive, _) | (InboundMode::ForwardAll, None) => {}
    }
    // 5. In service, and open.
    if !number.online {
        return reject(switch, journey, number, NumberRefuses::OutOfService).await;
    }
    let condition = number.time_condition.and_then(|id| {
        switch
            .configuration()
            .catalogue()
            .time_conditions
            .get(id)
            .cloned()
    });
    if let Some(condition) = condition
        && !matches(switch, &condition)
    {
        return Ok(Next::Go(condition.on_no_match.clone()));
    }
    // 6. Menus and flows run whoever is online; 7 to 9 come with the people they lead to. Queues wait for somebody who is there.
    match number.target {
        NumberTarget::Ivr => {
            if let Some(id) = number.ivr {
                // Whoever is welcomed is to be welcomed by somebody (C25).
                if let Some(file) = number.welcome
                    && plan(switch, number).finds_somebody(switch, journey)
                {
                    switch.answer().await?;
                    switch.play(&[Say::File(file)], "").await?;
                }
                return Ok(Next::Go(Destination::Ivr { id }));
            }
        }
        NumberTarget::Queue => {
            if let Some(id) = number.queue {
                let configuration = Arc::clone(switch.configuration());
                let queue = configuration.catalogue().queues.get(id);
                let is_staffed =
                    queue.is_some_and(|queue| queue.members.is_empty() || switch.is_staffed(queue));
                // A queue may say itself where calls go that find nobody.
                if !is_staffed && queue.is_some_and(|queue| queue.on_empty.is_none()) {
                    switch.step(Step::NobodyOnline);
                    return ring::nobody_online(switch, journey, number, None).await;
                }
                if let Some(file) = number.welcome.filter(|_| is_staffed) {
                    switch.answer().await?;
                    switch.play(&[Say::File(file)], "").await?;
                }
                return Ok(Next::Go(Destination::Queue { id }));
            }
        }
        NumberTarget::Flow => {
            if let Some(flow) = &number.flow {
                return Ok(Next::Go(flow.clone()));
            }
        }
        NumberTarget::Ring => {}
    }
    // 7 to 9. Its people.
    let plan = plan(switch, number);
    let then = number.on_no_answer.clone();
    // What is set for nobody being online goes before where calls go that nobody took.
    if !plan.finds_somebody(switch, journey) {
        return ring::people(switch, journey, &plan, None).await;
    }
    ring::people(switch, journey, &plan, then).await
}

/// Everybody a number rings: those listed, or else those it is assigned to, and whoever it is forwarded to besides (C05).
fn plan<S: Switch>(switch: &S, number: &Stored<Number>) -> ring::Plan {
    let configuration = switch.configuration();
    let mut plan = ring::Plan::of(configuration, &number.ring);
    if plan.is_empty() {
        let users = configuration
            .users()
            .iter()
            .filter(|user| number.is_assigned_to(user));
        plan = plan.and(users.flat_map(|user| ring::devices_of(configuration, user.id)));
    }
    let forward = number
        .forward_to
        .as_ref()
        .map(|to| Who::Outside(Outside::of(to.clone(), Some(number))));
    plan.and(forward)
}

async fn refuse_anonymous<S: Switch>(
    switch: &mut S,
    number: &Stored<Number>,
) -> Result<Next<S::Taken>, S::Over> {
    switch.step(Step::NumberRefuses {
        because: NumberRefuses::Anonymous,
    });
    switch.answer().await?;
    let message = number
        .anonymous_message
        .map_or(Say::Own("anonymous-refused"), Say::File);
    switch.play(&[message], "").await?;
    Ok(Next::End(End::Cleared(Clearing::Rejected)))
}

async fn reject<S: Switch>(
    switch: &mut S,
    journey: &Journey,
    number: &Stored<Number>,
    because: NumberRefuses,
) -> Result<Next<S::Taken>, S::Over> {
    switch.step(Step::NumberRefuses { because });
    offline_action(switch, journey, &number.reject_action).await
}

/// Forwards the call. A target that is a number of the company itself is not called outside: it would only come back.
async fn forward_all<S: Switch>(
    switch: &mut S,
    journey: &mut Journey,
    number: &Arc<Stored<Number>>,
    to: &str,
) -> Result<Next<S::Taken>, S::Over> {
    switch.step(Step::Forwarded {
        number: to.to_owned(),
    });
    let own = switch.configuration().catalogue().numbers.iter();
    let own = own.filter(|own| own.is_dialled(own.trunk.map(|trunk| trunk.0), to));
    if let Some(own) = own.map(|own| own.id).next() {
        return Ok(Next::Go(Destination::Number { id: own }));
    }
    let outside = Who::Outside(Outside::of(to.to_owned(), Some(number)));
    let then = number.on_no_answer.clone();
    ring::people(switch, journey, &ring::only(outside), then).await
}

/// What is done with a call that nobody can take.
pub(super) async fn offline_action<S: Switch>(
    switch: &mut S,
    journey: &Journey,
    action: &OfflineAction,
) -> Result<Next<S::Taken>, S::Over> {
    switch.step(Step::OfflineAction {
        action: action.clone(),
    });
    let cleared = |clearing| Ok(Next::End(End::Cleared(clearing)));
    match action {
        OfflineAction::Ring {} => {
            switch.ring_nobody(FREE_TONE).await?;
            cleared(Clearing::Normal)
        }
        OfflineAction::Busy {} => cleared(Clearing::Busy),
        OfflineAction::Disconnect => cleared(Clearing::Rejected),
        OfflineAction::Message { file } => {
            switch.answer().await?;
            switch.play(&[Say::File(*file)], "").await?;
            cleared(Clearing::Normal)
        }
        OfflineAction::Voicemail {} => {
            let mailbox = journey.number.as_ref().and_then(|number| number.voicemail);
            Ok(match mailbox {
                Some(id) => Next::Go(Destination::Voicemail { id }),
                None => Next::End(End::Cleared(Clearing::Normal)),
            })
        }
        OfflineAction::Transfer { number } => Ok(Next::Go(Destination::External {
            number: number.clone(),
        })),
    }
}

/// Where a call goes that nobody took: where it was said, else to the number's voicemail, else nowhere.
pub(super) fn nobody_took<S: Switch>(
    switch: &mut S,
    number: Option<&Stored<Number>>,
    then: Option<Destination>,
) -> Next<S::Taken> {
    let then = then.or_else(|| number?.on_no_answer.clone());
    let then = then.or_else(|| {
        let id = number?.voicemail?;
        Some(Destination::Voicemail { id })
    });
    match then {
        Some(then) => Next::Go(then),
        None => {
            switch.step(Step::LedToEnd {
                clearing: Clearing::Normal,
            });
            Next::End(End::Cleared(Clearing::Normal))
        }
    }
}
