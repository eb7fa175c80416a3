//! What waits for whom: counted when a box or its owners change, and shown by the lamps of phones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use ramal_model::{Configuration, ExtensionId, MessagesWaiting};
use ramal_store::StoreError;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::exchange::Exchange;

/// How often telephones on lines are told that did not take it before.
const AGAIN: Duration = Duration::from_secs(60);

/// What waits for each extension that anything waits for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Waiting(BTreeMap<ExtensionId, MessagesWaiting>);

/// How many new messages each telephone on a line has been told of, by its number or the name of its port.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<String, u32>);

impl Waiting {
    pub(super) fn of(&self, extension: ExtensionId) -> MessagesWaiting {
        self.0.get(&extension).copied().unwrap_or_default()
    }

    /// The extensions for which something else waits in `new`.
    fn differences(&self, new: &Self) -> BTreeSet<ExtensionId> {
        let all = self.0.keys().chain(new.0.keys());
        all.filter(|id| self.of(**id) != new.of(**id))
            .copied()
            .collect()
    }
}

/// Counts anew for as long as the exchange lives, whenever it may have become something else.
pub(super) async fn look_after(
    exchange: Weak<Exchange>,
    changed: Arc<Notify>,
    mut configuration: watch::Receiver<Arc<Configuration>>,
) {
    let mut told = Told::default();
    let mut all_told = true;
    loop {
        tokio::select! {
            () = changed.notified() => {}
            () = sleep(AGAIN), if !all_told => {}
            published = configuration.changed() => if published.is_err() {
                return;
            },
        }
        configuration.borrow_and_update();
        let Some(exchange) = exchange.upgrade() else {
            return;
        };
        match count(&exchange).await {
            Ok(stations) => all_told = told.tell(&exchange, stations),
            Err(error) => tracing::error!(%error, "waiting messages cannot be counted"),
        }
    }
}

impl Told {
    /// Tells each telephone for which it is news; false when one did not take it.
    fn tell(&mut self, exchange: &Exchange, mut wanted: BTreeMap<String, u32>) -> bool {
        for number in self.0.keys() {
            // Nothing waits there any more.
            wanted.entry(number.clone()).or_default();
        }
        let mut all = true;
        for (number, new) in wanted {
            if self.0.get(&number) == Some(&new) {
                continue;
            }
            match exchange.lines.messages_waiting(&number, new) {
                Ok(true) => {
                    self.0.insert(number, new);
                }
                // No line has this number (yet).
                Ok(false) => {
                    self.0.remove(&number);
                }
                Err(error) => {
                    tracing::debug!(number, %error, "a telephone was not told of its messages");
                    all = false;
                }
            }
        }
        all
    }
}

/// Counts what waits, and tells the lamps of phones for which that is news. Gives how many new messages wait for each telephone
/// on a line, by its number or the name of its port.
pub(super) async fn count(exchange: &Arc<Exchange>) -> Result<BTreeMap<String, u32>, StoreError> {
    let counts = exchange.store.messages_waiting().await?;
    let configuration = exchange.configuration.borrow().clone();
    let mut waiting = Waiting::default();
    let mut stations = BTreeMap::<String, u32>::new();
    for (mailbox, count) in counts {
        let mailbox = configuration.catalogue().voicemail_boxes.get(mailbox);
        for extension in mailbox.iter().flat_map(|mailbox| &mailbox.extensions) {
            *waiting.0.entry(*extension).or_default() += count;
        }
        let owners = mailbox.iter().flat_map(|mailbox| &mailbox.extensions);
        let telephones = owners.flat_map(|owner| configuration.telephones(*owner));
        let ports = telephones.map(|telephone| &telephone.port);
        let numbers = mailbox.iter().flat_map(|mailbox| &mailbox.stations);
        for station in ports.chain(numbers) {
            *stations.entry(station.clone()).or_default() += count.new;
        }
    }
    let news = {
        let mut shown = exchange
            .voicemail
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let news = shown.differences(&waiting);
        *shown = waiting;
        news
    };
    for extension in news {
        if let Some(extension) = configuration.extension(extension) {
            exchange.live.number_changed(&extension.number);
        }
    }
    Ok(stations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lamps_that_have_news_are_told() {
        let waiting = |counts: &[(i64, u32)]| {
            let counts = counts.iter().map(|&(id, new)| {
                let waiting = MessagesWaiting { new, old: 0 };
                (ExtensionId(id), waiting)
            });
            Waiting(counts.collect())
        };
        let before = waiting(&[(1, 1), (2, 5)]);
        let after = waiting(&[(2, 5), (3, 1)]);
        let news: Vec<i64> = before.differences(&after).iter().map(|id| id.0).collect();
        assert_eq!(news, [1, 3]);
    }
}
