//! The voice of one end of a call, with a key that is pressed once.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Octets of an RTP packet with 20 ms of G.711.
const PACKET: usize = 12 + 160;
const PACKET_TIME: Duration = Duration::from_millis(20);
/// What telephone events are called in our descriptions.
const EVENTS: u8 = 101;
/// Packets of a key (RFC 4733 §2.5.1): its last one is sent three times.
const KEY_PACKETS: u16 = 5;

/// A socket that sends a packet every 20 ms once it is aimed, and counts what comes.
pub struct Line {
    socket: UdpSocket,
    target: Option<(SocketAddr, Instant)>,
    sent: u32,
    sequence: u16,
    /// The key, and after how many packets it is pressed.
    key: Option<(u8, u32)>,
    /// Packets that went and came since it was opened.
    pub packets: u64,
}

impl Line {
    pub fn open() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            target: None,
            sent: 0,
            sequence: 0,
            key: None,
            packets: 0,
        })
    }

    /// The port it sends from and receives on.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// Sends to this port from now on, and presses a key after so many packets.
    pub fn begin(&mut self, port: u16, key: Option<(u8, u32)>) {
        if self.target.is_none() {
            let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            self.target = Some((to, Instant::now()));
            (self.sent, self.key) = (0, key);
        }
    }

    /// Is silent again, for another call.
    pub fn end(&mut self) {
        self.target = None;
    }

    /// Sends what is due and takes what has come.
    pub fn serve(&mut self) -> io::Result<()> {
        let mut buffer = [0; 2_048];
        while self.socket.recv(&mut buffer).is_ok() {
            self.packets += 1;
        }
        let Some((to, since)) = self.target else {
            return Ok(());
        };
        let due = since.elapsed().as_millis() / PACKET_TIME.as_millis();
        while u128::from(self.sent) < due {
            let pressed = self.key.and_then(|(key, at)| {
                let place = u16::try_from(self.sent.checked_sub(at)?).ok()?;
                (place < KEY_PACKETS).then_some((key, place + 1, at))
            });
            match pressed {
                Some((key, place, at)) => self.send_key(to, key, place, at),
                None => self.send(to, 8, false, self.sent * 160, &[0xD5; PACKET - 12]),
            }
            self.sent += 1;
        }
        Ok(())
    }

    fn send_key(&mut self, to: SocketAddr, key: u8, place: u16, since: u32) {
        let [high, low] = (place * 160).to_be_bytes();
        let last = place == KEY_PACKETS;
        let event = [key, if last { 0x8A } else { 0x0A }, high, low];
        for _ in 0..if last { 3 } else { 1 } {
            self.send(to, EVENTS, place == 1, since * 160, &event);
        }
    }

    fn send(&mut self, to: SocketAddr, kind: u8, marker: bool, timestamp: u32, payload: &[u8]) {
        let mut packet = Vec::with_capacity(12 + payload.len());
        packet.extend_from_slice(&[0x80, kind | (u8::from(marker) << 7)]);
        packet.extend_from_slice(&self.sequence.to_be_bytes());
        packet.extend_from_slice(&timestamp.to_be_bytes());
        packet.extend_from_slice(&1u32.to_be_bytes());
        packet.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.packets += 1;
        // A gateway that is gone is found out by the calls.
        let _ = self.socket.send_to(&packet, to);
    }
}
