//! What differs between two forms of an object, field by field, without secrets.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Fields that nobody is shown: that they changed is, what they are is not.
const SECRET: &[&str] = &[
    "pin",
    "agent_pin",
    "moderator_pin",
    "password",
    "secret",
    "token",
    "signing_key",
];

/// Differences of one object that are told; more are left out.
const MOST: usize = 200;

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FieldChange {
    /// Path of the field, such as `ring.targets[2]`.
    pub field: String,
    /// Its value before; null when there was none, or it is secret.
    pub before: Option<Value>,
    /// Its value after; null when there is none, or it is secret.
    pub after: Option<Value>,
    /// Whether it is a secret, so that its values are not shown.
    pub secret: bool,
}

/// What differs between two forms of an object; all of it when there is only one.
pub fn differences(before: Option<&Value>, after: Option<&Value>) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    compare(&mut changes, "", "", before, after);
    changes.truncate(MOST);
    changes
}

fn compare(
    changes: &mut Vec<FieldChange>,
    path: &str,
    name: &str,
    before: Option<&Value>,
    after: Option<&Value>,
) {
    let some = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned();
    if some(before) == some(after) {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                compare(
                    changes,
                    &join(path, name),
                    name,
                    old.get(name),
                    new.get(name),
                );
            }
        }
        // An object that is new or gone is told field by field, too.
        (Some(Value::Object(only)), None) => {
            for (name, value) in only {
                compare(changes, &join(path, name), name, Some(value), None);
            }
        }
        (None, Some(Value::Object(only))) => {
            for (name, value) in only {
                compare(changes, &join(path, name), name, None, Some(value));
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(
                    changes,
                    &format!("{path}[{index}]"),
                    name,
                    Some(old),
                    Some(new),
                );
            }
        }
        _ => {
            let secret = is_secret(name);
            let shown = |value| some(value).filter(|_| !secret).map(without_secrets);
            changes.push(FieldChange {
                field: path.to_owned(),
                before: shown(before),
                after: shown(after),
                secret,
            });
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn is_secret(name: &str) -> bool {
    SECRET.contains(&name)
}

/// The value without the secrets in it.
pub(crate) fn without_secrets(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| {
                    let value = if is_secret(&name) && !value.is_null() {
                        Value::from("***")
                    } else {
                        without_secrets(value)
                    };
                    (name, value)
                })
                .collect(),
        ),
        Value::Array(values) => Value::Array(values.into_iter().map(without_secrets).collect()),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(before: Value, after: Value) -> Vec<(String, Option<Value>, Option<Value>)> {
        let changes = differences(Some(&before), Some(&after));
        let each = changes.into_iter();
        each.map(|one| (one.field, one.before, one.after)).collect()
    }

    #[test]
    fn fields_are_told_with_their_path() {
        let before =
            json!({ "name": "a", "ring": { "targets": [1, 2], "seconds": 20 }, "gone": true });
        let after =
            json!({ "name": "a", "ring": { "targets": [1, 3], "seconds": 20 }, "gone": null });
        let changes = told(before, after);
        assert_eq!(
            changes,
            [
                ("gone".to_owned(), Some(json!(true)), None),
                ("ring.targets[1]".to_owned(), Some(json!(2)), Some(json!(3))),
            ]
        );
        let list = told(json!({ "list": [1] }), json!({ "list": [1, 2] }));
        assert_eq!(
            list,
            [("list".to_owned(), Some(json!([1])), Some(json!([1, 2])))]
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let changes = differences(None, Some(&json!({ "name": "x", "pin": "1234" })));
        assert!(
            changes
                .iter()
                .any(|one| one.field == "pin" && one.secret && one.after.is_none())
        );
        let nested = told(json!({ "a": [] }), json!({ "a": [{ "pin": "1234" }] }));
        assert!(!format!("{nested:?}").contains("1234"));
    }
}
