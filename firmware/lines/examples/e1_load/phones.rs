//! Phones: a socket each, that sends and hears RTP in A-law.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ramal_media::{Codec, Payloads, Protection, Remote, Stream};

use super::clock::Load;
use super::exchange::{BLOCK, Ear, MARK, MARK_EVERY, Marks, awaits, delays, voice};

/// Octets of an RTP header (RFC 3550 §5.1).
const HEADER: usize = 12;

/// All phones.
pub struct Phones {
    phones: Vec<(UdpSocket, u16)>,
    stop: Arc<AtomicBool>,
    said: Marks,
    heard: Marks,
}

impl Phones {
    pub fn new() -> Self {
        Self {
            phones: Vec::new(),
            stop: Arc::default(),
            said: Arc::default(),
            heard: Arc::default(),
        }
    }

    /// One more, that talks to this stream: where it is.
    pub fn add(&mut self, stream: &Stream) -> Remote {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("a socket");
        let rtp = socket.local_addr().expect("an address");
        self.phones.push((socket, stream.local_port()));
        Remote {
            rtp,
            rtcp: None,
            payloads: Payloads::new(Codec::Pcma, Some(101)),
            receive_payloads: None,
            send: true,
            receive: true,
            symmetric: true,
            rtcp_mux: false,
            protection: Protection::None,
        }
    }

    /// All of them talk from now on.
    pub fn talk(&mut self, load: &mut Load) {
        let phones = std::mem::take(&mut self.phones);
        let (said, heard) = (self.said.clone(), self.heard.clone());
        let (stop, samples) = (self.stop.clone(), voice());
        let (ears, deaf) = (phones[0].0.try_clone().expect("a socket"), stop.clone());
        let mut ear = Ear::default();
        load.thread(move || {
            let mut packet = [0; HEADER + BLOCK];
            if awaits(ears.as_fd()) {
                let now = Instant::now();
                while let Ok(length) = ears.recv(&mut packet) {
                    let sound = &packet[HEADER.min(length)..length];
                    heard.lock().expect("marks").extend(ear.hear(sound, now));
                }
            }
            !deaf.load(Ordering::Relaxed)
        });
        let mut turn = 0;
        load.every_frame(move || {
            for (number, (socket, port)) in phones.iter().enumerate() {
                let mut packet = [0; HEADER + BLOCK];
                packet[0] = 0x80;
                packet[1] = 8;
                packet[2..4].copy_from_slice(&(turn as u16).to_be_bytes());
                packet[4..8].copy_from_slice(&((turn * BLOCK) as u32).to_be_bytes());
                packet[8..12].copy_from_slice(&(number as u32 + 1).to_be_bytes());
                let from = (turn * BLOCK + number * 1231) % (samples.len() - BLOCK);
                packet[HEADER..].copy_from_slice(&samples[from..from + BLOCK]);
                if number == 0 && turn % MARK_EVERY == 0 {
                    packet[HEADER..].fill(MARK);
                    said.lock().expect("marks").push(Instant::now());
                }
                let gateway = SocketAddr::from(([127, 0, 0, 1], *port));
                let _ = socket.send_to(&packet, gateway);
                // What comes to the phone of the marks is timed by a thread that does nothing else.
                while number > 0 && socket.recv(&mut packet).is_ok() {}
            }
            turn += 1;
            !stop.load(Ordering::Relaxed)
        });
    }

    /// When their marks left.
    pub fn marks(&self) -> Vec<Instant> {
        self.said.lock().expect("marks").clone()
    }

    /// Milliseconds that marks which left then took until they were heard here.
    pub fn delays_from(&self, left: Vec<Instant>) -> Vec<f64> {
        delays(&left, &self.heard.lock().expect("marks"))
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
