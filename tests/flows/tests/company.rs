//! AT-01: the company and what follows from where it is.

use flow_tests::SOON;
use flow_tests::bench::{Bench, Result, next_call, refused};
use gateway_under_test::{Gateway, Options};
use serde_json::{Value, json};

#[tokio::test]
async fn at_01_numbers_are_kept_as_e164_and_shown_as_they_are_dialled() -> Result {
    let bench = Bench::start().await?;
    let (id, ana) = bench.extension("2001").await?;
    // 2001 dials a number of her own city.
    let rule =
        json!({ "pattern": "[2-5]XXXXXXX", "ways": [{ "way": "trunk", "id": bench.trunk }] });
    let route = json!({ "name": "Locais", "rules": [rule] });
    bench.add("outbound-routes", route).await?;
    let mut out = ana.call("33335555").await?;
    let mut inn = next_call(&bench.carrier).await?;
    assert!(inn.called().contains("33335555"), "{}", inn.called());
    inn.answer();
    out.wait_answered(SOON).await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    let record = bench.gateway.records(1).await?.remove(0);
    assert_eq!(record["callee"]["number"], "33335555", "{record}");
    assert_eq!(record["callee_e164"], "+555133335555", "{record}");
    assert_eq!(record["caller_e164"], Value::Null, "{record}");

    // Somebody of that city calls her, and somebody of another.
    bench
        .number(json!({ "ring": { "targets": [{ "ring": "extension", "id": id }] } }))
        .await?;
    let contact = json!({ "name": "Padaria Aurora", "numbers": ["+55 (51) 3333-6666"] });
    let contact = bench.add("contacts", contact).await?;
    let calls = [
        ("5133336666", "33336666", "+555133336666", "Padaria Aurora"),
        (
            "+555133336666",
            "33336666",
            "+555133336666",
            "Padaria Aurora",
        ),
        ("1144445555", "1144445555", "+551144445555", ""),
    ];
    for (number, (presented, shown, e164, name)) in (2..).zip(calls) {
        let caller = bench.caller(presented).await?;
        let mut out = caller.call(flow_tests::bench::NUMBER).await?;
        let mut inn = next_call(&ana).await?;
        assert!(
            inn.caller().contains(&format!("sip:{shown}@")),
            "{}",
            inn.caller()
        );
        assert!(inn.caller().contains(name), "{}", inn.caller());
        inn.answer();
        out.wait_answered(SOON).await?;
        out.hang_up();
        inn.wait_ended(SOON).await?;
        let record = bench.gateway.records(number).await?.remove(0);
        assert_eq!(record["caller_e164"], e164, "{record}");
        assert_eq!(record["caller"]["name"], name, "{record}");
    }
    // The history finds them by that number, however they came.
    let api = bench.gateway.api();
    let found = api
        .get("/api/v1/calls?number=%2B5551333")
        .await?
        .expect(200)?;
    assert_eq!(found["calls"].as_array().map(Vec::len), Some(3), "{found}");
    // A contact has whole numbers only.
    let local = json!({ "name": "Outra", "numbers": ["33336666"] });
    bench.refusal("contacts", local, "numbers[0]").await?;
    let path = format!("/api/v1/contacts/{contact}");
    api.delete(&path).await?.expect(204)?;
    // Whom a number refuses is known by E.164 as well.
    let numbers = api.get("/api/v1/numbers").await?.expect(200)?;
    let id = numbers[0]["id"].as_i64().ok_or("the number")?;
    bench
        .change(
            "numbers",
            id,
            json!({ "blocked_callers": ["+555133336666"] }),
        )
        .await?;
    let caller = bench.caller("5133336666").await?;
    let mut out = caller.call(flow_tests::bench::NUMBER).await?;
    refused(&mut out, 603).await
}

#[tokio::test]
async fn at_01_a_tax_number_is_checked_and_what_is_read_can_be_written() -> Result {
    let gateway = Gateway::start_empty(Options::default()).await?;
    let api = gateway.api();
    let set_up = json!({
        "language": "pt-BR", "country": "BR", "company": { "area_code": "51" },
        "admin": { "login": "admin", "name": "Admin", "password": "um girassol na janela" },
    });
    api.post("/api/v1/setup", &set_up).await?.expect(201)?;
    // Nobody has said yet what the company is called: the rest can be changed all the same.
    let mut company = api.get("/api/v1/company").await?.expect(200)?;
    assert_eq!(company["legal_name"], "");
    let same = api.put("/api/v1/company", &company).await?.expect(200)?;
    assert_eq!(same, company);
    company["tax_id"] = json!("11.222.333/0001-82");
    company["contact_phone"] = json!("amanhã");
    company["cnl"] = json!("12");
    let refused = api.put("/api/v1/company", &company).await?.expect(422)?;
    let errors = refused["errors"].as_array().ok_or("errors")?;
    let said = |field: &str| {
        let error = errors.iter().find(|error| error["field"] == field);
        error.map(|error| error["code"].clone()).unwrap_or_default()
    };
    assert_eq!(said("tax_id"), "check_digit", "{refused}");
    assert_eq!(said("contact_phone"), "digits_only", "{refused}");
    assert_eq!(said("cnl"), "too_short", "{refused}");
    company["tax_id"] = json!("12.abc.345/01de-35");
    company["contact_name"] = json!("Rita");
    company["contact_phone"] = json!("+5551999990000");
    company["cnl"] = json!("51000");
    company["legal_name"] = json!("Padaria do Bairro Ltda");
    let saved = api.put("/api/v1/company", &company).await?.expect(200)?;
    assert_eq!(saved["tax_id"], "12ABC34501DE35", "{saved}");
    // Named once, it is not made nameless again.
    let mut nameless = saved.clone();
    nameless["legal_name"] = json!(" ");
    nameless["tax_id"] = json!("");
    let refused = api.put("/api/v1/company", &nameless).await?.expect(422)?;
    assert_eq!(
        refused["errors"].as_array().map(Vec::len),
        Some(2),
        "{refused}"
    );
    // Countries say which kind they have.
    let countries = api.get("/api/v1/countries").await?.expect(200)?;
    let mexico = countries
        .as_array()
        .and_then(|all| all.iter().find(|one| one["code"] == "MX"));
    assert_eq!(mexico.map(|one| &one["tax_id"]), Some(&json!("rfc")));
    let mut mexican = saved.clone();
    mexican["country"] = json!("MX");
    mexican["tax_id"] = json!("SAT970701NN4");
    api.put("/api/v1/company", &mexican).await?.expect(422)?;
    mexican["tax_id"] = json!("SAT-970701-NN3");
    api.put("/api/v1/company", &mexican).await?.expect(200)?;
    // The document of the configuration carries it all.
    let document = api.get("/api/v1/configuration/export").await?.expect(200)?;
    assert_eq!(document["company"]["tax_id"], "SAT970701NN3");
    Ok(())
}
