//! Countries outside the Americas.

use super::{Row, Rule, day, easter};

/// What is the same all over Spain (Real Decreto 2001/1983); the communities add to it.
pub(super) static SPAIN: &[Row] = &[
    day(1, 1, "Año Nuevo"),
    day(1, 6, "Epifanía del Señor"),
    easter(-2, "Viernes Santo"),
    day(5, 1, "Fiesta del Trabajo"),
    day(8, 15, "Asunción de la Virgen"),
    day(10, 12, "Fiesta Nacional de España"),
    day(11, 1, "Todos los Santos"),
    day(12, 6, "Día de la Constitución"),
    day(12, 8, "Inmaculada Concepción"),
    day(12, 25, "Natividad del Señor"),
];

/// Código do Trabalho, artigo 234.º.
pub(super) static PORTUGAL: &[Row] = &[
    day(1, 1, "Ano Novo"),
    easter(-2, "Sexta-feira Santa"),
    easter(0, "Páscoa"),
    day(4, 25, "Dia da Liberdade"),
    day(5, 1, "Dia do Trabalhador"),
    easter(60, "Corpo de Deus"),
    day(6, 10, "Dia de Portugal"),
    day(8, 15, "Assunção de Nossa Senhora"),
    day(10, 5, "Implantação da República"),
    day(11, 1, "Dia de Todos os Santos"),
    day(12, 1, "Restauração da Independência"),
    day(12, 8, "Imaculada Conceição"),
    day(12, 25, "Natal"),
    easter(-47, "Carnaval").optional(),
];

/// Keputusan Presiden 8/2024. Days by the moon are decreed each year by three ministers; what is listed from 2027 on is reckoned.
pub(super) static INDONESIA: &[Row] = &[
    day(1, 1, "Tahun Baru Masehi"),
    easter(-2, "Wafat Yesus Kristus"),
    easter(0, "Kebangkitan Yesus Kristus"),
    day(5, 1, "Hari Buruh Internasional"),
    easter(39, "Kenaikan Yesus Kristus"),
    day(6, 1, "Hari Lahir Pancasila"),
    day(8, 17, "Hari Kemerdekaan"),
    day(12, 25, "Hari Raya Natal"),
    Row::of(
        Rule::Listed(&[
            (2026, 2, 17),
            (2027, 2, 6),
            (2028, 1, 26),
            (2029, 2, 13),
            (2030, 2, 3),
            (2031, 1, 23),
            (2032, 2, 11),
            (2033, 1, 31),
            (2034, 2, 19),
            (2035, 2, 8),
        ]),
        "Tahun Baru Imlek",
    )
    .estimated_from(2027),
    Row::of(
        Rule::Listed(&[
            (2026, 3, 19),
            (2027, 3, 8),
            (2028, 3, 26),
            (2029, 3, 15),
            (2030, 3, 5),
            (2031, 3, 24),
            (2032, 3, 12),
            (2033, 3, 31),
            (2034, 3, 20),
            (2035, 3, 10),
        ]),
        "Hari Suci Nyepi",
    )
    .estimated_from(2027),
    Row::of(
        Rule::Listed(&[
            (2026, 3, 21),
            (2026, 3, 22),
            (2027, 3, 10),
            (2027, 3, 11),
            (2028, 2, 27),
            (2028, 2, 28),
            (2029, 2, 15),
            (2029, 2, 16),
            (2030, 2, 4),
            (2030, 2, 5),
            (2031, 1, 25),
            (2031, 1, 26),
            (2032, 1, 14),
            (2032, 1, 15),
            (2033, 1, 3),
            (2033, 1, 4),
            (2033, 12, 23),
            (2033, 12, 24),
            (2034, 12, 12),
            (2034, 12, 13),
            (2035, 12, 1),
            (2035, 12, 2),
        ]),
        "Hari Raya Idul Fitri",
    )
    .estimated_from(2027),
    Row::of(
        Rule::Listed(&[
            (2026, 5, 27),
            (2027, 5, 17),
            (2028, 5, 5),
            (2029, 4, 25),
            (2030, 4, 14),
            (2031, 4, 3),
            (2032, 3, 22),
            (2033, 3, 12),
            (2034, 3, 1),
            (2035, 2, 19),
        ]),
        "Hari Raya Idul Adha",
    )
    .estimated_from(2027),
    Row::of(
        Rule::Listed(&[
            (2026, 5, 31),
            (2027, 5, 20),
            (2028, 5, 9),
            (2029, 5, 27),
            (2030, 5, 16),
            (2031, 6, 4),
            (2032, 5, 23),
            (2033, 5, 13),
            (2034, 6, 1),
            (2035, 5, 22),
        ]),
        "Hari Raya Waisak",
    )
    .estimated_from(2027),
    Row::of(
        Rule::Listed(&[
            (2026, 6, 16),
            (2027, 6, 6),
            (2028, 5, 26),
            (2029, 5, 15),
            (2030, 5, 4),
            (2031, 4, 23),
            (2032, 4, 12),
            (2033, 4, 1),
            (2034, 3, 22),
            (2035, 3, 11),
        ]),
        "Tahun Baru Islam",
    )
    .estimated_from(2027),
    Row::of(
        Rule::Listed(&[
            (2026, 8, 25),
            (2027, 8, 15),
            (2028, 8, 4),
            (2029, 7, 24),
            (2030, 7, 13),
            (2031, 7, 2),
            (2032, 6, 21),
            (2033, 6, 10),
            (2034, 5, 30),
            (2035, 5, 20),
        ]),
        "Maulid Nabi Muhammad",
    )
    .estimated_from(2027),
    Row::of(
        Rule::Listed(&[
            (2026, 1, 16),
            (2027, 1, 5),
            (2027, 12, 26),
            (2028, 12, 14),
            (2029, 12, 4),
            (2030, 11, 23),
            (2031, 11, 13),
            (2032, 11, 1),
            (2033, 10, 21),
            (2034, 10, 10),
            (2035, 9, 30),
        ]),
        "Isra Mikraj Nabi Muhammad",
    )
    .estimated_from(2027),
];
