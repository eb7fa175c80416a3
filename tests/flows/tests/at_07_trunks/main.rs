//! AT-07 and what AT-08 and AT-09 say of trunks alone: registration, health, sources, failover, numbers in and out.
//!
//! Carriers have addresses of their own in 127.0.0.0/8, as sources are told apart by address. Where keys and audio count,
//! a `sipphone` is the carrier; where registration and challenges count, SIPp is.

mod inbound;
mod legacy;
mod outbound;
mod registration;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};

use flow_tests::{SOON, hears, tone};
use gateway_under_test::{Gateway, GatewayError};
use serde_json::{Value, json};
use sipphone::{Call, Phone, PhoneConfig};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const ACCOUNT: (&str, &str) = ("5133334444", "pa@ss:word");

/// A loopback address that no other test of this process uses, with a port that is free there.
fn address() -> Result<SocketAddr> {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let ip = Ipv4Addr::new(
        127,
        7,
        (std::process::id() % 250) as u8,
        NEXT.fetch_add(1, Ordering::Relaxed),
    );
    Ok(UdpSocket::bind((ip, 0))?.local_addr()?)
}

async fn add(gateway: &Gateway, trunk: &Value) -> Result<i64> {
    let made = gateway
        .api()
        .post("/api/v1/trunks", trunk)
        .await?
        .expect(201)?;
    Ok(made["id"].as_i64().unwrap_or_default())
}

async fn change(gateway: &Gateway, id: i64, change: &Value) -> Result<Value> {
    let path = format!("/api/v1/trunks/{id}");
    Ok(gateway.api().patch(&path, change).await?.expect(200)?)
}

/// Waits until the trunk is in `state`; its status.
async fn state(gateway: &Gateway, id: i64, state: &'static str) -> Result<Value> {
    let path = format!("/api/v1/trunks/{id}");
    let found = gateway
        .wait(&path, state, |trunk| trunk["status"]["state"] == state)
        .await;
    match found {
        Ok(trunk) => Ok(trunk["status"].clone()),
        Err(error) => {
            let now = gateway.api().get(&path).await?.json();
            Err(format!("{error}; the trunk is {}; {}", now["status"], gateway.log()).into())
        }
    }
}

fn registering(carrier: SocketAddr) -> Value {
    json!({
        "name": "Carrier", "hosts": [carrier.to_string()], "auth": "register",
        "user": ACCOUNT.0, "password": ACCOUNT.1, "options_interval": 10,
    })
}

/// A trunk known by the address of `carrier`, with everything that comes in leading to `extension`.
fn by_address(carrier: SocketAddr, extension: i64) -> Value {
    json!({
        "name": "Carrier", "hosts": [carrier.to_string()], "auth": "ip",
        "sources": [carrier.ip().to_string()], "inbound_default": extension,
    })
}

/// A telephone that stands for a carrier: it has no account at the gateway.
async fn carrier_phone(gateway: &Gateway, local: SocketAddr) -> Result<Phone> {
    let config = PhoneConfig {
        local,
        ..PhoneConfig::new(gateway.sip(), "5198765432", "")
    };
    Ok(Phone::start(config).await?)
}

async fn next_call(phone: &Phone) -> Result<Call> {
    let call = tokio::time::timeout(SOON, phone.next_call()).await;
    Ok(call
        .ok()
        .flatten()
        .ok_or(GatewayError::Late("the incoming call"))?)
}

/// The called end rings and answers, and each hears the other.
async fn talk(out: &mut Call, inn: &mut Call) -> Result {
    inn.ring();
    out.wait_ringing(SOON).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    inn.wait_answered(SOON).await?;
    out.audio().send(tone(600.0));
    inn.audio().send(tone(1100.0));
    hears(inn, 600.0).await?;
    hears(out, 1100.0).await?;
    Ok(())
}

/// An extension with a registered phone; its id.
async fn extension(gateway: &Gateway, number: &str) -> Result<(i64, Phone)> {
    let extension = gateway.extension(number).await?;
    let phone = Phone::start(gateway.phone_config(&extension)).await?;
    phone.register(300).await?;
    Ok((extension.id, phone))
}

fn steps(record: &Value) -> Vec<&str> {
    let trace = record["trace"].as_array();
    trace
        .into_iter()
        .flatten()
        .filter_map(|step| step["step"].as_str())
        .collect()
}
