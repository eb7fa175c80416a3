use super::*;

struct Bench {
    now: Instant,
    test: LineTest,
}

const SILENT: LineSound = LineSound {
    level: -70.0,
    steady: None,
    cadence: None,
};

fn dial_tone(milliseconds: u32) -> LineSound {
    LineSound {
        level: -10.0,
        steady: Some(([425.0, 0.0], -10.0, milliseconds)),
        cadence: None,
    }
}

impl Bench {
    fn new(far_end: FarEndTest) -> Bench {
        let plan = LineTestPlan {
            quiet_key: '5',
            dialling: Dialling::Tones,
            far_end,
        };
        Bench {
            now: Instant::now(),
            test: LineTest::new(plan),
        }
    }

    /// Lets time go by with this to be heard; what came out.
    fn hears(&mut self, sound: LineSound, milliseconds: u64) -> Vec<LineTestOutput> {
        let mut outputs = Vec::new();
        for _ in 0..milliseconds / 20 {
            self.now += Duration::from_millis(20);
            self.test.heard(sound, self.now);
            self.test.advance(self.now);
            outputs.extend(std::iter::from_fn(|| self.test.next_output()));
        }
        outputs
    }

    fn event(&mut self, event: FxoEvent) {
        self.test.event(event, self.now);
    }
}

fn trouble(outputs: &[LineTestOutput]) -> Vec<LineTestFault> {
    let troubles = outputs.iter().filter_map(|output| match output {
        LineTestOutput::Trouble(fault) => Some(*fault),
        _ => None,
    });
    troubles.collect()
}

#[test]
fn a_line_without_dial_tone_is_told_from_one_without_current_and_one_with_another_tone() {
    let mut bench = Bench::new(FarEndTest::None);
    let outputs = bench.hears(SILENT, 13_000);
    assert_eq!(trouble(&outputs), [LineTestFault::NoDialTone]);
    assert_eq!(outputs.last(), Some(&LineTestOutput::Finished));
    let mut bench = Bench::new(FarEndTest::None);
    bench.hears(SILENT, 100);
    bench.test.current(false, bench.now);
    assert_eq!(
        trouble(&bench.hears(SILENT, 11_000)),
        [LineTestFault::NoCurrent]
    );
    let mut bench = Bench::new(FarEndTest::None);
    let busy = LineSound {
        cadence: Some(([425.0, 0.0], 250, 250, -10.0)),
        ..SILENT
    };
    assert_eq!(
        trouble(&bench.hears(busy, 11_000)),
        [LineTestFault::OtherTone]
    );
}

#[test]
fn an_exchange_that_hears_no_tones_is_tried_with_pulses_and_then_given_up() {
    let mut bench = Bench::new(FarEndTest::None);
    bench.hears(SILENT, 100);
    let outputs = bench.hears(dial_tone(1_300), 40);
    assert!(outputs.contains(&LineTestOutput::Step(LineTestStep::Silence)));
    bench.event(FxoEvent::DialFinished);
    let outputs = bench.hears(dial_tone(3_000), 6_000);
    assert!(outputs.contains(&LineTestOutput::Dialling(FxoSignalling::pulses())));
    assert_eq!(trouble(&outputs), []);
    bench.event(FxoEvent::DialFinished);
    let outputs = bench.hears(dial_tone(3_000), 6_000);
    assert_eq!(trouble(&outputs), [LineTestFault::KeysNotTaken]);
    assert!(bench.test.is_over());
}

#[test]
fn a_call_from_outside_ends_the_test_at_once() {
    let mut bench = Bench::new(FarEndTest::None);
    bench.hears(SILENT, 100);
    bench.event(FxoEvent::RingStarted);
    let outputs = bench.hears(SILENT, 40);
    assert_eq!(
        outputs,
        [
            LineTestOutput::Trouble(LineTestFault::Rings),
            LineTestOutput::Finished
        ]
    );
}

#[test]
fn a_call_that_nobody_makes_and_ringback_are_no_hang_up() {
    let mut bench = Bench::new(FarEndTest::Incoming);
    bench.hears(SILENT, 20);
    bench.hears(dial_tone(1_300), 40);
    bench.event(FxoEvent::DialFinished);
    let outputs = bench.hears(SILENT, 1_000);
    assert!(outputs.contains(&LineTestOutput::MeasureEcho));
    bench.test.echo(14.0, 2.0, -70.0, -16.0, bench.now);
    let outputs = bench.hears(SILENT, 130_000);
    assert!(outputs.contains(&LineTestOutput::Found(LineFinding::Echo {
        loss: 14.0,
        delay: 2.0
    })));
    assert_eq!(trouble(&outputs), [LineTestFault::NobodyCalled]);
    assert!(far_end::may_be_hang_up(250, 250) && far_end::may_be_hang_up(1_000, 1_000));
    assert!(!far_end::may_be_hang_up(1_000, 4_000));
}
