//! What the gateway counts, for Prometheus (text exposition format 0.0.4).

use std::fmt::{Display, Write};

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use ramal_chassis::State as ChassisState;
use ramal_model::Severity;

use crate::app::App;
use crate::document::{Common, Forbidden, Unauthenticated};
use crate::load::disk_space;
use crate::permit::Access;
use crate::problem::Problem;

const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counters and sizes of what is live, as Prometheus reads them. Give its scraper an API token that allows `system:view`.
#[utoipa::path(
    get, path = "/metrics", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = String, content_type = "text/plain"), Unauthenticated, Forbidden, Common)
)]
pub async fn metrics(State(app): State<App>, _: Access) -> Result<impl IntoResponse, Problem> {
    let (meter, data_dir) = (app.load.clone(), app.data_dir.clone());
    // /proc and statvfs block.
    let measured = tokio::task::spawn_blocking(move || (meter.measure(), disk_space(&data_dir)));
    let (load, disk) = measured
        .await
        .map_err(|error| Problem::internal(error.to_string()))?;
    let mut text = Text::default();
    text.family("ramal_info", "gauge", "Version of the gateway.");
    text.sample("ramal_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.one(
        "ramal_uptime_seconds",
        "gauge",
        "Since the service started.",
        app.started.elapsed().as_secs(),
    );
    text.one(
        "ramal_cpu_percent",
        "gauge",
        "Busy share of all processors.",
        load.cpu_percent,
    );
    text.one(
        "ramal_memory_total_bytes",
        "gauge",
        "Main memory.",
        load.memory.total,
    );
    text.one(
        "ramal_memory_free_bytes",
        "gauge",
        "Main memory that is free.",
        load.memory.free,
    );
    if let Ok(disk) = disk {
        text.one(
            "ramal_disk_total_bytes",
            "gauge",
            "Data partition.",
            disk.total,
        );
        text.one(
            "ramal_disk_free_bytes",
            "gauge",
            "Data partition that is free.",
            disk.free,
        );
    }
    let chassis = app.chassis.borrow().clone();
    text.chassis(&chassis);
    let (connections, refused) = app.admission.counts();
    text.one(
        "ramal_web_connections",
        "gauge",
        "Open web connections.",
        connections,
    );
    text.one(
        "ramal_web_connections_refused_total",
        "counter",
        "Web connections refused.",
        refused,
    );
    text.family(
        "ramal_alarms",
        "gauge",
        "Alarms that are raised, by severity.",
    );
    let alarms = app.pbx.live().alarms;
    for (severity, word) in [
        (Severity::Warning, "warning"),
        (Severity::Major, "major"),
        (Severity::Critical, "critical"),
    ] {
        let raised = alarms
            .iter()
            .filter(|alarm| alarm.severity == severity)
            .count();
        text.sample("ramal_alarms", &[("severity", word)], raised);
    }
    // Whatever does not answer is not zero.
    if let Some(counters) = app.pbx.counters().await {
        let calls = counters.calls;
        text.one(
            "ramal_calls_started_total",
            "counter",
            "Calls since the start.",
            calls.started,
        );
        text.one(
            "ramal_calls_active",
            "gauge",
            "Calls in progress.",
            calls.active,
        );
        text.one(
            "ramal_calls_refused_total",
            "counter",
            "Calls refused because the gateway was full.",
            calls.refused_full,
        );
        text.one(
            "ramal_registrations",
            "gauge",
            "Registered contacts.",
            calls.registrations,
        );
        for (name, help, counts) in [
            (
                "ramal_sip_received_total",
                "SIP messages received, by method or class.",
                &counters.sip.received,
            ),
            (
                "ramal_sip_sent_total",
                "SIP messages sent, by method or class.",
                &counters.sip.sent,
            ),
            (
                "ramal_sip_refused_total",
                "Requests refused for their form, by status.",
                &counters.sip.refused,
            ),
        ] {
            text.family(name, "counter", help);
            for count in counts {
                text.sample(name, &[("kind", &count.name)], count.count);
            }
        }
        text.one(
            "ramal_sip_malformed_total",
            "counter",
            "Messages that could not be parsed.",
            counters.sip.malformed,
        );
        text.one(
            "ramal_sip_dropped_total",
            "counter",
            "Messages dropped without an answer.",
            counters.sip.dropped,
        );
    }
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text.0))
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// What is known of the box; what is not there is not zero.
    fn chassis(&mut self, chassis: &ChassisState) {
        let measured = chassis
            .temperatures
            .iter()
            .filter_map(|one| Some((one.name.as_str(), one.celsius?)));
        let measured: Vec<_> = measured.collect();
        if !measured.is_empty() {
            let name = "ramal_temperature_celsius";
            self.family(name, "gauge", "Temperatures, by sensor.");
            for (sensor, celsius) in measured {
                self.sample(name, &[("sensor", sensor)], celsius);
            }
        }
        if let Some(disk) = &chassis.disk {
            if let Some(errors) = disk.file_system_errors {
                self.one(
                    "ramal_disk_file_system_errors",
                    "gauge",
                    "Errors found in the data partition's file system since it was repaired.",
                    errors,
                );
            }
            if let Some(worn) = disk.worn_percent {
                self.one(
                    "ramal_disk_worn_percent",
                    "gauge",
                    "Share of the disk's life that is used at most.",
                    worn,
                );
            }
        }
        if let Some(lifeline) = &chassis.lifeline {
            self.one(
                "ramal_lifeline_energised",
                "gauge",
                "Whether the lifeline's telephone is the gateway's (1) or wired to the line (0).",
                u8::from(lifeline.energised),
            );
        }
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chassis_is_written_as_far_as_it_is_known() {
        let mut text = Text::default();
        text.chassis(&ChassisState::default());
        assert_eq!(text.0, "");
        text.chassis(&ChassisState {
            disk: Some(ramal_chassis::Disk {
                device: "mmcblk0p7".into(),
                file_system_errors: Some(3),
                ..ramal_chassis::Disk::default()
            }),
            lifeline: Some(ramal_chassis::LifelineState {
                energised: true,
                reason: None,
                ports: vec!["FXS 1".into()],
            }),
            ..ChassisState::default()
        });
        assert!(text.0.contains("\nramal_disk_file_system_errors 3\n"));
        assert!(text.0.contains("\nramal_lifeline_energised 1\n"));
        assert!(!text.0.contains("worn"));
    }

    #[test]
    fn a_family_is_written_as_the_format_wants_it() {
        let mut text = Text::default();
        text.one("a_total", "counter", "What.", 7);
        text.family("b", "gauge", "Which.");
        text.sample("b", &[("kind", "x\"\\\n")], 0.5);
        assert_eq!(
            text.0,
            "# HELP a_total What.\n# TYPE a_total counter\na_total 7\n\
             # HELP b Which.\n# TYPE b gauge\nb{kind=\"x\\\"\\\\\\n\"} 0.5\n"
        );
    }
}
