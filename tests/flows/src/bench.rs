//! A gateway with a carrier, as callers from outside meet it, and what such calls are checked by.

use std::f64::consts::TAU;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use futures_util::future::select_all;
use gateway_under_test::{Gateway, GatewayError, Options};
use serde_json::{Value, json};
use sipphone::{Call, EndReason, Phone, PhoneConfig};

use crate::SOON;

/// What a test comes to.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The number callers dial.
pub const NUMBER: &str = "555133334444";

/// A gateway with a carrier known by its address.
pub struct Bench {
    /// The gateway.
    pub gateway: Gateway,
    /// The carrier, which calls and is called.
    pub carrier: Phone,
    /// The trunk to it.
    pub trunk: i64,
}

impl Bench {
    /// A gateway that knows the carrier by its address.
    pub async fn start() -> Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// The same with other options of the gateway.
    pub async fn start_with(options: Options) -> Result<Self> {
        let gateway = Gateway::start_with(options).await?;
        let at = address()?;
        let local = SocketAddr::new(at.ip(), at.port());
        let config = PhoneConfig {
            local,
            ..PhoneConfig::new(gateway.sip(), "5198765432", "")
        };
        let carrier = Phone::start(config).await?;
        let trunk = json!({
            "name": "Carrier", "hosts": [local.to_string()], "auth": "ip",
            "sources": [local.ip().to_string()], "options_interval": 0,
            "max_channels": 100, "max_calls_per_second": 100,
        });
        let bench = Self {
            trunk: 0,
            gateway,
            carrier,
        };
        let trunk = bench.add("trunks", trunk).await?;
        Ok(Self { trunk, ..bench })
    }

    /// Makes an object; its id.
    pub async fn add(&self, list: &str, body: Value) -> Result<i64> {
        let made = self
            .gateway
            .api()
            .post(&format!("/api/v1/{list}"), &body)
            .await?
            .expect(201)?;
        Ok(made["id"].as_i64().unwrap_or_default())
    }

    /// Changes some settings of an object; it as it is then.
    pub async fn change(&self, list: &str, id: i64, settings: Value) -> Result<Value> {
        let path = format!("/api/v1/{list}/{id}");
        let api = self.gateway.api();
        let mut object = api.get(&path).await?.expect(200)?;
        if let (Some(object), Some(settings)) = (object.as_object_mut(), settings.as_object()) {
            object.retain(|key, _| {
                !["id", "used_by", "warnings", "unreachable"].contains(&key.as_str())
            });
            object.extend(settings.clone());
        }
        Ok(api.put(&path, &object).await?.expect(200)?)
    }

    /// What is said of a field of an object that is refused.
    pub async fn refusal(&self, list: &str, body: Value, field: &str) -> Result<Value> {
        let answer = self
            .gateway
            .api()
            .post(&format!("/api/v1/{list}"), &body)
            .await?
            .expect(422)?;
        let errors = answer["errors"].as_array().cloned().unwrap_or_default();
        let said = errors.into_iter().find(|one| one["field"] == field);
        Ok(said.ok_or_else(|| format!("{field} was not refused: {answer}"))?)
    }

    /// The number with some settings.
    pub async fn number(&self, settings: Value) -> Result<i64> {
        let mut body = json!({ "label": "Geral", "number": NUMBER });
        if let (Some(body), Some(settings)) = (body.as_object_mut(), settings.as_object()) {
            body.extend(settings.clone());
        }
        self.add("numbers", body).await
    }

    /// An audio file of a tone.
    pub async fn tone(&self, frequency: f64, seconds: f64) -> Result<i64> {
        let path = format!("/api/v1/audio-files?name={frequency}-{seconds}");
        let made = self
            .gateway
            .api()
            .upload(&path, wav(frequency, seconds))
            .await?
            .expect(201)?;
        Ok(made["id"].as_i64().unwrap_or_default())
    }

    /// An extension with a registered phone; its id.
    pub async fn extension(&self, number: &str) -> Result<(i64, Phone)> {
        let extension = self.gateway.extension(number).await?;
        let phone = Phone::start(self.gateway.phone_config(&extension)).await?;
        phone.register(300).await?;
        Ok((extension.id, phone))
    }

    /// Somebody else whose calls the carrier brings.
    pub async fn caller(&self, number: &str) -> Result<Phone> {
        let local = SocketAddr::new(self.carrier.local().ip(), 0);
        let config = PhoneConfig {
            local,
            ..PhoneConfig::new(self.gateway.sip(), number, "")
        };
        Ok(Phone::start(config).await?)
    }

    /// The record of the only call.
    pub async fn record(&self) -> Result<Value> {
        Ok(self.gateway.records(1).await?.remove(0))
    }
}

/// A loopback address that no other test of this process uses, with a port that is free there.
pub fn address() -> Result<SocketAddr> {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let ip = Ipv4Addr::new(127, 8, (std::process::id() % 250) as u8, next);
    Ok(UdpSocket::bind((ip, 0))?.local_addr()?)
}

/// A WAV file of a tone of half full scale.
pub fn wav(frequency: f64, seconds: f64) -> Vec<u8> {
    let samples = (0..(seconds * 8000.0) as u32)
        .map(|n| ((TAU * frequency * f64::from(n) / 8000.0).sin() * 8000.0) as i16);
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let mut octets =
        b"RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0data".to_vec();
    octets.extend_from_slice(&(data.len() as u32).to_le_bytes());
    octets.extend_from_slice(&data);
    octets
}

/// The call that comes in next.
pub async fn next_call(phone: &Phone) -> Result<Call> {
    let call = tokio::time::timeout(SOON, phone.next_call()).await;
    Ok(call
        .ok()
        .flatten()
        .ok_or(GatewayError::Late("the incoming call"))?)
}

/// The call that comes in next at any of these phones, and at which.
pub async fn rings(phones: &[Phone]) -> Result<(usize, Call)> {
    // A call that comes to another one at the same time stays there.
    let next = select_all(phones.iter().map(|phone| Box::pin(phone.next_call())));
    let (call, at, _) = tokio::time::timeout(SOON, next).await?;
    Ok((at, call.ok_or(GatewayError::Late("the incoming call"))?))
}

/// Whether a call ended because somebody else took it (RFC 3326).
pub fn taken_elsewhere(end: &EndReason) -> bool {
    matches!(end, EndReason::Cancelled(Some(reason)) if reason.contains("SIP;cause=200"))
}

/// Waits until a call hears this frequency, whatever its level.
pub async fn hears(call: &Call, frequency: f64) -> Result {
    let deadline = tokio::time::Instant::now() + SOON;
    while sipphone::level_dbm0(&call.audio().last(Duration::from_millis(300)), frequency) < -25.0 {
        if tokio::time::Instant::now() > deadline {
            return Err(format!("{frequency} Hz was not heard").into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Waits until a call is refused with this status.
pub async fn refused(call: &mut Call, status: u16) -> Result {
    match call.wait_ended(SOON).await? {
        EndReason::Refused(code) if code == status => Ok(()),
        other => Err(format!("refused with {status} was expected, it was {other:?}").into()),
    }
}

/// The steps that led a call.
pub fn steps(record: &Value) -> Vec<&str> {
    let trace = record["trace"].as_array();
    trace
        .into_iter()
        .flatten()
        .filter_map(|step| step["step"].as_str())
        .collect()
}

/// A destination.
pub fn to(kind: &str, id: i64) -> Value {
    json!({ "to": kind, "id": id })
}

/// Extensions that ring.
pub fn extensions(ids: &[i64]) -> Value {
    ids.iter()
        .map(|id| json!({ "ring": "extension", "id": id }))
        .collect()
}
