//! The OpenAPI document: that it is whole, and that answers are what it says.

use std::collections::HashSet;

use hyper::Method;
use serde_json::Value;

use crate::client::{Answer, media_type};

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// Asserts that the document knows this answer and that the body has the form it says.
pub fn check(document: &Value, method: &Method, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap();
    let Some(operation) = operation(document, method, path) else {
        assert!(
            matches!(answer.status, 404 | 405),
            "{method} {path} is not in the document and was answered {}",
            answer.status
        );
        assert_eq!(media_type(answer), "application/problem+json");
        return;
    };
    let documented = &operation["responses"][answer.status.to_string()];
    assert!(
        documented.is_object(),
        "{method} {path}: status {} is not documented: {answer:?}",
        answer.status
    );
    let Some(content) = documented["content"].as_object() else {
        assert!(
            answer.body.is_empty(),
            "{method} {path}: {} has a body the document does not know",
            answer.status
        );
        return;
    };
    let kind = media_type(answer);
    let schema = content
        .get(kind)
        .unwrap_or_else(|| panic!("{method} {path}: {kind} is not documented: {answer:?}"));
    if kind.starts_with("audio/") || kind == "text/csv" {
        return;
    }
    let mut faults = Vec::new();
    let (schema, body) = (&schema["schema"], answer.json());
    conforms(document, schema, &body, "body", &mut faults);
    only_documented(document, schema, &body, "body", &mut faults);
    assert!(
        faults.is_empty(),
        "{method} {path}: {faults:#?}\n{:#}",
        answer.json()
    );
    if answer.status >= 400 {
        let problem = answer.json();
        assert_eq!(problem["status"], answer.status);
        if answer.status != 409 {
            assert_eq!(
                problem["errors"].is_array(),
                answer.status == 422,
                "{problem}"
            );
        }
    }
}

fn operation<'a>(document: &'a Value, method: &Method, path: &str) -> Option<&'a Value> {
    let fits = |template: &str| {
        let template = template.strip_prefix("/api/v1").unwrap_or(template);
        let (wanted, given): (Vec<_>, Vec<_>) =
            (template.split('/').collect(), path.split('/').collect());
        wanted.len() == given.len()
            && wanted
                .iter()
                .zip(&given)
                .all(|(t, p)| t == p || (t.starts_with('{') && !p.is_empty()))
    };
    let paths = document["paths"].as_object().unwrap();
    // A literal path goes before a template.
    let found = paths
        .iter()
        .filter(|(template, _)| fits(template))
        .min_by_key(|(template, _)| template.contains('{'));
    found?.1.get(method.as_str().to_lowercase())
}

/// The part of JSON Schema that the document uses.
fn conforms(document: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap();
        return conforms(document, target, value, at, faults);
    }
    for alternatives in ["oneOf", "anyOf"] {
        if let Some(list) = schema[alternatives].as_array() {
            let fitting = |one: &&Value| {
                let mut own = Vec::new();
                conforms(document, one, value, at, &mut own);
                own.is_empty()
            };
            if list.iter().filter(fitting).count() == 0 {
                faults.push(format!("{at}: {value} is none of {alternatives}"));
            }
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        conforms(document, part, value, at, faults);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |name: &&str| match *name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    };
    if !types.is_empty() && !types.iter().any(is) {
        faults.push(format!("{at}: {value} is not {types:?}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        faults.push(format!("{at}: {value} is not one of {allowed:?}"));
    }
    for (bound, ordering) in [
        ("minimum", std::cmp::Ordering::Less),
        ("maximum", std::cmp::Ordering::Greater),
    ] {
        if let (Some(bound), Some(number)) = (schema[bound].as_f64(), value.as_f64())
            && number.partial_cmp(&bound) == Some(ordering)
        {
            faults.push(format!("{at}: {number} is beyond {bound}"));
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        conforms(
            document,
            &schema["items"],
            item,
            &format!("{at}[{index}]"),
            faults,
        );
    }
    if let Some(object) = value.as_object() {
        for name in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !object.contains_key(name) {
                faults.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, item) in object {
            let at = format!("{at}.{name}");
            match schema["properties"].get(name) {
                Some(property) => conforms(document, property, item, &at, faults),
                None if schema["additionalProperties"] == false => {
                    faults.push(format!("{at} is not allowed"));
                }
                None => conforms(document, &schema["additionalProperties"], item, &at, faults),
            }
        }
    }
}

/// Faults for fields of objects that no part of their schema names.
fn only_documented(
    document: &Value,
    schema: &Value,
    value: &Value,
    at: &str,
    faults: &mut Vec<String>,
) {
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}[{index}]");
        let items = parts(document, schema);
        let items = items.iter().map(|part| &part["items"]);
        items.for_each(|items| only_documented(document, items, item, &at, faults));
    }
    let parts = parts(document, schema);
    let named = parts.iter().any(|part| part["properties"].is_object());
    for (name, item) in value.as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        let properties: Vec<&Value> = parts
            .iter()
            .filter_map(|part| part["properties"].get(name))
            .collect();
        if named && properties.is_empty() {
            faults.push(format!("{at} is not documented"));
        }
        // Alternatives may describe a field differently: one that names everything is enough.
        let each = properties.into_iter().map(|property| {
            let mut own = Vec::new();
            only_documented(document, property, item, &at, &mut own);
            own
        });
        faults.extend(each.min_by_key(Vec::len).unwrap_or_default());
    }
}

/// The schema with everything it refers to or is put together from.
fn parts<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let mut found = vec![schema];
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap();
        found.extend(parts(document, target));
    }
    for list in ["allOf", "oneOf", "anyOf"] {
        for part in schema[list].as_array().into_iter().flatten() {
            found.extend(parts(document, part));
        }
    }
    found
}

fn document() -> Value {
    serde_json::to_value(ramal_api::openapi()).unwrap()
}

fn visit<'a>(value: &'a Value, each: &mut impl FnMut(&'a serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            each(object);
            object.values().for_each(|inner| visit(inner, each));
        }
        Value::Array(list) => list.iter().for_each(|inner| visit(inner, each)),
        _ => {}
    }
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                found.push((format!("{} {path}", method.to_uppercase()), operation));
            }
        }
    }
    found
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let document = document();
    let mut used = HashSet::new();
    visit(&document, &mut |object| {
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            assert!(
                document
                    .pointer(reference.trim_start_matches('#'))
                    .is_some(),
                "{reference} leads nowhere"
            );
            used.insert(reference.to_owned());
        }
    });
    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(
            used.contains(&format!("#/components/schemas/{name}")),
            "{name} is not used"
        );
    }
}

#[test]
fn operation_ids_are_unique_and_operations_are_described() {
    let document = document();
    let mut ids = HashSet::new();
    for (name, operation) in operations(&document) {
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap().to_owned()),
            "{name}"
        );
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|summary| !summary.is_empty()),
            "{name} has no summary"
        );
        assert_eq!(
            operation["tags"].as_array().map(Vec::len),
            Some(1),
            "{name}"
        );
    }
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn path_parameters_are_declared() {
    let document = document();
    for (name, operation) in operations(&document) {
        let in_path: HashSet<_> = name
            .split('{')
            .skip(1)
            .map(|rest| rest.split('}').next().unwrap())
            .collect();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let declared: HashSet<_> = parameters
            .filter(|one| one["in"] == "path")
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        assert_eq!(in_path, declared, "{name}");
    }
}

#[test]
fn refusals_are_documented_where_they_can_happen() {
    let document = document();
    let problem = "#/components/schemas/Problem";
    for (name, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        let mut needed = vec!["408", "500", "503"];
        if operation["security"].is_array() {
            needed.push("401");
        }
        if operation["security"].is_array() && !name.starts_with("GET /api/v1/session") {
            needed.push("403");
        }
        if name.contains('{') {
            needed.push("404");
        }
        if operation["requestBody"].is_object() {
            needed.extend(["400", "413", "415", "422"]);
        }
        for status in needed {
            assert!(
                responses.contains_key(status),
                "{name} does not document {status}"
            );
        }
        for (status, response) in responses {
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, problem, "{name} {status}");
            }
        }
    }
}

/// What the web UI and `ramalctl` call.
#[test]
fn every_operation_of_the_contract_is_there() {
    let document = document();
    let names: HashSet<_> = operations(&document)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    for name in [
        "GET /status",
        "GET /countries",
        "GET /openapi.json",
        "POST /setup",
        "POST /session",
        "GET /session",
        "DELETE /session",
        "GET /company",
        "PUT /company",
        "GET /extensions",
        "POST /extensions",
        "GET /extensions/{id}",
        "PATCH /extensions/{id}",
        "DELETE /extensions/{id}",
        "POST /extensions/{id}/secret",
        "GET /trunks",
        "POST /trunks",
        "GET /trunks/{id}",
        "PATCH /trunks/{id}",
        "DELETE /trunks/{id}",
        "GET /e1-trunks",
        "POST /e1-trunks",
        "GET /e1-trunks/{id}",
        "PATCH /e1-trunks/{id}",
        "DELETE /e1-trunks/{id}",
        "GET /e1-trunks/{id}/timeslots/{timeslot}/signals",
        "GET /e1-trunks/{id}/messages",
        "GET /spans",
        "GET /r2-variants",
        "GET /users",
        "POST /users",
        "GET /users/{id}",
        "PATCH /users/{id}",
        "DELETE /users/{id}",
        "GET /registrations",
        "GET /calls/active",
        "DELETE /calls/active/{id}",
        "GET /calls",
        "GET /events",
        "GET /system",
        "GET /tokens",
        "POST /tokens",
        "DELETE /tokens/{id}",
        "GET /configuration/export",
        "POST /configuration/import",
    ] {
        let (method, path) = name.split_once(' ').unwrap();
        assert!(names.contains(&format!("{method} /api/v1{path}")), "{name}");
    }
}
