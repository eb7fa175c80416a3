//! The task behind a [`Call`]: how it begins, re-INVITE and BYE. `invite` and `answer` see its INVITE through.

use crate::audio::Audio;
use crate::call::{Call, CallEvent, EndReason};
use crate::dialog::Dialog;
use crate::invite::{InviteEnd, Responses};
use crate::sdp::{self, Direction, Law, OWN_TELEPHONE_EVENT};
use crate::transaction::{Inner, token};
use crate::transfer::DialogName;
use crate::{PhoneError, message};
use rsip::SipMessage;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// What the user asks of a call.
#[derive(Debug)]
pub enum Command {
    Ring,
    Answer,
    Reject(u16),
    HangUp,
    Hold(bool),
    /// REFER to this Refer-To value.
    Refer(String),
    /// Tell how others name the call's dialog.
    Name(oneshot::Sender<DialogName>),
}

pub struct Task {
    pub phone: Arc<Inner>,
    pub dialog: Dialog,
    pub audio: Audio,
    pub law: Law,
    pub telephone_event: Option<u8>,
    sdp_version: u32,
    pub events: mpsc::UnboundedSender<CallEvent>,
    pub requests: mpsc::UnboundedReceiver<rsip::Request>,
    pub commands: mpsc::UnboundedReceiver<Command>,
    /// Commands that came while an INVITE of ours was under way.
    pub later: VecDeque<Command>,
}

/// The next command, those that had to wait first.
async fn next(
    later: &mut VecDeque<Command>,
    commands: &mut mpsc::UnboundedReceiver<Command>,
) -> Option<Command> {
    match later.pop_front() {
        Some(command) => Some(command),
        None => commands.recv().await,
    }
}

/// Sends the INVITE and returns the call.
pub async fn outgoing(
    phone: Arc<Inner>,
    number: &str,
    headers: Vec<(&'static str, String)>,
) -> Result<Call, PhoneError> {
    let server = phone.config.server;
    let target = format!("sip:{number}@{server}");
    let name = phone
        .config
        .display_name
        .as_ref()
        .map(|n| format!("\"{n}\" "))
        .unwrap_or_default();
    let local = format!("{name}<sip:{}@{server}>;tag={}", phone.config.user, token());
    let dialog = Dialog {
        call_id: format!("{}@{}", token(), phone.sender.local().ip()),
        local: local.clone(),
        remote: format!("<{target}>"),
        target: target.clone(),
        local_cseq: 0,
    };
    let (call, task) = prepare(phone, dialog, local, target).await?;
    tokio::spawn(async move {
        let mut task = task;
        let end = task
            .call_out(headers)
            .await
            .unwrap_or_else(|e| EndReason::Failed(e.to_string()));
        task.finish(end);
    });
    Ok(call)
}

/// Takes an INVITE, answers 100 and returns the call.
pub async fn incoming(phone: Arc<Inner>, invite: rsip::Request) -> Result<Call, PhoneError> {
    let as_message = SipMessage::Request(invite.clone());
    let header = |name: &'static str| {
        message::value(&as_message, name).ok_or_else(|| PhoneError::Message {
            what: "INVITE",
            reason: format!("{name} missing"),
        })
    };
    let caller = header("From")?;
    let dialog = Dialog {
        call_id: header("Call-ID")?,
        local: format!("{};tag={}", header("To")?, token()),
        remote: caller.clone(),
        target: message::uri(&header("Contact")?),
        local_cseq: 0,
    };
    phone
        .respond(
            &invite,
            message::response(&invite, 100, "Trying", None, &[], "")?,
        )
        .await?;
    let (mut call, task) = prepare(phone, dialog, caller, invite.uri.to_string()).await?;
    call.invite = Some(as_message);
    tokio::spawn(async move {
        let mut task = task;
        let end = task
            .take_call(invite)
            .await
            .unwrap_or_else(|e| EndReason::Failed(e.to_string()));
        task.finish(end);
    });
    Ok(call)
}

async fn prepare(
    phone: Arc<Inner>,
    dialog: Dialog,
    caller: String,
    called: String,
) -> Result<(Call, Task), PhoneError> {
    let audio = Audio::open(phone.sender.local().ip()).await?;
    let (events_tx, events) = mpsc::unbounded_channel();
    let (commands, commands_rx) = mpsc::unbounded_channel();
    let (requests_tx, requests) = mpsc::unbounded_channel();
    phone.adopt_call(&dialog.call_id, requests_tx);
    let law = phone.config.laws.first().copied().unwrap_or(Law::A);
    let telephone_event = phone.config.telephone_events.then_some(OWN_TELEPHONE_EVENT);
    let task = Task {
        phone,
        dialog,
        audio: audio.clone(),
        law,
        telephone_event,
        sdp_version: 1,
        events: events_tx,
        requests,
        commands: commands_rx,
        later: VecDeque::new(),
    };
    Ok((
        Call {
            caller,
            called,
            invite: None,
            audio,
            commands,
            events,
            ended: None,
        },
        task,
    ))
}

impl Task {
    pub fn emit(&self, event: CallEvent) {
        // A dropped call has nobody to tell.
        let _ = self.events.send(event);
    }

    fn finish(self, end: EndReason) {
        self.audio.stop();
        self.phone.forget_call(&self.dialog.call_id);
        self.emit(CallEvent::Ended(end));
    }

    fn offer(&self, direction: Direction) -> String {
        sdp::describe(
            self.audio.local(),
            &self.phone.config.laws,
            self.telephone_event,
            direction,
            self.sdp_version,
        )
    }

    pub fn in_dialog(
        &mut self,
        method: &str,
        extra: &[(&str, String)],
        body: &str,
    ) -> Result<SipMessage, PhoneError> {
        self.dialog.local_cseq += 1;
        let d = &self.dialog;
        self.phone.request(
            method,
            &d.target,
            &d.local,
            &d.remote,
            &d.call_id,
            d.local_cseq,
            extra,
            body,
        )
    }

    /// Takes over the peer's description: where to send and which law.
    pub fn connect(&mut self, body: &[u8]) -> bool {
        let Some(remote) = sdp::parse(body, &self.phone.config.laws) else {
            return false;
        };
        self.law = remote.law;
        self.telephone_event = self
            .telephone_event
            .map(|own| remote.telephone_event.unwrap_or(own));
        let sends = matches!(remote.direction, Direction::SendRecv | Direction::RecvOnly);
        self.audio.set_remote(sends.then_some(remote));
        true
    }

    async fn call_out(
        &mut self,
        headers: Vec<(&'static str, String)>,
    ) -> Result<EndReason, PhoneError> {
        let contact = ("Contact", format!("<{}>", self.phone.contact()));
        let mut extra = vec![contact];
        extra.extend(headers);
        let body = self.offer(Direction::SendRecv);
        let mut challenged = false;
        loop {
            let invite = self.in_dialog("INVITE", &extra, &body)?;
            let (bytes, responses) = self.phone.open_transaction(&invite).await?;
            match self.await_invite(&invite, bytes, responses).await? {
                InviteEnd::Answered(responses, ack) => {
                    self.emit(CallEvent::Answered);
                    return self.talk(Some((responses, ack))).await;
                }
                InviteEnd::Final(response) => {
                    let (status, _) = message::status(&response);
                    match self
                        .phone
                        .authorization(&response, "INVITE", &self.dialog.target)
                    {
                        Some((name, value)) if !challenged => {
                            challenged = true;
                            extra.push((name, value));
                        }
                        _ => return Ok(EndReason::Refused(status)),
                    }
                }
                InviteEnd::GivenUp => return Ok(EndReason::LocalHangUp),
            }
        }
    }

    /// The confirmed call, until one side ends it.
    pub async fn talk(
        &mut self,
        mut invite: Option<(Responses, Vec<u8>)>,
    ) -> Result<EndReason, PhoneError> {
        loop {
            tokio::select! {
                // A repeated 2xx means that our ACK was lost.
                Some(response) = async { invite.as_mut()?.0.recv().await }, if invite.is_some() => {
                    if let (200..300, Some((_, ack))) = (message::status(&response).0, &invite) {
                        self.phone.sender.send(ack).await?;
                    }
                }
                command = next(&mut self.later, &mut self.commands) => match command {
                    Some(Command::HangUp) | None => {
                        let bye = self.in_dialog("BYE", &[], "")?;
                        self.phone.transact(bye).await?;
                        return Ok(EndReason::LocalHangUp);
                    }
                    Some(Command::Hold(hold)) => {
                        let direction = if hold { Direction::SendOnly } else { Direction::SendRecv };
                        self.sdp_version += 1;
                        let body = self.offer(direction);
                        let contact = ("Contact", format!("<{}>", self.phone.contact()));
                        let reinvite = self.in_dialog("INVITE", &[contact], &body)?;
                        let (bytes, responses) = self.phone.open_transaction(&reinvite).await?;
                        match self.await_invite(&reinvite, bytes, responses).await? {
                            InviteEnd::Answered(responses, ack) => invite = Some((responses, ack)),
                            InviteEnd::Final(response) => {
                                let (status, reason) = message::status(&response);
                                return Err(PhoneError::Refused { method: "re-INVITE".into(), status, reason });
                            }
                            InviteEnd::GivenUp => return Ok(EndReason::LocalHangUp),
                        }
                    }
                    Some(Command::Refer(target)) => self.refer(target).await?,
                    Some(Command::Name(reply)) => self.tell_name(reply),
                    Some(Command::Ring | Command::Answer | Command::Reject(_)) => {}
                },
                Some(request) = self.requests.recv() => {
                    if let Some(end) = self.inside(request).await? {
                        return Ok(end);
                    }
                }
            }
        }
    }

    /// A request inside the confirmed dialog.
    async fn inside(&mut self, request: rsip::Request) -> Result<Option<EndReason>, PhoneError> {
        let as_message = SipMessage::Request(request.clone());
        let (_, method) = message::cseq(&as_message).unwrap_or_default();
        match method.as_str() {
            "BYE" => {
                self.phone
                    .respond(
                        &request,
                        message::response(&request, 200, "OK", None, &[], "")?,
                    )
                    .await?;
                return Ok(Some(EndReason::RemoteHangUp));
            }
            "INVITE" => {
                self.dialog.refresh(&request);
                let direction = sdp::parse(&request.body, &self.phone.config.laws)
                    .map_or(Direction::SendRecv, |r| r.direction);
                self.connect(&request.body);
                self.sdp_version += 1;
                let body = sdp::describe(
                    self.audio.local(),
                    &[self.law],
                    self.telephone_event,
                    direction.reverse(),
                    self.sdp_version,
                );
                let contact = ("Contact", format!("<{}>", self.phone.contact()));
                let ok = message::response(&request, 200, "OK", None, &[contact], &body)?;
                self.await_ack(&request, ok).await?;
                let held = matches!(direction, Direction::SendOnly | Direction::Inactive);
                self.emit(if held {
                    CallEvent::Held
                } else {
                    CallEvent::Resumed
                });
            }
            "ACK" => {}
            "NOTIFY" => self.notified(&request).await?,
            _ => {
                self.phone
                    .respond(
                        &request,
                        message::response(&request, 200, "OK", None, &[], "")?,
                    )
                    .await?
            }
        }
        Ok(None)
    }
}
