//! How fast messages are read and printed: a phone's INVITE, on one core, beside references in the same run.
//!
//! Run with `tools/bench messages`, which pins it to a processor. Prints JSON; exit code 1 when a bar is not met.
//!
//! - `scan` copies the message and finds its line ends by SIMD: what touching every byte costs at least.
//! - `rsip` is the Rust crate of that name, reading and printing the same message as a whole (its header fields unread).
//!
//! References and ours take turns in short rounds, and the best round of each counts: other load on the machine only
//! ever makes a round slower.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use bytes::Bytes;
use ramal_sip::{HeaderName, HeaderValue, Message};

/// Bars of the product: messages read and printed a second on one core, and allocations for one.
const MESSAGES_PER_SECOND: f64 = 1_000_000.0;
const ALLOCATIONS: usize = 6;

const ROUNDS: usize = 2_000;
const PER_ROUND: u32 = 100;

const INVITE: &[u8] = include_bytes!("../tests/invite.sip");

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged; counting touches no allocated memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
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

/// One thing that is measured, and the best round so far in ns for one message.
struct Course {
    name: &'static str,
    once: fn(&Bytes) -> usize,
    best: f64,
}

/// Reads and prints as it came.
fn parse_and_print(datagram: &Bytes) -> usize {
    match Message::parse(datagram.clone()) {
        Ok(message) => message.encode().len(),
        Err(_) => 0,
    }
}

/// Reads, changes what a gateway changes on the way to the other leg, and prints.
fn parse_change_and_print(datagram: &Bytes) -> usize {
    let Ok(mut message) = Message::parse(datagram.clone()) else {
        return 0;
    };
    let via = HeaderValue::from("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0123456789abcdef;rport");
    let headers = message.headers_mut();
    headers.push_front(HeaderName::Via, via);
    headers.set(HeaderName::MaxForwards, 69);
    message.encode().len()
}

/// Copies the message and finds every line.
fn scan(datagram: &Bytes) -> usize {
    let copy = datagram.to_vec();
    memchr::memchr_iter(b'\n', &copy).count() + copy.len()
}

fn rsip(datagram: &Bytes) -> usize {
    match rsip::SipMessage::try_from(&datagram[..]) {
        Ok(message) => message.to_string().len(),
        Err(_) => 0,
    }
}

fn round(course: &mut Course, datagram: &Bytes) {
    let start = Instant::now();
    for _ in 0..PER_ROUND {
        black_box((course.once)(black_box(datagram)));
    }
    let each = start.elapsed().as_nanos() as f64 / f64::from(PER_ROUND);
    course.best = course.best.min(each);
}

fn main() -> ExitCode {
    let course = |name, once| Course {
        name,
        once,
        best: f64::INFINITY,
    };
    let mut courses = [
        course("parse_and_print", parse_and_print as fn(&Bytes) -> usize),
        course("parse_change_and_print", parse_change_and_print),
        course("scan", scan),
        course("rsip", rsip),
    ];
    let datagram = Bytes::from(INVITE.to_vec());
    // The first clone makes a buffer shared.
    drop(datagram.clone());
    let before = COUNT.with(Cell::get);
    let printed = parse_and_print(&datagram);
    let allocations = COUNT.with(Cell::get) - before;
    if printed != INVITE.len() || courses.iter().any(|course| (course.once)(&datagram) == 0) {
        eprintln!("messages: the INVITE is not read as it should be");
        return ExitCode::from(2);
    }
    for _ in 0..ROUNDS {
        for course in &mut courses {
            round(course, &datagram);
        }
    }
    let [ours, changed, scan, rsip] = &courses;
    let rate = 1e9 / ours.best;
    let met = rate >= MESSAGES_PER_SECOND && allocations <= ALLOCATIONS;
    println!("{{");
    println!("  \"bytes\": {},", INVITE.len());
    println!("  \"messages_per_second\": {rate:.0},");
    println!("  \"allocations\": {allocations},");
    for course in [ours, changed, scan, rsip] {
        println!("  \"{}_ns\": {:.0},", course.name, course.best);
    }
    println!("  \"ratio_to_scan\": {:.2},", ours.best / scan.best);
    println!("  \"ratio_to_rsip\": {:.4},", ours.best / rsip.best);
    println!("  \"bar_messages_per_second\": {MESSAGES_PER_SECOND:.0},");
    println!("  \"bar_allocations\": {ALLOCATIONS},");
    println!("  \"met\": {met}");
    println!("}}");
    match met {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
