//! What a stream tells of itself.

use std::time::Duration;

use super::RtpStream;
use crate::StreamStatistics;
use crate::quality::mean_opinion_score;

impl RtpStream {
    pub(crate) fn statistics(&self) -> StreamStatistics {
        let clock_rate = self.clock_rate();
        let (reception, transmission) = (&self.reception, &self.transmission);
        let known = self.reports.statistics(clock_rate);
        let (received, lost) = (reception.packets, reception.lost());
        let jitter_ms = reception.jitter_ms(clock_rate);
        let remote_lost = known
            .remote_lost
            .map(|lost| lost.max(0).unsigned_abs().into());
        StreamStatistics {
            mos: (received > 0)
                .then(|| opinion(lost, received + lost, jitter_ms, known.round_trip_ms)),
            remote_mos: remote_lost.map(|lost| {
                let jitter_ms = known.remote_jitter_ms.unwrap_or_default();
                opinion(lost, transmission.packets, jitter_ms, known.round_trip_ms)
            }),
            packets_received: reception.packets,
            octets_received: reception.octets,
            lost,
            out_of_order: reception.out_of_order,
            duplicates: reception.duplicates,
            jitter_ms,
            packets_sent: transmission.packets,
            octets_sent: transmission.octets,
            send_failures: transmission.failures,
            malformed: self.malformed,
            foreign: self.foreign,
            unauthentic: self.unauthentic,
            replayed: self.replayed,
            unknown_payload: self.unknown_payload,
            digits: self.digits_reported,
            source: self.far.as_ref().and_then(|far| far.latch.source()),
            ..known
        }
    }
}

/// Milliseconds from mouth to ear beside the network: one packet to be filled, one to be played.
const PACKETISATION_MS: f64 = 40.0;

/// Mean opinion score of a direction. A jitter buffer holds back about twice the jitter.
fn opinion(lost: u64, sent: u64, jitter_ms: f64, round_trip_ms: Option<f64>) -> f64 {
    let loss = lost as f64 / sent.max(1) as f64;
    let delay_ms = PACKETISATION_MS + 2.0 * jitter_ms + round_trip_ms.unwrap_or_default() / 2.0;
    // No measured delay comes near a minute; the bound keeps the conversion from panicking.
    mean_opinion_score(
        loss,
        Duration::from_secs_f64(delay_ms.clamp(0.0, 60_000.0) / 1_000.0),
    )
}
