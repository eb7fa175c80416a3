//! Where a dialled number leads, decided over an immutable configuration.

use std::collections::BTreeSet;

use ramal_model::{
    CompanyId, Configuration, Destination, Extension, ExtensionId, FeatureCode, Id, PagingGroup,
    Stored, Toll,
};

use super::agent_code::AgentCode;
use super::pickup::may_pick_up_at;
use super::setting_code::SettingCode;
use super::trace::{Feature, Refused, Step, Unreached};
use super::{Caller, E1Caller, SipTrunkCaller, outbound, toll_bar};
use crate::exchange::Exchange;
use crate::flow::arrival::{self, Arrival};
use crate::leg::Cause;
use crate::leg::outward::{Sent, Way};
use crate::trunk::Diverted;

/// Where a call goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Route {
    /// To the phones of an extension.
    Extension(Box<Extension>),
    /// To the phones of an extension, which take the call by themselves.
    Intercom(Box<Extension>),
    /// To the phones of a paging group.
    Page(Id<PagingGroup>),
    /// To a service of the gateway.
    Feature(Feature),
    /// To what an agent does at his phone.
    Agent(AgentCode),
    /// Out of the company by the first of these ways that works.
    Outside {
        number: String,
        ways: Vec<Sent>,
        /// Seconds until nobody took the call there.
        seconds: u16,
    },
    /// To a slot where calls are parked: to this one, or to any.
    Park(Option<String>),
    /// To what a code sets.
    Set(SettingCode),
    /// Where the configuration leads: a number of the company, a menu, a queue and so on.
    Flow(Destination),
    /// To the telephone on a line of the gateway.
    Station(String),
    /// Nowhere.
    Refused(Refused, Cause),
}

/// What is dialled before a number outside.
const OUTSIDE: char = '0';
/// Seconds a call outside rings where nothing else is said (F038).
const OUTSIDE_TIME: u16 = 60;
/// Seconds a call for help rings.
const EMERGENCY_TIME: u16 = 300;

/// Decides where `dialled` leads for `caller`, telling each step to `trace`.
pub(crate) fn route(
    configuration: &Configuration,
    exchange: &Exchange,
    caller: &Caller,
    dialled: &str,
    mut trace: impl FnMut(Step),
) -> Route {
    if let Caller::SipTrunk(from) = caller {
        return incoming(configuration, from, caller, dialled, trace);
    }
    if let Caller::E1(from) = caller {
        return incoming_by_e1(configuration, from, caller, dialled, trace);
    }
    if let Caller::Trunk { line, party } = caller {
        trace(Step::CameIn {
            line: line.to_string(),
            number: dialled.to_owned(),
        });
        let arrival = Arrival {
            line: Some(line),
            caller: Some(party.number.as_str()).filter(|number| !number.is_empty()),
            ..Arrival::default()
        };
        if let Some(first) = arrival::destination(configuration, &arrival, &mut trace) {
            return Route::Flow(first);
        }
        // The reception takes calls of lines only until it is said anywhere where calls lead (F008).
        let catalogue = configuration.catalogue();
        if !catalogue.numbers.is_empty() || !catalogue.inbound_routes.is_empty() {
            return Route::Refused(Refused::UnconfiguredNumber, Cause::UNALLOCATED_NUMBER);
        }
        // Somebody outside reaches extensions only: no feature codes, and no way out again.
        return extension(configuration, caller, dialled, trace);
    }
    trace(Step::Dialled {
        by: caller.party().number,
        number: dialled.to_owned(),
    });
    // Whoever has a number of the plan is reached there, also where a code came about later.
    if configuration.who_is_at(dialled).is_none()
        && let Some((feature, digits)) = configuration.feature_codes().dialled(dialled)
        && let Some(route) = by_code(
            configuration,
            exchange,
            caller,
            (feature, digits),
            &mut trace,
        )
    {
        return route;
    }
    if configuration.is_emergency(dialled) {
        return emergency(configuration, exchange, dialled, trace);
    }
    if let Some(reason) = toll_bar::inside(configuration, caller, dialled, &mut trace) {
        return Route::Refused(reason, Cause::CALL_REJECTED);
    }
    if let Some(group) = configuration.catalogue().paging_groups.by_number(dialled) {
        return page(caller, group, trace);
    }
    if let Some(inside) = inside(configuration, dialled) {
        return Route::Flow(inside);
    }
    if configuration.extension_by_number(dialled).is_none() {
        if let Some(line) = exchange.lines.station(dialled) {
            trace(Step::Station {
                number: dialled.to_owned(),
                line,
            });
            if caller.party().number == dialled {
                return Route::Refused(Refused::OwnNumber, Cause::USER_BUSY);
            }
            return Route::Station(dialled.to_owned());
        }
        if let Some(route) = outbound::route(configuration, exchange, caller, dialled, &mut trace) {
            return route;
        }
        let has_lines = exchange.lines.has_trunks();
        let has_trunks = || {
            configuration.trunks().iter().any(|trunk| trunk.enabled)
                || configuration.e1_trunks().iter().any(|trunk| trunk.enabled)
        };
        if let Some(number) = outside(dialled)
            && (has_lines || has_trunks())
        {
            trace(Step::Trunk {
                number: number.to_owned(),
            });
            let mut ways = by_prefix(configuration, exchange, number);
            let toll = toll_of(configuration, number, &ways);
            let barred =
                toll_bar::bar(configuration, exchange, caller, (number, &toll), &mut trace);
            if let Some(reason) = barred {
                return Route::Refused(reason, Cause::CALL_REJECTED);
            }
            if let Some(reason) = unlisted(configuration, number, &ways) {
                return Route::Refused(reason, Cause::CALL_REJECTED);
            }
            if !outbound::may_call_outside(configuration, caller) {
                return Route::Refused(Refused::NoOutboundNumber, Cause::CALL_REJECTED);
            }
            if !outbound::has_own_number(configuration, caller) {
                return Route::Refused(Refused::NumberNotAssigned, Cause::CALL_REJECTED);
            }
            let own = outbound::own_number(configuration, caller);
            for sent in &mut ways {
                sent.shown.clone_from(&own);
            }
            outbound::show_verified(configuration, caller, &mut ways);
            if !ways.is_empty() {
                return Route::Outside {
                    number: number.to_owned(),
                    ways,
                    seconds: OUTSIDE_TIME,
                };
            }
        }
    }
    extension(configuration, caller, dialled, trace)
}

/// Where a feature code leads; none when it is part of another number that is dialled.
fn by_code(
    configuration: &Configuration,
    exchange: &Exchange,
    caller: &Caller,
    (asked, digits): (FeatureCode, &str),
    mut trace: impl FnMut(Step),
) -> Option<Route> {
    let code = configuration
        .feature_codes()
        .code(asked)
        .unwrap_or_default();
    let code = code.to_owned();
    let feature = match asked {
        FeatureCode::GroupPickup | FeatureCode::DirectedPickup => {
            // A call that rings has been taken before it came to this.
            trace(Step::PickupCode { code });
            let rung = configuration.extension_by_number(digits);
            let rung = rung.filter(|_| asked == FeatureCode::DirectedPickup);
            if rung.is_some_and(|rung| !may_pick_up_at(caller, rung)) {
                let refused = Refused::NotInPickupGroup;
                return Some(Route::Refused(refused, Cause::CALL_REJECTED));
            }
            let refused = Refused::NothingToPickUp;
            return Some(Route::Refused(refused, Cause::SUBSCRIBER_ABSENT));
        }
        FeatureCode::Supervise => {
            // Whoever may do it is in the call already.
            trace(Step::FeatureCode {
                code,
                feature: Feature::Supervise,
            });
            let refused = Refused::NotSupervised;
            return Some(Route::Refused(refused, Cause::CALL_REJECTED));
        }
        FeatureCode::Intercom => {
            trace(Step::FeatureCode {
                code,
                feature: Feature::Intercom,
            });
            return Some(intercom(configuration, exchange, caller, digits, trace));
        }
        FeatureCode::EchoTest => Feature::Echo,
        FeatureCode::SpeakingClock => Feature::SpeakingClock,
        FeatureCode::SayNumber => Feature::SayNumber,
        FeatureCode::OwnVoicemail => Feature::OwnVoicemail,
        FeatureCode::AnyVoicemail => Feature::AnyVoicemail,
        FeatureCode::AgentLogin => Feature::AgentLogin,
        FeatureCode::AgentPause => Feature::AgentPause,
        FeatureCode::ForwardAll => Feature::ForwardAll,
        FeatureCode::ForwardAllOff => Feature::ForwardAllOff,
        FeatureCode::ForwardBusy => Feature::ForwardBusy,
        FeatureCode::ForwardBusyOff => Feature::ForwardBusyOff,
        FeatureCode::ForwardNoAnswer => Feature::ForwardNoAnswer,
        FeatureCode::ForwardNoAnswerOff => Feature::ForwardNoAnswerOff,
        FeatureCode::DoNotDisturb => Feature::DoNotDisturb,
        FeatureCode::DoNotDisturbOff => Feature::DoNotDisturbOff,
        FeatureCode::CallBack => Feature::CallBack,
        FeatureCode::TimeOverride => Feature::TimeOverride,
        FeatureCode::Park => Feature::Park,
        FeatureCode::ParkSlots => Feature::ParkSlot,
        FeatureCode::HideNumber
        | FeatureCode::Voicedrop
        | FeatureCode::BlindTransfer
        | FeatureCode::AttendedTransfer
        | FeatureCode::Record => return None,
    };
    trace(Step::FeatureCode { code, feature });
    Some(match feature {
        Feature::AgentLogin => Route::Agent(AgentCode::Login(digits.to_owned())),
        Feature::AgentPause => Route::Agent(AgentCode::Pause(digits.parse().ok())),
        Feature::Park => Route::Park(None),
        Feature::ParkSlot => Route::Park(Some(digits.to_owned())),
        Feature::Echo
        | Feature::SpeakingClock
        | Feature::SayNumber
        | Feature::OwnVoicemail
        | Feature::AnyVoicemail
        | Feature::CallBack => Route::Feature(feature),
        _ => Route::Set(SettingCode {
            code: asked,
            feature,
            digits: digits.to_owned(),
        }),
    })
}

/// Whose phones take a call by themselves: his own, wherever his calls go. Nobody is spoken to who is in a call or does not
/// want to be disturbed, and nobody of another company.
fn intercom(
    configuration: &Configuration,
    exchange: &Exchange,
    caller: &Caller,
    number: &str,
    mut trace: impl FnMut(Step),
) -> Route {
    let callee = configuration.extension_by_number(number);
    let company = caller.company();
    let Some(callee) = callee.filter(|callee| callee.enabled && callee.company == company) else {
        return Route::Refused(Refused::UnknownNumber, Cause::UNALLOCATED_NUMBER);
    };
    trace(Step::Extension {
        number: callee.number.clone(),
        name: callee.display_name.clone(),
    });
    if caller.extension().is_some_and(|own| own.id == callee.id) {
        return Route::Refused(Refused::OwnNumber, Cause::USER_BUSY);
    }
    let because = if callee.do_not_disturb {
        Some(Unreached::DoNotDisturb)
    } else {
        let talks = exchange.live.idle_since(callee.id).is_none();
        talks.then_some(Unreached::Busy)
    };
    if let Some(because) = because {
        trace(Step::PassedOver {
            number: callee.number.clone(),
            because,
        });
        return Route::Refused(Refused::Busy, Cause::USER_BUSY);
    }
    Route::Intercom(Box::new(callee.clone()))
}

/// Lets somebody speak to the phones of his own company.
fn page(caller: &Caller, group: &Stored<PagingGroup>, mut trace: impl FnMut(Step)) -> Route {
    let company = caller.extension().map(|own| own.company);
    if company.unwrap_or_default() != group.company {
        return Route::Refused(Refused::UnknownNumber, Cause::UNALLOCATED_NUMBER);
    }
    trace(Step::Paging {
        group: group.name.clone(),
    });
    Route::Page(group.id)
}

/// The queue, menu or conference with a number of its own.
pub(crate) fn inside(configuration: &Configuration, dialled: &str) -> Option<Destination> {
    let user = configuration.who_has(dialled)?;
    match user.object.as_str() {
        "queue" => Some(Destination::Queue {
            id: Id::new(user.id),
        }),
        "ivr" => Some(Destination::Ivr {
            id: Id::new(user.id),
        }),
        "conference" => Some(Destination::Conference {
            id: Id::new(user.id),
        }),
        _ => None,
    }
}

/// A call for help: by every way there is, whoever calls and whatever is set (B.2).
fn emergency(
    configuration: &Configuration,
    exchange: &Exchange,
    number: &str,
    mut trace: impl FnMut(Step),
) -> Route {
    trace(Step::Emergency {
        number: number.to_owned(),
    });
    let e1 = configuration
        .e1_trunks()
        .iter()
        .filter(|trunk| trunk.enabled);
    let sip = configuration.trunks().iter().filter(|trunk| trunk.enabled);
    // The exchange of the place knows best where help is needed.
    let line = exchange.lines.has_trunks().then_some(Way::Line(None));
    let ways = line
        .into_iter()
        .chain(e1.map(|trunk| Way::E1(trunk.id)))
        .chain(sip.map(|trunk| Way::Sip(trunk.id)));
    let ways: Vec<_> = ways
        .map(|way| Sent {
            way,
            number: number.to_owned(),
            shown: None,
        })
        .collect();
    if ways.is_empty() {
        return Route::Refused(Refused::NoFreeLine, Cause::NO_CIRCUIT);
    }
    Route::Outside {
        number: number.to_owned(),
        ways,
        seconds: EMERGENCY_TIME,
    }
}

/// The ways out for a number as it would be dialled on an extension, whoever may use them: what the configuration leads
/// outside was put there by somebody who may.
pub(super) fn ways_outside(
    configuration: &Configuration,
    exchange: &Exchange,
    company: CompanyId,
    number: &str,
) -> Vec<Sent> {
    let by_route = outbound::ways(configuration, exchange, company, number);
    if by_route.is_empty() {
        let number = outside(number).unwrap_or(number);
        let mut ways = by_prefix(configuration, exchange, number);
        let toll = toll_of(configuration, number, &ways);
        if toll_bar::by_country(configuration, &toll).is_some() {
            ways.clear();
        }
        ways
    } else {
        by_route
    }
}

/// The analogue lines that a number may leave by, at whatever time; none in it stands for whichever is free. Lines that are
/// only what is left when no trunk works are not among them.
pub(crate) fn lines_out(
    configuration: &Configuration,
    exchange: &Exchange,
    number: &str,
) -> BTreeSet<Option<String>> {
    outbound::lines(configuration, number).unwrap_or_else(|| {
        let ways = by_prefix(configuration, exchange, outside(number).unwrap_or(number));
        match ways.first() {
            Some(Sent {
                way: Way::Line(line),
                ..
            }) => BTreeSet::from([line.clone()]),
            _ => BTreeSet::new(),
        }
    })
}

/// The ways out that an extension may take to a number; none when it may not call there.
pub(super) fn ways_of(
    configuration: &Configuration,
    exchange: &Exchange,
    id: ExtensionId,
    number: &str,
    mut trace: impl FnMut(Step),
) -> Vec<Sent> {
    let Some(extension) = configuration.extension(id) else {
        return Vec::new();
    };
    let caller = Caller::Extension(Box::new(extension.clone()));
    // Who called reads what keeps his call from going on, not how that was found out.
    let trace = |step| {
        if matches!(step, Step::TollBarred { .. }) {
            trace(step);
        }
    };
    match route(configuration, exchange, &caller, number, trace) {
        Route::Outside { mut ways, .. } => {
            // Those called see who calls, not who has his calls go there.
            for way in &mut ways {
                way.shown = None;
            }
            ways
        }
        _ => Vec::new(),
    }
}

/// What a number is that goes out by these ways: a prefix that one of them takes off must not open the way abroad.
fn toll_of(configuration: &Configuration, number: &str, ways: &[Sent]) -> Toll {
    let sent = ways.iter().map(|sent| configuration.toll(&sent.number));
    sent.fold(configuration.toll(number), Toll::dearer)
}

/// Where no outbound route says that calls abroad are wanted, somebody has to have named the country.
fn unlisted(configuration: &Configuration, number: &str, ways: &[Sent]) -> Option<Refused> {
    let Toll::International(e164) = toll_of(configuration, number, ways) else {
        return None;
    };
    let listed = configuration.toll_settings().lists(e164.as_deref());
    (!listed).then_some(Refused::InternationalBarred)
}

/// What is to be dialled outside, when the number leads there.
fn outside(dialled: &str) -> Option<&str> {
    let number = dialled.strip_prefix(OUTSIDE)?;
    let plausible =
        (1..=20).contains(&number.len()) && number.bytes().all(|key| key.is_ascii_digit());
    plausible.then_some(number)
}

/// The ways out where no outbound route is set: the enabled trunks that take the number by its prefix, then a line.
fn by_prefix(configuration: &Configuration, exchange: &Exchange, number: &str) -> Vec<Sent> {
    let sip = configuration
        .trunks()
        .iter()
        .filter(|trunk| trunk.enabled)
        .filter_map(|trunk| {
            let sent = trunk.outbound_number(number)?.to_owned();
            Some((trunk.priority, Way::Sip(trunk.id), sent))
        });
    let e1 = configuration
        .e1_trunks()
        .iter()
        .filter(|trunk| trunk.enabled)
        .filter_map(|trunk| {
            let sent = trunk.outbound_number(number)?.to_owned();
            Some((trunk.priority, Way::E1(trunk.id), sent))
        });
    // Of those with the same priority the owned line goes first.
    let mut ways: Vec<_> = e1.chain(sip).collect();
    ways.sort_by_key(|(priority, ..)| *priority);
    let line = exchange
        .lines
        .has_trunks()
        .then(|| (0, Way::Line(None), number.to_owned()));
    ways.into_iter()
        .chain(line)
        .map(|(_, way, number)| Sent {
            way,
            number,
            shown: None,
        })
        .collect()
}

/// Decides where a carrier's call leads: to an extension or nowhere, never out again.
fn incoming(
    configuration: &Configuration,
    from: &SipTrunkCaller,
    caller: &Caller,
    dialled: &str,
    mut trace: impl FnMut(Step),
) -> Route {
    trace(Step::CameIn {
        line: from.name.clone(),
        number: dialled.to_owned(),
    });
    trace_diversions(&from.diversions, &mut trace);
    if !from.has_channel {
        return Route::Refused(Refused::NoFreeLine, Cause::NO_CIRCUIT);
    }
    let arrival = Arrival {
        trunk: Some(from.trunk.0),
        dialled,
        caller: Some(from.party.number.as_str()).filter(|number| !number.is_empty()),
        ..Arrival::default()
    };
    if let Some(first) = arrival::destination(configuration, &arrival, &mut trace) {
        return Route::Flow(first);
    }
    let callee = configuration
        .trunk(from.trunk)
        .and_then(|trunk| trunk.inbound_extension(dialled))
        .and_then(|id| configuration.extension(id));
    match callee {
        Some(callee) => extension(configuration, caller, &callee.number, trace),
        None => Route::Refused(Refused::UnconfiguredNumber, Cause::UNALLOCATED_NUMBER),
    }
}

/// Writes down who sent the call on before it came here, in the order they did.
fn trace_diversions(diversions: &[Diverted], trace: &mut impl FnMut(Step)) {
    for Diverted { by, reason } in diversions.iter().rev() {
        trace(Step::DivertedBy {
            number: by.clone(),
            reason: reason.clone(),
        });
    }
}

/// Decides where a call on an E1 trunk leads: to an extension or nowhere, never out again.
fn incoming_by_e1(
    configuration: &Configuration,
    from: &E1Caller,
    caller: &Caller,
    dialled: &str,
    mut trace: impl FnMut(Step),
) -> Route {
    trace(Step::CameIn {
        line: from.name.clone(),
        number: dialled.to_owned(),
    });
    trace_diversions(&from.diversions, &mut trace);
    let arrival = Arrival {
        trunk: Some(from.trunk.0),
        dialled,
        caller: Some(from.party.number.as_str()).filter(|number| !number.is_empty()),
        ..Arrival::default()
    };
    if let Some(first) = arrival::destination(configuration, &arrival, &mut trace) {
        return Route::Flow(first);
    }
    let callee = configuration
        .e1_trunk(from.trunk)
        .and_then(|trunk| trunk.inbound_extension(dialled))
        .and_then(|id| configuration.extension(id));
    match callee {
        Some(callee) => extension(configuration, caller, &callee.number, trace),
        None => Route::Refused(Refused::UnconfiguredNumber, Cause::UNALLOCATED_NUMBER),
    }
}

fn extension(
    configuration: &Configuration,
    caller: &Caller,
    dialled: &str,
    mut trace: impl FnMut(Step),
) -> Route {
    let Some(callee) = configuration.extension_by_number(dialled) else {
        return Route::Refused(Refused::UnknownNumber, Cause::UNALLOCATED_NUMBER);
    };
    trace(Step::Extension {
        number: callee.number.clone(),
        name: callee.display_name.clone(),
    });
    if !callee.enabled {
        // As if it did not exist: the caller has no business knowing more.
        return Route::Refused(Refused::Disabled, Cause::UNALLOCATED_NUMBER);
    }
    if caller
        .extension()
        .is_some_and(|caller| caller.id == callee.id)
    {
        return Route::Refused(Refused::OwnNumber, Cause::USER_BUSY);
    }
    if callee.is_forwarded() {
        return Route::Flow(Destination::Extension { id: callee.id });
    }
    Route::Extension(Box::new(callee.clone()))
}
