//! Which number or route takes a call that comes in (F200, F203).

use std::cmp::Reverse;

use ramal_model::{Configuration, Destination};

use crate::call::trace::Step;

/// Where a call came in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrival<'a> {
    /// The id of the SIP or E1 trunk it came over.
    pub(crate) trunk: Option<i64>,
    /// The analogue line it came over.
    pub(crate) line: Option<&'a str>,
    /// The number dialled, blank when the line does not tell.
    pub(crate) dialled: &'a str,
    /// The caller's number, none when he withholds it.
    pub(crate) caller: Option<&'a str>,
}

/// Where a call goes: to the number it is for, or else by the narrowest route that fits. None when nothing is configured for
/// it.
pub(crate) fn destination(
    configuration: &Configuration,
    arrival: &Arrival<'_>,
    mut trace: impl FnMut(Step),
) -> Option<Destination> {
    let catalogue = configuration.catalogue();
    let by_line = |line: &str| {
        catalogue
            .numbers
            .iter()
            .find(|one| one.line.as_deref() == Some(line))
    };
    let of_line = arrival.line.and_then(by_line);
    let number = of_line.or_else(|| {
        let dialled = |one: &&std::sync::Arc<ramal_model::Stored<ramal_model::Number>>| {
            !arrival.dialled.is_empty() && one.is_dialled(arrival.trunk, arrival.dialled)
        };
        // One for this trunk goes before one for any.
        let mut numbers: Vec<_> = catalogue.numbers.iter().filter(dialled).collect();
        numbers.sort_by_key(|one| one.trunk.is_none());
        numbers.into_iter().next()
    });
    if let Some(number) = number {
        return Some(Destination::Number { id: number.id });
    }
    let fitting = catalogue
        .inbound_routes
        .iter()
        .filter(|route| route.takes(arrival.trunk, arrival.dialled, arrival.caller));
    let route = fitting.min_by_key(|route| Reverse(route.narrowness()))?;
    trace(Step::InboundRoute {
        route: route.name.clone(),
    });
    Some(route.destination.clone())
}
