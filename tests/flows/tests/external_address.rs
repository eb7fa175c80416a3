//! AT-20 (F210): the address that those outside are told.
//!
//! The test runs in a network namespace of its own, whose only interface has the addresses of both sides: what is sent to
//! the external address arrives, as behind a router that forwards all ports.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;

use flow_tests::{SOON, hears, tone};
use gateway_under_test::{Extension, Gateway, GatewayError, Options};
use serde_json::json;
use sipphone::{Call, Phone, PhoneConfig};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const EXTERNAL: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 5);
/// The gateway's in the local network.
const OWN: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 2);
const DESK: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 77);
const CARRIER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
const AWAY: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 20);

#[test]
fn at_20_those_outside_are_told_the_external_address_and_those_inside_ours() -> Result {
    // Threads and children of this one are in its namespace.
    let test = std::thread::spawn(|| {
        let run = || -> Result {
            enter_namespace()?;
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            runtime.block_on(calls())
        };
        run().map_err(|error| error.to_string())
    });
    let done = test.join().map_err(|_| "the test panicked")?;
    Ok(done?)
}

fn enter_namespace() -> Result {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)?;
    let ip = |arguments: &str| -> Result {
        let status = Command::new("ip").args(arguments.split(' ')).status()?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("ip {arguments}: {status}").into()),
        }
    };
    ip("link set lo up")?;
    for address in [EXTERNAL, OWN, DESK, CARRIER, AWAY] {
        ip(&format!("address add {address}/32 dev lo"))?;
    }
    Ok(())
}

async fn phone(
    gateway: &Gateway,
    extension: &Extension,
    at: Ipv4Addr,
    to: Ipv4Addr,
) -> Result<Phone> {
    let config = PhoneConfig {
        local: (at, 0).into(),
        server: (to, gateway.sip().port()).into(),
        ..gateway.phone_config(extension)
    };
    let phone = Phone::start(config).await?;
    phone.register(300).await?;
    Ok(phone)
}

async fn next_call(phone: &Phone, what: &'static str) -> Result<Call> {
    let call = tokio::time::timeout(SOON, phone.next_call()).await;
    Ok(call.ok().flatten().ok_or(GatewayError::Late(what))?)
}

/// Answers, has both hear each other, and tells the media addresses that caller and callee were told.
async fn talk(out: &mut Call, inn: &mut Call) -> Result<(IpAddr, IpAddr)> {
    inn.answer();
    out.wait_answered(SOON).await?;
    inn.wait_answered(SOON).await?;
    out.audio().send(tone(600.0));
    inn.audio().send(tone(1100.0));
    hears(inn, 600.0).await?;
    hears(out, 1100.0).await?;
    let told = |call: &Call| call.audio().remote().map(|remote| remote.ip());
    let told = told(out).zip(told(inn)).ok_or("no media address")?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    Ok(told)
}

async fn calls() -> Result {
    let gateway = Gateway::start_with(Options {
        ipv6: true,
        ..Options::default()
    })
    .await?;
    let (inside, outside) = (IpAddr::from(OWN), IpAddr::from(EXTERNAL));
    let ana = gateway.extension("2001").await?;
    let desk = phone(&gateway, &ana, DESK, OWN).await?;
    let bruno = gateway.extension("2002").await?;
    let away = phone(&gateway, &bruno, AWAY, OWN).await?;
    let at: SocketAddr = UdpSocket::bind((CARRIER, 0))?.local_addr()?;
    // Without a router between, the gateway sends to it from the address that they share.
    let carrier = Phone::start(PhoneConfig {
        local: at,
        ..PhoneConfig::new(
            SocketAddr::from((CARRIER, gateway.sip().port())),
            "5198765432",
            "",
        )
    })
    .await?;
    let trunk = json!({
        "name": "Carrier", "hosts": [at.to_string()], "auth": "ip", "sources": [CARRIER.to_string()],
        "inbound_default": ana.id, "outbound": [{ "prefix": "9" }], "options_interval": 10,
    });
    let made = gateway
        .api()
        .post("/api/v1/trunks", &trunk)
        .await?
        .expect(201)?;
    let settings = json!({ "external_address": EXTERNAL.to_string() });
    let path = "/api/v1/sip-settings";
    gateway.api().put(path, &settings).await?.expect(200)?;

    let trunk = format!("/api/v1/trunks/{}", made["id"]);
    gateway
        .wait(&trunk, "the trunk", |trunk| {
            trunk["status"]["state"] == "ok"
        })
        .await?;

    // Out to the carrier.
    let mut out = desk.call("0999991234").await?;
    let mut inn = next_call(&carrier, "the call out").await?;
    let contact = inn.invite_values("Contact").concat();
    assert!(contact.contains(&format!("{EXTERNAL}:")), "{contact}");
    let via = inn.invite_values("Via").concat();
    assert!(via.contains(&format!(" {EXTERNAL}:")), "{via}");
    assert_eq!(talk(&mut out, &mut inn).await?, (inside, outside));

    // In from the carrier.
    let mut out = carrier.call("5133334444").await?;
    let mut inn = next_call(&desk, "the call in").await?;
    let contact = inn.invite_values("Contact").concat();
    assert!(contact.contains(&format!("{OWN}:")), "{contact}");
    assert_eq!(talk(&mut out, &mut inn).await?, (outside, inside));

    // To a phone of ours that is away, and a network that is known to reach us directly.
    let mut out = desk.call("2002").await?;
    let mut inn = next_call(&away, "the call to a phone away").await?;
    assert_eq!(talk(&mut out, &mut inn).await?, (inside, outside));
    let networks = json!({
        "external_address": EXTERNAL.to_string(), "local_networks": ["192.168.0.0/16", format!("{AWAY}/32")],
    });
    gateway.api().put(path, &networks).await?.expect(200)?;
    let mut out = desk.call("2002").await?;
    let mut inn = next_call(&away, "the call to a phone known").await?;
    assert_eq!(talk(&mut out, &mut inn).await?, (inside, inside));
    Ok(())
}
