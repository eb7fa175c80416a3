//! F208, AT-38: numbers elsewhere that are known to be users' own, and that those they call see.

use flow_tests::SOON;
use flow_tests::bench::{Bench, Result, next_call};
use flow_tests::prompts::Prompt;
use serde_json::{Value, json};
use sipphone::Phone;

use super::callers::shows;

const MOBILE: &str = "+5551987654321";
/// How many digits a code has.
const CODE_DIGITS: usize = 6;
/// The shortest word for a digit, in samples.
const SHORTEST_DIGIT: usize = 3_000;

/// Ana calls outside by a route to the carrier; her user.
async fn bench() -> Result<(Bench, Phone, i64)> {
    let bench = Bench::start().await?;
    let (extension, ana) = bench.extension("2001").await?;
    let rule = json!([{
        "pattern": "9X.", "caller_id": "5130000000", "ways": [{ "way": "trunk", "id": bench.trunk }],
    }, {
        "pattern": "51X.", "ways": [{ "way": "trunk", "id": bench.trunk }],
    }]);
    let route = json!({ "name": "Celular", "rules": rule });
    bench.add("outbound-routes", route).await?;
    let user = json!({
        "login": "ana.lima", "role": "user", "password": "vermelho-cadeira-42",
        "extension": extension, "language": "pt-BR",
    });
    let user = bench.add("users", user).await?;
    Ok((bench, ana, user))
}

/// The carrier shows what it has not given from now on, or no more.
async fn allows(bench: &Bench, allows: bool) -> Result {
    let path = format!("/api/v1/trunks/{}", bench.trunk);
    let change = json!({ "foreign_caller_id": allows });
    bench
        .gateway
        .api()
        .patch(&path, &change)
        .await?
        .expect(200)?;
    Ok(())
}

/// What is said of a field that is refused.
fn refusal(answer: &Value, field: &str) -> Value {
    let errors = answer["errors"].as_array().into_iter().flatten();
    let mut errors = errors.filter(|one| one["field"] == field);
    errors.next().map_or(Value::Null, |one| one["code"].clone())
}

#[tokio::test]
async fn at_38_a_verified_mobile_number_is_shown_where_the_trunk_allows_it() -> Result {
    let (bench, ana, user) = bench().await?;
    let api = bench.gateway.api();
    let user = format!("/api/v1/users/{user}");
    let shown = json!({ "caller_id": MOBILE });
    allows(&bench, true).await?;
    // It is not his yet.
    let unknown = api.patch(&user, &shown).await?.expect(422)?;
    assert_eq!(refusal(&unknown, "caller_id"), "not_verified", "{unknown}");
    let stated = json!({ "number": MOBILE });
    let path = format!("{user}/verified-numbers");
    let stated = api.post(&path, &stated).await?.expect(201)?;
    let number = &stated["verified_numbers"][0];
    assert_eq!(number["number"], MOBILE, "{stated}");
    assert_eq!(number["verified_by"], "statement", "{stated}");
    shows(&bench, &ana, "5130000000").await?;

    // No carrier would show it.
    allows(&bench, false).await?;
    let nowhere = api.patch(&user, &shown).await?.expect(422)?;
    let code = refusal(&nowhere, "caller_id");
    assert_eq!(code, "no_foreign_caller_id", "{nowhere}");
    // Nor does an analogue line, to which the only route that is his leads.
    allows(&bench, true).await?;
    let routes = api.get("/api/v1/outbound-routes").await?.expect(200)?;
    let route = routes[0]["id"].as_i64().unwrap_or_default();
    let rules = routes[0]["rules"].clone();
    let line = json!([{ "pattern": "9X.", "ways": [{ "way": "any_line" }] }]);
    bench
        .change("outbound-routes", route, json!({ "rules": line }))
        .await?;
    let analogue = api.patch(&user, &shown).await?.expect(422)?;
    let code = refusal(&analogue, "caller_id");
    assert_eq!(code, "no_foreign_caller_id", "{analogue}");

    bench
        .change("outbound-routes", route, json!({ "rules": rules }))
        .await?;
    api.patch(&user, &shown).await?.expect(200)?;
    shows(&bench, &ana, &MOBILE[1..]).await?;
    // The trunk decides at each call.
    allows(&bench, false).await?;
    shows(&bench, &ana, "5130000000").await?;
    allows(&bench, true).await?;
    let gone = format!("{path}/{}", MOBILE.replace('+', "%2B"));
    api.delete(&gone).await?.expect(204)?;
    api.delete(&gone).await?.expect(404)?;
    shows(&bench, &ana, "5130000000").await?;
    Ok(())
}

#[tokio::test]
async fn f208_a_code_told_by_telephone_verifies_a_number() -> Result {
    let (bench, _ana, user) = bench().await?;
    let api = bench.gateway.api();
    let path = format!("/api/v1/users/{user}/verified-numbers");
    let call = format!("{path}/call");
    let number = json!({ "number": MOBILE });
    let told = api.post(&call, &number).await?.expect(202)?;
    let mut inn = next_call(&bench.carrier).await?;
    // As it is dialled where the company is.
    assert!(inn.called().contains("sip:987654321@"), "{}", inn.called());
    // One call a minute is enough.
    assert_eq!(api.post(&call, &number).await?.status, 429);
    inn.answer();
    inn.wait_answered(SOON).await?;
    inn.wait_ended(3 * SOON).await?;
    let heard = inn.audio().heard();
    let said = Prompt::load("pt-BR", "verification-code")?;
    let one = said.find(&heard).ok_or("no code was said")?;
    let mut rest = heard.clone();
    rest[one..one + 8_000].fill(0);
    let other = said.find(&rest).ok_or("the code was said once")?;
    // What comes between the sentence and its repetition.
    let between = one.min(other) + 8_000..one.max(other);
    let code = digits(&heard[between])?;

    let enter = format!("{path}/code");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let wrong = json!({ "number": MOBILE, "code": wrong });
    let wrong = api.post(&enter, &wrong).await?.expect(422)?;
    assert_eq!(refusal(&wrong, "code"), "wrong_code", "{wrong}");
    let right = json!({ "number": MOBILE, "code": code });
    let verified = api.post(&enter, &right).await?.expect(201)?;
    let number = &verified["verified_numbers"][0];
    assert_eq!(number["verified_by"], "code", "{verified}");
    // It is good once.
    api.post(&enter, &right).await?.expect(422)?;
    let record = bench.record().await?;
    assert_eq!(record["id"], told["id"], "{record}");
    assert_eq!(record["trace"][0]["step"], "tells_code", "{record}");
    assert!(!record.to_string().contains(&code), "{record}");
    Ok(())
}

/// The digits that are said, in their order.
fn digits(heard: &[i16]) -> Result<String> {
    let prompts: Vec<_> = (0..10)
        .map(|digit| Prompt::load("pt-BR", &format!("digit-{digit}")))
        .collect::<Result<_>>()?;
    let mut heard = heard.to_vec();
    let mut found = Vec::new();
    // The clearest first: what was recognised is taken out, so that nothing is taken for two digits.
    while found.len() < CODE_DIGITS {
        let each = prompts.iter().enumerate();
        let each = each.filter_map(|(digit, prompt)| Some((digit, prompt.best(&heard)?)));
        let (digit, (at, _)) = each
            .max_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b))
            .ok_or_else(|| format!("only {found:?} was said"))?;
        let end = heard.len().min(at + SHORTEST_DIGIT);
        heard[at..end].fill(0);
        found.push((at, digit));
    }
    found.sort_unstable();
    Ok(found.iter().map(|(_, digit)| digit.to_string()).collect())
}
