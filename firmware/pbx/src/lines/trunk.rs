//! FXO ports: calls over a line to an exchange.
//!
//! Such a line tells little. A call out counts as answered when the exchange says so by polarity; what it says in tones
//! the caller hears. A caller cannot be refused: the line rings until he gives up.

use std::time::Duration;

use ramal_lines::{CallerId, Command, Event, LineTone};
use ramal_model::{DialToneRule, Party, RefusedCall};
use tokio::time::{Instant, sleep, sleep_until};

use super::testing::{self, After, TestOrder};
use super::{LineCall, LineTask, MAX_HOPS};
use crate::call::{Caller, IncomingCall};
use crate::leg::line::{LineCommand, LineLeg, PortCall};
use crate::leg::{Cause, LegEvent};

/// From the first ring to the caller ID, which comes after that ring where it comes at all.
const CALLER_ID: Duration = Duration::from_millis(3500);
/// How long a refused caller hears busy tone.
const BUSY_TONE: Duration = Duration::from_secs(10);
/// How long a call is taken that is only taken to be ended.
const ANSWERED_TO_HANG_UP: Duration = Duration::from_secs(1);
/// On-hook between two calls, so that the exchange notices.
const GUARD: Duration = Duration::from_millis(800);

/// Serves a port until its driver ends or the gateway gives up its lines.
pub(super) async fn run(mut line: LineTask) {
    loop {
        line.configure();
        tokio::select! {
            Ok(()) = line.changes.changed() => continue,
            call = line.calls.recv() => {
                let Some(call) = call else { return };
                outgoing(&mut line, call).await;
            }
            order = line.tests.recv() => {
                let after = match order {
                    None => return,
                    // It was over when it was to be stopped.
                    Some(TestOrder::Stop) => continue,
                    Some(TestOrder::Begin(begin)) => testing::test(&mut line, *begin).await,
                    Some(TestOrder::TakePart(part)) => testing::take_part(&mut line, part).await,
                };
                match after {
                    After::Free => {}
                    After::Rings => incoming(&mut line).await,
                    After::Gone => return,
                }
            }
            event = line.port.events().recv() => match event {
                None => return,
                Some(Event::RingStarted) => {
                    if !line.take() {
                        // Taken at this very moment for a call out. Both on one line would connect strangers.
                        tokio::select! {
                            call = line.calls.recv() => {
                                let Some(call) = call else { return };
                                call.port.report(LegEvent::Rejected(Cause::NO_CIRCUIT));
                            }
                            order = line.tests.recv() => {
                                let Some(order) = order else { return };
                                testing::refuse(&line, &order);
                            }
                        }
                    }
                    incoming(&mut line).await;
                }
                Some(Event::LineFault(fault)) => {
                    tracing::warn!(line = line.port.name(), ?fault, "a line has a fault");
                    continue;
                }
                Some(Event::UnknownTone(tone)) => {
                    line.unknown_tone(tone).await;
                    continue;
                }
                Some(_) => continue,
            },
        }
        sleep(GUARD).await;
        line.free();
    }
}

/// Makes a call.
async fn outgoing(line: &mut LineTask, call: LineCall) {
    let LineCall {
        number, mut port, ..
    } = call;
    let requires_dial_tone = line.fxo().dial_tone == DialToneRule::Require;
    line.command(Command::Seize);
    // The port waits for dial tone as its settings say.
    line.command(Command::Dial(number));
    let (mut dialled, mut answered) = (false, false);
    loop {
        tokio::select! {
            command = port.commands.recv() => match command {
                Some(LineCommand::Digit(key)) if dialled => line.command(Command::Dial(key.to_string())),
                Some(LineCommand::HangUp(_)) | None => break,
                Some(_) => {}
            },
            event = line.port.events().recv() => {
                let over = |early: Cause, late: Cause| {
                    if answered { LegEvent::HungUp(late) } else { LegEvent::Rejected(early) }
                };
                let end = match event {
                    Some(Event::DialFinished) if !dialled => {
                        dialled = true;
                        // From here on the exchange speaks for the far end.
                        port.report(LegEvent::Progress);
                        continue;
                    }
                    Some(Event::Answered) => {
                        answered = true;
                        port.report(LegEvent::Answered);
                        continue;
                    }
                    Some(Event::Digit(key)) => {
                        if answered {
                            port.report(LegEvent::ToneDigit(key));
                        }
                        continue;
                    }
                    Some(Event::BusyTone) => over(Cause::USER_BUSY, Cause::NORMAL_CLEARING),
                    Some(Event::DialTone(false)) if requires_dial_tone => {
                        tracing::warn!(line = line.port.name(), "a line has no dial tone");
                        over(Cause::NO_CIRCUIT, Cause::NO_CIRCUIT)
                    }
                    Some(Event::Silence) => over(Cause::NO_USER_RESPONDING, Cause::NORMAL_CLEARING),
                    Some(Event::FarEndHungUp) => over(Cause::NO_USER_RESPONDING, Cause::NORMAL_CLEARING),
                    Some(Event::LineFault(_)) => over(Cause::DESTINATION_OUT_OF_ORDER, Cause::DESTINATION_OUT_OF_ORDER),
                    None => over(Cause::TEMPORARY_FAILURE, Cause::TEMPORARY_FAILURE),
                    Some(_) => continue,
                };
                port.report(end);
                break;
            }
        }
    }
    line.command(Command::HangUp);
}

/// Takes a call that rings, from its first ring on.
async fn incoming(line: &mut LineTask) {
    let Some(caller) = caller_id(line).await else {
        return;
    };
    let configuration = line.exchange.configuration.borrow().clone();
    // Until numbers or inbound routes say otherwise, the lowest extension is the reception.
    let dialled = configuration
        .extensions()
        .iter()
        .find(|extension| extension.enabled)
        .map(|extension| extension.number.clone())
        .unwrap_or_default();
    let (leg, port) = LineLeg::new(line.port.name(), &line.exchange.engine, line.port.audio());
    let call = IncomingCall {
        leg: Box::new(leg),
        caller: Caller::Trunk {
            line: line.port.name().into(),
            party: Box::new(Party {
                number: caller.number,
                name: caller.name,
            }),
        },
        dialled,
        hops_left: MAX_HOPS,
        configuration,
    };
    if line.exchange.start(call).is_err() {
        tracing::warn!(line = line.port.name(), "no room for a call");
    }
    serve_incoming(line, port).await;
}

/// Who calls; `None` when he gave up before it was known.
async fn caller_id(line: &mut LineTask) -> Option<CallerId> {
    let deadline = Instant::now() + CALLER_ID;
    loop {
        tokio::select! {
            () = sleep_until(deadline) => return Some(CallerId::default()),
            event = line.port.events().recv() => match event {
                Some(Event::CallerId(caller)) => return Some(caller),
                Some(Event::RingStopped) | None => return None,
                Some(_) => {}
            },
        }
    }
}

async fn serve_incoming(line: &mut LineTask, mut port: PortCall) {
    let (mut answered, mut refused) = (false, false);
    loop {
        tokio::select! {
            command = port.commands.recv(), if !refused => match command {
                Some(LineCommand::Answer) => {
                    answered = true;
                    line.command(Command::Answer);
                }
                Some(LineCommand::Digit(key)) if answered => line.command(Command::Dial(key.to_string())),
                Some(LineCommand::HangUp(_)) | None if answered => break,
                Some(LineCommand::HangUp(cause)) if cause != Cause::NO_ANSWER => {
                    if refuse(line).await {
                        return;
                    }
                    refused = true;
                }
                // It goes on ringing, and the line is of no use for anything else meanwhile.
                Some(LineCommand::HangUp(_)) | None => refused = true,
                Some(_) => {}
            },
            event = line.port.events().recv() => match event {
                Some(Event::RingStopped) => {
                    port.report(LegEvent::HungUp(Cause::NORMAL_CLEARING));
                    return;
                }
                Some(Event::FarEndHungUp | Event::BusyTone | Event::Silence) => {
                    port.report(LegEvent::HungUp(Cause::NORMAL_CLEARING));
                    break;
                }
                Some(Event::LineFault(_)) | None => {
                    port.report(LegEvent::HungUp(Cause::DESTINATION_OUT_OF_ORDER));
                    break;
                }
                Some(Event::Digit(key)) if answered => port.report(LegEvent::ToneDigit(key)),
                Some(_) => {}
            },
        }
    }
    line.command(Command::HangUp);
}

/// Refuses a call that rings in the way the port's settings say; whether it is over then.
async fn refuse(line: &mut LineTask) -> bool {
    let lasts = match line.fxo().refused_call {
        RefusedCall::RingOut => return false,
        RefusedCall::AnswerAndTone => BUSY_TONE,
        RefusedCall::AnswerAndHangUp => ANSWERED_TO_HANG_UP,
    };
    line.command(Command::Answer);
    if lasts == BUSY_TONE {
        line.command(Command::Tone(Some(LineTone::Busy)));
    }
    let until = Instant::now() + lasts;
    loop {
        tokio::select! {
            () = sleep_until(until) => break,
            // Busy tone may be the echo of our own.
            event = line.port.events().recv() => match event {
                Some(Event::FarEndHungUp) | None => break,
                Some(_) => {}
            },
        }
    }
    line.command(Command::HangUp);
    true
}
