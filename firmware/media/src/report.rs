//! When reports are sent and what is known from those received.

use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use socket2::SockAddr;

use crate::far::Far;
use crate::reception::Reception;
use crate::rtcp::{self, LastReport, OwnReport, SenderFigures};
use crate::secure::Security;
use crate::transmission::Transmission;
use crate::{StreamStatistics, socket};

/// Mean time between reports (RFC 3550 §6.2).
const INTERVAL: Duration = Duration::from_secs(5);

/// The RTCP side of a stream.
pub(crate) struct Reports {
    cname: [u8; rtcp::CNAME_LENGTH],
    destination: Option<SockAddr>,
    next: Instant,
    /// State of the generator that spreads the intervals.
    spread: u32,
    last_sender_report: Option<(u32, Instant)>,
    received: u64,
    sent: u64,
    round_trip_ms: Option<f64>,
    remote_lost: Option<i32>,
    remote_fraction_lost: Option<u8>,
    remote_jitter: Option<u32>,
}

impl Reports {
    pub(crate) fn new(cname: [u8; rtcp::CNAME_LENGTH], seed: u32, now: Instant) -> Self {
        let mut reports = Reports {
            cname,
            destination: None,
            next: now,
            spread: seed | 1,
            last_sender_report: None,
            received: 0,
            sent: 0,
            round_trip_ms: None,
            remote_lost: None,
            remote_fraction_lost: None,
            remote_jitter: None,
        };
        // The first one comes after half the time (RFC 3550 §6.2).
        reports.schedule(now, INTERVAL / 2);
        reports
    }

    /// Sends to `destination` from now on.
    pub(crate) fn aim(&mut self, destination: SocketAddr, ipv6: bool) {
        self.destination = Some(socket::destination(destination, ipv6));
    }

    /// Follows media that goes elsewhere than was described: to the same port where RTCP shares it, and otherwise to the next
    /// higher one (RFC 3550 §11), which is the likeliest behind an address translation until reports of the far end show
    /// where they come from.
    pub(crate) fn follow(&mut self, far: &Far, ipv6: bool) {
        if far.remote.rtcp_mux {
            self.destination = Some(far.destination.clone());
        } else if far.remote.symmetric
            && let Some(source) = far.latch.source()
            && source.ip() != far.remote.rtp.ip()
        {
            let port = source.port().saturating_add(1);
            self.aim(SocketAddr::new(source.ip(), port), ipv6);
        }
    }

    /// Reads a compound packet; false when it is not valid.
    pub(crate) fn receive(&mut self, datagram: &[u8], own_ssrc: u32, now: Instant) -> bool {
        let Some(report) = rtcp::parse(datagram, own_ssrc) else {
            return false;
        };
        self.received += 1;
        if let Some(middle) = report.sender_report {
            self.last_sender_report = Some((middle, now));
        }
        if let Some(block) = report.block {
            self.remote_lost = Some(block.cumulative_lost);
            self.remote_fraction_lost = Some(block.fraction_lost);
            self.remote_jitter = Some(block.jitter);
            let round_trip = rtcp::round_trip_ms(&block, rtcp::ntp_now());
            self.round_trip_ms = round_trip.or(self.round_trip_ms);
        }
        true
    }

    /// Packets of a hundred that the far end lost between its last two reports.
    pub(crate) fn remote_loss_percent(&self) -> Option<u8> {
        let of_256 = u32::from(self.remote_fraction_lost?);
        Some((of_256 * 100).div_ceil(256) as u8)
    }

    /// Whether it is time for a report.
    pub(crate) fn due(&self, now: Instant) -> bool {
        now >= self.next && self.destination.is_some()
    }

    /// Sends a report and schedules the next.
    pub(crate) fn send(
        &mut self,
        socket: RawFd,
        security: &mut Security,
        transmission: &Transmission,
        reception: &mut Reception,
        clock_rate: u32,
        now: Instant,
    ) {
        self.schedule(now, INTERVAL);
        self.compose_and_send(
            socket,
            security,
            transmission,
            reception,
            clock_rate,
            now,
            false,
        );
    }

    /// Sends a last report with BYE, unless the far end never had one.
    pub(crate) fn goodbye(
        &mut self,
        socket: RawFd,
        security: &mut Security,
        transmission: &Transmission,
        reception: &mut Reception,
        clock_rate: u32,
        now: Instant,
    ) {
        if self.sent > 0 {
            self.compose_and_send(
                socket,
                security,
                transmission,
                reception,
                clock_rate,
                now,
                true,
            );
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "parts of one stream, borrowed apart"
    )]
    fn compose_and_send(
        &mut self,
        socket: RawFd,
        security: &mut Security,
        transmission: &Transmission,
        reception: &mut Reception,
        clock_rate: u32,
        now: Instant,
        goodbye: bool,
    ) {
        let Some(destination) = &self.destination else {
            return;
        };
        // A sender is one that sent within the last two intervals (RFC 3550 §6.4).
        let lately = |at: Instant| now.saturating_duration_since(at) < INTERVAL * 2;
        let sender = transmission
            .last_sent()
            .filter(|&at| lately(at))
            .and_then(|_| transmission.timestamp_at(now, clock_rate))
            .map(|timestamp| SenderFigures {
                ntp: rtcp::ntp_now(),
                timestamp,
                packets: transmission.packets as u32,
                octets: transmission.octets as u32,
            });
        let last = self
            .last_sender_report
            .map_or(LastReport::default(), |(ntp_middle, at)| LastReport {
                ntp_middle,
                delay: rtcp::delay_since(at, now),
            });
        let report = OwnReport {
            ssrc: transmission.ssrc,
            cname: &self.cname,
            sender,
            reception: reception.report().map(|figures| (figures, last)),
            goodbye,
        };
        let mut buffer = [0u8; rtcp::ROOM];
        let length = rtcp::compose(&report, &mut buffer);
        let sealed = security.seal_rtcp(&buffer[..length]);
        if sealed.is_some_and(|sealed| socket::send(socket, sealed, Some(destination))) {
            self.sent += 1;
        }
    }

    /// Spreads the next report over half to one and a half times `interval`, so that streams opened
    /// together do not report together (RFC 3550 §6.3.1).
    fn schedule(&mut self, now: Instant, interval: Duration) {
        // xorshift32 (Marsaglia 2003)
        self.spread ^= self.spread << 13;
        self.spread ^= self.spread >> 17;
        self.spread ^= self.spread << 5;
        self.next = now + interval / 2 + interval * (self.spread >> 16) / 65_536;
    }

    /// The figures known here; all others are at their default.
    pub(crate) fn statistics(&self, clock_rate: u32) -> StreamStatistics {
        let jitter_ms = |units: u32| f64::from(units) * 1_000.0 / f64::from(clock_rate);
        StreamStatistics {
            rtcp_received: self.received,
            rtcp_sent: self.sent,
            round_trip_ms: self.round_trip_ms,
            remote_lost: self.remote_lost,
            remote_jitter_ms: self.remote_jitter.map(jitter_ms),
            ..StreamStatistics::default()
        }
    }
}
