//! The non-INVITE server transaction: RFC 3261 §17.2.2 (figure 8).

use super::{Action, ResponseClass, Timer, TimerValues};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

#[derive(Debug)]
pub(crate) struct NonInviteServer {
    state: State,
    reliable: bool,
}

impl NonInviteServer {
    /// Whether the final response is known.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.state, State::Completed | State::Terminated)
    }

    /// Enters Trying. Timer J runs from the start: RFC 3261 has no timer here, but a transaction whose user forgets to
    /// answer would stay for ever. The client gives up after 64*T1, too.
    pub(crate) fn start(reliable: bool, timers: &TimerValues, actions: &mut Vec<Action>) -> Self {
        actions.push(Action::Start(Timer::J, timers.timeout()));
        Self {
            state: State::Trying,
            reliable,
        }
    }

    /// The transaction user sends a response. Returns whether the state permits it; `false` leaves all as it is.
    pub(crate) fn respond(
        &mut self,
        class: ResponseClass,
        timers: &TimerValues,
        actions: &mut Vec<Action>,
    ) -> bool {
        match (self.state, class) {
            (State::Trying | State::Proceeding, ResponseClass::Provisional) => {
                self.state = State::Proceeding;
                actions.push(Action::Send);
            }
            (State::Trying | State::Proceeding, _) => {
                actions.extend([Action::Send, Action::Stop(Timer::J)]);
                if self.reliable {
                    self.terminate(actions);
                } else {
                    self.state = State::Completed;
                    actions.push(Action::Start(Timer::J, timers.timeout()));
                }
            }
            _ => return false,
        }
        true
    }

    /// Whether the final response has been sent.
    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.state, State::Completed | State::Terminated)
    }

    /// The request came again.
    pub(crate) fn retransmission(&mut self, actions: &mut Vec<Action>) {
        if matches!(self.state, State::Proceeding | State::Completed) {
            actions.push(Action::Send);
        }
    }

    pub(crate) fn timer(&mut self, timer: Timer, actions: &mut Vec<Action>) {
        if timer == Timer::J && self.state != State::Terminated {
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
    use std::time::Duration;

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
    fn copies_are_silent_in_trying_and_answered_in_proceeding_and_completed() {
        let mut machine = NonInviteServer::start(false, &TIMERS, &mut Vec::new());
        assert_eq!(after(|a| machine.retransmission(a)), []);
        machine.respond(ResponseClass::Provisional, &TIMERS, &mut Vec::new());
        assert_eq!(after(|a| machine.retransmission(a)), [Action::Send]);
        assert_eq!(
            after(|a| assert!(machine.respond(ResponseClass::Success, &TIMERS, a))),
            [
                Action::Send,
                Action::Stop(Timer::J),
                Action::Start(Timer::J, Duration::from_secs(32))
            ]
        );
        assert_eq!(after(|a| machine.retransmission(a)), [Action::Send]);
        assert_eq!(
            after(|a| assert!(!machine.respond(ResponseClass::Failure, &TIMERS, a))),
            []
        );
        assert_eq!(after(|a| machine.timer(Timer::J, a)), [Action::Terminate]);
    }

    #[test]
    fn over_a_reliable_transport_timer_j_is_zero() {
        let mut machine = NonInviteServer::start(true, &TIMERS, &mut Vec::new());
        assert_eq!(
            after(|a| assert!(machine.respond(ResponseClass::Success, &TIMERS, a))),
            [Action::Send, Action::Stop(Timer::J), Action::Terminate]
        );
    }

    #[test]
    fn a_request_nobody_answers_is_forgotten() {
        let mut actions = Vec::new();
        let mut machine = NonInviteServer::start(false, &TIMERS, &mut actions);
        assert_eq!(actions, [Action::Start(Timer::J, Duration::from_secs(32))]);
        assert_eq!(after(|a| machine.timer(Timer::J, a)), [Action::Terminate]);
    }
}
