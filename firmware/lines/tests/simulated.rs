//! Calls over simulated lines, in simulated time.
#![allow(missing_docs, clippy::unwrap_used)]

use ramal_dsp::{CountryTones, FRAME_SAMPLES, Goertzel, Law, SAMPLE_RATE, Tone};
use ramal_lines::{
    CallerId, Command, Event, LineTone, Port, PortAudio, PortKind,
    simulated::{Hand, SimulatedConfig, Simulation},
};
use tokio::sync::mpsc;

/// A simulation and somebody who holds one of its ports.
struct Bench {
    simulation: Simulation,
    ports: Vec<Port>,
    hands: Vec<mpsc::Sender<Hand>>,
    audio: PortAudio,
    held: usize,
    /// What the gateway says.
    voice: Option<Tone>,
    /// Everything heard since the last look.
    heard: Vec<i16>,
}

impl Bench {
    fn new(country: &str, kind: PortKind) -> Bench {
        let config = SimulatedConfig {
            country: country.parse().unwrap(),
            ..SimulatedConfig::default()
        };
        let (simulation, ports, hands) = Simulation::new(&config);
        let held = ports.iter().position(|port| port.kind() == kind).unwrap();
        let audio = ports[held].audio();
        Bench {
            simulation,
            ports,
            hands,
            audio,
            held,
            voice: None,
            heard: Vec::new(),
        }
    }

    fn command(&self, command: Command) {
        self.ports[self.held].command(command).unwrap();
    }

    /// Lets time go by.
    fn pass(&mut self, milliseconds: u32) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..milliseconds / 20 {
            let mut samples = [0; FRAME_SAMPLES];
            if let Some(voice) = &mut self.voice {
                voice.fill(&mut samples);
            }
            let (mut transmit, mut receive) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
            Law::A.encode(&samples, &mut transmit);
            self.audio.exchange(&transmit, &mut receive);
            self.simulation.tick();
            Law::A.decode(&receive, &mut samples);
            self.heard.extend(samples);
            while let Ok(event) = self.ports[self.held].events().try_recv() {
                events.push(event);
            }
        }
        events
    }

    /// Lets time go by until an event comes, at most a minute; how many milliseconds it took.
    fn until(&mut self, wanted: &Event) -> u32 {
        for tick in 0..3000 {
            if self.pass(20).contains(wanted) {
                return tick * 20;
            }
        }
        panic!("{wanted:?} never came");
    }

    /// Level of a frequency in what was heard in the next `milliseconds`, dBm0.
    fn level(&mut self, frequency: f64, milliseconds: u32) -> f64 {
        self.heard.clear();
        self.pass(milliseconds);
        let mut meter = Goertzel::new(frequency, SAMPLE_RATE);
        meter.feed(&self.heard);
        meter.level_dbm0()
    }

    fn dial(&mut self, number: &str) {
        self.command(Command::Seize);
        self.pass(400);
        self.command(Command::Dial(number.into()));
        self.until(&Event::DialFinished);
    }
}

/// Level of each frequency of a country's dial tone, dBm0.
fn dial_level(country: &str) -> f64 {
    CountryTones::of(country).unwrap().dial.level
}

#[test]
fn dial_tone_comes_after_seizing_and_goes_with_the_first_key() {
    for (country, frequency) in [("BR", 425.0), ("US", 350.0), ("CL", 400.0)] {
        let mut bench = Bench::new(country, PortKind::Fxo);
        assert!(bench.level(frequency, 200) < -60.0);
        bench.command(Command::Seize);
        bench.pass(200);
        assert!(
            (bench.level(frequency, 1000) - dial_level(country)).abs() < 1.0,
            "{country}"
        );
        bench.command(Command::Dial("0".into()));
        bench.until(&Event::DialFinished);
        assert!(bench.level(frequency, 400) < -60.0);
        assert!(bench.simulation.status()[0].off_hook && !bench.simulation.status()[1].off_hook);
    }
}

#[test]
fn an_answered_call_is_signalled_by_polarity_and_echoes() {
    let mut bench = Bench::new("BR", PortKind::Fxo);
    bench.dial("0100");
    let ringback = CountryTones::of("BR").unwrap().ringback;
    assert!((bench.level(425.0, 800) - ringback.level).abs() < 1.0);
    let events = bench.pass(1000);
    assert_eq!(events, [Event::PolarityReversed, Event::Answered]);
    bench.voice = Some(Tone::new(440.0, -10.0, SAMPLE_RATE));
    bench.pass(200);
    assert!((bench.level(440.0, 1000) + 10.0).abs() < 0.5, "echo");
    bench.command(Command::HangUp);
    assert_eq!(bench.pass(1000), []);
    assert!(!bench.simulation.status()[0].off_hook);
}

#[test]
fn the_milliwatt_number_sends_1004_hz() {
    let mut bench = Bench::new("BR", PortKind::Fxo);
    bench.dial("0103");
    bench.until(&Event::Answered);
    bench.pass(100);
    assert!((bench.level(1004.0, 1000) + 10.0).abs() < 0.2);
}

#[test]
fn a_busy_number_is_heard_as_busy_in_every_country() {
    for country in ["BR", "ID", "ES", "AR", "MX", "US", "GB", "PT", "CL"] {
        let mut bench = Bench::new(country, PortKind::Fxo);
        bench.dial("0101");
        assert!(bench.until(&Event::BusyTone) < 6000, "{country}");
    }
}

#[test]
fn a_number_that_rings_is_never_answered_and_turns_busy() {
    let mut bench = Bench::new("BR", PortKind::Fxo);
    bench.dial("0102");
    assert_eq!(bench.pass(59_000), []);
    bench.until(&Event::BusyTone);
}

#[test]
fn a_far_end_that_hangs_up_is_noticed_once_and_then_heard() {
    let mut bench = Bench::new("BR", PortKind::Fxo);
    bench.dial("0104");
    bench.until(&Event::Answered);
    let after = bench.until(&Event::FarEndHungUp);
    assert!((2900..3200).contains(&after), "{after}");
    assert_eq!(bench.pass(4000), [Event::BusyTone]);
}

#[test]
fn an_unknown_number_gives_the_special_information_tone() {
    let mut bench = Bench::new("BR", PortKind::Fxo);
    bench.dial("30001234");
    let levels: Vec<f64> = [950.0, 1400.0, 1800.0]
        .into_iter()
        .map(|frequency| {
            let mut bench = Bench::new("BR", PortKind::Fxo);
            bench.dial("30001234");
            bench.pass(2800);
            bench.level(frequency, 2000)
        })
        .collect();
    let information = CountryTones::of("BR").unwrap().special_information;
    // A sixth of the time, so 15.6 dB below the level of the tone in a meter of the whole time.
    assert!(
        levels
            .iter()
            .all(|level| (level - (information.level - 15.6)).abs() < 2.0),
        "{levels:?}"
    );
    bench.until(&Event::BusyTone);
}

#[test]
fn a_line_nobody_dials_on_turns_busy() {
    let mut bench = Bench::new("BR", PortKind::Fxo);
    bench.command(Command::Seize);
    let after = bench.until(&Event::BusyTone);
    assert!((15_000..18_000).contains(&after), "{after}");
}

#[test]
fn the_call_back_number_rings_with_caller_id_and_talks() {
    let mut bench = Bench::new("BR", PortKind::Fxo);
    bench.dial("0105");
    bench.until(&Event::Answered);
    bench.command(Command::HangUp);
    let after = bench.until(&Event::RingStarted);
    assert!((1900..2200).contains(&after), "{after}");
    let caller = CallerId {
        number: "1155550105".into(),
        name: "Central".into(),
    };
    bench.until(&Event::CallerId(caller));
    assert!(bench.simulation.status()[0].ringing);
    bench.command(Command::Answer);
    bench.voice = Some(Tone::new(1000.0, -10.0, SAMPLE_RATE));
    bench.pass(200);
    assert!((bench.level(1000.0, 500) + 10.0).abs() < 0.5);
    assert!(!bench.simulation.status()[0].ringing);
}

#[test]
fn a_caller_who_gives_up_is_noticed() {
    let mut bench = Bench::new("BR", PortKind::Fxo);
    bench.dial("0105");
    bench.until(&Event::Answered);
    bench.command(Command::HangUp);
    bench.until(&Event::RingStarted);
    let after = bench.until(&Event::RingStopped);
    assert!((30_000..36_500).contains(&after), "{after}");
}

#[test]
fn a_flash_in_time_is_no_hang_up_for_the_gateway() {
    let mut bench = Bench::new("BR", PortKind::Fxo);
    bench.command(Command::Seize);
    bench.pass(200);
    bench.command(Command::Flash);
    bench.pass(600);
    assert!(bench.simulation.status()[0].off_hook);
}

#[test]
fn commands_that_make_no_sense_change_nothing() {
    let mut bench = Bench::new("BR", PortKind::Fxo);
    for command in [
        Command::HangUp,
        Command::Dial("0100".into()),
        Command::Flash,
        Command::Ring(CallerId::default().into()),
        Command::StopRinging,
        Command::Tone(Some(LineTone::Busy)),
    ] {
        bench.command(command);
    }
    assert_eq!(bench.pass(2000), []);
    assert!(!bench.simulation.status()[0].off_hook);
    bench.dial("0x1é0,0");
    bench.until(&Event::Answered);
}

#[test]
fn a_telephone_answers_after_the_second_ring_and_talks() {
    let mut bench = Bench::new("BR", PortKind::Fxs);
    let caller = CallerId {
        number: "2001".into(),
        name: "Portaria".into(),
    };
    bench.command(Command::Ring(caller.into()));
    let after = bench.until(&Event::OffHook);
    assert!((5500..6000).contains(&after), "{after}");
    bench.pass(100);
    assert!((bench.level(440.0, 1000) + 10.0).abs() < 0.5);
    bench.command(Command::HangUp);
    let after = bench.until(&Event::OnHook);
    assert!((1000..3000).contains(&after), "{after}");
    assert!(bench.level(440.0, 500) < -60.0);
}

#[test]
fn a_telephone_that_rings_once_is_not_taken() {
    let mut bench = Bench::new("BR", PortKind::Fxs);
    for _ in 0..3 {
        bench.command(Command::Ring(CallerId::default().into()));
        bench.pass(2000);
        bench.command(Command::StopRinging);
        assert_eq!(bench.pass(7000), []);
    }
}

#[test]
fn a_lifted_telephone_hears_dial_tone_and_dials() {
    let mut bench = Bench::new("BR", PortKind::Fxs);
    let hand = bench.hands[0].clone();
    hand.try_send(Hand::Lift).unwrap();
    bench.until(&Event::OffHook);
    bench.command(Command::Tone(Some(LineTone::Dial)));
    bench.pass(100);
    hand.try_send(Hand::Press("2001#".into())).unwrap();
    let keys: Vec<Event> = bench.pass(2000);
    assert_eq!(keys, ['2', '0', '0', '1', '#'].map(Event::Digit));
    hand.try_send(Hand::Recall).unwrap();
    assert_eq!(bench.pass(1000), [Event::Flash]);
    hand.try_send(Hand::PutDown).unwrap();
    assert_eq!(bench.pass(1000), [Event::OnHook]);
}

#[test]
fn a_telephone_put_on_busy_tone_is_put_down() {
    let mut bench = Bench::new("ID", PortKind::Fxs);
    bench.hands[0].try_send(Hand::Lift).unwrap();
    bench.until(&Event::OffHook);
    bench.command(Command::Tone(Some(LineTone::Busy)));
    assert!(bench.until(&Event::OnHook) < 8000);
}
