//! What is checked of objects of all kinds alike.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{AnyObject, Id, InCatalogue, Object, Places, Reference, Stored};
use crate::export::reading;
use crate::problem::{Problems, code};
use crate::{AudioFileId, Configuration, HostedCompany, Invalid, UsedBy};

impl Configuration {
    /// Checks the settings of a new object, or new settings of the object `id`, against everything there is.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn checked<T: InCatalogue>(
        &self,
        id: Id<T>,
        mut settings: T,
    ) -> Result<Stored<T>, Invalid> {
        let mut problems = Problems::default();
        settings.check(&mut problems);
        let all = T::all(self.catalogue());
        if all.get(id).is_none() && all.len() >= T::MAX {
            let message = format!(
                "there are {} of them already, the most there may be",
                T::MAX
            );
            problems.add("", code::TOO_MANY, Some(&T::MAX.to_string()), message);
        }
        let stored = Stored { id, settings };
        self.check_stored(&stored, &mut problems);
        problems.finish(stored)
    }

    fn check_stored<T: InCatalogue>(&self, object: &Stored<T>, problems: &mut Problems) {
        let all = T::all(self.catalogue());
        if let Some(other) = all.by_name(object.name())
            && other.id != object.id
        {
            let message = format!("there is another {} of this name", T::WORDS);
            problems.add("name", code::TAKEN, Some(other.name()), message);
        }
        if let Some(number) = object.number()
            && let Some(user) = self.who_has(number)
            && !(user.object == T::KIND && user.id == object.id.number())
        {
            let message = format!("{number} belongs to {user}");
            problems.add("number", code::TAKEN, Some(&user.to_string()), message);
        }
        let company = object.settings.company(object.id);
        if let Some(company) = company
            && T::KIND != HostedCompany::KIND
        {
            self.check_company(problems, (T::KIND, object.id.number()), company);
        }
        object.settings.references(&mut |to: Reference| {
            if to.field == "company" {
                // It was looked at already.
            } else if self.hosts_companies()
                && let Some(own) = company
                && let Some(other) = self.company_of(to.kind, to.id)
                && other != own
            {
                let name = self.company_name(other);
                let message = format!("belongs to the company {name}");
                problems.add(&to.field, code::OTHER_COMPANY, Some(name), message);
            } else if !self.has(to.kind, to.id) {
                let message = format!("there is no {} {}", to.kind.replace('_', " "), to.id);
                problems.add(&to.field, code::NO_SUCH_OBJECT, None, message);
            } else if to.leads
                && let Some(path) = self.circle(object, &to)
            {
                let message = format!("calls would go round in a circle: {path}");
                problems.add(&to.field, code::CIRCLE, Some(&path), message);
            }
        });
        object.check_among(object.id, self, problems);
    }

    /// The way by which calls come back to `object` when they follow `first`, in names.
    fn circle<T: Object>(&self, object: &Stored<T>, first: &Reference) -> Option<String> {
        let goal = (T::KIND, object.id.number());
        let start = (first.kind, first.id);
        if start == goal {
            return Some(format!("{0} > {0}", object.name()));
        }
        // Depth first; the way to where it is stands in `path`.
        let mut seen = HashSet::from([start]);
        let mut path = vec![(start, self.leads(start))];
        loop {
            let (_, onward) = path.last_mut()?;
            match onward.pop() {
                Some(next) if next == goal => break,
                Some(next) if seen.insert(next) => path.push((next, self.leads(next))),
                Some(_) => {}
                None => {
                    path.pop();
                }
            }
        }
        let between = path.iter().filter_map(|((kind, id), _)| {
            let object = self.catalogue().find(kind, *id)?;
            Some(object.name())
        });
        let names: Vec<_> = std::iter::once(object.name())
            .chain(between)
            .chain([object.name()])
            .collect();
        Some(names.join(" > "))
    }

    /// Where calls go on from an object.
    fn leads(&self, (kind, id): (&'static str, i64)) -> Vec<(&'static str, i64)> {
        let mut onward = Vec::new();
        if let Some(object) = self.catalogue().find(kind, id) {
            object.references(&mut |to| {
                if to.leads {
                    onward.push((to.kind, to.id));
                }
            });
        }
        onward
    }

    /// Whether there is an object of this kind with this id.
    fn has(&self, kind: &str, id: i64) -> bool {
        match kind {
            "extension" => self.extension(crate::ExtensionId(id)).is_some(),
            "user" => self.user(crate::UserId(id)).is_some(),
            "trunk" => {
                self.trunk(crate::TrunkId(id)).is_some()
                    || self.e1_trunk(crate::E1TrunkId(id)).is_some()
            }
            "audio_file" => self.audio_file(crate::AudioFileId(id)).is_some(),
            "music_class" => self.music_class(crate::MusicClassId(id)).is_some(),
            kind => self.catalogue().find(kind, id).is_some(),
        }
    }

    /// The objects of the catalogue that refer to an object.
    pub fn referring_to(&self, kind: &str, id: i64) -> Vec<UsedBy> {
        let mut users = Vec::new();
        for object in self.catalogue().each() {
            let mut refers = false;
            object.references(&mut |to| refers |= to.kind == kind && to.id == id);
            if refers {
                users.push(UsedBy::of(object));
            }
        }
        let shown = self.users().iter().filter(|user| {
            let number = user.outbound_number.map(Id::number);
            kind == "number" && number == Some(id)
        });
        users.extend(shown.map(|user| UsedBy::new("user", user.id.0, &user.login)));
        let under = self.users().iter().filter(|user| {
            let profile = user.profile.map(Id::number);
            kind == "profile" && profile == Some(id)
        });
        users.extend(under.map(|user| UsedBy::new("user", user.id.0, &user.login)));
        if kind == HostedCompany::KIND {
            users.extend(self.people_of_company(id));
        }
        users
    }

    /// Who has a number of the one numbering plan: everybody reached from inside, and feature codes.
    pub fn who_has(&self, number: &str) -> Option<UsedBy> {
        self.who_is_at(number).or_else(|| {
            let (feature, _) = self.feature_codes().dialled(number)?;
            Some(UsedBy::new("feature_code", 0, feature.field()))
        })
    }

    /// All numbers reached from inside, and whose they are.
    pub(crate) fn internal_numbers(&self) -> impl Iterator<Item = (&str, UsedBy)> {
        let extensions = self.extensions().iter().map(|extension| {
            let user = UsedBy::new("extension", extension.id.0, &extension.number);
            (extension.number.as_str(), user)
        });
        let company = self.company().map(|company| company.country);
        let emergency = company.map_or(&[][..], |country| country.emergency_numbers());
        let emergency = emergency
            .iter()
            .map(|number| (*number, UsedBy::new("emergency_number", 0, number)));
        let objects = self.catalogue().each();
        let objects = objects.filter_map(|one| Some((one.number()?, UsedBy::of(one))));
        emergency.chain(extensions).chain(objects)
    }

    /// Who is reached at a number from inside.
    pub fn who_is_at(&self, number: &str) -> Option<UsedBy> {
        if self.is_emergency(number) {
            return Some(UsedBy::new("emergency_number", 0, number));
        }
        if let Some(extension) = self.extension_by_number(number) {
            return Some(UsedBy::new("extension", extension.id.0, &extension.number));
        }
        let mut objects = self.catalogue().each();
        objects
            .find(|object| object.number() == Some(number))
            .map(UsedBy::of)
    }
}

impl super::Catalogue {
    /// The audio files that objects play, each as often as it is played.
    pub fn audio_files(&self) -> impl Iterator<Item = AudioFileId> {
        let mut files = Vec::new();
        for object in self.each() {
            object.references(&mut |to| {
                if to.kind == "audio_file" {
                    files.push(AudioFileId(to.id));
                }
            });
        }
        files.into_iter()
    }
}

impl UsedBy {
    fn of(object: &dyn AnyObject) -> Self {
        Self::new(object.kind(), object.id(), object.name())
    }
}

/// Reads a list of an exported document; it may be left out.
pub(super) fn read_list<T: Object>(
    problems: &mut Problems,
    document: &mut Map<String, Value>,
    places: &mut Places,
) -> super::Objects<T> {
    let rows = document.remove(T::LIST);
    let rows = rows.unwrap_or_else(|| Value::Array(Vec::new()));
    let mut objects = super::Objects::default();
    for (path, object) in reading::list(problems, T::LIST, Some(rows), T::MAX, read_one::<T>) {
        if let Some(other) = places.insert(object.id.number(), path.clone()) {
            let message = format!("id {} belongs to {other} already", object.id);
            problems.add(&format!("{path}.id"), code::DUPLICATE, None, message);
        }
        objects.insert(object);
    }
    objects
}

fn read_one<T: Object>(problems: &mut Problems, mut map: Map<String, Value>) -> Option<Stored<T>> {
    let id: Option<i64> = reading::field(problems, &mut map, "id");
    let settings: Option<T> = reading::read(problems, "", Value::Object(map));
    let (id, mut settings) = (id?, settings?);
    settings.check(problems);
    reading::check_id(problems, id);
    Some(Stored {
        id: Id::new(id),
        settings,
    })
}

/// Checks all objects of a kind in a document that was read.
pub(super) fn check_list<T: InCatalogue>(
    configuration: &Configuration,
    places: &Places,
    problems: &mut Problems,
) {
    for object in T::all(configuration.catalogue()).iter() {
        let mut inner = Problems::default();
        configuration.check_stored(object, &mut inner);
        if let Err(invalid) = inner.finish(()) {
            let place = places.get(&object.id.number());
            problems.nest(place.map_or(T::LIST, String::as_str), invalid);
        }
    }
}
