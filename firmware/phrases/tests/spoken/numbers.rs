//! Numbers, in each language and gender.

use ramal_model::Language::{self, En, Es, Id, PtBr};
use ramal_phrases::Agreement::{self, Alone, Feminine, Masculine};
use ramal_phrases::{Composer, HIGHEST};

use super::read;

#[track_caller]
fn numbers(language: Language, cases: &[(u32, Agreement, &str)]) {
    for (number, agreement, wanted) in cases {
        let names = Composer::new(language).number(*number, *agreement);
        assert_eq!(
            read(language, &names),
            *wanted,
            "{number} {agreement:?} in {language}"
        );
    }
}

#[test]
fn numbers_in_portuguese() {
    numbers(
        PtBr,
        &[
            (0, Alone, "zero"),
            (1, Alone, "um"),
            (1, Masculine, "um"),
            (1, Feminine, "uma"),
            (2, Feminine, "duas"),
            (11, Feminine, "onze"),
            (12, Feminine, "doze"),
            (16, Alone, "dezesseis"),
            (21, Alone, "vinte e um"),
            (22, Feminine, "vinte e duas"),
            (100, Alone, "cem"),
            (101, Alone, "cento e um"),
            (101, Feminine, "cento e uma"),
            (111, Alone, "cento e onze"),
            (200, Feminine, "duzentas"),
            (252, Feminine, "duzentas e cinquenta e duas"),
            (300, Alone, "trezentos"),
            (500, Masculine, "quinhentos"),
            (999, Alone, "novecentos e noventa e nove"),
            (1_000, Alone, "mil"),
            (1_001, Alone, "mil e um"),
            (1_100, Alone, "mil e cem"),
            (1_200, Alone, "mil e duzentos"),
            (1_201, Alone, "mil duzentos e um"),
            (2_001, Feminine, "duas mil e uma"),
            (2_026, Alone, "dois mil e vinte e seis"),
            (21_000, Feminine, "vinte e uma mil"),
            (100_000, Alone, "cem mil"),
            (100_100, Alone, "cem mil e cem"),
            (201_000, Feminine, "duzentas e uma mil"),
            (
                123_456,
                Alone,
                "cento e vinte e três mil quatrocentos e cinquenta e seis",
            ),
            (1_000_000, Alone, "um milhão"),
            (1_000_000, Feminine, "um milhão"),
            (1_000_001, Feminine, "um milhão e uma"),
            (1_000_100, Alone, "um milhão e cem"),
            (1_001_000, Alone, "um milhão e mil"),
            (1_200_000, Alone, "um milhão e duzentos mil"),
            (1_230_000, Alone, "um milhão duzentos e trinta mil"),
            (2_000_000, Feminine, "dois milhões"),
            (
                2_202_002,
                Feminine,
                "dois milhões duzentas e duas mil e duas",
            ),
            (
                HIGHEST,
                Alone,
                "novecentos e noventa e nove milhões novecentos e noventa e nove mil novecentos e noventa e nove",
            ),
        ],
    );
}

#[test]
fn numbers_in_spanish() {
    numbers(
        Es,
        &[
            (0, Alone, "cero"),
            (1, Alone, "uno"),
            (1, Masculine, "un"),
            (1, Feminine, "una"),
            (11, Masculine, "once"),
            (16, Alone, "dieciséis"),
            (21, Alone, "veintiuno"),
            (21, Masculine, "veintiún"),
            (21, Feminine, "veintiuna"),
            (22, Feminine, "veintidós"),
            (31, Alone, "treinta y uno"),
            (31, Masculine, "treinta y un"),
            (31, Feminine, "treinta y una"),
            (100, Alone, "cien"),
            (100, Feminine, "cien"),
            (101, Alone, "ciento uno"),
            (101, Masculine, "ciento un"),
            (115, Alone, "ciento quince"),
            (200, Feminine, "doscientas"),
            (221, Feminine, "doscientas veintiuna"),
            (500, Alone, "quinientos"),
            (700, Alone, "setecientos"),
            (999, Alone, "novecientos noventa y nueve"),
            (1_000, Alone, "mil"),
            (1_001, Alone, "mil uno"),
            (1_100, Alone, "mil cien"),
            (2_026, Alone, "dos mil veintiséis"),
            (21_000, Alone, "veintiún mil"),
            (21_021, Masculine, "veintiún mil veintiún"),
            (31_001, Feminine, "treinta y un mil una"),
            (100_000, Alone, "cien mil"),
            (101_000, Alone, "ciento un mil"),
            (200_200, Feminine, "doscientas mil doscientas"),
            (
                123_456,
                Alone,
                "ciento veintitrés mil cuatrocientos cincuenta y seis",
            ),
            (1_000_000, Alone, "un millón"),
            (1_000_001, Alone, "un millón uno"),
            (1_001_000, Alone, "un millón mil"),
            (21_000_000, Feminine, "veintiún millones"),
            (200_000_200, Feminine, "doscientos millones doscientas"),
            (
                HIGHEST,
                Alone,
                "novecientos noventa y nueve millones novecientos noventa y nueve mil novecientos noventa y nueve",
            ),
        ],
    );
}

#[test]
fn numbers_in_indonesian() {
    numbers(
        Id,
        &[
            (0, Alone, "nol"),
            (1, Feminine, "satu"),
            (10, Alone, "sepuluh"),
            (11, Alone, "sebelas"),
            (12, Alone, "dua belas"),
            (21, Alone, "dua puluh satu"),
            (100, Alone, "seratus"),
            (101, Alone, "seratus satu"),
            (111, Alone, "seratus sebelas"),
            (200, Alone, "dua ratus"),
            (1_000, Alone, "seribu"),
            (1_001, Alone, "seribu satu"),
            (1_100, Alone, "seribu seratus"),
            (2_026, Alone, "dua ribu dua puluh enam"),
            (11_000, Alone, "sebelas ribu"),
            (21_000, Alone, "dua puluh satu ribu"),
            (101_000, Alone, "seratus satu ribu"),
            (
                123_456,
                Alone,
                "seratus dua puluh tiga ribu empat ratus lima puluh enam",
            ),
            (1_000_000, Alone, "satu juta"),
            (1_001_001, Alone, "satu juta seribu satu"),
            (100_000_000, Alone, "seratus juta"),
            (
                HIGHEST,
                Alone,
                "sembilan ratus sembilan puluh sembilan juta sembilan ratus sembilan puluh sembilan ribu sembilan ratus sembilan puluh sembilan",
            ),
        ],
    );
}

#[test]
fn numbers_in_english() {
    numbers(
        En,
        &[
            (0, Alone, "zero"),
            (1, Feminine, "one"),
            (13, Alone, "thirteen"),
            (21, Alone, "twenty-one"),
            (40, Alone, "forty"),
            (100, Alone, "one hundred"),
            (101, Alone, "one hundred one"),
            (999, Alone, "nine hundred ninety-nine"),
            (1_000, Alone, "one thousand"),
            (1_001, Alone, "one thousand one"),
            (2_026, Alone, "two thousand twenty-six"),
            (
                123_456,
                Alone,
                "one hundred twenty-three thousand four hundred fifty-six",
            ),
            (1_000_000, Alone, "one million"),
            (1_200_030, Alone, "one million two hundred thousand thirty"),
            (
                HIGHEST,
                Alone,
                "nine hundred ninety-nine million nine hundred ninety-nine thousand nine hundred ninety-nine",
            ),
        ],
    );
}
