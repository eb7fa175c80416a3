//! When the machine starts again, and what the boot state says then.

use std::time::Duration;

use tokio::time::Instant;

use super::{Actor, now};
use crate::boot::BootState;
use crate::order::Order;
use crate::record::{Fate, Restart};
use crate::state::Phase;

/// Looks without a call, one after the other, after which there is none: a call that is transferred is none for a moment.
const QUIET: u32 = 2;
/// Within this time the machine starts again when it was told to.
const RESTART: Duration = Duration::from_secs(180);
/// Within this time it stays with the proven system when it was told to.
const STAY: Duration = Duration::from_secs(30);

impl Actor {
    /// Reads the boot state again.
    pub(super) fn reread(&mut self) {
        match BootState::read(&self.config.boot_state) {
            Ok(Some(boot)) => self.boot = Some(boot),
            // It is being replaced, or somebody has removed it: what was known stays.
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the boot state cannot be read"),
        }
    }

    /// Looks what has become of what was begun, and whether it is time to start the machine again.
    pub(super) async fn look(&mut self) {
        self.reread();
        let (Some(boot), Some(pending)) = (&self.boot, &self.record.pending) else {
            return self.rest();
        };
        let fate = pending.fate(boot);
        if self.staying {
            return self.look_whether_it_stays(&fate).await;
        }
        match fate {
            Fate::Proven => self.settle(None).await,
            Fate::Failed(reason) => self.settle(Some(&reason)).await,
            Fate::OnTrial => self.phase = Phase::OnTrial,
            Fate::Waits => self.look_whether_it_is_time().await,
        }
    }

    async fn look_whether_it_stays(&mut self, fate: &Fate) {
        if matches!(fate, Fate::Failed(_)) {
            self.record.pending = None;
            self.installed = None;
            self.rest();
            self.keep_or_say().await;
        } else if self.ordered.is_none_or(|at| at.elapsed() > STAY) {
            self.staying = false;
            self.ordered = None;
            self.problem = Some("The update could not be cancelled: try it again.".to_owned());
        }
    }

    async fn look_whether_it_is_time(&mut self) {
        if let Some(at) = self.ordered {
            if at.elapsed() > RESTART {
                self.ordered = None;
                self.phase = Phase::Installed;
                self.problem = Some(
                    "The gateway was told to start again and did not: switch it off and on."
                        .to_owned(),
                );
                if let Some(pending) = &mut self.record.pending {
                    pending.restart = None;
                }
                self.keep_or_say().await;
            }
            return;
        }
        self.phase = Phase::Installed;
        let restart = self
            .record
            .pending
            .as_ref()
            .and_then(|pending| pending.restart);
        let calls = (self.config.calls)();
        self.quiet = match calls {
            0 => self.quiet.saturating_add(1),
            _ => 0,
        };
        if is_time(restart, now(), self.quiet) {
            let order = match self.is_way_back() {
                true => Order::Previous,
                false => Order::Restart,
            };
            self.order(order).await;
        }
    }

    /// Gives an order to the system.
    pub(super) async fn order(&mut self, order: Order) {
        tracing::info!(order = order.word(), "the system is told what to start");
        match order.give(&self.config.order) {
            Ok(()) => {
                self.ordered = Some(Instant::now());
                match order {
                    Order::Stay => self.staying = true,
                    Order::Restart | Order::Previous => self.phase = Phase::Restarting,
                }
            }
            Err(error) => {
                tracing::error!(%error, "the system cannot be told what to start");
                self.problem = Some(format!(
                    "The system cannot be told to start again ({error}): switch it off and on."
                ));
                if let Some(pending) = &mut self.record.pending {
                    pending.restart = None;
                }
                self.keep_or_say().await;
            }
        }
    }
}

/// Whether the machine may start again now.
fn is_time(restart: Option<Restart>, now: i64, quiet: u32) -> bool {
    match restart {
        None => false,
        Some(Restart::Now) => true,
        Some(Restart::Idle) => quiet >= QUIET,
        Some(Restart::At { time }) => now >= time && quiet >= QUIET,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_hold_a_restart_up_but_one_at_once() {
        assert!(!is_time(None, 10, 100));
        assert!(is_time(Some(Restart::Now), 10, 0));
        assert!(!is_time(Some(Restart::Idle), 10, 1));
        assert!(is_time(Some(Restart::Idle), 10, 2));
        let at = Some(Restart::At { time: 10 });
        assert!(!is_time(at, 9, 100));
        assert!(!is_time(at, 10, 0));
        assert!(is_time(at, 10, 2));
    }
}
