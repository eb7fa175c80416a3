//! Brazil: Lei 662/1949 with Leis 6.802/1980, 10.607/2002 and 14.759/2023, and the laws of the states.

use super::{Moved, Row, day, easter};

/// The states and the Federal District.
pub(super) static STATES: [&str; 27] = [
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE",
    "PI", "PR", "RJ", "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO",
];

pub(super) static BRAZIL: &[Row] = &[
    day(1, 1, "Confraternização Universal"),
    easter(-2, "Sexta-feira Santa"),
    day(4, 21, "Tiradentes"),
    day(5, 1, "Dia do Trabalho"),
    day(9, 7, "Independência do Brasil"),
    day(10, 12, "Nossa Senhora Aparecida"),
    day(11, 2, "Finados"),
    day(11, 15, "Proclamação da República"),
    day(11, 20, "Dia Nacional de Zumbi e da Consciência Negra"),
    day(12, 25, "Natal"),
    easter(-48, "Carnaval").optional(),
    easter(-47, "Carnaval").optional(),
    easter(60, "Corpus Christi").optional(),
    day(1, 23, "Dia do Evangélico")
        .moved(Moved::FridayAfter)
        .by("AC"),
    day(3, 8, "Dia Internacional da Mulher")
        .moved(Moved::FridayAfter)
        .by("AC"),
    day(6, 15, "Aniversário do Acre").by("AC"),
    day(9, 5, "Dia da Amazônia")
        .moved(Moved::FridayAfter)
        .by("AC"),
    day(11, 17, "Tratado de Petrópolis")
        .moved(Moved::FridayAfter)
        .by("AC"),
    day(6, 24, "São João").by("AL"),
    day(6, 29, "São Pedro").by("AL"),
    day(9, 16, "Emancipação Política de Alagoas").by("AL"),
    day(11, 30, "Dia do Evangélico").by("AL"),
    day(9, 5, "Elevação do Amazonas a província").by("AM"),
    day(3, 19, "São José").by("AP"),
    day(7, 25, "São Tiago").by("AP"),
    day(9, 13, "Criação do Território Federal do Amapá").by("AP"),
    day(7, 2, "Independência da Bahia").by("BA"),
    day(3, 19, "São José").by("CE"),
    day(3, 25, "Abolição da escravidão no Ceará").by("CE"),
    day(8, 15, "Nossa Senhora da Assunção").by("CE"),
    day(11, 30, "Dia do Evangélico").by("DF"),
    easter(8, "Nossa Senhora da Penha").by("ES"),
    day(7, 26, "Fundação da cidade de Goiás").by("GO"),
    day(10, 24, "Pedra fundamental de Goiânia").by("GO"),
    day(7, 28, "Adesão do Maranhão à Independência").by("MA"),
    day(10, 11, "Criação do Estado").by("MS"),
    day(8, 15, "Adesão do Grão-Pará à Independência").by("PA"),
    day(8, 5, "Fundação do Estado").by("PB"),
    day(3, 6, "Revolução Pernambucana").by("PE"),
    day(10, 19, "Dia do Piauí").by("PI"),
    easter(-47, "Carnaval").by("RJ"),
    day(4, 23, "São Jorge").by("RJ"),
    day(8, 7, "Dia do Rio Grande do Norte").by("RN"),
    day(10, 3, "Mártires de Cunhaú e Uruaçu").by("RN"),
    day(1, 4, "Criação do Estado").by("RO"),
    day(6, 18, "Dia do Evangélico").by("RO"),
    day(10, 5, "Criação do Estado").by("RR"),
    day(9, 20, "Dia do Gaúcho").by("RS"),
    day(8, 11, "Dia do Estado de Santa Catarina")
        .moved(Moved::NextSunday)
        .by("SC"),
    day(11, 25, "Santa Catarina de Alexandria")
        .moved(Moved::NextSunday)
        .by("SC"),
    day(7, 8, "Emancipação Política de Sergipe").by("SE"),
    day(7, 9, "Revolução Constitucionalista").by("SP"),
    day(3, 18, "Dia da Autonomia").by("TO"),
    day(9, 8, "Nossa Senhora da Natividade").by("TO"),
    day(10, 5, "Criação do Estado").by("TO"),
];
