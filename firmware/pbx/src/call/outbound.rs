//! Outbound routes (F187-F197): which rules take a dialled number, and the ways they lead out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ramal_model::{
    CompanyId, Configuration, E1TrunkId, Number, OutboundRoute, OutboundRule, Stored, TrunkId,
    User, Way as RuleWay, WayOrder, is_dialled,
};

use super::routing::Route;
use super::trace::{Refused, Step};
use super::{Caller, toll_bar};
use crate::exchange::Exchange;
use crate::leg::Cause;
use crate::leg::outward::{Sent, Way};

/// Where a dialled number leads by the routes; none when there are none in use at all, and for names, which are nobody's
/// outside.
pub(super) fn route(
    configuration: &Configuration,
    exchange: &Exchange,
    caller: &Caller,
    dialled: &str,
    mut trace: impl FnMut(Step),
) -> Option<Route> {
    let routes = in_use(configuration);
    if routes.is_empty() || !is_dialled(dialled) {
        return None;
    }
    let extension = caller.extension().map(|extension| extension.id);
    let mut ways = Vec::new();
    let mut seconds = None;
    let mut fits_others = false;
    let mut shows_others = false;
    for route in routes {
        let open = is_open(configuration, &route);
        for rule in &route.rules {
            let sent = rule.sends(dialled, extension).filter(|_| open);
            let Some(sent) = sent else {
                fits_others |= rule
                    .pattern
                    .as_ref()
                    .is_some_and(|pattern| pattern.matches(dialled));
                continue;
            };
            let toll = configuration.toll_sent(rule, dialled, &sent);
            if !route.takes(toll.class()) {
                fits_others = true;
                continue;
            }
            if toll_bar::is_hidden(configuration, rule, (dialled, &sent), &toll) {
                trace(Step::Trunk { number: sent });
                return Some(Route::Refused(
                    Refused::InternationalBarred,
                    Cause::CALL_REJECTED,
                ));
            }
            let number = (sent.as_str(), &toll);
            if let Some(reason) = toll_bar::bar(configuration, exchange, caller, number, &mut trace)
            {
                return Some(Route::Refused(reason, Cause::CALL_REJECTED));
            }
            trace(Step::OutboundRoute {
                route: route.name.clone(),
                pattern: rule
                    .pattern
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            });
            seconds.get_or_insert(rule.ring_seconds());
            let own = own_number(configuration, caller).filter(|_| !rule.force_caller_id);
            shows_others |= own.is_some() && !has_own_number(configuration, caller);
            let shown = own.or_else(|| rule.caller_id.clone());
            let shown = match of_company(configuration, caller.company(), shown) {
                Ok(shown) => shown,
                Err(OfOthers) => {
                    shows_others = true;
                    continue;
                }
            };
            let mut by_rule = by_rule(configuration, exchange, rule, &sent, shown);
            if !rule.force_caller_id {
                show_verified(configuration, caller, &mut by_rule);
                if let Some((_, number)) = shown_number(configuration, caller) {
                    prefer_own(number, &mut by_rule);
                }
            }
            ways.extend(by_rule);
        }
    }
    match seconds {
        Some(_) if !may_call_outside(configuration, caller) => Some(Route::Refused(
            Refused::NoOutboundNumber,
            Cause::CALL_REJECTED,
        )),
        Some(_) if shows_others => Some(Route::Refused(
            Refused::NumberNotAssigned,
            Cause::CALL_REJECTED,
        )),
        Some(seconds) => Some(Route::Outside {
            number: dialled.to_owned(),
            ways,
            seconds,
        }),
        None if fits_others => Some(Route::Refused(Refused::RouteBarred, Cause::CALL_REJECTED)),
        // Perhaps it is an extension's.
        None if configuration.extension_by_number(dialled).is_some() => None,
        None => Some(Route::Refused(
            Refused::UnknownNumber,
            Cause::UNALLOCATED_NUMBER,
        )),
    }
}

/// Whether the caller may call outside at all; numbers for help are not asked about here (F009).
pub(super) fn may_call_outside(configuration: &Configuration, caller: &Caller) -> bool {
    let user = caller
        .extension()
        .and_then(|extension| configuration.user_at(extension.id));
    user.is_none_or(|user| user.external_calls)
}

/// A number that another company's calls show.
struct OfOthers;

/// What a company's calls show: none shows a number of another company on the gateway (F234). Its own goes out instead.
fn of_company(
    configuration: &Configuration,
    company: CompanyId,
    shown: Option<String>,
) -> Result<Option<String>, OfOthers> {
    match shown {
        Some(number) if configuration.is_number_of_others(&number, company) => {
            let own = number_of_company(configuration, company);
            own.map(Some).ok_or(OfOthers)
        }
        shown => Ok(shown),
    }
}

/// The number that a company's calls show where nothing else is said.
fn number_of_company(configuration: &Configuration, company: CompanyId) -> Option<String> {
    let number = configuration.hosted_company(company)?.outbound_number?;
    let numbers = &configuration.catalogue().numbers;
    let number = numbers.get(number)?;
    (number.company == company).then(|| number.number.clone())
}

/// The number of the company that those see whom a caller calls (F204): his own, or that of a further company's people.
pub(super) fn own_number(configuration: &Configuration, caller: &Caller) -> Option<String> {
    match shown_number(configuration, caller) {
        Some((_, number)) => Some(number.number.clone()),
        None => number_of_company(configuration, caller.company()),
    }
}

/// Lets those called see the caller's verified number where the trunk allows it (F208).
pub(super) fn show_verified(configuration: &Configuration, caller: &Caller, ways: &mut [Sent]) {
    let user = caller
        .extension()
        .and_then(|extension| configuration.user_at(extension.id));
    let Some(number) = user.and_then(|user| user.caller_id.as_ref()) else {
        return;
    };
    for sent in ways {
        let trunk = match sent.way {
            Way::Sip(id) => id,
            Way::E1(id) => TrunkId(id.0),
            Way::Line(_) => continue,
        };
        if configuration.shows_foreign_numbers(trunk) {
            sent.shown = Some(number.clone());
        }
    }
}

/// Puts the ways first that a number comes in by: its calls go out there where the rule lets them (F207).
fn prefer_own(number: &Number, ways: &mut Vec<Sent>) {
    let has_own_line = |sent: &Sent| number.line.is_some() && sent.way == Way::Line(None);
    if let Some(any) = ways.iter().find(|sent| has_own_line(sent)) {
        let way = Way::Line(number.line.clone());
        let own = Sent { way, ..any.clone() };
        ways.insert(0, own);
    }
    ways.sort_by_key(|sent| match &sent.way {
        Way::Sip(id) => Some(*id) != number.trunk,
        Way::E1(id) => Some(TrunkId(id.0)) != number.trunk,
        Way::Line(line) => line.is_none() || *line != number.line,
    });
}

/// Whether the caller may call with his number: it may have been assigned to others since he was given it (F011).
pub(super) fn has_own_number(configuration: &Configuration, caller: &Caller) -> bool {
    let shown = shown_number(configuration, caller);
    shown.is_none_or(|(user, number)| number.is_assigned_to(user))
}

fn shown_number<'a>(
    configuration: &'a Configuration,
    caller: &Caller,
) -> Option<(&'a User, &'a Number)> {
    let user = configuration.user_at(caller.extension()?.id)?;
    let numbers = &configuration.catalogue().numbers;
    let number = numbers.get(user.outbound_number?)?;
    Some((user, &number.settings))
}

/// The ways a number takes that the configuration itself calls.
pub(super) fn ways(
    configuration: &Configuration,
    exchange: &Exchange,
    company: CompanyId,
    number: &str,
) -> Vec<Sent> {
    let routes = in_use(configuration);
    let open = routes.iter().filter(|route| is_open(configuration, route));
    let mut ways = Vec::new();
    for (route, rule) in open.flat_map(|route| route.rules.iter().map(move |rule| (route, rule))) {
        let anybody = rule.allowed.first().copied();
        if let Some(sent) = rule.sends(number, anybody)
            && may_lead(configuration, route, rule, (number, &sent))
        {
            let shown = rule.caller_id.clone().filter(|_| rule.force_caller_id);
            // Without a number of their own, those called see who calls.
            let shown = of_company(configuration, company, shown).unwrap_or_default();
            ways.extend(by_rule(configuration, exchange, rule, &sent, shown));
        }
    }
    ways
}

/// The analogue lines that the routes lead a number to, at whatever time; none in it stands for whichever is free. None at
/// all when no route takes the number.
pub(super) fn lines(
    configuration: &Configuration,
    number: &str,
) -> Option<BTreeSet<Option<String>>> {
    let routes = in_use(configuration);
    let takes = |route: &OutboundRoute, rule: &OutboundRule| {
        let anybody = rule.allowed.first().copied();
        let sent = rule.sends(number, anybody);
        sent.is_some_and(|sent| may_lead(configuration, route, rule, (number, &sent)))
    };
    let rules = routes.iter().flat_map(|route| {
        let rules = route.rules.iter();
        rules.filter(move |rule| takes(route, rule))
    });
    let mut rules = rules.peekable();
    rules.peek()?;
    let lines = rules.flat_map(|rule| &rule.ways);
    let lines = lines.filter_map(|way| match way {
        RuleWay::Line { port } => Some(Some(port.clone())),
        RuleWay::AnyLine {} => Some(None),
        RuleWay::Trunk { .. } => None,
    });
    Some(lines.collect())
}

/// The routes in use, in the order they are looked at.
fn in_use(configuration: &Configuration) -> Vec<std::sync::Arc<Stored<OutboundRoute>>> {
    let routes = configuration.catalogue().outbound_routes.iter();
    let mut routes: Vec<_> = routes.filter(|route| route.enabled).cloned().collect();
    routes.sort_by_key(|route| (route.position, route.id));
    routes
}

/// Whether a route may be used now.
fn is_open(configuration: &Configuration, route: &OutboundRoute) -> bool {
    let condition = route
        .time_condition
        .and_then(|id| configuration.catalogue().time_conditions.get(id));
    condition.is_none_or(|condition| {
        let company = configuration.company();
        let zone = condition
            .time_zone
            .as_deref()
            .or(company.map(|company| company.time_zone.as_str()));
        let zone = zone.and_then(|name| TimeZone::get(name).ok());
        let now = Timestamp::now().to_zoned(zone.unwrap_or(TimeZone::UTC));
        let calendar = condition
            .calendar
            .and_then(|id| configuration.catalogue().calendars.get(id));
        condition.matches(&now, calendar.map(|calendar| &calendar.settings))
    })
}

/// Whether a rule may lead calls to a number that the configuration itself calls.
fn may_lead(
    configuration: &Configuration,
    route: &OutboundRoute,
    rule: &OutboundRule,
    (number, sent): (&str, &str),
) -> bool {
    let toll = configuration.toll_sent(rule, number, sent);
    route.takes(toll.class())
        && !toll_bar::is_hidden(configuration, rule, (number, sent), &toll)
        && toll_bar::by_country(configuration, &toll).is_none()
}

fn by_rule(
    configuration: &Configuration,
    exchange: &Exchange,
    rule: &OutboundRule,
    sent: &str,
    shown: Option<String>,
) -> Vec<Sent> {
    // Waits are for lines; a trunk sends digits.
    let digits = sent.replace('w', "");
    let mut ways: Vec<_> = rule
        .ways
        .iter()
        .filter_map(|way| {
            let (way, number) = match way {
                RuleWay::Trunk { id } => (by_trunk(configuration, *id)?, digits.clone()),
                RuleWay::Line { port } => (Way::Line(Some(port.clone())), sent.to_owned()),
                RuleWay::AnyLine {} => (Way::Line(None), sent.to_owned()),
            };
            Some(Sent {
                way,
                number,
                shown: shown.clone(),
            })
        })
        .collect();
    if rule.order == WayOrder::RoundRobin && !ways.is_empty() {
        let first = exchange.turn() % ways.len();
        ways.rotate_left(first);
    }
    ways
}

/// The trunk with this id, of whatever kind, if it is in use.
fn by_trunk(configuration: &Configuration, id: TrunkId) -> Option<Way> {
    let sip = configuration.trunk(id).filter(|trunk| trunk.enabled);
    let e1 = configuration
        .e1_trunk(E1TrunkId(id.0))
        .filter(|trunk| trunk.enabled);
    sip.map(|trunk| Way::Sip(trunk.id))
        .or_else(|| e1.map(|trunk| Way::E1(trunk.id)))
}
