//! Calls between the lines of the simulated exchange.

use super::exchange::{ExchangeLine, Party};

/// Lets lines that call another one ring it, answered ones talk, and left ones know.
pub(super) fn switch<'a>(line: impl Fn(usize) -> Option<Party> + 'a, at: usize) -> Turn {
    let Some(own) = line(at) else {
        return Turn::None;
    };
    match own {
        Party::Calls(other) if other == at => Turn::Busy,
        Party::Calls(other) => match line(other) {
            Some(Party::Idle) => Turn::Ring(other),
            Some(Party::RungBy(caller)) if caller == at => Turn::None,
            Some(Party::TalksTo(caller)) if caller == at => Turn::Answered,
            _ => Turn::Busy,
        },
        Party::RungBy(caller) => match line(caller) {
            Some(Party::Calls(other)) if other == at => Turn::None,
            _ => Turn::StopRinging,
        },
        Party::TalksTo(other) => match line(other) {
            Some(Party::TalksTo(peer)) if peer == at => Turn::Talk(other),
            // Not switched through yet.
            Some(Party::Calls(peer)) if peer == at => Turn::None,
            _ => Turn::Left,
        },
        Party::Idle | Party::Busy => Turn::None,
    }
}

/// What is to be done with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    None,
    /// The line it calls cannot be rung.
    Busy,
    /// Ring this line for it.
    Ring(usize),
    /// The line it calls has answered.
    Answered,
    /// It hears this line.
    Talk(usize),
    /// Its caller has given up.
    StopRinging,
    /// The other end has hung up.
    Left,
}

/// Does it.
pub(super) fn carry_out(lines: &mut [&mut ExchangeLine], said: &[[i16; 160]]) {
    for at in 0..lines.len() {
        let turn = switch(|line| lines.get(line).map(|line| line.party()), at);
        match turn {
            Turn::None => {}
            Turn::Busy => lines[at].busy(),
            Turn::Ring(other) => lines[other].rung_by(at),
            Turn::Answered => lines[at].answered(),
            Turn::Talk(other) => lines[at].hears(&said[other]),
            Turn::StopRinging => lines[at].ringing_given_up(),
            Turn::Left => lines[at].left(),
        }
    }
}
