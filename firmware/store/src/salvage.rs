//! Reading rows out of a file, also out of a damaged one: whatever can be read on both sides of what cannot.

use std::{
    collections::{BTreeSet, VecDeque},
    ops::ControlFlow,
};

use rusqlite::{Connection, params_from_iter, types::Value};

use crate::error::{Result, StoreError};

/// Places of one table that are tried at most after something could not be read.
const PROBES: u32 = 4_000;

/// What came of reading a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub rows: u64,
    /// Whether some part could not be read.
    pub unreadable: bool,
}

/// Takes a row; breaks off when no more are wanted.
pub(crate) type Sink<'a> = dyn FnMut(&[Value]) -> Result<ControlFlow<()>> + 'a;

/// The names of a table's columns, in order.
pub(crate) fn columns(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut rows = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = rows.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// The columns that a table has in both files; none when it is not in both.
pub(crate) fn shared_columns(
    from: &Connection,
    to: &Connection,
    table: &str,
) -> Result<Vec<String>> {
    let there: BTreeSet<String> = columns(to, table)?.into_iter().collect();
    let mut shared = columns(from, table)?;
    shared.retain(|column| there.contains(column));
    Ok(shared)
}

/// Hands each row that can be read to `sink`. Errors are the sink's; what cannot be read is only counted.
pub(crate) fn read_rows(
    from: &Connection,
    table: &str,
    columns: &[String],
    sink: &mut Sink<'_>,
) -> Result<Tally> {
    let by_rowid = from
        .prepare(&format!("SELECT rowid FROM {table} LIMIT 0"))
        .is_ok();
    let mut reading = Reading {
        from,
        table,
        columns: columns.join(", "),
        width: columns.len(),
        sink,
        tally: Tally::default(),
        probes: PROBES,
        over: false,
    };
    if by_rowid {
        reading.between(i64::MIN, i64::MAX)?;
    } else if reading.in_order("")?.is_err() {
        reading.tally.unreadable = true;
        // Rows that were read already are handed over again; whoever takes them leaves out what it has.
        let key = primary_key(from, table).unwrap_or_default();
        if !key.is_empty() {
            let order: Vec<String> = key.iter().map(|column| format!("{column} DESC")).collect();
            let _ = reading.in_order(&format!("ORDER BY {}", order.join(", ")))?;
        }
    }
    Ok(reading.tally)
}

fn primary_key(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut rows =
        connection.prepare("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk")?;
    let names = rows.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// Something that could not be read lies behind this row id, or before it.
struct Unreadable(Option<i64>);

struct Reading<'a, 'b> {
    from: &'a Connection,
    table: &'a str,
    columns: String,
    width: usize,
    sink: &'a mut Sink<'b>,
    tally: Tally,
    probes: u32,
    over: bool,
}

impl Reading<'_, '_> {
    /// Reads the rows above `low` and below `high`: from both ends to what cannot be read, then what lies in between by
    /// halves.
    fn between(&mut self, low: i64, high: i64) -> Result<()> {
        let mut open = VecDeque::from([(low, high)]);
        while let Some((low, high)) = open.pop_front() {
            if self.over || self.probes == 0 {
                break;
            }
            self.probes -= 1;
            let Err(Unreadable(last)) = self.scan(low, high, "ASC")? else {
                continue;
            };
            self.tally.unreadable = true;
            let low = last.unwrap_or(low);
            let high = match self.scan(low, high, "DESC")? {
                Ok(()) => continue,
                Err(Unreadable(first)) => first.unwrap_or(high),
            };
            // Between are high - low - 1 rows at most; a single one is what cannot be read.
            let width = i128::from(high) - i128::from(low);
            let middle = i64::try_from(i128::from(low) + (width + 1) / 2).unwrap_or(low);
            if width > 2 {
                open.push_back((low, middle));
                open.push_back((middle - 1, high));
            }
        }
        Ok(())
    }

    fn scan(
        &mut self,
        low: i64,
        high: i64,
        direction: &str,
    ) -> Result<std::result::Result<(), Unreadable>> {
        let sql = format!(
            "SELECT rowid, {} FROM {} NOT INDEXED WHERE rowid > ?1 AND rowid < ?2 ORDER BY rowid {direction}",
            self.columns, self.table
        );
        let mut last = None;
        let Ok(mut statement) = self.from.prepare_cached(&sql) else {
            return Ok(Err(Unreadable(last)));
        };
        let Ok(mut rows) = statement.query([low, high]) else {
            return Ok(Err(Unreadable(last)));
        };
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(Ok(())),
                Err(_) => return Ok(Err(Unreadable(last))),
            };
            let Ok(id) = row.get::<_, i64>(0) else {
                return Ok(Err(Unreadable(last)));
            };
            last = Some(id);
            let values: rusqlite::Result<Vec<Value>> =
                (1..=self.width).map(|column| row.get(column)).collect();
            match values {
                Ok(values) => {
                    self.tally.rows += 1;
                    if (self.sink)(&values)?.is_break() {
                        self.over = true;
                        return Ok(Ok(()));
                    }
                }
                // A text that is none, for example.
                Err(_) => self.tally.unreadable = true,
            }
        }
    }

    fn in_order(&mut self, order: &str) -> Result<std::result::Result<(), Unreadable>> {
        let sql = format!("SELECT {} FROM {} {order}", self.columns, self.table);
        let Ok(mut statement) = self.from.prepare(&sql) else {
            return Ok(Err(Unreadable(None)));
        };
        let Ok(mut rows) = statement.query([]) else {
            return Ok(Err(Unreadable(None)));
        };
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(Ok(())),
                Err(_) => return Ok(Err(Unreadable(None))),
            };
            let values: rusqlite::Result<Vec<Value>> =
                (0..self.width).map(|column| row.get(column)).collect();
            let Ok(values) = values else {
                self.tally.unreadable = true;
                continue;
            };
            self.tally.rows += 1;
            if (self.sink)(&values)?.is_break() {
                return Ok(Ok(()));
            }
        }
    }
}

/// Copies what can be read of a table into another file. Rows that are there already stay; rows that do not fit there
/// are left out.
pub(crate) fn copy_table(from: &Connection, to: &Connection, table: &str) -> Result<Tally> {
    let columns = shared_columns(from, to, table)?;
    if columns.is_empty() {
        return Ok(Tally::default());
    }
    let mut insert = to.prepare(&insertion(table, &columns))?;
    let (mut copied, mut refused) = (0, false);
    let mut tally = read_rows(from, table, &columns, &mut |values| {
        match insert.execute(params_from_iter(values)) {
            Ok(rows) => copied += rows as u64,
            // What it belonged to is not there any more.
            Err(error) if is_orphan(&error) => {}
            Err(error) => match StoreError::from(error) {
                full @ StoreError::DiskFull(_) => return Err(full),
                _ => refused = true,
            },
        }
        Ok(ControlFlow::Continue(()))
    })?;
    tally.rows = copied;
    tally.unreadable |= refused;
    Ok(tally)
}

fn is_orphan(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
}

/// What inserts a row that is not there yet.
pub(crate) fn insertion(table: &str, columns: &[String]) -> String {
    let places: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
    format!(
        "INSERT OR IGNORE INTO {table} ({}) VALUES ({})",
        columns.join(", "),
        places.join(", ")
    )
}
