//! Settings and tests of analogue ports.

use std::time::{Duration, Instant};

use ramal_lines::simulated::{SimulatedConfig, SimulatedLines};
use serde_json::{Value, json};

use crate::client::Client;
use crate::gateway::Gateway;

#[tokio::test]
async fn a_port_begins_with_presets_and_keeps_what_it_is_given() {
    let (gateway, admin) = Gateway::set_up().await;
    let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    gateway.pbx.add_lines(Box::new(lines));
    let path = "/lines/FXO%201/settings";
    let presets = admin.get(path).await;
    assert_eq!(presets.status, 200);
    assert_eq!(presets.json()["settings"]["country"], "BR");
    assert_eq!(presets.json()["settings"]["answer"], "polarity");
    let settings = json!({
        "country": "ES", "answer": "voice", "busy_repetitions": 4, "refused_call": "answer_and_tone",
        "learned_tone": { "frequencies": [425, 0], "on_ms": 340, "off_ms": 410 },
    });
    let wanted = json!({ "kind": "fxo", "settings": settings });
    let given = admin.put(path, &wanted).await;
    assert_eq!(given.status, 200, "{}", given.json());
    let kept = admin.get(path).await.json();
    assert_eq!(kept, given.json());
    let kept = &kept["settings"];
    assert_eq!(kept["country"], "ES");
    assert_eq!(kept["learned_tone"]["off_ms"], 410);
    // What was left out is preset again.
    assert_eq!(kept["flash_ms"], 300);
}

#[tokio::test]
async fn limits_are_named_and_ports_of_another_kind_are_not_found() {
    let (gateway, admin) = Gateway::set_up().await;
    let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    gateway.pbx.add_lines(Box::new(lines));
    let refused = admin
        .put(
            "/lines/FXS%201/settings",
            &json!({ "kind": "fxs", "settings": { "ringing": 9, "digit_map": "2xxx;" } }),
        )
        .await;
    assert_eq!(refused.status, 422);
    let problem = refused.json().to_string();
    for (field, limit) in [("ringing", "0-5"), ("digit_map", "character")] {
        assert!(
            problem.contains(field) && problem.contains(limit),
            "{problem}"
        );
    }
    for (port, kind) in [("FXS%201", "fxo"), ("FXO%209", "fxo")] {
        let path = format!("/lines/{port}/settings");
        let answer = admin
            .put(&path, &json!({ "kind": kind, "settings": {} }))
            .await;
        assert_eq!(answer.status, 404, "{port}");
    }
    assert_eq!(admin.get("/lines/FXO%209/settings").await.status, 404);
}

#[tokio::test]
async fn f171_a_port_is_given_to_an_extension_that_exists() {
    let (gateway, admin) = Gateway::set_up().await;
    let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    gateway.pbx.add_lines(Box::new(lines));
    let path = "/lines/FXS%201/settings";
    let given = |id: i64| json!({ "kind": "fxs", "settings": { "extension": id } });
    let refused = admin.put(path, &given(4711)).await;
    assert_eq!(refused.status, 422);
    let problem = &refused.json()["errors"][0];
    assert_eq!(problem["field"], "extension", "{}", refused.json());
    let extension = admin
        .post("/extensions", &json!({ "number": "2009" }))
        .await;
    let id = extension.json()["extension"]["id"].as_i64().unwrap();
    assert_eq!(admin.put(path, &given(id)).await.status, 200);
    let kept = admin.get(path).await.json();
    assert_eq!(kept["settings"]["extension"], id);
    let refused = admin.delete(&format!("/extensions/{id}")).await;
    assert_eq!(refused.status, 409);
    assert!(refused.json().to_string().contains("FXS 1"));
}

#[tokio::test]
async fn at_24_times_that_need_an_answer_are_warned_of_on_lines_that_show_none() {
    let (gateway, admin) = Gateway::set_up().await;
    let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    gateway.pbx.add_lines(Box::new(lines));
    let rule = |pattern: &str, way: Value| json!({ "pattern": pattern, "ways": [way], "ring_timeout": 30 });
    let route = json!({ "name": "Linhas", "rules": [
        rule("0X.", json!({ "way": "line", "port": "FXO 1" })),
        rule("9X.", json!({ "way": "any_line" })),
    ] });
    let made = admin.post("/outbound-routes", &route).await;
    assert_eq!(made.status, 201, "it is made all the same: {made:?}");
    let route = format!("/outbound-routes/{}", made.json()["id"]);
    let number = json!({ "label": "Geral", "number": "33334444", "ring_timeout_out": 30 });
    let number = admin.post("/numbers", &number).await.json();
    let number = format!("/numbers/{}", number["id"]);
    let told = async |path: &str| -> Vec<Value> {
        let warnings = admin.get(path).await.json()["warnings"].clone();
        let of_times = |warning: &&Value| warning["code"] == "no_supervision";
        let one = |warning: &Value| {
            let message = warning["message"].as_str().unwrap();
            assert!(message.contains("test the line"), "{message}");
            json!([warning["field"], warning["limit"]])
        };
        let warnings = warnings.as_array().into_iter().flatten();
        warnings.filter(of_times).map(one).collect()
    };
    let forward = async |to: &str| {
        let settings = json!({
            "label": "Geral", "number": "33334444", "ring_timeout_out": 30, "forward_to": to,
        });
        assert_eq!(admin.put(&number, &settings).await.status, 200);
    };
    let set = async |port: &str, answer: &str| {
        let settings = json!({ "kind": "fxo", "settings": { "answer": answer } });
        let path = format!("/lines/{}/settings", port.replace(' ', "%20"));
        assert_eq!(admin.put(&path, &settings).await.status, 200);
    };
    let [first, second] = ["rules[0].ring_timeout", "rules[1].ring_timeout"];
    // Nobody has said what these lines tell.
    assert_eq!(
        told(&route).await,
        [json!([first, "FXO 1"]), json!([second, "FXO 1, FXO 2"])]
    );
    assert_eq!(made.json()["warnings"].as_array().unwrap().len(), 2);
    assert_eq!(told(&number).await, [] as [Value; 0]);
    forward("040028922").await;
    assert_eq!(told(&number).await, [json!(["ring_timeout_out", "FXO 1"])]);
    // Ringback tone is told from a voice, or the exchange reverses the battery.
    set("FXO 1", "voice").await;
    assert_eq!(told(&route).await, [json!([second, "FXO 2"])]);
    assert_eq!(told(&number).await, [] as [Value; 0]);
    forward("940028922").await;
    assert_eq!(told(&number).await, [json!(["ring_timeout_out", "FXO 2"])]);
    set("FXO 2", "polarity").await;
    assert_eq!(told(&route).await, [] as [Value; 0]);
    assert_eq!(told(&number).await, [] as [Value; 0]);
    // A call that counts as answered by the clock is never given up.
    set("FXO 1", "after_dialling").await;
    assert_eq!(
        told(&route).await,
        [json!([first, "FXO 1"]), json!([second, "FXO 1"])]
    );
}

#[tokio::test]
async fn at_26_what_analogue_lines_cannot_show_is_warned_of() {
    let (gateway, admin) = Gateway::set_up().await;
    let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    gateway.pbx.add_lines(Box::new(lines));
    let way = json!({ "way": "line", "port": "FXO 1" });
    let route = json!({ "name": "Linhas", "rules": [
        { "pattern": "0X.", "ways": [way], "caller_id": "5133334444" },
        { "pattern": "9X.", "ways": [way] },
    ] });
    let shown = |answer: &Value| {
        let warnings = answer["warnings"].as_array().into_iter().flatten();
        let unsupported = warnings.filter(|one| one["code"] == "not_supported_on_line");
        let told = unsupported.map(|one| json!([one["field"], one["limit"]]));
        told.collect::<Vec<_>>()
    };
    let made = admin.post("/outbound-routes", &route).await.json();
    assert_eq!(shown(&made), [json!(["rules[0].caller_id", "FXO 1"])]);
    for passes in [false, true] {
        let number = json!({
            "label": format!("Geral {passes}"), "number": format!("3333444{}", u8::from(passes)),
            "mode": "forward_all", "forward_to": "040028922", "pass_called_number": passes,
        });
        let made = admin.post("/numbers", &number).await;
        assert_eq!(made.status, 201, "it is made all the same: {made:?}");
        let expected = [json!(["pass_called_number", "FXO 1"])];
        assert_eq!(shown(&made.json()), expected);
    }
}

/// What a port's test has found, once it is over.
async fn tested(admin: &Client, path: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let status = admin.get(path).await;
        assert_eq!(status.status, 200);
        let status = status.json();
        if status["running"] == false {
            return status;
        }
        assert!(Instant::now() < deadline, "{status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j5_a_line_is_tested_and_set_by_a_call_to_another_port() {
    let (gateway, admin) = Gateway::set_up().await;
    let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    gateway.pbx.add_lines(Box::new(lines));
    let path = "/lines/FXO%201/test";
    assert_eq!(admin.get(path).await.status, 404);
    assert_eq!(admin.delete(path).await.status, 409);
    let request = json!({
        "apply": true,
        "hang_up": { "by": "port", "port": "FXO 2", "number": "0202" },
    });
    let begun = admin.post(path, &request).await;
    assert_eq!(begun.status, 202, "{}", begun.json());
    assert_eq!(begun.json()["running"], true);
    // Neither of the two can be tested meanwhile.
    for busy in [path, "/lines/FXO%202/test"] {
        assert_eq!(admin.post(busy, &json!({})).await.status, 409, "{busy}");
    }
    let status = tested(&admin, path).await;
    let report = &status["report"];
    assert_eq!(report["troubles"], json!([]), "{status}");
    assert_eq!(report["dial_tone"]["of_country"], true, "{status}");
    assert_eq!(report["hang_up_tone"]["of_country"], true, "{status}");
    for found in [
        "answered",
        "answer_reversal",
        "hang_up_reversal",
        "loop_interruption",
    ] {
        assert_eq!(report[found], true, "{found}: {status}");
    }
    assert_eq!(status["applied"], true);
    let kept = admin.get("/lines/FXO%201/settings").await.json();
    assert_eq!(kept["settings"], status["settings"]);
    assert_eq!(
        kept["settings"]["learned_tone"],
        report["hang_up_tone"]["tone"]
    );
    // Both lines are free again.
    let again = async |path: &str| {
        let deadline = Instant::now() + Duration::from_secs(30);
        while admin.post(path, &json!({})).await.status != 202 {
            assert!(Instant::now() < deadline, "{path}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(admin.delete(path).await.status, 204);
        let status = tested(&admin, path).await;
        let trouble = &status["report"]["troubles"][0];
        assert_eq!(trouble["trouble"], "stopped", "{status}");
        assert_ne!(trouble["advice"], "");
        assert_eq!(status["applied"], false);
    };
    again("/lines/FXO%202/test").await;
    again(path).await;
}

#[tokio::test]
async fn a_test_names_what_it_does_not_take() {
    let (gateway, admin) = Gateway::set_up().await;
    let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    gateway.pbx.add_lines(Box::new(lines));
    for port in ["FXS%201", "FXO%209"] {
        let path = format!("/lines/{port}/test");
        assert_eq!(admin.post(&path, &json!({})).await.status, 404, "{port}");
    }
    for (body, field) in [
        (json!({ "quiet_key": "x" }), "quiet_key"),
        (
            json!({ "hang_up": { "by": "number", "number": "" } }),
            "hang_up.number",
        ),
        (
            json!({ "hang_up": { "by": "number", "number": "12a" } }),
            "hang_up.number",
        ),
        (
            json!({ "hang_up": { "by": "port", "port": "FXO 1", "number": "0201" } }),
            "hang_up.port",
        ),
        (
            json!({ "hang_up": { "by": "port", "port": "FXS 1", "number": "990" } }),
            "hang_up.port",
        ),
    ] {
        let refused = admin.post("/lines/FXO%201/test", &body).await;
        assert_eq!(refused.status, 422, "{body}");
        assert_eq!(refused.refused_field().0, field, "{body}");
    }
}
