//! What is wrong with trunks, lines and their cards, as alarms.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Weak;
use std::time::Duration;

use ramal_lines::dahdi::{UnusableCard, unusable_cards_below};
use ramal_lines::{LineFault, PortStatus, TrunkFault, TrunkState, TrunkStatus};
use ramal_model::{Alarm, E1TrunkId, Severity};
use tokio::time::{Instant, sleep};

use crate::clock::utc_ms;
use crate::exchange::Exchange;
use crate::hysteresis::Hysteresis;
use crate::trunk;

/// How often lines are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Looks at lines for each look at cards, which come and go rarely.
const CARDS: u32 = 10;

/// Alarms by their id.
type Found = BTreeMap<String, Alarm>;

/// Looks after the lines for as long as the exchange lives; `root` is where `sys` and `lib` are.
pub(crate) async fn look_after(exchange: Weak<Exchange>, root: PathBuf) {
    let mut hysteresis = Hysteresis::default();
    let (mut cards, mut looks) = (Vec::new(), 0);
    loop {
        let Some(exchange) = exchange.upgrade() else {
            return;
        };
        if looks % CARDS == 0 {
            cards = find_cards(root.clone()).await;
            exchange.lines.set_unusable_cards(cards.clone());
        }
        looks += 1;
        let mut found = found(
            &exchange.lines.digital.statuses(),
            &exchange.lines.status(),
            &cards,
        );
        found.extend(sip_trunks(&exchange.live.trunks()));
        let changes = hysteresis.look(Instant::now(), found);
        for alarm in changes.raised {
            exchange.live.raise(alarm);
        }
        for id in changes.cleared {
            exchange.live.clear(&id);
        }
        drop(exchange);
        sleep(EVERY).await;
    }
}

async fn find_cards(root: PathBuf) -> Vec<UnusableCard> {
    match tokio::task::spawn_blocking(move || unusable_cards_below(&root)).await {
        Ok(Ok(cards)) => cards,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the machine's cards cannot be listed");
            Vec::new()
        }
        Err(error) => {
            tracing::error!(%error, "the machine's cards were not listed");
            Vec::new()
        }
    }
}

fn found(
    trunks: &[(E1TrunkId, TrunkStatus)],
    ports: &[PortStatus],
    cards: &[UnusableCard],
) -> Found {
    let trunks = trunks.iter().filter_map(|(id, status)| {
        let severity = match status.state {
            TrunkState::Up => Severity::Major,
            _ => Severity::Critical,
        };
        let key = trunk_key(status.fault?);
        Some(alarm(key, &id.0.to_string(), &status.name, severity))
    });
    let ports = ports.iter().filter_map(|port| {
        let (key, severity) = match port.fault? {
            LineFault::NoBattery => ("line_no_battery", Severity::Warning),
            LineFault::RingsForEver => ("line_rings_for_ever", Severity::Major),
            LineFault::LeftOffHook => ("line_left_off_hook", Severity::Warning),
            LineFault::Hardware => ("line_hardware", Severity::Major),
        };
        Some(alarm(key, &port.name, &port.name, severity))
    });
    let cards = cards.iter().map(|card| {
        let (key, file) = match &card.missing_firmware {
            Some(file) => ("card_without_firmware", format!(", {file}")),
            None => ("card_without_driver", String::new()),
        };
        let object = format!("{} ({}{file})", card.name, card.location);
        alarm(key, &card.location, &object, Severity::Major)
    });
    trunks
        .chain(ports)
        .chain(cards)
        .map(|alarm| (alarm.id.clone(), alarm))
        .collect()
}

/// SIP trunks that calls cannot go over.
fn sip_trunks(trunks: &[trunk::TrunkStatus]) -> Found {
    let alarms = trunks.iter().filter_map(|trunk| {
        let key = match trunk.state {
            trunk::TrunkState::Rejected => "sip_trunk_rejected",
            trunk::TrunkState::Unreachable => "sip_trunk_unreachable",
            trunk::TrunkState::Trying
            | trunk::TrunkState::Unregistered
            | trunk::TrunkState::Registered
            | trunk::TrunkState::Ok => return None,
        };
        let alarm = alarm(
            key,
            &trunk.id.0.to_string(),
            &trunk.name,
            Severity::Critical,
        );
        Some((alarm.id.clone(), alarm))
    });
    alarms.collect()
}

fn trunk_key(fault: TrunkFault) -> &'static str {
    match fault {
        TrunkFault::NoSpan => "e1_no_span",
        TrunkFault::Refused => "e1_refused",
        TrunkFault::NoSignal => "e1_no_signal",
        TrunkFault::FrameAlignment => "e1_frame_alignment",
        TrunkFault::Crc4 => "e1_crc4",
        TrunkFault::LineCode => "e1_line_code",
        TrunkFault::AlarmIndication => "e1_alarm_indication",
        TrunkFault::FarEndAlarm => "e1_far_end_alarm",
        TrunkFault::Looped => "e1_looped",
        TrunkFault::NoAnswer => "e1_no_answer",
        TrunkFault::Babbles => "e1_babbles",
    }
}

fn alarm(key: &str, of: &str, object: &str, severity: Severity) -> Alarm {
    Alarm {
        id: format!("{key}:{of}"),
        since: utc_ms(),
        severity,
        object: object.to_owned(),
        text: key.to_owned(),
        action: format!("{key}_action"),
    }
}

#[cfg(test)]
mod tests {
    use ramal_lines::{PortId, PortKind};

    use super::*;

    #[test]
    fn each_fault_is_an_alarm_of_its_own_object() {
        let trunk = |id, name: &str, state, fault| {
            let status = TrunkStatus {
                name: name.to_owned(),
                state,
                fault,
                ..TrunkStatus::default()
            };
            (E1TrunkId(id), status)
        };
        let trunks = [
            trunk(1, "Vivo", TrunkState::Up, None),
            trunk(2, "Claro", TrunkState::LineDown, Some(TrunkFault::NoSignal)),
            trunk(3, "Oi", TrunkState::Up, Some(TrunkFault::Babbles)),
        ];
        let port = |id, name: &str, fault| PortStatus {
            id: PortId(id),
            kind: PortKind::Fxo,
            name: name.to_owned(),
            number: String::new(),
            off_hook: false,
            ringing: false,
            fault,
        };
        let ports = [
            port(1, "FXO 1", Some(LineFault::RingsForEver)),
            port(2, "FXO 2", None),
        ];
        let card = |location: &str, file: Option<&str>| UnusableCard {
            name: "TE133".to_owned(),
            location: location.to_owned(),
            missing_firmware: file.map(str::to_owned),
        };
        let cards = [
            card("0000:03:00.0", Some("dahdi-fw-te133.bin")),
            card("0000:04:00.0", None),
        ];
        let found = found(&trunks, &ports, &cards);
        let told: Vec<_> = found
            .values()
            .map(|alarm| (alarm.id.as_str(), alarm.severity, alarm.object.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    "card_without_driver:0000:04:00.0",
                    Severity::Major,
                    "TE133 (0000:04:00.0)"
                ),
                (
                    "card_without_firmware:0000:03:00.0",
                    Severity::Major,
                    "TE133 (0000:03:00.0, dahdi-fw-te133.bin)"
                ),
                ("e1_babbles:3", Severity::Major, "Oi"),
                ("e1_no_signal:2", Severity::Critical, "Claro"),
                ("line_rings_for_ever:FXO 1", Severity::Major, "FXO 1"),
            ]
        );
    }
}
