//! How much CPU a call costs: two endpoints back to back, from INVITE to the last timer, in simulated time.
//!
//! Each call is challenged and its credentials are verified; 180, 200, ACK, a talk, BYE. Both ends of each call are
//! counted, so that a call here is as much work as a two-leg call through the gateway. Whatever else runs on the machine,
//! only the time of the CPU counts. Run with
//! `cargo run --release -p ramal-sip --example call_rate -- [CALLS] [AT_ONCE ...]`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::sys::resource::{UsageWho, getrusage};
use ramal_sip::digest::{Challenger, Ha1, Proof, Secret};
use ramal_sip::{
    Endpoint, EndpointConfig, Event, Flow, HeaderName, Invite, NameAddr, SessionId, StatusCode,
    Transport, Uri,
};

const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

const USER: &str = "1001";
const SECRET: &str = "secret";

struct Pair {
    now: Instant,
    challenger: Challenger,
    ha1: Ha1,
    ends: [Endpoint; 2],
    flows: [Flow; 2],
    /// Answered calls at the caller's end, oldest first.
    standing: std::collections::VecDeque<SessionId>,
    messages: usize,
}

impl Pair {
    /// Carries messages and answers events until both ends are quiet.
    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            for end in 0..2 {
                while let Some(event) = self.ends[end].poll_event() {
                    quiet = false;
                    self.hear(end, event);
                }
                while let Some(transmit) = self.ends[end].poll_transmit() {
                    quiet = false;
                    self.messages += 1;
                    let flow = self.flows[1 - end];
                    self.ends[1 - end].handle_message(self.now, flow, transmit.message);
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn hear(&mut self, end: usize, event: Event) {
        match event {
            Event::Incoming {
                session, request, ..
            } => {
                let source = self.flows[end].remote.ip();
                let credentials = request.headers.authorization().unwrap_or_default();
                let verified = credentials.first().is_some_and(|credentials| {
                    let proof = Proof {
                        credentials,
                        method: &request.method,
                        uri: &request.uri,
                        body: &request.body,
                    };
                    let ha1 = self.ha1;
                    let user = |name: &str| (name == USER).then_some(ha1);
                    self.challenger.verify(1, source, proof, user).is_ok()
                });
                if verified {
                    self.ends[end].progress(self.now, session, StatusCode::RINGING, None);
                    self.ends[end].accept(self.now, session, Bytes::from_static(SDP));
                } else {
                    let headers = self
                        .challenger
                        .challenge(1, source, false)
                        .into_iter()
                        .map(|challenge| (HeaderName::WwwAuthenticate, challenge))
                        .collect();
                    self.ends[end].reject(self.now, session, StatusCode::UNAUTHORIZED, headers);
                }
            }
            Event::Answered { session, .. } => self.standing.push_back(session),
            _ => {}
        }
    }

    fn call(&mut self, target: &Uri, caller: &NameAddr) {
        let credentials = ramal_sip::ClientCredentials {
            username: USER.into(),
            secret: Secret::Password(SECRET.into()),
        };
        let invite = Invite {
            contact_user: USER.into(),
            offer: Some(Bytes::from_static(SDP)),
            credentials: Some(credentials),
            ..Invite::new(
                self.flows[0],
                target.clone(),
                caller.clone(),
                NameAddr::new(target.clone()),
            )
        };
        self.ends[0].invite(self.now, invite);
        self.settle();
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self
            .ends
            .iter()
            .filter_map(Endpoint::poll_timeout)
            .min()
            .filter(|next| *next <= end)
        {
            self.now = self.now.max(next);
            for end in &mut self.ends {
                end.handle_timeout(self.now);
            }
            self.settle();
        }
        self.now = end;
    }
}

/// CPU time this thread has used.
fn cpu_time() -> nix::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD)?;
    let time = usage.user_time() + usage.system_time();
    Ok(Duration::from_micros(
        (time.tv_sec() * 1_000_000 + time.tv_usec()).unsigned_abs(),
    ))
}

/// Makes `calls` calls, `at_once` of which stand at a time; prints what they cost.
fn measure(calls: usize, at_once: usize) -> Result<(), Box<dyn std::error::Error>> {
    let flow = |local: &str, remote: &str| -> Result<Flow, std::net::AddrParseError> {
        Ok(Flow {
            transport: Transport::Udp,
            local: local.parse()?,
            remote: remote.parse()?,
            connection: 0,
        })
    };
    let config = || EndpointConfig {
        user_agent: "Ramal".into(),
        ..EndpointConfig::default()
    };
    let mut pair = Pair {
        now: Instant::now(),
        challenger: Challenger::new([3; 32], "ramal"),
        ha1: Ha1::new(USER, "ramal", SECRET),
        ends: [
            Endpoint::new(config(), [1; 32]),
            Endpoint::new(config(), [2; 32]),
        ],
        flows: [
            flow("192.0.2.1:5060", "192.0.2.2:5060")?,
            flow("192.0.2.2:5060", "192.0.2.1:5060")?,
        ],
        standing: Default::default(),
        messages: 0,
    };
    let target: Uri = "sip:2002@192.0.2.2".parse()?;
    let caller = NameAddr::new("sip:1001@192.0.2.1".parse()?).with_display_name("Ana");
    let started = cpu_time()?;
    for _ in 0..calls {
        pair.call(&target, &caller);
        if pair.standing.len() >= at_once
            && let Some(session) = pair.standing.pop_front()
        {
            pair.ends[0].hang_up(pair.now, session, None);
            pair.settle();
        }
        pair.pass(Duration::from_millis(10));
    }
    while let Some(session) = pair.standing.pop_front() {
        pair.ends[0].hang_up(pair.now, session, None);
        pair.settle();
    }
    pair.pass(Duration::from_secs(100));
    let time = cpu_time()? - started;
    for end in &pair.ends {
        let counters = end.counters();
        if counters.transactions + counters.timers + counters.sessions > 0 {
            return Err(format!("something was left over: {counters:?}").into());
        }
    }
    println!(
        "{at_once:5} at once: {:6.1} us a call, {:.1} messages",
        time.as_secs_f64() * 1e6 / calls as f64,
        pair.messages as f64 / calls as f64,
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<usize> = std::env::args()
        .skip(1)
        .map(|argument| argument.parse())
        .collect::<Result<_, _>>()?;
    let calls = numbers.first().copied().unwrap_or(20_000);
    let at_once = match numbers.get(1..) {
        Some([]) | None => &[10, 100, 1000, 5000][..],
        Some(chosen) => chosen,
    };
    println!("{calls} calls each");
    at_once
        .iter()
        .try_for_each(|&number| measure(calls, number))
}
