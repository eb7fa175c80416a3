//! Where log lines go: standard error, which is the journal's on the gateway.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What is logged when nothing else is asked for; the migration library tells too much of its work.
const DEFAULT: &str = "info,refinery_core=warn";

/// Starts logging at the level in `RAMAL_LOG` (the syntax is that of `EnvFilter`), else at [`DEFAULT`].
///
/// Under systemd lines carry no time and no colours: the journal has its own clock.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("RAMAL_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        lines.without_time().init();
    } else {
        lines.init();
    }
}
