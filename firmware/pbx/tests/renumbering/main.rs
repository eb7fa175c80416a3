//! Changing a number follows all references (U15): whatever led to an object by its old number leads there by the new one,
//! nothing is left of the old one, and undoing it brings everything back as it was.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod drawn;
mod office;

use std::collections::BTreeMap;

use drawn::{Drawn, EXTENSIONS, drawn};
use office::{NOBODY, Office, company_number, routed_number};
use proptest::prelude::*;
use proptest::sample::Index;
use ramal_model::*;
use ramal_pbx::{Scenario, Standing, Thought, ThoughtEnd, simulate};
use ramal_store::{Store, StoreError};
use serde_json::Value;

/// What a caller presses.
#[derive(Debug, Clone)]
enum Key {
    Digit(char),
    Extension(Index),
}

/// A call that is thought of before and after.
#[derive(Debug, Clone)]
struct Call {
    to: Index,
    keys: Vec<Key>,
    standing: Vec<u8>,
    taken_by: Option<Index>,
    taken_outside: bool,
}

/// A new number for one of the objects: one of those that are or were in use, or a fresh one.
#[derive(Debug, Clone)]
struct Renumbering {
    which: Index,
    to: Index,
    fresh: u16,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let key = prop_oneof![
        prop::sample::select(vec!['1', '9', '-', '7']).prop_map(Key::Digit),
        any::<Index>().prop_map(Key::Extension),
    ];
    let call = (
        any::<Index>(),
        prop::collection::vec(key, 0..5),
        prop::collection::vec(0..3u8, EXTENSIONS),
        prop::option::of(any::<Index>()),
        any::<bool>(),
    );
    let call = call.prop_map(|(to, keys, standing, taken_by, taken_outside)| Call {
        to,
        keys,
        standing,
        taken_by,
        taken_outside,
    });
    prop::collection::vec(call, 24)
}

fn renumberings() -> impl Strategy<Value = Vec<Renumbering>> {
    let one = (any::<Index>(), any::<Index>(), 0..2000u16);
    let one = one.prop_map(|(which, to, fresh)| Renumbering { which, to, fresh });
    prop::collection::vec(one, 1..6)
}

/// An object with a number.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Numbered {
    Extension(ExtensionId),
    Queue(Id<Queue>),
    Menu(Id<Ivr>),
    Room(Id<Conference>),
    Company(Id<Number>),
}

impl Numbered {
    fn all(office: &Office) -> Vec<Self> {
        let extensions = office.extensions.iter().map(|id| Self::Extension(*id));
        let queues = office.queues.iter().map(|id| Self::Queue(*id));
        let menus = office.menus.iter().map(|id| Self::Menu(*id));
        let rooms = office.rooms.iter().map(|id| Self::Room(*id));
        let company = office.numbers.iter().map(|id| Self::Company(*id));
        let all = extensions.chain(queues).chain(menus).chain(rooms);
        all.chain(company).collect()
    }

    fn number(self, configuration: &Configuration) -> String {
        let catalogue = configuration.catalogue();
        match self {
            Self::Extension(id) => configuration.extension(id).unwrap().number.clone(),
            Self::Queue(id) => catalogue.queues.get(id).unwrap().number.clone(),
            Self::Menu(id) => catalogue.ivrs.get(id).unwrap().number.clone().unwrap(),
            Self::Room(id) => catalogue.conferences.get(id).unwrap().number.clone(),
            Self::Company(id) => catalogue.numbers.get(id).unwrap().number.clone(),
        }
    }

    /// A number of its form that nobody has had.
    fn fresh(self, number: u16) -> String {
        match self {
            Self::Extension(_) => format!("{}", 8000 + number % 1000),
            Self::Company(_) => company_number(usize::from(number) + 10),
            Self::Queue(_) | Self::Menu(_) | Self::Room(_) => {
                format!("{}", 81_000 + u32::from(number))
            }
        }
    }

    async fn renumber(self, store: &Store, to: String) -> Result<(), StoreError> {
        match self {
            Self::Extension(id) => {
                let change = ExtensionChange {
                    number: Some(to),
                    ..ExtensionChange::default()
                };
                store.update_extension(&NOBODY, id, change).await.map(drop)
            }
            Self::Queue(id) => {
                let change = |one: &Queue| Queue {
                    number: to,
                    ..one.clone()
                };
                store.update(&NOBODY, id, change).await.map(drop)
            }
            Self::Menu(id) => {
                let change = |one: &Ivr| Ivr {
                    number: Some(to),
                    ..one.clone()
                };
                store.update(&NOBODY, id, change).await.map(drop)
            }
            Self::Room(id) => {
                let change = |one: &Conference| Conference {
                    number: to,
                    ..one.clone()
                };
                store.update(&NOBODY, id, change).await.map(drop)
            }
            Self::Company(id) => {
                let change = |one: &Number| Number {
                    number: to,
                    ..one.clone()
                };
                store.update(&NOBODY, id, change).await.map(drop)
            }
        }
    }
}

fn scenario(configuration: &Configuration, office: &Office, call: &Call) -> Scenario {
    let extension = |which: &Index| office.extensions[which.index(EXTENSIONS)];
    let dialled = match call.to.index(4) {
        place @ 0..2 => Numbered::Company(office.numbers[place]).number(configuration),
        place => routed_number(place - 2),
    };
    let keys = call.keys.iter().map(|key| match key {
        Key::Digit(key) => key.to_string(),
        Key::Extension(which) => Numbered::Extension(extension(which)).number(configuration),
    });
    let standing = call.standing.iter().zip(&office.extensions).enumerate();
    let standing = standing.filter_map(|(place, (standing, id))| {
        let place = i64::try_from(place).unwrap();
        let standing = match standing {
            0 => return None,
            1 => Standing::Busy,
            _ => Standing::Free(place),
        };
        Some((*id, standing))
    });
    Scenario {
        at: "2026-11-06T15:00:00Z".parse().unwrap(),
        dialled,
        caller: Some("5133336666".into()),
        keys: keys.collect(),
        standing: standing.collect(),
        taken_by: call.taken_by.as_ref().map(extension),
        taken_outside: call.taken_outside,
        ..Scenario::default()
    }
}

/// Whom a number reaches that is dialled inside, also behind a feature code.
fn reached(configuration: &Configuration, dialled: &str) -> Option<(&'static str, String, i64)> {
    let who = |number: &str| {
        let user = configuration.who_is_at(number)?;
        Some((user.object, user.id))
    };
    if let Some((object, id)) = who(dialled) {
        return Some(("", object, id));
    }
    let (feature, digits) = configuration.feature_codes().dialled(dialled)?;
    let (object, id) = who(digits)?;
    Some((feature.field(), object, id))
}

/// What the telephones call that are only lifted.
fn hot_lines(configuration: &Configuration) -> Vec<Option<(&'static str, String, i64)>> {
    let ports = configuration.analogue_ports().iter();
    ports
        .filter_map(|port| match &port.settings {
            PortSettings::Fxs(settings) => settings.hot_line.as_ref(),
            PortSettings::Fxo(_) => None,
        })
        .map(|line| reached(configuration, &line.number))
        .collect()
}

/// Puts the new number wherever the old one stands, as a number by itself.
fn follow(value: &mut Value, new_numbers: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(new) = new_numbers.get(text) {
                text.clone_from(new);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|one| follow(one, new_numbers)),
        Value::Object(fields) => fields.values_mut().for_each(|one| follow(one, new_numbers)),
        _ => {}
    }
}

/// Where in a document a number stands, by itself or behind a code.
fn find(value: &Value, number: &str, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let behind_code = text.starts_with('*') && text.ends_with(number);
            if text.trim_start_matches('+') == number || behind_code {
                found.push(path.to_owned());
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                find(value, number, &format!("{path}[{index}]"), found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                find(value, number, &format!("{path}.{name}"), found);
            }
        }
        _ => {}
    }
}

type Ended = (ThoughtEnd, Vec<ExtensionId>, std::time::Duration, String);

fn ended(thought: &Thought) -> Ended {
    let path = thought.ivr_path.clone();
    (
        thought.end.clone(),
        thought.rung.clone(),
        thought.duration,
        path,
    )
}

async fn exported(store: &Store) -> Value {
    serde_json::to_value(store.export().await.unwrap()).unwrap()
}

/// Gives one object a new number and looks whether everything went along; whether it has it now.
async fn try_one(
    store: &Store,
    office: &Office,
    (object, to): (Numbered, String),
    calls: &[Call],
) -> Result<bool, TestCaseError> {
    let before = store.configuration();
    let from = object.number(&before);
    let others = Numbered::all(office)
        .into_iter()
        .filter(|one| *one != object);
    let is_taken = others.into_iter().any(|one| one.number(&before) == to);
    let outcome = object.renumber(store, to.clone()).await;
    let after = store.configuration();
    if is_taken {
        let Err(StoreError::Invalid(invalid)) = outcome else {
            return Err(TestCaseError::fail(format!(
                "{to} belongs to two: {outcome:?}"
            )));
        };
        prop_assert!(invalid.names("number", code::TAKEN), "{}", invalid);
        prop_assert_eq!(before.version(), after.version());
        return Ok(false);
    }
    prop_assert!(
        outcome.is_ok(),
        "{:?} {} > {}: {:?}",
        object,
        from,
        to,
        outcome
    );
    if from == to {
        return Ok(false);
    }
    prop_assert_eq!(object.number(&after), to.clone());
    let checked = after.draft().check();
    prop_assert!(checked.is_ok(), "{:?}", checked);

    // Nothing is left of the old number.
    let mut found = Vec::new();
    let bare = from.trim_start_matches('+');
    find(&exported(store).await, bare, "", &mut found);
    prop_assert!(found.is_empty(), "{} still stands in {:?}", from, found);

    // Everything is reached as before.
    let new_numbers = BTreeMap::from([(from.clone(), to.clone()), (bare.to_owned(), to.clone())]);
    for one in Numbered::all(office) {
        let (old, new) = (one.number(&before), one.number(&after));
        prop_assert_eq!(reached(&before, &old), reached(&after, &new), "{:?}", one);
    }
    prop_assert_eq!(hot_lines(&before), hot_lines(&after));
    for call in calls {
        let then = simulate(&before, &scenario(&before, office, call));
        let now = simulate(&after, &scenario(&after, office, call));
        prop_assert_eq!(ended(&then), ended(&now), "{} > {}: {:?}", from, to, call);
        let mut steps = Value::Array(then.trace.clone());
        follow(&mut steps, &new_numbers);
        prop_assert_eq!(
            steps,
            Value::Array(now.trace),
            "{} > {}: {:?}",
            from,
            to,
            call
        );
    }
    Ok(true)
}

async fn try_all(
    drawn: &Drawn,
    calls: &[Call],
    renumberings: &[Renumbering],
) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let store = office::open(folder.path());
    let office = Office::open(&store, drawn).await;
    // What there was before each version, whole.
    let mut done: Vec<(u64, String)> = Vec::new();
    for Renumbering { which, to, fresh } in renumberings {
        let all = Numbered::all(&office);
        let object = all[which.index(all.len())];
        let known = drawn.extensions.iter().chain(&drawn.others);
        let known: Vec<_> = known.collect();
        let mut to = known
            .get(to.index(2 * known.len()))
            .map_or_else(|| object.fresh(*fresh), |number| (*number).clone());
        if matches!(object, Numbered::Company(_)) {
            to = company_number(usize::from(*fresh % 4));
        } else if matches!(object, Numbered::Extension(_)) && to.len() != 4 {
            // Extensions keep their length, so that dialling one in a menu takes as many keys.
            to = object.fresh(*fresh);
        }
        let before = exported(&store).await.to_string();
        if try_one(&store, &office, (object, to), calls).await? {
            done.push((store.configuration().version(), before));
        }
    }
    while let Some((version, before)) = done.pop() {
        store.undo(&NOBODY, version).await.unwrap();
        prop_assert_eq!(exported(&store).await.to_string(), before);
    }
    store.close().await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn u15_a_new_number_takes_along_whatever_leads_to_it(
        drawn in drawn(),
        calls in calls(),
        renumberings in renumberings(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(try_all(&drawn, &calls, &renumberings))?;
    }
}
