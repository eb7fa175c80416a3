//! Whether the far end of a call over an FXO line has answered, and whether it is still there.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::Polarity;

/// A reversal that lasts shorter is noise of the exchange's contacts.
const POLARITY_DEBOUNCE: Duration = Duration::from_millis(60);
/// Exchanges that reverse the battery of the called side do it in this time after it has answered; that is no hang-up.
const SETTLING: Duration = Duration::from_millis(1_000);
/// Events that may wait.
const EVENTS: usize = 8;

/// What is heard on a line, as far as it means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Dial tone.
    DialTone,
    /// Busy or congestion tone, or the one learned for this line, in as many repetitions as are asked for.
    HangUpTone,
    /// Somebody speaks.
    Voice,
    /// Any sound at all.
    Sound,
}

/// When a call counts as answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerSign {
    /// When the exchange reverses the battery.
    Polarity,
    /// When somebody speaks; a reversal counts, too.
    Voice,
    /// So long after dialling, whatever happens.
    AfterDialling(Duration),
}

/// How a line tells about its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupervisionSettings {
    /// When a call out counts as answered.
    pub answer: AnswerSign,
    /// Whether a reversal after the answer means that the far end has hung up.
    pub polarity_hang_up: bool,
    /// Without current for so long the far end has hung up; `None`: current says nothing.
    pub loop_interruption: Option<Duration>,
    /// Whether busy tone means that the far end has hung up.
    pub hang_up_tone: bool,
    /// Without any sound for so long nobody is there; `None`: silence says nothing.
    pub silence: Option<Duration>,
}

impl Default for SupervisionSettings {
    /// Answer by polarity, hang-up by polarity, by an interruption of 200 ms and by busy tone.
    fn default() -> Self {
        SupervisionSettings {
            answer: AnswerSign::Polarity,
            polarity_hang_up: true,
            loop_interruption: Some(Duration::from_millis(200)),
            hang_up_tone: true,
            silence: None,
        }
    }
}

/// What has been found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupervisionEvent {
    /// The battery is the other way round than before.
    PolarityReversed,
    /// The called party has answered.
    Answered,
    /// The exchange has told that the far end has hung up.
    FarEndHungUp,
    /// Busy tone.
    HangUpTone,
    /// Nothing has been heard for too long.
    Silence,
}

/// Watches over a line, call after call.
#[derive(Clone, Debug)]
pub struct Supervision {
    settings: SupervisionSettings,
    call: Option<Call>,
    /// What the polarity is, and what it may have become since when.
    polarity: Polarity,
    turned: Option<Instant>,
    /// Since when no current flows.
    dead_since: Option<Instant>,
    events: VecDeque<SupervisionEvent>,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    outgoing: bool,
    since: Instant,
    dialled: Option<Instant>,
    answered: bool,
    /// Polarity before the answer.
    idle: Polarity,
    gone: bool,
    tone: bool,
    last_sound: Instant,
    silent: bool,
}

impl Supervision {
    /// Watches nothing yet.
    #[must_use]
    pub fn new(settings: SupervisionSettings) -> Self {
        Supervision {
            settings,
            call: None,
            polarity: Polarity::Normal,
            turned: None,
            dead_since: None,
            events: VecDeque::with_capacity(EVENTS),
        }
    }

    /// Other settings for calls that begin from now on.
    pub fn set(&mut self, settings: SupervisionSettings) {
        self.settings = settings;
    }

    /// The loop was closed for a call.
    pub fn begin(&mut self, outgoing: bool, now: Instant) {
        self.call = Some(Call {
            outgoing,
            since: now,
            dialled: None,
            answered: !outgoing,
            idle: self.polarity,
            gone: false,
            tone: false,
            last_sound: now,
            silent: false,
        });
        self.dead_since = None;
    }

    /// The loop was opened: the call is over.
    pub fn end(&mut self) {
        self.call = None;
        self.dead_since = None;
    }

    /// Whether the call counts as answered.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.call.is_some_and(|call| call.answered)
    }

    /// All keys were sent.
    pub fn dialled(&mut self, now: Instant) {
        if let Some(call) = &mut self.call {
            call.dialled = Some(now);
            call.last_sound = now;
            call.tone = false;
        }
    }

    /// The battery is this way round.
    pub fn polarity(&mut self, polarity: Polarity, now: Instant) {
        self.advance(now);
        self.turned = (polarity != self.polarity).then_some(now);
    }

    /// Current flows in the closed loop, or does not.
    pub fn current(&mut self, flows: bool, now: Instant) {
        self.advance(now);
        if flows {
            self.dead_since = None;
        } else if self.call.is_some() {
            self.dead_since.get_or_insert(now);
        }
    }

    /// Something was heard.
    pub fn heard(&mut self, heard: Heard, now: Instant) {
        let settings = self.settings;
        let Some(call) = &mut self.call else { return };
        if heard != Heard::DialTone {
            call.last_sound = now;
        }
        match heard {
            Heard::HangUpTone if settings.hang_up_tone && !call.tone => {
                call.tone = true;
                self.event(SupervisionEvent::HangUpTone);
            }
            // An exchange that gives dial tone to the called party has no call on the line any more.
            Heard::DialTone if !call.outgoing => self.far_end_hung_up(),
            Heard::Voice
                if settings.answer == AnswerSign::Voice
                    && call.dialled.is_some()
                    && !call.answered =>
            {
                call.answered = true;
                self.event(SupervisionEvent::Answered);
            }
            _ => {}
        }
    }

    /// Lets time go by.
    pub fn advance(&mut self, now: Instant) {
        let lasted = |since: Instant| now.saturating_duration_since(since);
        if self
            .turned
            .is_some_and(|since| lasted(since) >= POLARITY_DEBOUNCE)
        {
            self.turned = None;
            self.reversed(now);
        }
        let settings = self.settings;
        let Some(call) = &mut self.call else { return };
        if let (AnswerSign::AfterDialling(after), Some(dialled)) = (settings.answer, call.dialled)
            && !call.answered
            && lasted(dialled) >= after
        {
            call.answered = true;
            self.events.push_back(SupervisionEvent::Answered);
        }
        if settings
            .silence
            .is_some_and(|silence| lasted(call.last_sound) >= silence)
            && !call.silent
        {
            call.silent = true;
            self.events.push_back(SupervisionEvent::Silence);
        }
        if let (Some(shortest), Some(since)) = (settings.loop_interruption, self.dead_since)
            && lasted(since) >= shortest
        {
            self.far_end_hung_up();
        }
    }

    /// What has been found out, in order.
    pub fn next_event(&mut self) -> Option<SupervisionEvent> {
        self.events.pop_front()
    }

    fn reversed(&mut self, now: Instant) {
        self.polarity = match self.polarity {
            Polarity::Normal => Polarity::Reversed,
            Polarity::Reversed => Polarity::Normal,
        };
        let (polarity, settings) = (self.polarity, self.settings);
        let Some(call) = &mut self.call else { return };
        let settling = now.saturating_duration_since(call.since) < SETTLING;
        let away = polarity != call.idle;
        let by_polarity = !matches!(settings.answer, AnswerSign::AfterDialling(_));
        let mut hung_up = false;
        let mut answered = false;
        if call.outgoing {
            if away && !call.answered && by_polarity {
                call.answered = true;
                answered = true;
            } else if !away && call.answered {
                hung_up = true;
            }
        } else if settling {
            call.idle = polarity;
        } else {
            hung_up = true;
        }
        self.event(SupervisionEvent::PolarityReversed);
        if answered {
            self.event(SupervisionEvent::Answered);
        }
        if hung_up && settings.polarity_hang_up {
            self.far_end_hung_up();
        }
    }

    fn far_end_hung_up(&mut self) {
        if let Some(call) = &mut self.call
            && !std::mem::replace(&mut call.gone, true)
        {
            self.event(SupervisionEvent::FarEndHungUp);
        }
    }

    fn event(&mut self, event: SupervisionEvent) {
        if self.events.len() < EVENTS {
            self.events.push_back(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SupervisionEvent::{Answered, FarEndHungUp, HangUpTone, PolarityReversed, Silence};

    struct Line {
        start: Instant,
        at: u64,
        supervision: Supervision,
    }

    impl Line {
        fn new(settings: SupervisionSettings, outgoing: bool) -> Line {
            let start = Instant::now();
            let mut supervision = Supervision::new(settings);
            supervision.begin(outgoing, start);
            Line {
                start,
                at: 0,
                supervision,
            }
        }

        fn now(&self) -> Instant {
            self.start + Duration::from_millis(self.at)
        }

        fn pass(&mut self, milliseconds: u64) -> Vec<SupervisionEvent> {
            let mut events = Vec::new();
            for _ in 0..milliseconds / 20 {
                self.at += 20;
                self.supervision.advance(self.now());
                events.extend(std::iter::from_fn(|| self.supervision.next_event()));
            }
            events
        }

        fn turn(&mut self, polarity: Polarity) {
            self.supervision.polarity(polarity, self.now());
        }
    }

    #[test]
    fn a_reversal_answers_and_turning_back_hangs_up_within_a_second() {
        let mut line = Line::new(SupervisionSettings::default(), true);
        line.supervision.dialled(line.now());
        assert_eq!(line.pass(5_000), []);
        line.turn(Polarity::Reversed);
        assert_eq!(line.pass(200), [PolarityReversed, Answered]);
        line.turn(Polarity::Normal);
        assert_eq!(line.pass(200), [PolarityReversed, FarEndHungUp]);
    }

    #[test]
    fn a_line_whose_wires_are_crossed_is_understood_all_the_same() {
        let mut line = Line::new(SupervisionSettings::default(), true);
        line.supervision.end();
        line.turn(Polarity::Reversed);
        line.pass(200);
        line.supervision.begin(true, line.now());
        line.turn(Polarity::Normal);
        assert_eq!(line.pass(200), [PolarityReversed, Answered]);
    }

    #[test]
    fn spikes_of_polarity_are_nothing() {
        let mut line = Line::new(SupervisionSettings::default(), true);
        line.turn(Polarity::Reversed);
        assert_eq!(line.pass(40), []);
        line.turn(Polarity::Normal);
        assert_eq!(line.pass(1_000), []);
    }

    #[test]
    fn a_caller_who_hangs_up_is_told_by_polarity_but_not_by_the_turn_at_the_answer() {
        let mut line = Line::new(SupervisionSettings::default(), false);
        line.turn(Polarity::Reversed);
        assert_eq!(line.pass(2_000), [PolarityReversed]);
        line.turn(Polarity::Normal);
        assert_eq!(line.pass(200), [PolarityReversed, FarEndHungUp]);
    }

    #[test]
    fn an_interruption_long_enough_is_a_hang_up_told_once() {
        let mut line = Line::new(SupervisionSettings::default(), true);
        for (dead, events) in [(180, vec![]), (400, vec![FarEndHungUp]), (400, vec![])] {
            line.supervision.current(false, line.now());
            assert_eq!(line.pass(dead), events);
            line.supervision.current(true, line.now());
            line.pass(100);
        }
        let deaf = SupervisionSettings {
            loop_interruption: None,
            ..SupervisionSettings::default()
        };
        let mut line = Line::new(deaf, true);
        line.supervision.current(false, line.now());
        assert_eq!(line.pass(2_000), []);
    }

    #[test]
    fn voice_and_time_answer_where_they_are_asked_to() {
        let voice = SupervisionSettings {
            answer: AnswerSign::Voice,
            ..SupervisionSettings::default()
        };
        let mut line = Line::new(voice, true);
        line.supervision.heard(Heard::Voice, line.now());
        assert_eq!(line.pass(100), []);
        line.supervision.dialled(line.now());
        line.supervision.heard(Heard::Voice, line.now());
        assert_eq!(line.pass(100), [Answered]);
        let after = SupervisionSettings {
            answer: AnswerSign::AfterDialling(Duration::from_secs(3)),
            ..SupervisionSettings::default()
        };
        let mut line = Line::new(after, true);
        line.supervision.dialled(line.now());
        assert_eq!(line.pass(2_980), []);
        assert_eq!(line.pass(20), [Answered]);
    }

    #[test]
    fn dial_tone_to_the_called_party_is_a_hang_up() {
        let mut line = Line::new(SupervisionSettings::default(), false);
        line.supervision.heard(Heard::DialTone, line.now());
        assert_eq!(line.pass(100), [FarEndHungUp]);
        let mut line = Line::new(SupervisionSettings::default(), true);
        line.supervision.heard(Heard::DialTone, line.now());
        assert_eq!(line.pass(100), []);
    }

    #[test]
    fn busy_tone_and_silence_are_told_once() {
        let settings = SupervisionSettings {
            silence: Some(Duration::from_secs(60)),
            ..SupervisionSettings::default()
        };
        let mut line = Line::new(settings, true);
        line.supervision.heard(Heard::HangUpTone, line.now());
        line.supervision.heard(Heard::HangUpTone, line.now());
        assert_eq!(line.pass(59_980), [HangUpTone]);
        assert_eq!(line.pass(60_000), [Silence]);
    }
}
