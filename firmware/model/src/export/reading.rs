//! Reading a document part by part, so that every problem is named with its path.

use std::collections::{HashMap, HashSet};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::{Problems, code};

/// Reads a list object by object, so that one bad object does not hide the others.
pub(crate) fn list<T>(
    problems: &mut Problems,
    name: &str,
    value: Option<Value>,
    limit: usize,
    object: fn(&mut Problems, Map<String, Value>) -> Option<T>,
) -> Vec<(String, T)> {
    let rows = match value {
        Some(Value::Array(rows)) => rows,
        Some(_) => {
            problems.add(name, code::INVALID, None, "must be a list");
            return Vec::new();
        }
        None => {
            problems.add(name, code::REQUIRED, None, "is missing");
            return Vec::new();
        }
    };
    if rows.len() > limit {
        problems.add(
            name,
            code::TOO_MANY,
            Some(&limit.to_string()),
            format!("holds more than {limit} entries"),
        );
        return Vec::new();
    }
    let mut objects = Vec::with_capacity(rows.len());
    for (index, row) in rows.into_iter().enumerate() {
        let path = format!("{name}[{index}]");
        let mut inner = Problems::default();
        match row {
            Value::Object(map) => {
                objects.extend(object(&mut inner, map).map(|object| (path.clone(), object)))
            }
            _ => inner.add("", code::INVALID, None, "must be an object"),
        }
        nest(problems, &path, inner);
    }
    objects
}

pub(crate) fn check_id(problems: &mut Problems, id: i64) {
    // The upper bound leaves room for new objects after an import.
    if !(1..=i64::from(i32::MAX)).contains(&id) {
        problems.add(
            "id",
            code::OUT_OF_RANGE,
            Some("1-2147483647"),
            format!("{id} is not a positive 31-bit number"),
        );
    }
}

/// Takes one field out of an object and reads it.
pub(crate) fn field<T: DeserializeOwned>(
    problems: &mut Problems,
    map: &mut Map<String, Value>,
    name: &str,
) -> Option<T> {
    match map.remove(name) {
        Some(value) => read(problems, name, value),
        None => {
            problems.add(name, code::REQUIRED, None, "is missing");
            None
        }
    }
}

/// Reads `value` and names the field inside it that does not fit.
pub(crate) fn read<T: DeserializeOwned>(
    problems: &mut Problems,
    name: &str,
    value: Value,
) -> Option<T> {
    match serde_path_to_error::deserialize::<_, T>(value) {
        Ok(object) => Some(object),
        Err(error) => {
            let inner = match error.path().to_string() {
                path if path == "." => String::new(),
                path => path,
            };
            let path = match (name, inner.as_str()) {
                ("", _) => inner,
                (_, "") => name.to_owned(),
                _ => format!("{name}.{inner}"),
            };
            problems.add(&path, code::INVALID, None, error.inner().to_string());
            None
        }
    }
}

pub(crate) fn nest(problems: &mut Problems, path: &str, inner: Problems) {
    if let Err(invalid) = inner.finish(()) {
        problems.nest(path, invalid);
    }
}

pub(crate) fn unique<T>(
    problems: &mut Problems,
    objects: &[(String, T)],
    list: &str,
    field: &str,
    key: impl Fn(&T) -> String,
) {
    let mut first: HashMap<String, &str> = HashMap::new();
    for (path, object) in objects {
        let key = key(object);
        if let Some(earlier) = first.get(&key) {
            let message = format!("`{key}` occurs twice in {list}, first in {earlier}");
            problems.add(
                &format!("{path}.{field}"),
                code::DUPLICATE,
                Some(earlier),
                message,
            );
        } else {
            first.insert(key, path);
        }
    }
}

pub(crate) fn unique_ids<'a>(
    problems: &mut Problems,
    ids: impl Iterator<Item = (&'a String, i64)>,
) {
    let mut seen = HashSet::new();
    for (path, id) in ids {
        if !seen.insert(id) {
            let message = format!("id {id} belongs to another object of this document already");
            problems.add(&format!("{path}.id"), code::DUPLICATE, None, message);
        }
    }
}
