//! The phone: its socket, transactions outside calls, registration, and the door for incoming calls.

use crate::call::Call;
use crate::call_task;
use crate::messaging::{self, TextMessage};
use crate::sdp::Law;
use crate::transaction::{Inner, token};
use crate::transport::{self, Protocol, Receiver};
use crate::{PhoneError, message};
use rsip::SipMessage;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::sync::mpsc;

/// How a phone reaches the gateway and who it is.
#[derive(Debug, Clone)]
pub struct PhoneConfig {
    /// The gateway's SIP address.
    pub server: SocketAddr,
    /// Extension number, which is also the digest user name.
    pub user: String,
    /// Digest secret.
    pub secret: String,
    /// Name shown to the called party.
    pub display_name: Option<String>,
    /// Signalling transport.
    pub protocol: Protocol,
    /// Local address to bind; the port may be 0.
    pub local: SocketAddr,
    /// Companding laws to offer, best first.
    pub laws: Vec<Law>,
    /// Answer only MD5 challenges, as old phones do.
    pub md5_only: bool,
    /// Agree on telephone events (RFC 4733); without them keys are sound alone.
    pub telephone_events: bool,
}

impl PhoneConfig {
    /// A UDP phone on 127.0.0.1 that offers A-law, then mu-law.
    pub fn new(server: SocketAddr, user: &str, secret: &str) -> PhoneConfig {
        PhoneConfig {
            server,
            user: user.to_owned(),
            secret: secret.to_owned(),
            display_name: None,
            protocol: Protocol::Udp,
            local: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            laws: vec![Law::A, Law::Mu],
            md5_only: false,
            telephone_events: true,
        }
    }
}

/// Outcome of a REGISTER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Seconds granted to this phone's contact; 0 after un-registering.
    pub expires: u32,
    /// All contacts the registrar has for the extension.
    pub contacts: Vec<String>,
}

/// A running phone. Dropping it closes its socket; it does not un-register.
#[derive(Debug)]
pub struct Phone {
    pub(crate) inner: Arc<Inner>,
    incoming: tokio::sync::Mutex<mpsc::UnboundedReceiver<Call>>,
    pub(crate) messages: tokio::sync::Mutex<mpsc::UnboundedReceiver<TextMessage>>,
    reader: tokio::task::JoinHandle<()>,
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.reader.abort();
        // A call that still waits for an answer, to its BYE say, must not keep the connection.
        self.inner.sender.disconnect();
    }
}

impl Phone {
    /// Opens the socket and starts listening.
    pub async fn start(config: PhoneConfig) -> Result<Phone, PhoneError> {
        let (sender, receiver) =
            transport::open(config.protocol, config.local, config.server).await?;
        let inner = Arc::new(Inner::new(config, sender));
        let (tx, incoming) = mpsc::unbounded_channel();
        let (texts, messages) = mpsc::unbounded_channel();
        let reader = tokio::spawn(read_loop(inner.clone(), receiver, tx, texts));
        Ok(Phone {
            inner,
            incoming: tokio::sync::Mutex::new(incoming),
            messages: tokio::sync::Mutex::new(messages),
            reader,
        })
    }

    /// The phone's own signalling address.
    pub fn local(&self) -> SocketAddr {
        self.inner.sender.local()
    }

    /// Registers for `expires` seconds; 0 removes this phone's contact.
    pub async fn register(&self, expires: u32) -> Result<Registered, PhoneError> {
        let contact = format!("<{}>;expires={expires}", self.inner.contact());
        self.register_with(&[("Contact", contact)]).await
    }

    /// Sends REGISTER with these headers beside the obligatory ones, answering a challenge.
    pub async fn register_with(
        &self,
        headers: &[(&str, String)],
    ) -> Result<Registered, PhoneError> {
        let registrar = format!("sip:{}", self.inner.config.server);
        let aor = format!(
            "<sip:{}@{}>",
            self.inner.config.user, self.inner.config.server
        );
        let call_id = format!("reg-{}@{}", self.inner.config.user, self.local());
        let from = format!("{aor};tag=r{}", self.local().port());
        let response = self
            .inner
            .authenticated("REGISTER", &registrar, &from, &aor, &call_id, headers)
            .await?;
        let contacts = message::values(&SipMessage::Response(response.clone()), "Contact");
        let own = contacts
            .iter()
            .find(|c| message::uri(c) == self.inner.contact());
        let expires = own
            .and_then(|c| message::parameter(c, "expires"))
            .and_then(|e| e.parse().ok())
            .unwrap_or(0);
        Ok(Registered { expires, contacts })
    }

    /// Sends OPTIONS to the gateway and returns the status of its answer.
    pub async fn options(&self) -> Result<u16, PhoneError> {
        let target = format!("sip:{}", self.inner.config.server);
        let from = format!("<sip:{}@{}>;tag=o", self.inner.config.user, self.local());
        let id = token();
        let request = self.inner.request(
            "OPTIONS",
            &target,
            &from,
            &format!("<{target}>"),
            &id,
            1,
            &[],
            "",
        )?;
        Ok(message::status(&self.inner.transact(request).await?).0)
    }

    /// Starts a call to `number`; what becomes of it arrives as events of the call.
    pub async fn call(&self, number: &str) -> Result<Call, PhoneError> {
        call_task::outgoing(self.inner.clone(), number, Vec::new()).await
    }

    /// The next incoming call (its INVITE was answered by 100 only).
    pub async fn next_call(&self) -> Option<Call> {
        self.incoming.lock().await.recv().await
    }
}

async fn read_loop(
    inner: Arc<Inner>,
    mut receiver: Receiver,
    incoming: mpsc::UnboundedSender<Call>,
    messages: mpsc::UnboundedSender<TextMessage>,
) {
    while let Some(bytes) = receiver.next().await {
        if bytes.iter().all(|b| b.is_ascii_whitespace()) {
            continue;
        }
        match message::parse(&bytes) {
            Ok(SipMessage::Response(response)) => {
                let message = SipMessage::Response(response.clone());
                if let Some(branch) = message::branch(&message)
                    && let Some(waiter) = inner.tables().transactions.get(&branch)
                {
                    // A receiver that is gone has its answer already.
                    let _ = waiter.send(response);
                }
            }
            Ok(SipMessage::Request(request)) => {
                if let Err(error) = take_request(&inner, request, &incoming, &messages).await {
                    eprintln!("sipphone {}: {error}", inner.config.user);
                }
            }
            Err(error) => eprintln!("sipphone {}: {error}", inner.config.user),
        }
    }
}

async fn take_request(
    inner: &Arc<Inner>,
    request: rsip::Request,
    incoming: &mpsc::UnboundedSender<Call>,
    messages: &mpsc::UnboundedSender<TextMessage>,
) -> Result<(), PhoneError> {
    let as_message = SipMessage::Request(request.clone());
    let (Some(branch), Some((_, method)), Some(call_id)) = (
        message::branch(&as_message),
        message::cseq(&as_message),
        message::value(&as_message, "Call-ID"),
    ) else {
        return Err(PhoneError::Message {
            what: "request",
            reason: "Via, CSeq or Call-ID missing".into(),
        });
    };
    let repeated = inner
        .tables()
        .answered
        .get(&(branch, method.clone()))
        .cloned();
    if let Some(bytes) = repeated {
        return inner.sender.send(&bytes).await;
    }
    let task = inner.tables().calls.get(&call_id).cloned();
    if let Some(task) = task
        && task.send(request.clone()).is_ok()
    {
        return Ok(());
    }
    let tagged = message::value(&as_message, "To")
        .and_then(|v| message::parameter(&v, "tag"))
        .is_some();
    match method.as_str() {
        "INVITE" if !tagged => {
            let call = call_task::incoming(inner.clone(), request).await?;
            let _ = incoming.send(call);
            Ok(())
        }
        "MESSAGE" => {
            let ok = message::response(&request, 200, "OK", Some("m"), &[], "")?;
            inner.respond(&request, ok).await?;
            // A phone that is gone reads no messages.
            let _ = messages.send(messaging::read(&request));
            Ok(())
        }
        "OPTIONS" => {
            inner
                .respond(
                    &request,
                    message::response(&request, 200, "OK", Some("o"), &[], "")?,
                )
                .await
        }
        "ACK" => Ok(()),
        _ => {
            let response = message::response(
                &request,
                481,
                "Call/Transaction Does Not Exist",
                Some("x"),
                &[],
                "",
            )?;
            inner.respond(&request, response).await
        }
    }
}
