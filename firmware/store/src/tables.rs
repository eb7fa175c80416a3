//! Extensions and numbers from tables: every row is tried, what is right becomes one version.

use std::collections::HashSet;

use ramal_model::{
    Actor, Column, CompanyId, Configuration, DigestCredential, ExtensionChange, ExtensionId,
    FieldProblem, Id, MAX_EXTENSIONS, NewExtension, Number, Secret, Table, code,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{Store, error::Result, extensions::new_secret, writer::Write};

/// Columns of a table of extensions.
pub const EXTENSION_COLUMNS: &[(&str, Column)] = &[
    ("number", Column::Text),
    ("display_name", Column::Text),
    ("language", Column::Text),
    ("enabled", Column::Flag),
    ("max_calls", Column::Integer),
    ("ring_time", Column::Integer),
    ("media_encryption", Column::Text),
    ("recording", Column::Text),
    ("webrtc_allowed", Column::Flag),
    ("pickup_groups", Column::List),
    ("company", Column::Text),
];

/// Columns of a table of numbers. Those of objects take their names.
pub const NUMBER_COLUMNS: &[(&str, Column)] = &[
    ("number", Column::Text),
    ("label", Column::Text),
    ("line", Column::Text),
    ("online", Column::Flag),
    ("mode", Column::Text),
    ("target", Column::Text),
    ("ivr", Column::Text),
    ("queue", Column::Text),
    ("voicemail", Column::Text),
    ("forward_to", Column::Text),
    ("recording", Column::Text),
    ("language", Column::Text),
    ("company", Column::Text),
];

/// What to do with rows whose number is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Change what the row says; blank values stay.
    #[default]
    Update,
    /// Leave it as it is.
    Skip,
}

/// What a table is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// What to do with what is there already.
    pub existing: Existing,
    /// Only try it out.
    pub dry_run: bool,
    /// Only what belongs to this company is made and changed; what is new belongs to it. Null is all.
    pub within: Option<CompanyId>,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowAction {
    /// It is new.
    Created,
    /// It was changed.
    Updated,
    /// It was there already, as the row says or left as it is.
    Skipped,
    /// Something is wrong with it; nothing was done.
    Refused,
}

/// What became of a row.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RowResult {
    /// The line of the file, from 1.
    pub line: u32,
    /// The number it is about; blank when it has none.
    pub number: String,
    /// What was done.
    pub action: RowAction,
    /// What is wrong with it, by column.
    pub errors: Vec<FieldProblem>,
    /// The secret of a new extension, shown this once; null in a dry run.
    #[schema(value_type = Option<String>)]
    pub secret: Option<Secret>,
}

/// What became of a table.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TableReport {
    /// Rows by what became of them.
    pub created: usize,
    /// Rows that changed something.
    pub updated: usize,
    /// Rows that changed nothing.
    pub skipped: usize,
    /// Rows that were wrong.
    pub refused: usize,
    /// The version that all of it made, to be undone as one; null when nothing changed or it was a dry run.
    pub version: Option<u64>,
    /// Each row.
    pub rows: Vec<RowResult>,
}

impl Store {
    /// Makes and changes extensions as a table says. Rows that are wrong are reported; the others become one version.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn import_extensions(
        &self,
        actor: &Actor,
        table: Table,
        options: TableOptions,
    ) -> Result<TableReport> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let configuration = write.configuration.clone();
                let mut draft = configuration.draft();
                let mut next = write.reserve(table.rows.len())?;
                let mut seen = HashSet::new();
                let mut made = 0;
                let mut rows = Vec::with_capacity(table.rows.len());
                for row in &table.rows {
                    let mut result = RowResult::new(row.line);
                    let outcome = table.values(row, EXTENSION_COLUMNS).and_then(|mut values| {
                        company(&configuration, &mut values)?;
                        result.number = text(&values, "number");
                        once(&mut seen, "number", &result.number)?;
                        let Some(current) = configuration.extension_by_number(&result.number)
                        else {
                            room(configuration.extensions().len() + made)?;
                            let mut new: NewExtension = read(values)?;
                            if let Some(own) = options.within
                                && new.company.is_default()
                            {
                                new.company = own;
                            }
                            options.allow(new.company)?;
                            let id = ExtensionId(next);
                            let extension = new
                                .validate(id, &configuration)
                                .map_err(|one| one.problems)?;
                            return Ok(Some((extension, true)));
                        };
                        if options.existing == Existing::Skip {
                            return Ok(None);
                        }
                        let change: ExtensionChange = read(values)?;
                        options.allow(current.company)?;
                        options.allow(change.company.unwrap_or(current.company))?;
                        let extension = change
                            .validate(current, &configuration)
                            .map_err(|one| one.problems)?;
                        Ok((extension != *current).then_some((extension, false)))
                    });
                    match outcome {
                        Ok(Some((extension, is_new))) => {
                            result.action = if is_new {
                                RowAction::Created
                            } else {
                                RowAction::Updated
                            };
                            if is_new {
                                (next, made) = (next + 1, made + 1);
                                let secret = new_secret()?;
                                let credential = DigestCredential::new(&extension.number, &secret);
                                draft.credentials.insert(extension.id, credential);
                                result.secret = (!options.dry_run).then_some(secret);
                            }
                            draft.extensions.insert(extension.id, extension);
                        }
                        Ok(None) => result.action = RowAction::Skipped,
                        Err(errors) => result.errors = errors,
                    }
                    rows.push(result);
                }
                finish(write, &actor, draft, rows, options)
            })
            .await
    }

    /// Makes and changes numbers as a table says, in the same way.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn import_numbers(
        &self,
        actor: &Actor,
        table: Table,
        options: TableOptions,
    ) -> Result<TableReport> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let configuration = write.configuration.clone();
                let mut draft = configuration.draft();
                let mut next = write.reserve(table.rows.len())?;
                let (mut seen, mut labels) = (HashSet::new(), HashSet::new());
                let mut rows = Vec::with_capacity(table.rows.len());
                for row in &table.rows {
                    let mut result = RowResult::new(row.line);
                    let outcome = table.values(row, NUMBER_COLUMNS).and_then(|mut values| {
                        result.number = text(&values, "number");
                        once(&mut seen, "number", &result.number)?;
                        if values.contains_key("label") {
                            once(&mut labels, "label", &text(&values, "label").to_lowercase())?;
                        }
                        named(&configuration, &mut values)?;
                        company(&configuration, &mut values)?;
                        let mut all = configuration.catalogue().numbers.iter();
                        let current = all.find(|one| one.number == result.number);
                        if current.is_some() && options.existing == Existing::Skip {
                            return Ok(None);
                        }
                        let settings = match current {
                            Some(one) => one.settings.clone(),
                            None => Number {
                                company: options.within.unwrap_or_default(),
                                ..Number::default()
                            },
                        };
                        options.allow(settings.company)?;
                        let Ok(Value::Object(mut whole)) = serde_json::to_value(settings) else {
                            return Ok(None);
                        };
                        whole.extend(values);
                        let settings: Number = read(whole)?;
                        options.allow(settings.company)?;
                        let id = current.map_or(Id::new(next), |one| one.id);
                        let number = configuration
                            .checked(id, settings)
                            .map_err(|one| one.problems)?;
                        let is_same = current.is_some_and(|current| **current == number);
                        Ok((!is_same).then_some((number, current.is_none())))
                    });
                    match outcome {
                        Ok(Some((number, is_new))) => {
                            result.action = if is_new {
                                RowAction::Created
                            } else {
                                RowAction::Updated
                            };
                            next += i64::from(is_new);
                            draft.catalogue.numbers.insert(number);
                        }
                        Ok(None) => result.action = RowAction::Skipped,
                        Err(errors) => result.errors = errors,
                    }
                    rows.push(result);
                }
                finish(write, &actor, draft, rows, options)
            })
            .await
    }
}

impl TableOptions {
    /// Refuses what belongs to another company than the one that all of it is about.
    fn allow(self, company: CompanyId) -> Checked<()> {
        if self.within.is_none_or(|own| own == company) {
            return Ok(());
        }
        let message = "belongs to another company".to_owned();
        Err(refusal("company", code::OTHER_COMPANY, None, message))
    }
}

type Checked<T> = std::result::Result<T, Vec<FieldProblem>>;

impl RowResult {
    fn new(line: u32) -> Self {
        Self {
            line,
            number: String::new(),
            action: RowAction::Refused,
            errors: Vec::new(),
            secret: None,
        }
    }
}

fn finish(
    write: &mut Write<'_>,
    actor: &Actor,
    draft: ramal_model::Draft,
    rows: Vec<RowResult>,
    options: TableOptions,
) -> Result<TableReport> {
    let before = write.configuration.version();
    if !options.dry_run {
        write.save(actor, draft, &[])?;
    }
    let version = write.configuration.version();
    let count = |action| rows.iter().filter(|row| row.action == action).count();
    Ok(TableReport {
        created: count(RowAction::Created),
        updated: count(RowAction::Updated),
        skipped: count(RowAction::Skipped),
        refused: count(RowAction::Refused),
        version: (version != before).then_some(version),
        rows,
    })
}

fn refusal(field: &str, code: &str, limit: Option<String>, message: String) -> Vec<FieldProblem> {
    vec![FieldProblem {
        field: field.to_owned(),
        code: code.to_owned(),
        limit,
        message,
    }]
}

fn text(values: &Map<String, Value>, column: &str) -> String {
    let value = values.get(column).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

fn once(seen: &mut HashSet<String>, column: &str, value: &str) -> Checked<()> {
    if value.is_empty() {
        return Err(refusal(
            column,
            code::REQUIRED,
            None,
            "must not be blank".to_owned(),
        ));
    }
    if seen.insert(value.to_owned()) {
        return Ok(());
    }
    Err(refusal(
        column,
        code::DUPLICATE,
        None,
        format!("`{value}` stands in a row before"),
    ))
}

fn room(count: usize) -> Checked<()> {
    if count < MAX_EXTENSIONS {
        return Ok(());
    }
    let limit = MAX_EXTENSIONS.to_string();
    let message = format!("the gateway holds at most {limit} extensions");
    Err(refusal("number", code::TOO_MANY, Some(limit), message))
}

/// Reads a row as an input; the column that does not fit is named.
fn read<T: DeserializeOwned>(values: Map<String, Value>) -> Checked<T> {
    serde_path_to_error::deserialize(Value::Object(values)).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "number" } else { &path };
        refusal(field, code::INVALID, None, error.inner().to_string())
    })
}

/// Puts the ids of objects in the place of their names.
fn named(configuration: &Configuration, values: &mut Map<String, Value>) -> Checked<()> {
    let catalogue = configuration.catalogue();
    for column in ["ivr", "queue", "voicemail"] {
        let Some(Value::String(name)) = values.get(column) else {
            continue;
        };
        let id = match column {
            "ivr" => catalogue.ivrs.by_name(name).map(|one| one.id.number()),
            "queue" => catalogue.queues.by_name(name).map(|one| one.id.number()),
            _ => catalogue
                .voicemail_boxes
                .by_name(name)
                .map(|one| one.id.number()),
        };
        let Some(id) = id else {
            let message = format!("there is no {column} `{name}`");
            return Err(refusal(column, code::NO_SUCH_OBJECT, None, message));
        };
        values.insert(column.to_owned(), id.into());
    }
    Ok(())
}

/// Puts the id of a company in the place of its name.
fn company(configuration: &Configuration, values: &mut Map<String, Value>) -> Checked<()> {
    let Some(Value::String(name)) = values.get("company") else {
        return Ok(());
    };
    let hosted = configuration.catalogue().hosted_companies.by_name(name);
    let is_default = || {
        let default = configuration.company_name(CompanyId::DEFAULT);
        default.trim().to_lowercase() == name.trim().to_lowercase()
    };
    let id = match hosted {
        Some(found) => found.id.number(),
        None if is_default() => CompanyId::DEFAULT.0,
        None => {
            let message = format!("there is no company `{name}`");
            return Err(refusal("company", code::NO_SUCH_OBJECT, None, message));
        }
    };
    values.insert("company".to_owned(), id.into());
    Ok(())
}
