//! Call detail records.

use std::{
    collections::{BTreeSet, HashMap},
    ops::RangeInclusive,
};

use jiff::{Timestamp, tz::TimeZone};
use ramal_model::{
    CallId, CallRecord, CallResult, CompanyId, Configuration, Direction, LegRecord, Party, UserId,
};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params, types::Type};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    Store,
    deliveries::{Happening, MissedCall},
    error::{Result, StoreError},
    writer::Haste,
};

/// Which calls to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct CallFilter {
    /// At most so many; 50 when left out, never more than 1000.
    pub limit: Option<u32>,
    /// Only calls before this one.
    pub before: Option<CallId>,
    /// Only calls whose caller or called number contains this, as dialled or as E.164.
    pub number: Option<String>,
    /// Only calls that ended so.
    pub result: Option<CallResult>,
    /// Only calls that began then or later, UTC ms.
    #[serde(default)]
    pub from: Option<i64>,
    /// Only calls that began before, UTC ms.
    #[serde(default)]
    pub until: Option<i64>,
    /// Only calls that came in, went out, or stayed inside.
    #[serde(default)]
    pub direction: Option<Direction>,
    /// Only calls that the extension with this number made or took, or that rang its phones.
    #[serde(default)]
    pub extension: Option<String>,
    /// Only calls that one of these users took part in; null is all.
    #[serde(default)]
    pub users: Option<Vec<UserId>>,
    /// Only calls of this company; null is all.
    #[serde(default)]
    pub company: Option<CompanyId>,
}

/// The day's calls in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallsSummary {
    /// Start of the day in the company's time zone, UTC ms.
    pub since: i64,
    /// All calls, also those in progress.
    pub total: u64,
    /// Answered calls that have ended.
    pub answered: u64,
    /// Calls nobody took: no answer, busy, cancelled, rejected.
    pub missed: u64,
    /// Calls that failed, were interrupted, or had an unknown number.
    pub failed: u64,
    /// Calls that have not ended.
    pub in_progress: u64,
    /// Seconds between answer and end, of all answered calls together.
    pub talk_s: u64,
}

/// Marks calls that a crash left open. When they ended is not known. A full disk must not keep the gateway from
/// starting, so a failure is only logged; the next start tries again.
pub(crate) fn mark_interrupted(connection: &Connection) {
    let marked = connection.execute(
        "UPDATE calls SET result = 'interrupted' WHERE result IS NULL",
        [],
    );
    match marked {
        Ok(0) => {}
        Ok(calls) => tracing::warn!(calls, "calls were in progress when the gateway stopped"),
        Err(error) => tracing::error!(%error, "calls left open by a crash could not be marked"),
    }
}

impl Store {
    /// Writes the row of a call that begins. A row with this id is replaced.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] and other failures of the database; the call itself need not suffer from them.
    pub async fn call_started(&self, call: &CallRecord) -> Result<()> {
        self.write_call(call).await
    }

    /// Completes the row of a call that ended; writes it when its start could not be written.
    ///
    /// # Errors
    /// As [`Store::call_started`].
    pub async fn call_ended(&self, call: &CallRecord) -> Result<()> {
        self.write_call(call).await
    }

    async fn write_call(&self, call: &CallRecord) -> Result<()> {
        let row = CallRow::of(call)?;
        let configuration = self.configuration();
        let happenings = Happening::of_call(&configuration, call);
        let missed = MissedCall::of(&configuration, call);
        let told = self
            .writer
            .run_with(Haste::Patient, move |write| {
                row.insert(write.connection, &write.configuration)?;
                let mut told = false;
                for happening in happenings {
                    told |= write.publish(happening)?;
                }
                if let Some(missed) = missed {
                    told |= write.text_back(&missed)?;
                }
                Ok(told)
            })
            .await?;
        self.tell_of_deliveries(told);
        Ok(())
    }

    /// Calls that pass the filter, newest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn calls(&self, filter: CallFilter) -> Result<Vec<CallRecord>> {
        self.readers
            .run(move |connection| list(connection, &filter))
            .await
    }

    /// Whether one of these users took part in a call.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn call_is_of(&self, id: CallId, users: Vec<UserId>) -> Result<bool> {
        self.readers
            .run(move |connection| {
                let found = connection
                    .prepare_cached(&format!(
                        "SELECT 1 FROM call_users WHERE call = ?1 AND {} LIMIT 1",
                        one_of("user", &users)
                    ))?
                    .exists([id.as_str()])?;
                Ok(found)
            })
            .await
    }

    /// The company whose call it is; none when there is no such call.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn company_of_call(&self, id: CallId) -> Result<Option<CompanyId>> {
        self.readers
            .run(move |connection| {
                let company = connection
                    .prepare_cached("SELECT company FROM calls WHERE id = ?1")?
                    .query_row([id.as_str()], |row| row.get(0))
                    .optional()?;
                Ok(company.map(CompanyId))
            })
            .await
    }

    /// The call `id`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn call(&self, id: CallId) -> Result<CallRecord> {
        self.readers
            .run(move |connection| {
                connection
                    .prepare_cached(&format!("SELECT {COLUMNS} FROM calls WHERE id = ?1"))?
                    .query_row([id.as_str()], read)
                    .map_err(|error| match error {
                        rusqlite::Error::QueryReturnedNoRows => StoreError::not_found("call", &id),
                        error => error.into(),
                    })
            })
            .await
    }

    /// Milliseconds that were talked since `day` (UTC ms) on legs charged to extensions, by their numbers.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn charged_since(&self, day: i64) -> Result<HashMap<String, i64>> {
        self.readers
            .run(move |connection| charged(connection, day))
            .await
    }

    /// Today's calls in figures, those of one company if it is given; today begins at midnight in the company's time zone.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn calls_summary_today(&self, company: Option<CompanyId>) -> Result<CallsSummary> {
        let zone = self
            .configuration()
            .company()
            .map(|company| company.time_zone.clone());
        let since = midnight(self.now(), zone.as_deref().unwrap_or("UTC"));
        self.readers
            .run(move |connection| summary(connection, since, company))
            .await
    }
}

const COLUMNS: &str = "id, started_at, answered_at, ended_at, direction, caller_number, caller_name, callee_number, \
                       callee_name, result, end_reason, legs, trace, ivr_path, caller_e164, callee_e164, company";

const INSERT: &str = "INSERT OR REPLACE INTO calls (id, started_at, answered_at, ended_at, direction, caller_number, \
                      caller_name, callee_number, callee_name, result, end_reason, legs, trace, ivr_path, \
                      caller_e164, callee_e164, company, extensions)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";

/// What is written of a call. Its legs and trace are text already: copying them as they are would take longer.
struct CallRow {
    id: CallId,
    started_at: i64,
    answered_at: Option<i64>,
    ended_at: Option<i64>,
    direction: Direction,
    caller: Party,
    callee: Party,
    result: Option<CallResult>,
    end_reason: String,
    legs: String,
    trace: String,
    ivr_path: String,
    caller_e164: Option<String>,
    callee_e164: Option<String>,
    company: CompanyId,
    /// Extensions that took part without being caller or callee, each between spaces.
    extensions: String,
    /// Numbers that took part.
    parties: Vec<String>,
}

impl CallRow {
    fn of(call: &CallRecord) -> Result<Self> {
        Ok(Self {
            id: call.id.clone(),
            started_at: call.started_at,
            answered_at: call.answered_at,
            ended_at: call.ended_at,
            direction: call.direction,
            caller: call.caller.clone(),
            callee: call.callee.clone(),
            result: call.result,
            end_reason: call.end_reason.clone(),
            legs: serde_json::to_string(&call.legs)?,
            trace: serde_json::to_string(&call.trace)?,
            ivr_path: call.ivr_path.clone(),
            caller_e164: call.caller_e164.clone(),
            callee_e164: call.callee_e164.clone(),
            company: call.company,
            extensions: other_extensions(call),
            parties: [&call.caller.number, &call.callee.number]
                .into_iter()
                .chain(call.legs.iter().map(|leg| &leg.party))
                .filter(|number| !number.is_empty())
                .cloned()
                .collect(),
        })
    }

    fn insert(self, connection: &Connection, configuration: &Configuration) -> Result<()> {
        let direction = json!(self.direction);
        connection.prepare_cached(INSERT)?.execute(params![
            self.id.as_str(),
            self.started_at,
            self.answered_at,
            self.ended_at,
            direction.as_str(),
            self.caller.number,
            self.caller.name,
            self.callee.number,
            self.callee.name,
            self.result.map(CallResult::as_str),
            self.end_reason,
            self.legs,
            self.trace,
            self.ivr_path,
            self.caller_e164,
            self.callee_e164,
            self.company.0,
            self.extensions,
        ])?;
        for number in &self.parties {
            let extension = configuration.extension_by_number(number);
            let user = extension.and_then(|extension| configuration.user_at(extension.id));
            let Some(user) = user else { continue };
            connection
                .prepare_cached("INSERT OR IGNORE INTO call_users (user, call) VALUES (?1, ?2)")?
                .execute(params![user.id.0, self.id.as_str()])?;
        }
        Ok(())
    }
}

/// Digits of an extension's number.
const EXTENSION_DIGITS: RangeInclusive<usize> = 2..=7;

/// The extensions on the legs of a call that are not its caller or callee, each between spaces: who took a call from outside,
/// whose callee stays the number that was called. All numbers of that form, as what has been deleted is still looked for.
fn other_extensions(call: &CallRecord) -> String {
    let parties = call.legs.iter().map(|leg| leg.party.as_str());
    let extensions: BTreeSet<&str> = parties
        .filter(|party| {
            EXTENSION_DIGITS.contains(&party.len())
                && party.bytes().all(|digit| digit.is_ascii_digit())
                && *party != call.caller.number
                && *party != call.callee.number
        })
        .collect();
    if extensions.is_empty() {
        return String::new();
    }
    let extensions: Vec<&str> = extensions.into_iter().collect();
    format!(" {} ", extensions.join(" "))
}

/// A condition that a column has one of these ids. They are numbers, so nothing can be slipped in.
pub(crate) fn one_of(column: &str, users: &[UserId]) -> String {
    let ids: Vec<String> = users.iter().map(|user| user.0.to_string()).collect();
    format!("{column} IN ({})", ids.join(", "))
}

/// Up to so many calls of some users are gathered before the others are looked through; beyond that each call is asked whose it is.
const FEW: usize = 20_000;

/// A condition that one of these users took part in a call. Gathering the calls of a large team would take seconds; asking
/// each call whose it is takes as long where hardly any is theirs.
fn taken_part(connection: &Connection, users: &[UserId], few: usize) -> Result<String> {
    let of_user = one_of("user", users);
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM call_users WHERE {of_user} LIMIT {})",
        few.saturating_add(1)
    );
    let calls: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok(if usize::try_from(calls).is_ok_and(|calls| calls <= few) {
        format!("id IN (SELECT call FROM call_users WHERE {of_user})")
    } else {
        // The `+` keeps the index from being searched once for each user.
        format!("EXISTS (SELECT 1 FROM call_users WHERE call = calls.id AND +{of_user})")
    })
}

fn list(connection: &Connection, filter: &CallFilter) -> Result<Vec<CallRecord>> {
    list_by(connection, filter, FEW)
}

fn list_by(connection: &Connection, filter: &CallFilter, few: usize) -> Result<Vec<CallRecord>> {
    let number = filter
        .number
        .as_deref()
        .map(str::trim)
        .filter(|number| !number.is_empty());
    // The inner query runs on the search index alone, newest first, and stops when it has enough.
    let mut condition = String::from("1");
    if filter.before.is_some() {
        condition.push_str(" AND id < :before");
    }
    if number.is_some() {
        // Whoever searches for +55 51 means the number, however it was dialled.
        condition.push_str(
            " AND (instr(caller_number, :number) OR instr(callee_number, :number) \
               OR instr(caller_e164, :number) OR instr(callee_e164, :number))",
        );
    }
    for (asked, part) in [
        (filter.result.is_some(), " AND result = :result"),
        (filter.from.is_some(), " AND id >= :from"),
        (filter.until.is_some(), " AND id < :until"),
        (filter.direction.is_some(), " AND direction = :direction"),
        (
            filter.extension.is_some(),
            // Several numbers in one are none.
            " AND (caller_number = :extension OR callee_number = :extension \
               OR (instr(extensions, ' ' || :extension || ' ') AND NOT instr(:extension, ' ')))",
        ),
    ] {
        if asked {
            condition.push_str(part);
        }
    }
    if let Some(users) = &filter.users {
        condition.push_str(" AND ");
        condition.push_str(&taken_part(connection, users, few)?);
    }
    // Few of the calls may be a further company's, most are the default one's.
    let index = match filter.company {
        Some(company) if !company.is_default() => {
            condition.push_str(&format!(" AND company = {company} AND company <> 0"));
            "calls_of_companies"
        }
        Some(_) => {
            condition.push_str(" AND company = 0");
            "calls_search"
        }
        None => "calls_search",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM calls WHERE id IN (
             SELECT id FROM calls INDEXED BY {index} WHERE {condition} ORDER BY id DESC LIMIT :limit
         ) ORDER BY id DESC"
    );
    let mut rows = connection.prepare_cached(&sql)?;
    let before = filter.before.as_ref().map(CallId::as_str);
    let result = filter.result.map(CallResult::as_str);
    let limit = filter.limit.unwrap_or(50).min(1000);
    // A call's id begins with when it began.
    let first = |at: i64| CallId::new(at, [0; 10]).to_string();
    let (from, until) = (filter.from.map(first), filter.until.map(first));
    let direction = filter.direction.map(Direction::as_str);
    let all = named_params! {
        ":before": before, ":number": number, ":result": result, ":limit": limit, ":from": from, ":until": until,
        ":direction": direction, ":extension": filter.extension,
    };
    let mut used = Vec::with_capacity(all.len());
    for (name, value) in all {
        if rows.parameter_index(name)?.is_some() {
            used.push((*name, *value));
        }
    }
    let calls = rows
        .query_map(used.as_slice(), read)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(calls)
}

fn read(row: &Row<'_>) -> rusqlite::Result<CallRecord> {
    Ok(CallRecord {
        id: word(row, 0)?,
        started_at: row.get(1)?,
        answered_at: row.get(2)?,
        ended_at: row.get(3)?,
        direction: word(row, 4)?,
        caller: Party {
            number: row.get(5)?,
            name: row.get(6)?,
        },
        callee: Party {
            number: row.get(7)?,
            name: row.get(8)?,
        },
        result: match row.get_ref(9)? {
            rusqlite::types::ValueRef::Null => None,
            _ => Some(word(row, 9)?),
        },
        end_reason: row.get(10)?,
        legs: document(row, 11)?,
        trace: document(row, 12)?,
        ivr_path: row.get(13)?,
        caller_e164: row.get(14)?,
        callee_e164: row.get(15)?,
        company: CompanyId(row.get(16)?),
    })
}

/// A column that holds one word of an enumeration.
fn word<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_value(json!(text)).map_err(|error| unreadable(column, error))
}

fn document<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}

fn summary(
    connection: &Connection,
    since: i64,
    company: Option<CompanyId>,
) -> Result<CallsSummary> {
    let first = CallId::new(since, [0; 10]);
    let mut rows = connection.prepare_cached(
        "SELECT result, count(*),
                coalesce(sum(CASE WHEN answered_at IS NOT NULL AND ended_at > answered_at
                             THEN ended_at - answered_at ELSE 0 END), 0)
         FROM calls WHERE id >= ?1 AND (?2 IS NULL OR company = ?2) GROUP BY result",
    )?;
    let mut summary = CallsSummary {
        since,
        ..CallsSummary::default()
    };
    let mut talk_ms = 0u64;
    let mut rows = rows.query(params![first.as_str(), company.map(|company| company.0)])?;
    while let Some(row) = rows.next()? {
        let result: Option<String> = row.get(0)?;
        let count = row.get::<_, i64>(1)?.unsigned_abs();
        summary.total += count;
        talk_ms += row.get::<_, i64>(2)?.unsigned_abs();
        match result.as_deref() {
            None => summary.in_progress += count,
            Some("answered") => summary.answered += count,
            Some("no_answer" | "busy" | "cancelled" | "rejected") => summary.missed += count,
            Some(_) => summary.failed += count,
        }
    }
    summary.talk_s = talk_ms / 1000;
    Ok(summary)
}

/// The last midnight before `now` (UTC ms) in a zone; where the zone skips midnight, the first moment of the day.
fn midnight(now: i64, zone: &str) -> i64 {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    Timestamp::from_millisecond(now)
        .ok()
        .and_then(|now| now.to_zoned(zone).start_of_day().ok())
        .map_or(0, |start| start.timestamp().as_millisecond())
}

/// A call that began longer before the day than this is not looked for any more: none goes on for so long.
const LONGEST_CALL: i64 = 24 * 60 * 60 * 1000;

fn charged(connection: &Connection, day: i64) -> Result<HashMap<String, i64>> {
    // Ids sort by start.
    let first = CallId::new(day - LONGEST_CALL, [0; 10]);
    let mut calls = connection
        .prepare("SELECT legs FROM calls WHERE id >= ?1 AND legs LIKE '%\"charged_to\"%'")?;
    let mut rows = calls.query([first.as_str()])?;
    let mut charged = HashMap::new();
    while let Some(row) = rows.next()? {
        let legs: String = row.get(0)?;
        // What cannot be read is found by the check of the whole database.
        let legs: Vec<LegRecord> = serde_json::from_str(&legs).unwrap_or_default();
        for leg in legs {
            let talked = leg.talked_since(day);
            if let Some(number) = leg.charged_to {
                *charged.entry(number).or_default() += talked;
            }
        }
    }
    Ok(charged)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T9: the calls of few and of many people are found in different ways, and are the same.
    #[test]
    fn the_calls_of_a_team_are_found_either_way() {
        let folder = tempfile::tempdir().unwrap();
        let lock = crate::database::lock_dir(folder.path()).unwrap();
        let sealer = crate::seal::Sealer::open(folder.path()).unwrap();
        let opened = crate::database::open(folder.path(), lock, &sealer, 0);
        let connection = opened.unwrap().0.connection;
        let id = |index: i64| CallId::new(index, [0; 10]);
        for index in 0..60 {
            let insert = "INSERT INTO calls (id, started_at, direction, caller_number, caller_name, callee_number, \
                          callee_name, result, end_reason, legs, trace, ivr_path)
                          VALUES (?1, ?2, 'internal', '2001', '', '2002', '', 'answered', '', '[]', '[]', '')";
            let call = id(index);
            connection
                .execute(insert, params![call.as_str(), index])
                .unwrap();
            for user in [index % 3, index % 5 + 1] {
                let insert = "INSERT OR IGNORE INTO call_users (user, call) VALUES (?1, ?2)";
                connection
                    .execute(insert, params![user, call.as_str()])
                    .unwrap();
            }
        }
        for users in [vec![0], vec![1, 5], vec![4], vec![9], Vec::new()] {
            let filter = CallFilter {
                limit: Some(7),
                before: Some(id(50)),
                number: Some("2002".into()),
                users: Some(users.iter().copied().map(UserId).collect()),
                ..CallFilter::default()
            };
            let expected: Vec<_> = (0..50)
                .rev()
                .filter(|index| users.contains(&(index % 3)) || users.contains(&(index % 5 + 1)))
                .take(7)
                .map(id)
                .collect();
            for few in [0, 1_000] {
                let found = list_by(&connection, &filter, few).unwrap();
                let found: Vec<_> = found.into_iter().map(|call| call.id).collect();
                assert_eq!(found, expected, "{users:?}, {few}");
            }
        }
    }

    #[test]
    fn the_day_begins_at_midnight_where_the_company_is() {
        // 2026-11-21T02:00:00Z is still the 20th in São Paulo (UTC-3): its day began at 03:00Z.
        let now = 1_795_226_400_000;
        assert_eq!(midnight(now, "America/Sao_Paulo"), now - 23 * 3_600_000);
        assert_eq!(midnight(now, "UTC"), now - 2 * 3_600_000);
        assert_eq!(midnight(now, "No/Such"), now - 2 * 3_600_000);
    }
}
