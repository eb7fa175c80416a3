//! What keeps a call from leaving the company: the class of service of whoever it is charged to, the list of countries, and
//! how much he has called (D9, F171, F197). Numbers for help never come to this.

use ramal_model::{Configuration, Extension, OutboundRule, Toll, TollClass};

use super::Caller;
use super::reach::Waiting;
use super::record::Call;
use super::trace::{Refused, Step};
use crate::exchange::Exchange;
use crate::leg::outward::Sent;
use crate::tolls::Exceeded;

/// Why `caller` may not call `number`, which is what `toll` says; told to `trace`, too.
pub(super) fn bar(
    configuration: &Configuration,
    exchange: &Exchange,
    caller: &Caller,
    (number, toll): (&str, &Toll),
    trace: &mut impl FnMut(Step),
) -> Option<Refused> {
    let class = toll.class()?;
    let reason = by_country(configuration, toll)
        .or_else(|| by_extension(configuration, exchange, caller.extension()?, class))?;
    trace(Step::TollBarred {
        by: caller.party().number,
        number: number.to_owned(),
        class,
        reason,
    });
    Some(reason)
}

/// Why `caller` may not call a number of the company's own plan; told to `trace`, too.
pub(super) fn inside(
    configuration: &Configuration,
    caller: &Caller,
    number: &str,
    trace: &mut impl FnMut(Step),
) -> Option<Refused> {
    let class = TollClass::Internal;
    let classes = &caller.extension()?.class_of_service.classes;
    if classes.contains(&class) || configuration.who_is_at(number).is_none() {
        return None;
    }
    let reason = Refused::ClassBarred;
    trace(Step::TollBarred {
        by: caller.party().number,
        number: number.to_owned(),
        class,
        reason,
    });
    Some(reason)
}

/// Why a number may be called by nobody.
pub(super) fn by_country(configuration: &Configuration, toll: &Toll) -> Option<Refused> {
    let Toll::International(e164) = toll else {
        return None;
    };
    let settings = configuration.toll_settings();
    if !settings.allow_any() {
        return Some(Refused::InternationalBarred);
    }
    let allowed = settings.allow(e164.as_deref());
    (!allowed).then_some(Refused::CountryBarred)
}

/// Why an extension may not call numbers of a class.
fn by_extension(
    configuration: &Configuration,
    exchange: &Exchange,
    extension: &Extension,
    class: TollClass,
) -> Option<Refused> {
    if !extension.class_of_service.classes.contains(&class) {
        return Some(match class {
            TollClass::International => Refused::InternationalBarred,
            _ => Refused::ClassBarred,
        });
    }
    match exchange.tolls.exceeded(configuration, extension)? {
        Exceeded::Rate => Some(Refused::CallRate),
        Exceeded::Day => Some(Refused::DailyCap),
    }
}

/// Whether a rule would lead to another country without saying so: what that costs is found out too late.
pub(super) fn is_hidden(
    configuration: &Configuration,
    rule: &OutboundRule,
    (dialled, sent): (&str, &str),
    toll: &Toll,
) -> bool {
    let begins = |digits: &str| match configuration.company() {
        Some(company) => company.leads_abroad(digits),
        None => digits.starts_with("00") || digits.starts_with('+'),
    };
    // Countries that share a country code are dialled like others of it.
    let is_abroad = toll.class() == Some(TollClass::International);
    if !is_abroad || !(begins(dialled) || begins(sent)) {
        return false;
    }
    let says_so = rule
        .pattern
        .as_ref()
        .is_some_and(|pattern| begins(pattern.as_str()));
    !says_so && !begins(&rule.prepend)
}

/// What a call costs, by the number that goes out by the best of its ways.
pub(super) fn class(configuration: &Configuration, ways: &[Sent]) -> Option<TollClass> {
    configuration.toll(&ways.first()?.number).class()
}

/// Whose class of service a call comes under that leaves the company for `waiting`: that of whoever asked for it.
pub(super) fn charged_to(
    configuration: &Configuration,
    waiting: &Waiting<'_>,
    number: &str,
) -> Option<Extension> {
    if configuration.is_emergency(number) {
        return None;
    }
    let transferor = waiting.transferor.as_deref();
    let transferor = transferor.filter(|_| waiting.asking.is_none());
    let asked = waiting
        .on_behalf_of
        .or_else(|| transferor?.who())
        .unwrap_or(&waiting.participant.who);
    asked.extension().cloned()
}

impl Call {
    /// Tells people of what somebody has had enough of.
    pub(super) fn toll_refused(&self, by: &str, reason: Refused) {
        let exceeded = match reason {
            Refused::CallRate => Exceeded::Rate,
            Refused::DailyCap => Exceeded::Day,
            _ => return,
        };
        let exchange = self.exchange();
        let configuration = exchange.configuration.borrow().clone();
        if let Some(extension) = configuration.extension_by_number(by) {
            exchange.tolls.refused(exchange, extension, exceeded);
        }
    }
}
