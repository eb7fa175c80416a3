//! Breaks: the reasons for which agents pause, and how long they may (F254-F262).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::{Problems, code};
use crate::{Configuration, Id, Object, Reference, text};

/// A break: a reason for which agents take no calls of queues for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Break {
    /// 1-64 characters, unique.
    pub name: String,
    /// At most 200 characters.
    pub description: String,
    /// What agents dial behind `*46`, 1-99, unique.
    #[schema(minimum = 1, maximum = 99)]
    pub number: i64,
    /// Minutes it lasts, 1-480.
    #[schema(minimum = 1, maximum = 480)]
    pub minutes: i64,
    /// How many may take it at a time, 0-1000; 0 is any number.
    #[schema(minimum = 0, maximum = 1000)]
    pub max_agents: i64,
    /// Whether it may last longer; it ends by itself otherwise.
    pub allow_overrun: bool,
    /// Whether somebody in a call may be passed on to who takes it; he counts as busy for that otherwise.
    pub allow_transfer: bool,
    /// Whether who takes it is left out where queues are watched; reports have it all the same.
    pub hide_on_panel: bool,
}

impl Break {
    /// When a break that began then has lasted as long as it should, UTC ms.
    #[must_use]
    pub const fn ends(&self, since: i64) -> i64 {
        since + self.minutes * 60_000
    }
}

impl Default for Break {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            number: 1,
            minutes: 15,
            max_agents: 0,
            allow_overrun: true,
            allow_transfer: true,
            hide_on_panel: false,
        }
    }
}

impl Object for Break {
    const KIND: &'static str = "break";
    const WORDS: &'static str = "break";
    const LIST: &'static str = "breaks";
    const MAX: usize = 99;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        self.description = text::line(problems, "description", &self.description, 0, 200);
        text::range(problems, "number", self.number, 1i64, 99);
        text::range(problems, "minutes", self.minutes, 1i64, 480);
        text::range(problems, "max_agents", self.max_agents, 0i64, 1000);
    }

    fn check_among(&self, id: Id<Self>, configuration: &Configuration, problems: &mut Problems) {
        let mut others = configuration.catalogue().breaks.iter();
        if let Some(other) = others.find(|one| one.id != id && one.number == self.number) {
            let message = format!("number {} belongs to {}", self.number, other.name);
            problems.add("number", code::TAKEN, Some(&other.name), message);
        }
    }

    fn references(&self, _: &mut dyn FnMut(Reference)) {}
}
