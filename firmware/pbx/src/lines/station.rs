//! FXS ports: a telephone with a number of its own.

use std::time::Duration;

use ramal_lines::{CallerId, Command, Event, LineTone};
use ramal_model::{Configuration, Party};
use tokio::time::{Instant, sleep_until};

use super::{LineCall, LineTask, MAX_HOPS};
use crate::call::routing::is_feature;
use crate::call::{Caller, IncomingCall};
use crate::leg::line::{LineCommand, LineLeg, PortCall};
use crate::leg::{Cause, LegEvent};

/// How long dial tone lasts.
const FIRST_KEY: Duration = Duration::from_secs(15);
/// After a pause this long the number is complete.
const NEXT_KEY: Duration = Duration::from_secs(3);
/// Longest number.
const MOST_KEYS: usize = 32;

/// Serves a port until its driver ends or the gateway gives up its lines.
pub(super) async fn run(mut line: LineTask) {
    loop {
        tokio::select! {
            call = line.calls.recv() => {
                let Some(call) = call else { return };
                ring(&mut line, call).await;
            }
            event = line.port.events().recv() => match event {
                None => return,
                Some(Event::OffHook) => {
                    if !line.take() {
                        // Lifted in the moment before it would have rung.
                        let Some(call) = line.calls.recv().await else { return };
                        call.port.report(LegEvent::Rejected(Cause::USER_BUSY));
                    }
                    originate(&mut line).await;
                }
                Some(_) => continue,
            },
        }
        line.free();
    }
}

/// Rings the telephone.
async fn ring(line: &mut LineTask, call: LineCall) {
    let LineCall {
        caller, mut port, ..
    } = call;
    let caller = CallerId {
        number: caller.number,
        name: caller.name,
    };
    line.command(Command::Ring(caller.into()));
    port.report(LegEvent::Ringing);
    let mut lifted = false;
    loop {
        tokio::select! {
            command = port.commands.recv() => match command {
                Some(LineCommand::HangUp(_)) | None => break,
                Some(_) => {}
            },
            event = line.port.events().recv() => match event {
                Some(Event::OffHook) => {
                    lifted = true;
                    line.command(Command::Tone(None));
                    port.report(LegEvent::Answered);
                }
                Some(Event::OnHook) => {
                    port.report(LegEvent::HungUp(Cause::NORMAL_CLEARING));
                    return;
                }
                Some(Event::LineFault(_)) | None => {
                    port.report(LegEvent::HungUp(Cause::DESTINATION_OUT_OF_ORDER));
                    break;
                }
                Some(_) => {}
            },
        }
    }
    if lifted {
        line.command(Command::HangUp);
        until_on_hook(line).await;
    } else {
        line.command(Command::StopRinging);
    }
}

/// The telephone was lifted to make a call.
async fn originate(line: &mut LineTask) {
    let configuration = line.exchange.configuration.borrow().clone();
    let dialled = match collect(line, &configuration).await {
        Collected::Number(number) => number,
        Collected::Nothing => {
            line.command(Command::Tone(Some(LineTone::Congestion)));
            return until_on_hook(line).await;
        }
        Collected::OnHook => return,
    };
    let (leg, port) = LineLeg::new(line.port.name(), &line.exchange.engine, line.port.audio());
    let number = line.port.number().to_owned();
    let call = IncomingCall {
        leg: Box::new(leg),
        caller: Caller::Station(Box::new(Party {
            name: line.port.name().to_owned(),
            number,
        })),
        dialled,
        hops_left: MAX_HOPS,
        configuration,
    };
    if line.exchange.start(call).is_err() {
        tracing::warn!(line = line.port.name(), "no room for a call");
    }
    serve_originated(line, port).await;
}

async fn serve_originated(line: &mut LineTask, mut port: PortCall) {
    let mut answered = false;
    loop {
        tokio::select! {
            command = port.commands.recv() => match command {
                Some(LineCommand::Alert) => line.command(Command::Tone(Some(LineTone::Ringback))),
                Some(LineCommand::Answer) => {
                    answered = true;
                    line.command(Command::Tone(None));
                }
                Some(LineCommand::Digit(_)) => {}
                Some(LineCommand::HangUp(cause)) if !answered => {
                    let busy = matches!(cause, Cause::USER_BUSY | Cause::NO_ANSWER | Cause::CALL_REJECTED);
                    let tone = if busy { LineTone::Busy } else { LineTone::Congestion };
                    line.command(Command::Tone(Some(tone)));
                    break;
                }
                Some(LineCommand::HangUp(_)) | None => {
                    line.command(Command::HangUp);
                    break;
                }
            },
            event = line.port.events().recv() => match event {
                Some(Event::OnHook) | None => {
                    port.report(LegEvent::HungUp(Cause::NORMAL_CLEARING));
                    return;
                }
                Some(_) => {}
            },
        }
    }
    until_on_hook(line).await;
}

enum Collected {
    Number(String),
    Nothing,
    OnHook,
}

/// Gives dial tone and takes the number.
async fn collect(line: &mut LineTask, configuration: &Configuration) -> Collected {
    line.command(Command::Tone(Some(LineTone::Dial)));
    let mut number = String::new();
    let mut deadline = Instant::now() + FIRST_KEY;
    loop {
        tokio::select! {
            () = sleep_until(deadline) => {
                return if number.is_empty() { Collected::Nothing } else { Collected::Number(number) };
            }
            event = line.port.events().recv() => match event {
                Some(Event::Digit(key)) => {
                    line.command(Command::Tone(None));
                    if key == '#' && !number.is_empty() {
                        return Collected::Number(number);
                    }
                    number.push(key);
                    if is_complete(&number, configuration) || number.len() >= MOST_KEYS {
                        return Collected::Number(number);
                    }
                    deadline = Instant::now() + NEXT_KEY;
                }
                Some(Event::OnHook) | None => return Collected::OnHook,
                Some(_) => {}
            },
        }
    }
}

/// Whether no other number could begin like this one.
fn is_complete(number: &str, configuration: &Configuration) -> bool {
    is_feature(number)
        || configuration.extension_by_number(number).is_some()
            && !configuration
                .extensions()
                .iter()
                .any(|other| other.number.len() > number.len() && other.number.starts_with(number))
}

/// Waits until the telephone is put down: it cannot ring before.
async fn until_on_hook(line: &mut LineTask) {
    while let Some(event) = line.port.events().recv().await {
        if event == Event::OnHook {
            return;
        }
    }
}
