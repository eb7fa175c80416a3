//! Phones that register, call and answer over UDP, all on one thread.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::call::{Call, Progress};
use crate::message::{Message, description};
use crate::phone::{Account, Phone};

/// A call that one of our phones answered.
pub struct Answered {
    /// The callee's own RTP port.
    pub rtp_port: u16,
    /// Where the gateway wants its RTP.
    pub gateway_port: u16,
    response: String,
    /// Whether the gateway hung up.
    pub ended: bool,
}

/// All phones, their calls and their sockets.
pub struct Phones {
    gateway: SocketAddr,
    phones: Vec<Phone>,
    epoll: Epoll,
    /// Calls made, by Call-ID.
    pub calls: HashMap<String, Call>,
    /// Calls taken, by Call-ID.
    pub answered: HashMap<String, Answered>,
    /// RTP ports the callees answer with, used from the end.
    pub ports: Vec<u16>,
}

impl Phones {
    /// One phone for each account, registered at `gateway`.
    pub fn register(gateway: SocketAddr, accounts: &[Account]) -> Result<Phones, Box<dyn Error>> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut phones = Vec::new();
        for account in accounts {
            let phone = Phone::register(gateway, account, phones.len())?;
            let event = EpollEvent::new(EpollFlags::EPOLLIN, phones.len() as u64);
            epoll.add(&phone.socket, event)?;
            phones.push(phone);
        }
        let (calls, answered) = (HashMap::new(), HashMap::new());
        Ok(Phones {
            gateway,
            phones,
            epoll,
            calls,
            answered,
            ports: Vec::new(),
        })
    }

    /// Calls `callee` from phone `phone`.
    pub fn call(&mut self, phone: usize, callee: &str, rtp_port: u16) {
        let call = Call::begin(phone, &self.phones[phone], self.gateway, callee, rtp_port);
        self.calls.insert(call.id().to_owned(), call);
    }

    /// Hangs up every call that has been talking for `lasting`.
    pub fn hang_up_after(&mut self, lasting: Duration) {
        for call in self.calls.values_mut() {
            let over = call
                .answered
                .is_some_and(|answered| answered.elapsed() >= lasting);
            if call.progress == Progress::Talking && over {
                call.progress = Progress::Ending;
                call.send("BYE", &self.phones[call.phone], self.gateway);
            }
        }
    }

    /// Serves what comes within `wait`, and sends again what was not answered.
    pub fn serve(&mut self, wait: Duration) -> Result<(), Box<dyn Error>> {
        let mut events = [EpollEvent::empty(); 64];
        let timeout = EpollTimeout::try_from(wait)?;
        let ready = self.epoll.wait(&mut events, timeout)?;
        let mut buffer = [0u8; 65_536];
        for event in events.iter().take(ready) {
            let phone = event.data() as usize;
            while let Some(Ok(length)) = self
                .phones
                .get(phone)
                .map(|phone| phone.socket.recv(&mut buffer))
            {
                if let Some(message) = Message::parse(&buffer[..length]) {
                    match message.status() {
                        Some(status) => self.response(&message, status),
                        None => self.request(phone, &message),
                    }
                }
            }
        }
        for call in self.calls.values_mut() {
            call.retransmit(&self.phones[call.phone], self.gateway);
        }
        Ok(())
    }

    fn response(&mut self, message: &Message, status: u16) {
        let Some(call) = self.calls.get_mut(message.header("call-id")) else {
            return;
        };
        let phone = &self.phones[call.phone];
        match (message.sequence_method(), status) {
            ("INVITE", 100..=199) => call.tries = u32::MAX,
            ("INVITE", 200..=299) => {
                call.to = message.header("to").to_owned();
                if let Some(contact) = message.contact() {
                    call.target = contact.to_owned();
                }
                call.gateway_port = message.audio_port().unwrap_or(0);
                call.acknowledge(message.sequence(), "", phone, self.gateway);
                if call.progress == Progress::Inviting {
                    call.progress = Progress::Talking;
                    call.answered = Some(Instant::now());
                }
            }
            ("INVITE", 401 | 407) if call.authorization.is_empty() => {
                call.acknowledge(
                    message.sequence(),
                    message.header("to"),
                    phone,
                    self.gateway,
                );
                let account = &phone.account;
                let authorization =
                    message.authorize(&account.number, &account.secret, "INVITE", &call.target);
                match authorization {
                    Some(authorization) => {
                        call.authorization = authorization;
                        call.send("INVITE", phone, self.gateway);
                    }
                    None => call.progress = Progress::Failed(status),
                }
            }
            ("INVITE", _) => {
                // Also the answer to a retransmission of the first, challenged INVITE.
                call.acknowledge(
                    message.sequence(),
                    message.header("to"),
                    phone,
                    self.gateway,
                );
                if message.sequence() == call.sequence && call.progress == Progress::Inviting {
                    call.progress = Progress::Failed(status);
                }
            }
            ("BYE", 200..) => call.progress = Progress::Ended,
            _ => {}
        }
    }

    fn request(&mut self, phone: usize, message: &Message) {
        let Some(phone) = self.phones.get(phone) else {
            return;
        };
        let id = message.header("call-id");
        let contact = format!("Contact: <{}>\r\n", phone.contact());
        let tag = "callee";
        let response = match message.method() {
            Some("INVITE") => {
                if let Some(answered) = self.answered.get(id) {
                    answered.response.clone()
                } else {
                    let rtp_port = self.ports.pop().unwrap_or(9);
                    let body = description(rtp_port);
                    let response = message.respond("200 OK", tag, &contact, &body);
                    let answered = Answered {
                        rtp_port,
                        gateway_port: message.audio_port().unwrap_or(0),
                        response: response.clone(),
                        ended: false,
                    };
                    self.answered.insert(id.to_owned(), answered);
                    phone.send(
                        &message.respond("180 Ringing", tag, &contact, ""),
                        self.gateway,
                    );
                    response
                }
            }
            Some("ACK") | None => return,
            Some("BYE") => {
                if let Some(answered) = self.answered.get_mut(id) {
                    answered.ended = true;
                }
                message.respond("200 OK", tag, "", "")
            }
            Some(_) => message.respond("200 OK", tag, "", ""),
        };
        phone.send(&response, self.gateway);
    }
}
