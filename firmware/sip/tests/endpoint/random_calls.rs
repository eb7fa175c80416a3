//! Thousands of random calls over a bad network: each ends once and alike on both sides, and nothing is left over.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ramal_sip::{EndpointConfig, Method, Transport};

use crate::network::*;
use crate::users::*;

/// How calls ended, as their callers and their called saw it.
type Ends = BTreeMap<(Outcome, Option<Outcome>), u32>;

/// What came of a run.
struct Run {
    tally: Tally,
    ends: Ends,
    pracks: u64,
    updates: u64,
    glares: u64,
}

fn config() -> EndpointConfig {
    EndpointConfig {
        policy: policy(),
        methods: vec![
            Method::Register,
            Method::Options,
            Method::Refer,
            Method::Notify,
        ],
        supported: vec!["replaces".into()],
        ..EndpointConfig::default()
    }
}

fn random_calls(seed: u64, quality: Quality, transport: Transport, calls: u32) -> Run {
    let mut network = Network::with(quality, seed, transport, [config(), config()]);
    let mut users = Users::new(seed + 1000);
    for call in 0..calls {
        let host = (call % 2) as usize;
        users.plan(0, host, u64::from(calls) * 200, Intent::Call(None));
        if call % 10 == 0 {
            users.plan(0, host, u64::from(calls) * 200, Intent::Register);
        }
    }
    let mut glares = 0;
    while let Some(time) = users.next() {
        let happened = network.step(network.start + Duration::from_millis(time));
        users.hear_all(&mut network);
        if !happened {
            users.do_next(&mut network);
        }
        glares += network
            .trace
            .drain(..)
            .filter(|sent| sent.3.starts_with("491"))
            .count() as u64;
    }
    // The longest thing that may be under way is a transfer.
    network.run(Duration::from_secs(500));
    users.hear_all(&mut network);
    network.assert_nothing_left();
    for (end, side) in &users.sides {
        assert_eq!(side.outcomes.len(), 1, "{end:?} ends exactly once");
    }
    for (registration, answers) in &users.registrations {
        assert_eq!(*answers, 1, "{registration:?} is answered exactly once");
    }
    let mut ends = Ends::new();
    for [caller, called] in &users.calls {
        let outcome = |end: &Option<_>| end.map(|end| users.sides[&end].outcomes[0]);
        let key = (outcome(caller).unwrap(), outcome(called));
        *ends.entry(key).or_default() += 1;
    }
    let sent = [ALICE, BOB].map(|host| network.counters(host).sent);
    Run {
        tally: users.tally,
        ends,
        pracks: sent[0].prack + sent[1].prack,
        updates: sent[0].update + sent[1].update,
        glares,
    }
}

/// Runs of many seeds on all cores, added up.
fn many(seeds: u64, quality: Quality, calls: u32) -> Run {
    let next = AtomicU64::new(0);
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let mut runs = Vec::new();
    std::thread::scope(|scope| {
        let work = || {
            let seed = || next.fetch_add(1, Ordering::Relaxed);
            std::iter::repeat_with(seed)
                .take_while(|seed| *seed < seeds)
                .map(|seed| random_calls(seed, quality, Transport::Udp, calls))
                .collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            runs.extend(worker.join().expect("every run succeeds"));
        }
    });
    runs.into_iter().reduce(Run::and).expect("a run")
}

impl Run {
    fn and(mut self, other: Self) -> Self {
        let (mine, theirs) = (&mut self.tally, other.tally);
        mine.begun += theirs.begun;
        mine.answered += theirs.answered;
        mine.early_media += theirs.early_media;
        mine.offers_answered += theirs.offers_answered;
        mine.early_offers_answered += theirs.early_offers_answered;
        mine.infos += theirs.infos;
        mine.registered += theirs.registered;
        mine.transferred += theirs.transferred;
        mine.replaced += theirs.replaced;
        mine.agreed += theirs.agreed;
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.pracks += other.pracks;
        self.updates += other.updates;
        self.glares += other.glares;
        self
    }

    /// Asserts that both sides of each call tell the same story: one ended it and the other was told so, or both ended
    /// it at once, or it never arrived. Gives the number of those where the network kept the truth from one of them.
    fn assert_alike(&self) -> u32 {
        use Outcome::{Mine, Silence, Theirs};
        let mut silent = 0;
        for (end, count) in &self.ends {
            match end {
                (Mine, Some(Theirs) | None) | (Theirs, Some(Mine)) | (Mine, Some(Mine)) => {}
                (Silence, _) | (_, Some(Silence)) => silent += count,
                _ => panic!("{count} calls ended as {end:?} for caller and called"),
            }
        }
        silent
    }
}

#[test]
fn ten_thousand_calls_at_30_percent_loss_leave_nothing_over_and_end_alike() {
    let quality = Quality {
        loss: 30,
        duplication: 10,
        delay: (5, 300),
    };
    let run = many(20, quality, 500);
    let tally = &run.tally;
    assert!(tally.begun > 10_000, "with those made by transfers");
    assert!(tally.answered > 6_000 && tally.early_media > 1_000);
    assert!(tally.offers_answered > 4_000 && tally.early_offers_answered > 300);
    assert!(tally.infos > 5_000 && tally.registered > 990);
    assert!(tally.transferred > 150 && tally.replaced > 300);
    assert!(tally.agreed > 5_000, "{tally:?}");
    assert!(run.pracks > 2_000 && run.updates > 500 && run.glares > 500);
    // Both ways must succeed once in the 7 tries of an INVITE: 0.51^7 = 0.9% never do.
    let silent = run.assert_alike();
    assert!(silent * 100 < tally.begun, "{:?}", run.ends);
}

#[test]
fn calls_over_a_reliable_transport_leave_nothing_over_and_end_alike() {
    let quality = Quality {
        loss: 0,
        duplication: 0,
        delay: (10, 10),
    };
    let run = random_calls(7, quality, Transport::Tcp, 300);
    let tally = &run.tally;
    assert!(
        tally.answered > 150 && tally.offers_answered > 120 && tally.infos > 120,
        "{tally:?}"
    );
    assert_eq!(run.assert_alike(), 0);
}

#[test]
fn calls_over_a_dead_network_leave_nothing_over() {
    let quality = Quality {
        loss: 100,
        duplication: 0,
        delay: (10, 10),
    };
    let run = random_calls(8, quality, Transport::Udp, 50);
    assert_eq!((run.tally.answered, run.tally.registered), (0, 0));
}
