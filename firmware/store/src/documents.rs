//! Reading stored documents that another version of this program wrote.
//!
//! A newer program may have given an object a field that this one does not know. The field is left out, and stays in the
//! database until the object is saved; everything else of the object works.

use serde_json::{Error, Value};

/// How many fields of one document are left out at most.
const MOST: usize = 100;

/// What came of reading a document.
pub(crate) struct Read<T> {
    pub object: T,
    /// Names of fields that were left out.
    pub unknown: Vec<String>,
}

/// Reads a document by `read`, without fields that it does not know.
///
/// # Errors
/// What `read` says of the rest.
pub(crate) fn read<T>(
    document: Value,
    read: impl Fn(Value) -> Result<T, Error>,
) -> Result<Read<T>, Error> {
    let mut left = document;
    let mut unknown = Vec::new();
    loop {
        let error = match read(left.clone()) {
            Ok(object) => return Ok(Read { object, unknown }),
            Err(error) => error,
        };
        let Some(field) = unknown_field(&error) else {
            return Err(error);
        };
        let complains = |document: &Value| {
            let error = read(document.clone()).err();
            error.and_then(|error| unknown_field(&error)).as_ref() == Some(&field)
        };
        // Another object inside of the document may have a field of this name that is known.
        let mut places = Vec::new();
        find(&left, &field, &mut Vec::new(), &mut places);
        let mut without = left.clone();
        let taken: Vec<_> = places
            .iter()
            .map(|place| (place, take(&mut without, place, &field)))
            .collect();
        if taken.is_empty() || complains(&without) || unknown.len() >= MOST {
            return Err(error);
        }
        for (place, value) in taken {
            let mut with = without.clone();
            put(&mut with, place, &field, value);
            if !complains(&with) {
                without = with;
            }
        }
        left = without;
        unknown.push(field);
    }
}

/// The field that an error complains of; serde names it in words only.
fn unknown_field(error: &Error) -> Option<String> {
    let text = error.to_string();
    let (_, rest) = text.split_once("unknown field `")?;
    Some(rest.split_once('`')?.0.to_owned())
}

/// Where a field of this name is: the ways to the objects that have it.
fn find(value: &Value, field: &str, way: &mut Vec<String>, places: &mut Vec<Vec<String>>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            if map.contains_key(field) {
                places.push(way.clone());
            }
            map.iter()
                .map(|(key, value)| (key.clone(), value))
                .collect()
        }
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value))
            .collect(),
        _ => return,
    };
    for (key, value) in inner {
        way.push(key);
        find(value, field, way, places);
        way.pop();
    }
}

/// The object at the end of a way.
fn at<'a>(value: &'a mut Value, way: &[String]) -> Option<&'a mut serde_json::Map<String, Value>> {
    let Some((key, rest)) = way.split_first() else {
        return value.as_object_mut();
    };
    match value {
        Value::Object(map) => at(map.get_mut(key)?, rest),
        Value::Array(list) => at(list.get_mut(key.parse::<usize>().ok()?)?, rest),
        _ => None,
    }
}

fn take(document: &mut Value, way: &[String], field: &str) -> Value {
    at(document, way)
        .and_then(|map| map.remove(field))
        .unwrap_or_default()
}

fn put(document: &mut Value, way: &[String], field: &str, value: Value) {
    if let Some(map) = at(document, way) {
        map.insert(field.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Rule {
        prefix: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Route {
        name: String,
        color: String,
        rules: Vec<Rule>,
    }

    fn route(document: Value) -> Result<Read<Route>, Error> {
        read(document, serde_json::from_value)
    }

    #[test]
    fn unknown_fields_are_left_out_wherever_they_are_and_known_ones_stay() {
        let read = route(json!({
            "name": "a", "color": "red", "later": { "color": 1 },
            "rules": [{ "prefix": "0", "color": "blue" }, { "prefix": "1", "color": "green" }],
        }))
        .unwrap();
        assert_eq!(read.unknown, ["later", "color"]);
        assert_eq!(read.object.color, "red");
        assert_eq!(read.object.rules.len(), 2);
    }

    #[test]
    fn what_is_wrong_otherwise_is_still_wrong() {
        let missing = json!({ "name": "a", "later": 1, "rules": [] });
        assert!(route(missing).is_err_and(|error| error.to_string().contains("color")));
        let kind = json!({ "name": 5, "color": "red", "rules": [] });
        assert!(route(kind).is_err());
    }
}
