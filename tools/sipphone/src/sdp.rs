//! The few lines of SDP (RFC 8866) that a G.711 telephone needs.

use std::net::{IpAddr, SocketAddr};

/// What a phone speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// PCMU, payload type 0.
    Mu,
    /// PCMA, payload type 8.
    A,
    /// G.729, payload type 18, in name only: this phone has no coder for it and puts A-law into its packets, which whoever
    /// carries them cannot tell.
    G729,
}

impl Law {
    /// Static RTP payload type (RFC 3551).
    pub fn payload_type(self) -> u8 {
        match self {
            Law::Mu => 0,
            Law::A => 8,
            Law::G729 => 18,
        }
    }
}

/// `a=` direction of the audio stream as its sender sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    fn attribute(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The direction to answer with (RFC 3264 §6.1) by a side that wants both ways.
    pub fn reverse(self) -> Direction {
        match self {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            other => other,
        }
    }
}

/// What a remote description says about its audio stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    pub rtp: SocketAddr,
    pub law: Law,
    pub telephone_event: Option<u8>,
    pub direction: Direction,
}

/// Payload type this phone uses for telephone events in its own offers.
pub const OWN_TELEPHONE_EVENT: u8 = 101;

/// A description offering `laws` in that order, or answering with one.
pub fn describe(
    local: SocketAddr,
    laws: &[Law],
    telephone_event: Option<u8>,
    direction: Direction,
    version: u32,
) -> String {
    let family = if local.is_ipv4() { "IP4" } else { "IP6" };
    let formats: Vec<String> = laws.iter().map(|l| l.payload_type().to_string()).collect();
    let maps: String = laws
        .iter()
        .map(|l| match l {
            Law::A => "a=rtpmap:8 PCMA/8000\r\n",
            Law::Mu => "a=rtpmap:0 PCMU/8000\r\n",
            Law::G729 => "a=rtpmap:18 G729/8000\r\n",
        })
        .collect();
    let (event, event_map) = match telephone_event {
        Some(number) => (
            format!(" {number}"),
            format!("a=rtpmap:{number} telephone-event/8000\r\na=fmtp:{number} 0-15\r\n"),
        ),
        None => (String::new(), String::new()),
    };
    format!(
        "v=0\r\no=- 4711 {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {formats}{event}\r\n{maps}{event_map}\
         a=ptime:20\r\na={direction}\r\n",
        ip = local.ip(),
        port = local.port(),
        formats = formats.join(" "),
        direction = direction.attribute(),
    )
}

/// Reads the first audio stream, with the first of its formats that is among `laws`; `None` when there is none this
/// phone can use.
pub fn parse(body: &[u8], laws: &[Law]) -> Option<Remote> {
    let text = std::str::from_utf8(body).ok()?;
    let mut session_ip: Option<IpAddr> = None;
    let mut audio: Option<(u16, Vec<u8>)> = None;
    let mut in_audio = false;
    let mut audio_ip = None;
    let mut direction = Direction::SendRecv;
    let mut telephone_event = None;
    for line in text.lines() {
        if let Some(m) = line.strip_prefix("m=") {
            in_audio = audio.is_none() && m.starts_with("audio ");
            if in_audio {
                let mut fields = m.split_ascii_whitespace().skip(1);
                let port = fields.next()?.parse().ok()?;
                audio = Some((
                    port,
                    fields.skip(1).filter_map(|f| f.parse().ok()).collect(),
                ));
            }
        } else if let Some(c) = line.strip_prefix("c=") {
            let ip = c.split_ascii_whitespace().nth(2)?.parse().ok()?;
            if in_audio {
                audio_ip = Some(ip);
            } else if audio.is_none() {
                session_ip = Some(ip);
            }
        } else if in_audio || audio.is_none() {
            match line {
                "a=sendrecv" => direction = Direction::SendRecv,
                "a=sendonly" => direction = Direction::SendOnly,
                "a=recvonly" => direction = Direction::RecvOnly,
                "a=inactive" => direction = Direction::Inactive,
                _ => {
                    if let Some((pt, map)) = line
                        .strip_prefix("a=rtpmap:")
                        .and_then(|r| r.split_once(' '))
                        && map.eq_ignore_ascii_case("telephone-event/8000")
                    {
                        telephone_event = pt.parse().ok();
                    }
                }
            }
        }
    }
    let (port, formats) = audio?;
    let law = formats
        .iter()
        .find_map(|f| laws.iter().copied().find(|law| law.payload_type() == *f))?;
    (port != 0).then_some(())?;
    Some(Remote {
        rtp: SocketAddr::new(audio_ip.or(session_ip)?, port),
        law,
        telephone_event,
        direction,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_describes_it_reads_back() {
        let local = "127.0.0.1:4000".parse().unwrap();
        let text = describe(local, &[Law::A, Law::Mu], Some(96), Direction::SendOnly, 2);
        assert_eq!(
            parse(text.as_bytes(), &[Law::Mu, Law::A]),
            Some(Remote {
                rtp: local,
                law: Law::A,
                telephone_event: Some(96),
                direction: Direction::SendOnly
            })
        );
    }

    #[test]
    fn a_law_it_lacks_is_passed_over() {
        let local = "127.0.0.1:4000".parse().unwrap();
        let text = describe(local, &[Law::A, Law::Mu], Some(96), Direction::SendRecv, 1);
        assert_eq!(
            parse(text.as_bytes(), &[Law::Mu]).map(|r| r.law),
            Some(Law::Mu)
        );
        assert_eq!(parse(text.as_bytes(), &[]), None);
    }

    #[test]
    fn a_refused_stream_is_no_stream() {
        assert_eq!(
            parse(
                b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 0 RTP/AVP 8\r\n",
                &[Law::A]
            ),
            None
        );
    }
}
