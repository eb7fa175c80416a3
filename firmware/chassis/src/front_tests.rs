//! A chassis on pins of memory, under a clock that is handed on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use embedded_hal::digital::{ErrorKind, ErrorType};
use ramal_lines::{LineFault, PortStatus};

use super::*;
use crate::button::HOLD;
use crate::light::tests::port;

/// A chip of pins by their names; one that is out refuses.
#[derive(Clone, Default)]
struct Chip(Rc<RefCell<Pins>>);

#[derive(Default)]
struct Pins {
    levels: BTreeMap<&'static str, bool>,
    /// How often each was set.
    writes: BTreeMap<&'static str, u32>,
    out: bool,
}

struct Pin(Chip, &'static str);

#[derive(Debug)]
struct Out;

impl std::fmt::Display for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the chip is out")
    }
}

impl embedded_hal::digital::Error for Out {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for Pin {
    type Error = Out;
}

impl InputPin for Pin {
    fn is_high(&mut self) -> Result<bool, Out> {
        let pins = self.0.0.borrow();
        match pins.out {
            true => Err(Out),
            false => Ok(pins.levels.get(self.1).copied().unwrap_or(false)),
        }
    }

    fn is_low(&mut self) -> Result<bool, Out> {
        self.is_high().map(|high| !high)
    }
}

impl OutputPin for Pin {
    fn set_high(&mut self) -> Result<(), Out> {
        let mut pins = self.0.0.borrow_mut();
        if pins.out {
            return Err(Out);
        }
        pins.levels.insert(self.1, true);
        *pins.writes.entry(self.1).or_default() += 1;
        Ok(())
    }

    fn set_low(&mut self) -> Result<(), Out> {
        let mut pins = self.0.0.borrow_mut();
        if pins.out {
            return Err(Out);
        }
        pins.levels.insert(self.1, false);
        *pins.writes.entry(self.1).or_default() += 1;
        Ok(())
    }
}

struct Bench {
    chip: Chip,
    front: Front<Pin, Pin>,
    now: Instant,
    gateway: Gateway,
    /// Whether the gateway tells anything.
    tells: bool,
    told: Instant,
}

const TICK: Duration = Duration::from_millis(10);

impl Bench {
    fn new(pulse_ms: Option<u64>) -> Self {
        let (chip, now) = (Chip::default(), Instant::now());
        let pin = |name| Pin(chip.clone(), name);
        let board = LifelineRelay {
            relay: 0,
            pulse_ms,
            in_use: Some(1),
            ports: vec!["FXS 1".into(), "FXO 1".into()],
        };
        let pins = FrontPins {
            status: Some(pin("status")),
            alarm: Some(pin("alarm")),
            reset_button: Some(pin("button")),
            lifeline: Some((board, pin("relay"), Some(pin("in use")))),
            ports: vec![("FXS 1".into(), pin("FXS 1"))],
        };
        Bench {
            front: Front::new(pins, now),
            chip,
            now,
            gateway: Gateway::default(),
            tells: true,
            told: now,
        }
    }

    /// A gateway that serves with both ports, its relay energised.
    fn serving() -> Self {
        let mut bench = Self::new(None);
        bench.pass(Duration::from_secs(1));
        bench.gateway = Gateway {
            phase: Phase::Serving,
            healthy: true,
            ports: vec![port("FXS 1"), port("FXO 1")],
            ..Gateway::default()
        };
        bench.pass(Duration::from_secs(3));
        assert!(bench.level("relay"));
        bench
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += TICK;
            if self.tells {
                self.told = self.now;
            }
            self.front.look(self.now, &self.gateway, self.told);
        }
    }

    fn level(&self, pin: &str) -> bool {
        self.chip.0.borrow().levels.get(pin).copied() == Some(true)
    }

    fn pull(&self, pin: &'static str, high: bool) {
        self.chip.0.borrow_mut().levels.insert(pin, high);
    }

    fn writes(&self, pin: &str) -> u32 {
        self.chip.0.borrow().writes.get(pin).copied().unwrap_or(0)
    }

    fn port(&mut self, place: usize) -> &mut PortStatus {
        &mut self.gateway.ports[place]
    }
}

#[test]
fn a_start_releases_the_relay_and_shows_that_it_starts() {
    let mut bench = Bench::new(None);
    bench.pass(Duration::from_millis(200));
    assert_eq!(bench.writes("relay"), 1, "a run before may have left it on");
    assert!(!bench.level("relay"));
    assert!(bench.level("status"));
    assert_eq!(bench.front.at_start(), AtStart::GoOn);
    bench.pass(Duration::from_secs(60));
    assert!(!bench.level("relay"), "not before it serves");
    let lifeline = bench.front.lifeline().unwrap();
    assert_eq!(lifeline.reason, Some(Reason::Starting));
}

#[test]
fn the_button_held_at_the_start_counts_down_and_deletes_when_let_go() {
    let mut bench = Bench::new(None);
    bench.pull("button", true);
    bench.pass(Duration::from_secs(5));
    assert!(matches!(bench.front.at_start(), AtStart::Counting(_)));
    let slow = bench.writes("status");
    bench.pass(HOLD - Duration::from_secs(5));
    assert_eq!(bench.front.at_start(), AtStart::LetGo);
    let faster = bench.writes("status") - slow;
    bench.pass(Duration::from_secs(5));
    let fastest = bench.writes("status") - slow - faster;
    assert!(
        slow < faster && faster < fastest,
        "{slow} {faster} {fastest}"
    );
    bench.pull("button", false);
    bench.pass(Duration::from_millis(100));
    assert_eq!(bench.front.at_start(), AtStart::Reset);
}

#[test]
fn the_button_does_nothing_while_the_gateway_serves() {
    let mut bench = Bench::serving();
    bench.pull("button", true);
    bench.pass(Duration::from_secs(15));
    assert_eq!(bench.front.button(bench.now), Some(Button::Pressed));
    bench.pull("button", false);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.front.button(bench.now), Some(Button::Released));
    assert_eq!(bench.front.at_start(), AtStart::GoOn);
    assert!(bench.level("relay") && bench.level("status"));
}

#[test]
fn the_relay_is_not_released_in_the_middle_of_a_call() {
    let mut bench = Bench::serving();
    bench.port(1).off_hook = true;
    bench.gateway.healthy = false;
    bench.pass(Duration::from_secs(600));
    assert!(bench.level("relay"));
    bench.gateway.phase = Phase::Stopping;
    bench.pass(Duration::from_secs(2));
    assert!(bench.level("relay"));
    bench.port(1).off_hook = false;
    bench.port(0).ringing = true;
    bench.pass(Duration::from_secs(2));
    assert!(
        bench.level("relay"),
        "a telephone that rings is a call, too"
    );
    bench.port(0).ringing = false;
    bench.pass(TICK);
    assert!(!bench.level("relay"));
}

#[test]
fn a_card_that_dies_in_a_call_does_not_keep_the_relay() {
    let mut bench = Bench::serving();
    bench.port(0).off_hook = true;
    bench.pass(Duration::from_secs(10));
    bench.port(0).fault = Some(LineFault::Hardware);
    bench.pass(Duration::from_secs(4));
    assert!(bench.level("relay"), "it may come back");
    bench.pass(Duration::from_secs(2));
    assert!(!bench.level("relay"));
}

#[test]
fn a_gateway_that_says_nothing_any_more_releases_the_relay() {
    let mut bench = Bench::serving();
    bench.tells = false;
    bench.pass(Duration::from_secs(8));
    assert!(bench.level("relay"));
    bench.pass(Duration::from_secs(4));
    assert!(!bench.level("relay"));
    let lifeline = bench.front.lifeline().unwrap();
    assert_eq!(lifeline.reason, Some(Reason::NotHealthy));
    bench.tells = true;
    bench.pass(Duration::from_secs(3));
    assert!(bench.level("relay"));
}

#[test]
fn lines_that_are_not_there_or_in_use_past_the_gateway_keep_it_released() {
    let mut bench = Bench::serving();
    bench.port(0).fault = Some(LineFault::Hardware);
    bench.pass(Duration::from_secs(6));
    assert!(!bench.level("relay"));
    bench.port(0).fault = None;
    bench.pull("in use", true);
    bench.pass(Duration::from_secs(60));
    assert!(!bench.level("relay"));
    let lifeline = bench.front.lifeline().unwrap();
    assert_eq!(lifeline.reason, Some(Reason::CallPastGateway));
    bench.pull("in use", false);
    bench.pass(Duration::from_secs(3));
    assert!(bench.level("relay"));
    bench.gateway.ports.pop();
    bench.pass(Duration::from_secs(6));
    assert!(!bench.level("relay"), "a port of the board is missing");
}

#[test]
fn a_relay_that_wants_pulses_has_them_while_the_thread_runs() {
    let mut bench = Bench::new(Some(100));
    bench.gateway = Bench::serving().gateway;
    bench.pass(Duration::from_secs(3));
    let before = bench.writes("relay");
    bench.pass(Duration::from_secs(10));
    assert_eq!(bench.writes("relay") - before, 100);
}

#[test]
fn lights_show_the_gateway_and_its_ports() {
    let mut bench = Bench::serving();
    assert!(bench.level("status") && !bench.level("alarm") && !bench.level("FXS 1"));
    bench.port(0).off_hook = true;
    bench.gateway.worst = Some(Severity::Major);
    bench.pass(TICK);
    assert!(bench.level("FXS 1") && bench.level("alarm"));
    let before = bench.writes("status");
    bench.pass(Duration::from_secs(10));
    assert_eq!(
        bench.writes("status") - before,
        20,
        "two flashes in two seconds"
    );
    let still = bench.writes("FXS 1");
    bench.pass(Duration::from_secs(10));
    assert_eq!(bench.writes("FXS 1"), still, "a steady light needs no bus");
    bench.gateway.updating = true;
    bench.pass(TICK);
    assert!(bench.level("status"));
    bench.front.let_go();
    assert!(!bench.level("relay") && !bench.level("status") && !bench.level("FXS 1"));
}

#[test]
fn a_chip_that_is_gone_is_told_and_comes_back() {
    let mut bench = Bench::serving();
    bench.chip.0.borrow_mut().out = true;
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.front.fault(bench.now), None);
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.front.fault(bench.now), Some("the chip is out"));
    bench.chip.0.borrow_mut().out = false;
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.front.fault(bench.now), None);
}

#[test]
fn a_chip_that_comes_late_is_waited_for_and_one_that_does_not_is_not() {
    let mut late = Bench::new(None);
    late.chip.0.borrow_mut().out = true;
    late.pull("button", true);
    late.pass(Duration::from_secs(2));
    assert!(matches!(late.front.at_start(), AtStart::Counting(_)));
    late.chip.0.borrow_mut().out = false;
    late.pass(HOLD + Duration::from_millis(100));
    assert_eq!(late.front.at_start(), AtStart::LetGo);

    let mut never = Bench::new(None);
    never.chip.0.borrow_mut().out = true;
    never.pass(Duration::from_secs(4));
    assert_eq!(never.front.at_start(), AtStart::GoOn);
}
