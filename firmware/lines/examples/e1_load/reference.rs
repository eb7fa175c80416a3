//! The bare copy: what moving the blocks of as many timeslots costs at least.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};

use super::clock::Load;

const BLOCK: usize = 160;

/// Processors that it takes to read and write a block of each of a span's 30 timeslots every 20 ms.
pub fn cost(spans: usize, lasting: Duration) -> f64 {
    let pairs: Vec<(OwnedFd, OwnedFd)> = (0..spans * 30)
        .map(|_| {
            let flags = SockFlag::SOCK_NONBLOCK;
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).expect("sockets")
        })
        .collect();
    let pairs = Arc::new(pairs);
    let stop = Arc::new(AtomicBool::new(false));
    let mut load = Load::default();
    let (far, stopped) = (pairs.clone(), stop.clone());
    load.every_frame(move || {
        for (_, far) in far.iter() {
            let mut block = [0x55; BLOCK];
            let _ = send(far.as_raw_fd(), &block, MsgFlags::MSG_DONTWAIT);
            let _ = recv(far.as_raw_fd(), &mut block, MsgFlags::MSG_DONTWAIT);
        }
        !stopped.load(Ordering::Relaxed)
    });
    let begin = load.begin();
    let until = std::time::Instant::now() + lasting;
    while std::time::Instant::now() < until {
        for (near, _) in pairs.iter() {
            let mut block = [0; BLOCK];
            if recv(near.as_raw_fd(), &mut block, MsgFlags::MSG_DONTWAIT).is_ok() {
                let _ = send(near.as_raw_fd(), &block, MsgFlags::MSG_DONTWAIT);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let used = load.used_since(&begin);
    stop.store(true, Ordering::Relaxed);
    used
}
