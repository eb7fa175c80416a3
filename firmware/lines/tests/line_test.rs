//! The automatic test of a line to an exchange (J5), on the simulated exchange in simulated time.
#![allow(missing_docs, clippy::unwrap_used)]

use ramal_analog::FarEndTest;
use ramal_lines::{
    Command, Event, LineTestNews, LineTestReport, LineTrouble, Port,
    simulated::{Fault, SimulatedConfig, Simulation},
};
use ramal_model::{AnswerDetection, DialToneRule, FxoSettings, KeySending};

/// A test lasts no longer than this, in blocks of 20 ms.
const LONGEST: usize = 20_000;
/// How long the other port talks before it hangs up, in blocks.
const TALKS: u32 = 150;

struct Bench {
    simulation: Simulation,
    ports: Vec<Port>,
    settings: FxoSettings,
    report: LineTestReport,
    /// What came beside news of the test.
    beside: Vec<Event>,
    /// The second port takes a call and hangs up.
    partner: bool,
    talked: Option<u32>,
}

fn country(code: &str) -> ramal_model::Country {
    code.parse().unwrap()
}

impl Bench {
    /// A gateway whose exchange is in one country, and its ports set for another.
    fn between(exchange: &str, port: &str) -> Bench {
        let (simulation, ports, _) = Simulation::new(&SimulatedConfig {
            country: country(exchange),
            ..SimulatedConfig::default()
        });
        let settings = FxoSettings {
            country: country(port),
            ..FxoSettings::default()
        };
        for port in &ports[..2] {
            let settings = Box::new(settings.clone());
            port.command(Command::ConfigureFxo(settings)).unwrap();
        }
        Bench {
            simulation,
            ports,
            settings,
            report: LineTestReport::default(),
            beside: Vec::new(),
            partner: false,
            talked: None,
        }
    }

    fn of(code: &str) -> Bench {
        Bench::between(code, code)
    }

    fn begin(&self, far_end: FarEndTest) {
        self.ports[0]
            .command(Command::Test {
                quiet_key: '5',
                far_end,
            })
            .unwrap();
    }

    /// One block; whether the test is over in it.
    fn tick(&mut self) -> bool {
        self.simulation.tick();
        let mut over = false;
        while let Ok(event) = self.ports[0].events().try_recv() {
            match event {
                Event::Test(LineTestNews::Finished) => over = true,
                Event::Test(LineTestNews::Found(found)) => {
                    self.report.note(&found, self.settings.country);
                }
                Event::Test(LineTestNews::Trouble(fault)) => self.report.trouble(fault.into()),
                Event::Test(LineTestNews::Step(_)) => {}
                other => self.beside.push(other),
            }
        }
        while let Ok(event) = self.ports[1].events().try_recv() {
            if self.partner && event == Event::RingStarted {
                self.ports[1].command(Command::Answer).unwrap();
                self.talked = Some(0);
            }
        }
        if let Some(talked) = &mut self.talked {
            *talked += 1;
            if *talked == TALKS {
                self.ports[1].command(Command::HangUp).unwrap();
            }
        }
        over
    }

    fn run(&mut self) -> LineTestReport {
        let blocks = (0..LONGEST).position(|_| self.tick());
        assert!(blocks.is_some(), "never over: {:?}", self.report);
        // Everything is as before: the line is free and can be used.
        (0..100).for_each(|_| {
            self.simulation.tick();
        });
        assert!(!self.simulation.status()[0].off_hook);
        self.report.clone()
    }

    /// Tests the line by a call to the second port.
    fn with_partner(&mut self) -> LineTestReport {
        self.partner = true;
        self.begin(FarEndTest::Dial("0202".parse().unwrap()));
        self.run();
        assert!(self.talked.is_some(), "the partner never rang");
        self.report.answered = true;
        self.report.clone()
    }

    fn troubles(&self) -> Vec<LineTrouble> {
        let troubles = self.report.troubles.iter();
        troubles.map(|found| found.trouble).collect()
    }
}

#[test]
fn j5_a_call_between_two_ports_tells_everything_in_every_country() {
    for code in ["BR", "US", "ES", "GB", "MX", "CO", "PY", "ID"] {
        let mut bench = Bench::of(code);
        bench.simulation.set_wires(0, 0.0, 14.0);
        let report = bench.with_partner();
        assert_eq!(report.troubles, [], "{code}");
        let dial_tone = report.dial_tone.unwrap();
        assert!(dial_tone.of_country, "{code}: {dial_tone:?}");
        assert!((-11.0..-7.0).contains(&dial_tone.level), "{dial_tone:?}");
        assert!(dial_tone.after_ms < 300, "{code}: {dial_tone:?}");
        assert_eq!(report.takes_tones, Some(true), "{code}");
        assert!(report.noise.unwrap() < -60.0, "{code}: {report:?}");
        let echo = report.echo.unwrap();
        assert!((echo.return_loss - 14.0).abs() < 1.0, "{code}: {echo:?}");
        assert!(report.answer_reversal && report.hang_up_reversal, "{code}");
        let cut = report.loop_interruption_ms.unwrap();
        assert!(cut.abs_diff(600) <= 40, "{code}: {cut}");
        let tone = report.hang_up_tone.unwrap();
        assert!(tone.of_country, "{code}: {tone:?}");
        let settings = report.settings(&bench.settings);
        assert_eq!(settings.answer, AnswerDetection::Polarity);
        assert_eq!(settings.learned_tone, Some(tone.tone));
        assert_eq!(settings.dial_tone, DialToneRule::Wait);
        assert_eq!((settings.receive_gain, settings.transmit_gain), (0, 0));
    }
}

#[test]
fn echo_of_known_loss_is_measured_within_a_decibel() {
    for loss in [4.0, 8.0, 16.0, 24.0, 32.0] {
        let mut bench = Bench::of("BR");
        bench.simulation.set_wires(0, 3.0, loss);
        bench.begin(FarEndTest::None);
        let echo = bench.run().echo.unwrap();
        assert!(
            (f64::from(echo.return_loss) - loss).abs() < 1.0,
            "{loss}: {echo:?}"
        );
    }
}

#[test]
fn a_port_of_the_wrong_country_learns_its_line_and_ends_calls_by_it() {
    let mut bench = Bench::between("US", "BR");
    bench.simulation.set_fault(0, Some(Fault::NoSignals));
    let report = bench.with_partner();
    assert_eq!(report.troubles, []);
    assert!(!report.dial_tone.unwrap().of_country);
    assert!(!report.answer_reversal && !report.hang_up_reversal && !report.loop_interruption);
    let tone = report.hang_up_tone.unwrap();
    assert!(!tone.of_country, "{tone:?}");
    let [low, high] = tone.tone.frequencies;
    assert!(
        low.abs_diff(480) <= 5 && high.abs_diff(620) <= 5,
        "{tone:?}"
    );
    let settings = report.settings(&bench.settings);
    assert_eq!(settings.answer, AnswerDetection::Voice);
    assert_eq!(settings.dial_tone, DialToneRule::Ignore);
    // Without what was learned the port does not know this busy tone, with it the port does.
    for (settings, knows) in [(bench.settings.clone(), false), (settings, true)] {
        let port = &bench.ports[0];
        let settings = Box::new(FxoSettings {
            dial_tone: DialToneRule::Ignore,
            ..settings
        });
        port.command(Command::ConfigureFxo(settings)).unwrap();
        port.command(Command::Seize).unwrap();
        port.command(Command::Dial("0101".into())).unwrap();
        bench.beside.clear();
        (0..1_000).for_each(|_| {
            bench.tick();
        });
        let events = &bench.beside;
        assert_eq!(events.contains(&Event::BusyTone), knows, "{events:?}");
        bench.ports[0].command(Command::HangUp).unwrap();
        (0..100).for_each(|_| {
            bench.tick();
        });
    }
}

#[test]
fn a_number_that_is_busy_and_a_caller_who_hangs_up_teach_the_tone_too() {
    let mut bench = Bench::of("BR");
    bench.begin(FarEndTest::Dial("0101".parse().unwrap()));
    let report = bench.run();
    assert_eq!(report.troubles, []);
    assert!(report.hang_up_tone.unwrap().of_country);
    assert!(!report.answer_reversal);

    let mut bench = Bench::of("BR");
    bench.begin(FarEndTest::Incoming);
    // Somebody calls by the second port once the test waits for it, and hangs up when it has talked.
    let mut ticks = 0;
    while !bench.beside.contains(&Event::RingStarted) {
        ticks += 1;
        if ticks == 700 {
            bench.ports[1].command(Command::Seize).unwrap();
            bench.ports[1]
                .command(Command::Dial("0201".into()))
                .unwrap();
        }
        assert!(ticks < LONGEST && !bench.tick());
    }
    // Taken 4 s after the first ring; hung up 4 s later.
    for _ in 0..400 {
        assert!(!bench.tick());
    }
    assert!(bench.simulation.status()[0].off_hook);
    bench.ports[1].command(Command::HangUp).unwrap();
    let report = bench.run();
    assert_eq!(report.troubles, []);
    assert!(report.hang_up_tone.unwrap().of_country);
    assert!(report.loop_interruption);
}

#[test]
fn every_fault_of_a_line_is_named_and_says_what_to_do() {
    let mut bench = Bench::of("BR");
    bench.simulation.set_fault(0, Some(Fault::NoBattery));
    (0..200).for_each(|_| {
        bench.tick();
    });
    bench.begin(FarEndTest::None);
    bench.run();
    assert_eq!(bench.troubles(), [LineTrouble::NoBattery]);
    // The plug is pulled out during the test.
    let mut bench = Bench::of("BR");
    bench.begin(FarEndTest::None);
    (0..20).for_each(|_| {
        bench.tick();
    });
    bench.simulation.set_fault(0, Some(Fault::NoBattery));
    bench.run();
    assert_eq!(bench.troubles(), [LineTrouble::NoBattery]);

    let mut bench = Bench::of("BR");
    bench.simulation.set_fault(0, Some(Fault::Deaf));
    bench.begin(FarEndTest::None);
    bench.run();
    assert_eq!(bench.troubles(), [LineTrouble::NoDialTone]);

    let mut bench = Bench::of("BR");
    bench.simulation.set_fault(0, Some(Fault::RingsForEver));
    bench.begin(FarEndTest::None);
    bench.run();
    assert_eq!(bench.troubles(), [LineTrouble::Rings]);

    // Nobody hangs up: the number rings for a minute, and busy tone comes then. One that talks for ever has none.
    let mut bench = Bench::of("BR");
    bench.begin(FarEndTest::Dial("0103".parse().unwrap()));
    bench.run();
    assert_eq!(bench.troubles(), [LineTrouble::NoHangUpTone]);
    assert!(bench.report.answer_reversal);

    let mut bench = Bench::of("BR");
    bench.begin(FarEndTest::Incoming);
    bench.run();
    assert_eq!(bench.troubles(), [LineTrouble::NobodyCalled]);
    for found in &bench.report.troubles {
        assert!(found.advice.len() > 40, "{found:?}");
    }
}

#[test]
fn an_exchange_that_takes_pulses_only_is_found_out() {
    let mut bench = Bench::of("BR");
    bench.simulation.set_fault(0, Some(Fault::NoTones));
    bench.begin(FarEndTest::Dial("0101".parse().unwrap()));
    let report = bench.run();
    assert_eq!(report.takes_tones, Some(false));
    assert!(report.hang_up_tone.is_some());
    let settings = report.settings(&bench.settings);
    assert_eq!(settings.dialling, KeySending::Pulses);
}

#[test]
fn a_weak_line_gets_gain_as_far_as_its_echo_allows() {
    let mut bench = Bench::of("BR");
    bench.simulation.set_wires(0, 9.0, 20.0);
    bench.begin(FarEndTest::None);
    let report = bench.run();
    let level = report.dial_tone.unwrap().level;
    assert!((level + 19.0).abs() < 1.0, "{level}");
    let settings = report.settings(&bench.settings);
    assert!((5..=6).contains(&settings.receive_gain), "{settings:?}");
    assert!((3..=5).contains(&settings.transmit_gain), "{settings:?}");
}

#[test]
fn a_test_that_is_stopped_puts_the_line_down() {
    let mut bench = Bench::of("BR");
    bench.begin(FarEndTest::None);
    (0..100).for_each(|_| {
        bench.tick();
    });
    assert!(bench.simulation.status()[0].off_hook);
    bench.ports[0].command(Command::HangUp).unwrap();
    bench.run();
    assert_eq!(bench.troubles(), [LineTrouble::Stopped]);
}
