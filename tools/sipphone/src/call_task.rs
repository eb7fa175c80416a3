//! The task behind a [`Call`]: INVITE transactions, ACK, re-INVITE, CANCEL and BYE.

use crate::audio::Audio;
use crate::call::{Call, CallEvent, EndReason};
use crate::dialog::Dialog;
use crate::invite::{InviteEnd, Responses};
use crate::sdp::{self, Direction, Law, OWN_TELEPHONE_EVENT};
use crate::transaction::{Inner, T1, T2, token};
use crate::transfer::DialogName;
use crate::{PhoneError, message};
use rsip::SipMessage;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
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
    audio: Audio,
    law: Law,
    telephone_event: Option<u8>,
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
    let (call, task) = prepare(phone, dialog, caller, invite.uri.to_string()).await?;
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

    async fn take_call(&mut self, invite: rsip::Request) -> Result<EndReason, PhoneError> {
        let tag = message::parameter(&self.dialog.local, "tag");
        let contact = ("Contact", format!("<{}>", self.phone.contact()));
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Ring) => {
                        let ringing = message::response(&invite, 180, "Ringing", tag.as_deref(), std::slice::from_ref(&contact), "")?;
                        self.phone.respond(&invite, ringing).await?;
                    }
                    Some(Command::Answer) => break,
                    Some(Command::Reject(status)) => {
                        self.refuse(&invite, status, tag.as_deref()).await?;
                        return Ok(EndReason::LocalHangUp);
                    }
                    Some(Command::HangUp) | None => {
                        self.refuse(&invite, 603, tag.as_deref()).await?;
                        return Ok(EndReason::LocalHangUp);
                    }
                    Some(Command::Hold(_) | Command::Refer(_)) => {}
                    Some(Command::Name(reply)) => self.tell_name(reply),
                },
                Some(request) = self.requests.recv() => {
                    let as_message = SipMessage::Request(request.clone());
                    if message::cseq(&as_message).is_some_and(|(_, m)| m == "CANCEL") {
                        let ok = message::response(&request, 200, "OK", tag.as_deref(), &[], "")?;
                        self.phone.respond(&request, ok).await?;
                        self.refuse(&invite, 487, tag.as_deref()).await?;
                        return Ok(EndReason::Cancelled(message::value(&as_message, "Reason")));
                    }
                }
            }
        }
        if !self.connect(&invite.body) {
            self.refuse(&invite, 488, tag.as_deref()).await?;
            return Ok(EndReason::Failed("no usable audio offered".into()));
        }
        let body = sdp::describe(
            self.audio.local(),
            &[self.law],
            self.telephone_event,
            Direction::SendRecv,
            1,
        );
        let ok = message::response(&invite, 200, "OK", tag.as_deref(), &[contact], &body)?;
        self.await_ack(&invite, ok).await?;
        self.emit(CallEvent::Answered);
        self.talk(None).await
    }

    async fn refuse(
        &self,
        invite: &rsip::Request,
        status: u16,
        tag: Option<&str>,
    ) -> Result<(), PhoneError> {
        let reason = match status {
            486 => "Busy Here",
            487 => "Request Terminated",
            488 => "Not Acceptable Here",
            603 => "Decline",
            _ => "Refused",
        };
        self.phone
            .respond(
                invite,
                message::response(invite, status, reason, tag, &[], "")?,
            )
            .await
    }

    /// Sends a 2xx to INVITE until its ACK comes (RFC 3261 §13.3.1.4).
    async fn await_ack(
        &mut self,
        invite: &rsip::Request,
        ok: SipMessage,
    ) -> Result<(), PhoneError> {
        let bytes = ok.to_string().into_bytes();
        self.phone.respond(invite, ok).await?;
        let mut interval = T1;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(32);
        loop {
            match tokio::time::timeout(interval, self.requests.recv()).await {
                Ok(Some(request)) => {
                    let as_message = SipMessage::Request(request);
                    if message::cseq(&as_message).is_some_and(|(_, m)| m == "ACK") {
                        return Ok(());
                    }
                }
                Ok(None) => return Err(PhoneError::Timeout("200 OK".into())),
                Err(_) if tokio::time::Instant::now() >= deadline => {
                    return Err(PhoneError::Timeout("200 OK".into()));
                }
                Err(_) => {
                    self.phone.sender.send(&bytes).await?;
                    interval = (interval * 2).min(T2);
                }
            }
        }
    }

    /// The confirmed call, until one side ends it.
    async fn talk(
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
