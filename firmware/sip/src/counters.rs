//! Counts of what an endpoint has seen and done; they only grow, except the live ones.

use crate::{Fault, Method};

/// Counters of an [`Endpoint`](crate::Endpoint).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages received, well-formed ones only.
    pub received: MessageCounters,
    /// Messages sent, retransmissions not counted.
    pub sent: MessageCounters,
    /// Copies of requests and responses received.
    pub retransmissions_received: u64,
    /// Copies of requests and responses sent.
    pub retransmissions_sent: u64,
    /// Requests the endpoint refused by itself, by status: `(status, count)` in order of status.
    pub refused: Vec<(u16, u64)>,
    /// Messages that could not be parsed.
    pub malformed: u64,
    /// The same by fault.
    pub faults: Faults,
    /// Datagrams of line ends alone, which keep a NAT open.
    pub keep_alives: u64,
    /// Messages dropped without an answer.
    pub dropped: Dropped,
    /// Live transactions.
    pub transactions: usize,
    /// Live sessions.
    pub sessions: usize,
    /// Live subscriptions.
    pub subscriptions: usize,
    /// Live dialogs, early ones included.
    pub dialogs: usize,
    /// Running timers.
    pub timers: usize,
}

/// Messages that could not be parsed, by fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// The first line is none of SIP.
    pub start_line: u64,
    /// The message is of another version of SIP.
    pub version: u64,
    /// The request URI cannot be read.
    pub request_uri: u64,
    /// A line among the header fields is none.
    pub header_line: u64,
    /// A necessary field is missing or malformed, or the methods disagree.
    pub header: u64,
    /// The body is shorter than said.
    pub body: u64,
    /// The message or the number of its header fields is too large.
    pub size: u64,
}

/// Messages dropped without an answer, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Not SIP, or a malformed request that names no way to answer.
    pub unanswerable: u64,
    /// Malformed responses.
    pub malformed_responses: u64,
    /// Well-formed responses to nothing we have sent, or to what is long over.
    pub stray_responses: u64,
    /// ACKs for nothing that waits for one; those of challenges (401, 407) are among them.
    pub stray_acks: u64,
}

/// Messages by method and by class of response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageCounters {
    /// INVITE requests.
    pub invite: u64,
    /// ACK requests.
    pub ack: u64,
    /// BYE requests.
    pub bye: u64,
    /// CANCEL requests.
    pub cancel: u64,
    /// REGISTER requests.
    pub register: u64,
    /// OPTIONS requests.
    pub options: u64,
    /// INFO requests.
    pub info: u64,
    /// PRACK requests.
    pub prack: u64,
    /// UPDATE requests.
    pub update: u64,
    /// Requests of all other methods.
    pub other: u64,
    /// Responses by class: index 0 counts 1xx, index 5 counts 6xx.
    pub responses: [u64; 6],
}

impl MessageCounters {
    pub(crate) fn request(&mut self, method: &Method) {
        let counter = match method {
            Method::Invite => &mut self.invite,
            Method::Ack => &mut self.ack,
            Method::Bye => &mut self.bye,
            Method::Cancel => &mut self.cancel,
            Method::Register => &mut self.register,
            Method::Options => &mut self.options,
            Method::Info => &mut self.info,
            Method::Prack => &mut self.prack,
            Method::Update => &mut self.update,
            _ => &mut self.other,
        };
        *counter += 1;
    }

    pub(crate) fn response(&mut self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 6);
        self.responses[class - 1] += 1;
    }
}

impl Counters {
    pub(crate) fn fault(&mut self, fault: &Fault) {
        let counter = match fault {
            Fault::Empty => return self.keep_alives += 1,
            Fault::StartLine => &mut self.faults.start_line,
            Fault::Version => &mut self.faults.version,
            Fault::RequestUri(_) => &mut self.faults.request_uri,
            Fault::HeaderLine { .. } | Fault::NoEmptyLine => &mut self.faults.header_line,
            Fault::Header(_) | Fault::MethodMismatch => &mut self.faults.header,
            Fault::Truncated => &mut self.faults.body,
            Fault::TooLarge | Fault::TooManyHeaders => &mut self.faults.size,
        };
        *counter += 1;
        self.malformed += 1;
    }

    pub(crate) fn refuse(&mut self, status: u16) {
        match self
            .refused
            .binary_search_by_key(&status, |(status, _)| *status)
        {
            Ok(at) => self.refused[at].1 += 1,
            Err(at) => self.refused.insert(at, (status, 1)),
        }
    }
}
