//! Whom a scope is about.

use std::collections::BTreeSet;

use super::{Permissions, Profile, Scope};
use crate::{CompanyId, Configuration, ExtensionId, Id, Role, User, UserId, VoicemailBox};

/// The people that a scope is about, seen from one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum People {
    /// Everybody, and what belongs to nobody.
    Everybody,
    /// Everybody in a company, and what belongs to it.
    Company {
        /// Which.
        company: CompanyId,
        /// Who is in it.
        users: BTreeSet<UserId>,
    },
    /// These users.
    Users(BTreeSet<UserId>),
}

impl People {
    /// Whether he is one of them.
    pub fn include(&self, user: UserId) -> bool {
        match self {
            People::Everybody => true,
            People::Company { users, .. } | People::Users(users) => users.contains(&user),
        }
    }

    /// Whether what belongs to a company is theirs: nothing does that is about some users only.
    pub fn have_company(&self, company: CompanyId) -> bool {
        match self {
            People::Everybody => true,
            People::Company { company: own, .. } => *own == company,
            People::Users(_) => false,
        }
    }

    /// Whether the extension with this number is that of one of them.
    pub fn have_number(&self, configuration: &Configuration, number: &str) -> bool {
        if *self == People::Everybody {
            return true;
        }
        let extension = configuration.extension_by_number(number);
        extension.is_some_and(|extension| self.have_extension(configuration, extension.id))
    }

    /// Whether the extension is that of one of them.
    pub fn have_extension(&self, configuration: &Configuration, extension: ExtensionId) -> bool {
        match self {
            People::Everybody => true,
            People::Company { company, .. } => {
                let found = configuration.extension(extension);
                found.is_some_and(|found| found.company == *company)
            }
            People::Users(users) => {
                let owner = configuration.user_at(extension);
                owner.is_some_and(|owner| users.contains(&owner.id))
            }
        }
    }

    /// The voicemail boxes of their extensions; none for everybody, whose boxes are all.
    pub fn mailboxes(&self, configuration: &Configuration) -> Option<Vec<Id<VoicemailBox>>> {
        let boxes = configuration.catalogue().voicemail_boxes.iter();
        let theirs = boxes.filter(|one| match self {
            People::Everybody => true,
            People::Company { company, .. } => one.company == *company,
            People::Users(_) => {
                let mut extensions = one.extensions.iter();
                extensions.any(|extension| self.have_extension(configuration, *extension))
            }
        });
        if *self == People::Everybody {
            return None;
        }
        Some(theirs.map(|one| one.id).collect())
    }
}

impl Configuration {
    /// Whom a scope is about, seen from `user`; somebody who is no user has nothing of his own.
    pub fn people(&self, user: Option<UserId>, scope: Scope) -> People {
        if scope == Scope::All {
            return People::Everybody;
        }
        // Whoever is no user, such as a program, is of the default company.
        let known = user.and_then(|id| self.user(id));
        let company = known.map_or(CompanyId::DEFAULT, |user| user.company);
        if scope == Scope::Company {
            return self.people_of(company);
        }
        let mut people: BTreeSet<UserId> = user.into_iter().collect();
        if scope == Scope::Team {
            let teams = &self.catalogue().teams;
            if teams.is_empty() {
                return self.people_of(company);
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

    /// Everybody in a company. While there is but one, that is everybody.
    pub fn people_of(&self, company: CompanyId) -> People {
        // Whoever belongs to a further one is never everybody, should nothing be left of that but its people.
        if !self.hosts_companies() && company.is_default() {
            return People::Everybody;
        }
        let users = self.users().iter();
        let users = users.filter(|user| user.company == company);
        People::Company {
            company,
            users: users.map(|user| user.id).collect(),
        }
    }

    /// What a user may do: what his profile says, or his role.
    pub fn permissions_of(&self, user: &User) -> Permissions {
        self.permissions_by(user.company, user.role, user.profile)
    }

    /// What somebody in this company with this role and this profile may do. Where there are several companies, a role is about
    /// the own one, but for those who look after the gateway: administrators, installers and auditors of the default company.
    pub fn permissions_by(
        &self,
        company: CompanyId,
        role: Role,
        profile: Option<Id<Profile>>,
    ) -> Permissions {
        let looks_after = matches!(role, Role::Admin | Role::Installer | Role::Auditor);
        let several = self.hosts_companies() || !company.is_default();
        let permissions = match profile {
            None if several && !(company.is_default() && looks_after) => {
                role.permissions().up_to(Scope::Company)
            }
            None => role.permissions(),
            Some(id) => match self.catalogue().profiles.get(id) {
                Some(profile) => profile.allows(),
                // A profile that is gone allows nothing.
                None => Permissions::default(),
            },
        };
        match several {
            true => permissions.among_several(),
            false => permissions,
        }
    }
}
