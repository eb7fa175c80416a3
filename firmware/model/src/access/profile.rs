//! Profiles: permissions that are given together, and the menus shown with them (F263-F266).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Permission, Permissions, Scope};
use crate::problem::{Problems, code};
use crate::{Object, Reference, text};

/// A part of the web UI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Menu {
    /// What goes on now.
    Dashboard,
    /// The call history.
    Calls,
    /// Voice messages.
    Voicemail,
    /// Extensions.
    Extensions,
    /// Trunks and lines.
    Trunks,
    /// Numbers, routes, menus and queues.
    Telephony,
    /// Audio files and music on hold.
    Sounds,
    /// The company.
    Company,
    /// Users, teams and profiles.
    Users,
    /// API tokens.
    Tokens,
    /// The state of the gateway.
    System,
    /// The configuration as a whole.
    Configuration,
    /// Who did what.
    Audit,
}

/// What those may do who have this profile, instead of what their role allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// 1-64 characters, unique.
    pub name: String,
    /// At most 200 characters.
    pub description: String,
    /// The menus that are shown; null shows all that the permissions make useful.
    pub menus: Option<Vec<Menu>>,
    /// What is allowed, at most 200.
    pub permissions: Vec<Permission>,
}

impl Profile {
    /// What it allows.
    pub fn allows(&self) -> Permissions {
        self.permissions.iter().copied().collect()
    }
}

impl Object for Profile {
    const KIND: &'static str = "profile";
    const WORDS: &'static str = "profile";
    const LIST: &'static str = "profiles";
    const MAX: usize = 100;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        self.description = text::line(problems, "description", &self.description, 0, 200);
        text::at_most(problems, "permissions", self.permissions.len(), 200);
        if let Some(menus) = &self.menus {
            text::at_most(problems, "menus", menus.len(), 32);
        }
        check_scopes(problems, &self.permissions);
    }

    fn references(&self, _: &mut dyn FnMut(Reference)) {}
}

/// Refuses scopes that mean nothing where they stand.
fn check_scopes(problems: &mut Problems, permissions: &[Permission]) {
    for (index, one) in permissions.iter().enumerate() {
        if one.scope < Scope::Company && !one.area.is_personal() {
            let message = format!(
                "what belongs to {} belongs to nobody in particular",
                one.area
            );
            let field = format!("permissions[{index}].scope");
            problems.add(&field, code::OUT_OF_RANGE, Some("company, all"), message);
        }
    }
}

impl Permissions {
    /// Permissions that somebody wrote down; refuses scopes that mean nothing where they stand.
    pub fn checked(all: &[Permission]) -> Result<Self, crate::Invalid> {
        let mut problems = Problems::default();
        text::at_most(&mut problems, "permissions", all.len(), 200);
        check_scopes(&mut problems, all);
        problems.finish(all.iter().copied().collect())
    }
}
