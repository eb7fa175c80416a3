//! What the phone's tasks share: the socket, open transactions, and requests built for them.

use crate::digest::Challenge;
use crate::phone::PhoneConfig;
use crate::transport::Sender;
use crate::{PhoneError, message};
use rsip::SipMessage;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// RFC 3261 timer T1.
pub const T1: Duration = Duration::from_millis(500);
/// RFC 3261 timer T2.
pub const T2: Duration = Duration::from_secs(4);
/// RFC 3261 timers B and F.
const TRANSACTION: Duration = Duration::from_secs(32);

/// What the phone's tasks share.
#[derive(Debug)]
pub struct Inner {
    pub config: PhoneConfig,
    pub sender: Sender,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
pub struct Tables {
    /// Responses by branch of the request sent.
    pub transactions: HashMap<String, mpsc::UnboundedSender<rsip::Response>>,
    /// Requests by Call-ID.
    pub calls: HashMap<String, mpsc::UnboundedSender<rsip::Request>>,
    /// Last response sent, by branch and method: repeated for a retransmitted request.
    pub answered: HashMap<(String, String), Vec<u8>>,
    register_cseq: u32,
}

impl Inner {
    pub fn new(config: PhoneConfig, sender: Sender) -> Inner {
        Inner {
            config,
            sender,
            tables: Mutex::default(),
        }
    }

    /// This phone's contact URI.
    pub fn contact(&self) -> String {
        let transport = if self.sender.is_reliable() {
            ";transport=tcp"
        } else {
            ""
        };
        format!(
            "sip:{}@{}{transport}",
            self.config.user,
            self.sender.local()
        )
    }

    pub fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request with a new branch.
    #[allow(clippy::too_many_arguments)]
    pub fn request(
        &self,
        method: &str,
        uri: &str,
        from: &str,
        to: &str,
        call_id: &str,
        cseq: u32,
        extra: &[(&str, String)],
        body: &str,
    ) -> Result<SipMessage, PhoneError> {
        let protocol = self.config.protocol.name();
        let via = format!(
            "SIP/2.0/{protocol} {};branch=z9hG4bK{};rport",
            self.sender.local(),
            token()
        );
        let mut headers = vec![
            ("Via", via),
            ("Max-Forwards", "70".to_owned()),
            ("From", from.to_owned()),
            ("To", to.to_owned()),
            ("Call-ID", call_id.to_owned()),
            ("CSeq", format!("{cseq} {method}")),
            ("User-Agent", "sipphone".to_owned()),
        ];
        headers.extend(extra.iter().map(|(n, v)| (*n, v.clone())));
        message::request(method, uri, &headers, body)
    }

    /// Sends a request and waits for its final response, retransmitting over UDP (RFC 3261 §17.1.2).
    pub async fn transact(&self, request: SipMessage) -> Result<rsip::Response, PhoneError> {
        let what = message::cseq(&request).map(|(_, m)| m).unwrap_or_default();
        let (bytes, responses) = self.open_transaction(&request).await?;
        self.await_final(what, bytes, responses).await
    }

    /// Waits for the final response to a request that was sent.
    pub async fn await_final(
        &self,
        what: String,
        bytes: Vec<u8>,
        mut responses: mpsc::UnboundedReceiver<rsip::Response>,
    ) -> Result<rsip::Response, PhoneError> {
        let deadline = tokio::time::Instant::now() + TRANSACTION;
        let mut interval = T1;
        loop {
            let wait = if self.sender.is_reliable() {
                TRANSACTION
            } else {
                interval
            };
            match tokio::time::timeout_at(
                deadline.min(tokio::time::Instant::now() + wait),
                responses.recv(),
            )
            .await
            {
                Ok(Some(response)) if message::status(&response).0 >= 200 => return Ok(response),
                Ok(Some(_)) => interval = T2,
                Ok(None) => return Err(PhoneError::Timeout(what)),
                Err(_) if tokio::time::Instant::now() >= deadline => {
                    return Err(PhoneError::Timeout(what));
                }
                Err(_) => {
                    self.sender.send(&bytes).await?;
                    interval = (interval * 2).min(T2);
                }
            }
        }
    }

    /// Sends a request once; its responses arrive at the returned receiver.
    pub async fn open_transaction(
        &self,
        request: &SipMessage,
    ) -> Result<(Vec<u8>, mpsc::UnboundedReceiver<rsip::Response>), PhoneError> {
        let branch = message::branch(request).ok_or_else(|| PhoneError::Message {
            what: "request",
            reason: "no branch".into(),
        })?;
        let (tx, rx) = mpsc::unbounded_channel();
        self.tables().transactions.insert(branch, tx);
        let bytes = request.to_string().into_bytes();
        self.sender.send(&bytes).await?;
        Ok((bytes, rx))
    }

    /// Sends a response and keeps it for retransmitted requests.
    pub async fn respond(
        &self,
        to: &rsip::Request,
        response: SipMessage,
    ) -> Result<(), PhoneError> {
        let bytes = response.to_string().into_bytes();
        let request = SipMessage::Request(to.clone());
        if let (Some(branch), Some((_, method))) =
            (message::branch(&request), message::cseq(&request))
        {
            self.tables()
                .answered
                .insert((branch, method), bytes.clone());
        }
        self.sender.send(&bytes).await
    }

    /// The header that answers a 401 or 407, if it can be answered.
    pub fn authorization(
        &self,
        response: &rsip::Response,
        method: &str,
        uri: &str,
    ) -> Option<(&'static str, String)> {
        let (ask, answer) = match message::status(response).0 {
            401 => ("WWW-Authenticate", "Authorization"),
            407 => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => return None,
        };
        let challenge = message::values(&SipMessage::Response(response.clone()), ask)
            .iter()
            .filter_map(|v| Challenge::parse(v))
            .filter(|c| !(self.config.md5_only && c.is_sha256()))
            .max_by_key(Challenge::is_sha256)?;
        Some((
            answer,
            challenge.answer(
                &self.config.user,
                &self.config.secret,
                method,
                uri,
                &token(),
            ),
        ))
    }

    /// Sends a request outside calls and answers one challenge.
    pub async fn authenticated(
        &self,
        method: &str,
        uri: &str,
        from: &str,
        to: &str,
        call_id: &str,
        headers: &[(&str, String)],
    ) -> Result<rsip::Response, PhoneError> {
        let mut headers = headers.to_vec();
        let mut tries = 0;
        loop {
            let cseq = {
                let mut tables = self.tables();
                tables.register_cseq += 1;
                tables.register_cseq
            };
            let response = self
                .transact(self.request(method, uri, from, to, call_id, cseq, &headers, "")?)
                .await?;
            let (status, reason) = message::status(&response);
            if status < 300 {
                return Ok(response);
            }
            tries += 1;
            match self
                .authorization(&response, method, uri)
                .filter(|_| tries < 2)
            {
                Some((name, value)) => headers.push((name, value)),
                None => {
                    return Err(PhoneError::Refused {
                        method: method.to_owned(),
                        status,
                        reason,
                    });
                }
            }
        }
    }

    /// Requests of `call_id` go to `task` from now on.
    pub fn adopt_call(&self, call_id: &str, task: mpsc::UnboundedSender<rsip::Request>) {
        self.tables().calls.insert(call_id.to_owned(), task);
    }

    pub fn forget_call(&self, call_id: &str) {
        self.tables().calls.remove(call_id);
    }
}

/// A random token for tags, branches and Call-IDs.
pub fn token() -> String {
    format!("{:016x}", rand::random::<u64>())
}
