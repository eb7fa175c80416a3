//! Queues: who waits, who may be rung, and who is.
//!
//! [`Floor`] knows it all and does nothing by itself: it is told what happened and when, and says who is to be rung for
//! whom. [`Queues`] keeps it for the calls, wakes those whose turn it is, and writes down who has logged in and paused.
//!
//! - `floor`: callers and members of all queues, and what happens to them;
//! - `dealing`: [`Floor::deal`], which gives free members to those who wait; `choice`: the strategies;
//! - `standing`: who can be rung;
//! - `agents`: who has logged in where, and pauses;
//! - `announcing`: when a caller is told what;
//! - `callback`: calling those back who gave up waiting; `promises`: who they are;
//! - `report`: queues, members and agents as people look at them;
//! - `service`: the tasks around it; `place`: what a call has of a queue.

mod agents;
mod announcing;
mod callback;
mod choice;
mod dealing;
mod floor;
mod place;
mod promises;
mod report;
mod service;
mod standing;
#[cfg(test)]
mod tests;

pub(crate) use self::agents::EndedBy;
pub use self::agents::{AgentRefusal, PauseReason};
pub(crate) use self::announcing::{Announcing, wait_in_minutes};
pub(crate) use self::callback::{CallBack, CalledBack};
pub(crate) use self::floor::{Floor, Member, Moment, NoPlace, Offer, Phone, Phones, Ticket, Turn};
pub(crate) use self::place::{OfQueue, Place};
pub use self::promises::{CallbackInQueue, CallbackRefusal, CallbackState};
pub use self::report::{AgentStatus, CallerInQueue, MemberState, MemberStatus, QueueStatus};
pub(crate) use self::service::Queues;
