//! The number that somebody dials on a telephone.

use std::time::Duration;

use ramal_analog::{Dialled as Judged, DigitMap};
use ramal_model::{Configuration, FxsSettings, HotLine};
use tokio::time::Instant;

/// Longest number.
const MOST_KEYS: usize = 32;

/// A number that is being dialled.
#[derive(Debug)]
pub(super) struct Dialled {
    number: String,
    /// When it is complete, or given up, without another key.
    pub(super) deadline: Instant,
    /// After a pause this long the number is complete.
    next_key: Duration,
    /// Says when it is complete; none: the numbers of the gateway do.
    map: Option<DigitMap>,
    /// Whom to call when nothing is dialled.
    hot_line: Option<String>,
}

impl Dialled {
    /// Nothing dialled yet.
    pub(super) fn new(settings: &FxsSettings, hot_line: Option<&HotLine>) -> Self {
        let first_key = hot_line.map_or(settings.first_key_seconds, |hot| hot.after_seconds);
        let map = settings.digit_map.as_deref().and_then(|map| {
            map.parse()
                .inspect_err(|error| tracing::warn!(%error, map, "a digit map cannot be used"))
                .ok()
        });
        Dialled {
            number: String::new(),
            deadline: Instant::now() + Duration::from_secs(first_key.into()),
            next_key: Duration::from_secs(settings.next_key_seconds.into()),
            map,
            hot_line: hot_line.map(|hot| hot.number.clone()),
        }
    }

    /// Takes a key; the number when it is complete.
    pub(super) fn key(&mut self, key: char, configuration: &Configuration) -> Option<String> {
        let ends = key == '#' && !self.number.is_empty();
        if !ends {
            self.number.push(key);
            self.deadline = Instant::now() + self.next_key;
        }
        let complete = ends
            || self.number.len() >= MOST_KEYS
            || match &self.map {
                // An impossible number is somebody's to refuse, and a tone will say so.
                Some(map) => matches!(
                    map.judge(&self.number),
                    Judged::Complete | Judged::Impossible
                ),
                None => is_complete(&self.number, configuration),
            };
        complete.then(|| std::mem::take(&mut self.number))
    }

    /// No key came in time: the number, if there is one.
    pub(super) fn timed_out(self) -> Option<String> {
        if self.number.is_empty() {
            self.hot_line
        } else {
            Some(self.number)
        }
    }
}

/// Whether no other number could begin like this one.
fn is_complete(number: &str, configuration: &Configuration) -> bool {
    let is_somebodys = configuration.feature_codes().is_complete(number)
        || configuration.extension_by_number(number).is_some();
    is_somebodys
        && !configuration
            .extensions()
            .iter()
            .any(|other| other.number.len() > number.len() && other.number.starts_with(number))
}
