//! AT-04, and what AT-10 says of agents: who works where, and breaks.

use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, next_call};
use serde_json::{Value, json};
use sipphone::{CallEvent, EndReason, Phone};

use super::Desk;

/// An agent whose own extension this is.
async fn agent(bench: &Bench, login: &str, extension: i64) -> Result<i64> {
    let user = json!({
        "login": login, "role": "agent", "password": "vermelho-cadeira-42", "extension": extension,
        "agent_pin": "4711",
    });
    bench.add("users", user).await
}

/// A phone dials a code, presses keys, and hears out what the gateway says.
async fn dial(phone: &Phone, code: &str, keys: &str) -> Result {
    let mut call = phone.call(code).await?;
    call.wait_answered(SOON).await?;
    call.audio().send_digits(keys);
    let end = call.wait_ended(3 * SOON).await?;
    assert_eq!(end, EndReason::RemoteHangUp, "{code}");
    Ok(())
}

/// A desk whose members are agents at the extensions 2001 to 2003; they have logged in.
async fn staffed(settings: Value) -> Result<(Desk, Vec<i64>)> {
    let desk = Desk::open(settings).await?;
    let mut agents = Vec::new();
    for (login, extension) in ["ana.lima", "bruno.sa", "carla.reis"]
        .iter()
        .zip(&desk.members)
    {
        agents.push(agent(&desk.bench, login, *extension).await?);
    }
    let members: Value = agents
        .iter()
        .map(|id| json!({ "member": "agent", "id": id }))
        .collect();
    desk.change(json!({ "members": members })).await?;
    for phone in &desk.phones {
        dial(phone, "*45", "").await?;
    }
    desk.settle().await?;
    Ok((desk, agents))
}

#[tokio::test]
async fn at_10_an_agent_is_rung_at_the_phone_where_he_has_logged_in() -> Result {
    let desk = Desk::open(json!({})).await?;
    let ana = agent(&desk.bench, "ana.lima", desk.members[0]).await?;
    let members = json!([{ "member": "agent", "id": ana }]);
    desk.change(json!({ "members": members })).await?;
    dial(&desk.phones[2], "*452001", "4711#").await?;
    let path = format!("/api/v1/agents/{ana}");
    let status = desk.bench.gateway.api().get(&path).await?.expect(200)?;
    assert_eq!(
        (&status["extension"], &status["state"]),
        (&json!("2003"), &json!("free")),
        "{status}"
    );
    let mut out = desk.call().await?;
    let (member, mut call) = desk.rings().await?;
    assert_eq!(member, 2);
    call.answer();
    call.wait_answered(SOON).await?;
    out.hang_up();
    call.wait_ended(SOON).await?;
    out.wait_ended(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn at_04_a_break_keeps_callers_away_and_has_room_for_one() -> Result {
    let (desk, agents) = staffed(json!({})).await?;
    let lunch = json!({
        "name": "Almoço", "number": 1, "minutes": 1, "max_agents": 1, "allow_overrun": false,
        "allow_transfer": true, "hide_on_panel": true,
    });
    let lunch = desk.bench.add("breaks", lunch).await?;
    let api = desk.bench.gateway.api();
    dial(&desk.phones[0], "*461", "").await?;
    let path = format!("/api/v1/agents/{}", agents[0]);
    let ana = desk
        .bench
        .gateway
        .wait(&path, "the break", |ana| ana["state"] == "paused")
        .await?;
    assert_eq!(ana["break_name"], "Almoço");
    assert_eq!(
        ana["break_ends_at"]
            .as_i64()
            .zip(ana["paused_at"].as_i64())
            .map(|(to, from)| to - from),
        Some(60_000)
    );
    // Whoever watches the queue does not see her.
    let queue = desk.wait("two members", |queue| {
        queue["members"]
            .as_array()
            .is_some_and(|all| all.len() == 2)
    });
    let queue = queue.await?;
    assert!(!queue.to_string().contains("2001"), "{queue}");

    // There is no room for another one: he is told so, and works on.
    let pause = |agent: i64| format!("/api/v1/agents/{agent}/pause");
    let refused = api
        .post(&pause(agents[1]), &json!({ "break": lunch }))
        .await?
        .expect(409)?;
    assert!(
        refused["detail"].to_string().contains("1 of 1"),
        "{refused}"
    );
    dial(&desk.phones[1], "*461", "").await?;
    let bruno = api
        .get(&format!("/api/v1/agents/{}", agents[1]))
        .await?
        .expect(200)?;
    assert_eq!(bruno["state"], "free", "{bruno}");

    // Callers of the queue ring the others only.
    let out = desk.call().await?;
    let (bruno, mut at_carla) = (
        next_call(&desk.phones[1]).await?,
        next_call(&desk.phones[2]).await?,
    );
    at_carla.answer();
    at_carla.wait_answered(SOON).await?;
    drop(bruno);
    // She passes him on to the one who has paused, which the break allows.
    at_carla.refer("2001");
    let mut at_ana = next_call(&desk.phones[0]).await?;
    at_ana.answer();
    at_ana.wait_answered(SOON).await?;
    out.hang_up();
    at_ana.wait_ended(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn at_04_a_break_without_transfers_lets_nobody_pass_a_caller_on() -> Result {
    let (desk, agents) = staffed(json!({})).await?;
    let lunch = json!({ "name": "Almoço", "number": 1, "allow_transfer": false });
    let lunch = desk.bench.add("breaks", lunch).await?;
    let path = format!("/api/v1/agents/{}/pause", agents[0]);
    let api = desk.bench.gateway.api();
    api.post(&path, &json!({ "break": lunch }))
        .await?
        .expect(200)?;
    let mut out = desk.bench.carrier.call(NUMBER).await?;
    let (_bruno, mut at_carla) = (
        next_call(&desk.phones[1]).await?,
        next_call(&desk.phones[2]).await?,
    );
    at_carla.answer();
    at_carla.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    at_carla.refer("2001");
    let told = |event: &CallEvent| matches!(event, CallEvent::Referred(line, true) if line.contains("486"));
    at_carla.wait(SOON, told).await?;
    let at_ana = tokio::time::timeout(
        std::time::Duration::from_millis(200),
        desk.phones[0].next_call(),
    );
    assert!(at_ana.await.is_err(), "it rang");
    // Whoever calls her directly reaches her all the same.
    let direct = desk.phones[1].call("2001").await?;
    let rings = next_call(&desk.phones[0]).await?;
    drop((direct, rings));
    Ok(())
}
