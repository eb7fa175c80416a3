use super::*;

struct Bench {
    start: Instant,
    at: u64,
    line: FxsLine,
}

impl Bench {
    fn new(signalling: FxsSignalling) -> Bench {
        Bench {
            start: Instant::now(),
            at: 0,
            line: FxsLine::new(signalling),
        }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.at)
    }

    fn command(&mut self, command: FxsCommand) {
        let now = self.now();
        self.line.command(command, now);
    }

    fn hook(&mut self, closed: bool) {
        let now = self.now();
        self.line.hardware(HardwareEvent::Loop(closed), now);
    }

    fn pass(&mut self, milliseconds: u64) -> Vec<FxsOutput> {
        let mut outputs = Vec::new();
        for _ in 0..milliseconds / 20 {
            self.at += 20;
            self.line.advance(self.now());
            outputs.extend(std::iter::from_fn(|| self.line.next_output()));
        }
        outputs
    }
}

const BRAZIL: RingCadence = RingCadence(&[1_000, 4_000]);
const RING: FxsCommand = FxsCommand::Ring {
    cadence: BRAZIL,
    caller_id: true,
};

fn hardware(command: HardwareCommand) -> FxsOutput {
    FxsOutput::Hardware(command)
}

#[test]
fn lifting_ends_ringing_wherever_it_is() {
    let mut bench = Bench::new(FxsSignalling::default());
    bench.command(RING);
    assert_eq!(bench.pass(500), [hardware(HardwareCommand::Ring(true))]);
    bench.hook(true);
    assert_eq!(
        bench.pass(100),
        [
            hardware(HardwareCommand::Ring(false)),
            FxsOutput::StopSending,
            FxsOutput::StopSending,
            FxsOutput::Event(FxsEvent::OffHook)
        ]
    );
    // A lifted telephone does not ring.
    bench.command(RING);
    assert!(!bench.line.is_ringing());
}

#[test]
fn a_call_that_is_over_cuts_the_feed_then_busy_then_howler() {
    let mut bench = Bench::new(FxsSignalling::default());
    bench.hook(true);
    bench.pass(1_000);
    bench.command(FxsCommand::HangUp);
    // The card sees no current while it feeds none.
    bench.hook(false);
    assert_eq!(
        bench.pass(700),
        [
            hardware(HardwareCommand::Battery(false)),
            FxsOutput::Sound(OffHookSound::Busy),
            hardware(HardwareCommand::Battery(true)),
        ]
    );
    bench.hook(true);
    assert_eq!(bench.pass(300), []);
    assert_eq!(
        bench.pass(60_000),
        [
            FxsOutput::Sound(OffHookSound::Howler),
            FxsOutput::Event(FxsEvent::LeftOffHook(true)),
            FxsOutput::Sound(OffHookSound::Silence),
        ]
    );
    assert!(bench.line.is_left_off_hook());
    bench.hook(false);
    assert_eq!(
        bench.pass(1_000),
        [
            FxsOutput::Event(FxsEvent::LeftOffHook(false)),
            FxsOutput::Event(FxsEvent::OnHook)
        ]
    );
}

#[test]
fn a_telephone_put_down_while_the_feed_is_cut_is_on_hook() {
    let mut bench = Bench::new(FxsSignalling::default());
    bench.hook(true);
    bench.pass(1_000);
    bench.command(FxsCommand::HangUp);
    bench.pass(100);
    bench.hook(false);
    let outputs = bench.pass(2_000);
    assert_eq!(outputs.last(), Some(&FxsOutput::Event(FxsEvent::OnHook)));
}

#[test]
fn the_feed_is_reversed_from_the_answer_to_the_end() {
    let mut bench = Bench::new(FxsSignalling {
        reverse_on_answer: true,
        disconnect: Duration::ZERO,
        left_off_hook: None,
        ..FxsSignalling::default()
    });
    bench.hook(true);
    bench.pass(100);
    bench.command(FxsCommand::Answered);
    assert_eq!(
        bench.pass(100),
        [hardware(HardwareCommand::Polarity(Polarity::Reversed))]
    );
    bench.command(FxsCommand::HangUp);
    assert_eq!(
        bench.pass(100),
        [hardware(HardwareCommand::Polarity(Polarity::Normal))]
    );
}

#[test]
fn the_lamp_is_told_when_the_telephone_is_quiet() {
    let mut bench = Bench::new(FxsSignalling::default());
    bench.hook(true);
    bench.pass(100);
    bench.command(FxsCommand::TellMessageWaiting);
    assert_eq!(bench.pass(5_000), []);
    bench.hook(false);
    let outputs = bench.pass(3_000);
    assert_eq!(outputs[0], FxsOutput::Event(FxsEvent::OnHook));
    assert_eq!(outputs.last(), Some(&FxsOutput::SendMessageWaiting));
    assert_eq!(bench.pass(5_000), []);
}

#[test]
fn hooks_that_a_card_decodes_are_taken_as_they_are() {
    let mut bench = Bench::new(FxsSignalling::default());
    let now = bench.now();
    for signal in [
        HookSignal::OffHook,
        HookSignal::OffHook,
        HookSignal::PulseDigit('7'),
        HookSignal::Flash,
        HookSignal::OnHook,
    ] {
        bench.line.hardware(HardwareEvent::Hook(signal), now);
    }
    let events: Vec<FxsOutput> = bench
        .pass(100)
        .into_iter()
        .filter(|output| matches!(output, FxsOutput::Event(_)))
        .collect();
    assert_eq!(
        events,
        [
            FxsEvent::OffHook,
            FxsEvent::PulseDigit('7'),
            FxsEvent::Flash,
            FxsEvent::OnHook
        ]
        .map(FxsOutput::Event)
    );
}
