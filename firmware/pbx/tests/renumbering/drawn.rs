//! What chance draws for an office.

use proptest::prelude::*;
use proptest::sample::Index;

/// Extensions, each of as many digits, so that what a caller dials in a menu is complete with the last of them.
pub const EXTENSIONS: usize = 6;
/// What chance has drawn.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Extensions' numbers, and those of the other objects.
    pub extensions: Vec<String>,
    pub others: Vec<String>,
    /// Where destinations lead: a kind, and which of it.
    pub ways: Vec<(u8, Index)>,
    /// Where each extension has its calls go, in all three cases.
    pub forwards: Vec<[Option<Index>; 3]>,
    /// What telephones call that are only lifted, and behind which code.
    pub hot_lines: Vec<(u8, Index)>,
    /// Who is a member, a target, an owner.
    pub people: Vec<Index>,
    pub flags: Vec<bool>,
}

pub fn drawn() -> impl Strategy<Value = Drawn> {
    let distinct = |pattern: &'static str, count: usize| {
        proptest::collection::btree_set(pattern, count)
            .prop_map(|set| set.into_iter().collect::<Vec<_>>())
            .prop_shuffle()
    };
    let chosen = || any::<Index>();
    (
        distinct("[2-6][0-9]{3}", EXTENSIONS),
        distinct("[2-6]([0-9]{2}|[0-9]{4})", 6),
        proptest::collection::vec((0..12u8, chosen()), 24),
        proptest::collection::vec(proptest::array::uniform3(proptest::option::of(chosen())), 6),
        proptest::collection::vec((0..4u8, chosen()), 2),
        proptest::collection::vec(chosen(), 16),
        proptest::collection::vec(any::<bool>(), 8),
    )
        .prop_map(
            |(extensions, others, ways, forwards, hot_lines, people, flags)| Drawn {
                extensions,
                others,
                ways,
                forwards,
                hot_lines,
                people,
                flags,
            },
        )
}
