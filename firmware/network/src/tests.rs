//! What is refused, what networkd is told, and what becomes of a change that nobody confirms.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use ramal_model::Actor;
use ramal_store::{AuditFilter, Store};
use serde_json::{Value, json};
use tokio::time::advance;

use super::*;

fn settings(value: Value) -> NetworkSettings {
    serde_json::from_value(value).unwrap()
}

fn fixed() -> Value {
    json!({
        "host_name": "Loja-12", "port": "enp1s0",
        "ipv4": { "mode": "static", "address": "192.168.7.10/24", "gateway": "192.168.7.1" },
        "ipv6": { "mode": "static", "address": "2001:db8::10/64", "gateway": "fe80::1" },
        "name_servers": ["192.168.7.1", "2001:db8::53"], "time_servers": ["a.ntp.br"],
        "routes": [{ "destination": "10.0.0.0/8", "gateway": "192.168.7.2" }],
    })
}

fn refused(value: Value) -> Vec<(String, String, Option<String>)> {
    let problems = settings(value).check().unwrap_err().problems;
    let of = |problem: ramal_model::FieldProblem| (problem.field, problem.code, problem.limit);
    problems.into_iter().map(of).collect()
}

#[test]
fn each_refusal_names_field_and_limit() {
    let with = |pointer: &str, value: Value| {
        let mut settings = fixed();
        *settings.pointer_mut(pointer).unwrap() = value;
        refused(settings)
    };
    for (pointer, value, field, code, limit) in [
        (
            "/host_name",
            json!("-a"),
            "host_name",
            "invalid",
            Some("1-63"),
        ),
        (
            "/host_name",
            json!("a.b"),
            "host_name",
            "invalid",
            Some("1-63"),
        ),
        ("/port", json!(null), "port", "required", None),
        ("/port", json!("*"), "port", "invalid", Some("1-15")),
        (
            "/port",
            json!("eth0\nDHCP=yes"),
            "port",
            "invalid",
            Some("1-15"),
        ),
        (
            "/ipv4/address",
            json!(null),
            "ipv4.address",
            "required",
            Some("192.168.1.10/24"),
        ),
        (
            "/ipv4/address",
            json!("192.168.7.0/24"),
            "ipv4.address",
            "invalid",
            Some("192.168.1.10/24"),
        ),
        (
            "/ipv4/address",
            json!("192.168.7.255/24"),
            "ipv4.address",
            "invalid",
            Some("192.168.1.10/24"),
        ),
        (
            "/ipv4/address",
            json!("127.0.0.1/8"),
            "ipv4.address",
            "invalid",
            Some("192.168.1.10/24"),
        ),
        (
            "/ipv4/address",
            json!("2001:db8::1/64"),
            "ipv4.address",
            "invalid",
            Some("192.168.1.10/24"),
        ),
        (
            "/ipv4/gateway",
            json!("192.168.8.1"),
            "ipv4.gateway",
            "out_of_range",
            Some("192.168.7.10/24"),
        ),
        (
            "/ipv4/gateway",
            json!("192.168.7.10"),
            "ipv4.gateway",
            "out_of_range",
            Some("192.168.7.10/24"),
        ),
        (
            "/ipv6/address",
            json!("2001:db8::1/129"),
            "ipv6.address",
            "invalid",
            Some("2001:db8::10/64"),
        ),
        (
            "/ipv6/gateway",
            json!("2001:db9::1"),
            "ipv6.gateway",
            "out_of_range",
            Some("2001:db8::10/64"),
        ),
        (
            "/name_servers/1",
            json!("ns"),
            "name_servers[1]",
            "invalid",
            None,
        ),
        (
            "/time_servers/0",
            json!("a b"),
            "time_servers[0]",
            "invalid",
            Some("1-253"),
        ),
        (
            "/routes/0/destination",
            json!("10.0.0.1/8"),
            "routes[0].destination",
            "invalid",
            Some("10.0.0.0/8"),
        ),
        (
            "/routes/0/gateway",
            json!("fe80::1"),
            "routes[0].gateway",
            "invalid",
            None,
        ),
    ] {
        let expected = (field.to_owned(), code.to_owned(), limit.map(str::to_owned));
        assert_eq!(
            with(pointer, value.clone()),
            [expected],
            "{pointer} {value}"
        );
    }
    let mut many = fixed();
    many["vlan"] = json!(4095);
    many["name_servers"] = json!(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]);
    let fields: Vec<String> = refused(many).into_iter().map(|(field, ..)| field).collect();
    assert_eq!(fields, ["vlan", "name_servers"]);
    let moot = json!({ "host_name": "a", "ipv4": { "mode": "dhcp", "address": "10.0.0.1/8" } });
    assert_eq!(refused(moot)[0].0, "ipv4.address");
}

#[test]
fn networkd_is_told_all_of_it() {
    let plan = settings(fixed()).check().unwrap();
    let [(name, text)] = render(&plan).try_into().unwrap();
    assert_eq!(name, "40-ramal.network");
    for line in [
        "Name=enp1s0",
        "DHCP=no",
        "LinkLocalAddressing=ipv6",
        "IPv6AcceptRA=no",
        "Address=192.168.7.10/24",
        "Gateway=192.168.7.1",
        "Address=2001:db8::10/64",
        "Gateway=fe80::1",
        "DNS=192.168.7.1",
        "DNS=2001:db8::53",
        "NTP=a.ntp.br",
        "Destination=10.0.0.0/8",
        "UseDNS=no",
        "UseNTP=no",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    let mut tagged = fixed();
    tagged["vlan"] = json!(20);
    tagged["ipv4"] = json!({ "mode": "dhcp" });
    tagged["ipv6"] = json!({ "mode": "off" });
    tagged["routes"] = json!([]);
    let files = render(&settings(tagged).check().unwrap());
    let text = |name: &str| &files.iter().find(|(file, _)| *file == name).unwrap().1;
    assert!(text("40-ramal.network").contains("Name=enp1s0\n\n[Link]"));
    assert!(text("40-ramal.network").contains("VLAN=vlan0\nLinkLocalAddressing=no"));
    assert!(text("40-ramal-vlan.netdev").ends_with("Kind=vlan\n\n[VLAN]\nId=20\n"));
    let above = text("40-ramal-vlan.network");
    assert!(
        above.contains("Name=vlan0") && above.contains("DHCP=ipv4\nLinkLocalAddressing=ipv4"),
        "{above}"
    );
    let all = render(&NetworkSettings::default().check().unwrap());
    assert!(all[0].1.contains("DHCP=yes") && !all[0].1.contains("Name="));
}

#[test]
fn root_takes_nothing_that_the_service_could_not_have_written() {
    let (folder, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let put =
        |name: &str, value: Value| fs::write(folder.path().join(name), value.to_string()).unwrap();
    let networkd = || fs::read_to_string(into.path().join("40-ramal.network")).ok();
    assert_eq!(
        apply(folder.path(), into.path(), true).unwrap(),
        ("ramal".into(), false)
    );
    put("confirmed.json", fixed());
    assert_eq!(
        apply(folder.path(), into.path(), true).unwrap(),
        ("loja-12".into(), true)
    );
    assert_eq!(
        apply(folder.path(), into.path(), false).unwrap(),
        ("loja-12".into(), false)
    );
    let before = networkd();
    let mut injected = fixed();
    injected["time_servers"] = json!(["a\n[Match]"]);
    put("trial.json", injected);
    assert!(matches!(
        apply(folder.path(), into.path(), false),
        Err(ApplyError::Invalid { .. })
    ));
    put("trial.json", json!({ "host_name": "a", "exec": "x" }));
    assert!(matches!(
        apply(folder.path(), into.path(), false),
        Err(ApplyError::Read { .. })
    ));
    fs::remove_file(folder.path().join("trial.json")).unwrap();
    std::os::unix::fs::symlink(
        folder.path().join("confirmed.json"),
        folder.path().join("trial.json"),
    )
    .unwrap();
    assert!(matches!(
        apply(folder.path(), into.path(), false),
        Err(ApplyError::Read { .. })
    ));
    fs::remove_file(folder.path().join("trial.json")).unwrap();
    assert_eq!(networkd(), before);
    // A trial does not outlive the machine's start.
    put("trial.json", json!({ "host_name": "tried" }));
    assert_eq!(
        apply(folder.path(), into.path(), true).unwrap().0,
        "loja-12"
    );
    assert_eq!(
        apply(folder.path(), into.path(), false).unwrap(),
        ("tried".into(), true)
    );
    fs::remove_file(folder.path().join("trial.json")).unwrap();
    fs::remove_file(folder.path().join("confirmed.json")).unwrap();
    assert_eq!(
        apply(folder.path(), into.path(), false).unwrap(),
        ("ramal".into(), true)
    );
    assert_eq!(networkd(), None);
}

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("data")).unwrap();
        Self { folder, store }
    }

    async fn network(&self) -> Network {
        let folder = self.folder.path().join("network");
        Network::open(Some(folder), self.store.clone())
            .await
            .unwrap()
    }

    fn file(&self, name: &str) -> Option<Value> {
        let path: &Path = &self.folder.path().join("network").join(name);
        let text = fs::read_to_string(path).ok()?;
        serde_json::from_str(&text).ok()
    }
}

const NEW: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 7, 10));
const OLD: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5));

#[tokio::test(start_paused = true)]
async fn a_change_that_nobody_confirms_goes_after_90_s() {
    let bench = Bench::new();
    let network = bench.network().await;
    let (token, trial) = network.try_out(settings(fixed()), Actor::Local).unwrap();
    assert_eq!(bench.file("trial.json").unwrap()["host_name"], "Loja-12");
    assert!(matches!(
        network.try_out(settings(fixed()), Actor::Local),
        Err(NetworkError::OnTrial)
    ));
    assert!(matches!(
        network.confirm(&token, Some(OLD)).await,
        Err(NetworkError::OldAddress(_))
    ));
    assert!(matches!(
        network.confirm("other", Some(NEW)).await,
        Err(NetworkError::NoTrial)
    ));
    let mut reverted = network.reverted();
    advance(TRIAL - std::time::Duration::from_secs(5)).await;
    assert_eq!(network.trial(), Some(trial));
    advance(std::time::Duration::from_secs(6)).await;
    reverted.wait_for(Option::is_some).await.unwrap();
    assert_eq!(bench.file("trial.json"), None);
    assert_eq!(network.settings(), NetworkSettings::default());
    assert!(matches!(
        network.confirm(&token, Some(NEW)).await,
        Err(NetworkError::NoTrial)
    ));
    // Nobody waits for an entry of the log; what is written after it waits.
    let filter = AuditFilter {
        limit: 10,
        ..AuditFilter::default()
    };
    bench.store.set_gateway_setting("test", &1).await.unwrap();
    let log = bench.store.audit_log(filter).await.unwrap();
    assert!(
        log.iter()
            .any(|entry| entry.path == "/api/v1/network/trial"),
        "{log:?}"
    );
    network.forget_reverted().await.unwrap();
    assert_eq!(*network.reverted().borrow(), None);
}

#[tokio::test]
async fn a_change_that_is_confirmed_stays() {
    let bench = Bench::new();
    let network = bench.network().await;
    let (token, _) = network.try_out(settings(fixed()), Actor::Local).unwrap();
    network.confirm(&token, Some(NEW)).await.unwrap();
    assert_eq!(bench.file("trial.json"), None);
    assert_eq!(
        bench.file("confirmed.json").unwrap()["host_name"],
        "Loja-12"
    );
    let again = bench.network().await;
    assert_eq!(again.settings(), settings(fixed()));
    // A trial of settings that a server completes can be confirmed by any way that works.
    let (token, _) = again
        .try_out(NetworkSettings::default(), Actor::Local)
        .unwrap();
    again.confirm(&token, Some(OLD)).await.unwrap();
}

#[tokio::test]
async fn a_trial_ends_when_the_service_starts_again() {
    let bench = Bench::new();
    let network = bench.network().await;
    network.try_out(settings(fixed()), Actor::Local).unwrap();
    drop(network);
    let network = bench.network().await;
    assert_eq!(bench.file("trial.json"), None);
    assert!(network.reverted().borrow().is_some());
    assert_eq!(network.trial(), None);
}

#[tokio::test]
async fn a_network_of_somebody_else_stays_his() {
    let bench = Bench::new();
    let network = Network::open(None, bench.store.clone()).await.unwrap();
    assert!(matches!(
        network.try_out(NetworkSettings::default(), Actor::Local),
        Err(NetworkError::NotManaged)
    ));
}
