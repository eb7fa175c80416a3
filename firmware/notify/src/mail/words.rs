//! What mail says, in the four languages.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ramal_model::{Company, Delivery, EventKind, Language};
use serde_json::{Map, Value};

/// Subject and text of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub subject: String,
    pub body: String,
}

/// The alarms as the web interface words them.
const ALARMS: [(Language, &str); 4] = [
    (
        Language::PtBr,
        include_str!("../../../../web/src/i18n/alarms/pt-BR.json"),
    ),
    (
        Language::Es,
        include_str!("../../../../web/src/i18n/alarms/es.json"),
    ),
    (
        Language::Id,
        include_str!("../../../../web/src/i18n/alarms/id.json"),
    ),
    (
        Language::En,
        include_str!("../../../../web/src/i18n/alarms/en.json"),
    ),
];

/// The parts of sentences that are needed; `{…}` is replaced.
struct Phrases {
    unknown: &'static str,
    test: &'static str,
    voicemail: &'static str,
    missed: &'static str,
    alarm: &'static str,
    cleared: &'static str,
    from: &'static str,
    to: &'static str,
    at: &'static str,
    mailbox: &'static str,
    length: &'static str,
    seconds: &'static str,
    object: &'static str,
    action: &'static str,
    signature: &'static str,
}

const fn phrases(language: Language) -> Phrases {
    match language {
        Language::PtBr => Phrases {
            unknown: "número oculto",
            test: "Teste: o gateway consegue enviar e-mails.",
            voicemail: "Nova mensagem de voz de {caller}",
            missed: "Chamada perdida de {caller}",
            alarm: "Alarme: {alarm}",
            cleared: "Alarme encerrado: {alarm}",
            from: "De",
            to: "Para",
            at: "Quando",
            mailbox: "Caixa postal",
            length: "Duração",
            seconds: "{seconds} s",
            object: "Onde",
            action: "O que fazer",
            signature: "Enviado automaticamente pelo gateway de telefonia. Não responda.",
        },
        Language::Es => Phrases {
            unknown: "número oculto",
            test: "Prueba: el gateway puede enviar correos.",
            voicemail: "Nuevo mensaje de voz de {caller}",
            missed: "Llamada perdida de {caller}",
            alarm: "Alarma: {alarm}",
            cleared: "Alarma resuelta: {alarm}",
            from: "De",
            to: "Para",
            at: "Cuándo",
            mailbox: "Buzón de voz",
            length: "Duración",
            seconds: "{seconds} s",
            object: "Dónde",
            action: "Qué hacer",
            signature: "Enviado automáticamente por el gateway de telefonía. No responda.",
        },
        Language::Id => Phrases {
            unknown: "nomor disembunyikan",
            test: "Uji coba: gateway dapat mengirim surel.",
            voicemail: "Pesan suara baru dari {caller}",
            missed: "Panggilan tak terjawab dari {caller}",
            alarm: "Alarm: {alarm}",
            cleared: "Alarm berakhir: {alarm}",
            from: "Dari",
            to: "Ke",
            at: "Waktu",
            mailbox: "Kotak pesan suara",
            length: "Durasi",
            seconds: "{seconds} detik",
            object: "Di mana",
            action: "Yang harus dilakukan",
            signature: "Dikirim otomatis oleh gateway telepon. Jangan dibalas.",
        },
        Language::En => Phrases {
            unknown: "withheld number",
            test: "Test: the gateway can send mail.",
            voicemail: "New voice message from {caller}",
            missed: "Missed call from {caller}",
            alarm: "Alarm: {alarm}",
            cleared: "Alarm over: {alarm}",
            from: "From",
            to: "To",
            at: "When",
            mailbox: "Voicemail box",
            length: "Length",
            seconds: "{seconds} s",
            object: "Where",
            action: "What to do",
            signature: "Sent by the telephone gateway. Please do not answer.",
        },
    }
}

/// What is written of an event.
pub(super) fn of(delivery: &Delivery, language: Language, company: Option<&Company>) -> Words {
    let phrases = phrases(language);
    let data = &delivery.data;
    let caller = party(&data["caller"]).unwrap_or_else(|| phrases.unknown.to_owned());
    let mut lines: Vec<(&str, String)> = Vec::new();
    let subject = match delivery.kind {
        EventKind::VoicemailNew => {
            lines.push((phrases.from, caller.clone()));
            if let Some(name) = data["mailbox_name"].as_str() {
                lines.push((phrases.mailbox, name.to_owned()));
            }
            if let Some(ms) = data["duration_ms"].as_i64() {
                let seconds = ((ms + 500) / 1000).to_string();
                lines.push((
                    phrases.length,
                    phrases.seconds.replace("{seconds}", &seconds),
                ));
            }
            phrases.voicemail.replace("{caller}", &caller)
        }
        EventKind::AlarmRaised | EventKind::AlarmCleared => {
            let key = data["text"].as_str().or_else(|| data["id"].as_str());
            let alarm = worded(language, key.unwrap_or_default());
            if let Some(object) = data["object"].as_str().filter(|object| !object.is_empty()) {
                lines.push((phrases.object, object.to_owned()));
            }
            if let Some(action) = data["action"].as_str() {
                lines.push((phrases.action, worded(language, action)));
            }
            let subject = match delivery.kind {
                EventKind::AlarmRaised => phrases.alarm,
                _ => phrases.cleared,
            };
            subject.replace("{alarm}", &alarm)
        }
        EventKind::Test => phrases.test.to_owned(),
        _ => {
            lines.push((phrases.from, caller.clone()));
            if let Some(called) = party(&data["callee"]) {
                lines.push((phrases.to, called));
            }
            phrases.missed.replace("{caller}", &caller)
        }
    };
    let at = data["started_at"].as_i64().unwrap_or(delivery.at);
    lines.push((phrases.at, moment(at, language, company)));
    let lines = lines
        .into_iter()
        .map(|(name, value)| format!("{name}: {value}\n"));
    let body = format!(
        "{subject}\n\n{}\n-- \n{}\n",
        lines.collect::<String>(),
        phrases.signature
    );
    Words {
        // A caller's name comes from outside: a subject is one line.
        subject: subject.replace(|c: char| c.is_control(), " "),
        body,
    }
}

/// Name and number of a party; none when it is not known.
fn party(value: &Value) -> Option<String> {
    let field = |name: &str| value[name].as_str().filter(|text| !text.is_empty());
    match (field("name"), field("number")) {
        (Some(name), Some(number)) if name != number => Some(format!("{name} ({number})")),
        (_, Some(number)) => Some(number.to_owned()),
        (Some(name), None) => Some(name.to_owned()),
        (None, None) => None,
    }
}

/// The web interface's words for an alarm; the key itself when it has none.
fn worded(language: Language, key: &str) -> String {
    let words = ALARMS.iter().find(|(one, _)| *one == language);
    let words = words.and_then(|(_, words)| serde_json::from_str::<Map<String, Value>>(words).ok());
    // An alarm's id may say which object it is about behind a colon.
    let bare = key.split(':').next().unwrap_or(key);
    words
        .and_then(|words| Some(words.get(&format!("alarm.{bare}"))?.as_str()?.to_owned()))
        .unwrap_or_else(|| key.to_owned())
}

/// A moment as people of the language write it, by the company's clock.
fn moment(at: i64, language: Language, company: Option<&Company>) -> String {
    let zone = company.and_then(|company| TimeZone::get(&company.time_zone).ok());
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    let at = at.to_zoned(zone.unwrap_or(TimeZone::UTC));
    let form = match language {
        Language::En => "%Y-%m-%d %H:%M:%S",
        Language::PtBr | Language::Es | Language::Id => "%d/%m/%Y %H:%M:%S",
    };
    at.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use ramal_model::{DeliveryId, DeliveryState, DeliveryWay};
    use serde_json::json;

    use super::*;

    pub(crate) fn delivery(kind: EventKind, data: Value) -> Delivery {
        Delivery {
            id: DeliveryId(1),
            event: 1,
            kind,
            at: 1_790_000_000_000,
            way: DeliveryWay::Mail {
                to: vec!["a@example.com".into()],
                because_of: 1,
            },
            state: DeliveryState::Pending,
            attempts: 0,
            next_at: None,
            last_at: None,
            took_ms: None,
            answer: String::new(),
            data,
        }
    }

    #[test]
    fn every_language_says_who_when_and_what() {
        let data = json!({
            "caller": { "number": "+5551999990000", "name": "Ana" }, "mailbox_name": "Recepção",
            "duration_ms": 12_400, "started_at": 1_790_000_000_000i64,
        });
        for language in Language::ALL {
            let words = of(
                &delivery(EventKind::VoicemailNew, data.clone()),
                language,
                None,
            );
            assert!(words.subject.contains("Ana (+5551999990000)"), "{words:?}");
            for part in ["Recepção", "12 ", "2026", "14:13:20"] {
                assert!(words.body.contains(part), "{part}: {words:?}");
            }
            let missed = of(
                &delivery(
                    EventKind::CallMissed,
                    json!({ "caller": { "number": null, "name": "" } }),
                ),
                language,
                None,
            );
            assert!(
                missed.subject.contains(phrases(language).unknown),
                "{missed:?}"
            );
        }
    }

    #[test]
    fn alarms_are_worded_and_say_what_to_do() {
        let data = json!({ "id": "recording_disk_full", "text": "recording_disk_full", "action": "recording_disk_full_action", "object": "" });
        let mut seen = std::collections::BTreeSet::new();
        for language in Language::ALL {
            let words = of(
                &delivery(EventKind::AlarmRaised, data.clone()),
                language,
                None,
            );
            assert!(!words.body.contains("recording_disk_full"), "{words:?}");
            seen.insert(words.subject);
        }
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn a_caller_cannot_write_headers() {
        let data = json!({ "caller": { "number": "1", "name": "x\r\nBcc: victim@example.com" } });
        let words = of(&delivery(EventKind::CallMissed, data), Language::En, None);
        assert!(!words.subject.contains(['\r', '\n']));
    }
}
