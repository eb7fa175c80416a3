use super::*;
use crate::{AnswerSign, Polarity};

struct Bench {
    start: Instant,
    at: u64,
    line: FxoLine,
}

impl Bench {
    fn new(signalling: FxoSignalling) -> Bench {
        Bench {
            start: Instant::now(),
            at: 0,
            line: FxoLine::new(signalling),
        }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.at)
    }

    fn command(&mut self, command: FxoCommand) {
        let now = self.now();
        self.line.command(command, now);
    }

    fn hardware(&mut self, event: HardwareEvent) {
        let now = self.now();
        self.line.hardware(event, now);
    }

    fn heard(&mut self, heard: Heard) {
        let now = self.now();
        self.line.heard(heard, now);
    }

    /// Lets time go by; keys take 160 ms.
    fn pass(&mut self, milliseconds: u64) -> Vec<FxoOutput> {
        let mut outputs = Vec::new();
        let mut sent_at = None;
        for _ in 0..milliseconds / 20 {
            self.at += 20;
            if sent_at == Some(self.at) {
                self.line.key_sent();
            }
            self.line.advance(self.now());
            while let Some(output) = self.line.next_output() {
                if let FxoOutput::SendKey(_) = output {
                    sent_at = Some(self.at + 160);
                }
                outputs.push(output);
            }
        }
        outputs
    }

    fn events(&mut self, milliseconds: u64) -> Vec<FxoEvent> {
        let outputs = self.pass(milliseconds);
        outputs
            .iter()
            .filter_map(|output| match output {
                FxoOutput::Event(event) => Some(*event),
                _ => None,
            })
            .collect()
    }
}

const CLOSE: FxoOutput = FxoOutput::Hardware(HardwareCommand::Loop(true));
const OPEN: FxoOutput = FxoOutput::Hardware(HardwareCommand::Loop(false));

#[test]
fn a_call_out_waits_for_dial_tone_and_dials() {
    let mut bench = Bench::new(FxoSignalling::default());
    bench.command(FxoCommand::Seize);
    bench.command(FxoCommand::Dial("12".parse().unwrap()));
    assert_eq!(bench.pass(1_000), [CLOSE]);
    bench.heard(Heard::DialTone);
    assert_eq!(
        bench.pass(1_000),
        [
            FxoOutput::Event(FxoEvent::DialTone(true)),
            FxoOutput::SendKey('1'),
            FxoOutput::SendKey('2'),
            FxoOutput::Event(FxoEvent::DialFinished)
        ]
    );
    bench.hardware(HardwareEvent::Polarity(Polarity::Reversed));
    assert_eq!(
        bench.events(100),
        [
            FxoEvent::Call(SupervisionEvent::PolarityReversed),
            FxoEvent::Call(SupervisionEvent::Answered)
        ]
    );
    bench.command(FxoCommand::HangUp);
    assert_eq!(bench.pass(100), [OPEN]);
}

#[test]
fn without_dial_tone_it_dials_all_the_same_or_not_at_all() {
    let within = Duration::from_secs(3);
    for (dial_tone, expected) in [
        (
            DialToneUse::Wait(within),
            vec![FxoEvent::DialTone(false), FxoEvent::DialFinished],
        ),
        (
            DialToneUse::Require(within),
            vec![FxoEvent::DialTone(false)],
        ),
        (DialToneUse::Ignore, vec![FxoEvent::DialFinished]),
    ] {
        let mut bench = Bench::new(FxoSignalling {
            dial_tone,
            ..FxoSignalling::default()
        });
        bench.command(FxoCommand::Seize);
        bench.command(FxoCommand::Dial("5".parse().unwrap()));
        assert_eq!(bench.events(10_000), expected, "{dial_tone:?}");
    }
}

#[test]
fn a_flash_opens_the_loop_and_its_current_means_nothing() {
    let mut bench = Bench::new(FxoSignalling::default());
    bench.command(FxoCommand::Answer);
    bench.hardware(HardwareEvent::LoopCurrent(true));
    bench.pass(2_000);
    bench.command(FxoCommand::Flash);
    assert_eq!(bench.pass(100), [OPEN]);
    bench.hardware(HardwareEvent::LoopCurrent(false));
    assert_eq!(bench.pass(400), [CLOSE]);
    bench.hardware(HardwareEvent::LoopCurrent(true));
    assert_eq!(bench.events(2_000), [FxoEvent::DialFinished]);
    bench.hardware(HardwareEvent::LoopCurrent(false));
    assert_eq!(
        bench.events(400),
        [FxoEvent::Call(SupervisionEvent::FarEndHungUp)]
    );
}

#[test]
fn faults_are_told_once_and_their_end_too() {
    let mut bench = Bench::new(FxoSignalling::default());
    bench.hardware(HardwareEvent::Battery(false));
    assert_eq!(bench.events(10_000), [FxoEvent::NoBattery(true)]);
    assert!(!bench.line.has_battery());
    bench.hardware(HardwareEvent::Battery(true));
    assert_eq!(bench.events(100), [FxoEvent::NoBattery(false)]);
    bench.hardware(HardwareEvent::Ringing(true));
    assert_eq!(
        bench.events(20_000),
        [
            FxoEvent::RingStarted,
            FxoEvent::RingStopped,
            FxoEvent::RingsForEver(true)
        ]
    );
    assert!(bench.line.rings_for_ever() && !bench.line.is_ringing());
    bench.hardware(HardwareEvent::Ringing(false));
    assert_eq!(bench.events(10_000), [FxoEvent::RingsForEver(false)]);
    bench.hardware(HardwareEvent::Alarm(true));
    bench.hardware(HardwareEvent::Alarm(true));
    assert_eq!(bench.events(100), [FxoEvent::Hardware(true)]);
}

#[test]
fn a_double_answer_puts_the_line_down_once_in_between() {
    let mut bench = Bench::new(FxoSignalling {
        double_answer: Some(DoubleAnswer {
            closed: Duration::from_millis(1_000),
            open: Duration::from_millis(1_500),
        }),
        ..FxoSignalling::default()
    });
    bench.command(FxoCommand::Answer);
    assert_eq!(bench.pass(980), [CLOSE]);
    assert_eq!(bench.pass(20), [OPEN]);
    assert_eq!(bench.pass(1_480), []);
    assert_eq!(bench.pass(20), [CLOSE]);
    assert_eq!(bench.pass(10_000), []);
}

#[test]
fn new_signalling_waits_for_the_end_of_the_call() {
    let mut bench = Bench::new(FxoSignalling::default());
    bench.command(FxoCommand::Seize);
    let supervision = SupervisionSettings {
        answer: AnswerSign::AfterDialling(Duration::from_secs(1)),
        ..SupervisionSettings::default()
    };
    bench.line.set_signalling(FxoSignalling {
        supervision,
        dial_tone: DialToneUse::Ignore,
        ..FxoSignalling::default()
    });
    bench.command(FxoCommand::HangUp);
    bench.pass(1_000);
    bench.command(FxoCommand::Seize);
    bench.command(FxoCommand::Dial("1".parse().unwrap()));
    assert_eq!(
        bench.events(3_000),
        [
            FxoEvent::DialFinished,
            FxoEvent::Call(SupervisionEvent::Answered)
        ]
    );
}
