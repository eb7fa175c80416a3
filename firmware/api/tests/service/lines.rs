//! Settings of analogue ports.

use ramal_lines::simulated::{SimulatedConfig, SimulatedLines};
use serde_json::json;

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
