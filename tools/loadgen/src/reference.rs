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
    let mut buffers = vec![[0u8; ROOM]; BATCH];
    let mut receive_headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut send_headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
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
            let mut lengths = [0usize; BATCH];
            let mut targets = [None; BATCH];
            let mut count = 0;
            {
                let mut slices: Vec<[IoSliceMut<'_>; 1]> = buffers
                    .iter_mut()
                    .map(|buffer| [IoSliceMut::new(buffer)])
                    .collect();
                let received = match recvmmsg(
                    from.as_raw_fd(),
                    &mut receive_headers,
                    slices.iter_mut(),
                    MsgFlags::MSG_DONTWAIT,
                    None,
                ) {
                    Ok(received) => received,
                    Err(Errno::EAGAIN | Errno::ECONNREFUSED) => continue,
                    Err(error) => return Err(error.into()),
                };
                for message in received {
                    lengths[count] = message.bytes;
                    targets[count] = message.address.map(|address| {
                        let port = partner[usize::from(address.port())];
                        SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
                    });
                    count += 1;
                }
            }
            let slices: Vec<[IoSlice<'_>; 1]> = buffers
                .iter()
                .zip(lengths)
                .take(count)
                .map(|(buffer, length)| [IoSlice::new(&buffer[..length])])
                .collect();
            let sent = sendmmsg(
                to.as_raw_fd(),
                &mut send_headers,
                &slices,
                targets,
                [],
                MsgFlags::MSG_DONTWAIT,
            );
            match sent {
                Ok(_) | Err(Errno::EAGAIN | Errno::ECONNREFUSED) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
