//! Taking calls that ring elsewhere (RFC 5359 §2.16, feature codes `**` and `*8`).

use ramal_model::{CallResult, NewExtension, PickupGroups};
use sipphone::{EndReason, Phone};

use crate::gateway::{Gateway, SOON, incoming, steps};

/// The others ring no more because somebody has taken the call, which makes it no missed call.
fn elsewhere(end: &EndReason) -> bool {
    matches!(end, EndReason::Cancelled(Some(reason)) if reason.contains("SIP;cause=200"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_picked_up_by_feature_code() {
    for code in ["**2002", "*8"] {
        let gateway = Gateway::start().await;
        let (alice, bob, carol) = (
            gateway.phone("2001").await,
            gateway.phone("2002").await,
            gateway.phone("2003").await,
        );
        let mut at_alice = alice.call("2002").await.unwrap();
        let mut at_bob = incoming(&bob).await;
        at_bob.ring();
        at_alice.wait_ringing(SOON).await.unwrap();
        let mut at_carol = carol.call(code).await.unwrap();
        at_carol.wait_answered(SOON).await.unwrap();
        at_alice.wait_answered(SOON).await.unwrap();
        let end = at_bob.wait_ended(SOON).await.unwrap();
        assert!(elsewhere(&end), "{end:?}");
        let live = gateway.pbx.live();
        assert_eq!(live.calls.len(), 1);
        assert_eq!(live.calls[0].callee.number, "2003");
        at_alice.hang_up();
        at_carol.wait_ended(SOON).await.unwrap();
        // One call, one record.
        let record = gateway.record().await;
        assert_eq!(record.result, Some(CallResult::Answered));
        let legs: Vec<&str> = record.legs.iter().map(|leg| &*leg.party).collect();
        assert_eq!(legs, ["2001", "2002", "2003"]);
        assert_eq!(
            steps(&record),
            [
                "dialled",
                "extension",
                "ringing",
                "picked_up",
                "answered_by",
                "hung_up"
            ]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_rings_that_could_be_picked_up() {
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    for code in ["*8", "**2002", "**2999"] {
        let mut out = carol.call(code).await.unwrap();
        assert_eq!(
            out.wait_ended(SOON).await.unwrap(),
            EndReason::Refused(480),
            "{code}"
        );
    }
    // It rings, but not there.
    let mut at_alice = alice.call("2002").await.unwrap();
    let mut at_bob = incoming(&bob).await;
    at_bob.ring();
    at_alice.wait_ringing(SOON).await.unwrap();
    let mut out = carol.call("**2001").await.unwrap();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::Refused(480));
    at_bob.answer();
    at_alice.wait_answered(SOON).await.unwrap();
    at_bob.wait_answered(SOON).await.unwrap();
    let mut out = carol.call("**2002").await.unwrap();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::Refused(480));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pick_up_at_once_and_one_gets_it() {
    let gateway = Gateway::start().await;
    let (alice, bob, carol, dora) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
        gateway.phone("2004").await,
    );
    let mut at_alice = alice.call("2002").await.unwrap();
    let at_bob = incoming(&bob).await;
    at_bob.ring();
    at_alice.wait_ringing(SOON).await.unwrap();
    let (carols, doras) = tokio::join!(carol.call("**2002"), dora.call("**2002"));
    let (mut carols, mut doras) = (carols.unwrap(), doras.unwrap());
    at_alice.wait_answered(SOON).await.unwrap();
    let (one, other) = tokio::join!(carols.wait_answered(SOON), doras.wait_answered(SOON));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

/// A registered phone of a new extension in these pickup groups.
pub async fn in_groups(gateway: &Gateway, number: &str, groups: &[&str]) -> Phone {
    let new = NewExtension {
        number: number.into(),
        pickup_groups: PickupGroups(groups.iter().map(|name| (*name).into()).collect()),
        ..NewExtension::default()
    };
    let (extension, secret) = gateway.extension_with(new).await;
    let phone = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    phone.register(600).await.unwrap();
    phone
}

#[tokio::test(flavor = "multi_thread")]
async fn f171_nobody_picks_up_what_rings_outside_his_groups() {
    let gateway = Gateway::start().await;
    let alice = gateway.phone("2001").await;
    let bob = in_groups(&gateway, "2002", &["Vendas"]).await;
    let carol = in_groups(&gateway, "2003", &["Suporte"]).await;
    let dora = in_groups(&gateway, "2004", &["Suporte", "vendas"]).await;
    let mut at_alice = alice.call("2002").await.unwrap();
    let mut at_bob = incoming(&bob).await;
    at_bob.ring();
    at_alice.wait_ringing(SOON).await.unwrap();
    let elias = gateway.phone("2005").await;
    for (phone, code, status) in [
        (&carol, "*8", 480),
        (&elias, "*8", 480),
        (&carol, "**2002", 403),
        (&elias, "**2002", 403),
    ] {
        let mut out = phone.call(code).await.unwrap();
        assert_eq!(
            out.wait_ended(SOON).await.unwrap(),
            EndReason::Refused(status),
            "{code}"
        );
    }
    let mut at_dora = dora.call("*8").await.unwrap();
    at_dora.wait_answered(SOON).await.unwrap();
    at_alice.wait_answered(SOON).await.unwrap();
    assert!(elsewhere(&at_bob.wait_ended(SOON).await.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn f171_a_call_that_rings_in_one_of_ones_groups_comes_before_older_ones_elsewhere() {
    let gateway = Gateway::start().await;
    let alice = gateway.phone("2001").await;
    let bob = in_groups(&gateway, "2002", &["Vendas"]).await;
    let carol = in_groups(&gateway, "2003", &["Suporte"]).await;
    let dora = in_groups(&gateway, "2004", &["Suporte"]).await;
    let mut older = alice.call("2002").await.unwrap();
    let at_bob = incoming(&bob).await;
    at_bob.ring();
    older.wait_ringing(SOON).await.unwrap();
    let mut newer = alice.call("2003").await.unwrap();
    let at_carol = incoming(&carol).await;
    at_carol.ring();
    newer.wait_ringing(SOON).await.unwrap();
    let mut at_dora = dora.call("*8").await.unwrap();
    at_dora.wait_answered(SOON).await.unwrap();
    newer.wait_answered(SOON).await.unwrap();
    // The older one rings on.
    at_bob.answer();
    older.wait_answered(SOON).await.unwrap();
}
