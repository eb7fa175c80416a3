//! SIP for the gateway, without I/O: no sockets, clocks, threads or files are used in here.
//!
//! # Messages
//! [`Message::parse`] takes the [`Bytes`](bytes::Bytes) of one datagram (or of one message that
//! [`framing::StreamDecoder`] cut from a stream) and gives a [`Request`] or a [`Response`]. Its [`Headers`] are ranges
//! of that buffer: unknown fields, order, spelling and bytes that are not UTF-8 survive, and a message printed by
//! `encode` without a change is the same byte for byte. Typed readers ([`Headers::via`], [`Headers::to`],
//! [`Headers::contacts`] …) look into a value when it is asked for and give slices of the same buffer.
//! What cannot be used comes back as [`ParseError`], which knows the response to send, if any.
//!
//! Messages are built from [`Request::new`] and [`Response::to`]. Everything put into them is a [`HeaderValue`], which
//! cannot hold CR, LF or NUL: text from outside has to pass [`HeaderValue::new`], so no header can be injected.
//!
//! # The endpoint
//! [`Endpoint`] is the user agent: transactions (§17), dialogs (§12) and INVITE sessions (§13-15) with PRACK (RFC 3262),
//! UPDATE (RFC 3311) and session timers (RFC 4028), as their [`SessionPolicy`] says. Its user owns sockets
//! and clock: it hands in messages with the [`Flow`] they came by and the time, sends the [`Transmit`]s and acts on the
//! [`Event`]s that come out. Data flows bytes -> [`Message`] -> transaction -> dialog and session -> [`Event`], and back
//! from a method of [`Endpoint`] to [`Transmit`]. What is malformed or meant for nobody is answered or dropped on the way
//! as the RFCs say, and counted in [`Counters`].
//!
//! Subscriptions (RFC 6665) are the endpoint's, too: it says when a subscriber is to be told, and its user what.
//!
//! # Around the messages
//! - [`Uri`], [`NameAddr`], [`Via`], [`Params`], [`Host`]: the grammar of RFC 3261 §25, tolerant where phones are sloppy.
//! - [`digest`]: challenges, verification and responses of HTTP digest (RFC 7616, RFC 8760), without a table of nonces.
//! - [`sdp`]: session descriptions and offer/answer for one audio stream (RFC 3264).
//! - [`framing`]: messages and keep-alives out of a TCP, TLS or WebSocket stream (RFC 3261 §18.3, RFC 5626).

mod byte_str;
mod counters;
mod dialog;
pub mod digest;
mod endpoint;
mod flow;
pub mod framing;
mod grammar;
mod header;
mod host;
mod message;
mod params;
pub mod sdp;
mod session;
mod subscription;
mod timer;
mod transaction;
mod uri;

pub use byte_str::ByteStr;
pub use counters::{Counters, Dropped, Faults, MessageCounters};
pub use endpoint::{Advertised, DialogName, EndCause, Endpoint, EndpointConfig, Event, Limits};
pub use flow::{Flow, Transmit};
pub use header::{
    CSeq, Challenge, Contacts, Credentials, EventPackage, Field, ForbiddenCharacter, HeaderError,
    HeaderFault, HeaderName, HeaderValue, Headers, MediaType, NameAddr, RAck, Refresher, Replaces,
    SessionExpires, SubscriptionState, SubscriptionStatus, Via,
};
pub use host::{Host, InvalidHost, Transport};
pub use message::{
    Fault, MAX_HEADERS, MAX_MESSAGE, Message, Method, ParseError, Request, Response, StatusCode,
};
pub use params::Params;
pub use session::{
    ClientCredentials, Invite, Reason, ReasonProtocol, Refer, ReferId, Reliability, SessionId,
    SessionPolicy, SessionTimers,
};
pub use subscription::{SubscriptionEnd, SubscriptionId};
pub use transaction::{TimerValues, TransactionId};
pub use uri::{Scheme, Uri, UriError};
