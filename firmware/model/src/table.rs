//! Tables of comma-separated values (RFC 4180), as spreadsheets write them.

use serde_json::{Map, Value};

use crate::problem::{FieldProblem, Invalid, Problems, code};

/// Rows of a table at most.
pub const MAX_ROWS: usize = 10_000;

/// A table with named columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns, from the first line.
    pub columns: Vec<String>,
    /// The rows below it that are not blank.
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line it begins in, from 1.
    pub line: u32,
    /// A value for each column.
    pub fields: Vec<String>,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Text, or a word of a list.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Flag,
    /// Texts with commas or semicolons between them.
    List,
}

impl Table {
    /// Reads a table. The columns are separated as the first line is: by commas, semicolons or tabs.
    ///
    /// # Errors
    /// Names the line that cannot be read, or the column that is not among `known` or stands there twice.
    pub fn parse(text: &str, known: &[(&str, Column)]) -> Result<Table, Invalid> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = records(text, separator(text))?.into_iter();
        let Some(first) = lines.next() else {
            return Err(Invalid::one(
                "",
                code::REQUIRED,
                None,
                "there is no line with the names of the columns",
            ));
        };
        let columns: Vec<String> = first
            .fields
            .iter()
            .map(|name| name.trim().to_lowercase())
            .collect();
        let mut problems = Problems::default();
        for (index, name) in columns.iter().enumerate() {
            let field = format!("columns[{index}]");
            if !known.iter().any(|(known, _)| known == name) {
                let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
                let message = format!("there is no column `{name}`");
                problems.add(
                    &field,
                    code::UNKNOWN_FIELD,
                    Some(&names.join(", ")),
                    message,
                );
            } else if columns.iter().take(index).any(|other| other == name) {
                problems.add(
                    &field,
                    code::DUPLICATE,
                    None,
                    format!("the column `{name}` stands there twice"),
                );
            }
        }
        let rows: Vec<Row> = lines.collect();
        if rows.len() > MAX_ROWS {
            let limit = MAX_ROWS.to_string();
            problems.add(
                "",
                code::TOO_MANY,
                Some(&limit),
                format!("takes at most {limit} rows"),
            );
        }
        problems.finish(Table { columns, rows })
    }

    /// The values of a row by their columns; blank ones are left out.
    ///
    /// # Errors
    /// Every value that is not what its column takes.
    pub fn values(
        &self,
        row: &Row,
        known: &[(&str, Column)],
    ) -> Result<Map<String, Value>, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        if row.fields.len() > self.columns.len() {
            let limit = self.columns.len().to_string();
            problems.add(
                "",
                code::TOO_MANY,
                Some(&limit),
                "has more values than there are columns",
            );
        }
        let mut values = Map::new();
        for (name, text) in self.columns.iter().zip(&row.fields) {
            // A spreadsheet's mark that it is a text.
            let text = text.trim();
            let text = text.strip_prefix('\'').unwrap_or(text);
            if text.is_empty() {
                continue;
            }
            let column = known.iter().find(|(known, _)| known == name);
            let value = match column.map(|(_, column)| *column) {
                Some(Column::Integer) => text.parse::<i64>().ok().map(Value::from),
                Some(Column::Flag) => match text.to_lowercase().as_str() {
                    "true" | "1" | "yes" => Some(Value::from(true)),
                    "false" | "0" | "no" => Some(Value::from(false)),
                    _ => None,
                },
                Some(Column::List) => {
                    let texts = text.split([',', ';']).map(str::trim);
                    Some(
                        texts
                            .filter(|one| !one.is_empty())
                            .map(Value::from)
                            .collect(),
                    )
                }
                _ => Some(Value::from(text)),
            };
            match value {
                Some(value) => drop(values.insert(name.clone(), value)),
                None => problems.add(
                    name,
                    code::INVALID,
                    None,
                    format!("`{text}` does not fit here"),
                ),
            }
        }
        problems.finish(values).map_err(|invalid| invalid.problems)
    }
}

fn separator(text: &str) -> char {
    let first = text.lines().next().unwrap_or_default();
    let separators = [',', ';', '\t'].into_iter();
    let often = separators.max_by_key(|one| (first.matches(*one).count(), *one == ','));
    often.unwrap_or(',')
}

/// The records of a text that are not blank.
fn records(text: &str, separator: char) -> Result<Vec<Row>, Invalid> {
    let mut records = Vec::new();
    let (mut fields, mut field) = (Vec::new(), String::new());
    let (mut line, mut begun, mut quoted) = (1, 1, None);
    let mut letters = text.chars().peekable();
    loop {
        let letter = letters.next();
        match letter {
            Some('"') if quoted.is_some() => {
                if letters.next_if_eq(&'"').is_some() {
                    field.push('"');
                } else {
                    quoted = None;
                }
            }
            Some('"') if field.is_empty() => quoted = Some(line),
            Some(letter) if quoted.is_some() => {
                line += u32::from(letter == '\n');
                field.push(letter);
            }
            Some(letter) if letter == separator => fields.push(std::mem::take(&mut field)),
            Some('\r') if letters.peek() == Some(&'\n') => {}
            Some('\n') | None => {
                if letter.is_none()
                    && let Some(line) = quoted
                {
                    let message = format!("the quotation mark in line {line} is not closed");
                    return Err(Invalid::one(
                        &format!("line {line}"),
                        code::INVALID,
                        None,
                        message,
                    ));
                }
                fields.push(std::mem::take(&mut field));
                let fields = std::mem::take(&mut fields);
                if fields.iter().any(|field| !field.trim().is_empty()) {
                    records.push(Row {
                        line: begun,
                        fields,
                    });
                }
                line += 1;
                begun = line;
                if letter.is_none() {
                    return Ok(records);
                }
            }
            Some(letter) => field.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const KNOWN: &[(&str, Column)] = &[
        ("number", Column::Text),
        ("max", Column::Integer),
        ("on", Column::Flag),
    ];

    #[test]
    fn columns_rows_and_lines_are_told_apart() {
        let table = Table::parse(
            "\u{feff}Number;max;ON\r\n201;4;yes\r\n\r\n\"2\n02\";;\r\n",
            KNOWN,
        )
        .unwrap();
        assert_eq!(table.columns, ["number", "max", "on"]);
        let lines: Vec<_> = table.rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 4]);
        let first = table.values(&table.rows[0], KNOWN).unwrap();
        assert_eq!(
            Value::Object(first),
            json!({ "number": "201", "max": 4, "on": true })
        );
        assert_eq!(table.values(&table.rows[1], KNOWN).unwrap().len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let unknown = Table::parse("number,colour,number\n", KNOWN).unwrap_err();
        assert!(
            unknown.names("columns[1]", code::UNKNOWN_FIELD)
                && unknown.names("columns[2]", code::DUPLICATE)
        );
        assert!(
            Table::parse("number\n\"201\n", KNOWN)
                .unwrap_err()
                .names("line 2", code::INVALID)
        );
        assert!(Table::parse("", KNOWN).is_err());
        let table = Table::parse("number,max\n201,x\n202,1,2\n", KNOWN).unwrap();
        assert_eq!(
            table.values(&table.rows[0], KNOWN).unwrap_err()[0].field,
            "max"
        );
        assert_eq!(
            table.values(&table.rows[1], KNOWN).unwrap_err()[0].code,
            code::TOO_MANY
        );
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "[\\x00-\\x7f]{0,200}") {
            if let Ok(table) = Table::parse(&text, KNOWN) {
                for row in &table.rows {
                    let _ = table.values(row, KNOWN);
                }
            }
        }

        #[test]
        fn quoted_values_come_back(value in "[ -~\n]{1,40}") {
            prop_assume!(!value.trim().is_empty());
            let text = format!("number,max\n\"{}\",1\n", value.replace('"', "\"\""));
            let table = Table::parse(&text, KNOWN).unwrap();
            prop_assert_eq!(&table.rows[0].fields[0], &value);
        }
    }
}
