//! Pickup groups: who may take calls that ring at somebody else's phone (F171).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::{Problems, code};
use crate::{Extension, text};

/// Pickup groups that an extension may be in.
pub const MAX_PICKUP_GROUPS: usize = 8;
/// Characters of the name of one.
const LONGEST_NAME: usize = 32;

/// The pickup groups of an extension, by name: at most 8, each of 1-32 characters without commas. A group is all extensions of a
/// company that name it, in whatever case. Those that name none are together, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct PickupGroups(pub Vec<String>);

impl PickupGroups {
    /// Whether it is in none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn share(&self, other: &Self) -> bool {
        let is_named = |name: &String| {
            let name = name.to_lowercase();
            other.0.iter().any(|other| other.to_lowercase() == name)
        };
        self.0.iter().any(is_named)
    }

    pub(crate) fn check(&mut self, problems: &mut Problems) {
        let field = "pickup_groups";
        if self.0.len() > MAX_PICKUP_GROUPS {
            let limit = MAX_PICKUP_GROUPS.to_string();
            let message = format!("takes at most {limit} groups");
            problems.add(field, code::TOO_MANY, Some(&limit), message);
        }
        for index in 0..self.0.len() {
            let field = format!("{field}[{index}]");
            let (before, rest) = self.0.split_at_mut(index);
            let Some(name) = rest.first_mut() else { break };
            *name = text::line(problems, &field, name, 1, LONGEST_NAME);
            if name.contains(',') {
                let message = "a comma separates one group from the next";
                problems.add(&field, code::CHARACTER, Some(","), message);
            }
            if before
                .iter()
                .any(|other| other.to_lowercase() == name.to_lowercase())
            {
                let message = format!("{name} is there twice");
                problems.add(&field, code::DUPLICATE, None, message);
            }
        }
    }
}

impl Extension {
    /// Whether it takes calls that ring at `other` when it asks for those of its groups: both are in one, or in none.
    #[must_use]
    pub fn shares_pickup_group(&self, other: &Extension) -> bool {
        let in_none = self.pickup_groups.is_empty() && other.pickup_groups.is_empty();
        self.company == other.company && (in_none || self.pickup_groups.share(&other.pickup_groups))
    }

    /// Whether it takes a call that rings at `other` when it asks for that one. Those who are in pickup groups have their calls
    /// taken there only, the others everywhere in their company.
    #[must_use]
    pub fn may_pick_up_at(&self, other: &Extension) -> bool {
        let is_open = self.company == other.company && other.pickup_groups.is_empty();
        self.id == other.id || is_open || self.shares_pickup_group(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Configuration, ExtensionId, NewExtension};

    fn groups(names: &[&str]) -> PickupGroups {
        PickupGroups(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn extension(id: i64, names: &[&str]) -> Result<Extension, Vec<(String, String)>> {
        let new = NewExtension {
            number: format!("20{id:02}"),
            pickup_groups: groups(names),
            ..NewExtension::default()
        };
        let made = new.validate(ExtensionId(id), &Configuration::default());
        made.map_err(|invalid| {
            let problems = invalid.problems.into_iter();
            problems.map(|one| (one.field, one.code)).collect()
        })
    }

    #[test]
    fn f171_a_group_is_who_names_it_and_those_without_one_are_together() {
        let [ana, bruno, carla, dora, elias] = [
            (1, &["Vendas"][..]),
            (2, &["suporte", " VENDAS "]),
            (3, &["Suporte"]),
            (4, &[]),
            (5, &[]),
        ]
        .map(|(id, names)| extension(id, names).unwrap());
        assert!(ana.shares_pickup_group(&bruno) && bruno.shares_pickup_group(&carla));
        assert!(!ana.shares_pickup_group(&carla));
        assert!(dora.shares_pickup_group(&elias));
        assert!(!dora.shares_pickup_group(&ana) && !ana.shares_pickup_group(&dora));
        // Whoever is asked for by number.
        assert!(
            ana.may_pick_up_at(&dora) && ana.may_pick_up_at(&bruno) && ana.may_pick_up_at(&ana)
        );
        assert!(!dora.may_pick_up_at(&ana) && !ana.may_pick_up_at(&carla));
        let elsewhere = Extension {
            company: crate::CompanyId(9),
            ..dora.clone()
        };
        assert!(!elias.shares_pickup_group(&elsewhere) && !elias.may_pick_up_at(&elsewhere));
    }

    #[test]
    fn f171_limits_are_named() {
        let long = "x".repeat(33);
        let refused = extension(1, &["Vendas", " ", "a, b", "vendas", &long]).unwrap_err();
        let expected = [
            ("pickup_groups[1]", code::REQUIRED),
            ("pickup_groups[2]", code::CHARACTER),
            ("pickup_groups[3]", code::DUPLICATE),
            ("pickup_groups[4]", code::TOO_LONG),
        ];
        let expected = expected.map(|(field, code)| (field.to_owned(), code.to_owned()));
        assert_eq!(refused, expected);
        let many: Vec<String> = (0..9).map(|n| format!("g{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let refused = extension(1, &many).unwrap_err();
        assert_eq!(
            refused,
            [("pickup_groups".to_owned(), code::TOO_MANY.to_owned())]
        );
    }
}
