//! Whether this process may have io_uring, and one that does what is asked of it.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::thread;

use io_uring::{Probe, opcode};

use super::Ring;
use crate::token::Token;

impl Ring {
    /// Whether the system has what is needed and every system call of it is allowed. Asks in a thread of its own: the end of
    /// a ring interrupts what the thread that set it up is waiting for.
    pub(in super::super) fn try_out() -> io::Result<()> {
        let thread = thread::Builder::new().name("media-trial".to_owned());
        let tried = thread.spawn(Self::try_out_here)?;
        tried
            .join()
            .map_err(|_| io::Error::other("a thread ended early"))?
    }

    fn try_out_here() -> io::Result<()> {
        let (mut ring, pool) = Self::new()?;
        let mut probe = Probe::new();
        ring.ring.submitter().register_probe(&mut probe)?;
        let needed = [
            opcode::PollAdd::CODE,
            opcode::AsyncCancel::CODE,
            opcode::Send::CODE,
        ];
        if !needed.into_iter().all(|code| probe.is_supported(code))
            || !ring.ring.params().is_feature_skip_cqe_on_success()
            || !ring.ring.params().is_feature_nodrop()
        {
            return Err(io::ErrorKind::Unsupported.into());
        }
        // Receives once, on what needs no network.
        let (here, there) = UnixDatagram::pair()?;
        there.send(&[1, 2, 3])?;
        let token = Token::Rtp(0, 0);
        ring.watch(here.as_fd(), token)?;
        ring.enter(1, true)?;
        let event = ring.ready.pop_front();
        let delivered = event.and_then(|event| event.datagram);
        let length = delivered.and_then(|delivered| pool.read(&delivered).0);
        ring.unwatch(&[(here.as_fd(), token)]);
        match length {
            Some(3) => Ok(()),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
