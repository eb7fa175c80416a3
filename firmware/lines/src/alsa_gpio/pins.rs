//! The pins of a line card, read and set by polling.

use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use embedded_hal::digital::{InputPin, OutputPin, PinState};
use ramal_analog::{HardwareCommand, HardwareEvent, Polarity};

use super::{Noticed, Order};

/// The ring detector's coupler conducts in half of each period of the ringing voltage (16 to 50 Hz): without it for this
/// long the voltage is off.
const RING_GONE: Duration = Duration::from_millis(100);
/// Polls in a row that fail before a line is in alarm.
const FAILURES: u32 = 20;

/// Pins of a line to an exchange. All are active when high; those that are not are requested as active-low.
#[derive(Debug)]
pub struct FxoPins<I, O> {
    /// Active in half-waves of ringing voltage.
    pub ring: I,
    /// Active while there is battery; none: it is taken to be there.
    pub battery: Option<I>,
    /// Active while the battery is reversed.
    pub reversed: Option<I>,
    /// Closes the loop.
    pub relay: O,
}

/// Pins of a line to a telephone. All are active when high.
#[derive(Debug)]
pub struct FxsPins<I, O> {
    /// Active while the loop is closed, and when the telephone is lifted while it rings.
    pub hook: I,
    /// Puts ringing voltage on the line.
    pub ring: O,
    /// Feeds the other way round.
    pub reverse: Option<O>,
    /// Cuts the feed.
    pub cut: Option<O>,
}

/// Pins of a line by its kind.
#[derive(Debug)]
pub enum LinePins<I, O> {
    /// To an exchange.
    Fxo(FxoPins<I, O>),
    /// To a telephone.
    Fxs(FxsPins<I, O>),
}

#[derive(Debug)]
struct PolledLine<I, O> {
    pins: LinePins<I, O>,
    /// What was told last.
    ringing: bool,
    last_ring: Option<Instant>,
    battery: bool,
    reversed: bool,
    hook: bool,
    failures: u32,
}

/// Looks at all pins of a card, tells changes, and sets what it is told to.
#[derive(Debug)]
pub struct Poller<I, O> {
    lines: Vec<PolledLine<I, O>>,
    events: SyncSender<Noticed>,
    orders: Receiver<Order>,
}

impl<I: InputPin, O: OutputPin> Poller<I, O> {
    pub(super) fn new(
        lines: Vec<LinePins<I, O>>,
        events: SyncSender<Noticed>,
        orders: Receiver<Order>,
    ) -> Self {
        let lines = lines.into_iter().map(|pins| PolledLine {
            pins,
            ringing: false,
            last_ring: None,
            battery: true,
            reversed: false,
            hook: false,
            failures: 0,
        });
        Poller {
            lines: lines.collect(),
            events,
            orders,
        }
    }

    /// One look, to be had every [`super::POLL`]. May wait for the bus.
    pub fn poll(&mut self, now: Instant) {
        while let Ok(order) = self.orders.try_recv() {
            if let Some(line) = self.lines.get_mut(order.line)
                && line.set(order.command).is_err()
            {
                line.failures += 1;
            }
        }
        for (index, line) in self.lines.iter_mut().enumerate() {
            let events = &self.events;
            line.look(now, |event| {
                let noticed = Noticed {
                    line: index,
                    event,
                    at: now,
                };
                if events.try_send(noticed).is_err() {
                    tracing::warn!(line = index, ?event, "a change of a line was lost");
                }
            });
        }
    }
}

impl<I: InputPin, O: OutputPin> PolledLine<I, O> {
    fn look(&mut self, now: Instant, tell: impl FnMut(HardwareEvent)) {
        let mut tell = tell;
        match self.read(now, &mut tell) {
            Ok(()) => {
                if std::mem::take(&mut self.failures) >= FAILURES {
                    tell(HardwareEvent::Alarm(false));
                }
            }
            Err(()) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures == FAILURES {
                    tell(HardwareEvent::Alarm(true));
                }
            }
        }
    }

    fn read(&mut self, now: Instant, tell: &mut impl FnMut(HardwareEvent)) -> Result<(), ()> {
        match &mut self.pins {
            LinePins::Fxs(pins) => {
                let hook = pins.hook.is_high().map_err(drop)?;
                if hook != std::mem::replace(&mut self.hook, hook) {
                    tell(HardwareEvent::Loop(hook));
                }
            }
            LinePins::Fxo(pins) => {
                if pins.ring.is_high().map_err(drop)? {
                    self.last_ring = Some(now);
                }
                let ringing = self
                    .last_ring
                    .is_some_and(|last| now.saturating_duration_since(last) < RING_GONE);
                if ringing != std::mem::replace(&mut self.ringing, ringing) {
                    tell(HardwareEvent::Ringing(ringing));
                }
                if let Some(pin) = &mut pins.battery {
                    let battery = pin.is_high().map_err(drop)?;
                    if battery != std::mem::replace(&mut self.battery, battery) {
                        tell(HardwareEvent::Battery(battery));
                    }
                }
                if let Some(pin) = &mut pins.reversed {
                    let reversed = pin.is_high().map_err(drop)?;
                    if reversed != std::mem::replace(&mut self.reversed, reversed) {
                        tell(HardwareEvent::Polarity(if reversed {
                            Polarity::Reversed
                        } else {
                            Polarity::Normal
                        }));
                    }
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, command: HardwareCommand) -> Result<(), ()> {
        let pin = |pin: &mut O, on: bool| pin.set_state(PinState::from(on)).map_err(drop);
        match (&mut self.pins, command) {
            (LinePins::Fxo(pins), HardwareCommand::Loop(closed)) => pin(&mut pins.relay, closed),
            (LinePins::Fxs(pins), HardwareCommand::Ring(on)) => pin(&mut pins.ring, on),
            (LinePins::Fxs(pins), HardwareCommand::Polarity(polarity)) => match &mut pins.reverse {
                Some(reverse) => pin(reverse, polarity == Polarity::Reversed),
                None => Ok(()),
            },
            (LinePins::Fxs(pins), HardwareCommand::Battery(on)) => match &mut pins.cut {
                Some(cut) => pin(cut, !on),
                None => Ok(()),
            },
            // These codecs pass on sound all the time.
            _ => Ok(()),
        }
    }
}
