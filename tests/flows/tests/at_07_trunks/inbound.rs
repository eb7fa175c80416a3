//! Calls that come in: from whom they are taken, whom they ring, and what is believed of them.

use std::net::SocketAddr;
use std::time::Duration;

use flow_tests::{SOON, hears, tone};
use gateway_under_test::Gateway;
use peers::Carrier;
use serde_json::{Value, json};
use sipphone::{CallEvent, EndReason};

use super::{
    ACCOUNT, Result, add, address, by_address, carrier_phone, extension, next_call, registering,
    state, steps, talk,
};

#[tokio::test]
async fn a_carrier_known_by_address_rings_without_challenge_and_nobody_else_does() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let at = address()?;
    let mut trunk = by_address(at, id);
    trunk["options_interval"] = json!(0);
    let trunk_id = add(&gateway, &trunk).await?;
    state(&gateway, trunk_id, "ok").await?;
    // Another port of the same address.
    let carrier = carrier_phone(&gateway, SocketAddr::new(at.ip(), 0)).await?;
    let mut out = carrier.call("5133334444").await?;
    let mut inn = next_call(&ana).await?;
    talk(&mut out, &mut inn).await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    let record = gateway.records(1).await?.remove(0);
    assert_eq!(record["direction"], "inbound", "{record}");
    assert_eq!(record["caller"]["number"], "5198765432", "{record}");
    assert_eq!(record["callee"]["number"], "5133334444", "{record}");
    assert_eq!(record["legs"][0]["party"], "Carrier", "{record}");

    // The same from elsewhere is challenged and rings nobody.
    let stranger = carrier_phone(&gateway, address()?).await?;
    let mut refused = stranger.call("5133334444").await?;
    match refused.wait_ended(SOON).await? {
        EndReason::Refused(401 | 403) => {}
        other => panic!("{other:?}"),
    }
    let rings = tokio::time::timeout(Duration::from_millis(300), ana.next_call()).await;
    assert!(rings.is_err(), "it rang");
    assert_eq!(gateway.records(1).await?.len(), 1, "and leaves no record");
    Ok(())
}

#[tokio::test]
async fn a_number_that_leads_nowhere_is_answered_404_and_written_down() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let at = address()?;
    let mut trunk = by_address(at, id);
    trunk["inbound_default"] = Value::Null;
    trunk["inbound"] = json!([{ "number": "+555133334444", "extension": id }]);
    add(&gateway, &trunk).await?;
    let carrier = carrier_phone(&gateway, SocketAddr::new(at.ip(), 0)).await?;
    let mut out = carrier.call("5130000000").await?;
    match out.wait_ended(SOON).await? {
        EndReason::Refused(404) => {}
        other => panic!("{other:?}"),
    }
    let record = gateway.records(1).await?.remove(0);
    assert_eq!(record["result"], "not_found", "{record}");
    let refused = &record["trace"]
        .as_array()
        .and_then(|trace| trace.last().cloned());
    let reason = refused.as_ref().map(|step| step["reason"].clone());
    assert_eq!(reason, Some(json!("unconfigured_number")), "{record}");
    // With or without the plus, the configured number rings.
    let out = carrier.call("555133334444").await?;
    let inn = next_call(&ana).await?;
    drop((out, inn));
    Ok(())
}

#[tokio::test]
async fn a_registered_trunk_takes_calls_from_its_registrar_only() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    let mut trunk = registering(carrier.address());
    trunk["inbound_default"] = json!(id);
    let trunk = add(&gateway, &trunk).await?;
    state(&gateway, trunk, "registered").await?;
    let registrar = SocketAddr::new(carrier.address().ip(), 0);
    let out = carrier_phone(&gateway, registrar).await?;
    let call = out.call(ACCOUNT.0).await?;
    let rings = next_call(&ana).await?;
    drop((call, rings));
    let stranger = carrier_phone(&gateway, address()?).await?;
    let mut refused = stranger.call(ACCOUNT.0).await?;
    match refused.wait_ended(SOON).await? {
        EndReason::Refused(401 | 403) => Ok(()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_the_carrier_says_of_the_caller_is_believed_and_his_wish_for_privacy_kept() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let at = address()?;
    let mut trunk = by_address(at, id);
    trunk["session_timer"] = json!("refuse");
    trunk["codecs"] = json!(["PCMA"]);
    add(&gateway, &trunk).await?;
    for (calls, privacy, number, shown) in [
        (
            1,
            "Privacy: none",
            json!("+5551987654321"),
            // As he is dialled here (AT-01).
            "<sip:987654321@",
        ),
        (
            2,
            "Privacy: id",
            Value::Null,
            "\"Anônimo\" <sip:anonymous@anonymous.invalid>",
        ),
    ] {
        let sip = gateway.sip();
        let call = tokio::spawn(async move {
            Carrier::call("inbound", at.ip(), sip, "5133334444", privacy).await
        });
        let inn = next_call(&ana).await?;
        assert!(inn.caller().contains(shown), "{}", inn.caller());
        inn.answer();
        let messages = call.await??;
        // Min-SE and Session-Expires in the INVITE, nothing of them in what we say.
        let ours: Vec<_> = messages
            .split("-----------------------------------------------")
            .filter(|message| message.contains("SIP/2.0 200") && message.contains("INVITE"))
            .collect();
        assert!(!ours.is_empty(), "{messages}");
        for message in ours {
            assert!(!message.contains("Session-Expires"), "{message}");
            assert!(
                message.contains("RTP/AVP 8") && !message.contains("PCMU"),
                "{message}"
            );
        }
        let record = gateway.records(calls).await?.remove(0);
        // AT-40: a withheld number is none, and no digits stand for it.
        assert_eq!(record["caller"]["number"], number, "{record}");
        assert!(steps(&record).contains(&"diverted_by"), "{record}");
    }
    Ok(())
}

#[tokio::test]
async fn a_carrier_neither_takes_a_place_in_our_calls_nor_leads_one_out_again() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let at = address()?;
    add(&gateway, &by_address(at, id)).await?;
    let carrier = carrier_phone(&gateway, SocketAddr::new(at.ip(), 0)).await?;
    let mut out = carrier.call("5133334444").await?;
    let inn = next_call(&ana).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    // INVITE with Replaces (RFC 3891 §3), even for a dialog it knows.
    let replaces = out.name().await?.replaces();
    let mut taking = carrier.call_replacing("5133334444", &replaces).await?;
    assert_eq!(taking.wait_ended(SOON).await?, EndReason::Refused(403));
    // REFER leads where a call of the carrier would: never out, here to who is talking already.
    out.refer("051987654321");
    let told = out
        .wait(SOON, |event| matches!(event, CallEvent::Referred(_, true)))
        .await?;
    assert!(
        matches!(&told, CallEvent::Referred(line, _) if line.starts_with("SIP/2.0 4")),
        "{told:?}"
    );
    // The call goes on as it was.
    out.audio().send(tone(600.0));
    inn.audio().send(tone(1100.0));
    hears(&inn, 600.0).await?;
    hears(&out, 1100.0).await?;
    out.hang_up();
    let record = gateway.records(1).await?.remove(0);
    assert!(steps(&record).contains(&"transfer_failed"), "{record}");
    assert!(!steps(&record).contains(&"trunk"), "{record}");
    Ok(())
}
