//! A name server on loopback, with the DNS of a test.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Seconds that answers may be remembered.
const TTL: u32 = 300;

/// What the name server knows.
#[derive(Debug, Default)]
pub struct Zone(Vec<Record>);

/// A running name server.
pub struct NameServer {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Zone {
    pub fn address(self, name: &str, ip: IpAddr) -> Self {
        self.add(
            name,
            match ip {
                IpAddr::V4(ip) => RData::A(A(ip)),
                IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
            },
        )
    }

    pub fn srv(self, name: &str, priority: u16, port: u16, target: &str) -> Self {
        self.add(
            name,
            RData::SRV(SRV::new(priority, 0, port, absolute(target))),
        )
    }

    pub fn naptr(self, name: &str, order: u16, service: &str, replacement: &str) -> Self {
        let service = service.as_bytes().into();
        let naptr = NAPTR::new(
            order,
            0,
            (*b"s").into(),
            service,
            Box::default(),
            absolute(replacement),
        );
        self.add(name, RData::NAPTR(naptr))
    }

    fn add(mut self, name: &str, data: RData) -> Self {
        self.0.push(Record::from_rdata(absolute(name), TTL, data));
        self
    }

    pub async fn serve(self) -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            loop {
                let (length, client) = socket.recv_from(&mut buffer).await.unwrap();
                let question = Message::from_vec(&buffer[..length]).unwrap();
                let answer = self.answer(&question).to_vec().unwrap();
                socket.send_to(&answer, client).await.unwrap();
            }
        });
        NameServer { address, task }
    }

    fn answer(&self, question: &Message) -> Message {
        let asked = &question.queries[0];
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.metadata.recursion_desired = true;
        answer.metadata.recursion_available = true;
        answer.add_query(asked.clone());
        let records: Vec<Record> = self
            .0
            .iter()
            .filter(|record| {
                record.name == *asked.name() && record.record_type() == asked.query_type()
            })
            .cloned()
            .collect();
        if records.is_empty() && !self.0.iter().any(|record| record.name == *asked.name()) {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        answer.add_answers(records);
        answer
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn absolute(name: &str) -> Name {
    Name::from_ascii(format!("{name}.")).unwrap()
}
