//! A call of ours, from INVITE to the answer to BYE.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::message::{description, finish};
use crate::phone::{GIVE_UP, Phone, RETRANSMIT};

/// How far a call has come, seen from its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The INVITE is out.
    Inviting,
    /// Answered and acknowledged.
    Talking,
    /// The BYE is out.
    Ending,
    /// The BYE was answered.
    Ended,
    /// Refused with this status, or 408 when nobody answered.
    Failed(u16),
}

/// A call of ours.
pub struct Call {
    /// Index of its phone.
    pub phone: usize,
    id: String,
    callee: String,
    from_tag: String,
    /// To header of the dialog.
    pub to: String,
    /// Request URI of the next request.
    pub target: String,
    /// Number of the last CSeq.
    pub sequence: u32,
    /// Answer to the challenge, once there was one.
    pub authorization: String,
    /// The caller's own RTP port.
    pub rtp_port: u16,
    /// Where the gateway wants its RTP.
    pub gateway_port: u16,
    /// How far it has come.
    pub progress: Progress,
    request: String,
    sent: Instant,
    /// Retransmissions of the last request so far.
    pub tries: u32,
    begun: Instant,
    /// When it was answered.
    pub answered: Option<Instant>,
}

impl Call {
    /// Calls `callee` at `gateway` from the phone with this index.
    pub fn begin(
        index: usize,
        phone: &Phone,
        gateway: SocketAddr,
        callee: &str,
        rtp_port: u16,
    ) -> Call {
        let now = Instant::now();
        let target = format!("sip:{callee}@{gateway}");
        let mut call = Call {
            phone: index,
            id: format!("{:016x}", rand::random::<u64>()),
            callee: callee.to_owned(),
            from_tag: format!("{:08x}", rand::random::<u32>()),
            to: format!("<{target}>"),
            target,
            sequence: 0,
            authorization: String::new(),
            rtp_port,
            gateway_port: 0,
            progress: Progress::Inviting,
            request: String::new(),
            sent: now,
            tries: 0,
            begun: now,
            answered: None,
        };
        call.send("INVITE", phone, gateway);
        call
    }

    /// Its Call-ID.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sends a new request.
    pub fn send(&mut self, method: &str, phone: &Phone, gateway: SocketAddr) {
        self.sequence += 1;
        let body = if method == "INVITE" {
            description(self.rtp_port)
        } else {
            String::new()
        };
        let authorization = if method == "INVITE" {
            self.authorization.as_str()
        } else {
            ""
        };
        let text = format!(
            "{method} {} SIP/2.0\r\n{}{}{authorization}",
            self.target,
            phone.via(),
            self.headers(self.sequence, method, &self.to, phone, gateway),
        );
        self.request = finish(text, &body);
        (self.sent, self.tries) = (Instant::now(), 0);
        phone.send(&self.request, gateway);
    }

    /// Sends the ACK of an answer, or of a refusal whose To header is given.
    pub fn acknowledge(&self, sequence: u32, refused_to: &str, phone: &Phone, gateway: SocketAddr) {
        // The ACK of a refusal belongs to the INVITE's transaction and has its branch (RFC 3261
        // §17.1.1.3); that of an answer is on its own (§13.2.2.4).
        let via = self.request.lines().find(|line| line.starts_with("Via:"));
        let (via, to) = match via.filter(|_| !refused_to.is_empty()) {
            Some(via) => (format!("{via}\r\n"), refused_to),
            None => (phone.via(), self.to.as_str()),
        };
        let text = format!(
            "ACK {} SIP/2.0\r\n{via}{}",
            self.target,
            self.headers(sequence, "ACK", to, phone, gateway),
        );
        phone.send(&finish(text, ""), gateway);
    }

    fn headers(
        &self,
        sequence: u32,
        method: &str,
        to: &str,
        phone: &Phone,
        gateway: SocketAddr,
    ) -> String {
        format!(
            "Max-Forwards: 70\r\nFrom: <sip:{}@{gateway}>;tag={}\r\nTo: {to}\r\nCall-ID: {}\r\n\
             CSeq: {sequence} {method}\r\nContact: <{}>\r\n",
            phone.account.number,
            self.from_tag,
            self.id,
            phone.contact(),
        )
    }

    /// Sends the last request again when it is time.
    pub fn retransmit(&mut self, phone: &Phone, gateway: SocketAddr) {
        let waiting = matches!(self.progress, Progress::Inviting | Progress::Ending);
        if !waiting {
            return;
        }
        if self.sent.elapsed() >= GIVE_UP {
            self.progress = Progress::Failed(408);
        } else if self.tries < 7
            && self.sent.elapsed() >= RETRANSMIT * ((1 << (self.tries + 1)) - 1)
        {
            self.tries += 1;
            phone.send(&self.request, gateway);
        }
    }

    /// Time from the INVITE to the answer.
    pub fn answer_time(&self) -> Option<Duration> {
        Some(self.answered?.duration_since(self.begun))
    }

    /// Whom it was for, for messages.
    pub fn callee(&self) -> &str {
        &self.callee
    }
}
