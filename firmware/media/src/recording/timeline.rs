//! Where in the recording a packet belongs.
//!
//! Packets of one source keep the spacing of their RTP timestamps; where the source as a whole lies is decided by when
//! its packets came. A packet may be late and is never early, so the least delay of a while shows the true place: it
//! corrects what the first packet's jitter, or a clock that is not exactly ours, has put wrong, a few samples at a time.

/// Samples a second of every recording of telephone speech.
pub(super) const RATE: u64 = 8_000;

/// Packets whose least delay is taken for the true one: a second.
const WINDOW: u32 = 50;
/// Packets in a row that are far too late before the source is believed to have stood still: half a second.
const STUCK: u32 = 25;
/// Samples a source may lie wrong before it is moved: 5 ms.
const TOLERANCE: i64 = 40;
/// Samples it is moved with each packet at most: half a millisecond, not heard.
const STEP: i64 = 4;
/// Samples too early (60 ms) from which the timestamps must have jumped.
const EARLY: i64 = -480;
/// Samples too late (100 ms) from which they may have stood still.
const LATE: i64 = 800;
/// Samples too late (3 s) that no network explains.
const VERY_LATE: i64 = 24_000;

/// The places of one side's packets.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    source: Option<Source>,
}

#[derive(Debug)]
struct Source {
    epoch: u64,
    /// A timestamp, and the place of its sample.
    timestamp: u32,
    position: i64,
    /// Least delay of this window so far, and packets in it.
    least: i64,
    packets: u32,
    /// Packets in a row that were far too late.
    stuck: u32,
    /// Samples by which it is still to be moved.
    correction: i64,
}

impl Timeline {
    /// The place of a packet that came at `arrived` (both in samples since the beginning of the recording). `epoch`
    /// names its source.
    pub(super) fn place(&mut self, epoch: u64, timestamp: u32, arrived: i64) -> i64 {
        let source = match &mut self.source {
            Some(source) if source.epoch == epoch => source,
            _ => return self.begin(epoch, timestamp, arrived),
        };
        let ahead = i64::from(timestamp.wrapping_sub(source.timestamp).cast_signed());
        let position = source.position + ahead;
        let delay = arrived - position;
        source.stuck = if delay > LATE { source.stuck + 1 } else { 0 };
        if !(EARLY..=VERY_LATE).contains(&delay) || source.stuck >= STUCK {
            return self.begin(epoch, timestamp, arrived);
        }
        if ahead > 0 {
            // Late packets are measured by the newest, so that the timestamp never wraps.
            (source.timestamp, source.position) = (timestamp, position);
        }
        source.least = source.least.min(delay);
        source.packets += 1;
        if source.packets >= WINDOW {
            if source.least.abs() > TOLERANCE {
                source.correction = source.least;
            }
            (source.least, source.packets) = (i64::MAX, 0);
        }
        let step = source.correction.clamp(-STEP, STEP);
        source.correction -= step;
        source.position += step;
        if source.packets > 0 && source.least != i64::MAX {
            source.least -= step;
        }
        position
    }

    /// The next packet begins a source anew.
    pub(super) fn forget(&mut self) {
        self.source = None;
    }

    fn begin(&mut self, epoch: u64, timestamp: u32, arrived: i64) -> i64 {
        self.source = Some(Source {
            epoch,
            timestamp,
            position: arrived,
            least: i64::MAX,
            packets: 0,
            stuck: 0,
            correction: 0,
        });
        arrived
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: i64 = 160;

    /// A small generator, so that the tests are the same every time.
    fn random(state: &mut u64) -> i64 {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (*state >> 33) as i64
    }

    #[test]
    fn spacing_is_that_of_the_timestamps_with_loss_and_reordering() {
        let mut timeline = Timeline::default();
        let base = u32::MAX - 200;
        for number in [0i64, 1, 3, 2, 7, 6] {
            let timestamp = base.wrapping_add((number * FRAME) as u32);
            let place = timeline.place(1, timestamp, 100 + number * FRAME + 20);
            assert_eq!(place, 120 + number * FRAME);
        }
    }

    #[test]
    fn jitter_of_the_first_packet_is_corrected() {
        let mut timeline = Timeline::default();
        let mut state = 7;
        let mut last = 0;
        for number in 0..500i64 {
            let jitter = if number == 0 {
                400
            } else {
                random(&mut state) % 480
            };
            last = timeline.place(1, (number * FRAME) as u32, number * FRAME + jitter);
        }
        let wrong = last - 499 * FRAME;
        assert!((-20..=60).contains(&wrong), "{wrong} samples");
    }

    #[test]
    fn an_hour_of_a_fast_or_slow_clock_stays_within_ten_milliseconds() {
        for ppm in [100.0f64, -100.0, 300.0] {
            let mut timeline = Timeline::default();
            let mut state = 3;
            for number in 0..180_000i64 {
                let sent = number as f64 * FRAME as f64 * (1.0 - ppm / 1e6);
                let arrived = sent as i64 + random(&mut state) % 240;
                let place = timeline.place(1, (number * FRAME) as u32, arrived);
                let wrong = place - sent as i64;
                if number > 200 {
                    assert!(
                        wrong.abs() <= 160,
                        "{wrong} samples at packet {number}, {ppm} ppm"
                    );
                }
            }
        }
    }

    #[test]
    fn a_gap_keeps_its_length_whether_or_not_the_timestamps_count_it() {
        // Counted: silence suppression. Not counted: a phone that stops its clock while it holds.
        for counted in [true, false] {
            let mut timeline = Timeline::default();
            for number in 0..100i64 {
                timeline.place(1, (number * FRAME) as u32, number * FRAME);
            }
            let gap = 5 * RATE as i64;
            let mut last = 0;
            for number in 100..200i64 {
                let ahead = if counted { gap } else { 0 };
                let timestamp = (number * FRAME + ahead) as u32;
                last = timeline.place(1, timestamp, number * FRAME + gap);
            }
            assert_eq!(last, 199 * FRAME + gap, "{counted}");
        }
    }

    #[test]
    fn a_short_stop_of_the_clock_is_found_out() {
        let mut timeline = Timeline::default();
        for number in 0..100i64 {
            timeline.place(1, (number * FRAME) as u32, number * FRAME);
        }
        let mut last = 0;
        for number in 100..140i64 {
            last = timeline.place(1, (number * FRAME) as u32, number * FRAME + 2_000);
        }
        assert_eq!(last, 139 * FRAME + 2_000);
    }

    #[test]
    fn a_burst_after_a_stall_keeps_its_places() {
        let mut timeline = Timeline::default();
        for number in 0..200i64 {
            // Twenty packets are held up by the network and come at once.
            let arrived = if (100..120).contains(&number) {
                120
            } else {
                number
            };
            let place = timeline.place(1, (number * FRAME) as u32, arrived * FRAME);
            assert_eq!(place, number * FRAME);
        }
    }

    #[test]
    fn another_source_begins_where_it_came() {
        let mut timeline = Timeline::default();
        timeline.place(1, 0, 1_000);
        assert_eq!(timeline.place(2, 77, 9_000), 9_000);
        assert_eq!(timeline.place(2, 77 + 160, 9_170), 9_160);
        timeline.forget();
        assert_eq!(timeline.place(2, 77 + 320, 20_000), 20_000);
    }
}
