//! Carries calls between pairs of RTP ports on 127.0.0.1, for measuring the engine without call control.
//!
//! `media_paths PATH [FOLDER]`, where PATH is one of
//! - `relay`: both ends have A-law, passed on as it is;
//! - `srtp`: as `relay`, encrypted on both legs (`AES_CM_128_HMAC_SHA1_80`);
//! - `law`: one end has A-law, the other mu-law;
//! - `record`: as `relay`, and every call is recorded into FOLDER;
//! - `play`: both ends hear music and are not bridged.
//!
//! Reads lines `<port of A> <port of B>` on standard input and answers each with a line of the two ports
//! A and B have to send to; goes on until standard input ends. `tools/bench media` drives it.
//! With `MULTIPLEXING=epoll` in its environment it does without io_uring.

use std::error::Error;
use std::f32::consts::TAU;
use std::io::{BufRead, Write, stdin, stdout};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use ramal_media::{
    Codec, Engine, EngineConfig, MasterKey, Multiplexing, Payloads, Prompt, PromptLibrary,
    Protection, Recorder, RecorderConfig, Remote, Repeat, Sound, SrtpKeys, Stream,
    StreamParameters, Suite,
};

/// Master key and salt of every call, both ways, as the load generator has them.
const MASTER: [u8; 30] = *b"a key known to all, and a salt";
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What is done with a pair.
enum Path {
    Relay,
    Srtp,
    Law,
    Record(Recorder),
    Play(Arc<Prompt>),
}

impl Path {
    fn named(name: &str, folder: Option<PathBuf>) -> Result<Path, Box<dyn Error>> {
        Ok(match name {
            "relay" => Path::Relay,
            "srtp" => Path::Srtp,
            "law" => Path::Law,
            "record" => Path::Record(Recorder::start(&RecorderConfig {
                folder: folder.ok_or("where to record is not said")?,
                reserve: 1 << 30,
            })?),
            "play" => Path::Play(Arc::new(music())),
            _ => return Err(format!("{name} is no path").into()),
        })
    }
}

/// A chord, long enough that the processor's caches do not hold it.
fn music() -> Prompt {
    let tone = |n: u32, hz: f32| (n as f32 * TAU * hz / 8_000.0).sin() * 3_000.0;
    let samples: Vec<i16> = (0..8_000 * 60)
        .map(|n| (tone(n, 220.0) + tone(n, 277.0) + tone(n, 330.0)) as i16)
        .collect();
    Prompt::new("music", &samples)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("the path is missing")?;
    let path = Path::named(&name, arguments.next().map(PathBuf::from))?;
    let multiplexing = match std::env::var("MULTIPLEXING").as_deref() {
        Ok("epoll") => Multiplexing::Epoll,
        _ => Multiplexing::Automatic,
    };
    let engine = Engine::start(EngineConfig {
        bind: LOCALHOST,
        ports: 30_000..=34_999,
        threads: 1,
        prompts: Arc::new(PromptLibrary::default()),
        multiplexing,
    })?;
    let mut calls = Vec::new();
    let mut recordings = Vec::new();
    for line in stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            continue; // No more calls will come; these go on until standard input ends.
        }
        let (a, b) = line.split_once(' ').ok_or("a line is not two ports")?;
        let other = match path {
            Path::Law => Codec::Pcmu,
            _ => Codec::Pcma,
        };
        let protection = match path {
            Path::Srtp => {
                let key = MasterKey::new(Suite::AesCm128HmacSha1_80, &MASTER).ok_or("no key")?;
                Protection::Srtp(SrtpKeys {
                    send: key,
                    receive: key,
                })
            }
            _ => Protection::None,
        };
        let a = open(&engine, a, Codec::Pcma, protection)?;
        let b = open(&engine, b, other, protection)?;
        match &path {
            Path::Relay | Path::Srtp | Path::Law => engine.bridge(&a, &b)?,
            Path::Record(recorder) => {
                engine.bridge(&a, &b)?;
                let file = format!("{}.wav", a.local_port());
                let (mut recording, _) = recorder.begin(&file, Codec::Pcma);
                recording.tap(&a)?;
                recordings.push(recording);
            }
            Path::Play(music) => {
                for end in [&a, &b] {
                    let sounds = vec![Sound::Prompt(Arc::clone(music))];
                    end.play(sounds, Repeat::Forever)?.detach();
                }
            }
        }
        println!("{} {}", a.local_port(), b.local_port());
        stdout().flush()?;
        calls.push((a, b));
    }
    Ok(())
}

fn open(
    engine: &Engine,
    port: &str,
    codec: Codec,
    protection: Protection,
) -> Result<Stream, Box<dyn Error>> {
    let stream = engine.open_stream(StreamParameters::default())?;
    stream.set_remote(Remote {
        rtp: SocketAddr::new(LOCALHOST, port.parse()?),
        rtcp: None,
        payloads: Payloads::new(codec, Some(101)),
        receive_payloads: None,
        send: true,
        receive: true,
        symmetric: true,
        rtcp_mux: false,
        protection,
    })?;
    Ok(stream)
}
