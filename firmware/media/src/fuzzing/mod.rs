//! What fuzzers run, as what strangers' datagrams reach first lies inside of the crate. Each module has `run`, which takes
//! any bytes and panics when a promise is broken. Only there with the feature `fuzzing`.

pub mod rtp;
pub mod srtp;
pub mod stun;

/// What is left of an input, read from the front; whatever is not there is zero.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn octet(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// At most as many as asked for.
    fn octets(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
