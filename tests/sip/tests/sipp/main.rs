//! SIPp as phones of the gateway; its scenarios are in `tests/peers/sipp/`.

mod calls;
mod sessions;
mod transfers;

use gateway_under_test::{Extension, Gateway};
use peers::sipp::{Run, Scenario, start};
use std::time::Duration;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const LIMIT: Duration = Duration::from_secs(70);

fn free_port() -> std::io::Result<u16> {
    Ok(std::net::UdpSocket::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

fn run<'a>(gateway: &Gateway, scenario: &'a str, user: &'a Extension, target: &'a str) -> Run<'a> {
    Run {
        scenario,
        server: gateway.sip(),
        user: &user.number,
        secret: &user.secret,
        target,
        calls: 1,
        rate: 1,
        port: 0,
    }
}

/// Registers SIPp as `callee` and leaves it waiting for `calls` calls with `scenario`.
async fn callee(
    gateway: &Gateway,
    callee: &Extension,
    scenario: &str,
    calls: u32,
) -> Result<Scenario> {
    let port = free_port()?;
    start(&Run {
        port,
        ..run(gateway, "register", callee, "")
    })?
    .finish(LIMIT)
    .await?;
    Ok(start(&Run {
        port,
        calls,
        ..run(gateway, scenario, callee, "")
    })?)
}
