//! What the datagrams of a call cost without a SIP stack.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use rsip::SipMessage;

use crate::{cpu_time, median};

/// Calls' worth of datagrams in a turn.
const CALLS: u32 = 50;

/// The datagrams of one call at the gateway.
#[derive(Default)]
pub struct Datagrams {
    pub received: Vec<Bytes>,
    pub sent: Vec<Bytes>,
}

pub struct Reference {
    datagrams: Datagrams,
    /// Those that are sent, as the other crate knows them.
    read: Vec<SipMessage>,
    scan: Vec<f64>,
    rsip: Vec<f64>,
}

impl Reference {
    pub fn new(datagrams: Datagrams) -> Result<Self, rsip::Error> {
        let read = datagrams
            .sent
            .iter()
            .map(|sent| SipMessage::try_from(&sent[..]))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            datagrams,
            read,
            scan: Vec::new(),
            rsip: Vec::new(),
        })
    }

    pub fn messages(&self) -> usize {
        self.datagrams.received.len() + self.datagrams.sent.len()
    }

    /// Measures both for a while.
    pub fn turn(&mut self) {
        let Datagrams { received, sent } = &self.datagrams;
        self.scan.push(each(|| {
            for datagram in received.iter().chain(sent) {
                let copy = black_box(datagram).to_vec();
                black_box(memchr::memchr_iter(b'\n', &copy).count());
            }
        }));
        self.rsip.push(each(|| {
            for datagram in received {
                let _ = black_box(SipMessage::try_from(&black_box(datagram)[..]));
            }
            for message in &self.read {
                black_box(black_box(message).to_string());
            }
        }));
    }

    /// Microseconds of a call: `scan` and `rsip`.
    pub fn medians(&self) -> (f64, f64) {
        (median(self.scan.clone()), median(self.rsip.clone()))
    }
}

/// Microseconds of one call's worth.
fn each(mut once: impl FnMut()) -> f64 {
    let start = cpu_time();
    for _ in 0..CALLS {
        once();
    }
    let time: Duration = cpu_time() - start;
    time.as_secs_f64() * 1e6 / f64::from(CALLS)
}
