//! Whatever is put in, validation answers with an object that keeps every rule or with a named problem.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::HashMap;

use proptest::prelude::*;
use ramal_model::{
    Configuration, Country, Export, Extension, ExtensionChange, ExtensionId, NewCompany,
    NewExtension, NewUser, Role, Secret, UserId, password,
};
use serde_json::{Value, json};

/// Text that is often nearly right.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{0,9}",
        "[a-z0-9 ._@-]{0,12}",
        ".{0,80}",
        "\\PC{0,300}",
        "[ \t\r\n\u{0}é9]{0,6}"
    ]
}

fn configuration() -> Configuration {
    let new = NewExtension {
        number: "2001".into(),
        display_name: "Portaria".into(),
        ..Default::default()
    };
    let extension = new
        .validate(ExtensionId(1), &Configuration::default())
        .unwrap();
    Configuration::new(1, None, Vec::new(), vec![extension], HashMap::new())
}

fn keeps_the_rules(extension: &Extension) {
    assert!(
        (2..=7).contains(&extension.number.len())
            && extension.number.bytes().all(|b| b.is_ascii_digit())
    );
    assert!((1..=64).contains(&extension.display_name.chars().count()));
    assert!(!extension.display_name.chars().any(char::is_control));
    assert!((1..=20).contains(&extension.max_calls) && (5..=300).contains(&extension.ring_time));
    let json = serde_json::to_value(extension).unwrap();
    assert_eq!(
        serde_json::from_value::<Extension>(json).unwrap(),
        *extension
    );
}

proptest! {
    #[test]
    fn extensions_keep_the_rules_or_are_refused(
        number in text(), display_name in text(),
        max_calls in proptest::option::of(any::<i64>()), ring_time in proptest::option::of(-10i64..400),
    ) {
        let configuration = configuration();
        let new = NewExtension { number, display_name, max_calls, ring_time, ..Default::default() };
        match new.validate(ExtensionId(2), &configuration) {
            Ok(extension) => {
                keeps_the_rules(&extension);
                prop_assert_ne!(extension.number, "2001");
            }
            Err(invalid) => prop_assert!(!invalid.problems.is_empty()),
        }
        let change = ExtensionChange {
            number: Some(new.number), display_name: Some(new.display_name), max_calls, ring_time, ..Default::default()
        };
        let current = configuration.extension(ExtensionId(1)).unwrap();
        match change.validate(current, &configuration) {
            Ok(extension) => keeps_the_rules(&extension),
            Err(invalid) => prop_assert!(!invalid.problems.is_empty()),
        }
    }

    #[test]
    fn users_keep_the_rules_or_are_refused(login in text(), name in text(), email in text(), secret in text()) {
        let new = NewUser {
            login, name, email: Some(email), role: Role::User, language: None, active: None, extension: None, outbound_number: None, external_calls: None, company: ramal_model::CompanyId::DEFAULT, profile: None,
            agent_pin: None,
            working_hours: Vec::new(),
            voicedrops: Vec::new(),
            password: Secret::new(secret.clone()),
        };
        match new.validate(UserId(1), &Configuration::default()) {
            Ok(user) => {
                prop_assert!((5..=64).contains(&user.login.chars().count()) && user.login == user.login.trim());
                prop_assert!(!user.login.contains(char::is_whitespace) && !user.name.contains(char::is_control));
                prop_assert!(user.email.is_none_or(|email| email.contains('@')));
                prop_assert!((10..=256).contains(&secret.chars().count()));
                prop_assert_ne!(secret.to_lowercase(), user.login.to_lowercase());
            }
            Err(invalid) => prop_assert!(!invalid.problems.is_empty()),
        }
    }

    #[test]
    fn companies_keep_the_rules_or_are_refused(
        legal_name in text(), country in prop_oneof![text(), Just("BR".to_owned()), Just("id".to_owned())],
        country_code in proptest::option::of(text()), area_code in proptest::option::of(text()),
        time_zone in proptest::option::of(text()), tax_id in text(), contact_name in text(), contact_phone in text(), cnl in text(),
    ) {
        let new = NewCompany { legal_name, tax_id, contact_name, contact_phone, cnl, country, country_code, area_code, language: None, time_zone, music_class: None, limits: None, park_seconds: None };
        match new.validate(&Configuration::default()) {
            Ok(company) => {
                prop_assert!((1..=3).contains(&company.country_code.len()) && company.area_code.len() <= 5);
                prop_assert!(jiff::tz::TimeZone::get(&company.time_zone).is_ok());
                prop_assert!(Country::known().iter().any(|row| row.code == company.country.code()));
                prop_assert_eq!(NewCompany::from(&company).validate(&Configuration::default()).unwrap(), company);
            }
            Err(invalid) => prop_assert!(!invalid.problems.is_empty()),
        }
    }

    #[test]
    fn hanging_digits_on_a_word_or_shouting_it_makes_no_password(
        word in prop::sample::select(vec!["password", "senhasegura", "contraseña", "bismillah", "administrador"]),
        digits in "[0-9]{3,12}", upper in any::<bool>(), front in any::<bool>(),
    ) {
        let word = if upper { word.to_uppercase() } else { word.to_owned() };
        let password = if front { format!("{digits}{word}") } else { format!("{word}{digits}") };
        prop_assert!(password::validate(&password, "helena", "Helena Prado").is_err());
    }

    #[test]
    fn documents_with_one_value_replaced_never_panic_and_read_back_when_accepted(
        path in 0usize..30, value in prop_oneof![
            Just(Value::Null), Just(json!({})), Just(json!([])), any::<i64>().prop_map(Value::from),
            text().prop_map(Value::from), any::<bool>().prop_map(Value::from),
        ],
    ) {
        let mut document = document();
        let paths = paths(&document, "");
        *document.pointer_mut(&paths[path % paths.len()]).unwrap() = value;
        match Export::from_value(document) {
            Ok(export) => {
                let again = Export::from_value(serde_json::to_value(&export).unwrap()).unwrap();
                prop_assert_eq!(again, export);
            }
            Err(invalid) => prop_assert!(!invalid.problems.is_empty()),
        }
    }
}

fn document() -> Value {
    json!({
        "format": "ramal-configuration", "schema": 1,
        "company": {
            "legal_name": "Padaria Aurora", "country": "BR", "country_code": "55", "area_code": "11",
            "language": "pt-BR", "time_zone": "America/Sao_Paulo",
        },
        "users": [{
            "id": 1, "login": "helena", "name": "Helena", "email": null, "role": "admin", "language": "pt-BR",
            "active": true, "password_hash": "$argon2id$",
        }],
        "extensions": [{
            "id": 2, "number": "2001", "display_name": "Portaria", "language": null, "enabled": true, "max_calls": 4,
            "ring_time": 60, "credential": { "md5": "00".repeat(16), "sha256": "00".repeat(32) },
        }],
    })
}

/// JSON pointers of every value inside.
fn paths(value: &Value, prefix: &str) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    let mut all = vec![prefix.to_owned()];
    for (key, child) in children {
        all.extend(paths(child, &format!("{prefix}/{key}")));
    }
    all
}
