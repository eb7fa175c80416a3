//! The number that somebody dials on a telephone.

use std::time::Duration;

use ramal_model::Configuration;
use tokio::time::Instant;

use crate::call::routing::is_feature;

/// How long dial tone lasts.
const FIRST_KEY: Duration = Duration::from_secs(15);
/// After a pause this long the number is complete.
const NEXT_KEY: Duration = Duration::from_secs(3);
/// Longest number.
const MOST_KEYS: usize = 32;

/// A number that is being dialled.
#[derive(Debug)]
pub(super) struct Dialled {
    number: String,
    /// When it is complete, or given up, without another key.
    pub(super) deadline: Instant,
}

impl Dialled {
    /// Nothing dialled yet.
    pub(super) fn new() -> Self {
        Dialled {
            number: String::new(),
            deadline: Instant::now() + FIRST_KEY,
        }
    }

    /// Takes a key; the number when it is complete.
    pub(super) fn key(&mut self, key: char, configuration: &Configuration) -> Option<String> {
        let ends = key == '#' && !self.number.is_empty();
        if !ends {
            self.number.push(key);
            self.deadline = Instant::now() + NEXT_KEY;
        }
        let complete =
            ends || is_complete(&self.number, configuration) || self.number.len() >= MOST_KEYS;
        complete.then(|| std::mem::take(&mut self.number))
    }

    /// No key came in time: the number, if there is one.
    pub(super) fn timed_out(self) -> Option<String> {
        (!self.number.is_empty()).then_some(self.number)
    }
}

/// Whether no other number could begin like this one.
fn is_complete(number: &str, configuration: &Configuration) -> bool {
    is_feature(number)
        || configuration.extension_by_number(number).is_some()
            && !configuration
                .extensions()
                .iter()
                .any(|other| other.number.len() > number.len() && other.number.starts_with(number))
}
