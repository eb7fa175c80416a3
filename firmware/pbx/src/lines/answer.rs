//! What lines to an exchange are known to show of the answer, and the settings that cannot work without it (D6, F042).

use std::collections::BTreeSet;

use ramal_lines::PortKind;
use ramal_model::{
    AnswerDetection, Configuration, FieldProblem, InboundMode, Number, OfflineAction,
    OutboundRoute, PortSettings, Way, code,
};

use crate::call::routing::lines_out;
use crate::exchange::Exchange;

/// How the answer of a call out over a port shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerShown {
    /// The exchange tells it.
    Told,
    /// A voice is told from ringback tone.
    Heard,
    /// It does not.
    Not,
}

/// How the answer of a call out over this port shows, as far as somebody has set or measured it.
pub(crate) fn answer_shown(configuration: &Configuration, port: &str) -> AnswerShown {
    let settings = configuration.analogue_port(port).map(|port| &port.settings);
    match settings {
        Some(PortSettings::Fxo(line)) => match line.answer {
            AnswerDetection::Polarity => AnswerShown::Told,
            AnswerDetection::Voice => AnswerShown::Heard,
            AnswerDetection::AfterDialling => AnswerShown::Not,
        },
        Some(PortSettings::Fxs(_)) => AnswerShown::Told,
        // Most exchanges do not, unless they are asked to.
        None => AnswerShown::Not,
    }
}

/// The rules of a route whose time cannot be kept on their lines.
pub(crate) fn of_route(
    configuration: &Configuration,
    exchange: &Exchange,
    route: &OutboundRoute,
) -> Vec<FieldProblem> {
    let rule = |(index, rule): (usize, &ramal_model::OutboundRule)| {
        let lines = rule.ways.iter().filter_map(|way| match way {
            Way::Line { port } => Some(Some(port.clone())),
            Way::AnyLine {} => Some(None),
            Way::Trunk { .. } => None,
        });
        let lines = not_shown(configuration, exchange, lines.collect());
        warning(&format!("rules[{index}].ring_timeout"), &lines)
    };
    route.rules.iter().enumerate().filter_map(rule).collect()
}

/// Whether the time for forwarded calls of a number cannot be kept on the lines that they take.
pub(crate) fn of_number(
    configuration: &Configuration,
    exchange: &Exchange,
    number: &Number,
) -> Vec<FieldProblem> {
    if number.mode == InboundMode::Reject {
        return Vec::new();
    }
    let offline = match &number.offline_action {
        OfflineAction::Transfer { number } => Some(number),
        _ => None,
    };
    let lines = number
        .forward_to
        .iter()
        .chain(offline)
        .flat_map(|outside| lines_out(configuration, exchange, outside));
    let lines = not_shown(configuration, exchange, lines.collect());
    warning("ring_timeout_out", &lines).into_iter().collect()
}

/// Those of the lines whose answer does not show; a blank place stands for whichever line is free.
fn not_shown(
    configuration: &Configuration,
    exchange: &Exchange,
    lines: BTreeSet<Option<String>>,
) -> BTreeSet<String> {
    let names = lines.into_iter().flat_map(|line| match line {
        Some(port) => vec![port],
        None => {
            let ports = exchange.lines.status().into_iter();
            let lines = ports.filter(|port| port.kind == PortKind::Fxo);
            lines.map(|port| port.name).collect()
        }
    });
    names
        .filter(|port| answer_shown(configuration, port) == AnswerShown::Not)
        .collect()
}

fn warning(field: &str, lines: &BTreeSet<String>) -> Option<FieldProblem> {
    let names: Vec<_> = lines.iter().map(String::as_str).collect();
    let names = names.join(", ");
    (!names.is_empty()).then(|| FieldProblem {
        field: field.to_owned(),
        code: code::NO_SUPERVISION.to_owned(),
        message: format!(
            "cannot be kept on {names}: nothing shows there when somebody answers; test the line, or set in its port how an \
             answer is noticed"
        ),
        limit: Some(names),
    })
}
