//! How long the call history takes to answer with a million calls in it: every filter the API has, on the first page and far
//! back. Prints JSON; the exit code is 1 when an answer takes longer than a second.
//!
//! The rows are written by hand into the file of a new store, as no store would be given so many at once. The first answer
//! and the slowest one are printed; the slowest is judged.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ramal_model::{CallId, CallResult, UserId};
use ramal_store::{CallFilter, Store};
use rusqlite::{Connection, params};
use serde_json::json;

/// Calls, one every 30 seconds.
const CALLS: i64 = 1_000_000;
const EVERY_MS: i64 = 30_000;
/// When the first one began, UTC ms.
const FIRST: i64 = 1_760_000_000_000;
/// People with an extension each: numbers 2000 and up, which are their ids here as well.
const USERS: i64 = 200;
/// Longest answer allowed.
const ALLOWED: Duration = Duration::from_secs(1);
/// Each question is asked so often.
const TIMES: usize = 5;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("history: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let folder = match std::env::args_os().nth(1) {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    drop(Store::open(folder.path())?);
    fill(folder.path())?;
    let store = Store::open(folder.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut answers = Vec::new();
    let mut passed = true;
    for (asked, filter, rows) in questions() {
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let began = Instant::now();
            let calls = runtime.block_on(store.calls(filter.clone()))?;
            times.push(began.elapsed());
            if calls.len() != rows {
                return Err(format!("{asked}: {} calls for {rows}", calls.len()).into());
            }
        }
        let first = times.first().copied().unwrap_or_default();
        let slowest = times.into_iter().max().unwrap_or_default();
        passed &= slowest <= ALLOWED;
        answers.push(json!({
            "asked": asked, "calls": rows, "first_ms": first.as_millis(), "slowest_ms": slowest.as_millis(),
        }));
    }
    let report = json!({
        "calls": CALLS, "answers": answers, "allowed_ms": ALLOWED.as_millis(), "passed": passed,
    });
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(passed)
}

fn id(index: i64) -> CallId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&index.wrapping_mul(0x5851_F42D_4C95_7F2D).to_be_bytes());
    CallId::new(FIRST + index * EVERY_MS, random)
}

/// Who takes a call; the first of them take most.
fn extension(index: i64) -> i64 {
    let spread = index.wrapping_mul(7_919) % 10_000;
    2_000 + spread * spread / (100_000_000 / USERS)
}

fn caller(index: i64) -> String {
    let number = (index + 1).wrapping_mul(48_271) % 999_999_937;
    format!("+5551{number:09}")
}

fn fill(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut connection = Connection::open(folder.join("ramal.db"))?;
    let transaction = connection.transaction()?;
    {
        let mut call = transaction.prepare(
            "INSERT INTO calls (id, started_at, answered_at, ended_at, direction, caller_number, caller_name,
                                callee_number, callee_name, result, end_reason, legs, trace, ivr_path, extensions)
             VALUES (?1, ?2, ?3, ?4, 'inbound', ?5, '', ?6, ?7, ?8, '16', ?9, ?10, '1', ?11)",
        )?;
        let mut user =
            transaction.prepare("INSERT INTO call_users (user, call) VALUES (?1, ?2)")?;
        let trace = json!([
            { "at_ms": 0, "step": "came_in", "line": "Carrier", "number": "555133334444" },
            { "at_ms": 1, "step": "number", "number": "+555133334444", "label": "Geral" },
            { "at_ms": 2, "step": "ivr", "ivr": "Principal" },
            { "at_ms": 3, "step": "answered_by_gateway" },
            { "at_ms": 5200, "step": "ivr_key", "key": "1", "label": "Vendas" },
            { "at_ms": 5201, "step": "ringing", "contacts": 1, "seconds": 60 },
            { "at_ms": 9000, "step": "answered_by", "device": "192.0.2.10:5060" },
            { "at_ms": 99000, "step": "hung_up", "by": "caller" },
        ]);
        let trace = trace.to_string();
        for index in 0..CALLS {
            let (id, at) = (id(index), FIRST + index * EVERY_MS);
            let (extension, caller) = (extension(index), caller(index));
            let result = match index % 1_000 {
                0 => CallResult::Failed,
                1..=99 => CallResult::NoAnswer,
                100..=149 => CallResult::Busy,
                _ => CallResult::Answered,
            };
            let legs = json!([
                { "kind": "sip", "device": "trunk Carrier", "party": caller, "codec": "PCMA", "started_at": at },
                { "kind": "sip", "device": "192.0.2.10:5060", "party": extension.to_string(), "codec": "PCMA", "started_at": at },
            ]);
            let legs = legs.to_string();
            call.execute(params![
                id.as_str(),
                at,
                at + 9_000,
                at + 99_000,
                caller,
                extension.to_string(),
                format!("Ramal {extension}"),
                result.as_str(),
                legs,
                trace,
                // It rings a group as well.
                format!(" {} {} ", 8_000 + index % 100, 8_100 + index % 900),
            ])?;
            user.execute(params![extension, id.as_str()])?;
        }
    }
    Ok(transaction.commit()?)
}

/// What is asked, and how many calls the answer has.
fn questions() -> Vec<(&'static str, CallFilter, usize)> {
    let page = CallFilter {
        limit: Some(51),
        ..CallFilter::default()
    };
    let before = |index, filter: CallFilter| CallFilter {
        before: Some(id(index)),
        ..filter
    };
    let number = |number: &str, filter: CallFilter| CallFilter {
        number: Some(number.into()),
        ..filter
    };
    let result = |result, filter: CallFilter| CallFilter {
        result: Some(result),
        ..filter
    };
    let of = |users: std::ops::Range<i64>| CallFilter {
        users: Some(users.map(UserId).collect()),
        ..page.clone()
    };
    let team = || of(2_000..2_000 + USERS);
    let one = || of(2_000..2_001);
    let oldest = caller(3);
    let (nobody, never) = ("00000000000000", CallResult::NotFound);
    use CallResult::{Answered, Failed};
    vec![
        ("the first page", page.clone(), 51),
        ("a page far back", before(1_000, page.clone()), 51),
        ("the last page", before(20, page.clone()), 20),
        ("part of a number", number("999", page.clone()), 51),
        (
            "the number of an old call",
            number(&oldest, page.clone()),
            1,
        ),
        ("a number of nobody", number(nobody, page.clone()), 0),
        ("an extension", number("2007", page.clone()), 51),
        ("a rare result", result(Failed, page.clone()), 51),
        (
            "calls of a time when there was none",
            CallFilter {
                from: Some(1),
                until: Some(2),
                ..page.clone()
            },
            0,
        ),
        (
            "an extension that never called",
            CallFilter {
                extension: Some("9999".into()),
                ..page.clone()
            },
            0,
        ),
        (
            "an extension of a group",
            CallFilter {
                extension: Some("8107".into()),
                ..page.clone()
            },
            51,
        ),
        ("a result of no call", result(never, page.clone()), 0),
        (
            "a rare result far back",
            before(1_000, result(Failed, page.clone())),
            1,
        ),
        (
            "a rare result of an old number",
            number(&oldest, result(Failed, page.clone())),
            0,
        ),
        ("one person", one(), 51),
        ("one person far back", before(1_000, one()), 51),
        ("somebody who rarely calls", of(2_199..2_200), 51),
        ("somebody without calls", of(1..2), 0),
        ("a team of 200", team(), 51),
        ("a team of 200 far back", before(1_000, team()), 51),
        (
            "a team of 200, a number of nobody",
            number(nobody, team()),
            0,
        ),
        (
            "a team of 200, a result of no call",
            result(never, team()),
            0,
        ),
        ("a team of 200, a rare result", result(Failed, team()), 51),
        ("one person, a number of nobody", number(nobody, one()), 0),
        (
            "a team without calls, a common result",
            result(Answered, of(1..201)),
            0,
        ),
    ]
}
