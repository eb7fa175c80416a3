//! What the agent and its engine have counted, as the API shows it.

use ramal_sip::{Dropped, Faults, MessageCounters};

use super::agent::Agent;
use crate::counters::{CallCounters, Count, Counters, SipCounters};

impl Agent {
    /// All counters.
    pub(super) fn count(&self) -> Counters {
        let sip = self.endpoint.counters();
        let dropped = by_reason(&sip.dropped);
        Counters {
            calls: CallCounters {
                started: self.exchange.started(),
                active: self.exchange.in_progress() as u64,
                registrations: self.exchange.locations.len() as u64,
                refused_full: self.counters.refused_full,
            },
            sip: SipCounters {
                received: by_kind(&sip.received),
                sent: by_kind(&sip.sent),
                retransmissions_received: sip.retransmissions_received,
                retransmissions_sent: sip.retransmissions_sent,
                refused: sip
                    .refused
                    .iter()
                    .map(|&(status, count)| Count {
                        name: status.to_string(),
                        count,
                    })
                    .collect(),
                malformed: sip.malformed,
                faults: by_fault(&sip.faults),
                dropped: dropped.iter().map(|reason| reason.count).sum(),
                dropped_by_reason: dropped,
                transactions: sip.transactions as u64,
                sessions: sip.sessions as u64,
                connections: self.connections() as u64,
                refused_connections: self.connector.connections.refused(),
                failed_handshakes: self.connector.connections.failed_handshakes(),
                send_failures: self.counters.send_failures,
                overruns: self.counters.overruns,
            },
            authentication: self.authority.counters(),
            defence: self.authority.defence.counters(self.now().instant),
        }
    }
}

fn by_kind(counters: &MessageCounters) -> Vec<Count> {
    let methods = [
        ("invite", counters.invite),
        ("ack", counters.ack),
        ("bye", counters.bye),
        ("cancel", counters.cancel),
        ("register", counters.register),
        ("options", counters.options),
        ("info", counters.info),
        ("prack", counters.prack),
        ("update", counters.update),
        ("other", counters.other),
    ];
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"];
    methods
        .into_iter()
        .chain(classes.into_iter().zip(counters.responses))
        .map(named)
        .collect()
}

fn by_fault(faults: &Faults) -> Vec<Count> {
    let faults = [
        ("start_line", faults.start_line),
        ("version", faults.version),
        ("request_uri", faults.request_uri),
        ("header_line", faults.header_line),
        ("header", faults.header),
        ("body", faults.body),
        ("size", faults.size),
    ];
    faults.into_iter().map(named).collect()
}

fn by_reason(dropped: &Dropped) -> Vec<Count> {
    let reasons = [
        ("unanswerable", dropped.unanswerable),
        ("malformed_response", dropped.malformed_responses),
        ("stray_response", dropped.stray_responses),
        ("stray_ack", dropped.stray_acks),
    ];
    reasons.into_iter().map(named).collect()
}

fn named((name, count): (&str, u64)) -> Count {
    Count {
        name: name.to_owned(),
        count,
    }
}
