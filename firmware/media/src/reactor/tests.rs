use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// Does the same by io_uring, where there is one, and by epoll.
fn with_each(act: impl Fn(&mut Reactor)) {
    for ring in [Ring::try_out().is_ok(), false] {
        let mut reactor = Reactor::new(ring).unwrap();
        act(&mut reactor);
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn address(socket: &UdpSocket) -> SockAddr {
    socket.local_addr().unwrap().into()
}

/// What is told of without waiting.
fn told(reactor: &mut Reactor) -> Vec<Token> {
    let mut events = [Token::Mailbox; EVENTS];
    let count = reactor.wait(false, &mut events).unwrap();
    events[..count].to_vec()
}

fn datagram<'a>(socket: &UdpSocket, octets: &'a [u8], to: Option<&'a SockAddr>) -> Datagram<'a> {
    Datagram {
        sender: Token::Rtp(7, 8),
        socket: socket.as_raw_fd(),
        octets,
        to,
        payload: octets.len(),
    }
}

fn received(socket: &UdpSocket) -> Vec<u8> {
    let mut room = [0; 65_536];
    let length = socket.recv(&mut room).unwrap();
    room[..length].to_vec()
}

#[test]
fn what_was_there_before_and_everything_that_comes_is_told_of_once() {
    with_each(|reactor| {
        let (here, there) = (socket(), socket());
        let token = Token::Rtp(1, 2);
        there.send_to(b"early", here.local_addr().unwrap()).unwrap();
        reactor.watch(here.as_fd(), token).unwrap();
        assert_eq!(told(reactor), [token]);
        assert_eq!(told(reactor), []);
        there.send_to(b"late", here.local_addr().unwrap()).unwrap();
        assert_eq!(told(reactor), [token]);
        reactor.unwatch(&[(here.as_fd(), token)]);
        there.send_to(b"never", here.local_addr().unwrap()).unwrap();
        assert_eq!(told(reactor), []);
        assert_eq!(received(&here), b"early");
    });
}

#[test]
fn more_sockets_than_are_told_of_at_once_are_all_told_of() {
    with_each(|reactor| {
        let there = socket();
        let sockets: Vec<UdpSocket> = (0..600).map(|_| socket()).collect();
        for (index, socket) in sockets.iter().enumerate() {
            reactor
                .watch(socket.as_fd(), Token::Rtp(index as u32, 0))
                .unwrap();
        }
        assert_eq!(told(reactor), []);
        for socket in &sockets {
            there.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        }
        let mut indices = Vec::new();
        let start = Instant::now();
        while indices.len() < sockets.len() && start.elapsed() < PATIENCE {
            indices.extend(told(reactor).into_iter().filter_map(Token::index));
        }
        indices.sort_unstable();
        assert!(indices.into_iter().eq(0..600));
    });
}

#[test]
fn a_port_is_free_as_soon_as_its_socket_is_closed() {
    with_each(|reactor| {
        for generation in 0..100 {
            let (socket, there) = (socket(), socket());
            let (port, token) = (socket.local_addr().unwrap(), Token::Rtcp(3, generation));
            reactor.watch(socket.as_fd(), token).unwrap();
            // At once, watched for a while, and told of.
            if generation % 3 > 0 {
                assert_eq!(told(reactor), []);
            }
            if generation % 3 > 1 {
                there.send_to(b"x", port).unwrap();
            }
            reactor.unwatch(&[(socket.as_fd(), token)]);
            drop(socket);
            UdpSocket::bind(port).unwrap();
            assert!(told(reactor).iter().all(|told| *told == token));
        }
    });
}

#[test]
fn datagrams_leave_in_order_however_many_and_however_long() {
    with_each(|reactor| {
        let (here, there) = (socket(), socket());
        let to = address(&there);
        for number in 0..1_000u32 {
            // Too long for the room there is for all of them, every now and then.
            let length = if number % 100 == 99 { 65_500 } else { 172 };
            let mut octets = vec![number as u8; length];
            octets[..4].copy_from_slice(&number.to_be_bytes());
            assert!(reactor.send(&datagram(&here, &octets, Some(&to))));
            if number % 50 == 49 {
                reactor.flush();
                for expected in number - 49..=number {
                    let received = received(&there);
                    assert_eq!(received[..4], expected.to_be_bytes());
                    assert_eq!(received.last(), Some(&(expected as u8)));
                }
            }
        }
        // Without an address, by the wait for others.
        here.connect(there.local_addr().unwrap()).unwrap();
        assert!(reactor.send(&datagram(&here, b"last", None)));
        assert_eq!(told(reactor), []);
        assert_eq!(received(&there), b"last");
        assert_eq!(reactor.unsent(), None);
    });
}

#[test]
fn the_fate_of_an_earlier_datagram_does_not_keep_the_next() {
    with_each(|reactor| {
        let (here, there) = (socket(), socket());
        let port = there.local_addr().unwrap();
        here.connect(port).unwrap();
        drop(there);
        assert!(reactor.send(&datagram(&here, b"refused", None)));
        reactor.flush();
        // The answer (ICMP) waits on the socket now, as all of this is on one machine.
        let there = UdpSocket::bind(port).unwrap();
        there.set_read_timeout(Some(PATIENCE)).unwrap();
        for octets in [b"1", b"2"] {
            assert!(reactor.send(&datagram(&here, octets, None)));
        }
        reactor.flush();
        // The one that heard of it goes out last.
        let mut arrived = [received(&there), received(&there)];
        arrived.sort_unstable();
        assert_eq!(arrived, [b"1", b"2"]);
        assert_eq!(reactor.unsent(), None);
    });
}

#[test]
fn a_datagram_that_cannot_be_sent_is_told_of() {
    with_each(|reactor| {
        let here = socket();
        // Nobody said where to.
        let taken = reactor.send(&datagram(&here, b"lost", None));
        reactor.flush();
        let unsent = Unsent {
            sender: Token::Rtp(7, 8),
            payload: 4,
        };
        assert_eq!(reactor.unsent(), taken.then_some(unsent));
        assert_eq!(reactor.unsent(), None);
    });
}
