//! Each schema up to the newest and back, with rows in every table.

use std::{collections::BTreeMap, result::Result};

use rusqlite::{Connection, types::Value};

use super::*;

/// Rows for the tables and kinds of objects that a schema brought, in the form they had then.
const ROWS: &[(i64, &str)] = &[
    (
        1,
        r#"INSERT INTO objects (id, kind, document) VALUES
               (0, 'company', '{"legal_name":"Padaria Aurora","country":"BR","country_code":"55","area_code":"11","language":"pt-BR","time_zone":"America/Sao_Paulo"}'),
               (1, 'user', '{"id":1,"login":"helena","name":"Helena","email":null,"role":"admin","language":"pt-BR","active":true}'),
               (2, 'extension', '{"id":2,"number":"2001","display_name":"Caixa","language":null,"enabled":true,"max_calls":4,"ring_time":60}');
           INSERT INTO user_passwords (user, hash) VALUES (1, 'a hash');
           INSERT INTO extension_credentials (extension, md5, sha256) VALUES (2, zeroblob(16), zeroblob(32));
           INSERT INTO configuration_versions (version, at, actor) VALUES (1, 5, '{"kind":"local"}');
           INSERT INTO configuration_changes (version, place, object, object_id, after) VALUES (1, 0, 'extension', 2, '{}');
           INSERT INTO sessions VALUES (zeroblob(32), 1, 1, 2, 3, '10.0.0.1', 'a browser');
           INSERT INTO tokens (id, name, role, secret_hash, created_at, created_by) VALUES (1, 'CRM', 'auditor', zeroblob(32), 1, 'helena');
           INSERT INTO calls (id, started_at, direction, caller_number, caller_name, callee_number, callee_name, result, end_reason, legs, trace) VALUES
               ('a', 1, 'internal', '2001', '', '2002', '', 'answered', '', '[]', '[]'),
               ('b', 2, 'internal', '2003', '', '2001', '', NULL, '', '[]', '[]');
           INSERT INTO bindings (extension, contact, source, transport, user_agent, call_id, cseq, registered_at, expires_at)
               VALUES (2, 'sip:a', '10.0.0.2:5060', 'udp', 'a phone', 'c', 1, 1, 2);"#,
    ),
    (
        2,
        r#"INSERT INTO objects (id, kind, document) VALUES (10, 'trunk', '{"id":10,"name":"Carrier"}');
           INSERT INTO trunk_passwords VALUES (10, zeroblob(30));"#,
    ),
    (
        3,
        "UPDATE bindings SET instance = 'urn', reg_id = 1, path = 'p';",
    ),
    (
        4,
        r#"INSERT INTO objects (id, kind, document) VALUES
               (11, 'audio_file', '{"id":11,"name":"Welcome"}'), (12, 'music_class', '{"id":12,"name":"Jazz"}');"#,
    ),
    (
        5,
        r#"INSERT INTO recordings (id, call, file, started_at, on_demand) VALUES (1, 'a', 'f', 1, 0);
           INSERT INTO recording_accesses (recording, at, last_at, actor, address, action) VALUES (1, 1, 1, '{}', '', 'listened');"#,
    ),
    (
        6,
        "INSERT INTO bans VALUES ('10.0.0.9', '', 'guessing', 1, 2, 1);",
    ),
    (
        7,
        r#"INSERT INTO objects (id, kind, document) VALUES
               (13, 'e1_trunk', '{"id":13,"name":"E1","device":"span1"}'), (14, 'analogue_port', '{"id":14,"port":"fxo-1"}');"#,
    ),
    (
        8,
        r#"INSERT INTO objects (id, kind, document) VALUES
               (15, 'calendar', '{"id":15,"name":"Feriados"}'), (16, 'number', '{"id":16,"label":"Main"}'),
               (17, 'conference', '{"id":17,"name":"Room","number":"3001"}');"#,
    ),
    (
        9,
        r#"INSERT INTO voicemail_messages (id, mailbox, call, caller_number, caller_name, file, started_at) VALUES (1, 1, 'a', '', '', 'v', 1);
           INSERT INTO voicemail_accesses (message, at, last_at, actor, address, action) VALUES (1, 1, 1, '{}', '', 'listened');"#,
    ),
    (10, "UPDATE calls SET ivr_path = '12' WHERE id = 'a';"),
    (
        12,
        r#"INSERT INTO objects (id, kind, document) VALUES (18, 'break', '{"id":18,"name":"Lunch"}');
           INSERT INTO queue_members (member, extension) VALUES ('agent:1', 2);
           INSERT INTO agent_intervals (user, kind, name, began_at, ended_at, ended_by, exceeded) VALUES (1, 'pause', '', 1, 2, '', 0);"#,
    ),
    (13, "INSERT INTO agent_pins VALUES (1, 'a hash');"),
    (
        14,
        r#"INSERT INTO objects (id, kind, document) VALUES (19, 'team', '{"id":19,"name":"Sales"}'), (20, 'profile', '{"id":20,"name":"Clerk"}');
           INSERT OR IGNORE INTO call_users VALUES (1, 'a');
           INSERT OR IGNORE INTO audit (at, last_at, actor, version) VALUES (5, 5, '{}', 1);
           INSERT INTO version_secrets VALUES (1, 2, zeroblob(4));
           INSERT INTO drafts (id, name, at, actor) VALUES (1, 'Easter', 1, '{}');
           INSERT INTO draft_changes (draft, object, object_id, after) VALUES (1, 'extension', 2, '{}');"#,
    ),
    (
        15,
        r#"INSERT INTO objects (id, kind, document) VALUES (21, 'webhook', '{"id":21,"name":"CRM"}');
           INSERT INTO object_secrets VALUES (21, zeroblob(30));
           INSERT INTO events (id, at, kind, data) VALUES (1, 1, 'call_ended', '{}');
           INSERT INTO deliveries (event, way) VALUES (1, 'webhook');"#,
    ),
    // An index alone.
    (17, ""),
    (
        18,
        r#"INSERT INTO recoveries (at, cause, detail, settings, settings_at, settings_version, kept_aside, rows)
               VALUES (1, 'damaged', '', 'kept', 1, 1, '', 0);"#,
    ),
    (
        19,
        r#"INSERT INTO objects (id, kind, document) VALUES (22, 'contact', '{"id":22,"name":"Padaria"}');
           UPDATE objects SET document = json_set(document, '$.tax_id', '11222333000181', '$.cnl', '5100')
               WHERE kind = 'company';
           UPDATE calls SET caller_e164 = '+555133336666' WHERE id = 'a';"#,
    ),
    (
        20,
        r#"UPDATE objects SET document = json_set(document, '$.sip', json('{"external_address":"203.0.113.5","local_networks":[],"websocket_in_clear":false}'))
               WHERE kind = 'company';
           INSERT INTO queue_callbacks VALUES ('a', 16, '5133336666', '', 1, 0, NULL);
           INSERT INTO gateway_settings VALUES ('network', '{}');
           UPDATE objects SET document = json_set(document, '$.webrtc_allowed', json('false')) WHERE id = 2;
           UPDATE objects SET document = json_set(document, '$.working_hours', json('[{"start":"08:00","end":"18:00"}]'), '$.external_calls', json('false'), '$.caller_id', '+5551999990000') WHERE id = 1;"#,
    ),
    (
        21,
        r#"INSERT INTO objects (id, kind, document) VALUES (30, 'hosted_company', '{"id":30,"name":"Beta"}'), (31, 'paging_group', '{"id":31,"name":"Loja"}');
           UPDATE objects SET document = json_set(document, '$.voicedrops', json('[]'), '$.recording_out', 'all', '$.recording_notice', 12, '$.voicemail_greeting', 12, '$.whisper_text', 'Call', '$.accept_key', '5') WHERE kind = 'number';
           UPDATE objects SET document = json_set(document, '$.company', 30) WHERE id = 2;
           UPDATE calls SET company = 30;
           UPDATE objects SET document = json_set(document, '$.toll', json('{"all_countries":false,"countries":["34"]}')) WHERE kind = 'company';
           UPDATE objects SET document = json_set(document, '$.class_of_service', json('{"classes":["internal"],"calls_per_minute":5,"minutes_per_day":60}'), '$.pickup_groups', json('["Vendas"]'))
               WHERE id = 2;"#,
    ),
];

/// What somebody saves after the update and before it is taken back; every schema can hold it.
const SAVED: &str = r#"
    INSERT INTO objects (id, kind, document) VALUES
        (900, 'extension', '{"id":900,"number":"2900","display_name":"","language":null,"enabled":true,"max_calls":4,"ring_time":60}');
    INSERT INTO extension_credentials VALUES (900, zeroblob(16), zeroblob(32));
    UPDATE objects SET document = json_set(document, '$.display_name', 'Padaria') WHERE id = 2;
    INSERT INTO configuration_versions (version, at, actor) VALUES (2, 6, '{"kind":"local"}');
    INSERT INTO configuration_changes (version, place, object, object_id, after) VALUES (2, 0, 'extension', 900, '{}');
    INSERT INTO calls (id, started_at, direction, caller_number, caller_name, callee_number, callee_name, result, end_reason, legs, trace)
        VALUES ('c', 3, 'internal', '2900', '', '2001', '', 'answered', '', '[]', '[]');"#;

fn versions() -> Vec<i64> {
    std::iter::once(1)
        .chain(WAYS_BACK.iter().map(|(version, _)| *version))
        .collect()
}

fn rows(connection: &Connection, after: i64, up_to: i64) {
    for (_, sql) in ROWS
        .iter()
        .filter(|(version, _)| *version > after && *version <= up_to)
    {
        connection.execute_batch(sql).unwrap();
    }
}

/// A file as a program of that schema would have left it.
fn file(schema: i64) -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys = ON")
        .unwrap();
    raise_to(&mut connection, schema).unwrap();
    rows(&connection, 0, schema);
    connection
}

type Dump = BTreeMap<String, (Vec<String>, Vec<Vec<Value>>)>;

/// Every table with its columns and rows, in order.
fn dump(connection: &Connection) -> Dump {
    let names: Vec<String> = connection
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
             AND name NOT IN ('refinery_schema_history', 'schema_ways_back')",
        )
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut dump = Dump::new();
    for name in names {
        let columns = crate::salvage::columns(connection, &name).unwrap();
        let rows = read(connection, &name, &columns);
        dump.insert(name, (columns, rows));
    }
    dump
}

fn read(connection: &Connection, table: &str, columns: &[String]) -> Vec<Vec<Value>> {
    let listed = columns.join(", ");
    connection
        .prepare(&format!("SELECT {listed} FROM {table} ORDER BY {listed}"))
        .unwrap()
        .query_map([], |row| (0..columns.len()).map(|at| row.get(at)).collect())
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

/// The indexes with their columns and conditions, however their text is laid out.
fn indexes(connection: &Connection) -> Vec<String> {
    let mut indexes: Vec<String> = connection
        .prepare("SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
        .unwrap()
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap()
        .map(|sql| {
            sql.unwrap()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    indexes.sort();
    indexes
}

fn is_sound(connection: &Connection) {
    crate::integrity::check_whole(connection).unwrap();
    let orphans: i64 = connection
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(orphans, 0);
}

#[test]
fn every_schema_has_a_way_back_and_rows_to_try_it_with() {
    let runner = migrations::migrations::runner();
    let mut known: Vec<i64> = runner
        .get_migrations()
        .iter()
        .map(|migration| i64::from(migration.version()))
        .collect();
    known.sort_unstable();
    assert_eq!(versions(), known);
    let tried: Vec<i64> = ROWS.iter().map(|(version, _)| *version).collect();
    assert_eq!(tried, known);
    let full = dump(&file(latest()));
    let empty: Vec<&String> = full
        .iter()
        .filter(|(_, (_, rows))| rows.is_empty())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(empty, [] as [&String; 0], "tables without rows");
}

#[test]
fn each_schema_goes_up_with_all_that_it_holds() {
    for version in versions() {
        let mut connection = file(version);
        let before = dump(&connection);
        raise(&mut connection).unwrap();
        for (table, (columns, rows)) in before {
            assert_eq!(
                read(&connection, &table, &columns),
                rows,
                "{table} of schema {version}"
            );
        }
        is_sound(&connection);
    }
}

#[test]
fn each_schema_comes_back_with_all_that_was_saved_meanwhile() {
    for version in versions() {
        let mut connection = file(version);
        raise(&mut connection).unwrap();
        connection.execute_batch(SAVED).unwrap();
        // What only newer schemas can hold.
        rows(&connection, version, latest());
        lower(&mut connection, Path::new("ramal.db"), version).unwrap();
        assert_eq!(of(&connection).unwrap(), version);
        is_sound(&connection);

        let expected = file(version);
        expected.execute_batch(SAVED).unwrap();
        assert_eq!(indexes(&connection), indexes(&expected), "schema {version}");
        let (found, expected) = (dump(&connection), dump(&expected));
        for (table, contents) in &expected {
            assert_eq!(
                found.get(table),
                Some(contents),
                "{table} of schema {version}"
            );
        }
        assert_eq!(found.len(), expected.len(), "tables of schema {version}");

        // And up again.
        raise(&mut connection).unwrap();
        is_sound(&connection);
    }
}

#[test]
fn who_was_kept_to_less_than_his_role_gets_no_more_by_the_way_back() {
    let mut connection = file(latest());
    connection
        .execute_batch(
            r#"UPDATE objects SET document = json_set(document, '$.profile', 20) WHERE id = 1;
               UPDATE tokens SET permissions = '[]' WHERE id = 1;"#,
        )
        .unwrap();
    lower(&mut connection, Path::new("ramal.db"), 13).unwrap();
    let role: String = connection
        .query_row(
            "SELECT document ->> '$.role' FROM objects WHERE id = 1",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(role, "user");
    let tokens: i64 = connection
        .query_row("SELECT count(*) FROM tokens", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tokens, 0);
}

#[test]
fn who_was_kept_to_a_further_company_gets_not_the_gateway_by_the_way_back() {
    let mut connection = file(latest());
    let users = [
        (40, 30, "admin", None, "user"),
        (41, 30, "agent", None, "agent"),
        (42, 30, "agent", Some(20), "user"),
        (43, 0, "admin", None, "admin"),
        (44, 0, "supervisor", Some(20), "supervisor"),
        (45, 30, "auditor", None, "user"),
        (46, 30, "user", Some(20), "user"),
    ];
    for (id, company, role, profile, _) in users {
        let document = serde_json::json!({
            "id": id, "login": format!("user.{id}"), "role": role, "company": company, "profile": profile,
        });
        let insert = "INSERT INTO objects (id, kind, document) VALUES (?1, 'user', ?2)";
        connection
            .execute(insert, (id, document.to_string()))
            .unwrap();
    }
    lower(&mut connection, Path::new("ramal.db"), 20).unwrap();
    for (id, company, _, profile, role) in users {
        let found: (String, Option<i64>, Option<i64>) = connection
            .query_row(
                "SELECT document ->> '$.role', document ->> '$.profile', document ->> '$.company'
                 FROM objects WHERE id = ?1",
                [id],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .unwrap();
        let profile = profile.filter(|_| company == 0);
        assert_eq!(found, (role.to_owned(), profile, None), "{id}");
    }
}

#[test]
fn extensions_on_the_legs_of_older_calls_are_found() {
    let mut connection = file(20);
    connection
        .execute_batch(
            r#"UPDATE calls SET caller_number = '5133336666', callee_number = '555133334444', legs =
                   '[{"party":"Carrier"},{"party":"2001"},{"party":null},{"party":"2001"},{"party":"2002"},{"party":"555133334444"}]'
               WHERE id = 'a';"#,
        )
        .unwrap();
    raise(&mut connection).unwrap();
    let of = |id: &str| -> String {
        let sql = "SELECT extensions FROM calls WHERE id = ?1";
        connection.query_row(sql, [id], |row| row.get(0)).unwrap()
    };
    assert_eq!((of("a"), of("b")), (" 2001 2002 ".into(), String::new()));
}

#[test]
fn a_way_back_that_breaks_off_changes_nothing() {
    let mut connection = file(latest());
    connection
        .execute(
            "UPDATE schema_ways_back SET sql = sql || '; SELECT nonsense' WHERE version = 9",
            [],
        )
        .unwrap();
    let before = dump(&connection);
    lower(&mut connection, Path::new("ramal.db"), 5).unwrap_err();
    assert_eq!(of(&connection).unwrap(), latest());
    assert_eq!(dump(&connection), before);
}

#[test]
fn an_archive_of_each_schema_can_be_restored() {
    for version in versions() {
        let (folder, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = folder.path().join(crate::archive::DATABASE);
        let connection = file(version);
        connection
            .execute("VACUUM INTO ?1", [path.to_string_lossy()])
            .unwrap();
        crate::seal::Sealer::open(folder.path()).unwrap();
        let prepared = crate::archive::prepare(folder.path(), dir.path()).unwrap();
        assert_eq!(prepared.holdings.schema, version);
        let extensions = prepared.configuration.extensions();
        assert_eq!(extensions.len(), 1, "schema {version}");
        let raised = Connection::open(&path).unwrap();
        assert_eq!(of(&raised).unwrap(), latest());
        is_sound(&raised);
    }
}
