//! The bare reference relay: what moving the packets costs at least, without any telephony.
//!
//! One pair of sockets for all calls: what comes to A goes out from B to the other leg of its call and
//! the reverse; the leg is found by the port a packet comes from. Batches of 32.

use std::error::Error;
use std::io::{BufRead, IoSlice, IoSliceMut, Write, stdin, stdout};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::thread;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};
use std::os::fd::AsFd;

/// Packets moved by one system call.
const BATCH: usize = 32;
const ROOM: usize = 2_048;

/// Serves lines `<port of A> <port of B>` like the engine's example, until standard input ends.
pub fn serve() -> Result<(), Box<dyn Error>> {
    let a = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let b = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    for socket in [&a, &b] {
        socket.set_nonblocking(true)?;
        // One socket carries what the other relays spread over hundreds.
        socket2::SockRef::from(socket).set_recv_buffer_size(8 << 20)?;
    }
    let (port_a, port_b) = (a.local_addr()?.port(), b.local_addr()?.port());
    let mut partner = vec![0u16; 65_536];
    for line in stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let (first, second) = line.split_once(' ').ok_or("a line is not two ports")?;
        let (first, second): (u16, u16) = (first.parse()?, second.parse()?);
        partner[usize::from(first)] = second;
        partner[usize::from(second)] = first;
        println!("{port_a} {port_b}");
        stdout().flush()?;
    }
    // Ends with the process that started it.
    thread::spawn(|| {
        let _ = stdin().lock().lines().count();
        std::process::exit(0);
    });
    relay(&a, &b, &partner)
}

fn relay(a: &UdpSocket, b: &UdpSocket, partner: &[u16]) -> Result<(), Box<dyn Error>> {
    crate::process::request_real_time();
    let mut batch = Batch::new();
    loop {
        let mut ready = [
            PollFd::new(a.as_fd(), PollFlags::POLLIN),
            PollFd::new(b.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        for (from, to) in [(a, b), (b, a)] {
            batch.pass(from, to, partner)?;
        }
    }
}

/// Room for the packets of one turn.
struct Batch {
    buffers: Vec<[u8; ROOM]>,
    receive_headers: MultiHeaders<SockaddrIn>,
    send_headers: MultiHeaders<SockaddrIn>,
}

impl Batch {
    fn new() -> Self {
        Batch {
            buffers: vec![[0u8; ROOM]; BATCH],
            receive_headers: MultiHeaders::preallocate(BATCH, None),
            send_headers: MultiHeaders::preallocate(BATCH, None),
        }
    }

    /// Passes on what waits, one batch of it.
    fn pass(&mut self, from: &UdpSocket, to: &UdpSocket, partner: &[u16]) -> Result<(), Errno> {
        // Which buffer holds it, how long it is, and where it goes.
        let mut places = [(0usize, 0usize); BATCH];
        let mut targets = [None; BATCH];
        let mut count = 0;
        {
            let mut slices: Vec<[IoSliceMut<'_>; 1]> = self
                .buffers
                .iter_mut()
                .map(|buffer| [IoSliceMut::new(buffer)])
                .collect();
            let received = match recvmmsg(
                from.as_raw_fd(),
                &mut self.receive_headers,
                slices.iter_mut(),
                MsgFlags::MSG_DONTWAIT,
                None,
            ) {
                Ok(received) => received,
                Err(Errno::EAGAIN | Errno::ECONNREFUSED) => return Ok(()),
                Err(error) => return Err(error),
            };
            for (place, message) in received.enumerate() {
                let port = message
                    .address
                    .map_or(0, |address| partner[usize::from(address.port())]);
                // Packets of strangers go nowhere: the relay that takes turns with this one sends its reports to the port
                // above that of a leg, which may be ours.
                if port != 0 {
                    places[count] = (place, message.bytes);
                    targets[count] = Some(SockaddrIn::from(SocketAddrV4::new(
                        Ipv4Addr::LOCALHOST,
                        port,
                    )));
                    count += 1;
                }
            }
        }
        if count == 0 {
            return Ok(());
        }
        let slices: Vec<[IoSlice<'_>; 1]> = places[..count]
            .iter()
            .map(|&(place, length)| [IoSlice::new(&self.buffers[place][..length])])
            .collect();
        match sendmmsg(
            to.as_raw_fd(),
            &mut self.send_headers,
            &slices,
            targets,
            [],
            MsgFlags::MSG_DONTWAIT,
        ) {
            Ok(_) | Err(Errno::EAGAIN | Errno::ECONNREFUSED) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        socket
    }

    #[test]
    fn packets_of_strangers_do_not_end_the_relay() {
        let [a, b, leg, other, stranger] = std::array::from_fn(|_| socket());
        let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
        let mut partner = vec![0u16; 65_536];
        partner[usize::from(port(&leg))] = port(&other);
        // In the order they are sent in, on loopback.
        stranger
            .send_to(b"report", a.local_addr().unwrap())
            .unwrap();
        leg.send_to(b"voice", a.local_addr().unwrap()).unwrap();
        stranger
            .send_to(b"report", a.local_addr().unwrap())
            .unwrap();
        leg.send_to(b"more", a.local_addr().unwrap()).unwrap();
        Batch::new().pass(&a, &b, &partner).unwrap();
        let mut buffer = [0; 16];
        for said in [&b"voice"[..], b"more"] {
            let (length, from) = other.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], said);
            assert_eq!(from.port(), port(&b));
        }
    }
}
