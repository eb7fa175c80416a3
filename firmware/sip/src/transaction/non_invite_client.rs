//! The non-INVITE client transaction: RFC 3261 §17.1.2 (figure 6).

use std::time::Duration;

use super::{Action, ResponseClass, Timer, TimerValues};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

#[derive(Debug)]
pub(crate) struct NonInviteClient {
    state: State,
    reliable: bool,
    retransmit: Duration,
}

impl NonInviteClient {
    /// Whether the final response is known.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.state, State::Completed | State::Terminated)
    }

    /// Enters Trying and sends the request.
    pub(crate) fn start(reliable: bool, timers: &TimerValues, actions: &mut Vec<Action>) -> Self {
        actions.push(Action::Send);
        if !reliable {
            actions.push(Action::Start(Timer::E, timers.t1));
        }
        actions.push(Action::Start(Timer::F, timers.timeout()));
        Self {
            state: State::Trying,
            reliable,
            retransmit: timers.t1,
        }
    }

    pub(crate) fn response(
        &mut self,
        class: ResponseClass,
        timers: &TimerValues,
        actions: &mut Vec<Action>,
    ) {
        match (self.state, class) {
            (State::Trying | State::Proceeding, ResponseClass::Provisional) => {
                self.state = State::Proceeding;
                actions.push(Action::Deliver);
            }
            (State::Trying | State::Proceeding, _) => {
                actions.extend([
                    Action::Stop(Timer::E),
                    Action::Stop(Timer::F),
                    Action::Deliver,
                ]);
                if self.reliable {
                    self.terminate(actions);
                } else {
                    self.state = State::Completed;
                    actions.push(Action::Start(Timer::K, timers.t4));
                }
            }
            (State::Completed | State::Terminated, _) => {}
        }
    }

    pub(crate) fn timer(&mut self, timer: Timer, timers: &TimerValues, actions: &mut Vec<Action>) {
        match (self.state, timer) {
            (State::Trying, Timer::E) => {
                self.retransmit = (self.retransmit * 2).min(timers.t2);
                actions.extend([Action::Send, Action::Start(Timer::E, self.retransmit)]);
            }
            // Somebody works on it: ask again only every T2.
            (State::Proceeding, Timer::E) => {
                actions.extend([Action::Send, Action::Start(Timer::E, timers.t2)])
            }
            (State::Trying | State::Proceeding, Timer::F) => {
                actions.push(Action::Timeout);
                self.terminate(actions);
            }
            (State::Completed, Timer::K) => self.terminate(actions),
            _ => {}
        }
    }

    pub(crate) fn flow_failed(&mut self, actions: &mut Vec<Action>) {
        if matches!(self.state, State::Trying | State::Proceeding) {
            actions.push(Action::FlowFailed);
            self.terminate(actions);
        }
    }

    fn terminate(&mut self, actions: &mut Vec<Action>) {
        self.state = State::Terminated;
        actions.push(Action::Terminate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMERS: TimerValues = TimerValues {
        t1: Duration::from_millis(500),
        t2: Duration::from_secs(4),
        t4: Duration::from_secs(5),
    };

    fn after(step: impl FnOnce(&mut Vec<Action>)) -> Vec<Action> {
        let mut actions = Vec::new();
        step(&mut actions);
        actions
    }

    #[test]
    fn timer_e_doubles_up_to_t2_until_timer_f_gives_up() {
        let mut actions = Vec::new();
        let mut machine = NonInviteClient::start(false, &TIMERS, &mut actions);
        assert_eq!(
            actions,
            [
                Action::Send,
                Action::Start(Timer::E, Duration::from_millis(500)),
                Action::Start(Timer::F, Duration::from_secs(32))
            ]
        );
        for milliseconds in [1000, 2000, 4000, 4000, 4000] {
            assert_eq!(
                after(|a| machine.timer(Timer::E, &TIMERS, a)),
                [
                    Action::Send,
                    Action::Start(Timer::E, Duration::from_millis(milliseconds))
                ]
            );
        }
        assert_eq!(
            after(|a| machine.timer(Timer::F, &TIMERS, a)),
            [Action::Timeout, Action::Terminate]
        );
    }

    #[test]
    fn a_provisional_response_slows_retransmission_to_t2_but_keeps_timer_f() {
        let mut machine = NonInviteClient::start(false, &TIMERS, &mut Vec::new());
        assert_eq!(
            after(|a| machine.response(ResponseClass::Provisional, &TIMERS, a)),
            [Action::Deliver]
        );
        assert_eq!(
            after(|a| machine.timer(Timer::E, &TIMERS, a)),
            [
                Action::Send,
                Action::Start(Timer::E, Duration::from_secs(4))
            ]
        );
        assert_eq!(
            after(|a| machine.timer(Timer::F, &TIMERS, a)),
            [Action::Timeout, Action::Terminate]
        );
    }

    #[test]
    fn a_final_response_is_delivered_once_and_copies_are_absorbed_until_timer_k() {
        let mut machine = NonInviteClient::start(false, &TIMERS, &mut Vec::new());
        assert_eq!(
            after(|a| machine.response(ResponseClass::Failure, &TIMERS, a)),
            [
                Action::Stop(Timer::E),
                Action::Stop(Timer::F),
                Action::Deliver,
                Action::Start(Timer::K, Duration::from_secs(5))
            ]
        );
        assert_eq!(
            after(|a| machine.response(ResponseClass::Success, &TIMERS, a)),
            []
        );
        assert_eq!(
            after(|a| machine.timer(Timer::K, &TIMERS, a)),
            [Action::Terminate]
        );
    }

    #[test]
    fn over_a_reliable_transport_nothing_is_retransmitted_and_timer_k_is_zero() {
        let mut actions = Vec::new();
        let mut machine = NonInviteClient::start(true, &TIMERS, &mut actions);
        assert_eq!(
            actions,
            [
                Action::Send,
                Action::Start(Timer::F, Duration::from_secs(32))
            ]
        );
        let actions = after(|a| machine.response(ResponseClass::Success, &TIMERS, a));
        assert_eq!(actions.last(), Some(&Action::Terminate));
    }
}
