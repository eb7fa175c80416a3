//! Whom calls that leave the company are charged to when people pass them on: D9.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use jiff::Timestamp;
use ramal_model::{
    Actor, CallRecord, ClassOfServiceChange, LegRecord, NewExtension, TollClass, TrunkAuth,
    TrunkInput,
};
use ramal_pbx::TrunkState;
use ramal_store::CallFilter;
use sipphone::{CallEvent, Phone, PhoneConfig};

use crate::gateway::{Gateway, SOON, incoming, talking};

/// A number outside, as it is dialled.
const OUTSIDE: &str = "01133334444";

/// A gateway with a carrier, and the phones of these extensions.
async fn gateway<const N: usize>(numbers: [&str; N]) -> (Gateway, Phone, [Phone; N]) {
    gateway_of(ClassOfServiceChange::default(), numbers).await
}

/// The same for extensions with a class of service.
async fn gateway_of<const N: usize>(
    class: ClassOfServiceChange,
    numbers: [&str; N],
) -> (Gateway, Phone, [Phone; N]) {
    let gateway = Gateway::start().await;
    let mut phones = Vec::new();
    for number in numbers {
        let new = NewExtension {
            number: number.into(),
            class_of_service: Some(class.clone()),
            ..NewExtension::default()
        };
        let (extension, secret) = gateway.extension_with(new).await;
        // What comes from the carrier's address is the carrier's.
        let config = PhoneConfig {
            local: ([127, 0, 0, 2], 0).into(),
            ..gateway.config(&extension, &secret)
        };
        let phone = Phone::start(config).await.unwrap();
        phone.register(600).await.unwrap();
        phones.push(phone);
    }
    let reserved = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = reserved.local_addr().unwrap().port();
    drop(reserved);
    let config = PhoneConfig {
        local: (IpAddr::V4(Ipv4Addr::LOCALHOST), port).into(),
        ..PhoneConfig::new(gateway.pbx.sip_address(), "5198765432", "")
    };
    let carrier = Phone::start(config).await.unwrap();
    let input = TrunkInput {
        name: Some("Carrier".into()),
        hosts: Some(vec![format!("127.0.0.1:{port}")]),
        auth: Some(TrunkAuth::Ip),
        sources: Some(vec!["127.0.0.1".into()]),
        options_interval: Some(0),
        ..TrunkInput::default()
    };
    let trunk = gateway.store.create_trunk(&Actor::System, input).await;
    let trunk = trunk.unwrap();
    let is_up = |one: &ramal_pbx::TrunkStatus| one.id == trunk.id && one.state == TrunkState::Ok;
    gateway
        .wait("the trunk", |live| live.trunks.iter().any(is_up))
        .await;
    let Ok(phones) = phones.try_into() else {
        panic!("not as many phones as numbers");
    };
    (gateway, carrier, phones)
}

/// What each leg that left the company cost, and whom.
fn charged(record: &CallRecord) -> Vec<(Option<&str>, Option<TollClass>)> {
    let outside = record.legs.iter().filter(|leg| leg.party == "Carrier");
    outside
        .map(|leg| (leg.charged_to.as_deref(), leg.toll))
        .collect()
}

async fn records(gateway: &Gateway) -> Vec<CallRecord> {
    gateway
        .wait("the end of all calls", |live| live.calls.is_empty())
        .await;
    let mut records = gateway.store.calls(CallFilter::default()).await.unwrap();
    records.reverse();
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn d09_whoever_asks_back_and_hangs_up_while_it_rings_pays() {
    let (gateway, carrier, [alice, bob]) = gateway(["2001", "2002"]).await;
    let (at_alice, at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.audio().send_digits(&format!("*2{OUTSIDE}#"));
    let mut first = incoming(&carrier).await;
    first.ring();
    at_bob.hang_up();
    first.wait_ended(SOON).await.unwrap();
    let mut second = incoming(&carrier).await;
    second.answer();
    second.wait_answered(SOON).await.unwrap();
    at_alice.hang_up();
    second.wait_ended(SOON).await.unwrap();
    let records = records(&gateway).await;
    let by_bob = (Some("2002"), Some(TollClass::National));
    assert_eq!(charged(&records[0]), [by_bob, by_bob], "{:?}", records[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn d09_a_call_outside_that_is_passed_on_goes_on_costing() {
    let (gateway, carrier, [bob, carol]) = gateway(["2002", "2003"]).await;
    let (mut first, mut at_carrier) = talking(&bob, OUTSIDE, &carrier).await;
    let (mut second, at_carol) = talking(&bob, "2003", &carol).await;
    first.refer_replacing("2003", &second).await.unwrap();
    let is_over = |event: &CallEvent| matches!(event, CallEvent::Referred(_, true));
    first.wait(SOON, is_over).await.unwrap();
    for of_bob in [&mut first, &mut second] {
        of_bob.wait_ended(SOON).await.unwrap();
    }
    at_carol.hang_up();
    at_carrier.wait_ended(SOON).await.unwrap();
    let records = records(&gateway).await;
    let by_bob = (Some("2002"), Some(TollClass::National));
    assert_eq!(records.len(), 2);
    for record in &records {
        assert_eq!(charged(record), [by_bob], "{record:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d09_a_call_ends_when_its_extension_has_talked_for_as_long_as_it_may() {
    let class = ClassOfServiceChange {
        minutes_per_day: Some(1),
        ..ClassOfServiceChange::default()
    };
    let (mut gateway, carrier, [ana]) = gateway_of(class, ["2001"]).await;
    let (out, mut inn) = talking(&ana, OUTSIDE, &carrier).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    // As if it had been many calls, which took a minute together but for a second.
    let mut record = records(&gateway).await.remove(0);
    let now = Timestamp::now().as_millisecond();
    let mut legs = record.legs.iter();
    let leg = legs.find(|leg| leg.charged_to.is_some()).unwrap().clone();
    let leg = LegRecord {
        answered_at: Some(now - 1_000),
        ended_at: Some(now),
        ..leg
    };
    record.legs = vec![leg; 59];
    gateway.store.call_ended(&record).await.unwrap();
    gateway.restart().await;
    ana.register(600).await.unwrap();
    let is_up = |one: &ramal_pbx::TrunkStatus| one.state == TrunkState::Ok;
    gateway
        .wait("the trunk", |live| live.trunks.iter().any(is_up))
        .await;
    let (mut help, mut at_help) = talking(&ana, "190", &carrier).await;
    let (mut out, mut inn) = talking(&ana, OUTSIDE, &carrier).await;
    // It is looked for every 15 s.
    let limit = Duration::from_secs(40);
    inn.wait_ended(limit).await.unwrap();
    out.wait_ended(SOON).await.unwrap();
    // Whoever called for help is still there.
    gateway
        .wait("the end of one call", |live| live.calls.len() == 1)
        .await;
    let alarms = gateway.pbx.live().alarms;
    assert!(alarms.iter().any(|alarm| alarm.id == "toll_day:2001"));
    help.hang_up();
    at_help.wait_ended(SOON).await.unwrap();
    help.wait_ended(SOON).await.unwrap();
    let records = records(&gateway).await;
    let ended = records.last().unwrap().trace.iter();
    let mut ended = ended.filter(|step| step["step"] == "ended_here");
    assert_eq!(ended.next().unwrap()["why"], "daily_cap");
}
