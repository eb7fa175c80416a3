//! The deadlines of all transactions and sessions: an indexed binary heap.
//!
//! A cancelled timer leaves at once, so [`TimerQueue::next`] never wakes the caller for nothing and an empty queue proves
//! that nothing was left over. Starting, cancelling and expiring cost O(log n).

use std::time::Instant;

/// Names one running timer; stale handles are recognised and do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimerHandle {
    slot: u32,
    generation: u32,
}

/// A running timer in the heap.
#[derive(Debug)]
struct Running<K> {
    deadline: Instant,
    /// Order of starting: two timers with the same deadline expire in this order, which keeps runs reproducible.
    order: u64,
    slot: u32,
    key: K,
}

/// Where a handle's timer lies in the heap. The generation outlives the timer, so that an old handle is recognised.
#[derive(Debug, Clone, Copy)]
struct Slot {
    generation: u32,
    position: u32,
}

/// Position of a slot whose timer does not run.
const IDLE: u32 = u32::MAX;

/// Running timers, each carrying a key that says what it is for.
#[derive(Debug)]
pub(crate) struct TimerQueue<K> {
    heap: Vec<Running<K>>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    order: u64,
}

impl<K> TimerQueue<K> {
    pub(crate) fn new() -> Self {
        Self {
            heap: Vec::new(),
            slots: Vec::new(),
            free: Vec::new(),
            order: 0,
        }
    }

    /// Number of running timers.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.first().map(|running| running.deadline)
    }

    /// Starts a timer that expires at `deadline`.
    pub(crate) fn start(&mut self, deadline: Instant, key: K) -> TimerHandle {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                position: IDLE,
            });
            (self.slots.len() - 1) as u32
        });
        self.order += 1;
        let position = self.heap.len();
        self.heap.push(Running {
            deadline,
            order: self.order,
            slot,
            key,
        });
        self.slots[slot as usize].position = position as u32;
        self.rise(position);
        TimerHandle {
            slot,
            generation: self.slots[slot as usize].generation,
        }
    }

    /// Stops a timer; one that has expired or was cancelled already is left alone.
    pub(crate) fn cancel(&mut self, handle: TimerHandle) {
        if let Some(slot) = self.slots.get(handle.slot as usize)
            && slot.generation == handle.generation
            && slot.position != IDLE
        {
            self.take(slot.position as usize);
        }
    }

    /// Takes out the earliest timer that is due at `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        self.take(0)
    }

    fn take(&mut self, position: usize) -> Option<K> {
        let last = self.heap.len().checked_sub(1)?;
        self.swap(position, last);
        let running = self.heap.pop()?;
        if position < self.heap.len() {
            self.rise(position);
            self.sink(position);
        }
        let slot = &mut self.slots[running.slot as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.position = IDLE;
        self.free.push(running.slot);
        Some(running.key)
    }

    fn rank(&self, position: usize) -> (Instant, u64) {
        let running = &self.heap[position];
        (running.deadline, running.order)
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        for position in [a, b] {
            let slot = self.heap[position].slot;
            self.slots[slot as usize].position = position as u32;
        }
    }

    fn rise(&mut self, mut position: usize) {
        while position > 0 {
            let parent = (position - 1) / 2;
            if self.rank(parent) <= self.rank(position) {
                break;
            }
            self.swap(parent, position);
            position = parent;
        }
    }

    fn sink(&mut self, mut position: usize) {
        loop {
            let left = 2 * position + 1;
            if left >= self.heap.len() {
                break;
            }
            let right = left + 1;
            let child = if right < self.heap.len() && self.rank(right) < self.rank(left) {
                right
            } else {
                left
            };
            if self.rank(position) <= self.rank(child) {
                break;
            }
            self.swap(position, child);
            position = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn timers_expire_in_order_of_deadline_then_of_starting() {
        let start = Instant::now();
        let mut queue = TimerQueue::new();
        for (milliseconds, key) in [(30, 'c'), (10, 'a'), (20, 'b'), (10, 'A'), (40, 'd')] {
            queue.start(start + Duration::from_millis(milliseconds), key);
        }
        assert_eq!(queue.next(), Some(start + Duration::from_millis(10)));
        assert_eq!(queue.pop(start + Duration::from_millis(9)), None);
        let late = start + Duration::from_millis(35);
        let expired: String = std::iter::from_fn(|| queue.pop(late)).collect();
        assert_eq!(expired, "aAbc");
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn a_cancelled_timer_never_expires_and_its_handle_goes_stale() {
        let start = Instant::now();
        let mut queue = TimerQueue::new();
        let first = queue.start(start, 1);
        queue.cancel(first);
        assert_eq!(queue.next(), None);
        let second = queue.start(start, 2);
        queue.cancel(first);
        assert_eq!(
            queue.pop(start),
            Some(2),
            "the old handle must not stop the new timer in the same slot"
        );
        queue.cancel(second);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn any_mixture_of_starts_and_cancels_keeps_the_order() {
        let start = Instant::now();
        let mut queue = TimerQueue::new();
        let mut random = 1_u64;
        let mut running = Vec::new();
        for key in 0..2000_u64 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let milliseconds = random >> 54;
            running.push((
                queue.start(
                    start + Duration::from_millis(milliseconds),
                    (milliseconds, key),
                ),
                (milliseconds, key),
            ));
            if random & 2 == 0 {
                let (handle, _) = running.swap_remove((random >> 40) as usize % running.len());
                queue.cancel(handle);
            }
        }
        let mut expected: Vec<_> = running.into_iter().map(|(_, key)| key).collect();
        expected.sort_unstable();
        let far = start + Duration::from_secs(3600);
        let expired: Vec<_> = std::iter::from_fn(|| queue.pop(far)).collect();
        assert_eq!(expired, expected);
        assert_eq!(queue.next(), None);
    }
}
