//! Changing a number: what leads to an object by its number follows it (U15).
//!
//! Most references are ids and need nothing. Some settings are numbers as somebody would dial them, because they may lead
//! outside as well: where extensions have their calls go, what a telephone calls that is only lifted, where a number of the
//! company forwards to. Those follow here.

use std::collections::HashMap;

use crate::{Configuration, Draft, FeatureCode, Id, Number, PortSettings};

impl Draft {
    /// Has everything that names an object by its number in `before` name it by the number it has in this draft.
    pub fn follow_numbers(&mut self, before: &Configuration) {
        let inside = self.changed_inside(before);
        if !inside.is_empty() {
            self.follow_inside(before, &inside);
        }
        self.follow_company_numbers(before);
    }

    /// The numbers of the numbering plan that objects had before and have exchanged for others: old and new.
    fn changed_inside(&self, before: &Configuration) -> HashMap<String, String> {
        let extensions = before.extensions().iter().filter_map(|old| {
            let new = self.extensions.get(&old.id)?;
            Some((old.number.as_str(), new.number.as_str()))
        });
        let objects = before.catalogue().each().filter_map(|old| {
            let new = self.catalogue.find(old.kind(), old.id())?;
            Some((old.number()?, new.number()?))
        });
        extensions
            .chain(objects)
            .filter(|(old, new)| old != new)
            .map(|(old, new)| (old.to_owned(), new.to_owned()))
            .collect()
    }

    fn follow_inside(&mut self, before: &Configuration, numbers: &HashMap<String, String>) {
        for extension in self.extensions.values_mut() {
            let forwards = [
                &mut extension.forward_all,
                &mut extension.forward_busy,
                &mut extension.forward_no_answer,
            ];
            for to in forwards.into_iter().flatten() {
                if let Some(new) = numbers.get(to) {
                    to.clone_from(new);
                }
            }
        }
        for port in self.analogue_ports.values_mut() {
            if let PortSettings::Fxs(settings) = &mut port.settings
                && let Some(line) = &mut settings.hot_line
                && let Some(new) = dialled(before, &line.number, numbers)
            {
                line.number = new;
            }
        }
    }

    /// Takes a number from everybody who calls with it (F009).
    pub fn release_number(&mut self, number: Id<Number>) {
        let users = self.users.values_mut();
        for user in users.filter(|user| user.outbound_number == Some(number)) {
            user.lose_outbound_number();
        }
    }

    /// A number of the company that another one forwards to is called by what it is dialled as, with or without `+`.
    fn follow_company_numbers(&mut self, before: &Configuration) {
        let numbers = || before.catalogue().numbers.iter();
        let mut followed = Vec::new();
        for one in self.catalogue.numbers.iter() {
            let Some(to) = &one.forward_to else { continue };
            // Over whatever trunk: the first one is where such a call goes.
            let digits = to.trim_start_matches('+');
            let Some(old) = numbers().find(|old| old.number.trim_start_matches('+') == digits)
            else {
                continue;
            };
            let new = self.catalogue.numbers.get(old.id);
            if let Some(new) = new.filter(|new| new.number != old.number) {
                let mut follower = crate::Stored::clone(one);
                follower.settings = Number {
                    forward_to: Some(new.number.clone()),
                    ..follower.settings
                };
                followed.push(follower);
            }
        }
        for follower in followed {
            self.catalogue.numbers.insert(follower);
        }
    }
}

/// What is to be dialled from now on; none where nothing changes. Some codes have the number of an extension behind them.
fn dialled(
    before: &Configuration,
    number: &str,
    numbers: &HashMap<String, String>,
) -> Option<String> {
    // Whoever has a number of the plan is reached there, also where it is one that a code begins.
    if before.who_is_at(number).is_some() {
        return numbers.get(number).cloned();
    }
    let (feature, digits) = before.feature_codes().dialled(number)?;
    let takes_a_number = matches!(
        feature,
        FeatureCode::ForwardAll
            | FeatureCode::ForwardBusy
            | FeatureCode::ForwardNoAnswer
            | FeatureCode::HideNumber
            | FeatureCode::DirectedPickup
            | FeatureCode::Supervise
            | FeatureCode::Intercom
            | FeatureCode::AgentLogin
    );
    let new = numbers.get(digits).filter(|_| takes_a_number)?;
    let code = number.strip_suffix(digits)?;
    Some(format!("{code}{new}"))
}
