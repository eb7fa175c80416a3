//! Just enough SIP for a load: text in, text out. Deliberately apart from the gateway's own parser.

use md5::Md5;
use sha2::{Digest, Sha256};

/// A received message.
#[derive(Clone, Debug)]
pub struct Message {
    start: String,
    headers: Vec<(String, String)>,
    /// What follows the headers.
    pub body: String,
}

impl Message {
    /// Reads a datagram; `None` when it does not look like SIP.
    pub fn parse(datagram: &[u8]) -> Option<Message> {
        let text = std::str::from_utf8(datagram).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (long_name(name.trim()), value.trim().to_owned()))
            .collect();
        Some(Message {
            start,
            headers,
            body: body.to_owned(),
        })
    }

    /// Status code of a response.
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// Method of a request.
    pub fn method(&self) -> Option<&str> {
        let method = self.start.split(' ').next()?;
        (method != "SIP/2.0").then_some(method)
    }

    /// First header with this name (lower case, long form); empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Number of CSeq.
    pub fn sequence(&self) -> u32 {
        self.header("cseq")
            .split(' ')
            .next()
            .and_then(|number| number.parse().ok())
            .unwrap_or(0)
    }

    /// Method of CSeq.
    pub fn sequence_method(&self) -> &str {
        self.header("cseq").split(' ').nth(1).unwrap_or_default()
    }

    /// The URI of Contact.
    pub fn contact(&self) -> Option<&str> {
        let contact = self.header("contact");
        contact
            .split_once('<')?
            .1
            .split_once('>')
            .map(|(uri, _)| uri)
    }

    /// Port of the audio line of the session description.
    pub fn audio_port(&self) -> Option<u16> {
        let line = self
            .body
            .lines()
            .find_map(|line| line.strip_prefix("m=audio "))?;
        line.split(' ').next()?.parse().ok()
    }

    /// A response to this request, `extra` being whole header lines.
    pub fn respond(&self, status: &str, tag: &str, extra: &str, body: &str) -> String {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for via in self.all("via") {
            text += &format!("Via: {via}\r\n");
        }
        let to = self.header("to");
        let tag = if to.contains(";tag=") {
            String::new()
        } else {
            format!(";tag={tag}")
        };
        text += &format!(
            "From: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{extra}",
            self.header("from"),
            self.header("call-id"),
            self.header("cseq"),
        );
        finish(text, body)
    }

    /// The nonce of a challenge (401).
    pub fn nonce(&self) -> Option<&str> {
        parameter(self.header("www-authenticate"), "nonce")
    }

    /// The header line answering this challenge (401 or 407), preferring SHA-256; `None` when there
    /// is none that can be answered.
    pub fn authorize(&self, user: &str, password: &str, method: &str, uri: &str) -> Option<String> {
        let (challenge_name, answer_name) = match self.status()? {
            401 => ("www-authenticate", "Authorization"),
            407 => ("proxy-authenticate", "Proxy-Authorization"),
            _ => return None,
        };
        let wants = |challenge: &&str, name| parameter(challenge, "algorithm") == Some(name);
        let challenges: Vec<&str> = self.all(challenge_name).collect();
        let challenge = challenges
            .iter()
            .find(|challenge| wants(challenge, "SHA-256"))
            .or_else(|| challenges.first())?;
        let hash = |text: String| -> String {
            if wants(challenge, "SHA-256") {
                hexadecimal(&Sha256::digest(text.as_bytes()))
            } else {
                hexadecimal(&Md5::digest(text.as_bytes()))
            }
        };
        let realm = parameter(challenge, "realm")?;
        let nonce = parameter(challenge, "nonce")?;
        let algorithm = parameter(challenge, "algorithm").unwrap_or("MD5");
        let cnonce = format!("{:016x}", rand::random::<u64>());
        let secret = hash(format!("{user}:{realm}:{password}"));
        let request = hash(format!("{method}:{uri}"));
        let response = hash(format!("{secret}:{nonce}:00000001:{cnonce}:auth:{request}"));
        Some(format!(
            "{answer_name}: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", \
             uri=\"{uri}\", response=\"{response}\", algorithm={algorithm}, cnonce=\"{cnonce}\", \
             qop=auth, nc=00000001\r\n"
        ))
    }
}

/// Ends the headers, which must end with a line break, and appends the body.
pub fn finish(mut text: String, body: &str) -> String {
    if !body.is_empty() {
        text += "Content-Type: application/sdp\r\n";
    }
    text + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A session description with A-law and telephone events on 127.0.0.1.
pub fn description(port: u16) -> String {
    format!(
        "v=0\r\no=- {port} 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\na=sendrecv\r\n"
    )
}

fn long_name(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "v" => "via".to_owned(),
        "f" => "from".to_owned(),
        "t" => "to".to_owned(),
        "i" => "call-id".to_owned(),
        "m" => "contact".to_owned(),
        "l" => "content-length".to_owned(),
        "c" => "content-type".to_owned(),
        other => other.to_owned(),
    }
}

/// A parameter of a challenge, without its quotes.
fn parameter<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    let parameters = challenge.split_once(' ')?.1;
    parameters.split(',').find_map(|parameter| {
        let (known, value) = parameter.trim().split_once('=')?;
        known
            .eq_ignore_ascii_case(name)
            .then(|| value.trim_matches('"'))
    })
}

/// Octets in lower-case hexadecimal digits.
pub fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_example_of_rfc_7616_is_answered_alike() {
        // RFC 7616 §3.9.1, with our own cnonce put into the expectation.
        let challenge = "SIP/2.0 401 Unauthorized\r\n\
            WWW-Authenticate: Digest realm=\"http-auth@example.org\", qop=\"auth\", algorithm=SHA-256, \
            nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"\r\n\r\n";
        let message = Message::parse(challenge.as_bytes()).unwrap();
        let answer = message
            .authorize("Mufasa", "Circle of Life", "GET", "/dir/index.html")
            .unwrap();
        let value = |name: &str| {
            let (_, parameters) = answer.trim().split_once(": ").unwrap();
            parameter(parameters, name).unwrap().to_owned()
        };
        // HA1 and HA2 of the example.
        let ha1 = "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232";
        let ha2 = "9a3fdae9a622fe8de177c24fa9c070f2b181ec85e15dcbdc32e10c82ad450b04";
        let text = format!(
            "{ha1}:{}:00000001:{}:auth:{ha2}",
            value("nonce"),
            value("cnonce")
        );
        assert_eq!(
            value("response"),
            hexadecimal(&Sha256::digest(text.as_bytes()))
        );
    }

    #[test]
    fn a_request_is_read_and_answered_with_its_own_headers() {
        let request = "INVITE sip:1001@127.0.0.1 SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9\r\n\
            Via: SIP/2.0/UDP b\r\nf: <sip:1@x>;tag=a\r\nt: <sip:2@x>\r\ni: call\r\nCSeq: 7 INVITE\r\n\
            m: \"x\" <sip:me@h:1>;q=1\r\n\r\nv=0\r\nm=audio 4000 RTP/AVP 8\r\n";
        let message = Message::parse(request.as_bytes()).unwrap();
        assert_eq!((message.method(), message.status()), (Some("INVITE"), None));
        assert_eq!(
            (message.sequence(), message.sequence_method()),
            (7, "INVITE")
        );
        assert_eq!(message.contact(), Some("sip:me@h:1"));
        assert_eq!(message.audio_port(), Some(4_000));
        let response = message.respond("200 OK", "b", "X: y\r\n", "");
        assert_eq!(
            response,
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9\r\nVia: SIP/2.0/UDP b\r\n\
             From: <sip:1@x>;tag=a\r\nTo: <sip:2@x>;tag=b\r\nCall-ID: call\r\nCSeq: 7 INVITE\r\nX: y\r\n\
             Content-Length: 0\r\n\r\n"
        );
        assert_eq!(
            Message::parse(response.as_bytes()).unwrap().status(),
            Some(200)
        );
    }
}
