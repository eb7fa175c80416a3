//! A socket that moves many datagrams by one system call; and the echo that registrations are compared with.

use std::error::Error;
use std::io::{self, IoSlice, IoSliceMut, Write, stdin, stdout};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::thread;
use std::time::Duration;

use md5::{Digest, Md5};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};
use nix::sys::time::TimeSpec;

/// Datagrams moved by one system call.
const BATCH: usize = 32;
const ROOM: usize = 2_048;

/// See the module.
pub struct BatchSocket {
    socket: UdpSocket,
    target: SockaddrIn,
    outgoing: Vec<Vec<u8>>,
    buffers: Vec<[u8; ROOM]>,
}

impl BatchSocket {
    /// A socket on a free port of 127.0.0.1 that sends to port `target` there.
    pub fn open(target: u16) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        socket2::SockRef::from(&socket).set_recv_buffer_size(8 << 20)?;
        Ok(Self {
            socket,
            target: address(target),
            outgoing: Vec::new(),
            buffers: vec![[0; ROOM]; BATCH],
        })
    }

    /// The port it sends from.
    pub fn port(&self) -> u16 {
        self.socket.local_addr().map_or(0, |address| address.port())
    }

    /// Sends to another port from now on.
    pub fn aim(&mut self, target: u16) {
        self.target = address(target);
        self.outgoing.clear();
    }

    /// Adds a datagram to those to be sent.
    pub fn push(&mut self, datagram: &[u8]) {
        self.outgoing.push(datagram.to_vec());
    }

    /// Sends all; what finds no room is lost, as on a network.
    pub fn flush(&mut self) -> Result<(), Box<dyn Error>> {
        let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
        for batch in self.outgoing.chunks(BATCH) {
            let slices: Vec<_> = batch.iter().map(|text| [IoSlice::new(text)]).collect();
            let targets = vec![Some(self.target); batch.len()];
            send(&self.socket, &mut headers, &slices, targets)?;
        }
        self.outgoing.clear();
        Ok(())
    }

    /// Gives everything that is there, and what comes within `wait` when nothing is.
    pub fn receive(
        &mut self,
        wait: Duration,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Box<dyn Error>> {
        let mut ready = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        // Waits shorter than a millisecond must not become busy ones, which spare the other side a wake-up.
        ppoll(&mut ready, Some(TimeSpec::from(wait)), None)?;
        let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
        loop {
            let mut lengths = [0; BATCH];
            let received = {
                let mut slices: Vec<_> = self
                    .buffers
                    .iter_mut()
                    .map(|buffer| [IoSliceMut::new(buffer)])
                    .collect();
                match recvmmsg(
                    self.socket.as_raw_fd(),
                    &mut headers,
                    slices.iter_mut(),
                    MsgFlags::MSG_DONTWAIT,
                    None,
                ) {
                    Ok(messages) => messages
                        .zip(&mut lengths)
                        .map(|(message, length)| *length = message.bytes)
                        .count(),
                    Err(Errno::EAGAIN) => return Ok(()),
                    Err(Errno::ECONNREFUSED) => continue,
                    Err(error) => return Err(error.into()),
                }
            };
            for (buffer, length) in self.buffers.iter().zip(lengths).take(received) {
                take(&buffer[..length]);
            }
            if received < BATCH {
                return Ok(());
            }
        }
    }
}

fn address(port: u16) -> SockaddrIn {
    SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

fn send(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<SockaddrIn>,
    slices: &[[IoSlice<'_>; 1]],
    targets: Vec<Option<SockaddrIn>>,
) -> Result<(), Box<dyn Error>> {
    match sendmmsg(
        socket.as_raw_fd(),
        headers,
        slices,
        targets,
        [],
        MsgFlags::MSG_DONTWAIT,
    ) {
        Ok(_) | Err(Errno::EAGAIN | Errno::ECONNREFUSED) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Sends every datagram back after hashing it once, until standard input ends; the port is told there.
pub fn echo() -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(8 << 20)?;
    stdin().read_line(&mut String::new())?;
    println!("{} 0", socket.local_addr()?.port());
    stdout().flush()?;
    // Ends with the process that started it.
    thread::spawn(|| {
        let _ = stdin().lines().count();
        std::process::exit(0);
    });
    let mut buffers = vec![[0_u8; ROOM]; BATCH];
    let mut receive_headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut send_headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    loop {
        let mut lengths = [0; BATCH];
        let mut sources = Vec::with_capacity(BATCH);
        {
            let mut slices: Vec<_> = buffers
                .iter_mut()
                .map(|buffer| [IoSliceMut::new(buffer)])
                .collect();
            let messages = match recvmmsg(
                socket.as_raw_fd(),
                &mut receive_headers,
                slices.iter_mut(),
                MsgFlags::MSG_WAITFORONE,
                None,
            ) {
                Ok(messages) => messages,
                Err(Errno::EINTR | Errno::ECONNREFUSED) => continue,
                Err(error) => return Err(error.into()),
            };
            for (message, length) in messages.zip(&mut lengths) {
                *length = message.bytes;
                sources.push(message.address);
            }
        }
        let slices: Vec<_> = buffers
            .iter()
            .zip(lengths)
            .take(sources.len())
            .map(|(buffer, length)| {
                let datagram = &buffer[..length];
                std::hint::black_box(Md5::digest(datagram));
                [IoSlice::new(datagram)]
            })
            .collect();
        send(&socket, &mut send_headers, &slices, sources)?;
    }
}
