//! The bare copy: what moving the blocks of as many timeslots costs at least, beside the load.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};

use super::clock::Load;

const BLOCK: usize = 160;

/// The copy at work, on the processors of what it is compared with.
pub struct Reference {
    time: Arc<Mutex<Duration>>,
    stop: Arc<AtomicBool>,
}

impl Reference {
    /// Reads and writes a block of each of so many spans' 30 timeslots every 20 ms. Its time is no part of what `load`
    /// measures.
    pub fn start(spans: usize, load: &mut Load) -> Self {
        let pairs: Vec<(OwnedFd, OwnedFd)> = (0..spans * 30)
            .map(|_| {
                let flags = SockFlag::SOCK_NONBLOCK;
                socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).expect("sockets")
            })
            .collect();
        let pairs = Arc::new(pairs);
        let stop = Arc::new(AtomicBool::new(false));
        let (far, stopped) = (pairs.clone(), stop.clone());
        load.every_frame(move || {
            for (_, far) in far.iter() {
                let mut block = [0x55; BLOCK];
                let _ = send(far.as_raw_fd(), &block, MsgFlags::MSG_DONTWAIT);
                let _ = recv(far.as_raw_fd(), &mut block, MsgFlags::MSG_DONTWAIT);
            }
            !stopped.load(Ordering::Relaxed)
        });
        let stopped = stop.clone();
        let time = load.beside(move || {
            for (near, _) in pairs.iter() {
                let mut block = [0; BLOCK];
                if recv(near.as_raw_fd(), &mut block, MsgFlags::MSG_DONTWAIT).is_ok() {
                    let _ = send(near.as_raw_fd(), &block, MsgFlags::MSG_DONTWAIT);
                }
            }
            std::thread::sleep(Duration::from_millis(20));
            !stopped.load(Ordering::Relaxed)
        });
        Self { time, stop }
    }

    /// Processor time used so far.
    pub fn spent(&self) -> Duration {
        *self.time.lock().expect("time")
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
