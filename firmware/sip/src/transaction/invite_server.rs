//! The INVITE server transaction: RFC 3261 §17.2.1 (figure 7) with RFC 6026 §7.1.

use std::time::Duration;

use super::{Action, ResponseClass, Timer, TimerValues};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
    Terminated,
}

#[derive(Debug)]
pub(crate) struct InviteServer {
    state: State,
    reliable: bool,
    retransmit: Duration,
}

impl InviteServer {
    /// Enters Proceeding; the layer answers 100 at once because a person may take long to answer.
    pub(crate) fn start(reliable: bool, timers: &TimerValues) -> Self {
        Self {
            state: State::Proceeding,
            reliable,
            retransmit: timers.t1,
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// The transaction user sends a response. Returns whether the state permits it; `false` leaves all as it is.
    pub(crate) fn respond(
        &mut self,
        class: ResponseClass,
        timers: &TimerValues,
        actions: &mut Vec<Action>,
    ) -> bool {
        match (self.state, class) {
            (State::Proceeding, ResponseClass::Provisional) => actions.push(Action::Send),
            (State::Proceeding, ResponseClass::Success) => {
                self.state = State::Accepted;
                actions.extend([Action::Send, Action::Start(Timer::L, timers.timeout())]);
            }
            // RFC 6026 §7.1: the transaction user retransmits the 2xx through the transaction.
            (State::Accepted, ResponseClass::Success) => actions.push(Action::Send),
            (State::Proceeding, ResponseClass::Failure) => {
                self.state = State::Completed;
                actions.push(Action::Send);
                if !self.reliable {
                    actions.push(Action::Start(Timer::G, self.retransmit));
                }
                actions.push(Action::Start(Timer::H, timers.timeout()));
            }
            _ => return false,
        }
        true
    }

    /// The INVITE came again.
    pub(crate) fn retransmission(&mut self, actions: &mut Vec<Action>) {
        // In Accepted the 2xx is retransmitted by its own timer only (RFC 6026 §7.1).
        if matches!(self.state, State::Proceeding | State::Completed) {
            actions.push(Action::Send);
        }
    }

    /// An ACK matched this transaction.
    pub(crate) fn ack(&mut self, timers: &TimerValues, actions: &mut Vec<Action>) {
        if self.state == State::Completed {
            actions.extend([Action::Stop(Timer::G), Action::Stop(Timer::H)]);
            if self.reliable {
                self.terminate(actions);
            } else {
                self.state = State::Confirmed;
                actions.push(Action::Start(Timer::I, timers.t4));
            }
        }
    }

    pub(crate) fn timer(&mut self, timer: Timer, timers: &TimerValues, actions: &mut Vec<Action>) {
        match (self.state, timer) {
            (State::Completed, Timer::G) => {
                self.retransmit = (self.retransmit * 2).min(timers.t2);
                actions.extend([Action::Send, Action::Start(Timer::G, self.retransmit)]);
            }
            // The rejected caller never acknowledged; its user has nothing left to undo.
            (State::Completed, Timer::H)
            | (State::Confirmed, Timer::I)
            | (State::Accepted, Timer::L) => {
                self.terminate(actions);
            }
            _ => {}
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
    fn a_rejection_is_retransmitted_by_timer_g_up_to_t2_until_timer_h() {
        let mut machine = InviteServer::start(false, &TIMERS);
        assert_eq!(
            after(|a| assert!(machine.respond(ResponseClass::Failure, &TIMERS, a))),
            [
                Action::Send,
                Action::Start(Timer::G, Duration::from_millis(500)),
                Action::Start(Timer::H, Duration::from_secs(32))
            ]
        );
        for milliseconds in [1000, 2000, 4000, 4000] {
            assert_eq!(
                after(|a| machine.timer(Timer::G, &TIMERS, a)),
                [
                    Action::Send,
                    Action::Start(Timer::G, Duration::from_millis(milliseconds))
                ]
            );
        }
        assert_eq!(
            after(|a| machine.timer(Timer::H, &TIMERS, a)),
            [Action::Terminate]
        );
    }

    #[test]
    fn the_ack_of_a_rejection_leads_to_confirmed_until_timer_i() {
        let mut machine = InviteServer::start(false, &TIMERS);
        machine.respond(ResponseClass::Failure, &TIMERS, &mut Vec::new());
        assert_eq!(
            after(|a| machine.ack(&TIMERS, a)),
            [
                Action::Stop(Timer::G),
                Action::Stop(Timer::H),
                Action::Start(Timer::I, Duration::from_secs(5))
            ]
        );
        assert_eq!(machine.state(), State::Confirmed);
        assert_eq!(after(|a| machine.retransmission(a)), []);
        assert_eq!(after(|a| machine.ack(&TIMERS, a)), []);
        assert_eq!(
            after(|a| machine.timer(Timer::I, &TIMERS, a)),
            [Action::Terminate]
        );
    }

    #[test]
    fn over_a_reliable_transport_timer_g_does_not_run_and_timer_i_is_zero() {
        let mut machine = InviteServer::start(true, &TIMERS);
        assert_eq!(
            after(|a| assert!(machine.respond(ResponseClass::Failure, &TIMERS, a))),
            [
                Action::Send,
                Action::Start(Timer::H, Duration::from_secs(32))
            ]
        );
        assert_eq!(
            after(|a| machine.ack(&TIMERS, a)),
            [
                Action::Stop(Timer::G),
                Action::Stop(Timer::H),
                Action::Terminate
            ]
        );
    }

    #[test]
    fn after_a_2xx_invite_copies_are_absorbed_until_timer_l() {
        let mut machine = InviteServer::start(false, &TIMERS);
        assert!(machine.respond(ResponseClass::Provisional, &TIMERS, &mut Vec::new()));
        assert_eq!(after(|a| machine.retransmission(a)), [Action::Send]);
        assert_eq!(
            after(|a| assert!(machine.respond(ResponseClass::Success, &TIMERS, a))),
            [
                Action::Send,
                Action::Start(Timer::L, Duration::from_secs(32))
            ]
        );
        assert_eq!(after(|a| machine.retransmission(a)), []);
        assert_eq!(
            after(|a| assert!(machine.respond(ResponseClass::Success, &TIMERS, a))),
            [Action::Send]
        );
        assert_eq!(
            after(|a| machine.timer(Timer::L, &TIMERS, a)),
            [Action::Terminate]
        );
    }

    #[test]
    fn a_second_final_response_of_another_class_is_refused() {
        let mut machine = InviteServer::start(false, &TIMERS);
        machine.respond(ResponseClass::Success, &TIMERS, &mut Vec::new());
        assert_eq!(
            after(|a| assert!(!machine.respond(ResponseClass::Failure, &TIMERS, a))),
            []
        );
        assert_eq!(machine.state(), State::Accepted);
    }
}
