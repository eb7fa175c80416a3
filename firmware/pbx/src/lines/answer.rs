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

/// What of a route's rules cannot work on their lines: the time that they ring, and the number that those called see.
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
        let lines = named(exchange, lines.collect());
        let shown = rule.caller_id.is_some().then(|| {
            let field = format!("rules[{index}].caller_id");
            not_supported(&field, &lines)
        });
        let field = format!("rules[{index}].ring_timeout");
        let kept = no_supervision(&field, &not_shown(configuration, lines));
        [kept, shown.flatten()].into_iter().flatten()
    };
    route.rules.iter().enumerate().flat_map(rule).collect()
}

/// What cannot work on the lines that forwarded calls of a number take: the time that they ring, and what those called see,
/// which is the line's own number, whoever calls (D6).
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
    let lines = named(exchange, lines.collect());
    let shown = not_supported("pass_called_number", &lines);
    let kept = no_supervision("ring_timeout_out", &not_shown(configuration, lines));
    kept.into_iter().chain(shown).collect()
}

/// The names of lines; a blank place stands for whichever is free.
fn named(exchange: &Exchange, lines: BTreeSet<Option<String>>) -> BTreeSet<String> {
    let names = lines.into_iter().flat_map(|line| match line {
        Some(port) => vec![port],
        None => {
            let ports = exchange.lines.status().into_iter();
            let lines = ports.filter(|port| port.kind == PortKind::Fxo);
            lines.map(|port| port.name).collect()
        }
    });
    names.collect()
}

/// Those of the lines whose answer does not show.
fn not_shown(configuration: &Configuration, mut lines: BTreeSet<String>) -> BTreeSet<String> {
    lines.retain(|port| answer_shown(configuration, port) == AnswerShown::Not);
    lines
}

fn no_supervision(field: &str, lines: &BTreeSet<String>) -> Option<FieldProblem> {
    warning(field, code::NO_SUPERVISION, lines, |names| {
        format!(
            "cannot be kept on {names}: nothing shows there when somebody answers; test the line, or set in its port how an \
             answer is noticed"
        )
    })
}

fn not_supported(field: &str, lines: &BTreeSet<String>) -> Option<FieldProblem> {
    warning(field, code::NOT_SUPPORTED_ON_LINE, lines, |names| {
        format!("has no effect on {names}: those called see the number of the line there")
    })
}

/// A warning that names lines; none without any.
fn warning(
    field: &str,
    code: &str,
    lines: &BTreeSet<String>,
    message: impl FnOnce(&str) -> String,
) -> Option<FieldProblem> {
    let names: Vec<_> = lines.iter().map(String::as_str).collect();
    let names = names.join(", ");
    (!names.is_empty()).then(|| FieldProblem {
        field: field.to_owned(),
        code: code.to_owned(),
        message: message(&names),
        limit: Some(names),
    })
}
