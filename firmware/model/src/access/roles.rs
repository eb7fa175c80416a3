//! What the built-in roles allow whoever has no profile.

use super::{
    Area::{self, *},
    Permission, Permissions,
    Scope::{self, All, Own, Team},
    Verb::{self, *},
};
use crate::Role;

/// Areas, verbs and the scope they are allowed in.
type Rights = &'static [(&'static [Area], &'static [Verb], Scope)];

const OBJECTS: &[Verb] = &[View, Create, Edit, Delete];

const INSTALLER: Rights = &[
    (
        &[Extensions, Trunks, Lines, Telephony, Sounds],
        OBJECTS,
        All,
    ),
    (&[Directory, System, Calls, Bans, Notices], &[View], All),
    (&[Area::Company], &[Edit], All),
    (&[Live], &[View, Delete], All),
    (&[Bans], &[Delete], All),
];

const SUPERVISOR: Rights = &[
    (
        &[Directory, Trunks, Lines, Telephony, System, Bans],
        &[View],
        All,
    ),
    (&[Sounds], OBJECTS, All),
    (&[Conferences], &[View, Edit, Delete], All),
    (&[Live], &[View, Delete, Listen], Team),
    (&[Agents], &[View, Edit], Team),
    (&[Agents], &[Apply], All),
    (&[Calls], &[View, Create, Export], Team),
    (&[Recordings], &[View, Listen, Create], Team),
    (&[Voicemail], &[View, Listen, Edit, Delete], Team),
];

const AGENT: Rights = &[
    (&[Directory], &[View], All),
    (&[Agents], &[View, Edit], Own),
    (&[Calls], &[View, Create], Own),
    (&[Voicemail], &[View, Listen, Edit, Delete], Own),
];

const AUDITOR: Rights = &[
    (
        &[
            Directory,
            Trunks,
            Lines,
            Telephony,
            Sounds,
            Users,
            Live,
            System,
            Conferences,
            Bans,
            Notices,
        ],
        &[View],
        All,
    ),
    (&[Calls, Audit], &[View, Export], All),
    (&[Recordings, Voicemail], &[View, Listen], All),
];

const USER: Rights = &[
    (&[Directory], &[View], All),
    (&[Calls], &[View, Create], Own),
    (&[Voicemail], &[View, Listen, Edit, Delete], Own),
];

impl Role {
    /// What it allows whoever has no profile.
    pub fn permissions(self) -> Permissions {
        let rights = match self {
            Role::Admin => return Permissions::everything(),
            Role::Installer => INSTALLER,
            Role::Supervisor => SUPERVISOR,
            Role::Agent => AGENT,
            Role::Auditor => AUDITOR,
            Role::User => USER,
        };
        let each = rights.iter().flat_map(|(areas, verbs, scope)| {
            let pairs = areas
                .iter()
                .flat_map(|area| verbs.iter().map(move |verb| (area, verb)));
            pairs.map(|(area, verb)| Permission {
                area: *area,
                verb: *verb,
                scope: *scope,
            })
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auditors_agents_and_users_change_nothing_of_the_configuration() {
        for role in [Role::Auditor, Role::Agent, Role::User] {
            for one in role.permissions().iter() {
                let changes = matches!(one.verb, Create | Edit | Delete | Apply);
                assert!(!changes || one.scope == Own, "{role:?}: {one}");
            }
        }
    }

    #[test]
    fn nobody_but_an_administrator_gets_at_users_tokens_or_the_whole() {
        for role in [
            Role::Installer,
            Role::Supervisor,
            Role::Agent,
            Role::Auditor,
            Role::User,
        ] {
            let permissions = role.permissions();
            for (area, verb) in [
                (Users, Edit),
                (Users, Create),
                (Tokens, Create),
                (Configuration, Export),
            ] {
                assert_eq!(permissions.scope(area, verb), None, "{role:?}");
            }
            assert!(Role::Admin.permissions().lacks(&permissions).is_none());
            assert!(permissions.lacks(&Role::Admin.permissions()).is_some());
        }
    }

    #[test]
    fn a_wider_scope_is_more() {
        let calls = |scope| Permission {
            area: Calls,
            verb: View,
            scope,
        };
        let team: Permissions = [calls(Own), calls(Team)].into_iter().collect();
        assert_eq!(team.scope(Calls, View), Some(Team));
        let all: Permissions = [calls(All)].into_iter().collect();
        assert!(all.lacks(&team).is_none());
        assert_eq!(team.lacks(&all), Some(calls(All)));
        assert_eq!(calls(Team).to_string(), "calls:view:team");
    }
}
