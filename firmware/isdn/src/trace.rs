//! The last frames of a D channel in words, for people who look for what the two ends disagree about.

use std::collections::VecDeque;
use std::time::Instant;

use crate::link::frame_words;
use crate::message::{CallReference, Message, Origin};
use crate::settings::Role;

/// Most frames with a message that are kept; the oldest go first.
pub const MAX_TRACED_MESSAGES: usize = 300;
/// Most frames of the link itself that are kept. They have a place of their own: a quiet night of enquiries, or a far end
/// that babbles, pushes no message out.
pub const MAX_TRACED_LINK_FRAMES: usize = 100;
/// Octets kept of a frame: address, control, and the longest information field (N201 of Q.921 §5.9.3).
const MAX_OCTETS: usize = 264;

/// The last frames of a D channel, as they were: about 100 kB when full.
#[derive(Clone, Debug)]
pub struct Trace {
    role: Role,
    messages: VecDeque<Kept>,
    others: VecDeque<Kept>,
    /// Frames there have been.
    count: u64,
}

#[derive(Clone, Debug)]
struct Kept {
    number: u64,
    at: Instant,
    sent: bool,
    octets: Box<[u8]>,
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// It carries a message of layer 3 (Q.931).
    Message,
    /// It serves the link (Q.921).
    Link,
    /// It cannot be read, or is not for this link.
    Unreadable,
}

/// A frame in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceStep {
    /// When it was sent or came.
    pub at: Instant,
    /// Whether this side has sent it.
    pub sent: bool,
    /// What it is for.
    pub kind: FrameKind,
    /// The frame: its name and numbers in Q.921, or why it is not acted upon.
    pub link: String,
    /// The name of its message in Q.931.
    pub message: Option<String>,
    /// The call it belongs to.
    pub call: Option<CallReference>,
    /// The message's elements, a line for each; then what is wrong with them.
    pub details: Vec<String>,
}

impl Trace {
    pub(crate) fn new(role: Role) -> Self {
        Self {
            role,
            messages: VecDeque::new(),
            others: VecDeque::new(),
            count: 0,
        }
    }

    /// Keeps a frame; nothing is read here, because most are never looked at.
    pub(crate) fn add(&mut self, sent: bool, frame: &[u8], at: Instant) {
        let octets = frame.get(..MAX_OCTETS).unwrap_or(frame);
        let (frames, most) = match is_message(octets) {
            true => (&mut self.messages, MAX_TRACED_MESSAGES),
            false => (&mut self.others, MAX_TRACED_LINK_FRAMES),
        };
        if frames.len() >= most {
            frames.pop_front();
        }
        frames.push_back(Kept {
            number: self.count,
            at,
            sent,
            octets: octets.into(),
        });
        self.count += 1;
    }

    /// What is kept, oldest first.
    #[must_use]
    pub fn steps(&self) -> Vec<TraceStep> {
        let mut frames: Vec<_> = self.messages.iter().chain(&self.others).collect();
        frames.sort_by_key(|frame| frame.number);
        frames.into_iter().map(|frame| self.step(frame)).collect()
    }

    /// Frames there have been, those included that are not kept any more.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    fn step(&self, frame: &Kept) -> TraceStep {
        // Read as the side does that gets it.
        let receiver = match (self.role, frame.sent) {
            (Role::User, false) | (Role::Network, true) => Role::User,
            (Role::Network, false) | (Role::User, true) => Role::Network,
        };
        let read = frame_words(&frame.octets, receiver);
        let mut step = TraceStep {
            at: frame.at,
            sent: frame.sent,
            kind: match read.is_sound {
                true => FrameKind::Link,
                false => FrameKind::Unreadable,
            },
            link: read.words,
            message: None,
            call: None,
            details: Vec::new(),
        };
        let Some(information) = read.information else {
            return step;
        };
        match Message::parse(information) {
            Ok((message, faults)) => {
                step.kind = FrameKind::Message;
                step.message = Some(message.kind.to_string());
                step.call = Some(of_this_side(message.reference, frame.sent));
                step.details = message.elements.words();
                step.details.extend(faults.words());
            }
            Err(error) => {
                step.kind = FrameKind::Unreadable;
                step.details.push(error.to_string());
            }
        }
        step
    }
}

/// Whether it is an I frame with something in it (Q.921 §3.6.1).
fn is_message(octets: &[u8]) -> bool {
    matches!(octets, [_, _, control, _, _, ..] if control & 1 == 0)
}

/// What the far end calls its own is ours and the other way round.
fn of_this_side(reference: CallReference, sent: bool) -> CallReference {
    let origin = match (reference.origin, sent) {
        (Origin::Ours, false) | (Origin::Theirs, true) => Origin::Ours,
        (Origin::Theirs, false) | (Origin::Ours, true) => Origin::Theirs,
    };
    CallReference::new(origin, reference.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_trace_forgets_the_oldest_of_each_sort() {
        let now = Instant::now();
        let mut trace = Trace::new(Role::User);
        // SETUP of a call of the network's, with reference 1; nothing else is in it.
        trace.add(false, &[2, 1, 0, 0, 8, 2, 0, 1, 5], now);
        for _ in 0..1000 {
            trace.add(false, &[2, 1, 1, 1], now);
        }
        let steps = trace.steps();
        assert_eq!(steps.len(), 1 + MAX_TRACED_LINK_FRAMES);
        assert_eq!(steps[0].message.as_deref(), Some("SETUP"));
        assert_eq!(steps[0].call, Some(CallReference::new(Origin::Theirs, 1)));
        for value in 0..1000 {
            let [high, low] = u16::to_be_bytes(value);
            trace.add(true, &[0, 1, 0, 0, 8, 2, high | 0x80, low, 7], now);
        }
        let steps = trace.steps();
        assert_eq!(steps.len(), MAX_TRACED_MESSAGES + MAX_TRACED_LINK_FRAMES);
        assert_eq!(trace.count(), 2001);
        // Calls of the far end: the flag is set in what is sent to whoever has chosen the reference.
        let call = CallReference::new(Origin::Theirs, 999);
        let last = steps
            .last()
            .map(|step| (step.message.as_deref(), step.call));
        assert_eq!(last, Some((Some("CONNECT"), Some(call))));
    }

    #[test]
    fn no_frame_takes_more_room_than_the_longest_one() {
        let now = Instant::now();
        let mut trace = Trace::new(Role::Network);
        trace.add(false, &[0; 100_000], now);
        trace.add(false, &[], now);
        let kept: usize = trace.messages.iter().map(|kept| kept.octets.len()).sum();
        assert_eq!(kept, MAX_OCTETS);
        let kinds: Vec<_> = trace.steps().iter().map(|step| step.kind).collect();
        assert_eq!(kinds, [FrameKind::Unreadable; 2]);
    }

    #[test]
    fn information_that_is_no_message_says_why() {
        let mut trace = Trace::new(Role::User);
        trace.add(false, &[2, 1, 0, 0, 0x41, 2, 0, 1, 5], Instant::now());
        let steps = trace.steps();
        assert_eq!(steps[0].kind, FrameKind::Unreadable);
        assert_eq!(steps[0].link, "I N(S)=0 N(R)=0 P=0");
        assert!(steps[0].details[0].contains("protocol discriminator 0x41"));
    }
}
