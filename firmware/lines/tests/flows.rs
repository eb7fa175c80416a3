//! Flows of analogue lines over simulated hardware, in simulated time: what AT-30 and the table of features (rows 49-54, 59)
//! ask of FXO and FXS ports.
#![allow(missing_docs, clippy::unwrap_used)]

use ramal_analog::{CallerIdPlace, CallerIdSignalling, CallerIdSound};
use ramal_dsp::{FRAME_SAMPLES, Goertzel, Law, SAMPLE_RATE, level_dbm0};
use ramal_lines::{
    CallerId, Command, Event, LineFault, LineTone, Port, PortAudio, PortKind, Ringing,
    simulated::{Fault, Hand, SimulatedConfig, Simulation},
};
use ramal_model::{
    AnswerDetection, CallerIdSending, DialToneRule, FxoSettings, FxsSettings, KeySending,
};
use tokio::sync::mpsc;

struct Bench {
    simulation: Simulation,
    ports: Vec<Port>,
    hands: Vec<mpsc::Sender<Hand>>,
    audio: PortAudio,
    held: usize,
    heard: Vec<i16>,
    /// What came in the same moment as what was waited for.
    beside: Vec<Event>,
}

fn country(code: &str) -> ramal_model::Country {
    code.parse().unwrap()
}

impl Bench {
    fn with(config: &SimulatedConfig, kind: PortKind) -> Bench {
        let (simulation, ports, hands) = Simulation::new(config);
        let held = ports.iter().position(|port| port.kind() == kind).unwrap();
        let audio = ports[held].audio();
        Bench {
            simulation,
            ports,
            hands,
            audio,
            held,
            heard: Vec::new(),
            beside: Vec::new(),
        }
    }

    fn new(code: &str, kind: PortKind) -> Bench {
        let config = SimulatedConfig {
            country: country(code),
            ..SimulatedConfig::default()
        };
        Bench::with(&config, kind)
    }

    fn fxo(settings: FxoSettings) -> Bench {
        let mut bench = Bench::new("BR", PortKind::Fxo);
        bench.command(Command::ConfigureFxo(Box::new(settings)));
        bench.pass(20);
        bench
    }

    fn fxs(settings: FxsSettings) -> Bench {
        let mut bench = Bench::new("BR", PortKind::Fxs);
        bench.command(Command::ConfigureFxs(Box::new(settings)));
        bench.pass(20);
        bench
    }

    fn command(&self, command: Command) {
        self.ports[self.held].command(command).unwrap();
    }

    fn hand(&self, hand: Hand) {
        self.hands[0].try_send(hand).unwrap();
    }

    fn pass(&mut self, milliseconds: u32) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..milliseconds / 20 {
            let mut receive = [0; FRAME_SAMPLES];
            self.audio
                .exchange(&[Law::A.silence(); FRAME_SAMPLES], &mut receive);
            self.simulation.tick();
            let mut samples = [0; FRAME_SAMPLES];
            Law::A.decode(&receive, &mut samples);
            self.heard.extend(samples);
            while let Ok(event) = self.ports[self.held].events().try_recv() {
                events.push(event);
            }
        }
        events
    }

    /// Milliseconds until an event comes, at most two minutes.
    fn until(&mut self, wanted: &Event) -> u32 {
        for tick in 0..6_000 {
            let mut events = self.pass(20);
            if events.contains(wanted) {
                events.retain(|event| event != wanted);
                self.beside = events;
                return tick * 20;
            }
        }
        panic!("{wanted:?} never came");
    }

    fn dial(&mut self, number: &str) {
        self.command(Command::Seize);
        self.command(Command::Dial(number.into()));
        self.until(&Event::DialFinished);
    }

    /// Has the exchange call back, until it rings.
    fn called_back_by(&mut self, number: &str) {
        self.dial(number);
        self.until(&Event::Answered);
        self.command(Command::HangUp);
        self.until(&Event::RingStarted);
    }
}

fn central() -> CallerId {
    CallerId {
        number: "1155550105".into(),
        name: "Central".into(),
    }
}

// FXO

#[test]
fn row_50_caller_id_is_read_in_every_form_and_place() {
    use CallerIdPlace::{
        AfterFirstRing, AfterReversal, AfterReversalAndTone, AfterRingPulse, BeforeRing,
    };
    use CallerIdSound::{Bell202, DtmfAHash, DtmfAc, DtmfDc, V23};
    for sound in [Bell202, V23, DtmfAc, DtmfDc, DtmfAHash] {
        for place in [
            AfterFirstRing,
            BeforeRing,
            AfterReversal,
            AfterReversalAndTone,
            AfterRingPulse,
        ] {
            let config = SimulatedConfig {
                caller_id: Some(CallerIdSignalling { sound, place }),
                ..SimulatedConfig::default()
            };
            let mut bench = Bench::with(&config, PortKind::Fxo);
            bench.called_back_by("0105");
            let mut caller = central();
            if !matches!(sound, Bell202 | V23) {
                // Keys tell no name.
                caller.name.clear();
            }
            let mut events = std::mem::take(&mut bench.beside);
            events.extend(bench.pass(4_000));
            assert_eq!(events, [Event::CallerId(caller)], "{sound:?} {place:?}");
        }
    }
}

#[test]
fn a_withheld_number_is_no_caller_and_no_caller_id_is_none() {
    let config = SimulatedConfig {
        caller_id: None,
        ..SimulatedConfig::default()
    };
    let mut bench = Bench::with(&config, PortKind::Fxo);
    bench.called_back_by("0105");
    assert_eq!(bench.pass(4_000), []);
}

#[test]
fn row_52_busy_tone_ends_a_call_within_five_seconds_in_every_country() {
    for code in [
        "BR", "US", "ES", "ID", "AR", "MX", "CL", "PT", "GB", "CO", "EC",
    ] {
        let mut bench = Bench::new(code, PortKind::Fxo);
        bench.dial("0104");
        bench.until(&Event::Answered);
        bench.until(&Event::FarEndHungUp);
        let after = bench.until(&Event::BusyTone);
        // The exchange cuts the current for 600 ms before the tone.
        assert!(after <= 5_600, "{code}: {after} ms");
    }
}

#[test]
fn at_30_polarity_reversal_is_told_within_a_second() {
    let mut bench = Bench::fxo(FxoSettings {
        loop_interruption_ms: 0,
        ..FxoSettings::default()
    });
    bench.dial("0104");
    bench.until(&Event::Answered);
    let after = bench.until(&Event::FarEndHungUp);
    // The exchange hangs up after 3 s; the answer was told 60 ms late, too.
    assert!((2_900..3_500).contains(&after), "{after}");
}

#[test]
fn loop_interruption_alone_ends_a_call() {
    let mut bench = Bench::fxo(FxoSettings {
        polarity_hang_up: false,
        busy_repetitions: 0,
        loop_interruption_ms: 500,
        ..FxoSettings::default()
    });
    bench.dial("0104");
    bench.until(&Event::Answered);
    let after = bench.until(&Event::FarEndHungUp);
    assert!((3_300..3_700).contains(&after), "{after}");
    assert_eq!(bench.pass(20_000), []);
}

#[test]
fn more_repetitions_of_busy_tone_take_longer_and_none_are_never_told() {
    let mut bench = Bench::fxo(FxoSettings {
        busy_repetitions: 8,
        ..FxoSettings::default()
    });
    bench.dial("0101");
    let after = bench.until(&Event::BusyTone);
    assert!((3_500..5_000).contains(&after), "{after}");
    let mut bench = Bench::fxo(FxoSettings {
        busy_repetitions: 0,
        ..FxoSettings::default()
    });
    bench.dial("0101");
    assert_eq!(bench.pass(20_000), []);
}

#[test]
fn silence_ends_a_call_that_nothing_else_ends() {
    let mut bench = Bench::fxo(FxoSettings {
        silence_seconds: 30,
        ..FxoSettings::default()
    });
    bench.dial("0100");
    bench.until(&Event::Answered);
    let after = bench.until(&Event::Silence);
    assert!((28_000..31_000).contains(&after), "{after}");
}

#[test]
fn a_voice_or_time_answers_where_the_exchange_does_not_say_it() {
    let voice = FxoSettings {
        answer: AnswerDetection::Voice,
        ..FxoSettings::default()
    };
    let mut bench = Bench::fxo(voice.clone());
    bench.dial("0107");
    let after = bench.until(&Event::Answered);
    assert!((1_000..2_500).contains(&after), "{after}");
    // Tones are no voice.
    for number in ["0101", "0102", "30001234"] {
        let mut bench = Bench::fxo(voice.clone());
        bench.dial(number);
        let events = bench.pass(30_000);
        assert!(!events.contains(&Event::Answered), "{number}");
    }
    let mut bench = Bench::fxo(FxoSettings {
        answer: AnswerDetection::AfterDialling,
        answer_after_seconds: 5,
        ..FxoSettings::default()
    });
    bench.dial("0102");
    let after = bench.until(&Event::Answered);
    assert!((4_900..5_100).contains(&after), "{after}");
}

#[test]
fn numbers_are_dialled_by_pulses_too() {
    let mut bench = Bench::fxo(FxoSettings {
        dialling: KeySending::Pulses,
        ..FxoSettings::default()
    });
    bench.dial("0103");
    bench.until(&Event::Answered);
    bench.heard.clear();
    bench.pass(1_000);
    let mut meter = Goertzel::new(1_004.0, SAMPLE_RATE);
    meter.feed(&bench.heard[2_000..]);
    assert!((meter.level_dbm0() + 10.0).abs() < 0.5);
}

#[test]
fn a_dead_line_has_no_dial_tone_and_says_so() {
    let mut bench = Bench::fxo(FxoSettings {
        dial_tone: DialToneRule::Require,
        dial_tone_seconds: 3,
        ..FxoSettings::default()
    });
    bench.simulation.set_fault(0, Some(Fault::NoBattery));
    assert_eq!(bench.pass(5_000), [Event::LineFault(LineFault::NoBattery)]);
    assert_eq!(
        bench.simulation.status()[0].fault,
        Some(LineFault::NoBattery)
    );
    bench.command(Command::Seize);
    bench.command(Command::Dial("0100".into()));
    let events = bench.pass(10_000);
    assert!(events.contains(&Event::DialTone(false)), "{events:?}");
    assert!(!events.contains(&Event::DialFinished), "{events:?}");
    bench.command(Command::HangUp);
    bench.simulation.set_fault(0, None);
    assert_eq!(bench.pass(1_000), [Event::LineRestored]);
    // The other line never noticed.
    assert_eq!(bench.simulation.status()[1].fault, None);
}

#[test]
fn a_line_that_rings_for_ever_is_a_fault_and_no_call() {
    let mut bench = Bench::new("BR", PortKind::Fxo);
    bench.simulation.set_fault(0, Some(Fault::RingsForEver));
    assert_eq!(
        bench.pass(60_000),
        [
            Event::RingStarted,
            Event::RingStopped,
            Event::LineFault(LineFault::RingsForEver)
        ]
    );
    assert!(!bench.simulation.status()[0].ringing);
    bench.simulation.set_fault(0, None);
    assert_eq!(bench.pass(10_000), [Event::LineRestored]);
}

#[test]
fn row_59_a_double_answer_keeps_paid_calls_and_drops_collect_calls() {
    let refusing = FxoSettings {
        refuse_collect_calls: true,
        ..FxoSettings::default()
    };
    let mut bench = Bench::fxo(refusing.clone());
    bench.called_back_by("0105");
    bench.command(Command::Answer);
    let events = bench.pass(20_000);
    assert!(!events.contains(&Event::FarEndHungUp), "{events:?}");
    assert!(!events.contains(&Event::BusyTone), "{events:?}");
    let mut bench = Bench::fxo(refusing);
    bench.called_back_by("0106");
    bench.command(Command::Answer);
    let after = bench.until(&Event::FarEndHungUp);
    assert!(after < 6_000, "{after}");
    // Without it the collect call goes on.
    let mut bench = Bench::fxo(FxoSettings::default());
    bench.called_back_by("0106");
    bench.command(Command::Answer);
    let events = bench.pass(20_000);
    assert!(!events.contains(&Event::FarEndHungUp), "{events:?}");
}

#[test]
fn a_flash_is_none_for_the_exchange_and_a_long_opening_is_a_hang_up() {
    let mut bench = Bench::new("BR", PortKind::Fxo);
    bench.dial("0103");
    bench.until(&Event::Answered);
    bench.command(Command::Flash);
    bench.until(&Event::DialFinished);
    bench.heard.clear();
    bench.pass(1_000);
    assert!(level_dbm0(&bench.heard[4_000..]) > -15.0);
}

#[test]
fn gains_change_levels_and_nothing_else() {
    let mut bench = Bench::fxo(FxoSettings {
        receive_gain: -6,
        ..FxoSettings::default()
    });
    bench.dial("0103");
    bench.until(&Event::Answered);
    bench.pass(100);
    bench.heard.clear();
    bench.pass(1_000);
    assert!((level_dbm0(&bench.heard) + 16.0).abs() < 0.3);
}

// FXS

#[test]
fn a_telephone_shows_who_calls_in_every_form() {
    for caller_id in [
        CallerIdSending::Country,
        CallerIdSending::Bell202,
        CallerIdSending::V23,
        CallerIdSending::V23Reversal,
        CallerIdSending::Dtmf,
        CallerIdSending::DtmfReversal,
    ] {
        let mut bench = Bench::fxs(FxsSettings {
            caller_id,
            ..FxsSettings::default()
        });
        bench.command(Command::Ring(Ringing {
            caller: central(),
            date: Some([11, 21, 10, 30]),
            cadence: None,
        }));
        bench.until(&Event::OffHook);
        let shown = bench.simulation.display(0).unwrap().caller.clone().unwrap();
        assert_eq!(shown.number, "1155550105", "{caller_id:?}");
    }
    let mut bench = Bench::fxs(FxsSettings {
        caller_id: CallerIdSending::Off,
        ..FxsSettings::default()
    });
    bench.command(Command::Ring(central().into()));
    bench.until(&Event::OffHook);
    assert_eq!(bench.simulation.display(0).unwrap().caller, None);
}

#[test]
fn distinctive_ringing_rings_otherwise() {
    // The third cadence rings three times in its first two seconds, so the second ring comes sooner.
    let mut bench = Bench::new("BR", PortKind::Fxs);
    bench.command(Command::Ring(Ringing {
        cadence: Some(2),
        ..Ringing::default()
    }));
    let after = bench.until(&Event::OffHook);
    assert!((1_700..2_200).contains(&after), "{after}");
}

#[test]
fn the_lamp_is_lit_and_put_out_and_dial_tone_stutters_meanwhile() {
    let mut bench = Bench::new("BR", PortKind::Fxs);
    bench.command(Command::MessageWaiting(true));
    bench.pass(5_000);
    assert!(bench.simulation.display(0).unwrap().messages);
    let dial_tone_pauses = |bench: &mut Bench| {
        bench.hand(Hand::Lift);
        bench.until(&Event::OffHook);
        bench.command(Command::Tone(Some(LineTone::Dial)));
        // The telephone sends its own voice; the tone it hears is what the port sends, seen by its effect on keys below.
        bench.pass(400);
        bench.hand(Hand::Press("5".into()));
        let digits = bench.pass(1_000);
        bench.hand(Hand::PutDown);
        bench.until(&Event::OnHook);
        digits
    };
    assert_eq!(dial_tone_pauses(&mut bench), [Event::Digit('5')]);
    bench.command(Command::MessageWaiting(false));
    bench.pass(5_000);
    assert!(!bench.simulation.display(0).unwrap().messages);
    assert_eq!(dial_tone_pauses(&mut bench), [Event::Digit('5')]);
}

#[test]
fn a_dial_is_read_and_a_recall_beside_it() {
    let mut bench = Bench::new("BR", PortKind::Fxs);
    bench.hand(Hand::Lift);
    bench.until(&Event::OffHook);
    bench.hand(Hand::Turn("2019".into()));
    // The first 3 s it waits for a dial tone, which nobody sends here.
    assert_eq!(bench.pass(9_000), ['2', '0', '1', '9'].map(Event::Digit));
    bench.hand(Hand::Recall);
    assert_eq!(bench.pass(1_000), [Event::Flash]);
}

#[test]
fn call_waiting_tells_who_it_is_and_the_call_goes_on() {
    let mut bench = Bench::new("BR", PortKind::Fxs);
    bench.command(Command::ConfigureFxs(Box::new(FxsSettings {
        caller_id: CallerIdSending::Bell202,
        ..FxsSettings::default()
    })));
    bench.hand(Hand::Lift);
    bench.until(&Event::OffHook);
    bench.command(Command::Tone(None));
    bench.pass(500);
    bench.command(Command::CallWaiting(Some(central())));
    // The acknowledgement is the telephone's, not a key of the user's.
    assert_eq!(bench.pass(4_000), []);
    let shown = bench.simulation.display(0).unwrap().caller.clone();
    assert_eq!(shown, Some(central()));
    bench.heard.clear();
    bench.pass(1_000);
    assert!((level_dbm0(&bench.heard) + 10.0).abs() < 0.5);
    bench.command(Command::CallWaiting(None));
    assert_eq!(bench.pass(1_000), []);
}

#[test]
fn a_telephone_that_is_not_put_down_is_a_fault_until_it_is() {
    let mut bench = Bench::new("BR", PortKind::Fxs);
    bench.hand(Hand::Leave);
    bench.until(&Event::OffHook);
    bench.command(Command::HangUp);
    let after = bench.until(&Event::LineFault(LineFault::LeftOffHook));
    assert!((29_000..31_000).contains(&after), "{after}");
    assert_eq!(bench.pass(120_000), []);
    bench.hand(Hand::PutDown);
    assert_eq!(bench.pass(2_000), [Event::LineRestored, Event::OnHook]);
}
