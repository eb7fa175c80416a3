//! `sipphone`: register, call and answer from the command line; results are one JSON line each.

use clap::{Parser, Subcommand};
use serde_json::json;
use sipphone::{Call, CallEvent, Phone, PhoneConfig, PhoneError, Protocol, Source, strongest};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// A SIP telephone without a handset.
#[derive(Parser)]
#[command(name = "sipphone")]
struct Arguments {
    /// SIP address of the gateway.
    #[arg(long, default_value = "127.0.0.1:5060")]
    server: SocketAddr,
    /// Extension number.
    #[arg(long)]
    user: String,
    /// Secret of the extension.
    #[arg(long, env = "SIPPHONE_SECRET", hide_env_values = true)]
    secret: String,
    /// Use TCP instead of UDP.
    #[arg(long)]
    tcp: bool,
    /// Local address to bind.
    #[arg(long, default_value = "127.0.0.1:0")]
    local: SocketAddr,
    /// Frequency in Hz of the tone to send in a call; silence without it.
    #[arg(long)]
    tone: Option<f64>,
    /// Seconds to stay in a call.
    #[arg(long, default_value_t = 10)]
    talk: u64,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Register for some seconds (0 removes the registration).
    Register {
        /// Seconds asked for.
        #[arg(default_value_t = 3600)]
        expires: u32,
    },
    /// Call a number, talk, hang up.
    Call {
        /// Number to dial.
        number: String,
        /// Digits to send once answered.
        #[arg(long, default_value = "")]
        digits: String,
    },
    /// Register, answer one call, talk until it ends.
    Answer,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sipphone: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), PhoneError> {
    let mut config = PhoneConfig::new(arguments.server, &arguments.user, &arguments.secret);
    config.local = arguments.local;
    if arguments.tcp {
        config.protocol = Protocol::Tcp;
    }
    let phone = Phone::start(config).await?;
    match arguments.action {
        Action::Register { expires } => {
            let done = phone.register(expires).await?;
            println!(
                "{}",
                json!({ "expires": done.expires, "contacts": done.contacts })
            );
        }
        Action::Call { number, digits } => {
            let mut call = phone.call(&number).await?;
            call.wait_answered(Duration::from_secs(90)).await?;
            start_tone(&call, arguments.tone);
            call.audio().send_digits(&digits);
            talk(&mut call, arguments.talk).await;
            call.hang_up();
            let end = call.wait_ended(Duration::from_secs(40)).await?;
            report(&call, &format!("{end:?}"));
        }
        Action::Answer => {
            phone.register(3600).await?;
            println!("{}", json!({ "registered": arguments.user }));
            let Some(mut call) = phone.next_call().await else {
                return Ok(());
            };
            call.ring();
            call.answer();
            call.wait_answered(Duration::from_secs(40)).await?;
            start_tone(&call, arguments.tone);
            let end = call.wait_ended(Duration::from_secs(3600)).await?;
            report(&call, &format!("{end:?}"));
            phone.register(0).await?;
        }
    }
    Ok(())
}

fn start_tone(call: &Call, tone: Option<f64>) {
    if let Some(frequency) = tone {
        call.audio().send(Source::Tone {
            frequency,
            dbm0: -10.0,
        });
    }
}

/// Stays in the call for `seconds`, or until it ends.
async fn talk(call: &mut Call, seconds: u64) {
    let ended = call
        .wait(Duration::from_secs(seconds), |e| {
            matches!(e, CallEvent::Ended(_))
        })
        .await;
    drop(ended);
}

fn report(call: &Call, end: &str) {
    let figures = call.audio().report();
    let (frequency, level) = strongest(
        &call.audio().last(Duration::from_secs(2)),
        200.0,
        3400.0,
        5.0,
    );
    println!(
        "{}",
        json!({
            "end": end, "sent": figures.sent, "received": figures.received, "lost": figures.lost,
            "digits": figures.digits, "strongest_hz": frequency, "level_dbm0": (level * 10.0).round() / 10.0,
        })
    );
}
