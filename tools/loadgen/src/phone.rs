//! A phone: an account, a socket and a registration.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::message::{Message, finish};

/// First wait before a request is sent again (RFC 3261 T1); doubles each time.
pub const RETRANSMIT: Duration = Duration::from_millis(500);
/// A request without a final response is given up after this long.
pub const GIVE_UP: Duration = Duration::from_secs(32);

/// An account of the gateway.
#[derive(Clone, Debug)]
pub struct Account {
    /// Extension number.
    pub number: String,
    /// Its secret.
    pub secret: String,
}

/// The address of the phone with this index, its own as those of real phones are: what one source may do is limited.
pub fn address(index: u16) -> Ipv4Addr {
    let [high, low] = index.to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}

/// A phone with one account.
pub struct Phone {
    pub account: Account,
    pub socket: UdpSocket,
    address: SocketAddr,
}

impl Phone {
    /// The phone with this index, registered at `gateway`.
    pub fn register(
        gateway: SocketAddr,
        account: &Account,
        index: usize,
    ) -> Result<Phone, Box<dyn Error>> {
        let socket = UdpSocket::bind((address(u16::try_from(index)?), 0))?;
        socket.set_read_timeout(Some(RETRANSMIT))?;
        let phone = Phone {
            account: account.clone(),
            address: socket.local_addr()?,
            socket,
        };
        phone.send_register(gateway)?;
        phone.socket.set_nonblocking(true)?;
        Ok(phone)
    }

    pub fn contact(&self) -> String {
        format!("sip:{}@{}", self.account.number, self.address)
    }

    pub fn send(&self, text: &str, to: SocketAddr) {
        // A loss is made up for by retransmission.
        let _ = self.socket.send_to(text.as_bytes(), to);
    }

    pub fn via(&self) -> String {
        let branch = rand::random::<u64>();
        format!(
            "Via: SIP/2.0/UDP {};branch=z9hG4bK{branch:016x};rport\r\n",
            self.address
        )
    }

    /// Registers for an hour, answering the challenge.
    fn send_register(&self, gateway: SocketAddr) -> Result<(), Box<dyn Error>> {
        let (id, number) = (rand::random::<u64>(), &self.account.number);
        let uri = format!("sip:{gateway}");
        let mut authorization = String::new();
        let begun = Instant::now();
        let mut sequence = 1;
        let mut buffer = [0u8; 65_536];
        while begun.elapsed() < GIVE_UP {
            let text = format!(
                "REGISTER {uri} SIP/2.0\r\n{}Max-Forwards: 70\r\nFrom: <sip:{number}@{gateway}>;tag=r\r\n\
                 To: <sip:{number}@{gateway}>\r\nCall-ID: {id:016x}\r\nCSeq: {sequence} REGISTER\r\n\
                 Contact: <{}>\r\nExpires: 3600\r\n{authorization}",
                self.via(),
                self.contact(),
            );
            self.send(&finish(text, ""), gateway);
            let Ok(length) = self.socket.recv(&mut buffer) else {
                continue;
            };
            let Some(message) = Message::parse(&buffer[..length]) else {
                continue;
            };
            match message.status() {
                Some(200) => return Ok(()),
                Some(401 | 407) if authorization.is_empty() => {
                    authorization = message
                        .authorize(number, &self.account.secret, "REGISTER", &uri)
                        .ok_or("a challenge that cannot be answered")?;
                    sequence += 1;
                }
                Some(100..=199) | None => {}
                Some(status) => return Err(format!("{number} cannot register: {status}").into()),
            }
        }
        Err(format!("{number} cannot register: no answer").into())
    }
}
