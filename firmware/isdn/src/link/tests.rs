#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::time::{Duration, Instant};

use super::*;

/// A link of the user's side, with frames written as its peer, the network, sends them.
struct Bench {
    link: Link,
    now: Instant,
}

const UA: [u8; 3] = [0x00, 0x01, 0x73];
const SABME: [u8; 3] = [0x02, 0x01, 0x7F];

/// RR, RNR or REJ of the network: a response, or a command.
fn supervisory(kind: u8, command: bool, nr: u8, poll_final: bool) -> [u8; 4] {
    let bit = if command { 0x02 } else { 0x00 };
    [bit, 0x01, kind, nr << 1 | u8::from(poll_final)]
}

const RR: u8 = 0x01;
const RNR: u8 = 0x05;
const REJ: u8 = 0x09;

fn information(ns: u8, nr: u8, poll: bool) -> Vec<u8> {
    vec![
        0x02,
        0x01,
        ns << 1,
        nr << 1 | u8::from(poll),
        8,
        2,
        0,
        1,
        0x7B,
    ]
}

impl Bench {
    fn new() -> Self {
        Self {
            link: Link::new(Role::User, LinkSettings::default()),
            now: Instant::now(),
        }
    }

    fn up() -> Self {
        let mut bench = Self::new();
        bench.link.establish(bench.now);
        assert_eq!(bench.frames(), [vec![0x00, 0x01, 0x7F]]);
        bench.link.receive(&UA, bench.now);
        assert_eq!(bench.outputs(), [LinkOutput::Confirmed]);
        bench
    }

    fn outputs(&mut self) -> Vec<LinkOutput> {
        std::iter::from_fn(|| self.link.poll()).collect()
    }

    fn frames(&mut self) -> Vec<Vec<u8>> {
        self.outputs()
            .into_iter()
            .filter_map(|output| match output {
                LinkOutput::Frame(frame) => Some(frame),
                _ => None,
            })
            .collect()
    }

    fn receive(&mut self, frame: &[u8]) -> Vec<LinkOutput> {
        self.link.receive(frame, self.now);
        self.link.acknowledge();
        self.outputs()
    }

    fn pass(&mut self, time: Duration) -> Vec<LinkOutput> {
        let end = self.now + time;
        while let Some(at) = self.link.next_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.link.timeout(at);
        }
        self.now = end;
        self.outputs()
    }

    fn send(&mut self, count: usize) -> Vec<Vec<u8>> {
        for _ in 0..count {
            self.link.send(vec![8, 2, 0, 1, 0x7B], self.now);
        }
        self.frames()
    }
}

fn frame(octets: &[u8]) -> LinkOutput {
    LinkOutput::Frame(octets.to_vec())
}

/// N(S) of I frames.
fn numbers(frames: &[Vec<u8>]) -> Vec<u8> {
    frames.iter().map(|frame| frame[2] >> 1).collect()
}

#[test]
fn sabme_is_sent_n200_times_more_and_then_given_up() {
    let mut bench = Bench::new();
    bench.link.establish(bench.now);
    let outputs = bench.pass(Duration::from_secs(10));
    let sabme = frame(&[0x00, 0x01, 0x7F]);
    assert_eq!(outputs.iter().filter(|it| **it == sabme).count(), 4);
    let end = [
        LinkOutput::Error(LinkError::SabmeUnanswered),
        LinkOutput::Released,
    ];
    assert_eq!(outputs[4..], end);
    assert_eq!(bench.link.state(), LinkState::TeiAssigned);
}

#[test]
fn both_sides_may_establish_at_once() {
    let mut bench = Bench::new();
    bench.link.establish(bench.now);
    bench.outputs();
    assert_eq!(bench.receive(&SABME), [frame(&[0x02, 0x01, 0x73])]);
    assert_eq!(bench.link.state(), LinkState::AwaitingEstablishment);
    assert_eq!(bench.receive(&UA), [LinkOutput::Confirmed]);
}

#[test]
fn no_more_than_the_window_is_outstanding() {
    let mut bench = Bench::up();
    assert_eq!(numbers(&bench.send(10)), [0, 1, 2, 3, 4, 5, 6]);
    bench
        .link
        .receive(&supervisory(RR, false, 3, false), bench.now);
    assert_eq!(numbers(&bench.frames()), [7, 8, 9]);
}

#[test]
fn sequence_numbers_run_round() {
    let mut bench = Bench::up();
    for round in 0..300_u16 {
        let number = (round % 128) as u8;
        assert_eq!(numbers(&bench.send(1)), [number]);
        let nr = (number + 1) & 0x7F;
        bench
            .link
            .receive(&information(number, nr, false), bench.now);
        bench.link.acknowledge();
        assert_eq!(bench.outputs().len(), 2);
    }
    assert_eq!(bench.link.counters().information_received, 300);
}

#[test]
fn rej_has_all_sent_again_from_its_number() {
    let mut bench = Bench::up();
    bench.send(4);
    bench
        .link
        .receive(&supervisory(REJ, false, 1, false), bench.now);
    assert_eq!(numbers(&bench.frames()), [1, 2, 3]);
    assert_eq!(bench.link.counters().retransmitted, 3);
}

#[test]
fn a_gap_is_rejected_once() {
    let mut bench = Bench::up();
    let rej = frame(&[0x02, 0x01, 0x09, 0x00]);
    assert_eq!(bench.receive(&information(1, 0, false)), [rej]);
    assert_eq!(bench.receive(&information(2, 0, false)), []);
    // With P=1 it has to be answered all the same.
    let rr = frame(&[0x02, 0x01, 0x01, 0x01]);
    assert_eq!(bench.receive(&information(3, 0, true)), [rr]);
    let outputs = bench.receive(&information(0, 0, false));
    assert!(matches!(
        outputs[..],
        [LinkOutput::Data(_), LinkOutput::Frame(_)]
    ));
}

#[test]
fn an_unanswered_frame_is_asked_after_and_sent_again() {
    let mut bench = Bench::up();
    bench.send(2);
    let enquiry = frame(&[0x00, 0x01, 0x01, 0x01]);
    assert_eq!(bench.pass(Duration::from_millis(1_100)), [enquiry]);
    assert_eq!(bench.link.state(), LinkState::TimerRecovery);
    // New frames wait in this state.
    assert_eq!(bench.send(1), Vec::<Vec<u8>>::new());
    bench
        .link
        .receive(&supervisory(RR, false, 1, true), bench.now);
    assert_eq!(numbers(&bench.frames()), [1, 2]);
    assert_eq!(bench.link.state(), LinkState::MultipleFrameEstablished);
}

#[test]
fn a_peer_that_does_not_answer_enquiries_is_gone() {
    let mut bench = Bench::up();
    bench.send(1);
    let outputs = bench.pass(Duration::from_secs(10));
    assert!(outputs.contains(&LinkOutput::Error(LinkError::EnquiryUnanswered)));
    assert!(outputs.contains(&LinkOutput::Released));
}

#[test]
fn a_silent_link_is_asked_every_t203() {
    let mut bench = Bench::up();
    for _ in 0..3 {
        let enquiry = frame(&[0x00, 0x01, 0x01, 0x01]);
        assert_eq!(bench.pass(Duration::from_millis(10_100)), [enquiry]);
        assert_eq!(bench.receive(&supervisory(RR, false, 0, true)), []);
    }
}

#[test]
fn a_busy_peer_gets_nothing_until_it_is_ready() {
    let mut bench = Bench::up();
    bench
        .link
        .receive(&supervisory(RNR, false, 0, false), bench.now);
    assert_eq!(bench.send(2), Vec::<Vec<u8>>::new());
    // It may be busy for ever, as long as it says so.
    for _ in 0..20 {
        bench.pass(Duration::from_millis(1_000));
        assert_eq!(bench.receive(&supervisory(RNR, false, 0, true)), []);
    }
    bench
        .link
        .receive(&supervisory(RR, false, 0, false), bench.now);
    assert_eq!(numbers(&bench.frames()), [0, 1]);
}

#[test]
fn a_busy_peer_does_not_fill_the_memory() {
    let mut bench = Bench::up();
    bench
        .link
        .receive(&supervisory(RNR, false, 0, false), bench.now);
    bench.send(2 * MAX_QUEUE);
    assert_eq!(bench.link.queue.len(), MAX_QUEUE);
    assert_eq!(
        bench.link.counters().errors(LinkError::QueueOverflow),
        MAX_QUEUE as u64
    );
}

#[test]
fn an_enquiry_is_answered_at_once() {
    let mut bench = Bench::up();
    let answer = frame(&[0x02, 0x01, 0x01, 0x01]);
    assert_eq!(bench.receive(&supervisory(RR, true, 0, true)), [answer]);
}

#[test]
fn errors_of_the_peer_establish_the_link_again() {
    let cases: [(&[u8], LinkError); 7] = [
        (&supervisory(RR, false, 5, false), LinkError::NrError),
        (&[0x02, 0x01, 0x0D, 0x00], LinkError::UndefinedFrame),
        (&[0x02, 0x01, 0x7F, 0x00], LinkError::UnexpectedInformation),
        (
            &[0x00, 0x01, 0x97, 1, 2, 3, 4, 5],
            LinkError::FrameRejectReceived,
        ),
        (&[0x00, 0x01, 0x0F], LinkError::UnsolicitedDm),
        (
            &[[0x02, 0x01, 0x00, 0x00].to_vec(), vec![0; 261]].concat(),
            LinkError::TooLong,
        ),
        (&information(0, 9, false), LinkError::NrError),
    ];
    for (octets, error) in cases {
        let mut bench = Bench::up();
        let outputs = bench.receive(octets);
        assert!(outputs.contains(&LinkOutput::Error(error)), "{octets:02x?}");
        assert!(
            outputs.contains(&frame(&[0x00, 0x01, 0x7F])),
            "{octets:02x?}"
        );
        assert_eq!(bench.link.state(), LinkState::AwaitingEstablishment);
        assert_eq!(
            bench.receive(&UA),
            [LinkOutput::Established { was_up: true }]
        );
    }
}

#[test]
fn answers_nobody_asked_for_are_only_counted() {
    let mut bench = Bench::up();
    let cases: [(&[u8], LinkError); 4] = [
        (
            &supervisory(RR, false, 0, true),
            LinkError::UnsolicitedSupervisory,
        ),
        (&[0x00, 0x01, 0x1F], LinkError::UnsolicitedDmFinal),
        (&UA, LinkError::UnsolicitedUaFinal),
        (&[0x00, 0x01, 0x63], LinkError::UnsolicitedUa),
    ];
    for (octets, error) in cases {
        assert_eq!(bench.receive(octets), [LinkOutput::Error(error)]);
    }
    assert_eq!(bench.link.state(), LinkState::MultipleFrameEstablished);
}

#[test]
fn our_own_frames_coming_back_say_that_something_is_wrong() {
    let mut bench = Bench::new();
    bench.link.establish(bench.now);
    let sabme = bench.frames().remove(0);
    assert_eq!(
        bench.receive(&sabme),
        [LinkOutput::Error(LinkError::SameRole)]
    );
    assert_eq!(bench.link.state(), LinkState::AwaitingEstablishment);
}

#[test]
fn a_link_is_released_both_ways() {
    let mut bench = Bench::up();
    let ua = frame(&[0x02, 0x01, 0x73]);
    assert_eq!(
        bench.receive(&[0x02, 0x01, 0x53]),
        [ua, LinkOutput::Released]
    );
    // Again, while there is none.
    assert_eq!(
        bench.receive(&[0x02, 0x01, 0x53]),
        [frame(&[0x02, 0x01, 0x1F])]
    );
    // DM with F=0 asks for one (§5.5.4).
    assert_eq!(
        bench.receive(&[0x00, 0x01, 0x0F]),
        [frame(&[0x00, 0x01, 0x7F])]
    );
    bench.receive(&UA);
    bench.link.release(bench.now);
    assert_eq!(bench.frames(), [vec![0x00, 0x01, 0x53]]);
    assert_eq!(bench.receive(&UA), [LinkOutput::Released]);
    assert_eq!(bench.link.counters().lost, 1);
}

#[test]
fn unanswered_disc_is_given_up() {
    let mut bench = Bench::up();
    bench.link.release(bench.now);
    let outputs = bench.pass(Duration::from_secs(10));
    assert!(outputs.contains(&LinkOutput::Error(LinkError::DiscUnanswered)));
    assert_eq!(bench.link.state(), LinkState::TeiAssigned);
}

#[test]
fn the_peer_may_establish_again_at_any_time() {
    let mut bench = Bench::up();
    bench.send(2);
    let outputs = bench.receive(&SABME);
    assert_eq!(
        outputs,
        [
            frame(&[0x02, 0x01, 0x73]),
            LinkOutput::Error(LinkError::PeerReestablished),
            LinkOutput::Established { was_up: true },
        ]
    );
    assert_eq!(numbers(&bench.send(1)), [0]);
}
