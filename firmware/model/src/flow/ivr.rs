//! IVR menus (F100-F122).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Destination, MenuText, check_key, nested, plays};
use crate::problem::code;
use crate::{
    AudioFileId, CompanyId, Configuration, Id, Language, Object, Problems, Reference, Speech, text,
};

/// A menu that callers choose from by key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ivr {
    /// 1-40 characters, unique.
    pub name: String,
    /// The company it belongs to; 0 is the one that the gateway is set up for.
    #[serde(skip_serializing_if = "CompanyId::is_default")]
    pub company: CompanyId,
    /// Where it is reached from inside, 2-7 digits; nowhere when null.
    pub number: Option<String>,
    /// What callers hear once, before the menu.
    pub greeting: Option<AudioFileId>,
    /// The menu; required unless `menu_text` says what is spoken. Any key interrupts it.
    pub menu: Option<AudioFileId>,
    /// What the gateway speaks where there is no `menu`: one sentence for each key, made of its label.
    pub menu_text: Option<MenuText>,
    /// What callers hear after a key that leads nowhere; null is the gateway's own.
    pub invalid: Option<AudioFileId>,
    /// What callers hear who press nothing in time; null is the gateway's own.
    pub timeout: Option<AudioFileId>,
    /// What callers hear after the last attempt; null is nothing.
    pub exceeded: Option<AudioFileId>,
    /// Seconds to choose after the menu was said, 1-30.
    #[schema(minimum = 1, maximum = 30)]
    pub wait: i64,
    /// Attempts, 1-10: keys that lead nowhere and silence count alike.
    #[schema(minimum = 1, maximum = 10)]
    pub attempts: i64,
    /// What the keys do, at least one.
    pub keys: Vec<IvrKey>,
    /// The key that says the menu again; none when null.
    pub repeat_key: Option<String>,
    /// Whether callers may also dial an extension's number.
    pub dial_extensions: bool,
    /// Where the call goes after the last attempt.
    pub on_exceeded: Destination,
}

/// What a key of a menu does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IvrKey {
    /// `0`-`9`, `*` or `#`.
    pub key: String,
    /// What the menu calls it, at most 40 characters; shown in the call history.
    pub label: String,
    /// Where the call goes.
    pub destination: Destination,
}

impl Default for Ivr {
    fn default() -> Self {
        Self {
            name: String::new(),
            company: CompanyId::default(),
            number: None,
            greeting: None,
            menu: None,
            menu_text: None,
            invalid: None,
            timeout: None,
            exceeded: None,
            wait: 5,
            attempts: 3,
            keys: Vec::new(),
            repeat_key: None,
            dial_extensions: false,
            on_exceeded: Destination::default(),
        }
    }
}

impl Object for Ivr {
    const KIND: &'static str = "ivr";
    const WORDS: &'static str = "IVR";
    const LIST: &'static str = "ivrs";
    const MAX: usize = 500;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 40);
        if let Some(number) = &mut self.number {
            *number = text::digits(problems, "number", number, 2, 7);
        }
        match &mut self.menu_text {
            Some(text) => text.check(&self.keys, problems),
            None if self.menu.is_none() => {
                let message = "needs the audio file with the options, or a text to speak";
                problems.add("menu", code::REQUIRED, None, message);
            }
            None => {}
        }
        text::range(problems, "wait", self.wait, 1i64, 30);
        text::range(problems, "attempts", self.attempts, 1i64, 10);
        if self.keys.is_empty() {
            problems.add("keys", code::REQUIRED, Some("1-12"), "needs a key");
        }
        for index in 0..self.keys.len() {
            let (before, rest) = self.keys.split_at_mut(index);
            let Some(key) = rest.first_mut() else { break };
            let taken = before.iter().any(|other| other.key == key.key)
                || self.repeat_key.as_deref() == Some(key.key.as_str());
            nested(problems, &format!("keys[{index}]"), |inner| {
                check_key(inner, "key", &key.key);
                if taken {
                    let message = "the key does something else already";
                    inner.add("key", code::DUPLICATE, None, message);
                }
                key.label = text::line(inner, "label", &key.label, 0, 40);
                nested(inner, "destination", |inner| key.destination.check(inner));
            });
        }
        if let Some(key) = &self.repeat_key {
            check_key(problems, "repeat_key", key);
        }
        nested(problems, "on_exceeded", |inner| {
            self.on_exceeded.check(inner)
        });
    }

    fn check_among(&self, id: Id<Self>, configuration: &Configuration, problems: &mut Problems) {
        let limits = configuration.limits();
        let depth = configuration.ivr_depth(id, self);
        let entries = if configuration.is_submenu(id) {
            limits.submenu_entries()
        } else {
            limits.menu_entries()
        };
        if self.keys.len() > entries {
            let message = format!("holds more than {entries} keys");
            problems.add("keys", code::TOO_MANY, Some(&entries.to_string()), message);
        }
        // A menu below this one becomes a submenu.
        for (index, key) in self.keys.iter().enumerate() {
            if let Destination::Ivr { id } = key.destination
                && let Some(below) = configuration.catalogue().ivrs.get(id)
                && below.keys.len() > limits.submenu_entries()
            {
                let most = limits.submenu_entries().to_string();
                let message = format!(
                    "{} has more than {most} keys, too many below another menu",
                    below.name
                );
                problems.add(
                    &format!("keys[{index}].destination"),
                    code::TOO_MANY,
                    Some(&most),
                    message,
                );
            }
        }
        if depth.len() > limits.ivr_levels() {
            let most = limits.ivr_levels();
            let message = format!("more than {most} levels of menus: {}", depth.join(" > "));
            problems.add("keys", code::TOO_DEEP, Some(&most.to_string()), message);
        }
    }

    fn company(&self, _: Id<Self>) -> Option<CompanyId> {
        Some(self.company)
    }

    fn company_mut(&mut self) -> Option<&mut CompanyId> {
        Some(&mut self.company)
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        self.company.references(tell);
        plays(tell, "greeting", self.greeting);
        plays(tell, "menu", self.menu);
        plays(tell, "invalid", self.invalid);
        plays(tell, "timeout", self.timeout);
        plays(tell, "exceeded", self.exceeded);
        for (index, key) in self.keys.iter().enumerate() {
            key.destination
                .references(&format!("keys[{index}].destination"), tell);
        }
        self.on_exceeded.references("on_exceeded", tell);
    }

    fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    fn speeches(&self, configuration: &Configuration) -> Vec<Speech> {
        let speech = self.speech(configuration.spoken_language());
        speech.into_iter().collect()
    }
}

impl Ivr {
    /// What is said where there is no audio file of the menu.
    #[must_use]
    pub fn speech(&self, company: Language) -> Option<Speech> {
        let text = self.menu_text.as_ref().filter(|_| self.menu.is_none())?;
        text.speech(&self.keys, company)
    }
}

impl Configuration {
    /// Whether another menu leads to this one by a key.
    fn is_submenu(&self, id: Id<Ivr>) -> bool {
        let leads_here =
            |key: &IvrKey| matches!(key.destination, Destination::Ivr { id: to } if to == id);
        let mut menus = self.catalogue().ivrs.iter();
        menus.any(|menu| menu.id != id && menu.keys.iter().any(leads_here))
    }

    /// The longest row of menus, one below the other, that goes through this one: their names.
    fn ivr_depth(&self, id: Id<Ivr>, ivr: &Ivr) -> Vec<String> {
        let mut above = self.rows_above(id, 0);
        above.push(ivr.name.clone());
        above.extend(self.rows_below(id, ivr, 0));
        above
    }

    fn rows_above(&self, id: Id<Ivr>, level: usize) -> Vec<String> {
        // Circles are refused elsewhere; here they only must not go on for ever.
        if level > Limits::MOST_LEVELS {
            return Vec::new();
        }
        let leads_here =
            |key: &IvrKey| matches!(key.destination, Destination::Ivr { id: to } if to == id);
        let menus = self.catalogue().ivrs.iter();
        menus
            .filter(|menu| menu.id != id && menu.keys.iter().any(leads_here))
            .map(|menu| {
                let mut row = self.rows_above(menu.id, level + 1);
                row.push(menu.name.clone());
                row
            })
            .max_by_key(Vec::len)
            .unwrap_or_default()
    }

    fn rows_below(&self, id: Id<Ivr>, ivr: &Ivr, level: usize) -> Vec<String> {
        if level > Limits::MOST_LEVELS {
            return Vec::new();
        }
        ivr.keys
            .iter()
            .filter_map(|key| match key.destination {
                Destination::Ivr { id: below } if below != id => self.catalogue().ivrs.get(below),
                _ => None,
            })
            .map(|menu| {
                let mut row = vec![menu.name.clone()];
                row.extend(self.rows_below(menu.id, menu, level + 1));
                row
            })
            .max_by_key(Vec::len)
            .unwrap_or_default()
    }
}

use super::Limits;
