//! Bridges pairs of RTP ports on 127.0.0.1, for measuring the engine without call control.
//!
//! Reads lines `<port of A> <port of B>` on standard input and answers each with a line of the two ports
//! A and B have to send to; relays until standard input ends. With a folder as argument it records every call there.
//! `tools/bench engine` drives it.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ramal_media::{
    Codec, Engine, EngineConfig, Payloads, PromptLibrary, Recorder, RecorderConfig, Remote,
    StreamParameters,
};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::start(EngineConfig {
        bind: LOCALHOST,
        ports: 30_000..=34_999,
        threads: 1,
        prompts: Arc::new(PromptLibrary::default()),
    })?;
    let recorder = std::env::args_os()
        .nth(1)
        .map(|folder| {
            Recorder::start(&RecorderConfig {
                folder: folder.into(),
                reserve: 0,
            })
        })
        .transpose()?;
    let mut calls = Vec::new();
    for line in stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            continue; // No more calls will come; these go on until standard input ends.
        }
        let (a, b) = line.split_once(' ').ok_or("a line is not two ports")?;
        let open = |port: &str| -> Result<_, Box<dyn Error>> {
            let stream = engine.open_stream(StreamParameters::default())?;
            stream.set_remote(Remote {
                rtp: SocketAddr::new(LOCALHOST, port.parse()?),
                rtcp: None,
                payloads: Payloads::new(Codec::Pcma, Some(101)),
                receive_payloads: None,
                send: true,
                receive: true,
                symmetric: true,
            })?;
            Ok(stream)
        };
        let (a, b) = (open(a)?, open(b)?);
        engine.bridge(&a, &b)?;
        println!("{} {}", a.local_port(), b.local_port());
        stdout().flush()?;
        let mut recording = None;
        if let Some(recorder) = &recorder {
            let (mut tap, _) = recorder.begin(&format!("{}.wav", a.local_port()), Codec::Pcma);
            tap.tap(&a)?;
            recording = Some(tap);
        }
        calls.push((a, b, recording));
    }
    Ok(())
}
