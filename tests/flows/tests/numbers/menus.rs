//! AT-15 to AT-18: announcements, forks by the time, and menus.

use flow_tests::{SOON, prompts::Prompt, tone};
use serde_json::json;

use flow_tests::bench::{Bench, NUMBER, Result, hears, next_call, steps, to};

#[tokio::test]
async fn at_17_a_caller_hears_greeting_and_menu_and_chooses_by_key() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let (greeting, menu) = (
        bench.tone(500.0, 1.0).await?,
        bench.tone(700.0, 30.0).await?,
    );
    let invalid = bench.tone(1300.0, 1.0).await?;
    let ivr = json!({
        "name": "Principal", "greeting": greeting, "menu": menu, "invalid": invalid,
        "keys": [{ "key": "1", "label": "Vendas", "destination": to("extension", ana) }],
    });
    let ivr = bench.add("ivrs", ivr).await?;
    bench.number(json!({ "target": "ivr", "ivr": ivr })).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    hears(&out, 500.0).await?;
    hears(&out, 700.0).await?;
    // A key that is not in the menu interrupts it all the same.
    out.audio().send_digits("9");
    hears(&out, 1300.0).await?;
    hears(&out, 700.0).await?;
    out.audio().send_digits("1");
    let mut inn = next_call(&phone).await?;
    inn.ring();
    // Answered already, he hears from the gateway that it rings.
    hears(&out, 425.0).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    inn.audio().send(tone(1100.0));
    hears(&out, 1100.0).await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    let record = bench.record().await?;
    assert_eq!(
        (&record["result"], &record["ivr_path"]),
        (&json!("answered"), &json!("1")),
        "{record}"
    );
    let way = [
        "came_in",
        "number",
        "ivr",
        "answered_by_gateway",
        "ivr_invalid",
        "ivr_key",
        "ringing",
        "answered_by",
        "hung_up",
    ];
    assert_eq!(steps(&record), way);
    Ok(())
}

#[tokio::test]
async fn at_17_a_caller_who_never_chooses_is_led_on_and_counts_as_missed() -> Result {
    let bench = Bench::start().await?;
    let (menu, exceeded) = (
        bench.tone(700.0, 0.3).await?,
        bench.tone(1300.0, 1.0).await?,
    );
    let ivr = json!({
        "name": "Principal", "menu": menu, "exceeded": exceeded, "wait": 1, "attempts": 2,
        "keys": [{ "key": "1", "label": "Vendas" }],
    });
    let ivr = bench.add("ivrs", ivr).await?;
    bench.number(json!({ "target": "ivr", "ivr": ivr })).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    hears(&out, 1300.0).await?;
    out.wait_ended(SOON).await?;
    let record = bench.record().await?;
    assert_eq!(record["result"], "no_answer", "nobody took it: {record}");
    let way = steps(&record);
    assert_eq!(
        way.iter().filter(|step| **step == "ivr_timeout").count(),
        2,
        "{way:?}"
    );
    assert!(way.contains(&"ivr_exceeded"), "{way:?}");
    Ok(())
}

#[tokio::test]
async fn at_15_an_announcement_plays_its_files_and_leads_on() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let files = [bench.tone(500.0, 0.6).await?, bench.tone(900.0, 0.6).await?];
    let announcement = json!({ "name": "Aviso", "files": files, "after": to("extension", ana) });
    let announcement = bench.add("announcements", announcement).await?;
    bench
        .number(json!({ "target": "flow", "flow": to("announcement", announcement) }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    hears(&out, 500.0).await?;
    hears(&out, 900.0).await?;
    let rings = next_call(&phone).await?;
    drop((rings, out));
    Ok(())
}

#[tokio::test]
async fn at_16_a_fork_by_the_time_and_its_switch_lead_the_next_call() -> Result {
    let bench = Bench::start().await?;
    let ((ana, open), (bruno, closed)) = (
        bench.extension("2001").await?,
        bench.extension("2002").await?,
    );
    let mut condition = json!({
        "name": "Expediente", "periods": [{ "start": "00:00", "end": "24:00" }],
        "on_match": to("extension", ana), "on_no_match": to("extension", bruno),
    });
    let id = bench.add("time-conditions", condition.clone()).await?;
    bench
        .number(json!({ "target": "flow", "flow": to("time_condition", id) }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let rings = next_call(&open).await?;
    out.hang_up();
    out.wait_ended(SOON).await?;
    drop(rings);
    condition["override"] = json!({ "state": "closed" });
    let path = format!("/api/v1/time-conditions/{id}");
    bench
        .gateway
        .api()
        .put(&path, &condition)
        .await?
        .expect(200)?;
    let out = bench.carrier.call(NUMBER).await?;
    let rings = next_call(&closed).await?;
    drop((rings, out));
    Ok(())
}

#[tokio::test]
async fn at_18_a_menu_is_spoken_from_its_template_and_labels() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let menu = |template: &str, language: &str| {
        let key = |key: &str, label: &str| json!({ "key": key, "label": label, "destination": to("extension", ana) });
        json!({
            "name": language,
            "menu_text": { "template": template, "language": language },
            "keys": [key("1", "vendas"), key("2", "suporte")],
        })
    };
    let without = menu("selecione ${Tecla}", "pt-BR");
    let missing = bench.refusal("ivrs", without, "menu_text.template").await?;
    assert_eq!(missing["limit"], "${Menu}", "{missing}");
    let menus = [
        (
            "selecione ${Tecla} para ${Menu}",
            "pt-BR",
            "selecione um para vendas, selecione dois para suporte",
        ),
        (
            "marque ${Tecla} para ${Menú}",
            "es",
            "marque uno para vendas, marque dos para suporte",
        ),
        (
            "tekan ${Tombol} untuk ${Menu}",
            "id",
            "tekan satu untuk vendas, tekan dua untuk suporte",
        ),
        (
            "press ${Key} for ${Menu}",
            "en",
            "press one for vendas, press two for suporte",
        ),
    ];
    for (place, (template, language, spoken)) in menus.into_iter().enumerate() {
        let ivr = bench.add("ivrs", menu(template, language)).await?;
        let number = bench.number(json!({ "target": "ivr", "ivr": ivr })).await?;
        let text = json!({ "text": spoken, "language": language });
        let api = bench.gateway.api();
        let spoken = api.post("/api/v1/speech", &text).await?;
        assert_eq!(spoken.status, 200);
        let spoken = Prompt::of_wav(&spoken.body)?;
        let mut out = bench.carrier.call(NUMBER).await?;
        out.wait_answered(SOON).await?;
        let began = std::time::Instant::now();
        while spoken.find(&out.audio().last(began.elapsed())).is_none() {
            assert!(began.elapsed() < SOON, "{language} was not heard");
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        out.audio().send_digits("2");
        let mut call = next_call(&phone).await?;
        call.answer();
        call.wait_answered(SOON).await?;
        out.hang_up();
        call.wait_ended(SOON).await?;
        let record = bench.gateway.records(place + 1).await?.remove(0);
        assert_eq!(record["ivr_path"], "2", "{record}");
        let path = format!("/api/v1/numbers/{number}");
        api.delete(&path).await?;
    }
    Ok(())
}

#[tokio::test]
async fn at_18_menus_have_limits_and_the_record_says_which_keys_led() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let (menu, below) = (
        bench.tone(500.0, 20.0).await?,
        bench.tone(700.0, 20.0).await?,
    );
    let keys = |count: usize| -> serde_json::Value {
        let keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"]
            .into_iter()
            .take(count);
        keys.map(|key| json!({ "key": key, "label": key, "destination": to("extension", ana) }))
            .collect()
    };
    let ivr =
        |name: &str, keys: serde_json::Value| json!({ "name": name, "menu": below, "keys": keys });
    let many = bench.refusal("ivrs", ivr("Dez", keys(10)), "keys").await?;
    assert_eq!(many["limit"], "9", "{many}");
    let six = bench.add("ivrs", ivr("Seis", keys(6))).await?;
    let above = json!([{ "key": "1", "label": "Seis", "destination": to("ivr", six) }]);
    let many = ivr("Acima", above);
    let many = bench.refusal("ivrs", many, "keys[0].destination").await?;
    assert_eq!(many["limit"], "5", "{many}");
    // Five levels, and not one more.
    let mut level = bench.add("ivrs", ivr("Nível 5", keys(3))).await?;
    let over = |name: &str, id: i64| {
        let keys = json!([{ "key": "1", "label": "Abaixo", "destination": to("ivr", id) }]);
        json!({ "name": name, "menu": menu, "keys": keys })
    };
    let deepest = level;
    for number in (1..5).rev() {
        level = bench
            .add("ivrs", over(&format!("Nível {number}"), level))
            .await?;
    }
    let deep = bench
        .refusal("ivrs", over("Nível 0", level), "keys")
        .await?;
    assert!(
        deep.to_string()
            .contains("Nível 0 > Nível 1 > Nível 2 > Nível 3 > Nível 4 > Nível 5"),
        "{deep}"
    );
    let top = bench.add("ivrs", over("Entrada", deepest)).await?;
    bench.number(json!({ "target": "ivr", "ivr": top })).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    hears(&out, 500.0).await?;
    out.audio().send_digits("1");
    hears(&out, 700.0).await?;
    out.audio().send_digits("3");
    let mut inn = next_call(&phone).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    let record = bench.record().await?;
    assert_eq!(record["ivr_path"], "1>3", "{record}");
    Ok(())
}
