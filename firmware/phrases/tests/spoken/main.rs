//! What is heard: the names that are composed, read in the phrases that the prompts are rendered from.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod numbers;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use jiff::civil::{date, time};
use proptest::prelude::*;
use ramal_model::Language;
use ramal_phrases::{Agreement, Composer, HIGHEST, Names, vocabulary};
use serde::Deserialize;

use Agreement::{Alone, Feminine, Masculine};
use Language::{En, Es, Id, PtBr};

#[derive(Deserialize)]
struct Texts {
    phrases: BTreeMap<String, String>,
}

fn phrases(language: Language) -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../rootfs/prompts")
        .join(format!("{language}.toml"));
    let text = std::fs::read_to_string(file).unwrap();
    toml::from_str::<Texts>(&text).unwrap().phrases
}

/// The words of a sequence of prompts.
fn read(language: Language, names: &Names) -> String {
    let phrases = phrases(language);
    let words: Vec<&str> = names
        .iter()
        .map(|name| {
            phrases
                .get(name)
                .unwrap_or_else(|| panic!("{language} has no {name}"))
                .as_str()
        })
        .collect();
    words.join(" ")
}

#[test]
fn telephone_numbers_are_read_digit_by_digit() {
    for (language, number, wanted) in [
        (
            PtBr,
            "+55 (11) 96-0",
            "mais cinco cinco um um nove meia zero",
        ),
        (Es, "*6#", "asterisco seis numeral"),
        (Id, "021-6", "nol dua satu enam"),
        (En, "1 800 FLOWERS", "one eight zero zero"),
        (En, "", ""),
    ] {
        let names = Composer::new(language).digits(number);
        assert_eq!(read(language, &names), wanted);
    }
    let above = Composer::new(En).number(HIGHEST + 1, Alone);
    assert_eq!(
        read(En, &above),
        format!("one{}", " zero".repeat(9)),
        "too large for a word"
    );
}

#[test]
fn times_of_day() {
    for (language, hour, minute, wanted) in [
        (PtBr, 0, 0, "Agora é meia-noite em ponto"),
        (PtBr, 0, 5, "Agora é meia-noite e cinco minutos"),
        (PtBr, 1, 1, "Agora é uma hora e um minuto"),
        (PtBr, 2, 30, "Agora são duas horas e trinta minutos"),
        (PtBr, 12, 2, "Agora é meio-dia e dois minutos"),
        (PtBr, 13, 0, "Agora são treze horas em ponto"),
        (
            PtBr,
            21,
            22,
            "Agora são vinte e uma horas e vinte e dois minutos",
        ),
        (Es, 0, 10, "Ahora son las cero horas y diez minutos"),
        (Es, 1, 0, "Ahora es la una en punto"),
        (Es, 1, 1, "Ahora es la una y un minuto"),
        (
            Es,
            21,
            31,
            "Ahora son las veintiuna horas y treinta y un minutos",
        ),
        (Id, 0, 0, "Sekarang pukul nol tepat"),
        (
            Id,
            21,
            11,
            "Sekarang pukul dua puluh satu lewat sebelas menit",
        ),
        (En, 0, 0, "The time is twelve midnight"),
        (En, 0, 5, "The time is twelve oh five a.m."),
        (En, 12, 0, "The time is twelve noon"),
        (En, 12, 45, "The time is twelve forty-five p.m."),
        (En, 13, 0, "The time is one p.m."),
        (En, 23, 59, "The time is eleven fifty-nine p.m."),
    ] {
        let names = Composer::new(language).time_now(time(hour, minute, 59, 0));
        assert_eq!(read(language, &names), wanted);
    }
}

#[test]
fn dates_as_each_country_speaks_them() {
    for (language, year, month, day, wanted) in [
        (
            PtBr,
            2026,
            11,
            21,
            "sábado vinte e um de novembro de dois mil e vinte e seis",
        ),
        (PtBr, 2000, 1, 1, "sábado primeiro de janeiro de dois mil"),
        (
            PtBr,
            1999,
            3,
            2,
            "terça-feira dois de março de mil novecentos e noventa e nove",
        ),
        (
            Es,
            2026,
            11,
            21,
            "sábado veintiuno de noviembre de dos mil veintiséis",
        ),
        (
            Es,
            2027,
            2,
            1,
            "lunes primero de febrero de dos mil veintisiete",
        ),
        (
            Id,
            2026,
            8,
            17,
            "Senin tujuh belas Agustus dua ribu dua puluh enam",
        ),
        (
            En,
            2026,
            11,
            21,
            "Saturday November twenty- first twenty twenty-six",
        ),
        (En, 2026, 7, 4, "Saturday July fourth twenty twenty-six"),
        (En, 2005, 5, 30, "Monday May thirtieth two thousand five"),
        (En, 2010, 1, 3, "Sunday January third twenty ten"),
        (En, 1905, 1, 1, "Sunday January first nineteen oh five"),
        (En, 1900, 1, 1, "Monday January first nineteen hundred"),
    ] {
        let names = Composer::new(language).date(date(year, month, day));
        let heard = read(language, &names);
        // Two words of one: "twenty" and "first".
        assert_eq!(heard, wanted.replace("- ", " "));
    }
    let names = Composer::new(PtBr).date_today(date(2026, 9, 7));
    assert_eq!(
        read(PtBr, &names),
        "Hoje é segunda-feira sete de setembro de dois mil e vinte e seis"
    );
}

#[test]
fn durations() {
    for (language, seconds, wanted) in [
        (PtBr, 0, "zero segundo"),
        (PtBr, 61, "um minuto e um segundo"),
        (PtBr, 3_600, "uma hora"),
        (PtBr, 7_322, "duas horas dois minutos e dois segundos"),
        (
            PtBr,
            2 * 86_400 + 21 * 3_600,
            "dois dias e vinte e uma horas",
        ),
        (Es, 0, "cero segundos"),
        (Es, 21, "veintiún segundos"),
        (Es, 3_661, "una hora un minuto y un segundo"),
        (
            Es,
            21 * 3_600 + 31 * 60,
            "veintiuna horas y treinta y un minutos",
        ),
        (Id, 3_725, "satu jam dua menit lima detik"),
        (Id, 86_400, "satu hari"),
        (En, 1, "one second"),
        (En, 90, "one minute and thirty seconds"),
        (En, 90_061, "one day one hour one minute and one second"),
    ] {
        let names = Composer::new(language).duration(Duration::from_secs(seconds));
        assert_eq!(read(language, &names), wanted);
    }
}

#[test]
fn places_in_a_queue() {
    for (language, place, wanted) in [
        (PtBr, 1, "A sua chamada é a primeira da fila."),
        (PtBr, 3, "A sua chamada é a terceira da fila."),
        (PtBr, 11, "A sua chamada é a décima primeira da fila."),
        (PtBr, 22, "A sua chamada é a vigésima segunda da fila."),
        (PtBr, 101, "A posição da sua chamada na fila é cento e um"),
        (Es, 1, "Su llamada es la primera de la fila."),
        (Es, 13, "Su llamada es la decimotercera de la fila."),
        (Es, 20, "Su llamada es la vigésima de la fila."),
        (Es, 25, "Su llamada es la vigésima quinta de la fila."),
        (
            Id,
            1,
            "Panggilan Anda berada di urutan pertama dalam antrean.",
        ),
        (
            Id,
            21,
            "Panggilan Anda berada di urutan kedua puluh satu dalam antrean.",
        ),
        (En, 2, "Your call is second in line."),
        (En, 12, "Your call is twelfth in line."),
        (En, 42, "Your call is forty second in line."),
        (En, 0, "Your place in line is zero"),
        (En, 100, "Your place in line is one hundred"),
    ] {
        let names = Composer::new(language).position(place);
        assert_eq!(read(language, &names), wanted);
    }
}

#[test]
fn every_prompt_has_its_phrase_and_every_phrase_is_needed() {
    for language in Language::ALL {
        let names: Vec<String> = vocabulary(language).collect();
        let needed: BTreeSet<String> = names.iter().cloned().collect();
        assert_eq!(needed.len(), names.len(), "{language}: a name comes twice");
        let there: BTreeSet<String> = phrases(language).into_keys().collect();
        assert_eq!(there, needed, "{language}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn all_that_is_said_has_prompts(
        number in prop_oneof![0..1_100u32, 0..=HIGHEST, any::<u32>()],
        seconds in any::<u64>(),
        day in -366..40_000i32,
        minutes in 0..1_440i32,
    ) {
        let today = date(1970, 1, 1)
            .checked_add(jiff::Span::new().days(day))
            .unwrap();
        let now = time((minutes / 60) as i8, (minutes % 60) as i8, 0, 0);
        for language in Language::ALL {
            let known: BTreeSet<String> = vocabulary(language).collect();
            let composer = Composer::new(language);
            let mut said = composer.time_now(now);
            said.extend(composer.date_today(today));
            said.extend(composer.duration(Duration::from_secs(seconds)));
            said.extend(composer.position(number));
            for agreement in [Alone, Masculine, Feminine] {
                let names = composer.number(number, agreement);
                prop_assert!(!names.is_empty());
                said.extend(names);
            }
            for name in said {
                prop_assert!(known.contains(&name), "{language} has no {name}");
            }
        }
    }

    #[test]
    fn no_two_numbers_sound_alike(one in 0..=HIGHEST, other in 0..=HIGHEST) {
        prop_assume!(one != other);
        for language in Language::ALL {
            let composer = Composer::new(language);
            prop_assert_ne!(composer.number(one, Alone), composer.number(other, Alone));
        }
    }
}
