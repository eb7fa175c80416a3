//! Tells the chassis how the gateway is, and makes alarms of what it finds.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ramal_archive::ArchiveError;
use ramal_chassis::{AtStart, Board, Chassis, Gateway, Phase, State};
use ramal_pbx::Pbx;
use ramal_update::Phase as UpdatePhase;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::notify::Notify;
use crate::service::Failure;

/// From one word to the chassis to the next: lights of ports follow their lines so closely.
const NEWS: Duration = Duration::from_millis(100);
/// From one question to call control to the next.
const QUESTION: Duration = Duration::from_secs(1);
/// So long the service manager is asked to wait while somebody holds the button.
const HELD: Duration = Duration::from_secs(30);

/// Starts the board's chassis; one whose description cannot be used has no lights, button and relay.
pub(crate) fn start(board: &Path, data: &Path) -> Result<Chassis, Failure> {
    let board = Board::read(board).unwrap_or_else(|error| {
        tracing::error!(%error, "no lights, reset button and lifeline");
        Board::default()
    });
    Chassis::start(board, data).map_err(Failure::Chassis)
}

/// Waits while somebody holds the reset button, and orders a factory reset when he lets go in time; whether he did.
pub(crate) async fn mind_the_button(
    chassis: &Chassis,
    data: &Path,
    notify: &Notify,
) -> Result<bool, Failure> {
    let mut button = chassis.at_start();
    let mut asked = false;
    loop {
        let at_start = *button.borrow_and_update();
        match at_start {
            AtStart::GoOn => return Ok(false),
            AtStart::Reset => break,
            AtStart::Counting(held) if held.is_zero() => {}
            AtStart::Counting(_) | AtStart::LetGo if asked => {}
            AtStart::Counting(_) | AtStart::LetGo => {
                tracing::warn!("the reset button is held");
                notify.status("starting: the reset button is held");
                notify.takes_longer(HELD);
                asked = true;
            }
        }
        if button.changed().await.is_err() {
            return Ok(false);
        }
    }
    tracing::warn!("factory reset ordered by the reset button");
    let data = data.to_owned();
    let ordered = tokio::task::spawn_blocking(move || ramal_archive::request_reset(&data)).await;
    let ordered: Result<(), ArchiveError> =
        ordered.map_err(|error| Failure::Runtime(io::Error::from(error)))?;
    ordered?;
    Ok(true)
}

/// Looks after the chassis while the gateway runs.
pub(crate) struct Minder {
    chassis: Arc<Chassis>,
    phase: Arc<Mutex<Phase>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Minder {
    /// Begins to tell the chassis how the gateway is, and the gateway what is wrong with the chassis.
    pub(crate) fn start(
        chassis: Chassis,
        pbx: Pbx,
        updates: watch::Receiver<ramal_update::State>,
    ) -> Self {
        let follow = follow(chassis.state(), pbx.clone());
        let chassis = Arc::new(chassis);
        let phase = Arc::<Mutex<Phase>>::default();
        let mut tasks = vec![tokio::spawn(follow)];
        if chassis.has_pins() {
            let (answers, answered) = watch::channel(false);
            tasks.push(tokio::spawn(ask(pbx.clone(), answers)));
            let (chassis, phase) = (Arc::clone(&chassis), Arc::clone(&phase));
            tasks.push(tokio::spawn(tell(chassis, phase, pbx, answered, updates)));
        }
        Minder {
            chassis,
            phase,
            tasks,
        }
    }

    fn set(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// The gateway takes calls.
    pub(crate) fn serving(&self) {
        self.set(Phase::Serving);
    }

    /// It stops; its calls are to be ended now.
    pub(crate) fn stopping(&self) {
        self.set(Phase::Stopping);
    }

    /// Releases the relay and switches the lights off.
    pub(crate) async fn stop(self) {
        for task in self.tasks {
            task.abort();
            // Whatever it was, it has let go of the chassis then.
            let _ = task.await;
        }
        let Some(chassis) = Arc::into_inner(self.chassis) else {
            return tracing::error!("the chassis is still in use: its relay is not released");
        };
        if let Err(error) = tokio::task::spawn_blocking(move || chassis.stop()).await {
            tracing::error!(%error, "the chassis was not stopped");
        }
    }
}

/// Asks call control again and again whether it answers.
async fn ask(pbx: Pbx, answers: watch::Sender<bool>) {
    let mut ticks = interval(QUESTION);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let alive = pbx.is_alive().await;
        answers.send_if_modified(|answered| std::mem::replace(answered, alive) != alive);
    }
}

async fn tell(
    chassis: Arc<Chassis>,
    phase: Arc<Mutex<Phase>>,
    pbx: Pbx,
    answered: watch::Receiver<bool>,
    updates: watch::Receiver<ramal_update::State>,
) {
    let mut ticks = interval(NEWS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let updating = matches!(
            updates.borrow().phase,
            UpdatePhase::Installing
                | UpdatePhase::Installed
                | UpdatePhase::Restarting
                | UpdatePhase::OnTrial
        );
        chassis.tell(Gateway {
            phase: *phase.lock().unwrap_or_else(PoisonError::into_inner),
            healthy: *answered.borrow(),
            updating,
            worst: pbx.worst_alarm(),
            ports: pbx.lines(),
        });
    }
}

/// Keeps the alarms in line with what the chassis finds.
async fn follow(mut state: watch::Receiver<State>, pbx: Pbx) {
    let mut raised = BTreeSet::new();
    loop {
        let found = state
            .borrow_and_update()
            .alarms(Timestamp::now().as_millisecond());
        let ids: BTreeSet<String> = found.iter().map(|alarm| alarm.id.clone()).collect();
        for gone in raised.difference(&ids) {
            pbx.clear_alarm(gone);
        }
        for alarm in found {
            pbx.raise_alarm(alarm);
        }
        raised = ids;
        if state.changed().await.is_err() {
            return;
        }
    }
}
