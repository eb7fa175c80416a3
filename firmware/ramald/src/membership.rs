//! What a fleet's server is told of this gateway.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use ramal_fleet::{Fleet, FleetConfig};
use ramal_pbx::Pbx;
use ramal_store::Store;
use ramal_update::Updater;
use rustls::ClientConfig;

/// Starts the client of the fleet's server, which does nothing until it is switched on.
///
/// # Errors
/// What lies on the disk cannot be read.
pub(crate) fn start(
    folder: PathBuf,
    board: &Path,
    tls: ClientConfig,
    store: Store,
    pbx: Pbx,
    updater: Updater,
) -> io::Result<Fleet> {
    let board = board_name(board);
    let config = FleetConfig {
        folder,
        tls,
        serial: serial(),
        inventory: Arc::new(move || inventory(&board, &pbx)),
        time_zone: Arc::new(move || {
            let configuration = store.configuration();
            let company = configuration.company();
            let zone = company.and_then(|company| TimeZone::get(&company.time_zone).ok());
            zone.unwrap_or(TimeZone::UTC)
        }),
    };
    Fleet::start(config, updater)
}

/// The machine's own, which the firmware's UUID makes; its name where there is none.
fn serial() -> String {
    let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    match id.trim() {
        "" | "uninitialized" => nix::unistd::gethostname()
            .ok()
            .and_then(|name| name.into_string().ok())
            .unwrap_or_else(|| "ramal".to_owned()),
        id => id.to_owned(),
    }
}

/// What the board's updates are compatible with.
fn board_name(board: &Path) -> String {
    let text = fs::read_to_string(board).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let name = table.get("board").and_then(|board| board.get("compatible"));
    name.and_then(toml::Value::as_str)
        .unwrap_or("ramal")
        .to_owned()
}

fn inventory(board: &str, pbx: &Pbx) -> BTreeMap<String, String> {
    let alarms: Vec<_> = pbx
        .live()
        .alarms
        .into_iter()
        .map(|alarm| alarm.id)
        .collect();
    let health = match alarms.is_empty() {
        true => "good",
        false => "alarms",
    };
    [
        ("hw_boardname", board.to_owned()),
        ("hw_revision", "default".to_owned()),
        ("health", health.to_owned()),
        ("alarms", alarms.join(" ")),
        ("lines", pbx.equipment().join(", ")),
        ("program_version", env!("CARGO_PKG_VERSION").to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_board_says_what_updates_fit_it() {
        let board = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../board/pc-x86_64/board.toml");
        assert_eq!(board_name(&board), "ramal-pc-x86_64");
        assert_eq!(board_name(Path::new("/nowhere")), "ramal");
        assert!(!serial().is_empty());
    }
}
