//! The commands about objects of every kind. Which kinds there are, and which of their fields can be set, is what the
//! gateway's own description of its API says.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use hyper::Method;
use serde_json::{Map, Value};

use crate::arguments::{AuditArguments, ObjectCommand};
use crate::commands::{Gateway, pretty};
use crate::failure::{Failure, Problem};
use crate::table::{table, time};

const BASE: &str = "/api/v1";
/// Fields that name an object, the best first.
const NAMES: [&str; 5] = ["name", "label", "number", "login", "legal_name"];

/// The description of the API (OpenAPI 3.1).
struct Description(Value);

impl Description {
    /// Kinds of objects: lists with operations on one of them.
    fn kinds(&self) -> Vec<&str> {
        let paths = self.0.get("paths").and_then(Value::as_object);
        let paths = paths.into_iter().flatten();
        paths
            .filter_map(|(path, item)| {
                let kind = path.strip_prefix(BASE)?.strip_prefix('/')?;
                let one = self.item(&format!("{kind}/{{id}}"))?;
                let whole = item.get("get").is_some() && one.get("get").is_some();
                (whole && !kind.contains('{') && one.get("delete").is_some()).then_some(kind)
            })
            .collect()
    }

    fn item(&self, path: &str) -> Option<&Value> {
        self.0.get("paths")?.get(format!("{BASE}/{path}"))
    }

    /// How one object is changed: the method, and the fields that it takes.
    fn change(&self, kind: &str) -> Option<(Method, Vec<String>)> {
        let item = self.item(&format!("{kind}/{{id}}"))?;
        let (method, operation) = match (item.get("put"), item.get("patch")) {
            (Some(put), _) => (Method::PUT, put),
            (None, Some(patch)) => (Method::PATCH, patch),
            (None, None) => return None,
        };
        Some((
            method,
            self.fields(operation.pointer("/requestBody/content/application~1json/schema")?),
        ))
    }

    /// The fields of an object as it is shown.
    fn shown(&self, kind: &str) -> Vec<String> {
        let item = self.item(&format!("{kind}/{{id}}"));
        let schema = item
            .and_then(|item| item.pointer("/get/responses/200/content/application~1json/schema"));
        schema.map_or_else(Vec::new, |schema| self.fields(schema))
    }

    fn fields(&self, schema: &Value) -> Vec<String> {
        let mut fields = Vec::new();
        self.collect(schema, &mut fields, 0);
        fields
    }

    fn collect(&self, schema: &Value, fields: &mut Vec<String>, depth: u8) {
        // Deeper than any schema goes; one that refers to itself must end, too.
        if depth > 8 {
            return;
        }
        if let Some(name) = schema.get("$ref").and_then(Value::as_str)
            && let Some(schema) = name.strip_prefix('#').and_then(|at| self.0.pointer(at))
        {
            self.collect(schema, fields, depth + 1);
        }
        for part in schema
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            self.collect(part, fields, depth + 1);
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        fields.extend(
            properties
                .into_iter()
                .flatten()
                .map(|(name, _)| name.clone()),
        );
    }
}

impl Gateway {
    pub(crate) async fn objects(&self, command: ObjectCommand) -> Result<String, Failure> {
        let description = Description(self.client.get("/openapi.json").await?);
        match command {
            ObjectCommand::Kinds => {
                let kinds = description.kinds();
                if self.json {
                    return Ok(pretty(&Value::from(kinds)));
                }
                Ok(kinds.iter().map(|kind| format!("{kind}\n")).collect())
            }
            ObjectCommand::List { kind } => {
                let listed = self.list(&description, &kind).await?;
                if self.json {
                    return Ok(pretty(&Value::from(listed)));
                }
                let rows: Vec<_> = listed
                    .iter()
                    .map(|one| vec![id(one).to_string(), name(one).unwrap_or_default()])
                    .collect();
                Ok(table(&["ID", "NAME"], &rows))
            }
            ObjectCommand::Get { kind, object } => {
                let found = self.find(&description, &kind, &object).await?;
                let shown: Value = self.client.get(&format!("/{kind}/{}", id(&found))).await?;
                Ok(pretty(&shown))
            }
            ObjectCommand::Put { kind, file, object } => {
                let input = read(&file)?;
                self.put(&description, &kind, input, object.as_deref())
                    .await
            }
            ObjectCommand::Delete { kind, object } => {
                let found = self.find(&description, &kind, &object).await?;
                self.client
                    .delete(&format!("/{kind}/{}", id(&found)))
                    .await?;
                Ok(self.done(format!("{object} is deleted.")))
            }
        }
    }

    async fn list(&self, description: &Description, kind: &str) -> Result<Vec<Value>, Failure> {
        if !description.kinds().contains(&kind) {
            return Err(Failure::Usage(format!(
                "there is no kind of object called {kind}; `ramalctl object kinds` lists them"
            )));
        }
        let listed: Value = self.client.get(&format!("/{kind}")).await?;
        // Long lists come in pages, with the rows under a name of their own.
        Ok(match listed {
            Value::Array(rows) => rows,
            Value::Object(page) => page
                .into_iter()
                .find_map(|(_, value)| match value {
                    Value::Array(rows) => Some(rows),
                    _ => None,
                })
                .unwrap_or_default(),
            _ => Vec::new(),
        })
    }

    /// The object with this id, name or number.
    async fn find(
        &self,
        description: &Description,
        kind: &str,
        object: &str,
    ) -> Result<Value, Failure> {
        let listed = self.list(description, kind).await?;
        let named = |one: &&Value| {
            NAMES
                .iter()
                .filter_map(|field| one.get(*field)?.as_str())
                .any(|name| name.eq_ignore_ascii_case(object))
        };
        let found: Vec<&Value> = listed.iter().filter(named).collect();
        let by_id = listed.iter().find(|one| id(one).to_string() == object);
        match (found.as_slice(), by_id) {
            ([one], _) => Ok((*one).clone()),
            (_, Some(one)) => Ok(one.clone()),
            ([], None) => Err(Failure::Refused(Problem::found(format!(
                "There is no {object} among the {kind}."
            )))),
            (_, None) => Err(Failure::Usage(format!(
                "several of the {kind} are called {object}: give the id"
            ))),
        }
    }

    async fn put(
        &self,
        description: &Description,
        kind: &str,
        input: Map<String, Value>,
        object: Option<&str>,
    ) -> Result<String, Failure> {
        let Some(object) = object else {
            // Only to say what kinds there are.
            self.list(description, kind).await?;
            let made = self
                .client
                .post(&format!("/{kind}"), &Value::Object(input))
                .await?;
            return Ok(pretty(&made));
        };
        let found = self.find(description, kind, object).await?;
        let (method, taken) = description.change(kind).ok_or_else(|| {
            Failure::Usage(format!("{kind} cannot be changed, only made and deleted"))
        })?;
        // What `get` shows beyond the settings, such as who uses an object, is left out; what is a mistake is refused.
        let shown = description.shown(kind);
        let settings: Map<String, Value> = input
            .into_iter()
            .filter(|(name, _)| taken.contains(name) || !shown.contains(name))
            .collect();
        let body = Bytes::from(Value::Object(settings).to_string());
        let path = format!("/{kind}/{}", id(&found));
        let answer = self.client.send(method, &path, Some(body)).await?;
        let changed: Value = serde_json::from_slice(&answer).unwrap_or_default();
        Ok(pretty(&changed))
    }

    pub(crate) async fn audit(&self, arguments: AuditArguments) -> Result<String, Failure> {
        let refused = if arguments.refused {
            "&refused=true"
        } else {
            ""
        };
        let path = format!("/audit-log?limit={}{refused}", arguments.limit);
        let page: Value = self.client.get(&path).await?;
        if self.json {
            return Ok(pretty(&page));
        }
        let zone = self.time_zone().await?;
        let text = |one: &Value, field: &str| match one.get(field) {
            None | Some(Value::Null) => "-".to_owned(),
            Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let entries = page.get("entries").and_then(Value::as_array);
        let rows: Vec<_> = entries
            .into_iter()
            .flatten()
            .map(|one| {
                let at = one.get("at").and_then(Value::as_i64).unwrap_or_default();
                vec![
                    time(at, &zone),
                    one.get("actor").map_or_else(|| "-".into(), actor),
                    text(one, "address"),
                    format!("{} {}", text(one, "method"), text(one, "path")),
                    text(one, "version"),
                    text(one, "problem"),
                ]
            })
            .collect();
        Ok(table(
            &["TIME", "WHO", "FROM", "WHAT", "VERSION", "REFUSED"],
            &rows,
        ))
    }
}

/// Who did something, as the API tells it.
pub(crate) fn actor(actor: &Value) -> String {
    let name = ["login", "name", "extension", "type"]
        .iter()
        .find_map(|field| actor.get(*field)?.as_str());
    name.unwrap_or("-").to_owned()
}

fn id(object: &Value) -> i64 {
    object.get("id").and_then(Value::as_i64).unwrap_or_default()
}

fn name(object: &Value) -> Option<String> {
    let names = NAMES
        .iter()
        .filter_map(|field| object.get(*field)?.as_str());
    let mut names = names.filter(|name| !name.is_empty());
    names.next().map(str::to_owned)
}

/// Reads a file with one object; `-` is the input.
fn read(file: &Path) -> Result<Map<String, Value>, Failure> {
    let content = || {
        if file == Path::new("-") {
            let mut input = Vec::new();
            std::io::stdin().read_to_end(&mut input).map(|_| input)
        } else {
            std::fs::read(file)
        }
    };
    let bytes = content()
        .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::Usage(format!(
            "{} is not one JSON object: {error}",
            file.display()
        ))
    })
}
