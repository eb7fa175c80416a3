//! Extensions and numbers as tables.

use bytes::Bytes;
use hyper::Method;
use serde_json::json;

use crate::client::{Answer, Client};
use crate::gateway::Gateway;

async fn table(client: &Client, path: &str, text: &str) -> Answer {
    let headers = [("content-type", "text/csv; charset=utf-8")];
    client
        .send(Method::POST, path, &headers, Bytes::from(text.to_owned()))
        .await
}

async fn count(admin: &Client) -> usize {
    admin
        .get("/extensions")
        .await
        .json()
        .as_array()
        .unwrap()
        .len()
}

#[tokio::test]
async fn t7_of_500_rows_with_10_faults_490_are_made_and_undone_together() {
    let (_gateway, admin) = Gateway::set_up().await;
    let mut text = "number,display_name,ring_time,language\n".to_owned();
    for row in 0..500 {
        let line = match row {
            // Every fiftieth is wrong in one way or another.
            7 => "20,x,4,\n".to_owned(),
            57 => "abc,x,,\n".to_owned(),
            107 => "3000,twice,,\n".to_owned(),
            157 => "4157,x,,klingon\n".to_owned(),
            207 => "4207,x,soon,\n".to_owned(),
            257 => ",nobody,,\n".to_owned(),
            307 => "190,police,,\n".to_owned(),
            357 => "4357,x,,,,,\n".to_owned(),
            407 => "12345678,x,,\n".to_owned(),
            457 => "4457,x,301,\n".to_owned(),
            row => format!("{},\"Silva, {row}\",30,es\n", 3000 + row),
        };
        text.push_str(&line);
    }
    let tried = table(&admin, "/extensions/import?dry_run=true", &text).await;
    assert_eq!(tried.status, 200, "{}", tried.json());
    let tried = tried.json();
    assert_eq!(
        (&tried["created"], &tried["refused"], &tried["version"]),
        (&json!(490), &json!(10), &json!(null))
    );
    let rows = tried["rows"].as_array().unwrap();
    let faulty: Vec<_> = rows
        .iter()
        .filter(|row| row["action"] == "refused")
        .collect();
    let lines: Vec<_> = faulty
        .iter()
        .map(|row| row["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [9, 59, 109, 159, 209, 259, 309, 359, 409, 459]);
    for (row, field, code) in [
        (0, "ring_time", "out_of_range"),
        (1, "number", "digits_only"),
        (2, "number", "duplicate"),
        (3, "language", "invalid"),
        (4, "ring_time", "invalid"),
        (5, "number", "required"),
        (6, "number", "taken"),
    ] {
        let errors = faulty[row]["errors"].as_array().unwrap();
        assert!(
            errors
                .iter()
                .any(|one| one["field"] == field && one["code"] == code),
            "{}",
            faulty[row]
        );
    }
    assert_eq!(count(&admin).await, 0);

    let done = table(&admin, "/extensions/import", &text).await.json();
    assert_eq!(
        (&done["created"], &done["refused"]),
        (&json!(490), &json!(10))
    );
    assert_eq!(done["rows"][0]["secret"].as_str().unwrap().len(), 20);
    assert_eq!(count(&admin).await, 490);
    let undo = format!("/configuration/versions/{}/undo", done["version"]);
    assert_eq!(admin.post(&undo, &json!({})).await.status, 204);
    assert_eq!(count(&admin).await, 0);
}

#[tokio::test]
async fn what_comes_out_goes_in_again_and_changes_nothing() {
    let (_gateway, admin) = Gateway::set_up().await;
    let first = "number;display_name;enabled\n201;João;no\n202;'=Ana;\n";
    assert_eq!(
        table(&admin, "/extensions/import", first).await.json()["created"],
        2
    );
    let out = admin.get("/extensions/export").await;
    let out = String::from_utf8(out.body.to_vec()).unwrap();
    assert!(
        out.starts_with("number,display_name,")
            && out.contains("201,João,")
            && out.contains("'=Ana"),
        "{out}"
    );
    let again = table(&admin, "/extensions/import", &out).await.json();
    assert_eq!(
        (&again["skipped"], &again["version"]),
        (&json!(2), &json!(null)),
        "{again}"
    );
    let changed = table(
        &admin,
        "/extensions/import",
        "number,ring_time\n201,45\n203,\n",
    )
    .await
    .json();
    assert_eq!(
        (&changed["updated"], &changed["created"]),
        (&json!(1), &json!(1))
    );
    let kept = table(
        &admin,
        "/extensions/import?existing=skip",
        "number,ring_time\n201,50\n",
    )
    .await
    .json();
    assert_eq!(kept["skipped"], 1);

    let queue = admin
        .post("/queues", &json!({ "name": "Vendas", "number": "600" }))
        .await;
    assert_eq!(queue.status, 201);
    let numbers = "number,label,target,queue\n+555133334444,Geral,queue,vendas\n+555133334445,Outro,queue,nenhuma\n";
    let made = table(&admin, "/numbers/import", numbers).await.json();
    assert_eq!(
        (&made["created"], &made["refused"]),
        (&json!(1), &json!(1)),
        "{made}"
    );
    assert_eq!(made["rows"][1]["errors"][0]["code"], "no_such_object");
    let numbers = admin.get("/numbers").await.json();
    assert_eq!(numbers[0]["queue"], queue.json()["id"]);
    let out = admin.get("/numbers/export").await;
    let again = table(
        &admin,
        "/numbers/import",
        std::str::from_utf8(&out.body).unwrap(),
    )
    .await
    .json();
    assert_eq!(again["skipped"], 1, "{again}");

    for (path, text, status) in [
        ("/extensions/import", "number,colour\n201,red\n", 422),
        ("/extensions/import", "number\n\"201\n", 422),
        ("/extensions/import?existing=both", "number\n201\n", 422),
        ("/extensions/import?dry_run=perhaps", "number\n201\n", 422),
    ] {
        assert_eq!(
            table(&admin, path, text).await.status,
            status,
            "{path} {text}"
        );
    }
    assert_eq!(
        admin.post("/extensions/import", &json!({})).await.status,
        415
    );
}
