//! Lamps, presence, message waiting (RFC 4235, RFC 3856, RFC 3842), and text messages (RFC 3428).

use ramal_model::{Actor, ExtensionChange};
use sipphone::{EndReason, Phone, PhoneConfig, PhoneError, Protocol, Subscription};

use crate::gateway::{Gateway, SOON, incoming};
use crate::pickups::in_groups;

/// What an attribute or the text after it says, up to `end`.
fn between<'a>(text: &'a str, start: &str, end: char) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_default();
    rest.split(end).next().unwrap_or_default()
}

/// Waits for a document with this state of a dialog.
async fn lamp(watch: &mut Subscription, state: &str) -> String {
    let wanted = format!("<state>{state}</state>");
    watch
        .wait(SOON, |body| body.contains(&wanted))
        .await
        .unwrap_or_else(|error| panic!("{state}: {error}"))
        .body
}

async fn subscribed(phone: &Phone, event: &str, number: &str) -> Subscription {
    phone.subscribe(event, number, 600).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lamp_follows_the_calls_of_an_extension() {
    let gateway = Gateway::start().await;
    let (ana, bruno, carla) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    let mut bruno_lamp = subscribed(&carla, "dialog", "2002").await;
    let first = bruno_lamp.next(SOON).await.unwrap();
    assert_eq!(first.content_type, "application/dialog-info+xml");
    assert!(first.state.starts_with("active;expires="), "{first:?}");
    assert!(
        first.body.contains("version=\"0\" state=\"full\"") && !first.body.contains("<dialog "),
        "{first:?}"
    );
    let mut ana_lamp = subscribed(&carla, "dialog", "2001").await;
    let mut out = ana.call("2002").await.unwrap();
    let mut inn = incoming(&bruno).await;
    lamp(&mut bruno_lamp, "trying").await;
    inn.ring();
    let early = lamp(&mut bruno_lamp, "early").await;
    assert_eq!(between(&early, "direction=\"", '"'), "recipient");
    assert!(
        early.contains("<identity display=\"Ramal 2001\">sip:2001@127.0.0.1"),
        "{early}"
    );
    let early = lamp(&mut ana_lamp, "early").await;
    assert_eq!(between(&early, "direction=\"", '"'), "initiator");
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    inn.wait_answered(SOON).await.unwrap();
    lamp(&mut ana_lamp, "confirmed").await;
    let confirmed = lamp(&mut bruno_lamp, "confirmed").await;
    out.hang_up();
    let ended = lamp(&mut bruno_lamp, "terminated").await;
    assert_eq!(
        between(&ended, "<dialog id=\"", '"'),
        between(&confirmed, "<dialog id=\"", '"')
    );
    let number = |body: &str| -> u32 {
        let (_, rest) = body.split_once("<dialog-info").unwrap();
        between(rest, "version=\"", '"').parse().unwrap()
    };
    assert!(number(&ended) > number(&confirmed));
    inn.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_16_call_pickup() {
    // Carla sees Ana's call ring at Bruno's, and takes it by its dialog.
    let gateway = Gateway::start().await;
    let (ana, bruno, carla) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    let mut watch = subscribed(&carla, "dialog", "2002").await;
    let mut out = ana.call("2002").await.unwrap();
    let mut at_bruno = incoming(&bruno).await;
    at_bruno.ring();
    let early = lamp(&mut watch, "early").await;
    let replaces = format!(
        "{};to-tag={};from-tag={};early-only",
        between(&early, "call-id=\"", '"'),
        between(&early, "remote-tag=\"", '"'),
        between(&early, "local-tag=\"", '"')
    );
    let mut at_carla = carla.call_replacing("2001", &replaces).await.unwrap();
    at_carla.wait_answered(SOON).await.unwrap();
    out.wait_answered(SOON).await.unwrap();
    let end = at_bruno.wait_ended(SOON).await.unwrap();
    assert!(
        matches!(&end, EndReason::Cancelled(Some(reason)) if reason.contains("SIP;cause=200")),
        "{end:?}"
    );
    lamp(&mut watch, "terminated").await;
    // It is no early dialog any more, and soon none at all.
    let mut late = carla.call_replacing("2001", &replaces).await.unwrap();
    assert!(matches!(
        late.wait_ended(SOON).await.unwrap(),
        EndReason::Refused(481 | 486 | 603)
    ));
    out.hang_up();
    at_carla.wait_ended(SOON).await.unwrap();
    let record = gateway.record().await;
    let legs: Vec<&str> = record.legs.iter().map(|leg| &*leg.party).collect();
    assert_eq!(legs, ["2001", "2002", "2003"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn f171_a_lamp_does_not_pick_up_for_others_than_the_groups() {
    let gateway = Gateway::start().await;
    let ana = gateway.phone("2001").await;
    let bruno = in_groups(&gateway, "2002", &["Vendas"]).await;
    let carla = in_groups(&gateway, "2003", &["Suporte"]).await;
    let mut watch = subscribed(&carla, "dialog", "2002").await;
    let mut out = ana.call("2002").await.unwrap();
    let mut at_bruno = incoming(&bruno).await;
    at_bruno.ring();
    let early = lamp(&mut watch, "early").await;
    let replaces = format!(
        "{};to-tag={};from-tag={};early-only",
        between(&early, "call-id=\"", '"'),
        between(&early, "remote-tag=\"", '"'),
        between(&early, "local-tag=\"", '"')
    );
    let mut at_carla = carla.call_replacing("2001", &replaces).await.unwrap();
    assert_eq!(
        at_carla.wait_ended(SOON).await.unwrap(),
        EndReason::Refused(603)
    );
    // It rings on.
    at_bruno.answer();
    at_bruno.wait_answered(SOON).await.unwrap();
    out.wait_answered(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_follows_registration_and_calls() {
    let gateway = Gateway::start().await;
    let carla = gateway.phone("2003").await;
    let (extension, secret) = gateway.extension("2002").await;
    let mut watch = subscribed(&carla, "presence", "2002").await;
    let basic = |status: &'static str| move |body: &str| body.contains(status);
    watch
        .wait(SOON, basic("<basic>closed</basic>"))
        .await
        .unwrap();
    let bruno = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    bruno.register(600).await.unwrap();
    let open = watch
        .wait(SOON, basic("<basic>open</basic>"))
        .await
        .unwrap();
    assert_eq!(open.content_type, "application/pidf+xml");
    let mut out = bruno.call("2003").await.unwrap();
    let inn = incoming(&carla).await;
    watch
        .wait(SOON, basic("<rpid:on-the-phone/>"))
        .await
        .unwrap();
    inn.reject(486);
    out.wait_ended(SOON).await.unwrap();
    watch
        .wait(SOON, |body| !body.contains("on-the-phone"))
        .await
        .unwrap();
    bruno.register(0).await.unwrap();
    watch
        .wait(SOON, basic("<basic>closed</basic>"))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn message_waiting_is_ones_own() {
    let gateway = Gateway::start().await;
    let (ana, _bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let mut watch = subscribed(&ana, "message-summary", "2001").await;
    let summary = watch.next(SOON).await.unwrap();
    assert_eq!(summary.content_type, "application/simple-message-summary");
    let lines: Vec<&str> = summary.body.lines().collect();
    assert_eq!(lines[0], "Messages-Waiting: no");
    assert!(
        lines[1].starts_with("Message-Account: sip:2001@"),
        "{lines:?}"
    );
    assert_eq!(lines[2], "Voice-Message: 0/0 (0/0)");
    let others = ana.subscribe("message-summary", "2002", 600).await;
    assert!(
        matches!(others, Err(PhoneError::Refused { status: 403, .. })),
        "{others:?}"
    );
    assert_eq!(watch.refresh(1200).await.unwrap(), 200);
    assert_eq!(watch.next(SOON).await.unwrap().body, summary.body);
    assert_eq!(watch.refresh(0).await.unwrap(), 200);
    let last = watch.next(SOON).await.unwrap();
    assert_eq!(last.state, "terminated;reason=timeout");
    assert_eq!(watch.refresh(1200).await.unwrap(), 481);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_watches_without_being_an_extension() {
    let gateway = Gateway::start().await;
    let ana = gateway.phone("2001").await;
    gateway.phone("2002").await;
    let cases = [
        ("dialog", "2999", 600, 404),
        ("weather", "2002", 600, 489),
        ("dialog", "2002", 10, 423),
    ];
    for (event, number, expires, status) in cases {
        let refused = ana.subscribe(event, number, expires).await;
        assert!(
            matches!(&refused, Err(PhoneError::Refused { status: got, .. }) if *got == status),
            "{event} {number} {expires}: {refused:?}"
        );
    }
    let stranger = PhoneConfig::new(gateway.pbx.sip_address(), "2001", "not the secret");
    let stranger = Phone::start(stranger).await.unwrap();
    let refused = stranger.subscribe("dialog", "2002", 600).await;
    assert!(
        matches!(
            refused,
            Err(PhoneError::Refused {
                status: 401 | 403,
                ..
            })
        ),
        "{refused:?}"
    );
    assert!(matches!(
        stranger.message("2002", "boo").await,
        Ok(401 | 403)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_with_the_extension_watched() {
    let gateway = Gateway::start().await;
    let ana = gateway.phone("2001").await;
    let (extension, _) = gateway.extension("2002").await;
    let mut watch = subscribed(&ana, "dialog", "2002").await;
    watch.next(SOON).await.unwrap();
    let change = ExtensionChange {
        enabled: Some(false),
        ..ExtensionChange::default()
    };
    gateway
        .store
        .update_extension(&Actor::System, extension.id, change)
        .await
        .unwrap();
    let last = watch.next(SOON).await.unwrap();
    assert_eq!(last.state, "terminated;reason=noresource");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_reaches_every_phone_of_an_extension() {
    let gateway = Gateway::start().await;
    let ana = gateway.phone("2001").await;
    let (extension, secret) = gateway.extension("2002").await;
    let mut phones = Vec::new();
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let mut config = gateway.config(&extension, &secret);
        config.protocol = protocol;
        let phone = Phone::start(config).await.unwrap();
        phone.register(600).await.unwrap();
        phones.push(phone);
    }
    let text = "Olá! O pão saiu às 7h.";
    assert_eq!(ana.message("2002", text).await.unwrap(), 200);
    for phone in &phones {
        let message = tokio::time::timeout(SOON, phone.next_message())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(message.text, text);
        assert_eq!(message.content_type, "text/plain;charset=UTF-8");
        assert!(
            message.from.contains("\"Ramal 2001\" <sip:2001@"),
            "{}",
            message.from
        );
    }
    assert_eq!(ana.message("2999", text).await.unwrap(), 404);
    gateway.extension("2003").await;
    assert_eq!(ana.message("2003", text).await.unwrap(), 480);
    // Too long for a datagram, not for a connection.
    let long = "lorem ipsum ".repeat(200);
    assert_eq!(ana.message("2002", &long).await.unwrap(), 413);
    assert_eq!(phones[1].message("2001", &long).await.unwrap(), 413);
    assert_eq!(phones[1].message("2002", &long).await.unwrap(), 200);
    let message = tokio::time::timeout(SOON, phones[1].next_message())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(message.text, long);
}
