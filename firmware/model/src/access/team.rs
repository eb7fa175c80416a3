//! Teams (F250-F253).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Problems;
use crate::{CompanyId, Id, Object, Reference, UserId, text};

/// A team: people, and those who look after them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Team {
    /// 1-64 characters, unique.
    pub name: String,
    /// The company it belongs to; 0 is the one that the gateway is set up for.
    #[serde(skip_serializing_if = "CompanyId::is_default")]
    pub company: CompanyId,
    /// At most 200 characters.
    pub description: String,
    /// Who is in it, at most 500.
    pub members: Vec<UserId>,
    /// Who looks after it, at most 50.
    pub supervisors: Vec<UserId>,
}

impl Object for Team {
    const KIND: &'static str = "team";
    const WORDS: &'static str = "team";
    const LIST: &'static str = "teams";
    const MAX: usize = 200;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        self.description = text::line(problems, "description", &self.description, 0, 200);
        text::at_most(problems, "members", self.members.len(), 500);
        text::at_most(problems, "supervisors", self.supervisors.len(), 50);
    }

    fn company(&self, _: Id<Self>) -> Option<CompanyId> {
        Some(self.company)
    }

    fn company_mut(&mut self) -> Option<&mut CompanyId> {
        Some(&mut self.company)
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        self.company.references(tell);
        for (field, users) in [
            ("members", &self.members),
            ("supervisors", &self.supervisors),
        ] {
            for (index, user) in users.iter().enumerate() {
                tell(Reference::to_user(format!("{field}[{index}]"), *user));
            }
        }
    }
}
