//! How many durable call rows a second the store takes, by the number of calls that end at the same time.
//!
//! `cargo bench -p ramal-store` prints one line of JSON per number. The database lies in the current directory's file
//! system, because a temporary directory is often kept in memory, where a sync costs nothing.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Instant;

use ramal_model::{CallId, CallRecord, CallResult, Direction, Party};
use ramal_store::Store;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for writers in [1u8, 4, 16, 64, 250] {
        let dir = tempfile::tempdir_in(".").unwrap();
        let store = Store::open(dir.path()).unwrap();
        let rows = 20 + 20 * i64::from(writers);
        let each = rows / i64::from(writers);
        let begin = Instant::now();
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for writer in 0..writers {
                let store = store.clone();
                tasks.spawn(async move {
                    for second in 0..each {
                        store.call_ended(&row(second, writer)).await.unwrap();
                    }
                });
            }
            tasks.join_all().await;
        });
        let seconds = begin.elapsed().as_secs_f64();
        let total = each * i64::from(writers);
        println!(
            "{{\"writers\": {writers}, \"rows\": {total}, \"rows_per_second\": {:.0}, \"ms_per_row_seen\": {:.2}}}",
            total as f64 / seconds,
            seconds * 1000.0 / each as f64
        );
        runtime.block_on(store.close());
    }
}

fn row(second: i64, writer: u8) -> CallRecord {
    let started_at = 1_795_226_400_000 + second * 1000;
    CallRecord {
        id: CallId::new(started_at, [writer; 10]),
        started_at,
        answered_at: Some(started_at + 3000),
        ended_at: Some(started_at + 60_000),
        direction: Direction::Internal,
        caller: Party {
            number: "2001".into(),
            name: "Portaria".into(),
        },
        callee: Party {
            number: "2002".into(),
            name: "Vendas".into(),
        },
        result: Some(CallResult::Answered),
        end_reason: "caller hung up".into(),
        legs: Vec::new(),
        trace: Vec::new(),
        ivr_path: String::new(),
        company: ramal_model::CompanyId::DEFAULT,
        caller_e164: None,
        callee_e164: None,
    }
}
