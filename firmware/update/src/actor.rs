//! The one task that decides about updates, one wish after the other. What takes long it has others do, who tell it how it ended.

mod job;
mod pace;
mod wishes;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::job::Done;
use crate::boot::{BootState, Second, Slot};
use crate::bundle::Bundle;
use crate::folder::{Folder, remove};
use crate::rauc::Installed;
use crate::record::{Kind, Pending, Record, Restart};
use crate::refusal::Refusal;
use crate::state::{Health, Phase, State, System};
use crate::updater::UpdaterConfig;
use crate::upload::Incoming;

/// How often calls and the boot state are looked at while something waits for them.
const TICK: Duration = Duration::from_secs(1);

type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// A wish.
#[derive(Debug)]
pub(crate) enum Command {
    Show(oneshot::Sender<State>),
    Receive {
        expected: Option<u64>,
        reply: Reply<Incoming>,
    },
    /// What was begun to be received does not come.
    Abort,
    Check {
        octets: u64,
        by: String,
        reply: Reply<Bundle>,
    },
    Install {
        again: bool,
        by: String,
        reply: Reply<State>,
    },
    Restart {
        when: Option<Restart>,
        reply: Reply<State>,
    },
    Previous {
        when: Restart,
        by: String,
        reply: Reply<State>,
    },
    Discard(Reply<State>),
    Acknowledge(Reply<State>),
}

pub(crate) struct Actor {
    config: UpdaterConfig,
    folder: Folder,
    record: Record,
    boot: Option<BootState>,
    /// What lies in both systems, once RAUC was asked.
    installed: Option<[Installed; 2]>,
    phase: Phase,
    received: Arc<AtomicU64>,
    expected: Option<u64>,
    percent: Arc<AtomicU64>,
    problem: Option<String>,
    /// When the machine was told to start again, or to stay.
    ordered: Option<Instant>,
    /// It was told to stay with the proven system.
    staying: bool,
    /// For how many looks no call was up.
    quiet: u32,
    state: watch::Sender<State>,
    done: mpsc::Sender<Done>,
    ended: mpsc::Receiver<Done>,
}

impl Actor {
    pub(crate) async fn new(
        config: UpdaterConfig,
        state: watch::Sender<State>,
    ) -> io::Result<Self> {
        let folder = Folder::open(config.folder.clone())?;
        let record = folder.record()?;
        let boot = BootState::read(&config.boot_state)?;
        remove(&folder.incoming());
        let (done, ended) = mpsc::channel(4);
        let mut actor = Self {
            config,
            folder,
            record,
            boot,
            installed: None,
            phase: Phase::Idle,
            received: Arc::default(),
            expected: None,
            percent: Arc::default(),
            problem: None,
            ordered: None,
            staying: false,
            quiet: 0,
            state,
            done,
            ended,
        };
        actor.recover().await;
        Ok(actor)
    }

    /// Takes up what was going on before this program started.
    async fn recover(&mut self) {
        if !self.folder.bundle().is_file() {
            self.record.bundle = None;
        }
        if self.boot.is_none() {
            return;
        }
        match &self.record.pending {
            Some(pending) if !pending.installed => {
                self.phase = Phase::Installing;
                self.await_installation();
            }
            Some(_) => {
                self.phase = Phase::Installed;
                self.look().await;
            }
            None => self.rest(),
        }
    }

    /// The phase when nothing is going on.
    fn rest(&mut self) {
        self.phase = match self.record.bundle {
            Some(_) => Phase::Ready,
            None => Phase::Idle,
        };
        self.ordered = None;
        self.staying = false;
        self.quiet = 0;
    }

    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.publish();
            let waits = matches!(
                self.phase,
                Phase::Installed | Phase::Restarting | Phase::OnTrial
            );
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.carry_out(command).await,
                    None => return,
                },
                Some(done) = self.ended.recv() => self.note(done).await,
                _ = ticks.tick(), if waits => self.look().await,
            }
        }
    }

    fn publish(&self) {
        let state = self.describe();
        self.state.send_if_modified(|shown| {
            let changed = *shown != state;
            *shown = state;
            changed
        });
    }

    fn describe(&self) -> State {
        let bundle = self.record.bundle.clone();
        State {
            supported: self.boot.is_some(),
            phase: self.phase,
            received: self.received.load(Ordering::Relaxed),
            expected: self.expected,
            percent: u8::try_from(self.percent.load(Ordering::Relaxed)).unwrap_or(100),
            systems: self
                .boot
                .iter()
                .flat_map(|boot| self.systems(boot))
                .collect(),
            bundle_failed: bundle
                .as_ref()
                .and_then(|bundle| self.record.failed_before(&bundle.version))
                .cloned(),
            bundle,
            pending: self.record.pending.clone(),
            last: self.record.last.clone(),
            problem: self.problem.clone(),
            failed_versions: self.record.failed.iter().cloned().collect(),
        }
    }

    fn systems(&self, boot: &BootState) -> [System; 2] {
        [Slot::A, Slot::B].map(|slot| {
            let known = self.installed.as_ref().map(|[a, b]| match slot {
                Slot::A => a.clone(),
                Slot::B => b.clone(),
            });
            let known = known.unwrap_or_default();
            let running = slot == boot.running;
            let health = match boot.second {
                _ if slot == boot.proven => Health::Proven,
                Second::Ready => Health::Ready,
                Second::Trial => Health::Trial,
                Second::Failed => Health::Failed,
                Second::Empty => Health::Empty,
            };
            System {
                slot,
                version: known
                    .version
                    .or_else(|| running.then(|| self.config.version.to_owned())),
                installed_at: known.at,
                health,
                reason: match health {
                    Health::Failed => boot.reason.clone(),
                    _ => String::new(),
                },
                running,
            }
        })
    }

    /// The version that runs.
    fn version(&self) -> String {
        let running = self.boot.as_ref().map(|boot| boot.running);
        let installed = self.installed.as_ref().zip(running);
        let version = installed.and_then(|([a, b], running)| match running {
            Slot::A => a.version.clone(),
            Slot::B => b.version.clone(),
        });
        version.unwrap_or_else(|| self.config.version.to_owned())
    }

    /// Writes the record down.
    async fn keep(&mut self) -> Result<(), Refusal> {
        let (folder, record) = (self.folder.clone(), self.record.clone());
        let kept = tokio::task::spawn_blocking(move || folder.keep(&record)).await;
        match kept {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Refusal::Disk(error.to_string())),
            Err(error) => Err(Refusal::Disk(error.to_string())),
        }
    }

    /// The same where nobody waits for an answer.
    async fn keep_or_say(&mut self) {
        if let Err(refusal) = self.keep().await {
            tracing::error!(%refusal, "the record of updates is not written");
            self.problem = Some(refusal.to_string());
        }
    }

    fn begun(
        &self,
        kind: Kind,
        slot: Slot,
        version: String,
        manifest_hash: String,
        by: String,
    ) -> Pending {
        Pending {
            kind,
            version,
            manifest_hash,
            from: self.version(),
            slot,
            at: now(),
            by,
            restart: None,
            equipment: (self.config.equipment)(),
            installed: kind == Kind::Previous,
        }
    }
}

/// UTC milliseconds.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}
