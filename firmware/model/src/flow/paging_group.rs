//! Paging groups: phones that take a call by themselves and play what is said to all of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::code;
use crate::{CompanyId, ExtensionId, Id, Object, Problems, Reference, text};

/// Extensions of a group: with whoever speaks they fill a room of the media engine.
const MAX_EXTENSIONS: usize = 31;

/// A paging group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PagingGroup {
    /// 1-64 characters, unique.
    pub name: String,
    /// The company it belongs to; 0 is the one that the gateway is set up for.
    #[serde(skip_serializing_if = "CompanyId::is_default")]
    pub company: CompanyId,
    /// Where it is reached from inside, 2-7 digits.
    pub number: String,
    /// Whose phones play what is said, 1-31. Those who are in a call or do not want to be disturbed are left out.
    pub extensions: Vec<ExtensionId>,
    /// Whether those who are paged are heard, too.
    pub two_way: bool,
    /// Seconds after which it ends, 10-600.
    #[schema(minimum = 10, maximum = 600)]
    pub max_seconds: i64,
}

impl Default for PagingGroup {
    fn default() -> Self {
        Self {
            name: String::new(),
            company: CompanyId::default(),
            number: String::new(),
            extensions: Vec::new(),
            two_way: false,
            max_seconds: 60,
        }
    }
}

impl Object for PagingGroup {
    const KIND: &'static str = "paging_group";
    const WORDS: &'static str = "paging group";
    const LIST: &'static str = "paging_groups";
    const MAX: usize = 100;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        self.number = text::digits(problems, "number", &self.number, 2, 7);
        if self.extensions.is_empty() {
            let message = "somebody must hear what is said";
            problems.add("extensions", code::REQUIRED, Some("1-31"), message);
        }
        text::at_most(
            problems,
            "extensions",
            self.extensions.len(),
            MAX_EXTENSIONS,
        );
        for (index, extension) in self.extensions.iter().enumerate() {
            if self
                .extensions
                .iter()
                .take(index)
                .any(|one| one == extension)
            {
                let field = format!("extensions[{index}]");
                problems.add(&field, code::DUPLICATE, None, "is in the list twice");
            }
        }
        text::range(problems, "max_seconds", self.max_seconds, 10i64, 600);
    }

    fn company(&self, _: Id<Self>) -> Option<CompanyId> {
        Some(self.company)
    }

    fn company_mut(&mut self) -> Option<&mut CompanyId> {
        Some(&mut self.company)
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        self.company.references(tell);
        for (index, extension) in self.extensions.iter().enumerate() {
            let field = format!("extensions[{index}]");
            tell(Reference::to_extension(field, *extension));
        }
    }

    fn number(&self) -> Option<&str> {
        Some(&self.number)
    }
}
