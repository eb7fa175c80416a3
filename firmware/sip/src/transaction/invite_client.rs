//! The INVITE client transaction: RFC 3261 §17.1.1 (figure 5) with RFC 6026 §7.2.

use std::time::Duration;

use super::{Action, ResponseClass, Timer, TimerValues};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
    Terminated,
}

#[derive(Debug)]
pub(crate) struct InviteClient {
    state: State,
    reliable: bool,
    retransmit: Duration,
}

impl InviteClient {
    /// Enters Calling and sends the INVITE.
    pub(crate) fn start(reliable: bool, timers: &TimerValues, actions: &mut Vec<Action>) -> Self {
        actions.push(Action::Send);
        if !reliable {
            actions.push(Action::Start(Timer::A, timers.t1));
        }
        actions.push(Action::Start(Timer::B, timers.timeout()));
        Self {
            state: State::Calling,
            reliable,
            retransmit: timers.t1,
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn response(
        &mut self,
        class: ResponseClass,
        timers: &TimerValues,
        actions: &mut Vec<Action>,
    ) {
        match (self.state, class) {
            (State::Calling | State::Proceeding, ResponseClass::Provisional) => {
                self.leave_calling(actions);
                self.state = State::Proceeding;
                actions.push(Action::Deliver);
            }
            (State::Calling | State::Proceeding, ResponseClass::Success) => {
                self.leave_calling(actions);
                self.state = State::Accepted;
                actions.extend([Action::Deliver, Action::Start(Timer::M, timers.timeout())]);
            }
            (State::Calling | State::Proceeding, ResponseClass::Failure) => {
                self.leave_calling(actions);
                actions.extend([Action::Acknowledge, Action::Deliver]);
                if self.reliable {
                    self.terminate(actions);
                } else {
                    self.state = State::Completed;
                    actions.push(Action::Start(Timer::D, timers.d()));
                }
            }
            // The same final response again: its ACK was lost.
            (State::Completed, ResponseClass::Failure) => actions.push(Action::Send),
            // A retransmitted 2xx or one from another fork: the dialogs tell them apart.
            (State::Accepted, ResponseClass::Success) => actions.push(Action::Deliver),
            (State::Completed | State::Accepted | State::Terminated, _) => {}
        }
    }

    pub(crate) fn timer(&mut self, timer: Timer, actions: &mut Vec<Action>) {
        match (self.state, timer) {
            (State::Calling, Timer::A) => {
                self.retransmit *= 2;
                actions.extend([Action::Send, Action::Start(Timer::A, self.retransmit)]);
            }
            (State::Calling, Timer::B) => {
                actions.push(Action::Timeout);
                self.terminate(actions);
            }
            (State::Completed, Timer::D) | (State::Accepted, Timer::M) => self.terminate(actions),
            _ => {}
        }
    }

    pub(crate) fn flow_failed(&mut self, actions: &mut Vec<Action>) {
        match self.state {
            State::Calling | State::Proceeding => {
                actions.push(Action::FlowFailed);
                self.terminate(actions);
            }
            // Only the ACK was lost; there is nobody to tell (§17.1.1.2 allows informing, the user has its answer).
            State::Completed => self.terminate(actions),
            State::Accepted | State::Terminated => {}
        }
    }

    fn leave_calling(&mut self, actions: &mut Vec<Action>) {
        if self.state == State::Calling {
            actions.extend([Action::Stop(Timer::A), Action::Stop(Timer::B)]);
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

    fn calling(reliable: bool) -> InviteClient {
        InviteClient::start(reliable, &TIMERS, &mut Vec::new())
    }

    #[test]
    fn timer_a_doubles_without_limit_until_timer_b_gives_up() {
        let mut machine = calling(false);
        for milliseconds in [1000, 2000, 4000, 8000, 16000] {
            assert_eq!(
                after(|a| machine.timer(Timer::A, a)),
                [
                    Action::Send,
                    Action::Start(Timer::A, Duration::from_millis(milliseconds))
                ]
            );
        }
        assert_eq!(
            after(|a| machine.timer(Timer::B, a)),
            [Action::Timeout, Action::Terminate]
        );
        assert_eq!(machine.state(), State::Terminated);
    }

    #[test]
    fn a_reliable_transport_starts_timer_b_alone() {
        let mut actions = Vec::new();
        InviteClient::start(true, &TIMERS, &mut actions);
        assert_eq!(
            actions,
            [
                Action::Send,
                Action::Start(Timer::B, Duration::from_secs(32))
            ]
        );
    }

    #[test]
    fn a_provisional_response_ends_retransmission_and_timeout() {
        let mut machine = calling(false);
        assert_eq!(
            after(|a| machine.response(ResponseClass::Provisional, &TIMERS, a)),
            [
                Action::Stop(Timer::A),
                Action::Stop(Timer::B),
                Action::Deliver
            ]
        );
        assert_eq!(machine.state(), State::Proceeding);
        assert_eq!(after(|a| machine.timer(Timer::B, a)), []);
    }

    #[test]
    fn a_rejection_is_acknowledged_again_for_each_copy_until_timer_d() {
        let mut machine = calling(false);
        machine.response(ResponseClass::Provisional, &TIMERS, &mut Vec::new());
        assert_eq!(
            after(|a| machine.response(ResponseClass::Failure, &TIMERS, a)),
            [
                Action::Acknowledge,
                Action::Deliver,
                Action::Start(Timer::D, Duration::from_secs(32))
            ]
        );
        assert_eq!(
            after(|a| machine.response(ResponseClass::Failure, &TIMERS, a)),
            [Action::Send]
        );
        assert_eq!(after(|a| machine.timer(Timer::D, a)), [Action::Terminate]);
    }

    #[test]
    fn over_a_reliable_transport_timer_d_is_zero() {
        let mut machine = calling(true);
        let actions = after(|a| machine.response(ResponseClass::Failure, &TIMERS, a));
        assert_eq!(actions.last(), Some(&Action::Terminate));
    }

    #[test]
    fn every_2xx_is_delivered_until_timer_m() {
        let mut machine = calling(false);
        machine.response(ResponseClass::Success, &TIMERS, &mut Vec::new());
        assert_eq!(machine.state(), State::Accepted);
        assert_eq!(
            after(|a| machine.response(ResponseClass::Success, &TIMERS, a)),
            [Action::Deliver]
        );
        assert_eq!(
            after(|a| machine.response(ResponseClass::Failure, &TIMERS, a)),
            []
        );
        assert_eq!(after(|a| machine.timer(Timer::M, a)), [Action::Terminate]);
    }

    #[test]
    fn a_failed_flow_is_told_once() {
        let mut machine = calling(false);
        assert_eq!(
            after(|a| machine.flow_failed(a)),
            [Action::FlowFailed, Action::Terminate]
        );
        assert_eq!(after(|a| machine.flow_failed(a)), []);
    }
}
