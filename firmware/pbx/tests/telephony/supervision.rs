//! Supervisors in calls: AT-03, F253.

use ramal_model::{Actor, NewUser, Role, Secret};
use sipphone::EndReason;

use crate::gateway::SOON;
use crate::gateway::{Gateway, steps, talking};
use crate::hearing::{does_not_hear, hears, says};

/// A user whose own extension this is.
async fn user(gateway: &Gateway, number: &str, role: Role) {
    let configuration = gateway.store.configuration();
    let extension = configuration.extension_by_number(number).unwrap().id;
    let new = NewUser {
        login: format!("user{number}"),
        name: number.into(),
        email: None,
        role,
        language: None,
        active: None,
        extension: Some(extension),
        company: ramal_model::CompanyId::DEFAULT,
        outbound_number: None,
        external_calls: None,
        agent_pin: None,
        profile: None,
        working_hours: Vec::new(),
        voicedrops: Vec::new(),
        password: Secret::new("um girassol na janela".into()),
    };
    let store = &gateway.store;
    store.create_user(&Actor::System, new).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_03_a_supervisor_listens_whispers_barges_in_and_takes_over_by_keys() {
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    user(&gateway, "2003", Role::Supervisor).await;
    let (mut at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    let mut at_carol = carol.call("*332002").await.unwrap();
    at_carol.wait_answered(SOON).await.unwrap();
    for (call, frequency) in [(&at_alice, 600.0), (&at_bob, 900.0), (&at_carol, 1300.0)] {
        says(call, frequency);
    }
    // She listens: both hear each other and nothing new.
    hears(&at_carol, 600.0).await;
    hears(&at_carol, 900.0).await;
    for (call, other) in [(&at_alice, 900.0), (&at_bob, 600.0)] {
        hears(call, other).await;
        does_not_hear(call, 1300.0).await;
    }
    // She whispers to Bob.
    at_carol.audio().send_digits("5");
    hears(&at_bob, 1300.0).await;
    does_not_hear(&at_alice, 1300.0).await;
    // She talks with both.
    at_carol.audio().send_digits("6");
    hears(&at_alice, 1300.0).await;
    hears(&at_bob, 1300.0).await;
    at_carol.audio().send_digits("4");
    does_not_hear(&at_bob, 1300.0).await;
    does_not_hear(&at_alice, 1300.0).await;
    // She takes over.
    at_carol.audio().send_digits("7");
    let end = at_bob.wait_ended(SOON).await.unwrap();
    assert_eq!(end, EndReason::RemoteHangUp);
    hears(&at_alice, 1300.0).await;
    hears(&at_carol, 600.0).await;
    at_carol.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    let record = gateway.record().await;
    let legs: Vec<&str> = record.legs.iter().map(|leg| &*leg.party).collect();
    assert_eq!(legs, ["2001", "2002", "2003"]);
    let modes: Vec<_> = record
        .trace
        .iter()
        .filter(|step| step["step"] == "supervised")
        .map(|step| step["mode"].as_str().unwrap())
        .collect();
    assert_eq!(modes, ["listen", "whisper", "barge", "listen", "take_over"]);
    assert!(steps(&record).contains(&"replaced"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_who_leaves_leaves_the_two_alone() {
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    user(&gateway, "2003", Role::Supervisor).await;
    let (at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    let mut at_carol = carol.call("*332001").await.unwrap();
    at_carol.wait_answered(SOON).await.unwrap();
    says(&at_alice, 600.0);
    hears(&at_carol, 600.0).await;
    at_carol.hang_up();
    at_carol.wait_ended(SOON).await.unwrap();
    crate::hearing::hear_each_other(&at_alice, &at_bob).await;
    // The end of the call ends the supervision.
    let mut again = carol.call("*332001").await.unwrap();
    again.wait_answered(SOON).await.unwrap();
    at_alice.hang_up();
    at_bob.wait_ended(SOON).await.unwrap();
    again.wait_ended(SOON).await.unwrap();
    let record = gateway.record().await;
    assert!(steps(&record).contains(&"third_left"));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_03_nobody_else_listens() {
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    let dora = gateway.phone("2004").await;
    user(&gateway, "2003", Role::Agent).await;
    let (at_alice, _at_bob) = talking(&alice, "2002", &bob).await;
    // An agent may not, nor may a phone that is nobody's.
    for phone in [&carol, &dora] {
        let mut refused = phone.call("*332002").await.unwrap();
        let end = refused.wait_ended(SOON).await.unwrap();
        assert!(matches!(end, EndReason::Refused(_)), "{end:?}");
    }
    at_alice.hang_up();
}
