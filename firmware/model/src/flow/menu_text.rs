//! Menus spoken from a template: "For sales press 1, for support press 2" (F117, F118).

use std::ops::Range;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::IvrKey;
use crate::problem::code;
use crate::{Language, Problems, Speech, text};

/// The template of a menu that the gateway speaks itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MenuText {
    /// What is said for each key in turn, 1-100 characters. Holds `${Key}`, the key as it is spoken, and `${Menu}`, its label;
    /// they may be written `${Tecla}` or `${Tombol}`, and `${Menú}`.
    #[schema(example = "selecione ${Tecla} para ${Menu}")]
    pub template: String,
    /// The language it is spoken in; null is the company's.
    pub language: Option<Language>,
}

/// What stands for the key, and what for its label, in small letters.
const KEY: &[&str] = &["${key}", "${tecla}", "${tombol}"];
const LABEL: &[&str] = &["${menu}", "${menú}"];

/// The keys as they are spoken: `0` to `9`, `*`, `#`.
const fn words(language: Language) -> [&'static str; 12] {
    match language {
        Language::PtBr => [
            "zero",
            "um",
            "dois",
            "três",
            "quatro",
            "cinco",
            "seis",
            "sete",
            "oito",
            "nove",
            "asterisco",
            "jogo da velha",
        ],
        Language::Es => [
            "cero",
            "uno",
            "dos",
            "tres",
            "cuatro",
            "cinco",
            "seis",
            "siete",
            "ocho",
            "nueve",
            "asterisco",
            "numeral",
        ],
        Language::Id => [
            "nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan",
            "bintang", "pagar",
        ],
        Language::En => [
            "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "star",
            "pound",
        ],
    }
}

/// A key as it is spoken; a key that a telephone does not have is not.
pub(super) fn spoken(key: &str, language: Language) -> Option<&'static str> {
    let place = "0123456789*#".find(key).filter(|_| key.len() == 1)?;
    words(language).get(place).copied()
}

/// The first of these variables in a template, whatever its case, and where.
fn find(template: &str, variables: &[&str]) -> Option<Range<usize>> {
    template.char_indices().find_map(|(start, _)| {
        let mut here = variables
            .iter()
            .map(|variable| start..start + variable.len());
        here.find(|place| {
            let found = template.get(place.clone()).map(str::to_lowercase);
            found.is_some_and(|found| variables.contains(&found.as_str()))
        })
    })
}

impl MenuText {
    /// What is said for these keys; nothing where the template or a label lacks something.
    #[must_use]
    pub fn speech(&self, keys: &[IvrKey], company: Language) -> Option<Speech> {
        let language = self.language.unwrap_or(company);
        let sentence = |key: &IvrKey| {
            let label = Some(key.label.trim()).filter(|label| !label.is_empty())?;
            let mut sentence = self.template.trim().to_owned();
            // Whichever comes later first: the place of the other stays.
            let mut put = [
                (find(&sentence, KEY)?, spoken(&key.key, language)?),
                (find(&sentence, LABEL)?, label),
            ];
            put.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
            for (place, words) in put {
                sentence.replace_range(place, words);
            }
            Some(sentence)
        };
        let sentences: Vec<_> = keys.iter().map(sentence).collect::<Option<_>>()?;
        Some(Speech {
            text: sentences.join(", "),
            language,
        })
    }

    /// Normalises the template; `nested` problems are named from the object that holds it.
    pub(super) fn check(&mut self, keys: &[IvrKey], problems: &mut Problems) {
        self.template = text::line(problems, "menu_text.template", &self.template, 1, 100);
        for (variables, name) in [(KEY, "${Key}"), (LABEL, "${Menu}")] {
            if find(&self.template, variables).is_none() {
                let message =
                    format!("{name} is missing: it stands for what differs from key to key");
                problems.add("menu_text.template", code::REQUIRED, Some(name), message);
            }
        }
        for (index, key) in keys.iter().enumerate() {
            if key.label.trim().is_empty() {
                let message = "needs a label, which the menu says";
                problems.add(
                    &format!("keys[{index}].label"),
                    code::REQUIRED,
                    None,
                    message,
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(all: &[(&str, &str)]) -> Vec<IvrKey> {
        let key = |(key, label): &(&str, &str)| IvrKey {
            key: (*key).into(),
            label: (*label).into(),
            ..IvrKey::default()
        };
        all.iter().map(key).collect()
    }

    fn says(template: &str, language: Language, all: &[(&str, &str)]) -> Option<String> {
        let text = MenuText {
            template: template.into(),
            language: Some(language),
        };
        text.speech(&keys(all), Language::En)
            .map(|speech| speech.text)
    }

    #[test]
    fn at_18_a_menu_is_spoken_in_each_language() {
        for (template, language, all, spoken) in [
            (
                "selecione ${Tecla} para ${Menu}",
                Language::PtBr,
                [("1", "vendas"), ("2", "suporte")],
                "selecione um para vendas, selecione dois para suporte",
            ),
            (
                "para ${Menú} marque ${tecla}",
                Language::Es,
                [("1", "ventas"), ("#", "soporte")],
                "para ventas marque uno, para soporte marque numeral",
            ),
            (
                "tekan ${Tombol} untuk ${Menu}",
                Language::Id,
                [("9", "penjualan"), ("0", "operator")],
                "tekan sembilan untuk penjualan, tekan nol untuk operator",
            ),
            (
                "for ${Menu} press ${Key}",
                Language::En,
                [("3", "sales"), ("*", "support")],
                "for sales press three, for support press star",
            ),
        ] {
            assert_eq!(says(template, language, &all).as_deref(), Some(spoken));
        }
    }

    #[test]
    fn at_18_a_label_with_a_variable_in_it_is_said_as_it_is() {
        let said = says("${Menu}: ${Key}", Language::En, &[("1", "${Key}")]);
        assert_eq!(said.as_deref(), Some("${Key}: one"));
    }

    #[test]
    fn at_18_without_a_variable_or_a_label_nothing_is_said_and_the_field_is_named() {
        assert_eq!(says("press ${Key}", Language::En, &[("1", "sales")]), None);
        assert_eq!(says("${Key} ${Menu}", Language::En, &[("1", " ")]), None);
        let mut problems = Problems::default();
        let mut text = MenuText {
            template: "selecione ${Tecla}".into(),
            language: None,
        };
        text.check(&keys(&[("1", "")]), &mut problems);
        let Err(invalid) = problems.finish(()) else {
            panic!("it was taken");
        };
        let fields: Vec<_> = invalid
            .problems
            .iter()
            .map(|one| one.field.as_str())
            .collect();
        assert_eq!(fields, ["menu_text.template", "keys[0].label"]);
    }
}
