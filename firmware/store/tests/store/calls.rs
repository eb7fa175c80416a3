//! Call rows, searches, summaries, registrations and bans.

use crate::support::{START, actor, call, extension, open, set_up};
use ramal_model::{
    Binding, CallId, CallResult, CompanyId, Direction, ExtensionChange, LegKind, LegRecord,
    TollClass,
};
use ramal_store::{BAN_MEMORY_MS, BannedSource, CallFilter, Store, StoreError, StoredBan};

async fn numbers(store: &Store, filter: CallFilter) -> Vec<String> {
    store
        .calls(filter)
        .await
        .unwrap()
        .into_iter()
        .map(|call| call.caller.number)
        .collect()
}

#[tokio::test]
async fn a_call_is_one_row_from_its_start_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let mut record = call(0, "2001", "2002");
    store.call_started(&record).await.unwrap();
    assert_eq!(store.call(record.id.clone()).await.unwrap(), record);
    record.answered_at = Some(START + 4000);
    record.ended_at = Some(START + 10_000);
    record.result = Some(CallResult::Answered);
    record.end_reason = "caller hung up".into();
    record
        .trace
        .push(serde_json::json!({ "step": "extension", "number": "2002" }));
    record.legs.push(LegRecord {
        kind: LegKind::Sip,
        party: "2001".into(),
        device: "desk phone".into(),
        codec: Some("PCMA".into()),
        started_at: START,
        answered_at: Some(START + 4000),
        ended_at: Some(START + 10_000),
        cause: "normal clearing".into(),
        packets_received: 300,
        packets_sent: 299,
        packets_lost: 1,
        jitter_ms: 0.25,
        encryption: Some("AEAD_AES_128_GCM".into()),
        mos: Some(4.25),
        remote_mos: None,
        round_trip_ms: Some(1.5),
        toll: Some(TollClass::Mobile),
        charged_to: Some("2001".into()),
    });
    store.call_ended(&record).await.unwrap();
    assert_eq!(store.calls(CallFilter::default()).await.unwrap(), [record]);
    let charged = |day| store.charged_since(day);
    let whole = charged(START).await.unwrap();
    assert_eq!(whole, [("2001".to_owned(), 6000)].into());
    let rest = charged(START + 9000).await.unwrap();
    assert_eq!(rest, [("2001".to_owned(), 1000)].into());
    let unknown = CallId::new(5, [0; 10]);
    assert!(matches!(
        store.call(unknown).await,
        Err(StoreError::NotFound { .. })
    ));
}

#[tokio::test]
async fn searches_filter_page_and_go_backwards_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    for second in 0..10 {
        let mut record = call(
            second,
            &format!("200{second}"),
            if second % 2 == 0 {
                "11987654321"
            } else {
                "3000"
            },
        );
        record.result = Some(if second < 5 {
            CallResult::Busy
        } else {
            CallResult::NoAnswer
        });
        store.call_ended(&record).await.unwrap();
    }
    let page = |limit, before| CallFilter {
        limit: Some(limit),
        before,
        ..CallFilter::default()
    };
    assert_eq!(
        numbers(&store, page(3, None)).await,
        ["2009", "2008", "2007"]
    );
    let third = store.calls(page(3, None)).await.unwrap().pop().unwrap().id;
    assert_eq!(
        numbers(&store, page(3, Some(third))).await,
        ["2006", "2005", "2004"]
    );
    let number = |number: &str| CallFilter {
        number: Some(number.into()),
        ..CallFilter::default()
    };
    assert_eq!(
        numbers(&store, number(" 98765 ")).await,
        ["2008", "2006", "2004", "2002", "2000"]
    );
    assert_eq!(numbers(&store, number("2003")).await, ["2003"]);
    assert_eq!(numbers(&store, number("%")).await.len(), 0);
    let busy = CallFilter {
        result: Some(CallResult::Busy),
        number: Some("3000".into()),
        ..CallFilter::default()
    };
    assert_eq!(numbers(&store, busy).await, ["2003", "2001"]);
    assert_eq!(numbers(&store, page(0, None)).await.len(), 0);
    let began = |from: i64, until: i64| CallFilter {
        from: Some(START + from),
        until: Some(START + until),
        ..CallFilter::default()
    };
    assert_eq!(numbers(&store, began(2_000, 4_000)).await, ["2003", "2002"]);
    assert_eq!(numbers(&store, began(2_001, 3_000)).await.len(), 0);
    let mut inbound = call(20, "5133336666", "2004");
    inbound.direction = Direction::Inbound;
    store.call_ended(&inbound).await.unwrap();
    let direction = CallFilter {
        direction: Some(Direction::Inbound),
        ..CallFilter::default()
    };
    assert_eq!(numbers(&store, direction).await, ["5133336666"]);
    let extension = CallFilter {
        extension: Some("2004".into()),
        ..CallFilter::default()
    };
    assert_eq!(numbers(&store, extension).await, ["5133336666", "2004"]);
}

/// A call from outside keeps the number that was called; who took it stands on a leg.
#[tokio::test]
async fn an_extension_is_found_by_the_legs_of_a_call() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let leg = |party: &str| -> LegRecord {
        serde_json::from_value(
            serde_json::json!({ "kind": "sip", "party": party, "started_at": 1 }),
        )
        .unwrap()
    };
    for (second, caller, callee, parties) in [
        (
            1,
            "5133336661",
            "555133334444",
            vec!["Carrier", "2001", "2002", "2001"],
        ),
        (
            2,
            "5133336662",
            "555133334444",
            vec!["Carrier", "20012", "12001"],
        ),
        (3, "2002", "5133337777", vec!["2002", "Carrier"]),
        (4, "5133336664", "2002", vec!["2002"]),
    ] {
        let mut record = call(second, caller, callee);
        record.legs = parties.into_iter().map(leg).collect();
        store.call_started(&record).await.unwrap();
        record.result = Some(CallResult::Answered);
        store.call_ended(&record).await.unwrap();
    }
    let of = |extension: &str| CallFilter {
        extension: Some(extension.into()),
        ..CallFilter::default()
    };
    assert_eq!(numbers(&store, of("2001")).await, ["5133336661"]);
    let all = ["5133336664", "2002", "5133336661"];
    assert_eq!(numbers(&store, of("2002")).await, all);
    assert_eq!(numbers(&store, of("20012")).await, ["5133336662"]);
    for nobody in ["2003", "", " ", "200", "2001 2002"] {
        assert_eq!(numbers(&store, of(nobody)).await.len(), 0, "{nobody:?}");
    }
}

/// F234: further companies' calls lie apart from those of the default one, in every figure.
#[tokio::test]
async fn f234_calls_are_found_by_the_company_whose_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    for (second, company) in [(-50, 0), (-40, 7), (-30, 0), (-20, 7), (-10, 8)] {
        let mut record = call(second, "2001", &format!("30{}", -second));
        record.company = CompanyId(company);
        store.call_ended(&record).await.unwrap();
    }
    let of = |company: Option<i64>| CallFilter {
        company: company.map(CompanyId),
        ..CallFilter::default()
    };
    let found = |filter: CallFilter| async {
        let calls = store.calls(filter).await.unwrap();
        let called = calls.into_iter().map(|call| call.callee.number);
        called.collect::<Vec<_>>()
    };
    assert_eq!(found(of(Some(0))).await, ["3030", "3050"]);
    assert_eq!(found(of(Some(7))).await, ["3020", "3040"]);
    assert_eq!(found(of(Some(9))).await, Vec::<String>::new());
    assert_eq!(found(of(None)).await.len(), 5);
    let narrowed = CallFilter {
        number: Some("304".into()),
        ..of(Some(7))
    };
    assert_eq!(found(narrowed).await, ["3040"]);
    for (company, total) in [(Some(0), 2), (Some(7), 2), (Some(9), 0), (None, 5)] {
        let summary = store.calls_summary_today(company.map(CompanyId)).await;
        assert_eq!(summary.unwrap().total, total, "{company:?}");
    }
}

#[tokio::test]
async fn the_summary_counts_the_companys_day() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    // It is 23:00 in São Paulo. Yesterday's call is before the day began.
    let day = 23 * 3600;
    for (second, result, talk) in [
        (-day - 1, Some(CallResult::Answered), 100),
        (-day, Some(CallResult::Answered), 60),
        (-60, Some(CallResult::Answered), 30),
        (-50, Some(CallResult::NoAnswer), 0),
        (-40, Some(CallResult::Busy), 0),
        (-30, Some(CallResult::NotFound), 0),
        (-10, None, 0),
    ] {
        let mut record = call(second, "2001", "2002");
        record.result = result;
        if talk > 0 {
            record.answered_at = Some(record.started_at + 1000);
            record.ended_at = Some(record.started_at + 1000 + talk * 1000);
        }
        store.call_ended(&record).await.unwrap();
    }
    let summary = store.calls_summary_today(None).await.unwrap();
    assert_eq!(summary.since, START - day * 1000);
    assert_eq!(
        (
            summary.total,
            summary.answered,
            summary.missed,
            summary.failed,
            summary.in_progress
        ),
        (6, 2, 2, 1, 1)
    );
    assert_eq!(summary.talk_s, 90);
}

#[tokio::test]
async fn calls_left_open_by_a_crash_are_marked_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store.call_started(&call(0, "2001", "2002")).await.unwrap();
    let mut ended = call(1, "2003", "2004");
    ended.result = Some(CallResult::Cancelled);
    store.call_ended(&ended).await.unwrap();
    store.close().await;
    let (store, _) = open(dir.path());
    let calls = store.calls(CallFilter::default()).await.unwrap();
    assert_eq!(calls[0].result, Some(CallResult::Cancelled));
    assert_eq!(
        (calls[1].result, calls[1].ended_at),
        (Some(CallResult::Interrupted), None)
    );
}

#[tokio::test]
async fn readers_and_writers_work_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..8 {
        let store = store.clone();
        tasks.spawn(async move {
            for second in 0..25 {
                let mut record = call(worker * 100 + second, "2001", "2002");
                store.call_started(&record).await.unwrap();
                // What was acknowledged is visible to every reader from then on.
                assert_eq!(store.call(record.id.clone()).await.unwrap().result, None);
                record.result = Some(CallResult::Answered);
                store.call_ended(&record).await.unwrap();
                assert_eq!(
                    store.call(record.id).await.unwrap().result,
                    Some(CallResult::Answered)
                );
                store.calls(CallFilter::default()).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let filter = CallFilter {
        limit: Some(1000),
        ..CallFilter::default()
    };
    assert_eq!(store.calls(filter).await.unwrap().len(), 200);
}

#[tokio::test]
async fn registrations_survive_a_restart_until_they_expire_or_lose_their_extension() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let mut ids = Vec::new();
    for number in ["2001", "2002", "2003"] {
        ids.push(
            store
                .create_extension(&actor(), extension(number))
                .await
                .unwrap()
                .0
                .id,
        );
    }
    let binding = |slot: usize, contact: &str, expires_in: i64| Binding {
        extension: ids[slot],
        contact: contact.into(),
        source: "127.0.0.1:5060".into(),
        transport: "udp".into(),
        user_agent: "desk phone".into(),
        instance: "<urn:uuid:00000000-0000-1000-8000-000A95A0E128>".into(),
        reg_id: 1,
        path: "<sip:p1.example.com;lr>,<sip:p2.example.com;lr>".into(),
        call_id: "a@b".into(),
        cseq: 7,
        registered_at: START,
        expires_at: START + expires_in,
    };
    let kept = binding(0, "sip:2001@127.0.0.1", 60_000);
    let bindings = vec![
        kept.clone(),
        binding(0, "sip:2001@127.0.0.2", 1000),
        binding(1, "sip:b", 60_000),
        binding(2, "sip:c", 60_000),
    ];
    store.write_bindings(Vec::new(), bindings).await.unwrap();
    let renewed = vec![kept.clone()];
    store.write_bindings(Vec::new(), renewed).await.unwrap();
    store.delete_extension(&actor(), ids[1]).await.unwrap();
    let change = ExtensionChange {
        number: Some("2009".into()),
        ..Default::default()
    };
    store
        .update_extension(&actor(), ids[2], change)
        .await
        .unwrap();
    // The extension of the first is gone; that must not keep back the second.
    let late = vec![binding(1, "sip:b", 60_000), kept.clone()];
    store.write_bindings(Vec::new(), late).await.unwrap();
    store.close().await;
    let (store, hands) = open(dir.path());
    assert_eq!(store.bindings().await.unwrap().len(), 2);
    hands.forward(1000);
    assert_eq!(store.bindings().await.unwrap(), std::slice::from_ref(&kept));
    let gone = vec![(ids[0], kept.contact.clone())];
    store.write_bindings(gone, Vec::new()).await.unwrap();
    assert!(store.bindings().await.unwrap().is_empty());
}

#[tokio::test]
async fn bans_survive_a_restart_until_they_count_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let ban = |address: &str, account: &str, lasts: i64| StoredBan {
        source: BannedSource {
            address: address.into(),
            account: account.into(),
        },
        reason: "guessing".into(),
        since: START,
        until: START + lasts,
        count: 3,
    };
    let (short, long) = (
        ban("192.0.2.1", "2001", 1000),
        ban("2001:db8::", "", 60_000),
    );
    let lifted = ban("192.0.2.2", "", 60_000);
    let all = vec![short.clone(), long.clone(), lifted.clone()];
    store.write_bans(Vec::new(), all).await.unwrap();
    store
        .write_bans(vec![lifted.source], Vec::new())
        .await
        .unwrap();
    store.close().await;
    let (store, _) = open(dir.path());
    assert_eq!(store.bans(10).await.unwrap(), [long.clone(), short.clone()]);
    assert_eq!(store.bans(1).await.unwrap(), std::slice::from_ref(&long));
    store.close().await;
    let (store, hands) = open(dir.path());
    hands.forward(BAN_MEMORY_MS + 1000);
    assert_eq!(store.bans(10).await.unwrap(), [long]);
}
