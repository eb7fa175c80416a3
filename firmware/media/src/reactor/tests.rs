use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// A reactor and where datagrams come to.
struct Here {
    reactor: Reactor,
    inbox: Inbox,
}

impl Here {
    fn new(ring: bool) -> Here {
        let (reactor, inbox) = Reactor::new(ring).unwrap();
        Here { reactor, inbox }
    }

    /// What is told of, after a wait if `block`.
    fn wait(&mut self, block: bool) -> Vec<Event> {
        let mut events = VecDeque::new();
        self.reactor.wait(block, &mut events).unwrap();
        events.into()
    }

    /// What is told of without waiting; what came along is thrown away.
    fn told(&mut self) -> Vec<Token> {
        let events = self.wait(false);
        events.into_iter().map(|event| self.forget(event)).collect()
    }

    fn forget(&mut self, event: Event) -> Token {
        if let Some(delivered) = event.datagram {
            let received = self.inbox.open(delivered);
            self.inbox.give_back(received);
        }
        event.token
    }

    /// Reads a datagram that came along and gives its buffer back.
    fn read(&mut self, event: Event) -> Arrived {
        let received = self.inbox.open(event.datagram.unwrap());
        let octets = self.inbox.octets(&received).map(|octets| octets.to_vec());
        let source = received.source;
        self.inbox.give_back(received);
        Arrived {
            token: event.token,
            octets,
            source,
        }
    }

    /// Waits for so many datagrams.
    fn arrive(&mut self, count: usize) -> Vec<Arrived> {
        let mut arrived = Vec::new();
        let start = Instant::now();
        while arrived.len() < count {
            assert!(start.elapsed() < PATIENCE, "{arrived:?}");
            for event in self.wait(false) {
                arrived.push(self.read(event));
            }
        }
        arrived
    }
}

/// A datagram that came along with the news of it.
#[derive(Debug, PartialEq)]
struct Arrived {
    token: Token,
    octets: Option<Vec<u8>>,
    source: Option<SocketAddr>,
}

/// Does the same by io_uring, where there is one, and by epoll.
fn with_each(act: impl Fn(&mut Here)) {
    for ring in [Ring::try_out().is_ok(), false] {
        act(&mut Here::new(ring));
    }
}

/// Does something by io_uring, where there is one.
fn with_ring(act: impl Fn(&mut Here)) {
    if Ring::try_out().is_ok() {
        act(&mut Here::new(true));
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
    with_each(|here| {
        let (near, there) = (socket(), socket());
        let token = Token::Rtcp(1, 2);
        there.send_to(b"early", near.local_addr().unwrap()).unwrap();
        here.reactor.watch(near.as_fd(), token).unwrap();
        assert_eq!(here.told(), [token]);
        assert_eq!(here.told(), []);
        there.send_to(b"late", near.local_addr().unwrap()).unwrap();
        assert_eq!(here.told(), [token]);
        here.reactor.unwatch(&[(near.as_fd(), token)]);
        there.send_to(b"never", near.local_addr().unwrap()).unwrap();
        assert_eq!(here.told(), []);
        assert_eq!(received(&near), b"early");
    });
}

#[test]
fn more_sockets_than_are_told_of_at_once_are_all_told_of() {
    with_each(|here| {
        let there = socket();
        let sockets: Vec<UdpSocket> = (0..600).map(|_| socket()).collect();
        for (index, socket) in sockets.iter().enumerate() {
            here.reactor
                .watch(socket.as_fd(), Token::Rtcp(index as u32, 0))
                .unwrap();
        }
        assert_eq!(here.told(), []);
        for socket in &sockets {
            there.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        }
        let mut indices = Vec::new();
        let start = Instant::now();
        while indices.len() < sockets.len() && start.elapsed() < PATIENCE {
            for token in here.told() {
                let Token::Rtcp(index, 0) = token else {
                    panic!("{token:?} is not watched")
                };
                indices.push(index);
            }
        }
        indices.sort_unstable();
        assert!(indices.into_iter().eq(0..600));
    });
}

#[test]
fn a_port_is_free_as_soon_as_its_socket_is_closed() {
    with_each(|here| {
        for generation in 0..100 {
            let (socket, there) = (socket(), socket());
            let port = socket.local_addr().unwrap();
            let token = match generation % 2 {
                0 => Token::Rtcp(3, generation),
                _ => Token::Rtp(3, generation),
            };
            here.reactor.watch(socket.as_fd(), token).unwrap();
            // At once, watched for a while, and told of.
            if generation % 3 > 0 {
                assert_eq!(here.told(), []);
            }
            if generation % 3 > 1 {
                there.send_to(b"x", port).unwrap();
            }
            here.reactor.unwatch(&[(socket.as_fd(), token)]);
            drop(socket);
            UdpSocket::bind(port).unwrap();
            assert!(here.told().iter().all(|told| *told == token));
        }
    });
}

#[test]
fn datagrams_leave_in_order_however_many_and_however_long() {
    with_each(|here| {
        let (near, there) = (socket(), socket());
        let to = address(&there);
        for number in 0..1_000u32 {
            // Too long for the room there is for all of them, every now and then.
            let length = if number % 100 == 99 { 65_500 } else { 172 };
            let mut octets = vec![number as u8; length];
            octets[..4].copy_from_slice(&number.to_be_bytes());
            assert!(here.reactor.send(&datagram(&near, &octets, Some(&to))));
            if number % 50 == 49 {
                here.reactor.flush();
                for expected in number - 49..=number {
                    let received = received(&there);
                    assert_eq!(received[..4], expected.to_be_bytes());
                    assert_eq!(received.last(), Some(&(expected as u8)));
                }
            }
        }
        // Without an address, by the wait for others.
        near.connect(there.local_addr().unwrap()).unwrap();
        assert!(here.reactor.send(&datagram(&near, b"last", None)));
        assert_eq!(here.told(), []);
        assert_eq!(received(&there), b"last");
        assert_eq!(here.reactor.unsent(), None);
    });
}

#[test]
fn the_fate_of_an_earlier_datagram_does_not_keep_the_next() {
    with_each(|here| {
        let (near, there) = (socket(), socket());
        let port = there.local_addr().unwrap();
        near.connect(port).unwrap();
        drop(there);
        assert!(here.reactor.send(&datagram(&near, b"refused", None)));
        here.reactor.flush();
        // The answer (ICMP) waits on the socket now, as all of this is on one machine.
        let there = UdpSocket::bind(port).unwrap();
        there.set_read_timeout(Some(PATIENCE)).unwrap();
        for octets in [b"1", b"2"] {
            assert!(here.reactor.send(&datagram(&near, octets, None)));
        }
        here.reactor.flush();
        // The one that heard of it goes out last.
        let mut arrived = [received(&there), received(&there)];
        arrived.sort_unstable();
        assert_eq!(arrived, [b"1", b"2"]);
        assert_eq!(here.reactor.unsent(), None);
    });
}

#[test]
fn a_datagram_that_cannot_be_sent_is_told_of() {
    with_each(|here| {
        let near = socket();
        // Nobody said where to.
        let taken = here.reactor.send(&datagram(&near, b"lost", None));
        here.reactor.flush();
        let unsent = Unsent {
            sender: Token::Rtp(7, 8),
            payload: 4,
        };
        assert_eq!(here.reactor.unsent(), taken.then_some(unsent));
        assert_eq!(here.reactor.unsent(), None);
    });
}

#[test]
fn datagrams_come_with_where_they_came_from() {
    with_ring(|here| {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let [near, first, second] = std::array::from_fn(|_| UdpSocket::bind(address).unwrap());
            let token = Token::Rtp(1, 2);
            first.send_to(b"early", near.local_addr().unwrap()).unwrap();
            here.reactor.watch(near.as_fd(), token).unwrap();
            second.send_to(b"", near.local_addr().unwrap()).unwrap();
            first.send_to(b"late", near.local_addr().unwrap()).unwrap();
            let arrived = |octets: &[u8], from: &UdpSocket| Arrived {
                token,
                octets: Some(octets.to_vec()),
                source: Some(from.local_addr().unwrap()),
            };
            let expected = [
                arrived(b"early", &first),
                arrived(b"", &second),
                arrived(b"late", &first),
            ];
            assert_eq!(here.arrive(3), expected);
            here.reactor.unwatch(&[(near.as_fd(), token)]);
        }
    });
}

#[test]
fn a_datagram_that_does_not_fit_is_known_and_not_read() {
    with_ring(|here| {
        let (near, there) = (socket(), socket());
        let token = Token::Rtp(1, 2);
        here.reactor.watch(near.as_fd(), token).unwrap();
        for length in [ROOM, ROOM + 1, 60_000, 172] {
            let octets = vec![7; length];
            there.send_to(&octets, near.local_addr().unwrap()).unwrap();
            let arrived = here.arrive(1);
            let whole = (length <= ROOM).then_some(octets);
            assert_eq!(arrived[0].octets, whole, "{length} octets");
            assert_eq!(arrived[0].source, there.local_addr().ok());
        }
    });
}

#[test]
fn more_datagrams_than_there_are_buffers_come_later_and_in_order() {
    with_ring(|here| {
        let there = socket();
        let sockets: Vec<UdpSocket> = (0..40).map(|_| socket()).collect();
        for (index, socket) in sockets.iter().enumerate() {
            let token = Token::Rtp(index as u32, 0);
            here.reactor.watch(socket.as_fd(), token).unwrap();
        }
        assert_eq!(here.told(), []);
        // Three times what there is room for, on every socket some.
        let each = (3 * pool::BUFFERS / sockets.len()) as u8;
        for number in 0..each {
            for socket in &sockets {
                let to = socket.local_addr().unwrap();
                there.send_to(&[number], to).unwrap();
            }
        }
        // As long as none is given back, there are no others; nobody is told so again and again.
        let mut held = VecDeque::new();
        for _ in 0..20 {
            here.reactor.wait(false, &mut held).unwrap();
        }
        assert_eq!(held.len(), pool::BUFFERS);
        let mut arrived: Vec<Arrived> = held.into_iter().map(|event| here.read(event)).collect();
        arrived.extend(here.arrive(sockets.len() * usize::from(each) - arrived.len()));
        for index in 0..sockets.len() {
            let token = Token::Rtp(index as u32, 0);
            let of_this = arrived.iter().filter(|arrived| arrived.token == token);
            let numbers = of_this.map(|arrived| arrived.octets.as_ref().unwrap()[0]);
            assert!(numbers.eq(0..each), "socket {index}");
        }
    });
}

#[test]
fn who_refused_a_datagram_is_heard_again() {
    with_ring(|here| {
        let (near, there) = (socket(), socket());
        let (port, token) = (there.local_addr().unwrap(), Token::Rtp(1, 2));
        near.connect(port).unwrap();
        here.reactor.watch(near.as_fd(), token).unwrap();
        assert_eq!(here.told(), []);
        drop(there);
        for _ in 0..5 {
            // The answer (ICMP) ends the request of the socket.
            assert!(here.reactor.send(&datagram(&near, b"refused", None)));
            assert_eq!(here.told(), []);
        }
        let there = UdpSocket::bind(port).unwrap();
        there.send_to(b"back", near.local_addr().unwrap()).unwrap();
        assert_eq!(here.arrive(1)[0].octets.as_deref(), Some(&b"back"[..]));
    });
}

#[test]
fn a_socket_connected_anew_says_of_each_datagram_whose_it_is() {
    with_ring(|here| {
        // Only a port that was asked for by number stays when the socket is opened again.
        let free = socket().local_addr().unwrap();
        let [first, second] = std::array::from_fn(|_| socket());
        let near = UdpSocket::bind(free).unwrap();
        let token = Token::Rtp(1, 2);
        here.reactor.watch(near.as_fd(), token).unwrap();
        for turn in 0..100 {
            let (peer, stranger) = match turn % 2 {
                0 => (&first, &second),
                _ => (&second, &first),
            };
            // Under way while the socket is fixed on another, and opened again.
            peer.send_to(&[turn], free).unwrap();
            let far_end = address(stranger);
            crate::socket::connect(&near, Some(&far_end)).unwrap();
            let _ = peer.send_to(b"kept out", free);
            stranger.send_to(&[turn], free).unwrap();
            crate::socket::connect(&near, None).unwrap();
            peer.send_to(&[turn], free).unwrap();
            let sources: Vec<_> = here
                .arrive(3)
                .into_iter()
                .map(|arrived| {
                    assert_eq!(arrived.octets, Some(vec![turn]));
                    arrived.source.unwrap()
                })
                .collect();
            let expected = [peer, stranger, peer].map(|socket| socket.local_addr().unwrap());
            assert_eq!(sources, expected);
        }
    });
}

#[test]
fn what_came_before_a_socket_was_unwatched_is_left_and_is_of_its_token() {
    with_ring(|here| {
        let there = socket();
        let sockets: Vec<UdpSocket> = (0..3).map(|_| socket()).collect();
        let tokens = [Token::Rtp(5, 0), Token::Rtp(5, 1), Token::Rtp(6, 0)];
        for (socket, token) in sockets.iter().zip(tokens) {
            here.reactor.watch(socket.as_fd(), token).unwrap();
        }
        assert_eq!(here.told(), []);
        for (number, socket) in (0..).zip(&sockets) {
            let to = socket.local_addr().unwrap();
            there.send_to(&[number], to).unwrap();
        }
        here.reactor.unwatch(&[(sockets[0].as_fd(), tokens[0])]);
        // What comes now is of nobody.
        let to = sockets[0].local_addr().unwrap();
        there.send_to(b"late", to).unwrap();
        let left = here
            .reactor
            .left_behind(tokens[0])
            .map(|event| here.read(event));
        // Either it was taken off the socket before the request ended, or it waits there.
        if let Some(left) = left {
            assert_eq!(left.octets, Some(vec![0]));
        }
        assert!(here.reactor.left_behind(tokens[0]).is_none());
        let mut others = here.arrive(2);
        others.sort_unstable_by_key(|arrived| arrived.octets.clone());
        assert_eq!(
            others.iter().map(|other| other.token).collect::<Vec<_>>(),
            tokens[1..]
        );
        assert_eq!(here.told(), []);
    });
}

#[test]
fn where_much_comes_little_is_not_waited_on_for_long() {
    with_ring(|here| {
        let (near, there) = (socket(), socket());
        let tick = EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK).unwrap();
        here.reactor.watch(near.as_fd(), Token::Rtp(1, 2)).unwrap();
        here.reactor.watch(tick.as_fd(), Token::Tick).unwrap();
        let to = near.local_addr().unwrap();
        for number in 0..200 {
            there.send_to(&[number], to).unwrap();
        }
        here.arrive(200);
        tick.write(1).unwrap();
        assert_eq!(here.told(), [Token::Tick]);
        // One is far from the number that ends the moment.
        for number in 0..20 {
            let start = Instant::now();
            there.send_to(&[number], to).unwrap();
            let events = here.wait(true);
            assert_eq!(events.len(), 1, "the clock has not ticked");
            for event in events {
                assert_eq!(here.read(event).octets, Some(vec![number]));
            }
            assert!(start.elapsed() < PATIENCE);
        }
    });
}
