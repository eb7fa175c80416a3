//! Each operation of the document that takes a body or parameters refuses what it does not take, and names it.

use bytes::Bytes;
use hyper::Method;
use ramal_lines::simulated::{SimulatedConfig, SimulatedLines};
use serde_json::{Map, Value, json};

use crate::client::{Answer, Client, media_type};
use crate::gateway::{Gateway, PASSWORD};

/// An operation with the schema of its JSON body, its path filled in with objects that exist.
struct Operation {
    method: Method,
    path: String,
    schema: Value,
}

/// A gateway with one object of each kind, and the ids by the path they stand in.
async fn gateway() -> (Gateway, Client, Vec<(&'static str, i64)>) {
    let (gateway, admin) = Gateway::set_up().await;
    let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    gateway.pbx.add_lines(Box::new(lines));
    let mut ids = Vec::new();
    for (list, body, id) in [
        ("/extensions", json!({ "number": "200" }), "/extension/id"),
        (
            "/users",
            json!({ "login": "bruno.lima", "role": "user", "password": PASSWORD }),
            "/id",
        ),
        (
            "/trunks",
            json!({ "name": "Carrier", "hosts": ["192.0.2.1"], "auth": "none" }),
            "/id",
        ),
        (
            "/e1-trunks",
            json!({ "name": "E1", "device": "TE2/0/1", "signalling": { "kind": "e1_pri" } }),
            "/id",
        ),
        ("/music-classes", json!({ "name": "Jazz" }), "/id"),
        ("/companies", json!({ "name": "Oficina Beta" }), "/id"),
    ]
    .into_iter()
    .chain(crate::catalogue::one_of_each(
        crate::sounds::speech(&admin).await,
        crate::catalogue::extension(&admin).await,
    )) {
        let made = admin.post(list, &body).await;
        assert_eq!(made.status, 201, "{list}: {}", made.json());
        let id = made.json().pointer(id).and_then(Value::as_i64).unwrap();
        ids.push((list, id));
    }
    (gateway, admin, ids)
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema["$ref"].as_str();
    let referred = reference.and_then(|one| document.pointer(one.trim_start_matches('#')));
    let schema = referred.unwrap_or(schema);
    // What may also be null.
    let alternatives = schema["oneOf"].as_array();
    let other = alternatives.and_then(|all| all.iter().find(|one| one["type"] != "null"));
    match other {
        Some(other) if schema["properties"].is_null() => resolved(document, other),
        _ => schema,
    }
}

fn filled(path: &str, ids: &[(&'static str, i64)]) -> String {
    let path = path.trim_start_matches("/api/v1");
    let of = ids.iter().find(|(list, _)| path.starts_with(list));
    path.replace("{id}", &of.map_or(1, |(_, id)| *id).to_string())
        .replace("{port}", "FXO%201")
}

fn each(document: &Value) -> impl Iterator<Item = (Method, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        let methods = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        methods.into_iter().filter_map(move |method| {
            let operation = item.get(method.as_str().to_lowercase())?;
            Some((method, path, operation))
        })
    })
}

fn with_bodies(document: &Value, ids: &[(&'static str, i64)]) -> Vec<Operation> {
    let found: Vec<_> = each(document)
        .filter_map(|(method, path, operation)| {
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            let schema = resolved(document, body);
            // A configuration has its own rules, and paths instead of names.
            let has_own_tests = path.ends_with("/import");
            (schema["properties"].is_object() && !has_own_tests).then(|| Operation {
                method,
                path: filled(path, ids),
                schema: schema.clone(),
            })
        })
        .collect();
    assert!(found.len() >= 15, "{}", found.len());
    found
}

fn has_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == name,
        Value::Array(many) => many.iter().any(|one| one == name),
        _ => false,
    }
}

/// A value of the right type, whatever else may be wrong with it.
fn example(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    if has_type(schema, "string") {
        json!("x")
    } else if has_type(schema, "integer") || has_type(schema, "number") {
        json!(1)
    } else if has_type(schema, "boolean") {
        json!(true)
    } else if has_type(schema, "array") {
        json!([])
    } else {
        Value::Object(required(document, schema))
    }
}

fn required(document: &Value, schema: &Value) -> Map<String, Value> {
    let names = schema["required"].as_array().into_iter().flatten();
    names
        .filter_map(Value::as_str)
        .map(|name| {
            let value = example(document, &schema["properties"][name]);
            (name.to_owned(), value)
        })
        .collect()
}

async fn send(admin: &Client, operation: &Operation, body: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    let body = Bytes::from(body.to_string());
    let method = operation.method.clone();
    admin.send(method, &operation.path, &headers, body).await
}

/// Asserts that `field`, or something in it, is named as refused; its problems.
fn assert_named(answer: &Answer, field: &str, of: &str) -> Vec<Value> {
    assert_eq!(answer.status, 422, "{of} {field}: {answer:?}");
    assert_eq!(media_type(answer), "application/problem+json", "{of}");
    let problem = answer.json();
    let inside = |name: &str| {
        name == field
            || name.starts_with(&format!("{field}."))
            || name.starts_with(&format!("{field}["))
    };
    let errors: Vec<Value> = problem["errors"].as_array().cloned().unwrap_or_default();
    let named: Vec<Value> = errors
        .into_iter()
        .filter(|error| error["field"].as_str().is_some_and(inside))
        .collect();
    assert!(!named.is_empty(), "{of}: {field} is not named: {problem}");
    for error in &named {
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{of}: {error}"
        );
    }
    named
}

#[tokio::test]
async fn wrong_types_and_unknown_fields_are_named_by_every_operation() {
    let (gateway, admin, ids) = gateway().await;
    let document = gateway.document.clone();
    for operation in with_bodies(&document, &ids) {
        let of = format!("{} {}", operation.method, operation.path);
        let mut body = required(&document, &operation.schema);
        body.insert("no_such_field".into(), json!(1));
        let answer = send(&admin, &operation, &Value::Object(body)).await;
        let named = assert_named(&answer, "no_such_field", &of);
        assert_eq!(named[0]["code"], "unknown_field", "{of}");
        for (name, schema) in operation.schema["properties"].as_object().unwrap() {
            let schema = resolved(&document, schema);
            let wrong = if has_type(schema, "string") || schema["enum"].is_array() {
                json!(7.5)
            } else {
                json!("x")
            };
            let mut body = required(&document, &operation.schema);
            body.insert(name.clone(), wrong);
            let answer = send(&admin, &operation, &Value::Object(body)).await;
            assert_named(&answer, name, &of);
        }
    }
}

#[tokio::test]
async fn missing_fields_are_named_by_every_operation() {
    let (gateway, admin, ids) = gateway().await;
    let document = gateway.document.clone();
    for operation in with_bodies(&document, &ids) {
        let of = format!("{} {}", operation.method, operation.path);
        for name in required(&document, &operation.schema).keys() {
            let mut body = required(&document, &operation.schema);
            body.remove(name);
            let answer = send(&admin, &operation, &Value::Object(body)).await;
            let named = assert_named(&answer, name, &of);
            assert_eq!(named[0]["code"], "required", "{of} {name}");
        }
    }
}

#[tokio::test]
async fn texts_and_numbers_beyond_their_limits_are_named_with_the_limit() {
    let (gateway, admin, ids) = gateway().await;
    let document = gateway.document.clone();
    for operation in with_bodies(&document, &ids) {
        // It is set up already, a login, password or token that is too long is one that nobody has, and there is neither a
        // sound nor an archive.
        let others = [
            "/setup",
            "/session",
            "/session/password",
            "/audio-files/1",
            "/backups/{file}/check",
            "/backups/{file}/restore",
            "/network/confirm",
            "/factory-reset",
        ];
        if others.contains(&&*operation.path) {
            continue;
        }
        let of = format!("{} {}", operation.method, operation.path);
        for (name, schema) in operation.schema["properties"].as_object().unwrap() {
            let schema = resolved(&document, schema);
            let wrong = if schema["enum"].is_array() {
                json!("no such value")
            } else if has_type(schema, "string") {
                json!("x".repeat(10_000))
            } else if has_type(schema, "integer") {
                json!(4_000_000_000_u32)
            } else {
                continue;
            };
            let mut body = required(&document, &operation.schema);
            body.insert(name.clone(), wrong);
            let answer = send(&admin, &operation, &Value::Object(body)).await;
            for error in assert_named(&answer, name, &of) {
                let told = error["limit"].is_string() || error["code"] == "no_such_object";
                assert!(
                    told || error["code"]
                        .as_str()
                        .is_some_and(|code| code.starts_with("unknown_")),
                    "{of}: {error}"
                );
            }
        }
    }
}

#[tokio::test]
async fn wrong_parameters_are_named_by_every_operation() {
    let (gateway, admin, ids) = gateway().await;
    let document = gateway.document.clone();
    let mut tried = 0;
    for (method, path, operation) in each(&document) {
        let parameters: Vec<_> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["in"] == "query")
            .collect();
        if parameters.is_empty() || !operation["requestBody"].is_null() {
            continue;
        }
        tried += 1;
        let path = filled(path, &ids);
        let of = format!("{method} {path}");
        let ask = |query: String| {
            let (method, path) = (method.clone(), format!("{path}?{query}"));
            let admin = admin.clone();
            async move { admin.send(method, &path, &[], Bytes::new()).await }
        };
        let answer = ask("no_such_parameter=1".into()).await;
        assert_named(&answer, "no_such_parameter", &of);
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap();
            let answer = ask(format!("{name}=1&{name}=1")).await;
            assert_named(&answer, name, &of);
            let schema = resolved(&document, &parameter["schema"]);
            if has_type(schema, "integer")
                || has_type(schema, "boolean")
                || schema["enum"].is_array()
            {
                let answer = ask(format!("{name}=x")).await;
                assert_named(&answer, name, &of);
            }
        }
    }
    assert!(tried >= 5, "{tried}");
}
