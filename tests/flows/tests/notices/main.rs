//! Others are told of what happens: webhooks (signed, tried again, replayed), text messages to missed callers (AT-35) and mail
//! (AT-33), received by servers of other makers.

mod mail;
mod webhooks;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use flow_tests::SOON;
use flow_tests::bench::Result;
use gateway_under_test::GatewayError;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// A request as it came.
#[derive(Clone, Debug)]
struct Received {
    uri: String,
    headers: HeaderMap,
    body: String,
}

impl Received {
    fn json(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.body)?)
    }
}

#[derive(Default)]
struct Desk {
    received: Vec<Received>,
    /// Statuses of the next answers; 204 when there is none.
    answers: VecDeque<StatusCode>,
}

/// An HTTP server that keeps what it is told.
struct HttpSink {
    address: SocketAddr,
    desk: Arc<Mutex<Desk>>,
    task: JoinHandle<()>,
}

impl HttpSink {
    async fn start(address: SocketAddr, answers: &[u16]) -> Result<Self> {
        let mut desk = Desk::default();
        for status in answers {
            desk.answers.push_back(StatusCode::from_u16(*status)?);
        }
        let desk = Arc::new(Mutex::new(desk));
        let app = Router::new().fallback(take).with_state(Arc::clone(&desk));
        let listener = TcpListener::bind(address).await?;
        let task = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            address,
            desk,
            task,
        })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn received(&self) -> Vec<Received> {
        let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.received.clone()
    }

    /// Waits until it was told so often.
    async fn told(&self, times: usize) -> Result<Vec<Received>> {
        let mut received = self.received();
        let deadline = Instant::now() + SOON * 3;
        while received.len() < times {
            if Instant::now() > deadline {
                return Err(GatewayError::Late("the request").into());
            }
            sleep(Duration::from_millis(20)).await;
            received = self.received();
        }
        Ok(received)
    }
}

impl Drop for HttpSink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(
    State(desk): State<Arc<Mutex<Desk>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
    desk.received.push(Received {
        uri: uri.to_string(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    desk.answers.pop_front().unwrap_or(StatusCode::NO_CONTENT)
}

/// An address that nobody else uses.
fn address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let ip = Ipv4Addr::new(127, 9, (std::process::id() % 250) as u8, next);
    SocketAddr::from((ip, 8025))
}
