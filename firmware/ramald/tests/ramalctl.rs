//! `ramalctl` as a process against a real web service, over the local socket and over HTTPS.

#![cfg(test)]

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use ramal_api::{ApiConfig, Limits, Server};
use ramal_fleet::{Fleet, FleetConfig};
use ramal_media::{Engine, EngineConfig, Multiplexing};
use ramal_model::{Language, NewAdmin, NewCompany, Secret};
use ramal_pbx::{Pbx, PbxConfig};
use ramal_sounds::{Studio, StudioConfig};
use ramal_store::{HashCost, Options, Store};
use ramal_tls::{Names, OwnCertificate};
use ramal_update::{Updater, UpdaterConfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

struct Gateway {
    server: Server,
    folder: TempDir,
}

struct Output {
    code: i32,
    out: String,
    err: String,
}

impl Output {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

impl Gateway {
    /// A gateway in a folder of its own, set up for a company in Brazil.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hash_cost = HashCost {
            memory_kib: 64,
            passes: 1,
        };
        let options = Options {
            hash_cost,
            ..Options::default()
        };
        let store = Store::open_with(folder.path(), options).unwrap();
        let company = NewCompany {
            legal_name: "Padaria Central".into(),
            tax_id: String::new(),
            contact_name: String::new(),
            contact_phone: String::new(),
            cnl: String::new(),
            country: "BR".into(),
            country_code: None,
            area_code: None,
            language: None,
            time_zone: None,
            music_class: None,
            limits: None,
            park_seconds: None,
        };
        let admin = NewAdmin {
            login: "administrador".into(),
            name: String::new(),
            password: Secret::new("vermelho-cadeira-42".into()),
            language: Language::PtBr,
        };
        store.set_up(company, admin).await.unwrap();
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let engine = Engine::start(EngineConfig {
            bind: any_port.ip(),
            ports: 30_000..=30_999,
            threads: 1,
            prompts: Arc::default(),
            multiplexing: Multiplexing::default(),
        })
        .unwrap();
        let lines = PbxConfig::new(any_port);
        let pbx = Pbx::start(lines, store.clone(), engine).await.unwrap();
        let updater = Updater::start(UpdaterConfig {
            folder: folder.path().join("update"),
            boot_state: folder.path().join("no-boot-state.json"),
            order: folder.path().join("order"),
            version: "0.1.0",
            calls: Arc::new(|| 0),
            equipment: Arc::new(Vec::new),
        })
        .await
        .unwrap();
        let config = ApiConfig {
            https: any_port,
            http: None,
            socket: Some(folder.path().join("api.sock")),
            data_dir: folder.path().to_owned(),
            studio: Studio::open(StudioConfig {
                folder: folder.path().join("sounds"),
                converter: None,
                espeak: "espeak-ng".into(),
            })
            .unwrap(),
            fleet: Fleet::start(
                FleetConfig {
                    folder: folder.path().join("fleet"),
                    tls: ramal_tls::client_config(None).unwrap(),
                    serial: "RML000001".into(),
                    inventory: Arc::new(std::collections::BTreeMap::new),
                    time_zone: Arc::new(|| jiff::tz::TimeZone::UTC),
                },
                updater.clone(),
            )
            .unwrap(),
            updater,
            archives: ramal_archive::Archives::open(folder.path(), store.clone(), "test").unwrap(),
            again: Arc::default(),
            network: ramal_network::Network::open(None, store.clone())
                .await
                .unwrap(),
            chassis: tokio::sync::watch::channel(ramal_chassis::State::default()).1,
            certificate: OwnCertificate::open(
                folder.path().join("tls"),
                Names {
                    hosts: Vec::new(),
                    addresses: vec![any_port.ip()],
                },
            )
            .unwrap(),
            limits: Limits::default(),
        };
        let server = Server::start(config, store, pbx).await.unwrap();
        Self { server, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Over the local socket.
    async fn local(&self, arguments: &[&str]) -> Output {
        let socket = self.path("api.sock");
        let mut all = vec!["--socket", socket.to_str().unwrap()];
        all.extend(arguments);
        ramalctl(&all).await
    }

    fn url(&self) -> String {
        format!("https://{}", self.server.https_address())
    }
}

async fn ramalctl(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_ramalctl"))
        .args(arguments)
        .env_remove("RAMAL_TOKEN")
        .env_remove("RAMAL_URL")
        .env_remove("RAMAL_CA")
        .output()
        .await
        .unwrap();
    Output {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn extensions_are_added_listed_and_removed_over_the_local_socket() {
    let gateway = Gateway::start().await;
    let arguments = [
        "extension",
        "add",
        "201",
        "--name",
        "João",
        "--language",
        "es",
    ];
    let added = gateway.local(&arguments).await;
    assert_eq!((added.code, added.err.as_str()), (0, ""));
    let secret = added.out.trim().rsplit(' ').next().unwrap();
    assert_eq!(secret.len(), 20, "{}", added.out);
    let second = gateway.local(&["--json", "extension", "add", "202"]).await;
    assert_eq!(second.json()["extension"]["number"], "202");
    assert_eq!(second.json()["secret"].as_str().unwrap().len(), 20);

    let list = gateway.local(&["extension", "list"]).await;
    assert_eq!(
        list.out,
        "NUMBER  NAME  LANGUAGE  PHONES  ENABLED\n\
         201     João  es        0       yes\n\
         202     202   -         0       yes\n"
    );
    let removed = gateway.local(&["extension", "remove", "201"]).await;
    assert_eq!(removed.out, "Extension 201 is deleted.\n");
    let list = gateway.local(&["extension", "list", "--json"]).await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn trunks_are_added_listed_and_removed() {
    let gateway = Gateway::start().await;
    gateway.local(&["extension", "add", "201"]).await;
    let arguments = [
        "trunk",
        "add",
        "Vivo",
        "127.9.9.9:5099",
        "--source",
        "192.0.2.0/24",
        "--inbound",
        "201",
    ];
    let added = gateway.local(&arguments).await;
    assert_eq!(
        (added.code, added.out.as_str()),
        (0, "Trunk Vivo is ready.\n")
    );
    let shown = gateway.local(&["--json", "trunk", "list"]).await.json();
    assert_eq!(shown[0]["auth"], "ip");
    assert_eq!(shown[0]["has_password"], false);
    assert!(shown[0]["inbound_default"].is_i64(), "{shown}");
    let list = gateway.local(&["trunk", "list"]).await.out;
    let mut lines = list.lines();
    assert_eq!(
        lines.next().map(|head| head.split_whitespace().collect()),
        Some(vec!["NAME", "HOSTS", "AUTH", "USER", "STATE", "CALLS"])
    );
    assert!(
        lines
            .next()
            .is_some_and(|line| line.starts_with("Vivo  127.9.9.9:5099  ip")),
        "{list}"
    );
    let used = gateway.local(&["extension", "remove", "201"]).await;
    assert_eq!(used.code, 1);
    assert!(used.err.contains("used by trunk Vivo"), "{}", used.err);
    let refused = gateway.local(&["trunk", "add", "vivo", "host"]).await;
    assert_eq!(refused.code, 1);
    for field in ["name: ", "user: ", "password: "] {
        assert!(refused.err.contains(field), "{}", refused.err);
    }
    let removed = gateway.local(&["trunk", "remove", "vivo"]).await;
    assert_eq!(removed.out, "Trunk vivo is deleted.\n");
    assert_eq!(gateway.local(&["extension", "remove", "201"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_exits_with_1_and_says_why() {
    let gateway = Gateway::start().await;
    for (arguments, reason) in [
        (&["extension", "add", "2"][..], "number: "),
        (&["extension", "add", "201", "--language", "fr"], "language"),
        (&["extension", "remove", "999"], "no extension 999."),
        (&["calls", "--limit", "0"], "limit: "),
        (&["calls", "--result", "great"], "result: "),
        (&["token", "remove", "nothing"], "no token nothing."),
    ] {
        let output = gateway.local(arguments).await;
        assert_eq!(output.code, 1, "{arguments:?}: {}", output.err);
        assert!(output.err.contains(reason), "{arguments:?}: {}", output.err);
        assert_eq!(output.out, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_use_and_no_connection_exit_with_2() {
    let gateway = Gateway::start().await;
    let nobody = gateway.path("nobody.sock");
    let nobody = nobody.to_str().unwrap();
    let missing = gateway.path("missing.json");
    let missing = missing.to_str().unwrap();
    let url = gateway.url();
    for (arguments, reason) in [
        (&["explode"][..], "unrecognized subcommand"),
        (&["extension", "add"], "<NUMBER>"),
        (&["--socket", nobody, "status"], "is ramald running"),
        (&["--url", "http://127.0.0.1", "status"], "https://"),
        (
            &["--url", "https://127.0.0.1:1", "status"],
            "cannot connect",
        ),
        (&["--url", &url, "status"], "not trusted"),
        (&["--url", &url, "--ca", missing, "status"], "missing.json"),
        (&["config", "import", missing], "missing.json"),
    ] {
        let output = ramalctl(arguments).await;
        assert_eq!(output.code, 2, "{arguments:?}: {}", output.err);
        assert!(output.err.contains(reason), "{arguments:?}: {}", output.err);
        assert_eq!(output.out, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_the_gateway_over_https() {
    let gateway = Gateway::start().await;
    let made = gateway.local(&["token", "add", "laptop"]).await.out;
    let (url, secret) = (gateway.url(), made.trim());
    let certificate = gateway.path("tls/certificate.pem");
    let trusted = ["--url", &url, "--ca", certificate.to_str().unwrap()];
    let with_token = [&trusted[..], &["--token", secret]].concat();

    let status = ramalctl(&[&with_token[..], &["status"]].concat()).await;
    assert_eq!(status.code, 0, "{}", status.err);
    assert!(status.out.starts_with("Ramal "), "{}", status.out);
    let insecure = [
        "--url",
        &url,
        "--insecure",
        "--token",
        secret,
        "status",
        "--json",
    ];
    assert_eq!(ramalctl(&insecure).await.json()["status"]["set_up"], true);
    let tokens = ramalctl(&[&with_token[..], &["token", "list"]].concat()).await;
    assert!(tokens.out.contains("laptop"), "{}", tokens.out);
    assert!(!tokens.out.contains(secret));

    let stranger = ramalctl(&[&trusted[..], &["extension", "list"]].concat()).await;
    assert_eq!(stranger.code, 1);
    assert!(stranger.err.contains("Log in"), "{}", stranger.err);
    let removed = gateway.local(&["token", "remove", "laptop"]).await;
    assert_eq!(removed.code, 0, "{}", removed.err);
    let refused = ramalctl(&[&with_token[..], &["extension", "list"]].concat()).await;
    assert_eq!(refused.code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_exported_and_imported() {
    let gateway = Gateway::start().await;
    gateway.local(&["extension", "add", "201"]).await;
    let file = gateway.path("backup.json");
    let name = file.to_str().unwrap();
    assert_eq!(gateway.local(&["config", "export", name]).await.code, 0);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    gateway.local(&["extension", "remove", "201"]).await;
    let imported = gateway.local(&["config", "import", name]).await;
    assert_eq!(imported.code, 0, "{}", imported.err);
    let list = gateway.local(&["extension", "list", "--json"]).await.json();
    assert_eq!(list[0]["number"], "201");
    let printed = gateway.local(&["config", "export"]).await.json();
    assert_eq!(printed["format"], "ramal-configuration");

    std::fs::write(&file, "{\"format\":\"something-else\"}").unwrap();
    let refused = gateway.local(&["config", "import", name]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("format: "), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_calls_are_readable() {
    let gateway = Gateway::start().await;
    let status = gateway.local(&["status"]).await.out;
    for line in [
        "Phones registered  0",
        "Calls in progress  0",
        "Processor",
        "Memory",
        "Data disk",
    ] {
        assert!(status.contains(line), "{status}");
    }
    let calls = gateway.local(&["calls", "--limit", "5"]).await;
    assert_eq!(calls.out, "START  FROM  TO  TALKED  RESULT\n");
    let page = gateway.local(&["calls", "--json"]).await.json();
    assert_eq!(page["calls"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_every_kind_are_made_shown_changed_and_deleted() {
    let gateway = Gateway::start().await;
    let kinds = gateway.local(&["object", "kinds"]).await;
    let kinds: Vec<&str> = kinds.out.lines().collect();
    for kind in [
        "extensions",
        "numbers",
        "ivrs",
        "queues",
        "calendars",
        "trunks",
        "users",
        "webhooks",
    ] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    // Each of them can be listed, also when there is none.
    for kind in &kinds {
        let listed = gateway.local(&["object", "list", kind]).await;
        assert_eq!(listed.code, 0, "{kind}: {}", listed.err);
        assert!(listed.out.starts_with("ID"), "{kind}: {}", listed.out);
    }
    let file = gateway.path("calendar.json");
    let file = file.to_str().unwrap();
    let calendar = json!({ "name": "Feriados", "holidays": [] });
    std::fs::write(file, calendar.to_string()).unwrap();
    let made = gateway.local(&["object", "put", "calendars", file]).await;
    assert_eq!(made.code, 0, "{}", made.err);
    let shown = gateway
        .local(&["object", "get", "calendars", "feriados"])
        .await;
    assert_eq!(shown.json()["id"], made.json()["id"]);
    // What was shown can be put back, changed.
    let mut changed = shown.json();
    changed["name"] = json!("Feriados de 2027");
    std::fs::write(file, changed.to_string()).unwrap();
    let put = gateway
        .local(&["object", "put", "calendars", file, "Feriados"])
        .await;
    assert_eq!(put.code, 0, "{}", put.err);
    // A mistake is the gateway's to name.
    changed["holliday"] = json!(1);
    std::fs::write(file, changed.to_string()).unwrap();
    let wrong = gateway
        .local(&["object", "put", "calendars", file, "Feriados de 2027"])
        .await;
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("holliday"), "{}", wrong.err);
    // Kinds that are changed field by field, too.
    gateway.local(&["extension", "add", "201"]).await;
    let extension = gateway.local(&["object", "get", "extensions", "201"]).await;
    let mut extension = extension.json();
    extension["display_name"] = json!("Caixa");
    std::fs::write(file, extension.to_string()).unwrap();
    let put = gateway
        .local(&["object", "put", "extensions", file, "201"])
        .await;
    assert_eq!(put.code, 0, "{}", put.err);
    let shown = gateway.local(&["object", "get", "extensions", "201"]).await;
    assert_eq!(shown.json()["display_name"], "Caixa");

    for (arguments, code, reason) in [
        (&["object", "list", "elephants"][..], 2, "no kind of object"),
        (&["object", "get", "calendars", "Natal"], 1, "no Natal"),
        (
            &["object", "put", "calendars", "/nowhere"],
            2,
            "cannot read",
        ),
    ] {
        let output = gateway.local(arguments).await;
        assert_eq!(output.code, code, "{arguments:?}: {}", output.err);
        assert!(output.err.contains(reason), "{arguments:?}: {}", output.err);
    }
    let gone = gateway
        .local(&["object", "delete", "calendars", "Feriados de 2027"])
        .await;
    assert_eq!(gone.code, 0, "{}", gone.err);
    assert_eq!(
        gateway.local(&["object", "list", "calendars"]).await.out,
        "ID  NAME\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_drafts_audit_and_storage_over_https_with_a_token() {
    let gateway = Gateway::start().await;
    let token = gateway.local(&["token", "add", "laptop"]).await.out;
    let (url, token) = (gateway.url(), token.trim());
    let certificate = gateway.path("tls/certificate.pem");
    let remote = async |arguments: &[&str]| {
        let mut all = vec![
            "--url",
            &url,
            "--token",
            token,
            "--ca",
            certificate.to_str().unwrap(),
        ];
        all.extend(arguments);
        let output = ramalctl(&all).await;
        assert_eq!(output.code, 0, "{arguments:?}: {}", output.err);
        output
    };
    remote(&["extension", "add", "201"]).await;
    let listed = remote(&["version", "list", "--limit", "1"]).await.out;
    let newest = listed.lines().nth(1).unwrap();
    assert!(newest.contains("laptop  extension"), "{listed}");
    let version = newest.split_whitespace().next().unwrap();
    let shown = remote(&["version", "show", version]).await.json();
    assert_eq!(shown["changes"][0]["name"], "201");
    remote(&["version", "undo", version]).await;
    assert_eq!(
        remote(&["object", "list", "extensions"]).await.out,
        "ID  NAME\n"
    );

    let draft = remote(&["--json", "draft", "add", "Easter"]).await.json()["id"].to_string();
    remote(&["--draft", &draft, "extension", "add", "202"]).await;
    assert!(remote(&["draft", "list"]).await.out.contains("Easter"));
    let drafted = remote(&["--draft", &draft, "object", "list", "extensions"])
        .await
        .out;
    assert!(drafted.contains("202"), "{drafted}");
    assert!(
        !remote(&["object", "list", "extensions"])
            .await
            .out
            .contains("202")
    );
    assert_eq!(
        remote(&["draft", "show", &draft]).await.json()["changes"][0]["name"],
        "202"
    );
    remote(&["draft", "activate", &draft]).await;
    assert!(
        remote(&["object", "list", "extensions"])
            .await
            .out
            .contains("202")
    );
    let draft = remote(&["--json", "draft", "add", "Pentecost"])
        .await
        .json()["id"]
        .to_string();
    remote(&["draft", "discard", &draft]).await;
    assert_eq!(
        remote(&["draft", "list"]).await.out,
        "ID  NAME  BEGUN  BY\n"
    );

    gateway.local(&["extension", "add", "2"]).await;
    let audit = remote(&["audit", "--limit", "50"]).await.out;
    assert!(audit.contains("laptop"), "{audit}");
    // The attempt is written down when nothing else is to be written.
    let begun = std::time::Instant::now();
    while !remote(&["audit", "--refused"])
        .await
        .out
        .contains("POST /api/v1/extensions")
    {
        assert!(begun.elapsed() < std::time::Duration::from_secs(30));
    }

    assert!(
        remote(&["storage", "backup"])
            .await
            .out
            .contains("settings-")
    );
    let storage = remote(&["storage", "show"]).await.out;
    assert!(storage.contains("settings-"), "{storage}");
    let nothing = gateway.local(&["storage", "acknowledge", "7"]).await;
    assert_eq!(nothing.code, 1, "{}", nothing.err);
}
