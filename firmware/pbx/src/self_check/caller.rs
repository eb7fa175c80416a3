//! The end that calls: SIP over UDP (RFC 3261 §13.2, §15.1.1) and G.711 over RTP (RFC 3551), each as much as one call needs.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ramal_dsp::{Law, PureToneDetector, Tone};
use ramal_sip::sdp;
use ramal_sip::{HeaderName, Message, Response};
use serde::Serialize;
use tokio::net::UdpSocket;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};
use utoipa::ToSchema;

use super::SelfCheckError;

/// The first copy of a request is sent again after so long, and each later one after twice the time (T1, RFC 3261 §17.1.1.2).
const T1: Duration = Duration::from_millis(500);
/// Within this time a request is answered.
const ANSWER: Duration = Duration::from_secs(8);
/// Within this time the tone has to come back.
const TONE: Duration = Duration::from_secs(10);
/// So long it has to be heard without a break, ms.
const HEARD_MS: u32 = 400;
/// How far from what was sent it may be, Hz.
const NEAR: f32 = 12.0;
/// Level of the tone, dBm0.
const LEVEL: f64 = -12.0;
/// Samples of a packet: 20 ms.
const BLOCK: usize = 160;
/// Octets of an RTP header without extensions (RFC 3550 §5.1).
const RTP_HEADER: usize = 12;

/// How the call went.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SelfCall {
    /// Milliseconds from INVITE to 200.
    pub answered_ms: u64,
    /// Milliseconds from the first packet of sound until it had come back and was recognised.
    pub heard_ms: u64,
    /// Frequency of the tone that was sent, Hz.
    pub tone_hz: f32,
}

/// A telephone for one call.
pub(super) struct Telephone {
    sip: UdpSocket,
    rtp: UdpSocket,
    gateway: SocketAddr,
    address: SocketAddr,
    dialled: String,
    tag: String,
    frequency: f32,
}

impl Telephone {
    pub(super) async fn new(gateway: SocketAddr) -> Result<Self, SelfCheckError> {
        let socket = |error: std::io::Error| SelfCheckError::Socket(error.to_string());
        let any = SocketAddr::new(gateway.ip(), 0);
        let sip = UdpSocket::bind(any).await.map_err(socket)?;
        sip.connect(gateway).await.map_err(socket)?;
        let address = sip.local_addr().map_err(socket)?;
        Ok(Self {
            sip,
            rtp: UdpSocket::bind(any).await.map_err(socket)?,
            gateway,
            address,
            dialled: format!("self-check-{:032x}", rand::random::<u128>()),
            tag: format!("{:016x}", rand::random::<u64>()),
            // Another one each time: an echo of something else is not taken for this one.
            frequency: 700.0 + 10.0 * f32::from(rand::random::<u8>() % 100),
        })
    }

    /// What it dials.
    pub(super) fn dialled(&self) -> &str {
        &self.dialled
    }

    /// Where it calls from.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn call(&self) -> Result<SelfCall, SelfCheckError> {
        let began = Instant::now();
        let answer = self.transact("INVITE", 1, None, &self.offer()?).await?;
        let answered_ms = millis(began);
        let to = text(&answer, &HeaderName::To)?;
        if answer.status.code() >= 300 {
            self.send("ACK", "INVITE", 1, Some(&to), "").await?;
            return Err(SelfCheckError::Refused(answer.status.code()));
        }
        self.send("ACK", "ACK", 1, Some(&to), "").await?;
        let heard = self.listen(&answer).await;
        // However it went, the call is taken down.
        let ended = self.transact("BYE", 2, Some(&to), "").await;
        let heard_ms = heard?;
        match ended {
            Ok(answer) if answer.status.code() < 300 => Ok(SelfCall {
                answered_ms,
                heard_ms,
                tone_hz: self.frequency,
            }),
            Ok(_) | Err(_) => Err(SelfCheckError::NoEnd),
        }
    }

    fn offer(&self) -> Result<String, SelfCheckError> {
        let rtp = self
            .rtp
            .local_addr()
            .map_err(|error| SelfCheckError::Socket(error.to_string()))?;
        let family = if rtp.is_ipv4() { "IP4" } else { "IP6" };
        let (address, port) = (rtp.ip(), rtp.port());
        Ok(format!(
            "v=0\r\no=- 1 1 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n"
        ))
    }

    /// `transaction` is the method whose transaction it belongs to: the ACK of a 2xx has its own (§13.2.2.4), that of another
    /// response is part of the INVITE's (§17.1.1.3).
    fn request(
        &self,
        method: &str,
        transaction: &str,
        cseq: u32,
        to: Option<&str>,
        body: &str,
    ) -> String {
        let Self {
            gateway,
            address,
            dialled,
            tag,
            ..
        } = self;
        let uri = format!("sip:{dialled}@{gateway}");
        let to = to.map_or_else(|| format!("<{uri}>"), str::to_owned);
        let content_type = match body {
            "" => "",
            _ => "Content-Type: application/sdp\r\n",
        };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{tag}{transaction}{cseq};rport\r\nMax-Forwards: 5\r\n\
             From: <sip:self-check@{address}>;tag={tag}\r\nTo: {to}\r\nCall-ID: {tag}@{}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:self-check@{address}>\r\nUser-Agent: Ramal self check\r\n{content_type}Content-Length: {}\r\n\r\n{body}",
            address.ip(),
            body.len()
        )
    }

    async fn send(
        &self,
        method: &str,
        transaction: &str,
        cseq: u32,
        to: Option<&str>,
        body: &str,
    ) -> Result<(), SelfCheckError> {
        let request = self.request(method, transaction, cseq, to, body);
        self.sip
            .send(request.as_bytes())
            .await
            .map(drop)
            .map_err(|_| SelfCheckError::NoAnswer)
    }

    /// Sends a request, again while nothing comes, and gives its final response.
    async fn transact(
        &self,
        method: &str,
        cseq: u32,
        to: Option<&str>,
        body: &str,
    ) -> Result<Response, SelfCheckError> {
        let end = Instant::now() + ANSWER;
        let mut wait = T1;
        let mut again = Instant::now();
        let mut heard = false;
        let mut datagram = vec![0; 8192];
        loop {
            if !heard && Instant::now() >= again {
                self.send(method, method, cseq, to, body).await?;
                again = Instant::now() + wait;
                wait *= 2;
            }
            let until = if heard { end } else { again.min(end) };
            let octets = match timeout_at(until, self.sip.recv(&mut datagram)).await {
                Ok(Ok(octets)) => octets,
                // Nobody listens there, yet.
                Ok(Err(_)) => {
                    sleep_until(until).await;
                    continue;
                }
                Err(_) if Instant::now() >= end => return Err(SelfCheckError::NoAnswer),
                Err(_) => continue,
            };
            let message = Message::parse(Bytes::copy_from_slice(&datagram[..octets]))
                .map_err(|error| SelfCheckError::Nonsense(error.to_string()))?;
            let Message::Response(response) = message else {
                continue;
            };
            let is_ours = response
                .headers
                .cseq()
                .is_ok_and(|found| found.number == cseq && found.method.as_str() == method);
            if !is_ours {
                continue;
            }
            heard = true;
            if response.status.code() >= 200 {
                return Ok(response);
            }
        }
    }

    /// Sends its tone until that has come back for long enough: milliseconds until then.
    async fn listen(&self, answer: &Response) -> Result<u64, SelfCheckError> {
        let nonsense = |what: String| SelfCheckError::Nonsense(what);
        let description = sdp::parse(&answer.body).map_err(|error| nonsense(error.to_string()))?;
        let audio = description
            .audio()
            .ok_or_else(|| nonsense("no audio in the answer".to_owned()))?;
        // What phones outside are told may be the address of a router.
        let far = SocketAddr::new(self.gateway.ip(), audio.rtp_address().port());
        let mut sender = Sender::new(self.frequency);
        let mut detector = PureToneDetector::new();
        let mut ticks = interval(Duration::from_millis(20));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (began, mut came) = (Instant::now(), false);
        let end = began + TONE;
        let mut packet = [0; 2048];
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    // What a full buffer does not take is lost, as on any network.
                    let _ = self.rtp.send_to(&sender.packet(), far).await;
                }
                received = self.rtp.recv_from(&mut packet) => {
                    let Ok((octets, _)) = received else { continue };
                    came = true;
                    hear(&packet[..octets], &mut detector);
                    let tone = detector.current();
                    if tone.is_some_and(|tone| {
                        tone.duration_ms >= HEARD_MS && (tone.frequency - self.frequency).abs() < NEAR
                    }) {
                        return Ok(millis(began));
                    }
                }
                () = sleep_until(end) => {
                    return Err(match came {
                        true => SelfCheckError::OtherSound,
                        false => SelfCheckError::Silent,
                    });
                }
            }
        }
    }
}

/// Puts the sound of a packet into the detector.
fn hear(packet: &[u8], detector: &mut PureToneDetector) {
    // Contributing sources and extensions are never sent to one telephone alone.
    let (Some(head), Some(sound)) = (packet.get(..RTP_HEADER), packet.get(RTP_HEADER..)) else {
        return;
    };
    let law = match head.get(1).map(|octet| octet & 0x7f) {
        Some(0) => Law::Mu,
        Some(8) => Law::A,
        _ => return,
    };
    let mut samples = vec![0; sound.len()];
    law.decode(sound, &mut samples);
    detector.process(&samples, |_| {});
}

/// Packets of a tone.
struct Sender {
    tone: Tone,
    sequence: u16,
    timestamp: u32,
    source: u32,
}

impl Sender {
    fn new(frequency: f32) -> Self {
        Self {
            tone: Tone::new(frequency.into(), LEVEL, ramal_dsp::SAMPLE_RATE),
            sequence: rand::random(),
            timestamp: rand::random(),
            source: rand::random(),
        }
    }

    fn packet(&mut self) -> Vec<u8> {
        let mut samples = [0; BLOCK];
        self.tone.fill(&mut samples);
        let mut packet = Vec::with_capacity(RTP_HEADER + BLOCK);
        packet.extend([0x80, 8]);
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(self.source.to_be_bytes());
        let mut sound = [0; BLOCK];
        Law::A.encode(&samples, &mut sound);
        packet.extend(sound);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(BLOCK as u32);
        packet
    }
}

fn text(response: &Response, name: &HeaderName) -> Result<String, SelfCheckError> {
    let value = response.headers.text(name);
    value
        .map(|value| value.into_owned())
        .ok_or_else(|| SelfCheckError::Nonsense(format!("no {name} in the answer")))
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_tone_is_recognised_and_another_is_not() {
        for (sent, same) in [(1000.0, true), (1040.0, false)] {
            let mut sender = Sender::new(sent);
            let mut detector = PureToneDetector::new();
            for _ in 0..30 {
                hear(&sender.packet(), &mut detector);
            }
            let heard = detector.current().unwrap();
            assert!(heard.duration_ms >= HEARD_MS, "{heard:?}");
            assert_eq!((heard.frequency - 1000.0).abs() < NEAR, same, "{heard:?}");
        }
        let mut detector = PureToneDetector::new();
        hear(&[0x80, 8], &mut detector);
        hear(&[], &mut detector);
        assert_eq!(detector.current(), None);
    }
}
