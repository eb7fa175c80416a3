//! A telephone's ringing with the place of caller ID in it.

use std::time::{Duration, Instant};

use crate::{CallerIdPlace, HardwareCommand, Polarity, RingCadence, RingPlayer};

/// From reversal or ring pulse to the message or the alerting tone (EN 300 659-1 §6.1: 100 ms and more).
const AFTER_SIGN: Duration = Duration::from_millis(300);
/// Length of a ring pulse (EN 300 659-1 §6.1.2: 200-300 ms).
const RING_PULSE: Duration = Duration::from_millis(240);
/// From the alerting tone to the message (EN 300 659-1 §6.1.1: 45-500 ms).
const AFTER_TONE: Duration = Duration::from_millis(100);
/// From the message to the first ring (EN 300 659-1 §6.1: 200-500 ms).
const BEFORE_RING: Duration = Duration::from_millis(300);
/// From the end of the first ring to the message (GR-30 §2.2: 500-1,500 ms).
const AFTER_RING: Duration = Duration::from_millis(500);
/// For how long hardware passes on sound to a telephone that is on-hook.
const TRANSMISSION: Duration = Duration::from_secs(4);
/// A sound that is not reported as sent is given up.
const MOST_SOUND: Duration = Duration::from_secs(6);

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertingStep {
    /// Tell the hardware.
    Hardware(HardwareCommand),
    /// Send the dual alerting tone; [`Alerting::sound_sent`] follows.
    SendAlertingTone,
    /// Send the caller; [`Alerting::sound_sent`] follows.
    SendCallerId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing done yet.
    Begin,
    /// Ring pulse until then.
    Pulse(Instant),
    /// Waiting to send the tone.
    BeforeTone(Instant),
    SendingTone(Instant),
    /// Waiting to send the message.
    BeforeMessage(Instant),
    Sending(Instant),
    /// Waiting to ring.
    BeforeRing(Instant),
    Ringing,
}

/// Rings one telephone for one call.
#[derive(Clone, Debug)]
pub struct Alerting {
    cadence: RingCadence,
    /// When the caller is to be told; `None` when not, or when done.
    place: Option<CallerIdPlace>,
    stage: Stage,
    /// Whether it is reversed for the message.
    reversed: bool,
    player: Option<RingPlayer>,
    /// Something to do before the next stage's first step.
    pending: Option<AlertingStep>,
}

impl Alerting {
    /// Rings in `cadence`; without a place nobody is told who calls.
    #[must_use]
    pub fn new(cadence: RingCadence, place: Option<CallerIdPlace>) -> Self {
        Alerting {
            cadence,
            place,
            stage: Stage::Begin,
            reversed: false,
            player: None,
            pending: None,
        }
    }

    /// The tone or the message has been sent.
    pub fn sound_sent(&mut self, now: Instant) {
        match self.stage {
            Stage::SendingTone(_) => self.stage = Stage::BeforeMessage(now + AFTER_TONE),
            Stage::Sending(_) => self.stage = Stage::BeforeRing(now + BEFORE_RING),
            _ => {}
        }
    }

    /// The telephone was lifted, or the caller has given up: what has to be put back.
    pub fn stop(&mut self) -> [Option<HardwareCommand>; 2] {
        let ringing = matches!(self.stage, Stage::Pulse(_))
            || self.player.as_ref().is_some_and(RingPlayer::is_on);
        [
            ringing.then_some(HardwareCommand::Ring(false)),
            std::mem::take(&mut self.reversed)
                .then_some(HardwareCommand::Polarity(Polarity::Normal)),
        ]
    }

    /// Lets time go by; to be called until there is nothing more to do.
    pub fn advance(&mut self, now: Instant) -> Option<AlertingStep> {
        use AlertingStep::{Hardware, SendAlertingTone, SendCallerId};
        if let Some(step) = self.pending.take() {
            return Some(step);
        }
        match self.stage {
            Stage::Begin => self.begin(now),
            Stage::Pulse(until) if now >= until => {
                self.stage = Stage::BeforeMessage(now + AFTER_SIGN);
                Some(Hardware(HardwareCommand::Ring(false)))
            }
            Stage::BeforeTone(at) if now >= at => {
                self.stage = Stage::SendingTone(now + MOST_SOUND);
                self.pending = Some(SendAlertingTone);
                Some(Hardware(HardwareCommand::OnHookTransmission(TRANSMISSION)))
            }
            Stage::BeforeMessage(at) if now >= at => {
                self.stage = Stage::Sending(now + MOST_SOUND);
                self.pending = Some(SendCallerId);
                Some(Hardware(HardwareCommand::OnHookTransmission(TRANSMISSION)))
            }
            Stage::SendingTone(until) | Stage::Sending(until) if now >= until => {
                self.stage = Stage::BeforeRing(now);
                None
            }
            Stage::BeforeRing(at) if now >= at => {
                self.place = None;
                self.stage = Stage::Ringing;
                if std::mem::take(&mut self.reversed) {
                    return Some(Hardware(HardwareCommand::Polarity(Polarity::Normal)));
                }
                self.ring(now)
            }
            Stage::Ringing => self.ring(now),
            _ => None,
        }
    }

    fn begin(&mut self, now: Instant) -> Option<AlertingStep> {
        use AlertingStep::Hardware;
        match self.place {
            None | Some(CallerIdPlace::AfterFirstRing) => {
                self.stage = Stage::Ringing;
                self.ring(now)
            }
            Some(CallerIdPlace::BeforeRing) => {
                self.stage = Stage::BeforeMessage(now);
                self.advance(now)
            }
            Some(CallerIdPlace::AfterRingPulse) => {
                self.stage = Stage::Pulse(now + RING_PULSE);
                Some(Hardware(HardwareCommand::Ring(true)))
            }
            Some(place) => {
                self.reversed = true;
                self.stage = if place == CallerIdPlace::AfterReversalAndTone {
                    Stage::BeforeTone(now + AFTER_SIGN)
                } else {
                    Stage::BeforeMessage(now + AFTER_SIGN)
                };
                Some(Hardware(HardwareCommand::Polarity(Polarity::Reversed)))
            }
        }
    }

    fn ring(&mut self, now: Instant) -> Option<AlertingStep> {
        let player = self
            .player
            .get_or_insert_with(|| RingPlayer::new(self.cadence, now));
        if let Some(on) = player.advance(now) {
            return Some(AlertingStep::Hardware(HardwareCommand::Ring(on)));
        }
        let rested = player.resting(now).is_some_and(|rest| rest >= AFTER_RING);
        if self.place.is_some() && rested {
            self.place = None;
            self.pending = Some(AlertingStep::SendCallerId);
            return Some(AlertingStep::Hardware(HardwareCommand::OnHookTransmission(
                TRANSMISSION,
            )));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps with their time in milliseconds; a message takes a second, the tone 100 ms.
    fn played(
        place: Option<CallerIdPlace>,
        cadence: RingCadence,
        for_ms: u64,
    ) -> Vec<(u64, AlertingStep)> {
        let start = Instant::now();
        let mut alerting = Alerting::new(cadence, place);
        let (mut steps, mut sent_at) = (Vec::new(), None);
        for at in (0..for_ms).step_by(20) {
            let now = start + Duration::from_millis(at);
            if sent_at == Some(at) {
                alerting.sound_sent(now);
            }
            while let Some(step) = alerting.advance(now) {
                match step {
                    AlertingStep::SendCallerId => sent_at = Some(at + 1_000),
                    AlertingStep::SendAlertingTone => sent_at = Some(at + 100),
                    AlertingStep::Hardware(HardwareCommand::OnHookTransmission(_)) => continue,
                    AlertingStep::Hardware(_) => {}
                }
                steps.push((at, step));
            }
        }
        steps
    }

    const BRAZIL: RingCadence = RingCadence(&[1_000, 4_000]);

    #[test]
    fn the_caller_is_told_in_the_place_of_the_country() {
        use AlertingStep::{Hardware, SendAlertingTone, SendCallerId};
        use CallerIdPlace::*;
        let ring = |on| Hardware(HardwareCommand::Ring(on));
        let reversed = Hardware(HardwareCommand::Polarity(Polarity::Reversed));
        let normal = Hardware(HardwareCommand::Polarity(Polarity::Normal));
        assert_eq!(
            played(Some(AfterFirstRing), BRAZIL, 5_500),
            [
                (0, ring(true)),
                (1_000, ring(false)),
                (1_500, SendCallerId),
                (5_000, ring(true))
            ]
        );
        assert_eq!(
            played(Some(BeforeRing), BRAZIL, 1_500),
            [(0, SendCallerId), (1_300, ring(true))]
        );
        assert_eq!(
            played(Some(AfterReversal), BRAZIL, 2_000),
            [
                (0, reversed),
                (300, SendCallerId),
                (1_600, normal),
                (1_600, ring(true))
            ]
        );
        assert_eq!(
            played(Some(AfterReversalAndTone), BRAZIL, 2_000),
            [
                (0, reversed),
                (300, SendAlertingTone),
                (500, SendCallerId),
                (1_800, normal),
                (1_800, ring(true))
            ]
        );
        assert_eq!(
            played(Some(AfterRingPulse), BRAZIL, 2_000),
            [
                (0, ring(true)),
                (240, ring(false)),
                (540, SendCallerId),
                (1_840, ring(true))
            ]
        );
        assert_eq!(played(None, BRAZIL, 900), [(0, ring(true))]);
    }

    #[test]
    fn a_double_ring_is_over_before_the_caller_is_told() {
        let steps = played(
            Some(CallerIdPlace::AfterFirstRing),
            RingCadence(&[400, 200, 400, 2_000]),
            2_000,
        );
        assert_eq!(steps.last(), Some(&(1_500, AlertingStep::SendCallerId)));
    }

    #[test]
    fn stopping_puts_back_ringing_and_polarity() {
        let now = Instant::now();
        let mut alerting = Alerting::new(BRAZIL, None);
        alerting.advance(now);
        assert_eq!(alerting.stop(), [Some(HardwareCommand::Ring(false)), None]);
        let mut alerting = Alerting::new(BRAZIL, Some(CallerIdPlace::AfterReversal));
        alerting.advance(now);
        assert_eq!(
            alerting.stop(),
            [None, Some(HardwareCommand::Polarity(Polarity::Normal))]
        );
    }
}
