//! Whom a scope is about.

use std::collections::BTreeSet;

use super::{Permissions, Profile, Scope};
use crate::{Configuration, ExtensionId, Id, Role, User, UserId, VoicemailBox};

/// The people that a scope is about, seen from one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum People {
    /// Everybody, and what belongs to nobody.
    Everybody,
    /// These users.
    Users(BTreeSet<UserId>),
}

impl People {
    /// Whether he is one of them.
    pub fn include(&self, user: UserId) -> bool {
        match self {
            People::Everybody => true,
            People::Users(users) => users.contains(&user),
        }
    }

    /// Whether the extension with this number is that of one of them.
    pub fn have_number(&self, configuration: &Configuration, number: &str) -> bool {
        let People::Users(_) = self else { return true };
        let extension = configuration.extension_by_number(number);
        extension.is_some_and(|extension| self.have_extension(configuration, extension.id))
    }

    /// Whether the extension is that of one of them.
    pub fn have_extension(&self, configuration: &Configuration, extension: ExtensionId) -> bool {
        let People::Users(users) = self else {
            return true;
        };
        let owner = configuration.user_at(extension);
        owner.is_some_and(|owner| users.contains(&owner.id))
    }

    /// The voicemail boxes of their extensions; none for everybody, whose boxes are all.
    pub fn mailboxes(&self, configuration: &Configuration) -> Option<Vec<Id<VoicemailBox>>> {
        let People::Users(_) = self else { return None };
        let boxes = configuration.catalogue().voicemail_boxes.iter();
        let theirs = boxes.filter(|one| {
            let mut extensions = one.extensions.iter();
            extensions.any(|extension| self.have_extension(configuration, *extension))
        });
        Some(theirs.map(|one| one.id).collect())
    }
}

impl Configuration {
    /// Whom a scope is about, seen from `user`; somebody who is no user has nothing of his own.
    pub fn people(&self, user: Option<UserId>, scope: Scope) -> People {
        if scope >= Scope::Company {
            return People::Everybody;
        }
        let mut people: BTreeSet<UserId> = user.into_iter().collect();
        if scope == Scope::Team {
            let teams = &self.catalogue().teams;
            if teams.is_empty() {
                return People::Everybody;
            }
            for team in teams.iter() {
                let mut all = team.members.iter().chain(&team.supervisors);
                if all.any(|one| Some(*one) == user) {
                    people.extend(&team.members);
                }
            }
        }
        People::Users(people)
    }

    /// What a user may do: what his profile says, or his role.
    pub fn permissions_of(&self, user: &User) -> Permissions {
        self.permissions_by(user.role, user.profile)
    }

    /// What somebody with this role and this profile may do.
    pub fn permissions_by(&self, role: Role, profile: Option<Id<Profile>>) -> Permissions {
        match profile {
            None => role.permissions(),
            Some(id) => match self.catalogue().profiles.get(id) {
                Some(profile) => profile.allows(),
                // A profile that is gone allows nothing.
                None => Permissions::default(),
            },
        }
    }
}
