//! The chassis of the machine it runs on: a thread for the pins, and one for what is measured.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ramal_lines::alsa_gpio::{GpioInput, GpioOutput, SharedChip};
use tokio::sync::watch;

use crate::board::Board;
use crate::button::{AtStart, Button};
use crate::front::{Front, FrontPins};
use crate::sensors::{Places, Sensors};
use crate::state::{Gateway, LifelineState, State};

/// From one look at the pins to the next: a fifth of the shortest bounce that is to be seen through.
pub const TICK: Duration = Duration::from_millis(10);
/// From one measurement to the next.
pub const MEASURE: Duration = Duration::from_secs(5);

/// What the gateway has told, and when.
type Told = Arc<Mutex<(Gateway, Instant)>>;

/// A thread, and what ends it when dropped.
#[derive(Debug)]
struct Worker {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn start(name: &str, work: impl FnOnce(Receiver<()>) + Send + 'static) -> io::Result<Self> {
        let (stop, stopped) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(stopped))?;
        Ok(Worker {
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    fn end(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a thread of the chassis has failed");
        }
    }
}

/// Whether the time has passed and the work goes on.
fn goes_on(stopped: &Receiver<()>, time: Duration) -> bool {
    stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
}

/// The chassis at work. [`Chassis::stop`] ends it in order: blocking, so not on a thread of tasks.
#[derive(Debug)]
pub struct Chassis {
    told: Told,
    state: watch::Receiver<State>,
    at_start: watch::Receiver<AtStart>,
    front: Option<Worker>,
    sensors: Worker,
}

impl Chassis {
    /// Starts it: the relay is released, the status light shows that the gateway starts, and the button is looked at.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(board: Board, data: &Path) -> io::Result<Self> {
        let now = Instant::now();
        let told: Told = Arc::new(Mutex::new((Gateway::default(), now)));
        let (publish, state) = watch::channel(State::default());
        let publish = Arc::new(publish);
        let (decide, at_start) = watch::channel(match board.reset_button {
            Some(_) => AtStart::Counting(Duration::ZERO),
            None => AtStart::GoOn,
        });
        let front = match pins(&board) {
            Some(pins) => {
                let (told, publish) = (Arc::clone(&told), Arc::clone(&publish));
                let work = move |stopped| watch_front(pins, &told, &publish, &decide, &stopped);
                Some(Worker::start("chassis-front", work)?)
            }
            None => None,
        };
        let mut sensors = Sensors::new(Places::of_machine(data), board.sensors, now);
        let sensors = Worker::start("chassis-sensors", move |stopped| {
            loop {
                let measured = sensors.measure(Instant::now());
                publish.send_if_modified(|state| {
                    let changed = state.temperatures != measured.temperatures
                        || state.disk != measured.disk
                        || state.watchdog != measured.watchdog;
                    state.temperatures = measured.temperatures;
                    state.disk = measured.disk;
                    state.watchdog = measured.watchdog;
                    changed
                });
                if !goes_on(&stopped, MEASURE) {
                    return;
                }
            }
        })?;
        Ok(Chassis {
            told,
            state,
            at_start,
            front,
            sensors,
        })
    }

    /// Whether it has lights, a button or a relay, for which it matters how the gateway is.
    #[must_use]
    pub fn has_pins(&self) -> bool {
        self.front.is_some()
    }

    /// Tells it how the gateway is. When that is not told for [`crate::STALE`] the gateway is taken for hung.
    pub fn tell(&self, gateway: Gateway) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = (gateway, Instant::now());
    }

    /// Its state, and changes of it.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// What the button says at the start, until that is [`AtStart::GoOn`] or [`AtStart::Reset`].
    #[must_use]
    pub fn at_start(&self) -> watch::Receiver<AtStart> {
        self.at_start.clone()
    }

    /// Releases the relay, switches the lights off and ends the threads. Waits for them: a bus may take its time.
    pub fn stop(mut self) {
        if let Some(front) = &mut self.front {
            front.end();
        }
        self.sensors.end();
    }
}

/// However it ends: the relay first.
impl Drop for Chassis {
    fn drop(&mut self) {
        if let Some(front) = &mut self.front {
            front.end();
        }
    }
}

/// The pins of a board; none when it has none.
fn pins(board: &Board) -> Option<FrontPins<GpioInput, GpioOutput>> {
    let chip = SharedChip::new(board.pins.as_deref()?);
    let output = |pin| chip.output(board.pin(pin));
    let input = |pin| chip.input(board.pin(pin));
    let lights = board.port_lights.iter();
    Some(FrontPins {
        status: board.status.map(output),
        alarm: board.alarm.map(output),
        reset_button: board.reset_button.map(input),
        lifeline: board.lifeline.clone().map(|lifeline| {
            let relay = output(lifeline.relay);
            let in_use = lifeline.in_use.map(input);
            (lifeline, relay, in_use)
        }),
        ports: lights
            .map(|light| (light.port.clone(), output(light.pin)))
            .collect(),
    })
}

/// What a support file has to say about when a telephone was wired past the gateway, and who was at its button.
fn log_changes(before: &State, lifeline: Option<&LifelineState>, button: Option<Button>) {
    let was = before.lifeline.as_ref();
    if let Some(is) = lifeline
        && was.is_some_and(|was| was.energised != is.energised)
    {
        let (energised, reason) = (is.energised, is.reason);
        tracing::info!(energised, ?reason, "the lifeline's relay has changed");
    }
    if before.reset_button.is_some() && before.reset_button != button {
        tracing::info!(?button, "the reset button has changed");
    }
}

fn watch_front(
    pins: FrontPins<GpioInput, GpioOutput>,
    told: &Told,
    publish: &watch::Sender<State>,
    decide: &watch::Sender<AtStart>,
    stopped: &Receiver<()>,
) {
    let mut front = Front::new(pins, Instant::now());
    loop {
        let now = Instant::now();
        {
            let told = told.lock().unwrap_or_else(PoisonError::into_inner);
            let (gateway, at) = (told.0.clone(), told.1);
            drop(told);
            front.look(now, &gateway, at);
        }
        let at_start = front.at_start();
        decide.send_if_modified(|decided| std::mem::replace(decided, at_start) != at_start);
        let (lifeline, button) = (front.lifeline(), front.button(now));
        let fault = front.fault(now).map(str::to_owned);
        log_changes(&publish.borrow(), lifeline.as_ref(), button);
        publish.send_if_modified(|state| {
            let changed = state.lifeline != lifeline
                || state.reset_button != button
                || state.pins_fault != fault;
            if changed {
                state.lifeline = lifeline;
                state.reset_button = button;
                state.pins_fault = fault;
            }
            changed
        });
        if !goes_on(stopped, TICK) {
            return front.let_go();
        }
    }
}
