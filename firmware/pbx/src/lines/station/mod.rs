//! FXS ports: a telephone of an extension, or with a number of its own.
//!
//! While it is lifted a telephone may have two calls. The recall key holds one and dials another; pressed again when that
//! is answered it brings all three together ([`three_way`](super::three_way)), and once more it lets the last one go. It
//! takes a call that waits, and goes back and forth between that and the first. Putting the telephone down connects the
//! two others with each other, or lets it ring again for the one that is left.

mod conversation;

use conversation::{Conversation, transfer};
use ramal_lines::{CallerId, Command, Event, LineTone};
use ramal_model::{Configuration, Party};
use tokio::time::sleep_until;

use super::dialled::Dialled;
use super::three_way::ThreeWay;
use super::{LineCall, LineTask, MAX_HOPS};
use crate::call::{Caller, IncomingCall};
use crate::leg::line::{LineCommand, LineLeg, PortCall};
use crate::leg::{Cause, LegEvent, MediaFlow};

/// What the telephone is busy with.
#[derive(Default)]
struct Session {
    /// The call that has the telephone's sound.
    active: Option<Conversation>,
    held: Option<Conversation>,
    /// A call that is told by a tone.
    waiting: Option<LineCall>,
    dialled: Option<Dialled>,
    /// The active call was made while the other one is held, to ask back or to talk with both.
    asks_back: bool,
    /// All three talk.
    three_way: Option<ThreeWay>,
    /// Whoever lifted it may not call, and hears so.
    refused: bool,
}

/// For whom a telephone rings that was just put down.
enum Left {
    Waiting(LineCall),
    Held(Conversation),
}

/// Serves a port until its driver ends or the gateway gives up its lines.
pub(super) async fn run(mut line: LineTask) {
    loop {
        line.configure();
        let mut session = Session::default();
        tokio::select! {
            Ok(()) = line.changes.changed() => continue,
            call = line.calls.recv() => {
                let Some(call) = call else { return };
                session.active = ring(&mut line, Left::Waiting(call)).await;
            }
            event = line.port.events().recv() => match event {
                None => return,
                Some(Event::OffHook) => {
                    if !line.take() {
                        // Lifted in the moment before it would have rung.
                        let Some(call) = line.calls.recv().await else { return };
                        call.port.report(LegEvent::Rejected(Cause::USER_BUSY));
                    }
                    session.lifted(&line);
                }
                Some(_) => continue,
            },
        }
        while session.is_lifted() {
            let Some(left) = converse(&mut line, session).await else {
                break;
            };
            session = Session {
                active: ring(&mut line, left).await,
                ..Session::default()
            };
        }
        line.free();
        line.no_more_waiting();
    }
}

/// Rings the telephone until it is lifted; nothing when the caller gives up before.
async fn ring(line: &mut LineTask, left: Left) -> Option<Conversation> {
    let mut conversation = match left {
        Left::Waiting(call) if line.fxs().do_not_disturb => {
            call.port.report(LegEvent::Rejected(Cause::USER_BUSY));
            return None;
        }
        Left::Waiting(call) => {
            call.port.report(LegEvent::Ringing);
            Conversation {
                port: call.port,
                other: call.caller,
                answered: false,
            }
        }
        Left::Held(conversation) => conversation,
    };
    let caller = CallerId {
        number: conversation.other.number.clone(),
        name: conversation.other.name.clone(),
    };
    line.command(Command::Ring(caller.into()));
    loop {
        tokio::select! {
            command = conversation.port.commands.recv() => {
                if let Some(LineCommand::HangUp(_)) | None = command {
                    line.command(Command::StopRinging);
                    return None;
                }
            }
            Some(call) = line.calls.recv() => refuse_second(line, &call),
            event = line.port.events().recv() => match event {
                Some(Event::OffHook) => {
                    conversation.take(line);
                    return Some(conversation);
                }
                Some(Event::LineFault(_)) | None => {
                    conversation.port.report(LegEvent::HungUp(Cause::DESTINATION_OUT_OF_ORDER));
                    line.command(Command::StopRinging);
                    return None;
                }
                Some(_) => {}
            },
        }
    }
}

/// A second call comes while the telephone rings or dials.
fn refuse_second(line: &LineTask, call: &LineCall) {
    call.port.report(LegEvent::Rejected(Cause::USER_BUSY));
    line.no_more_waiting();
}

/// Serves a lifted telephone until it is put down.
async fn converse(line: &mut LineTask, mut session: Session) -> Option<Left> {
    loop {
        let deadline = session.dialled.as_ref().map(|dialled| dialled.deadline);
        tokio::select! {
            command = command_of(session.active.as_mut().map(|active| &mut active.port)) => {
                session.active_commanded(line, command);
            }
            command = command_of(session.held.as_mut().map(|held| &mut held.port)) => {
                if let Some(LineCommand::HangUp(_)) | None = command {
                    session.held_left();
                }
            }
            command = command_of(session.waiting.as_mut().map(|waiting| &mut waiting.port)) => {
                if let Some(LineCommand::HangUp(_)) | None = command {
                    session.waiting = None;
                    line.command(Command::CallWaiting(None));
                    line.no_more_waiting();
                }
            }
            Some(call) = line.calls.recv() => session.second_call(line, call),
            () = sleep_until(deadline.unwrap_or_else(tokio::time::Instant::now)), if deadline.is_some() => {
                match session.dialled.take().and_then(Dialled::timed_out) {
                    Some(number) => session.call(line, number),
                    None => line.command(Command::Tone(Some(LineTone::Congestion))),
                }
            }
            event = line.port.events().recv() => match event {
                Some(Event::Digit(key)) => session.key(line, key),
                Some(Event::Flash) => session.recall(line).await,
                Some(Event::OnHook) => return session.put_down(line),
                None => {
                    session.end(Cause::DESTINATION_OUT_OF_ORDER);
                    return None;
                }
                Some(_) => {}
            },
        }
    }
}

/// Who calls from a telephone: the extension whose it is, or only its port. Nobody, when that extension is switched off.
fn caller(line: &LineTask, configuration: &Configuration) -> Option<Caller> {
    let Some(id) = line.fxs().extension else {
        return Some(Caller::Station(Box::new(Party {
            name: line.port.name().to_owned(),
            number: line.port.number().to_owned(),
        })));
    };
    let extension = configuration
        .extension(id)
        .filter(|extension| extension.enabled)?;
    Some(Caller::Extension(Box::new(extension.clone())))
}

/// The next command for a call's port, if there is one.
async fn command_of(port: Option<&mut PortCall>) -> Option<LineCommand> {
    match port {
        Some(port) => port.commands.recv().await,
        None => std::future::pending().await,
    }
}

impl Session {
    fn is_lifted(&self) -> bool {
        self.active.is_some() || self.dialled.is_some() || self.refused
    }

    /// The telephone was lifted to make a call.
    fn lifted(&mut self, line: &LineTask) {
        let settings = line.fxs();
        match &settings.hot_line {
            Some(hot) if hot.after_seconds == 0 => self.call(line, hot.number.clone()),
            hot => {
                line.command(Command::Tone(Some(LineTone::Dial)));
                self.dialled = Some(Dialled::new(&settings, hot.as_ref()));
            }
        }
    }

    /// Gives dial tone for another call.
    fn dial(&mut self, line: &LineTask, tone: LineTone) {
        line.command(Command::Tone(Some(tone)));
        self.dialled = Some(Dialled::new(&line.fxs(), None));
    }

    fn key(&mut self, line: &LineTask, key: char) {
        let Some(dialled) = &mut self.dialled else {
            if let Some(active) = &self.active {
                active.port.report(LegEvent::ToneDigit(key));
            }
            return;
        };
        line.command(Command::Tone(None));
        let configuration = line.exchange.configuration.borrow().clone();
        if let Some(number) = dialled.key(key, &configuration) {
            self.dialled = None;
            self.call(line, number);
        }
    }

    /// Calls a number.
    fn call(&mut self, line: &LineTask, dialled: String) {
        let configuration = line.exchange.configuration.borrow().clone();
        let Some(caller) = caller(line, &configuration) else {
            self.refused = true;
            return line.command(Command::Tone(Some(LineTone::Congestion)));
        };
        let (leg, port) = LineLeg::new(line.port.name(), &line.exchange.engine, line.port.audio());
        let call = IncomingCall {
            leg: Box::new(leg),
            caller,
            dialled: dialled.clone(),
            hops_left: MAX_HOPS,
            configuration,
        };
        if line.exchange.start(call).is_err() {
            tracing::warn!(line = line.port.name(), "no room for a call");
        }
        self.active = Some(Conversation {
            port,
            other: Party {
                number: dialled,
                name: String::new(),
            },
            answered: false,
        });
    }

    fn active_commanded(&mut self, line: &LineTask, command: Option<LineCommand>) {
        let Some(active) = &mut self.active else {
            return;
        };
        match command {
            Some(LineCommand::Alert) => line.command(Command::Tone(Some(LineTone::Ringback))),
            Some(LineCommand::Answer) => {
                active.answered = true;
                line.command(Command::Tone(None));
                line.command(Command::Answered);
            }
            // The telephone hears the key as it is.
            Some(LineCommand::Digit(_)) => {}
            Some(LineCommand::HangUp(cause)) if !active.answered => {
                let busy = matches!(
                    cause,
                    Cause::USER_BUSY | Cause::NO_ANSWER | Cause::CALL_REJECTED
                );
                let tone = if busy {
                    LineTone::Busy
                } else {
                    LineTone::Congestion
                };
                line.command(Command::Tone(Some(tone)));
                self.active = None;
            }
            Some(LineCommand::HangUp(_)) | None if self.three_way.take().is_some() => {
                self.active = self.held.take();
                self.asks_back = false;
                if let Some(left) = &self.active {
                    left.port.connect(true);
                }
            }
            Some(LineCommand::HangUp(_)) | None => {
                self.active = None;
                if self.held.is_some() || self.waiting.is_some() {
                    // Cutting the feed would tell some telephones that all is over.
                    line.command(Command::Tone(Some(LineTone::Busy)));
                } else {
                    line.command(Command::HangUp);
                }
            }
        }
    }

    /// Somebody calls the telephone while it is lifted.
    fn second_call(&mut self, line: &LineTask, call: LineCall) {
        let talks = self.active.as_ref().is_some_and(|active| active.answered);
        let settings = line.fxs();
        let wanted = settings.call_waiting && !settings.do_not_disturb;
        if !wanted || !talks || self.held.is_some() || self.waiting.is_some() {
            return refuse_second(line, &call);
        }
        call.port.connect(false);
        call.port.report(LegEvent::Ringing);
        line.command(Command::CallWaiting(Some(CallerId {
            number: call.caller.number.clone(),
            name: call.caller.name.clone(),
        })));
        self.waiting = Some(call);
    }

    /// The held call is over.
    fn held_left(&mut self) {
        self.held = None;
        self.asks_back = false;
        if self.three_way.take().is_some()
            && let Some(active) = &self.active
        {
            active.port.connect(true);
        }
    }

    /// Brings the telephone and both calls together; false when there are no two.
    async fn talk_with_both(&mut self, line: &LineTask) -> bool {
        let (Some(active), Some(held)) = (&self.active, &self.held) else {
            return false;
        };
        if !self.asks_back || !active.answered {
            return false;
        }
        let (engine, audio) = (&line.exchange.engine, line.port.audio());
        match ThreeWay::begin(engine, audio, [&held.port, &active.port]).await {
            Ok(three_way) => {
                self.three_way = Some(three_way);
                held.port.report(LegEvent::MediaFlow(MediaFlow::BOTH));
                true
            }
            Err(error) => {
                tracing::error!(%error, line = line.port.name(), "no conversation of three");
                held.port.connect(false);
                active.port.connect(true);
                false
            }
        }
    }

    /// The recall key.
    async fn recall(&mut self, line: &LineTask) {
        if self.three_way.take().is_some() {
            // The one who came last leaves.
            if let Some(last) = self.active.take() {
                last.hang_up(Cause::NORMAL_CLEARING);
            }
            self.active = self.held.take();
            self.asks_back = false;
            if let Some(first) = &self.active {
                first.port.connect(true);
            }
            return;
        }
        if self.waiting.is_none() && self.talk_with_both(line).await {
            return;
        }
        if let Some(call) = self.waiting.take() {
            line.command(Command::CallWaiting(None));
            line.no_more_waiting();
            self.held = self.active.take().map(Conversation::hold);
            self.asks_back = false;
            let mut conversation = Conversation {
                port: call.port,
                other: call.caller,
                answered: false,
            };
            conversation.take(line);
            self.active = Some(conversation);
            return;
        }
        self.dialled = None;
        let active = self.active.take();
        match (active, self.held.take()) {
            (Some(active), Some(mut held)) => {
                if active.answered {
                    self.held = Some(active.hold());
                } else {
                    active.hang_up(Cause::NORMAL_CLEARING);
                }
                held.take(line);
                self.active = Some(held);
            }
            (None, Some(mut held)) => {
                held.take(line);
                self.active = Some(held);
            }
            (Some(active), None) if active.answered => {
                self.held = Some(active.hold());
                self.asks_back = true;
                self.dial(line, LineTone::Recall);
            }
            // Nobody has answered yet: somewhere else, then.
            (Some(active), None) => {
                active.hang_up(Cause::NORMAL_CLEARING);
                self.dial(line, LineTone::Dial);
            }
            (None, None) => self.dial(line, LineTone::Dial),
        }
    }

    /// The telephone is put down.
    fn put_down(mut self, line: &LineTask) -> Option<Left> {
        line.command(Command::CallWaiting(None));
        let waiting = self.waiting.take();
        if waiting.is_some() {
            line.no_more_waiting();
        }
        let held = match (self.active.take(), self.held.take()) {
            (Some(active), Some(held)) => {
                transfer(&active, &held);
                None
            }
            (active, held) => {
                if let Some(active) = active {
                    active.hang_up(Cause::NORMAL_CLEARING);
                }
                held
            }
        };
        if let Some(call) = &waiting {
            call.port.connect(true);
        }
        waiting.map(Left::Waiting).or(held.map(Left::Held))
    }

    fn end(self, cause: Cause) {
        for conversation in [self.active, self.held].into_iter().flatten() {
            conversation.hang_up(cause);
        }
        if let Some(call) = self.waiting {
            call.port.report(LegEvent::Rejected(cause));
        }
    }
}
