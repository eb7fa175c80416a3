//! What the pages that lead calls may ask and do.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ramal_model::{
    AudioFileId, Conference, Configuration, ExtensionId, Number, Queue, Stored, UserId,
    VoicemailBox,
};

use crate::call::trace::Step;

/// A call that is being led, or one that is only thought of.
pub(crate) trait Switch: Send {
    /// Who took the call.
    type Taken: Send;
    /// Why it is over: the caller hung up, or somebody ended it.
    type Over: Send;

    /// The configuration the whole call follows.
    fn configuration(&self) -> &Arc<Configuration>;
    /// What time it is.
    fn now(&self) -> Timestamp;
    /// The caller's number, none when he withholds it.
    fn caller(&self) -> Option<String>;
    /// How an extension stands.
    fn availability(&self, extension: ExtensionId) -> Availability;
    /// The agent who has logged in at an extension.
    fn agent_at(&self, extension: ExtensionId) -> Option<UserId>;
    /// Whether somebody is there to take calls of a queue, if only later.
    fn is_staffed(&self, queue: &Stored<Queue>) -> bool;
    /// A number below `among`, by chance.
    fn choose(&mut self, among: usize) -> usize;
    /// Writes down a step.
    fn step(&mut self, step: Step);
    /// Writes down a choice from a menu.
    fn chose(&mut self, key: char);

    /// Answers the caller, if he is not answered yet.
    fn answer(&mut self) -> impl Future<Output = Result<(), Self::Over>> + Send;
    /// Lets the caller hear us without answering, where his line can do that; answers him otherwise.
    fn early(&mut self) -> impl Future<Output = Result<(), Self::Over>> + Send;
    /// Says something to the caller, who can interrupt it with one of `keys`; that key.
    fn play(
        &mut self,
        say: &[Say],
        keys: &str,
    ) -> impl Future<Output = Result<Option<char>, Self::Over>> + Send;
    /// Waits for the caller to press a key.
    fn key(
        &mut self,
        wait: Duration,
    ) -> impl Future<Output = Result<Option<char>, Self::Over>> + Send;
    /// Rings people at once until one takes the call, all have refused, or the time is over.
    fn ring(
        &mut self,
        who: Vec<Who>,
        time: Duration,
    ) -> impl Future<Output = Result<Rung<Self::Taken>, Self::Over>> + Send;
    /// Lets the caller hear that it rings, without ringing anybody.
    fn ring_nobody(
        &mut self,
        time: Duration,
    ) -> impl Future<Output = Result<(), Self::Over>> + Send;
    /// Lets the caller wait in a queue.
    fn wait_in_queue(
        &mut self,
        queue: &Arc<Stored<Queue>>,
    ) -> impl Future<Output = Result<QueueEnd<Self::Taken>, Self::Over>> + Send;
    /// Lets the caller leave a message; returns when he has.
    fn leave_message(
        &mut self,
        mailbox: &Arc<Stored<VoicemailBox>>,
        greetings: Greetings,
    ) -> impl Future<Output = Result<(), Self::Over>> + Send;
    /// Lets the caller take part in a conference; returns when he has left it or was not let in.
    fn join_conference(
        &mut self,
        room: &Arc<Stored<Conference>>,
    ) -> impl Future<Output = Result<(), Self::Over>> + Send;
}

/// How an extension stands (D3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// No device of it is in service.
    Offline,
    /// It is there, but in a call or ringing.
    Busy,
    /// It can be rung.
    Free {
        /// Since when a device of it has been there, UTC ms.
        online_since: i64,
        /// When its last answered call ended, UTC ms; when it came online if it has had none.
        idle_since: i64,
    },
}

/// Something that is said to a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    /// An audio file.
    File(AudioFileId),
    /// A text that was spoken, by its key.
    Spoken(String),
    /// A prompt of the gateway's own, in the caller's language.
    Own(&'static str),
}

/// What callers of a voicemail box hear because of the way they came by, where the box has no greeting of its own (F089).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Greetings {
    /// That of the number they called.
    pub(crate) number: Option<AudioFileId>,
    /// That of the queue they came through last.
    pub(crate) queue: Option<AudioFileId>,
}

/// Somebody who is rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// All devices of an extension.
    Extension(ExtensionId),
    /// Somebody outside.
    Outside(Outside),
}

/// Somebody outside who is rung.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outside {
    /// As it would be dialled on an extension.
    pub(crate) number: String,
    /// The number of the company that was called, when the call is forwarded from it.
    pub(crate) forwarded_from: Option<String>,
    /// Whether he sees the number that was called instead of the caller's.
    pub(crate) shows_called_number: bool,
    /// Whether he has to press a key to take the call.
    pub(crate) call_connect: Option<bool>,
    /// What he hears then; none is the gateway's own.
    pub(crate) whisper: Option<AudioFileId>,
    /// The extension that has its calls go there: the call goes as far as it may call itself.
    pub(crate) on_behalf_of: Option<ExtensionId>,
    /// Seconds after which the call is given up.
    pub(crate) seconds: u16,
}

impl Outside {
    /// The number itself, called because of what is set at a number of the company.
    pub(crate) fn of(number: String, from: Option<&Stored<Number>>) -> Self {
        Self {
            number,
            forwarded_from: from.map(|from| from.number.clone()),
            shows_called_number: from.is_some_and(|from| from.pass_called_number),
            call_connect: from.and_then(|from| from.call_connect),
            whisper: from.and_then(|from| from.whisper),
            on_behalf_of: None,
            seconds: from.map_or(60, |from| from.forward_seconds()),
        }
    }
}

/// What came of ringing.
#[derive(Debug)]
pub(crate) enum Rung<T> {
    /// Somebody took the call.
    Taken(T),
    /// Nobody did in time.
    NoAnswer,
    /// All have refused.
    Refused,
}

/// What came of waiting in a queue.
#[derive(Debug)]
pub(crate) enum QueueEnd<T> {
    /// A member took the call.
    Taken(T),
    /// There was no place.
    Full,
    /// Nobody took it in time.
    TimedOut,
    /// No member is there at all.
    Empty,
    /// He has hung up, or will, and is called back.
    CalledBack,
}
