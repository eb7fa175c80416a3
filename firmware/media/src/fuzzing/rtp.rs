//! A stream and what it is bridged to: RTP, RTCP and fax datagrams of anybody, with time passing and the far end described
//! anew in between. Everything has to be counted, and the sound has to go on.
//!
//! The first octet chooses the codecs of both ends. Then come steps: an octet that says what it is and from where, one
//! for its length in steps of four octets, one for what the length lacks, and the datagram.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ramal_dsp::AnsweringMachineLimits;

use super::Input;
use crate::detection::Detectors;
use crate::far::Media;
use crate::playout::Playout;
use crate::ports::PortRange;
use crate::reactor::Reactor;
use crate::stream::{RtpStream, Sockets};
use crate::transmission::Source;
use crate::worker::TICK;
use crate::{
    Codec, Detection, Format, MediaError, Payloads, Protection, Remote, SampleRate,
    StreamParameters,
};

const PHONE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
const NAT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7);
const STRANGER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)), 9);
/// Octets of the longest datagram.
const LONGEST: usize = 1_500;

thread_local! {
    /// What all streams of the fuzzer send by: opening one for each input takes longer than the input.
    static SOCKETS: RefCell<Option<(UdpSocket, UdpSocket, Arc<PortRange>)>> = const { RefCell::new(None) };
}

fn sockets() -> Option<Sockets> {
    SOCKETS.with_borrow_mut(|kept| {
        if kept.is_none() {
            let open = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok();
            *kept = Some((open()?, open()?, Arc::new(PortRange::new(&(2..=9)).ok()?)));
        }
        let (rtp, rtcp, ports) = kept.as_ref()?;
        let (lease, ()) = ports.claim(0, |_| Ok::<_, MediaError>(Some(()))).ok()?;
        Some(Sockets {
            rtp: rtp.try_clone().ok()?,
            rtcp: rtcp.try_clone().ok()?,
            _lease: lease,
        })
    })
}

fn codec(choice: u8) -> Codec {
    match choice & 7 {
        0 => Codec::Pcma,
        1 => Codec::Pcmu,
        2 => Codec::G722,
        3 => Codec::Opus,
        4 => Codec::L16(SampleRate::Narrow),
        5 => Codec::L16(SampleRate::Wide),
        _ => Format::new("G729", 8_000, 1, None, 18).map_or(Codec::Pcma, Codec::Passthrough),
    }
}

fn remote(codec: Codec, options: u8) -> Remote {
    Remote {
        rtp: PHONE,
        rtcp: None,
        payloads: Payloads::new(codec, (options & 1 == 0).then_some(101)),
        receive_payloads: None,
        send: options & 2 == 0,
        receive: options & 4 == 0,
        symmetric: options & 8 == 0,
        rtcp_mux: options & 16 != 0,
        protection: Protection::None,
    }
}

struct Run {
    stream: RtpStream,
    peer: RtpStream,
    codec: Codec,
    playout: Option<Box<Playout>>,
    detectors: Option<Box<Detectors>>,
    now: Instant,
    out: Reactor,
    /// RTP datagrams given to the stream.
    given: u64,
    epoch: u32,
}

impl Run {
    fn rtp(&mut self, datagram: &mut [u8], source: SocketAddr) {
        if self.stream.is_fax() {
            if self.stream.accept_fax(source, self.now) {
                self.peer.send_fax(datagram);
            }
            return;
        }
        self.given += 1;
        let now = self.now;
        let Some(accepted) = self.stream.accept(Some(&mut *datagram), Some(source), now) else {
            return;
        };
        assert_ne!(source, STRANGER, "taken from a stranger");
        let packet = accepted.packet;
        assert!(packet.payload_start <= packet.payload_end && packet.payload_end <= datagram.len());
        let payload = &datagram[packet.payload_start..packet.payload_end];
        if accepted.epoch != self.epoch {
            self.epoch = accepted.epoch;
            if let Some(playout) = &mut self.playout {
                playout.restart();
            }
        }
        match accepted.media {
            Media::Audio(codec) => {
                if let Some(detectors) = &mut self.detectors {
                    detectors.hear_packet(codec, packet.timestamp, payload, |_| {});
                }
                if let Some(playout) = &mut self.playout {
                    playout.put(codec, packet.timestamp, payload, now);
                }
            }
            Media::ComfortNoise => {
                if let Some(playout) = &mut self.playout {
                    playout.put_noise(packet.timestamp, payload);
                }
            }
            Media::Event | Media::Unknown => {}
        }
        let relayed = Source::Relay {
            channel: 1,
            epoch: accepted.epoch,
        };
        self.peer.relay(
            datagram,
            &packet,
            accepted.media,
            relayed,
            now,
            &mut self.out,
        );
    }

    fn wait(&mut self, ticks: u8) {
        for _ in 0..ticks {
            self.now += TICK;
            let now = self.now;
            if let Some(playout) = &mut self.playout {
                let mut frame = [0; SampleRate::Wide.frame()];
                let frame = &mut frame[..playout.rate().frame()];
                playout.pull(now, frame);
                playout.delay_ms();
            }
            self.stream.expired_press(now);
            self.stream.timed_out(now);
            self.stream.send_due_report(now);
        }
    }

    fn describe(&mut self, options: u8) {
        self.stream
            .set_remote(remote(self.codec, options), self.now);
        self.peer.prepare_transcoder(self.stream.negotiated());
    }

    fn check(&self) {
        let known = self.stream.statistics();
        let counted = known.packets_received + known.duplicates + known.malformed + known.foreign;
        assert!(
            counted <= self.given,
            "{counted} of {}: {known:?}",
            self.given
        );
        assert!(known.octets_received <= self.given * LONGEST as u64);
        assert!(known.jitter_ms.is_finite() && known.jitter_ms >= 0.0);
        for score in [known.mos, known.remote_mos].into_iter().flatten() {
            assert!((1.0..=4.5).contains(&score), "{score}");
        }
    }
}

fn begin(choice: u8) -> Option<Run> {
    let now = Instant::now();
    let new = |seed: u8| {
        let parameters = StreamParameters::default();
        Some(RtpStream::new(
            sockets()?,
            parameters,
            [seed; 10],
            [b'a'; 16],
            now,
        ))
    };
    let (mut stream, mut peer) = (new(1)?, new(2)?);
    let near = codec(choice);
    stream.set_remote(remote(near, 0), now);
    peer.set_remote(remote(codec(choice >> 3), 0), now);
    peer.prepare_transcoder(stream.negotiated());
    let mut detectors = Detectors::new(Detection {
        keys: true,
        activity: true,
        fax: true,
        answering_machine: Some(AnsweringMachineLimits::default()),
        ..Detection::default()
    });
    if let Some(detectors) = &mut detectors {
        detectors.prepare(near);
    }
    Some(Run {
        stream,
        peer,
        codec: near,
        playout: Playout::new(near, now),
        detectors,
        now,
        out: Reactor::new(false).ok()?.0,
        given: 0,
        epoch: 0,
    })
}

/// Panics when something is wrong.
pub fn run(input: &[u8]) {
    let mut input = Input(input);
    let Some(mut run) = begin(input.octet()) else {
        return;
    };
    // A second of sound is what a step can cost.
    let mut ticks = 0u32;
    while !input.is_empty() && ticks < 500 {
        let step = input.octet();
        let source = [PHONE, PHONE, NAT, STRANGER][usize::from(step >> 3 & 3)];
        match step & 7 {
            kind @ 0..=4 => {
                let length = 4 * usize::from(input.octet()) + usize::from(step >> 5 & 3);
                let mut datagram = input.octets(length.min(LONGEST)).to_vec();
                match kind {
                    4 => run
                        .stream
                        .accept_report(Some(&mut datagram), Some(source), run.now),
                    _ => run.rtp(&mut datagram, source),
                }
                if kind == 1 {
                    ticks += 1;
                    run.wait(1);
                }
            }
            5 => {
                let count = input.octet();
                ticks += u32::from(count);
                run.wait(count);
            }
            6 => run.describe(input.octet()),
            _ => {
                run.stream.set_fax(PHONE, run.now);
                run.peer.set_fax(NAT, run.now);
                run.now += Duration::from_millis(u64::from(input.octet()));
            }
        }
    }
    run.check();
}
