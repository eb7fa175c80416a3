//! F034 and F035: what those hear who are asked whether they take a call, and the key they take it with.

use std::time::{Duration, Instant};

use flow_tests::bench::{Bench, NUMBER, Result, hears, next_call, steps};
use flow_tests::{SOON, prompts::Prompt, tone};
use serde_json::{Value, json};
use sipphone::Call;

const MOBILE: &str = "51999990000";
/// A whisper is said every ten seconds.
const TWO_PLAYINGS: Duration = Duration::from_secs(30);

/// A gateway whose number forwards its calls to a mobile that is asked.
async fn asking(settings: Value) -> Result<Bench> {
    let bench = Bench::start().await?;
    let rule = json!([{ "pattern": "X.", "ways": [{ "way": "trunk", "id": bench.trunk }] }]);
    let route = json!({ "name": "Tudo", "rules": rule });
    bench.add("outbound-routes", route).await?;
    let mut number = json!({
        "label": "Padaria do Bairro Alto", "mode": "forward_all", "forward_to": MOBILE,
        "call_connect": true,
    });
    if let (Some(number), Some(settings)) = (number.as_object_mut(), settings.as_object()) {
        number.extend(settings.clone());
    }
    bench.number(number).await?;
    Ok(bench)
}

/// How the gateway says a text.
async fn spoken(bench: &Bench, text: &str) -> Result<Prompt> {
    let text = json!({ "text": text, "language": "pt-BR" });
    let spoken = bench.gateway.api().post("/api/v1/speech", &text).await?;
    assert_eq!(spoken.status, 200);
    Prompt::of_wav(&spoken.body)
}

/// Waits until somebody has heard words since then; where in that they began.
async fn hears_words(call: &Call, since: Instant, words: &Prompt, what: &str) -> Result<usize> {
    let deadline = Instant::now() + TWO_PLAYINGS;
    loop {
        if let Some(at) = words.find(&call.audio().last(since.elapsed())) {
            return Ok(at);
        }
        if Instant::now() > deadline {
            return Err(format!("`{what}` was not heard").into());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

#[tokio::test]
async fn f034_the_answerer_hears_the_text_with_what_is_known_of_the_call() -> Result {
    let text = "Uma ligação nova para {number.label}, vinda do telefone {caller.number}";
    let bench = asking(json!({ "whisper_text": text })).await?;
    // Spoken and read beforehand: whoever is asked has only so long to press a key.
    let mut pieces = Vec::new();
    for words in [
        "Uma ligação nova para",
        "Padaria do Bairro Alto",
        ", vinda do telefone",
    ] {
        pieces.push((words, spoken(&bench, words).await?));
    }
    // Then the caller's number: 5198765432.
    let nine = Prompt::load("pt-BR", "digit-9")?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut mobile = next_call(&bench.carrier).await?;
    let began = Instant::now();
    mobile.answer();
    mobile.wait_answered(SOON).await?;
    for (words, spoken) in &pieces {
        hears_words(&mobile, began, spoken, words).await?;
    }
    hears_words(&mobile, began, &nine, "9").await?;
    let heard = mobile.audio().heard();
    mobile.audio().send_digits("7");
    let mut before = 0;
    for (words, spoken) in &pieces {
        let at = spoken.find(&heard).ok_or(*words)?;
        assert!(at > before, "`{words}` at {at}, after {before}");
        before = at;
    }
    out.wait_answered(SOON).await?;
    out.audio().send(tone(1000.0));
    hears(&mobile, 1000.0).await?;
    out.hang_up();
    mobile.wait_ended(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn f034_a_member_hears_the_text_of_the_queue() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let queue = json!({
        "name": "Atendimento ao cliente", "number": "600", "wrap_up": 0,
        "members": [{ "member": "extension", "id": ana }],
        "whisper_text": "Agora uma chamada da fila {queue.name} para {number.label}",
    });
    let queue = bench.add("queues", queue).await?;
    let number = json!({ "label": "Padaria do Bairro Alto", "target": "queue", "queue": queue });
    bench.number(number).await?;
    let out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(&phone).await?;
    let began = Instant::now();
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.audio().send(tone(1000.0));
    hears(&inn, 1000.0).await?;
    let heard = inn.audio().last(began.elapsed());
    let mut before = 0;
    for words in [
        "Agora uma chamada da fila",
        "Atendimento ao cliente",
        "Padaria do Bairro Alto",
    ] {
        let at = spoken(&bench, words).await?.find(&heard).ok_or(words)?;
        assert!(at > before, "`{words}` at {at}, after {before}");
        before = at;
    }
    out.hang_up();
    inn.wait_ended(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn f035_only_the_chosen_key_takes_the_call_and_is_said() -> Result {
    let bench = asking(json!({ "accept_key": "5" })).await?;
    let words = "Uma chamada para você. Para atender, tecle cinco.";
    let whisper = spoken(&bench, words).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut mobile = next_call(&bench.carrier).await?;
    let began = Instant::now();
    mobile.answer();
    mobile.wait_answered(SOON).await?;
    hears_words(&mobile, began, &whisper, words).await?;
    // Another key does nothing: it is said once more.
    mobile.audio().send_digits("1");
    hears_words(&mobile, Instant::now(), &whisper, words).await?;
    assert!(out.wait_answered(Duration::ZERO).await.is_err());
    mobile.audio().send_digits("5");
    out.wait_answered(SOON).await?;
    out.hang_up();
    mobile.wait_ended(SOON).await?;
    let record = bench.record().await?;
    assert!(steps(&record).contains(&"key_pressed"), "{record}");
    Ok(())
}

#[tokio::test]
async fn f034_f035_unknown_variables_and_the_star_are_refused() -> Result {
    let bench = Bench::start().await?;
    for (field, value, code) in [
        ("whisper_text", "Chamada de {caller.name}", "invalid"),
        ("whisper_text", " ", "required"),
        ("accept_key", "*", "invalid"),
        ("accept_key", "12", "character"),
    ] {
        let body = json!({ "label": "Geral", "number": NUMBER, field: value });
        let said = bench.refusal("numbers", body, field).await?;
        assert_eq!(said["code"], code, "{said}");
    }
    let queue = json!({ "name": "Vendas", "number": "600", "whisper_text": "{queue}" });
    let said = bench.refusal("queues", queue, "whisper_text").await?;
    assert_eq!(
        said["limit"], "{number.label}, {caller.number}, {queue.name}",
        "{said}"
    );
    Ok(())
}
