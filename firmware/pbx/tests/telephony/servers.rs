//! SIP servers of a test: real sockets that answer as they are told, and remember what they got.

use std::net::{SocketAddr, TcpListener as StdTcpListener, UdpSocket as StdUdpSocket};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ramal_sip::framing::{Frame, StreamDecoder};
use ramal_sip::{HeaderName, Message, Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What a server does with a request.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    Nothing,
    Status(u16),
    /// 503 that says for how many seconds.
    Overloaded(u32),
}

/// A server that answers every request alike.
pub struct Server {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    hang_up: Arc<Notify>,
    tasks: Vec<JoinHandle<()>>,
}

/// A port of 127.0.0.1 that is free for UDP and for TCP.
fn sockets() -> (StdUdpSocket, StdTcpListener) {
    loop {
        let tcp = StdTcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(udp) = StdUdpSocket::bind(tcp.local_addr().unwrap()) {
            tcp.set_nonblocking(true).unwrap();
            udp.set_nonblocking(true).unwrap();
            return (udp, tcp);
        }
    }
}

impl Server {
    /// Over UDP; nobody listens at its port for TCP.
    pub fn udp(answer: Answer) -> Self {
        let (udp, _) = sockets();
        Self::serve(Some(udp), None, answer)
    }

    /// Over UDP and TCP.
    pub fn both(answer: Answer) -> Self {
        let (udp, tcp) = sockets();
        Self::serve(Some(udp), Some(tcp), answer)
    }

    fn serve(udp: Option<StdUdpSocket>, tcp: Option<StdTcpListener>, answer: Answer) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let hang_up = Arc::new(Notify::new());
        let mut tasks = Vec::new();
        let mut address = None;
        if let Some(udp) = udp {
            address = udp.local_addr().ok();
            let udp = UdpSocket::from_std(udp).unwrap();
            tasks.push(tokio::spawn(datagrams(udp, answer, requests.clone())));
        }
        if let Some(tcp) = tcp {
            address = tcp.local_addr().ok();
            let tcp = TcpListener::from_std(tcp).unwrap();
            let (requests, hang_up) = (requests.clone(), hang_up.clone());
            tasks.push(tokio::spawn(connections(tcp, answer, requests, hang_up)));
        }
        Self {
            address: address.unwrap(),
            requests,
            hang_up,
            tasks,
        }
    }

    /// Closes the connections there are.
    pub fn disconnect(&self) {
        self.hang_up.notify_waiters();
    }

    /// The requests so far, by transport in their Via.
    pub fn transports(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|request| {
                let via = request.headers.get(&HeaderName::Via).unwrap();
                let via = String::from_utf8_lossy(via).into_owned();
                via["SIP/2.0/".len()..][..3].to_owned()
            })
            .collect()
    }

    /// How many different requests have come.
    pub fn count(&self) -> usize {
        let requests = self.requests.lock().unwrap();
        let mut seen: Vec<_> = requests
            .iter()
            .map(|request| request.headers.get(&HeaderName::Via).unwrap().to_vec())
            .collect();
        seen.sort();
        seen.dedup();
        seen.len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn taken(message: Bytes, answer: Answer, requests: &Mutex<Vec<Request>>) -> Option<Bytes> {
    let Ok(Message::Request(request)) = Message::parse(message) else {
        return None;
    };
    let code = match answer {
        Answer::Nothing => None,
        Answer::Status(code) => Some(code),
        Answer::Overloaded(_) => Some(503),
    };
    let response = code.map(|code| {
        let mut response = request
            .response(StatusCode::new(code).unwrap())
            .with_to_tag("server");
        if let Answer::Overloaded(seconds) = answer {
            response.headers.push(HeaderName::RetryAfter, seconds);
        }
        response.encode()
    });
    let acknowledges = request.method == ramal_sip::Method::Ack;
    requests.lock().unwrap().push(request);
    response.filter(|_| !acknowledges)
}

async fn datagrams(socket: UdpSocket, answer: Answer, requests: Arc<Mutex<Vec<Request>>>) {
    let mut buffer = vec![0; 65_536];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let message = Bytes::copy_from_slice(&buffer[..length]);
        if let Some(response) = taken(message, answer, &requests) {
            // Whoever asked may be gone.
            let _ = socket.send_to(&response, from).await;
        }
    }
}

async fn connections(
    listener: TcpListener,
    answer: Answer,
    requests: Arc<Mutex<Vec<Request>>>,
    hang_up: Arc<Notify>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (requests, hang_up) = (requests.clone(), hang_up.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = connection(stream, answer, &requests) => {}
                () = hang_up.notified() => {}
            }
        });
    }
}

async fn connection(mut stream: TcpStream, answer: Answer, requests: &Mutex<Vec<Request>>) {
    let mut decoder = StreamDecoder::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        decoder.push(&buffer[..length]);
        while let Ok(Some(frame)) = decoder.next_frame() {
            if let Frame::Message(message) = frame
                && let Some(response) = taken(message, answer, requests)
                && stream.write_all(&response).await.is_err()
            {
                return;
            }
        }
    }
}
