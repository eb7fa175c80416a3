//! The port that helps to test another one: takes its call and hangs up.

use std::time::Duration;

use ramal_lines::{Command, Event};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::{After, LineTask};

/// The other port has to ring within this after the call to it was begun.
const PARTNER_RINGS: Duration = Duration::from_secs(60);
/// How long the other port takes the call before it hangs up: exchanges take a moment to switch.
const PARTNER_TALKS: Duration = Duration::from_secs(4);

pub(in crate::lines) struct TakePart {
    pub(super) called: oneshot::Receiver<()>,
    /// Told when the call was taken. Closed: the test is over.
    pub(super) answered: oneshot::Sender<()>,
}

/// Takes the call of another port's test, talks for a moment and hangs up.
pub(in crate::lines) async fn take_part(line: &mut LineTask, part: TakePart) -> After {
    let TakePart {
        mut called,
        mut answered,
    } = part;
    loop {
        tokio::select! {
            begun = &mut called => {
                if begun.is_err() {
                    return After::Free;
                }
                break;
            }
            event = line.port.events().recv() => match event {
                // This one comes from outside; the test does without us.
                Some(Event::RingStarted) => return After::Rings,
                Some(_) => {}
                None => return After::Gone,
            },
            order = line.tests.recv() => if order.is_none() {
                return After::Gone;
            },
        }
    }
    let deadline = Instant::now() + PARTNER_RINGS;
    loop {
        tokio::select! {
            () = sleep_until(deadline) => return After::Free,
            () = answered.closed() => return After::Free,
            event = line.port.events().recv() => match event {
                Some(Event::RingStarted) => break,
                Some(_) => {}
                None => return After::Gone,
            },
            order = line.tests.recv() => if order.is_none() {
                return After::Gone;
            },
        }
    }
    line.command(Command::Answer);
    // A test that is over needs no answer.
    let _ = answered.send(());
    let until = Instant::now() + PARTNER_TALKS;
    let mut after = After::Free;
    loop {
        tokio::select! {
            () = sleep_until(until) => break,
            event = line.port.events().recv() => match event {
                Some(Event::FarEndHungUp) => break,
                Some(_) => {}
                None => return After::Gone,
            },
            order = line.tests.recv() => if order.is_none() {
                after = After::Gone;
                break;
            },
        }
    }
    line.command(Command::HangUp);
    after
}
