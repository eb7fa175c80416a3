//! How those stand who may be rung (D3), and who cannot be rung why.

use ramal_model::ExtensionId;

use super::{Availability, Journey, Switch, Who};
use crate::call::trace::{Step, Unreached};

/// How those stand who may be rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Nobody is online.
    Offline,
    /// Some are, none of them free.
    Busy,
    /// Somebody can be rung.
    Free,
}

/// How an extension stands for a call: those a number leads to reach nobody outside his working hours (F242). Colleagues
/// who dial an extension do.
pub(super) fn of_extension<S: Switch>(
    switch: &S,
    journey: &Journey,
    id: ExtensionId,
) -> Availability {
    if journey.number.is_some() && !is_manned(switch, id) {
        return Availability::Offline;
    }
    switch.availability(id)
}

fn is_manned<S: Switch>(switch: &S, id: ExtensionId) -> bool {
    let now = switch.now();
    switch
        .configuration()
        .is_manned_at(id, switch.agent_at(id), now)
}

/// How people stand. Somebody outside can always be tried.
pub(super) fn of<S: Switch>(switch: &S, journey: &Journey, who: &[Who]) -> Presence {
    let each = who.iter().map(|one| match one {
        Who::Extension(id) => match of_extension(switch, journey, *id) {
            Availability::Offline => Presence::Offline,
            Availability::Busy => Presence::Busy,
            Availability::Free { .. } => Presence::Free,
        },
        Who::Outside(_) => Presence::Free,
    });
    each.max_by_key(|presence| match presence {
        Presence::Offline => 0,
        Presence::Busy => 1,
        Presence::Free => 2,
    })
    .unwrap_or(Presence::Offline)
}

/// Writes down who cannot be rung.
pub(super) fn tell_unreached<S: Switch>(switch: &mut S, journey: &Journey, who: &[Who]) {
    for one in who {
        tell_if_unreached(switch, journey, one);
    }
}

/// Writes it down if somebody cannot be rung; whether it is so.
pub(super) fn tell_if_unreached<S: Switch>(switch: &mut S, journey: &Journey, who: &Who) -> bool {
    let Who::Extension(id) = who else {
        return false;
    };
    let configuration = switch.configuration().clone();
    let extension = configuration.extension(*id);
    let because = match of_extension(switch, journey, *id) {
        Availability::Offline if extension.is_some_and(|one| one.do_not_disturb) => {
            Unreached::DoNotDisturb
        }
        Availability::Offline if switch.availability(*id) != Availability::Offline => {
            Unreached::OffWork
        }
        Availability::Offline => Unreached::Offline,
        Availability::Busy => Unreached::Busy,
        Availability::Free { .. } => return false,
    };
    let number = extension.map(|one| one.number.clone());
    switch.step(Step::PassedOver {
        number: number.unwrap_or_default(),
        because,
    });
    true
}

/// Those who can be rung.
pub(super) fn free<S: Switch>(switch: &mut S, journey: &Journey, who: &[Who]) -> Vec<Who> {
    let mut free = Vec::with_capacity(who.len());
    for one in who {
        if !tell_if_unreached(switch, journey, one) {
            free.push(one.clone());
        }
    }
    free
}
