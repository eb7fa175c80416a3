//! Key presses out of RFC 4733 packets: each is reported once.

use std::time::{Duration, Instant};

use ramal_dsp::TelephoneEvent;

/// A press without its end packets is over when no update came for this long: three update
/// intervals of 50 ms (RFC 4733 §2.5.2.2).
const LOST_END: Duration = Duration::from_millis(150);

/// A finished press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Press {
    pub(crate) digit: char,
    pub(crate) duration_ms: u32,
}

/// Folds updates and retransmissions of one source into presses.
#[derive(Clone, Debug, Default)]
pub(crate) struct DigitReceiver {
    current: Option<Current>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    ssrc: u32,
    timestamp: u32,
    event: TelephoneEvent,
    updated: Instant,
    reported: bool,
}

impl Current {
    fn finish(&mut self) -> Option<Press> {
        if std::mem::replace(&mut self.reported, true) {
            return None;
        }
        let digit = self.event.digit()?;
        Some(Press {
            digit,
            duration_ms: self.event.duration_ms(),
        })
    }
}

impl DigitReceiver {
    /// Takes one event packet. Up to two presses end with it: the one before, whose end was lost, and
    /// its own.
    pub(crate) fn receive(
        &mut self,
        ssrc: u32,
        timestamp: u32,
        event: TelephoneEvent,
        now: Instant,
    ) -> [Option<Press>; 2] {
        let mut before = None;
        let same = self.current.as_mut().filter(|current| {
            (current.ssrc, current.timestamp, current.event.event) == (ssrc, timestamp, event.event)
        });
        let current = match same {
            Some(current) => {
                current.updated = now;
                if !current.reported && event.duration >= current.event.duration {
                    current.event = event;
                }
                current
            }
            None => {
                // A packet of an earlier press, overtaken by this one's, begins nothing new.
                let late = self.current.as_ref().is_some_and(|current| {
                    current.ssrc == ssrc
                        && timestamp.wrapping_sub(current.timestamp).cast_signed() < 0
                });
                if late {
                    return [None, None];
                }
                before = self.current.as_mut().and_then(Current::finish);
                self.current.insert(Current {
                    ssrc,
                    timestamp,
                    event,
                    updated: now,
                    reported: false,
                })
            }
        };
        let own = if event.end { current.finish() } else { None };
        [before, own]
    }

    /// The press whose end never came, once its time is over.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Press> {
        self.current
            .as_mut()
            .filter(|current| now.saturating_duration_since(current.updated) >= LOST_END)
            .and_then(Current::finish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ramal_dsp::digit_packets;

    /// Presses reported for the packets of `digit` of which `keep` says which arrive.
    fn press(
        receiver: &mut DigitReceiver,
        digit: char,
        timestamp: u32,
        start: Instant,
        keep: impl Fn(usize) -> bool,
    ) -> Vec<Press> {
        digit_packets(digit, 100)
            .unwrap()
            .enumerate()
            .filter(|(index, _)| keep(*index))
            .flat_map(|(_, packet)| {
                let now = start + Duration::from_millis(packet.at_ms.into());
                receiver.receive(1, timestamp, packet.event, now)
            })
            .flatten()
            .collect()
    }

    #[test]
    fn a_press_is_reported_once_with_its_whole_length() {
        let mut receiver = DigitReceiver::default();
        let start = Instant::now();
        let presses = press(&mut receiver, '5', 100, start, |_| true);
        assert_eq!(
            presses,
            [Press {
                digit: '5',
                duration_ms: 100
            }]
        );
        assert_eq!(receiver.expire(start + Duration::from_secs(1)), None);
    }

    #[test]
    fn the_same_key_twice_is_two_presses() {
        let mut receiver = DigitReceiver::default();
        let start = Instant::now();
        assert_eq!(press(&mut receiver, '1', 100, start, |_| true).len(), 1);
        assert_eq!(press(&mut receiver, '1', 1_700, start, |_| true).len(), 1);
    }

    #[test]
    fn lost_end_packets_are_made_up_for_by_time_or_by_the_next_press() {
        let mut receiver = DigitReceiver::default();
        let start = Instant::now();
        assert_eq!(press(&mut receiver, '7', 100, start, |index| index < 3), []);
        assert_eq!(receiver.expire(start + Duration::from_millis(60)), None);
        let expired = receiver.expire(start + Duration::from_millis(200));
        assert_eq!(
            expired,
            Some(Press {
                digit: '7',
                duration_ms: 60
            })
        );

        assert_eq!(
            press(&mut receiver, '8', 4_000, start, |index| index < 2),
            []
        );
        let both = press(&mut receiver, '9', 8_000, start, |_| true);
        assert_eq!(
            both.iter().map(|press| press.digit).collect::<String>(),
            "89"
        );
    }

    #[test]
    fn packets_out_of_order_make_no_second_press() {
        let mut receiver = DigitReceiver::default();
        let now = Instant::now();
        let packets: Vec<_> = digit_packets('3', 60).unwrap().collect();
        let mut presses = Vec::new();
        for index in [0, 4, 1, 3, 2] {
            presses.extend(
                receiver
                    .receive(1, 50, packets[index].event, now)
                    .into_iter()
                    .flatten(),
            );
        }
        let next = digit_packets('4', 20).unwrap().next().unwrap().event;
        presses.extend(receiver.receive(1, 900, next, now).into_iter().flatten());
        presses.extend(
            receiver
                .receive(1, 50, packets[4].event, now)
                .into_iter()
                .flatten(),
        );
        assert_eq!(
            presses.iter().map(|press| press.digit).collect::<String>(),
            "34"
        );
    }

    #[test]
    fn events_that_are_no_digits_report_nothing() {
        let mut receiver = DigitReceiver::default();
        let flash = TelephoneEvent {
            event: 16,
            end: true,
            volume: 0,
            duration: 800,
        };
        assert_eq!(receiver.receive(1, 1, flash, Instant::now()), [None, None]);
    }
}
