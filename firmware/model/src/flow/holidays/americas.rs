//! Countries of the Americas but Brazil.

use jiff::civil::Weekday::{Friday, Monday, Thursday};

use super::{Moved, Row, Rule, day, easter};

/// Leyes 27.399 and 26.876; bridges and single days by decree.
pub(super) static ARGENTINA: &[Row] = &[
    day(1, 1, "Año Nuevo"),
    easter(-48, "Carnaval"),
    easter(-47, "Carnaval"),
    day(
        3,
        24,
        "Día Nacional de la Memoria por la Verdad y la Justicia",
    ),
    easter(-3, "Jueves Santo"),
    easter(-2, "Viernes Santo"),
    day(
        4,
        2,
        "Día del Veterano y de los Caídos en la Guerra de Malvinas",
    ),
    day(5, 1, "Día del Trabajador"),
    day(5, 25, "Día de la Revolución de Mayo"),
    day(
        6,
        17,
        "Paso a la Inmortalidad del Gral. Martín Miguel de Güemes",
    )
    .moved(Moved::NearMonday),
    day(6, 20, "Paso a la Inmortalidad del Gral. Manuel Belgrano"),
    day(7, 9, "Día de la Independencia"),
    day(8, 17, "Paso a la Inmortalidad del Gral. José de San Martín").moved(Moved::NearMonday),
    day(10, 12, "Día del Respeto a la Diversidad Cultural").moved(Moved::NearMonday),
    day(11, 20, "Día de la Soberanía Nacional").moved(Moved::NearMonday),
    day(12, 8, "Inmaculada Concepción de María"),
    day(12, 25, "Navidad"),
    Row::of(
        Rule::Listed(&[(2026, 3, 23), (2026, 7, 10), (2026, 12, 7)]),
        "Día no laborable con fines turísticos",
    ),
    Row::of(Rule::Listed(&[(2026, 11, 9)]), "Visita del Papa León XIV"),
];

/// Leyes 2.977, 19.668, 20.215, 20.299, 20.983 and 21.357.
pub(super) static CHILE: &[Row] = &[
    day(1, 1, "Año Nuevo"),
    day(1, 2, "Feriado adicional de Año Nuevo").moved(Moved::Only(Monday)),
    easter(-2, "Viernes Santo"),
    easter(-1, "Sábado Santo"),
    day(5, 1, "Día Nacional del Trabajo"),
    day(5, 21, "Día de las Glorias Navales"),
    Row::of(Rule::JuneSolstice, "Día Nacional de los Pueblos Indígenas"),
    day(6, 29, "San Pedro y San Pablo").moved(Moved::ChileanMonday),
    day(7, 16, "Virgen del Carmen"),
    day(8, 15, "Asunción de la Virgen"),
    day(9, 17, "Feriado adicional de Fiestas Patrias").moved(Moved::Only(Monday)),
    day(9, 17, "Feriado adicional de Fiestas Patrias").moved(Moved::Only(Friday)),
    day(9, 18, "Independencia Nacional"),
    day(9, 19, "Día de las Glorias del Ejército"),
    day(9, 20, "Feriado adicional de Fiestas Patrias").moved(Moved::Only(Friday)),
    day(10, 12, "Encuentro de Dos Mundos").moved(Moved::ChileanMonday),
    day(10, 31, "Día de las Iglesias Evangélicas y Protestantes").moved(Moved::ChileanFriday),
    day(11, 1, "Día de Todos los Santos"),
    day(12, 8, "Inmaculada Concepción"),
    day(12, 25, "Navidad"),
];

/// Ley 51 de 1983 (Ley Emiliani) and what came after it.
pub(super) static COLOMBIA: &[Row] = &[
    day(1, 1, "Año Nuevo"),
    day(1, 6, "Día de los Reyes Magos").moved(Moved::NextMonday),
    day(3, 19, "Día de San José").moved(Moved::NextMonday),
    easter(-3, "Jueves Santo"),
    easter(-2, "Viernes Santo"),
    day(5, 1, "Día del Trabajo"),
    easter(39, "Ascensión del Señor").moved(Moved::NextMonday),
    easter(60, "Corpus Christi").moved(Moved::NextMonday),
    easter(68, "Sagrado Corazón de Jesús").moved(Moved::NextMonday),
    day(6, 29, "San Pedro y San Pablo").moved(Moved::NextMonday),
    day(7, 9, "Nuestra Señora del Rosario de Chiquinquirá").moved(Moved::NextMonday),
    day(7, 20, "Día de la Independencia"),
    day(8, 7, "Batalla de Boyacá"),
    day(8, 15, "Asunción de la Virgen").moved(Moved::NextMonday),
    day(10, 12, "Día de la Diversidad Étnica y Cultural").moved(Moved::NextMonday),
    day(11, 1, "Día de Todos los Santos").moved(Moved::NextMonday),
    day(11, 11, "Independencia de Cartagena").moved(Moved::NextMonday),
    day(12, 8, "Inmaculada Concepción"),
    day(12, 25, "Navidad"),
];

/// Ley Federal del Trabajo, artículo 74.
pub(super) static MEXICO: &[Row] = &[
    day(1, 1, "Año Nuevo"),
    Row::of(Rule::Weekday(1, Monday, 2), "Día de la Constitución"),
    Row::of(Rule::Weekday(3, Monday, 3), "Natalicio de Benito Juárez"),
    day(5, 1, "Día del Trabajo"),
    day(9, 16, "Día de la Independencia"),
    Row::of(
        Rule::EveryYears {
            month: 10,
            day: 1,
            every: 6,
            remainder: 2024 % 6,
        },
        "Transmisión del Poder Ejecutivo Federal",
    ),
    Row::of(Rule::Weekday(3, Monday, 11), "Día de la Revolución"),
    day(12, 25, "Navidad"),
    easter(-3, "Jueves Santo").optional(),
    easter(-2, "Viernes Santo").optional(),
];

/// Decreto Legislativo 713 and what came after it.
pub(super) static PERU: &[Row] = &[
    day(1, 1, "Año Nuevo"),
    easter(-3, "Jueves Santo"),
    easter(-2, "Viernes Santo"),
    easter(0, "Domingo de Resurrección"),
    day(5, 1, "Día del Trabajo"),
    day(6, 7, "Batalla de Arica y Día de la Bandera"),
    day(6, 29, "San Pedro y San Pablo"),
    day(7, 23, "Día de la Fuerza Aérea del Perú"),
    day(7, 28, "Fiestas Patrias"),
    day(7, 29, "Fiestas Patrias"),
    day(8, 6, "Batalla de Junín"),
    day(8, 30, "Santa Rosa de Lima"),
    day(10, 8, "Combate de Angamos"),
    day(11, 1, "Todos los Santos"),
    day(12, 8, "Inmaculada Concepción"),
    day(12, 9, "Batalla de Ayacucho"),
    day(12, 25, "Navidad"),
];

/// 5 USC 6103.
pub(super) static UNITED_STATES: &[Row] = &[
    day(1, 1, "New Year's Day").moved(Moved::Observed),
    Row::of(Rule::Weekday(3, Monday, 1), "Martin Luther King Jr. Day"),
    Row::of(Rule::Weekday(3, Monday, 2), "Washington's Birthday"),
    Row::of(Rule::Weekday(-1, Monday, 5), "Memorial Day"),
    day(6, 19, "Juneteenth").moved(Moved::Observed),
    day(7, 4, "Independence Day").moved(Moved::Observed),
    Row::of(Rule::Weekday(1, Monday, 9), "Labor Day"),
    Row::of(Rule::Weekday(2, Monday, 10), "Columbus Day"),
    day(11, 11, "Veterans Day").moved(Moved::Observed),
    Row::of(Rule::Weekday(4, Thursday, 11), "Thanksgiving Day"),
    day(12, 25, "Christmas Day").moved(Moved::Observed),
];

/// Ley 14.977: the five days that are paid.
pub(super) static URUGUAY: &[Row] = &[
    day(1, 1, "Año Nuevo"),
    day(5, 1, "Día de los Trabajadores"),
    day(7, 18, "Jura de la Constitución"),
    day(8, 25, "Declaratoria de la Independencia"),
    day(12, 25, "Día de la Familia"),
    easter(-48, "Carnaval").optional(),
    easter(-47, "Carnaval").optional(),
    easter(-3, "Semana de Turismo").optional(),
    easter(-2, "Semana de Turismo").optional(),
];

/// Ley Orgánica del Trabajo, artículo 184, and Ley de Fiestas Nacionales.
pub(super) static VENEZUELA: &[Row] = &[
    day(1, 1, "Año Nuevo"),
    easter(-48, "Carnaval"),
    easter(-47, "Carnaval"),
    easter(-3, "Jueves Santo"),
    easter(-2, "Viernes Santo"),
    day(4, 19, "Declaración de la Independencia"),
    day(5, 1, "Día del Trabajador"),
    day(5, 15, "Día de la Familia"),
    day(6, 24, "Batalla de Carabobo"),
    day(7, 5, "Día de la Independencia"),
    day(7, 24, "Natalicio de Simón Bolívar"),
    day(10, 12, "Día de la Resistencia Indígena"),
    day(12, 24, "Nochebuena"),
    day(12, 25, "Navidad"),
    day(12, 31, "Fin de Año"),
];
