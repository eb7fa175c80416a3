//! What a media thread hears of: its own clock and queue, the sockets of its streams, the beats of its lines.

use crate::channel::{GENERATION_MASK, Index};

/// What an event is about, packed into 64 bits: kind (3), generation (29), index (32).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Mailbox,
    Tick,
    Rtp(Index, u32),
    Rtcp(Index, u32),
    Line(Index, u32),
}

impl Token {
    /// The first kind that is none of a token.
    pub(crate) const KINDS: u64 = 5;
    /// Bits below the kind.
    pub(crate) const KIND_SHIFT: u32 = 61;

    pub(crate) fn pack(self) -> u64 {
        let pack = |kind: u64, index: Index, generation: u32| {
            kind << Self::KIND_SHIFT | u64::from(generation) << 32 | u64::from(index)
        };
        match self {
            Token::Mailbox => pack(0, 0, 0),
            Token::Tick => pack(1, 0, 0),
            Token::Rtp(index, generation) => pack(2, index, generation),
            Token::Rtcp(index, generation) => pack(3, index, generation),
            Token::Line(index, generation) => pack(4, index, generation),
        }
    }

    /// `None` for what no token was packed into.
    pub(crate) fn unpack(packed: u64) -> Option<Token> {
        let index = packed as u32;
        let generation = (packed >> 32) as u32 & GENERATION_MASK;
        Some(match packed >> Self::KIND_SHIFT {
            0 => Token::Mailbox,
            1 => Token::Tick,
            2 => Token::Rtp(index, generation),
            3 => Token::Rtcp(index, generation),
            4 => Token::Line(index, generation),
            _ => return None,
        })
    }

    /// The channel whose packets it is about.
    pub(crate) fn index(self) -> Option<Index> {
        match self {
            Token::Rtp(index, _) => Some(index),
            Token::Rtcp(..) | Token::Line(..) | Token::Mailbox | Token::Tick => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_packing() {
        let most = GENERATION_MASK;
        for token in [
            Token::Mailbox,
            Token::Tick,
            Token::Rtp(0, 0),
            Token::Rtp(u32::MAX, most),
            Token::Rtcp(7, most),
            Token::Rtcp(u32::MAX, 0),
            Token::Line(5, most),
        ] {
            assert_eq!(Token::unpack(token.pack()), Some(token));
        }
        assert_eq!(Token::unpack(Token::KINDS << Token::KIND_SHIFT), None);
    }
}
