//! Lights, button and relay of a chassis: reads and sets pins for what the gateway tells. No thread and no clock.

use std::fmt::Display;
use std::time::{Duration, Instant};

use embedded_hal::digital::{InputPin, OutputPin, PinState};

use crate::board::LifelineRelay;
use crate::button::{AtStart, Button, Contact, StartButton};
use crate::lifeline::{self, Conditions, Lifeline, Reason};
use crate::light::{self, Pattern, PortLight, Status};
use crate::state::{Gateway, LifelineState, Phase};
use ramal_model::Severity;

/// So long after the last news the gateway is taken for hung.
pub const STALE: Duration = Duration::from_secs(5);
/// So long pins may refuse at the start before it goes on without a button: a chip behind a bus comes late.
const PATIENCE: Duration = Duration::from_secs(3);
/// So long they may refuse before that is told.
const REFUSING: Duration = Duration::from_secs(5);

/// The pins of a chassis; all are active when high, those that are not are requested as active-low.
#[derive(Debug)]
pub struct FrontPins<I, O> {
    /// The status light.
    pub status: Option<O>,
    /// The alarm light.
    pub alarm: Option<O>,
    /// The reset button.
    pub reset_button: Option<I>,
    /// The lifeline: what the board says, its relay, and whether somebody talks through it.
    pub lifeline: Option<(LifelineRelay, O, Option<I>)>,
    /// Lights of ports by the ports' names.
    pub ports: Vec<(String, O)>,
}

/// A light that shows a pattern.
#[derive(Debug)]
struct Light<O> {
    pin: O,
    pattern: Pattern,
    since: Instant,
    /// What the pin was set to last.
    lit: Option<bool>,
}

impl<O: OutputPin> Light<O> {
    fn new(pin: O, now: Instant) -> Self {
        Light {
            pin,
            pattern: Pattern::OFF,
            since: now,
            lit: None,
        }
    }

    fn show(&mut self, now: Instant, pattern: Pattern) -> Result<(), O::Error> {
        if pattern != self.pattern {
            self.pattern = pattern;
            self.since = now;
        }
        set(
            &mut self.pin,
            &mut self.lit,
            pattern.lit(now.saturating_duration_since(self.since)),
        )
    }
}

/// Sets a pin that is not so already: behind it may lie a slow bus.
fn set<O: OutputPin>(pin: &mut O, was: &mut Option<bool>, on: bool) -> Result<(), O::Error> {
    if *was == Some(on) {
        return Ok(());
    }
    *was = None;
    pin.set_state(PinState::from(on))?;
    *was = Some(on);
    Ok(())
}

#[derive(Debug)]
struct Relay<I, O> {
    board: LifelineRelay,
    pin: O,
    in_use: Option<I>,
    set: Option<bool>,
    relay: Lifeline,
    energised_since: Option<Instant>,
    reason: Option<Reason>,
}

/// Lights, button and relay.
#[derive(Debug)]
pub struct Front<I, O> {
    status: Option<Light<O>>,
    alarm: Option<Light<O>>,
    ports: Vec<(String, Light<O>)>,
    button: Option<I>,
    contact: Contact,
    start: StartButton,
    at_start: AtStart,
    relay: Option<Relay<I, O>>,
    began: Instant,
    /// Since when pins refuse, and why.
    refusing: Option<(Instant, String)>,
}

impl<I: InputPin<Error: Display>, O: OutputPin<Error: Display>> Front<I, O> {
    /// The gateway starts.
    #[must_use]
    pub fn new(pins: FrontPins<I, O>, now: Instant) -> Self {
        let light = |pin| Light::new(pin, now);
        let ports = pins.ports.into_iter();
        Front {
            status: pins.status.map(light),
            alarm: pins.alarm.map(light),
            ports: ports.map(|(name, pin)| (name, light(pin))).collect(),
            at_start: match pins.reset_button {
                Some(_) => AtStart::Counting(Duration::ZERO),
                None => AtStart::GoOn,
            },
            button: pins.reset_button,
            contact: Contact::new(now),
            start: StartButton::new(now),
            relay: pins.lifeline.map(|(board, pin, in_use)| Relay {
                board,
                pin,
                in_use,
                set: None,
                relay: Lifeline::default(),
                energised_since: None,
                reason: Some(Reason::Starting),
            }),
            began: now,
            refusing: None,
        }
    }

    /// One look at all pins, given what the gateway has told last, and when. To be had every [`crate::TICK`]; may wait for a bus.
    pub fn look(&mut self, now: Instant, gateway: &Gateway, told: Instant) {
        let mut trouble = None;
        self.look_at_button(now, &mut trouble);
        self.look_at_relay(now, gateway, told, &mut trouble);
        self.show(now, gateway, &mut trouble);
        self.refusing = match (trouble, self.refusing.take()) {
            (None, _) => None,
            (Some(why), Some((since, _))) => Some((since, why)),
            (Some(why), None) => Some((now, why)),
        };
    }

    fn look_at_button(&mut self, now: Instant, trouble: &mut Option<String>) {
        let Some(button) = &mut self.button else {
            return;
        };
        let deciding = !matches!(self.at_start, AtStart::GoOn | AtStart::Reset);
        match button.is_high() {
            Ok(pressed) => {
                self.contact.look(now, pressed);
                if deciding {
                    self.at_start = self.start.look(now, pressed);
                }
            }
            Err(error) => {
                *trouble = Some(error.to_string());
                if deciding {
                    // What cannot be read is not held; the chip may come yet.
                    self.start = StartButton::new(now);
                    let waited = now.saturating_duration_since(self.began);
                    self.at_start = match waited < PATIENCE {
                        true => AtStart::Counting(Duration::ZERO),
                        false => AtStart::GoOn,
                    };
                }
            }
        }
    }

    fn look_at_relay(
        &mut self,
        now: Instant,
        gateway: &Gateway,
        told: Instant,
        trouble: &mut Option<String>,
    ) {
        let Some(relay) = &mut self.relay else {
            return;
        };
        let bypassed = match &mut relay.in_use {
            Some(pin) => match pin.is_high() {
                Ok(in_use) => Some(in_use),
                Err(error) => {
                    *trouble = Some(error.to_string());
                    // Somebody may be talking.
                    Some(true)
                }
            },
            None => None,
        };
        let behind = |name: &String| gateway.ports.iter().find(|port| port.name == *name);
        let ports = || relay.board.ports.iter().map(behind);
        let fresh = now.saturating_duration_since(told) < STALE;
        let conditions = Conditions {
            ready: gateway.phase != Phase::Starting
                && ports().all(|port| port.is_some_and(light::works)),
            healthy: gateway.healthy && fresh,
            // A card that died while its telephone was lifted never tells that it was put down.
            calls: ports()
                .flatten()
                .any(|port| light::works(port) && (port.off_hook || port.ringing)),
            bypassed,
            stopping: gateway.phase == Phase::Stopping,
        };
        let energised = relay.relay.look(now, conditions);
        relay.reason = match (energised, gateway.phase) {
            (true, _) => None,
            (false, Phase::Starting) => Some(Reason::Starting),
            (false, _) => Lifeline::reason(conditions),
        };
        let since = match energised {
            true => *relay.energised_since.get_or_insert(now),
            false => {
                relay.energised_since = None;
                now
            }
        };
        let energised_for = now.saturating_duration_since(since);
        let level = lifeline::level(energised, relay.board.pulse(), energised_for);
        if let Err(error) = set(&mut relay.pin, &mut relay.set, level) {
            *trouble = Some(error.to_string());
        }
    }

    /// What the status light shows.
    fn status(&self, gateway: &Gateway) -> Status {
        match (self.at_start, gateway.phase) {
            (AtStart::Counting(held), Phase::Starting) if !held.is_zero() => {
                Status::Countdown(held)
            }
            (AtStart::LetGo, Phase::Starting) => Status::LetGo,
            (_, Phase::Starting) => Status::Starting,
            (_, Phase::Stopping) => Status::Stopping,
            (_, Phase::Serving) if gateway.updating => Status::Update,
            (_, Phase::Serving) if gateway.worst >= Some(Severity::Major) => Status::Alarm,
            (_, Phase::Serving) => Status::Serving,
        }
    }

    fn show(&mut self, now: Instant, gateway: &Gateway, trouble: &mut Option<String>) {
        let status = self.status(gateway).pattern();
        let alarm = light::alarm_pattern(gateway.worst);
        let mut show = |light: &mut Light<O>, pattern| {
            if let Err(error) = light.show(now, pattern) {
                *trouble = Some(error.to_string());
            }
        };
        if let Some(light) = &mut self.status {
            show(light, status);
        }
        if let Some(light) = &mut self.alarm {
            show(light, alarm);
        }
        for (name, light) in &mut self.ports {
            let port = gateway.ports.iter().find(|port| port.name == *name);
            show(light, PortLight::of(port).pattern());
        }
    }

    /// What the button said at the start.
    #[must_use]
    pub fn at_start(&self) -> AtStart {
        self.at_start
    }

    /// The button; none: there is none.
    #[must_use]
    pub fn button(&self, now: Instant) -> Option<Button> {
        self.button.as_ref().map(|_| self.contact.state(now))
    }

    /// The relay; none: there is none.
    #[must_use]
    pub fn lifeline(&self) -> Option<LifelineState> {
        self.relay.as_ref().map(|relay| LifelineState {
            energised: relay.relay.energised(),
            reason: relay.reason,
            ports: relay.board.ports.clone(),
        })
    }

    /// Why pins do not work, if they have not for some time.
    #[must_use]
    pub fn fault(&self, now: Instant) -> Option<&str> {
        let (since, why) = self.refusing.as_ref()?;
        (now.saturating_duration_since(*since) >= REFUSING).then_some(why.as_str())
    }

    /// Releases the relay and switches the lights off, when the program ends: calls have ended.
    pub fn let_go(&mut self) {
        if let Some(relay) = &mut self.relay {
            let _ = relay.pin.set_low();
        }
        let lights = self.status.iter_mut().chain(self.alarm.iter_mut());
        for light in lights.chain(self.ports.iter_mut().map(|(_, light)| light)) {
            let _ = light.pin.set_low();
        }
    }
}

#[cfg(test)]
#[path = "front_tests.rs"]
mod tests;
