//! Wrong input is refused in words, and changes nothing.

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use crate::gateway::{Gateway, PASSWORD, set_up_body};

#[tokio::test]
async fn wrong_fields_are_named_with_their_code() {
    let (_gateway, admin) = Gateway::set_up().await;
    assert_eq!(
        admin
            .post("/extensions", &json!({ "number": "200" }))
            .await
            .status,
        201
    );
    for (path, body, field, code) in [
        ("/extensions", json!({}), "number", "required"),
        ("/extensions", json!({ "number": 201 }), "number", "invalid"),
        (
            "/extensions",
            json!({ "number": "2" }),
            "number",
            "too_short",
        ),
        (
            "/extensions",
            json!({ "number": "12345678" }),
            "number",
            "too_long",
        ),
        (
            "/extensions",
            json!({ "number": "20a" }),
            "number",
            "digits_only",
        ),
        ("/extensions", json!({ "number": "200" }), "number", "taken"),
        (
            "/extensions",
            json!({ "number": "201", "ring_time": 4 }),
            "ring_time",
            "out_of_range",
        ),
        (
            "/extensions",
            json!({ "number": "201", "ring_time": "x" }),
            "ring_time",
            "invalid",
        ),
        (
            "/extensions",
            json!({ "number": "201", "max_calls": 1e30 }),
            "max_calls",
            "invalid",
        ),
        (
            "/extensions",
            json!({ "number": "201", "language": "fr" }),
            "language",
            "invalid",
        ),
        (
            "/extensions",
            json!({ "number": "201", "colour": 1 }),
            "colour",
            "unknown_field",
        ),
        (
            "/extensions",
            json!({ "number": "201", "display_name": "a\nb" }),
            "display_name",
            "control_character",
        ),
        (
            "/users",
            json!({ "login": "abc", "role": "user", "password": PASSWORD }),
            "login",
            "too_short",
        ),
        (
            "/users",
            json!({ "login": "abcde", "role": "god", "password": PASSWORD }),
            "role",
            "invalid",
        ),
        (
            "/users",
            json!({ "login": "abcde", "role": "user", "password": "short" }),
            "password",
            "too_short",
        ),
        (
            "/users",
            json!({ "login": "abcde", "role": "user", "password": "1234567890" }),
            "password",
            "common_password",
        ),
        (
            "/users",
            json!({ "login": "ADMINISTRADOR", "role": "user", "password": PASSWORD }),
            "login",
            "taken",
        ),
        (
            "/users",
            json!({ "login": "abcde", "role": "user" }),
            "password",
            "required",
        ),
        ("/tokens", json!({ "name": " " }), "name", "required"),
        (
            "/tokens",
            json!({ "name": "x", "scope": [] }),
            "scope",
            "unknown_field",
        ),
        ("/session", json!({ "login": "x" }), "password", "required"),
        (
            "/configuration/import",
            json!({}),
            "format",
            "unknown_format",
        ),
        (
            "/configuration/import",
            json!({ "format": "ramal-configuration", "schema": 99 }),
            "schema",
            "newer_schema",
        ),
    ] {
        let answer = admin.post(path, &body).await;
        assert_eq!(answer.status, 422, "{path} {body}");
        assert_eq!(
            answer.refused_field(),
            (field.into(), code.into()),
            "{path} {body}"
        );
    }
    assert_eq!(
        admin
            .get("/extensions")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        admin.get("/users").await.json().as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn the_first_set_up_names_fields_as_they_were_sent() {
    let gateway = Gateway::start().await;
    let client = gateway.client();
    let wrong = json!({
        "language": "pt-BR", "country": "XX", "company": { "area_code": "x", "time_zone": "Mars/Base" },
        "admin": { "login": "ana", "password": "12345" },
    });
    let refused = client.post("/setup", &wrong).await;
    assert_eq!(refused.status, 422);
    let problem = refused.json();
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["field"].as_str().unwrap())
        .collect();
    for field in [
        "country",
        "company.area_code",
        "company.time_zone",
        "admin.login",
        "admin.password",
    ] {
        assert!(fields.contains(&field), "{field} not in {fields:?}");
    }
    let mut unknown = set_up_body();
    unknown["admin"]["role"] = json!("admin");
    assert_eq!(
        client.post("/setup", &unknown).await.refused_field(),
        ("admin.role".into(), "unknown_field".into())
    );
    assert_eq!(client.get("/status").await.json()["set_up"], false);
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let (_gateway, admin) = Gateway::set_up().await;
    let json_type = [("content-type", "application/json")];
    for (headers, body, status) in [
        (&json_type[..], "", 400),
        (&json_type[..], "{", 400),
        (&json_type[..], "{\"number\":\"201\"} x", 400),
        (&json_type[..], "{\"number\":\"\\ud800\"}", 400),
        (&json_type[..], "[\"201\"]", 422),
        (&[][..], "{\"number\":\"201\"}", 415),
        (
            &[("content-type", "text/plain")][..],
            "{\"number\":\"201\"}",
            415,
        ),
        (
            &[("content-type", "application/x-www-form-urlencoded")][..],
            "number=201",
            415,
        ),
    ] {
        let answer = admin
            .send(Method::POST, "/extensions", headers, Bytes::from(body))
            .await;
        assert_eq!(answer.status, status, "{headers:?} {body}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = Bytes::from(format!("{{\"format\":{deep}}}"));
    assert_eq!(
        admin
            .send(Method::POST, "/configuration/import", &json_type, body)
            .await
            .status,
        400
    );
    let with_charset = [("content-type", "Application/JSON; charset=utf-8")];
    let body = Bytes::from_static(b"{\"number\":\"201\"}");
    assert_eq!(
        admin
            .send(Method::POST, "/extensions", &with_charset, body)
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn too_large_a_body_is_refused() {
    let (_gateway, admin) = Gateway::set_up().await;
    let json_type = [("content-type", "application/json")];
    let padded = |size: usize| Bytes::from(format!("{{\"number\":\"2{}\"}}", " ".repeat(size)));
    assert_eq!(
        admin
            .send(Method::POST, "/extensions", &json_type, padded(1 << 20))
            .await
            .status,
        413
    );
    // The import takes more, up to its own limit; what is wrong here is the content.
    assert_eq!(
        admin
            .send(
                Method::POST,
                "/configuration/import",
                &json_type,
                padded(2 << 20)
            )
            .await
            .status,
        422
    );
    assert_eq!(
        admin
            .send(
                Method::POST,
                "/configuration/import",
                &json_type,
                padded(16 << 20)
            )
            .await
            .status,
        413
    );
}

#[tokio::test]
async fn wrong_query_parameters_are_named() {
    let (_gateway, admin) = Gateway::set_up().await;
    for (query, field, code) in [
        ("limit=0", "limit", "out_of_range"),
        ("limit=501", "limit", "out_of_range"),
        ("limit=x", "limit", "out_of_range"),
        ("limit=-1", "limit", "out_of_range"),
        ("before=17", "before", "invalid"),
        ("result=great", "result", "invalid"),
        ("colour=red", "colour", "unknown_field"),
        ("limit=1&limit=2", "limit", "duplicate"),
    ] {
        let answer = admin.get(&format!("/calls?{query}")).await;
        assert_eq!(answer.status, 422, "{query}");
        assert_eq!(
            answer.refused_field(),
            (field.into(), code.into()),
            "{query}"
        );
    }
    let fine = admin.get("/calls?limit=500&number=&result=no_answer").await;
    assert_eq!(fine.json(), json!({ "calls": [], "next": Value::Null }));
}

#[tokio::test]
async fn unknown_paths_and_methods_get_problem_documents() {
    let (_gateway, admin) = Gateway::set_up().await;
    for (method, path, status, allow) in [
        (Method::GET, "/nothing", 404, ""),
        (Method::GET, "/extensions/abc", 404, ""),
        (Method::GET, "/extensions/99999999999999999999", 404, ""),
        (Method::GET, "/extensions/-1", 404, ""),
        (
            Method::DELETE,
            "/calls/active/01ARZ3NDEKTSV4RRFFQ69G5FAV",
            404,
            "",
        ),
        (Method::DELETE, "/calls/active/..%2f..%2fetc", 404, ""),
        (Method::PUT, "/extensions", 405, "GET,HEAD,POST"),
        (Method::DELETE, "/status", 405, "GET,HEAD"),
    ] {
        let answer = admin.send(method.clone(), path, &[], Bytes::new()).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{method} {path}"
        );
        assert_eq!(
            answer.header("allow").replace(' ', ""),
            allow,
            "{method} {path}"
        );
        assert_eq!(answer.json()["status"], status);
    }
}
