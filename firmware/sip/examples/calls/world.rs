//! Phones, the gateway between them, a network without loss, and simulated time.

use std::collections::HashMap;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ramal_sip::digest::Ha1;
use ramal_sip::{Flow, Transport};

use crate::gateway::{Gateway, Registered};
use crate::phones::{Phones, SECRET};
use crate::reference::Datagrams;
use crate::{allocations, cpu_time};

/// Phones that call, and as many that are called.
const PHONES: usize = 5_000;
/// Calls that begin at the same time, and how often.
const BATCH: usize = 10;
const TICK: Duration = Duration::from_millis(100);
/// Ticks after which as many finished transactions come as go: those of an INVITE over UDP stay for 32 s.
const STEADY: usize = 400;
/// Ticks of a turn.
const TURN: usize = 20;
const GATEWAY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5060);

/// What a turn took.
pub struct Turn {
    pub calls: usize,
    pub time: Duration,
    pub allocations: usize,
}

pub struct World {
    at_once: usize,
    now: Instant,
    gateway: Gateway,
    callers: Phones,
    callees: Phones,
    begun: usize,
    to_gateway: Vec<(Flow, Bytes)>,
    from_gateway: Vec<(Flow, Bytes)>,
    time: Duration,
    allocations: usize,
    /// Filled for as long as it is there.
    capture: Option<Datagrams>,
}

/// The caller or the callee with this index.
fn number(called: bool, index: usize) -> String {
    (index + if called { 200_000 } else { 100_000 }).to_string()
}

/// Its way to the gateway.
fn flow(called: bool, index: usize) -> Flow {
    let [.., high, low] = u32::try_from(index).unwrap_or(0).to_be_bytes();
    let address = Ipv4Addr::new(10, if called { 2 } else { 1 }, high, low);
    Flow {
        transport: Transport::Udp,
        local: (address, 5060).into(),
        remote: GATEWAY,
        connection: 0,
    }
}

fn reversed(flow: Flow) -> Flow {
    Flow {
        local: flow.remote,
        remote: flow.local,
        ..flow
    }
}

impl World {
    /// A world with `at_once` calls in progress, once it is filled.
    pub fn new(at_once: usize) -> Result<Self, Box<dyn Error>> {
        let mut registered = HashMap::new();
        for (called, index) in [false, true]
            .into_iter()
            .flat_map(|called| (0..PHONES).map(move |index| (called, index)))
        {
            let (number, flow) = (number(called, index), flow(called, index));
            let phone = Registered {
                ha1: Ha1::new(&number, "ramal", SECRET),
                flow: reversed(flow),
                target: format!("sip:{number}@{}", flow.local).parse()?,
            };
            registered.insert(number, phone);
        }
        Ok(Self {
            at_once,
            now: Instant::now(),
            gateway: Gateway::new(registered),
            callers: Phones::new(2),
            callees: Phones::new(3),
            begun: 0,
            to_gateway: Vec::new(),
            from_gateway: Vec::new(),
            time: Duration::ZERO,
            allocations: 0,
            capture: None,
        })
    }

    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// Makes calls until as many stand as are to, and as many transactions go as come.
    pub fn fill(&mut self) -> Result<(), Box<dyn Error>> {
        for _ in 0..self.at_once / BATCH + STEADY {
            self.tick()?;
        }
        Ok(())
    }

    /// Makes calls for a while and measures the gateway.
    pub fn turn(&mut self) -> Result<Turn, Box<dyn Error>> {
        self.time = Duration::ZERO;
        let (begun, allocations) = (self.begun, self.allocations);
        for _ in 0..TURN {
            self.tick()?;
        }
        Ok(Turn {
            calls: self.begun - begun,
            time: self.time,
            allocations: self.allocations - allocations,
        })
    }

    /// Transactions of the gateway, most of them finished.
    pub fn lingering(&self) -> usize {
        self.gateway.endpoint.counters().transactions
    }

    /// The datagrams of one call at the gateway.
    pub fn datagrams_of_a_call(mut self) -> Result<Datagrams, Box<dyn Error>> {
        self.capture = Some(Datagrams::default());
        self.begin()?;
        self.settle();
        self.callers.hang_up(self.now);
        self.settle();
        self.capture.ok_or_else(|| "no datagrams".into())
    }

    /// Ends all calls and waits for all timers; nothing may be left over, and every call must have been one.
    pub fn empty(mut self) -> Result<(), Box<dyn Error>> {
        while !self.callers.standing.is_empty() {
            self.callers.hang_up(self.now);
        }
        self.settle();
        self.now += Duration::from_secs(100);
        self.settle();
        let counters = self.gateway.endpoint.counters();
        if counters.transactions + counters.timers + counters.sessions + counters.dialogs > 0 {
            return Err(format!("something was left over: {counters:?}").into());
        }
        if self.gateway.completed != self.begun || self.callers.failed > 0 {
            let (begun, completed) = (self.begun, self.gateway.completed);
            return Err(format!("{completed} of {begun} calls were completed").into());
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Box<dyn Error>> {
        let index = self.begun % PHONES;
        let (caller, callee) = (number(false, index), number(true, index));
        self.callers
            .call(self.now, flow(false, index), &caller, &callee)?;
        self.begun += 1;
        Ok(())
    }

    /// Some calls begin, as many of the oldest end, and time goes on.
    fn tick(&mut self) -> Result<(), Box<dyn Error>> {
        for _ in 0..BATCH {
            self.begin()?;
        }
        self.settle();
        while self.callers.standing.len() > self.at_once - BATCH {
            self.callers.hang_up(self.now);
        }
        self.now += TICK;
        self.settle();
        Ok(())
    }

    /// Runs the timers and carries datagrams until everybody is quiet.
    fn settle(&mut self) {
        let now = self.now;
        self.callers.endpoint.handle_timeout(now);
        self.callees.endpoint.handle_timeout(now);
        let mut first = true;
        loop {
            let to_gateway = &mut self.to_gateway;
            let mut send = |flow, bytes| to_gateway.push((reversed(flow), bytes));
            self.callers.pump(now, &mut send);
            self.callees.pump(now, &mut send);
            if self.to_gateway.is_empty() && !first {
                return;
            }
            if let Some(capture) = &mut self.capture {
                let received = self.to_gateway.iter().map(|(_, bytes)| bytes.clone());
                capture.received.extend(received);
            }
            self.gateways_turn(first);
            first = false;
            if let Some(capture) = &mut self.capture {
                let sent = self.from_gateway.iter().map(|(_, bytes)| bytes.clone());
                capture.sent.extend(sent);
            }
            for (flow, bytes) in self.from_gateway.drain(..) {
                let called =
                    matches!(flow.remote.ip(), std::net::IpAddr::V4(ip) if ip.octets()[1] == 2);
                let phones = match called {
                    true => &mut self.callees,
                    false => &mut self.callers,
                };
                phones.endpoint.handle_message(now, reversed(flow), bytes);
            }
        }
    }

    /// The part that is measured.
    fn gateways_turn(&mut self, timers: bool) {
        let (now, gateway) = (self.now, &mut self.gateway);
        let from_gateway = &mut self.from_gateway;
        let mut send = |flow, bytes| from_gateway.push((flow, bytes));
        let (start, before) = (cpu_time(), allocations::count());
        if timers {
            gateway.tick(now, &mut send);
        }
        for (flow, datagram) in &self.to_gateway {
            gateway.receive(now, *flow, datagram, &mut send);
        }
        self.time += cpu_time() - start;
        self.allocations += allocations::count() - before;
        // Where they lie was the phones' allocation.
        self.to_gateway.clear();
    }
}
