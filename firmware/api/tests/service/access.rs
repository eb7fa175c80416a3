//! Who gets in, and who may do what.

use bytes::Bytes;
use hyper::Method;
use serde_json::json;

use crate::gateway::{Gateway, PASSWORD};

#[tokio::test]
async fn without_session_or_token_nothing_but_the_public_part_answers() {
    let (gateway, _admin) = Gateway::set_up().await;
    let stranger = gateway.client();
    for path in [
        "/session",
        "/company",
        "/extensions",
        "/extensions/1",
        "/trunks",
        "/trunks/1",
        "/e1-trunks",
        "/e1-trunks/1",
        "/spans",
        "/r2-variants",
        "/users",
        "/registrations",
        "/calls/active",
        "/sip/bans",
        "/calls",
        "/events",
        "/system",
        "/tokens",
        "/configuration/export",
    ] {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    // The body of a stranger is not even looked at.
    assert_eq!(
        stranger
            .post("/extensions", &json!("nonsense"))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn false_evidence_is_refused() {
    let (gateway, _admin) = Gateway::set_up().await;
    let mut client = gateway.client();
    client.cookie = Some(format!("ramal_session={}", "0".repeat(64)));
    assert_eq!(client.get("/company").await.status, 401);
    client.cookie = None;
    client.token = Some("ramal_0000".into());
    assert_eq!(client.get("/company").await.status, 401);
    let basic = client
        .send(
            Method::GET,
            "/company",
            &[("authorization", "Basic YTpi")],
            Bytes::new(),
        )
        .await;
    assert_eq!(basic.status, 401);
}

#[tokio::test]
async fn the_session_cookie_cannot_be_read_by_scripts_or_sent_by_other_sites() {
    let (gateway, admin) = Gateway::set_up().await;
    let answer = gateway
        .client()
        .post(
            "/session",
            &json!({ "login": "administrador", "password": PASSWORD }),
        )
        .await;
    let cookie = answer.header("set-cookie");
    for flag in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    let out = admin.delete("/session").await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").starts_with("ramal_session=;"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(admin.get("/session").await.status, 401);
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    let (_gateway, mut admin) = Gateway::set_up().await;
    admin.csrf = false;
    assert_eq!(admin.get("/extensions").await.status, 200);
    for answer in [
        admin.post("/extensions", &json!({ "number": "201" })).await,
        admin.put("/company", &json!({ "country": "BR" })).await,
        admin.patch("/users/1", &json!({ "active": false })).await,
        admin.delete("/session").await,
    ] {
        assert_eq!(answer.status, 403);
        assert_eq!(answer.json()["type"], "urn:ramal:problem:cross-site");
    }
    admin.csrf = true;
    assert_eq!(admin.get("/extensions").await.json(), json!([]));
}

#[tokio::test]
async fn a_browser_that_says_another_site_asks_is_refused() {
    let (gateway, _admin) = Gateway::set_up().await;
    let body = Bytes::from(json!({ "login": "administrador", "password": PASSWORD }).to_string());
    let headers = [
        ("content-type", "application/json"),
        ("sec-fetch-site", "cross-site"),
    ];
    let answer = gateway
        .client()
        .send(Method::POST, "/session", &headers, body)
        .await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn unknown_login_and_wrong_password_get_the_same_answer() {
    let (gateway, _admin) = Gateway::set_up().await;
    let client = gateway.client();
    let unknown = client
        .post(
            "/session",
            &json!({ "login": "nobody-here", "password": PASSWORD }),
        )
        .await;
    let wrong = client
        .post(
            "/session",
            &json!({ "login": "administrador", "password": "not the password" }),
        )
        .await;
    assert_eq!((unknown.status, &unknown.body), (401, &wrong.body));
    assert_eq!(wrong.status, 401);
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down() {
    let (gateway, _admin) = Gateway::set_up().await;
    let client = gateway.client();
    let guess = json!({ "login": "administrador", "password": "a wrong password" });
    for _ in 0..5 {
        assert_eq!(client.post("/session", &guess).await.status, 401);
    }
    let slowed = client.post("/session", &guess).await;
    assert_eq!(slowed.status, 429);
    let wait: u64 = slowed.header("retry-after").parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    // While it waits, not even the right password is looked at.
    let right = json!({ "login": "administrador", "password": PASSWORD });
    assert_eq!(client.post("/session", &right).await.status, 429);
    let let_in = async {
        while client.post("/session", &right).await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), let_in)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_burst_of_parallel_guesses_gains_nothing() {
    let (gateway, _admin) = Gateway::set_up().await;
    let client = gateway.client();
    let guesses = (0..20).map(|number| {
        let client = client.clone();
        async move {
            let guess =
                json!({ "login": "administrador", "password": format!("wrong password {number}") });
            client.post("/session", &guess).await.status
        }
    });
    let statuses = futures_util::future::join_all(guesses).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        5,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 429).count(),
        15,
        "{statuses:?}"
    );
}

#[tokio::test]
async fn roles_see_and_change_what_is_theirs() {
    let (gateway, admin) = Gateway::set_up().await;
    let body = json!({ "number": "201" });
    for (role, calls, users, write) in [
        ("installer", 200, 403, 201),
        ("supervisor", 200, 403, 403),
        ("agent", 200, 403, 403),
        ("auditor", 200, 200, 403),
        ("user", 200, 403, 403),
    ] {
        let client = gateway.user(&admin, role).await;
        assert_eq!(client.get("/session").await.json()["user"]["role"], role);
        assert_eq!(client.get("/extensions").await.status, 200, "{role}");
        assert_eq!(client.get("/calls").await.status, calls, "{role}");
        assert_eq!(client.get("/users").await.status, users, "{role}");
        assert_eq!(
            client.post("/extensions", &body).await.status,
            write,
            "{role}"
        );
        for forbidden in [
            client.get("/configuration/export").await,
            client.post("/configuration/import", &json!({})).await,
            client.get("/tokens").await,
            client.post("/tokens", &json!({ "name": "x" })).await,
            client.patch("/users/1", &json!({ "role": "admin" })).await,
            client.delete("/users/1").await,
        ] {
            assert_eq!(forbidden.status, 403, "{role}");
        }
    }
}

#[tokio::test]
async fn a_new_password_or_deactivation_ends_the_sessions() {
    let (gateway, admin) = Gateway::set_up().await;
    for change in [
        json!({ "password": "another long phrase" }),
        json!({ "active": false }),
    ] {
        let auditor = gateway.user(&admin, "auditor").await;
        let id = auditor.get("/session").await.json()["user"]["id"].clone();
        assert_eq!(
            admin.patch(&format!("/users/{id}"), &change).await.status,
            200
        );
        assert_eq!(auditor.get("/session").await.status, 401, "{change}");
        assert_eq!(admin.delete(&format!("/users/{id}")).await.status, 204);
    }
}

#[tokio::test]
async fn everybody_changes_his_own_password_and_nobody_elses() {
    let (gateway, admin) = Gateway::set_up().await;
    let mut auditor = gateway.user(&admin, "auditor").await;
    let mut elsewhere = gateway.client();
    let login = json!({ "login": "the-auditor", "password": PASSWORD });
    let entered = elsewhere.post("/session", &login).await;
    elsewhere.take_session(&entered);
    let change = |current: &str, new: &str| json!({ "current_password": current, "password": new });
    for (body, field, code) in [
        (
            change("something else", "another long phrase"),
            "current_password",
            "wrong_password",
        ),
        (change(PASSWORD, "short"), "password", "too_short"),
        (change(PASSWORD, "the-auditor"), "password", "same_as_login"),
    ] {
        let refused = auditor.put("/session/password", &body).await;
        assert_eq!(refused.status, 422, "{body}");
        let error = &refused.json()["errors"][0];
        assert_eq!(
            (&error["field"], &error["code"]),
            (&json!(field), &json!(code))
        );
    }
    assert_eq!(elsewhere.get("/session").await.status, 200);

    let changed = auditor
        .put(
            "/session/password",
            &change(PASSWORD, "another long phrase"),
        )
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.json()["user"]["login"], "the-auditor");
    // Every session has ended, his own too; the answer brings a new one.
    assert_eq!(elsewhere.get("/session").await.status, 401);
    assert_eq!(auditor.get("/session").await.status, 401);
    auditor.take_session(&changed);
    assert_eq!(
        auditor.get("/session").await.json()["user"]["role"],
        "auditor"
    );
    assert_eq!(gateway.client().post("/session", &login).await.status, 401);
    let login = json!({ "login": "the-auditor", "password": "another long phrase" });
    assert_eq!(gateway.client().post("/session", &login).await.status, 200);
    assert_eq!(admin.get("/session").await.status, 200);
}

#[tokio::test]
async fn the_password_in_force_cannot_be_guessed_in_an_open_session() {
    let (gateway, admin) = Gateway::set_up().await;
    let user = gateway.user(&admin, "user").await;
    let wrong = json!({ "current_password": "something else", "password": "another long phrase" });
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(user.put("/session/password", &wrong).await.status);
    }
    assert_eq!(statuses[..5], [422; 5]);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn a_token_has_no_password_to_change() {
    let (gateway, admin) = Gateway::set_up().await;
    let body = json!({ "name": "script", "role": "admin" });
    let made = admin.post("/tokens", &body).await;
    let mut script = gateway.client();
    script.token = made.json()["secret"].as_str().map(str::to_owned);
    let change = json!({ "current_password": PASSWORD, "password": "another long phrase" });
    for client in [&script, &gateway.client()] {
        assert_eq!(client.put("/session/password", &change).await.status, 401);
    }
}
