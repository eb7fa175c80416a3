//! Reading and printing a typical INVITE costs few allocations.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::Bytes;
use ramal_sip::Message;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged; counting touches no allocated memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const INVITE: &[u8] = include_bytes!("invite.sip");

#[test]
fn an_invite_is_read_and_printed_with_at_most_6_allocations() {
    let once = |datagram: Bytes| Message::parse(datagram).map(|message| message.encode());
    let warm = Bytes::from(INVITE.to_vec());
    assert_eq!(once(warm.clone()), Ok(warm));
    let datagram = Bytes::from(INVITE.to_vec());
    let before = ALLOCATIONS.with(Cell::get);
    let printed = once(datagram);
    let used = ALLOCATIONS.with(Cell::get) - before;
    assert_eq!(printed, Ok(Bytes::from_static(INVITE)));
    assert!(used <= 6, "{used} allocations");
}
