//! What a registration costs: how many are refreshed a second by one processor, and the memory of many contacts.
//!
//! Five phones for each extension, every phone with an address, an instance and a nonce of its own, over one socket. A
//! refresh is one REGISTER with digest authentication and its 200; the first registration also takes the challenge.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use serde::Serialize;

use crate::batch::BatchSocket;
use crate::gateway::Gateway;
use crate::message::{Message, hexadecimal};
use crate::phone::Account;
use crate::process::{Measured, PairRelay};
use crate::{LOAD_CORE, MEASURED_CORE, process};

/// Fewest refreshes a second of one processor.
const REFRESHES: f64 = 30_000.0;
/// Largest resident memory with all contacts, in KiB, for 100,000 of them.
const RESIDENT_KIB: u64 = 150 * 1_024;
/// Phones of an extension (the product's limit).
const PER_EXTENSION: usize = 5;
/// Requests under way at a time.
const WINDOW: usize = 256;
/// After this long without an answer everything under way is sent again.
const STALLED: Duration = Duration::from_millis(500);
/// Given up after this long without an answer.
const GIVE_UP: Duration = Duration::from_secs(20);

/// The printed result.
#[derive(Serialize)]
struct Report {
    contacts: usize,
    extensions: usize,
    resident_idle_kib: u64,
    resident_extensions_kib: u64,
    resident_contacts_kib: u64,
    resident_allowed_kib: u64,
    first_per_second: f64,
    first_cpu_us: f64,
    refreshed: u64,
    challenged_again: u64,
    refused: u64,
    seconds: f64,
    refreshed_per_second: f64,
    refresh_cpu_us: f64,
    refreshed_per_processor_second: f64,
    wanted_per_processor_second: f64,
    reference_cpu_us: f64,
    ratio: f64,
    keep_alives_answered: u64,
    passed: bool,
}

/// One registered contact.
struct Phone {
    account: usize,
    device: usize,
    sequence: u32,
    nonce: String,
    uses: u32,
    /// The request under way.
    request: String,
}

/// Registers `contacts`, refreshes them for `seconds`, and prints; the answer is whether every bar was met.
pub fn measure(
    program: &Path,
    prompts: Option<&Path>,
    contacts: usize,
    seconds: u64,
) -> Result<bool, Box<dyn Error>> {
    process::pin(LOAD_CORE)?;
    let mut gateway = Gateway::start(program, prompts, MEASURED_CORE)?;
    let resident_idle_kib = gateway.process.resident_kib()?;
    let accounts = gateway.set_up_many(contacts.div_ceil(PER_EXTENSION))?;
    // The import of so many at once is no everyday affair; what it took is not what phones take.
    gateway.restart()?;
    let resident_extensions_kib = gateway.process.resident_kib()?;
    let mut load = Load::new(gateway.sip.port(), &accounts, contacts)?;

    let (cpu, begun) = (gateway.process.cpu_time()?, Instant::now());
    let mut next = 0..contacts;
    load.run(|| next.next())?;
    let first_seconds = begun.elapsed().as_secs_f64();
    let first_cpu = gateway.process.cpu_time()? - cpu;
    // What is written behind their back is part of the first registration, not of the refreshes.
    settle(&gateway.process, &mut load)?;
    let resident_contacts_kib = gateway.process.resident_kib()?;

    load.answered = 0;
    load.challenged = 0;
    let (cpu, begun) = (gateway.process.cpu_time()?, Instant::now());
    let lasting = Duration::from_secs(seconds);
    let mut at = 0;
    load.run(|| {
        at += 1;
        (begun.elapsed() < lasting).then_some((at - 1) % contacts)
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = gateway.process.cpu_time()? - cpu;
    let refreshed = load.answered;
    let resident_kib = gateway.process.resident_kib()?.max(resident_contacts_kib);
    let keep_alives_answered = load.keep_alives;
    let challenged_again = load.challenged;
    drop(gateway);

    let reference_cpu_us = reference(&mut load)?;
    let refresh_cpu_us = cpu.as_secs_f64() * 1e6 / refreshed.max(1) as f64;
    let resident_allowed_kib = RESIDENT_KIB * contacts.max(100_000) as u64 / 100_000;
    let report = Report {
        contacts,
        extensions: accounts.len(),
        resident_idle_kib,
        resident_extensions_kib,
        resident_contacts_kib: resident_kib,
        resident_allowed_kib,
        first_per_second: contacts as f64 / first_seconds,
        first_cpu_us: first_cpu.as_secs_f64() * 1e6 / contacts as f64,
        refreshed,
        challenged_again,
        refused: load.refused,
        seconds,
        refreshed_per_second: refreshed as f64 / seconds,
        refresh_cpu_us,
        refreshed_per_processor_second: 1e6 / refresh_cpu_us,
        wanted_per_processor_second: REFRESHES,
        reference_cpu_us,
        ratio: refresh_cpu_us / reference_cpu_us,
        keep_alives_answered,
        passed: load.refused == 0
            && 1e6 / refresh_cpu_us >= REFRESHES
            && resident_kib <= resident_allowed_kib,
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(report.passed)
}

/// Waits until the process is at rest, serving what comes meanwhile.
fn settle(process: &Measured, load: &mut Load<'_>) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + GIVE_UP;
    loop {
        let before = process.cpu_time()?;
        let until = Instant::now() + Duration::from_millis(500);
        while Instant::now() < until {
            load.serve(Duration::from_millis(20))?;
        }
        let spent = process.cpu_time()? - before;
        if spent < Duration::from_millis(100) || Instant::now() > deadline {
            return Ok(());
        }
    }
}

/// The processor time of a datagram that is only received, hashed once and sent back.
fn reference(load: &mut Load<'_>) -> Result<f64, Box<dyn Error>> {
    let own = std::env::current_exe()?;
    let mut echo = PairRelay::start(Command::new(own).arg("echo"), MEASURED_CORE)?;
    let (port, _) = echo.connect(0, 0)?;
    let requests: Vec<String> = load
        .phones
        .iter()
        .take(10_000)
        .map(|phone| phone.request.clone())
        .collect();
    load.socket.aim(port);
    let (mut sent, mut received) = (0, 0);
    let begun = Instant::now();
    let cpu = echo.process.cpu_time()?;
    while begun.elapsed() < Duration::from_secs(4) {
        let room = WINDOW.saturating_sub(sent - received);
        for at in sent..sent + room {
            load.socket.push(requests[at % requests.len()].as_bytes());
        }
        sent += room;
        load.socket.flush()?;
        let before = received;
        load.socket
            .receive(Duration::from_millis(100), |_| received += 1)?;
        if received == before {
            // Lost: they will not come any more.
            received = sent;
        }
    }
    let cpu = echo.process.cpu_time()? - cpu;
    Ok(cpu.as_secs_f64() * 1e6 / received.max(1) as f64)
}

/// All phones behind one socket.
struct Load<'a> {
    socket: BatchSocket,
    accounts: &'a [Account],
    secrets: Vec<String>,
    /// Hash of method and URI.
    request_hash: String,
    uri: String,
    phones: Vec<Phone>,
    /// Phones whose answer is awaited.
    waiting: Vec<usize>,
    answered: u64,
    challenged: u64,
    refused: u64,
    keep_alives: u64,
}

impl<'a> Load<'a> {
    fn new(gateway: u16, accounts: &'a [Account], contacts: usize) -> Result<Self, Box<dyn Error>> {
        let socket = BatchSocket::open(gateway)?;
        let uri = format!("sip:127.0.0.1:{gateway}");
        let md5 = |text: String| hexadecimal(&Md5::digest(text.as_bytes()));
        let secrets = accounts
            .iter()
            .map(|account| md5(format!("{}:ramal:{}", account.number, account.secret)))
            .collect();
        let phones = (0..contacts)
            .map(|at| Phone {
                account: at / PER_EXTENSION,
                device: at % PER_EXTENSION,
                sequence: 0,
                nonce: String::new(),
                uses: 0,
                request: String::new(),
            })
            .collect();
        Ok(Self {
            socket,
            accounts,
            secrets,
            request_hash: md5(format!("REGISTER:{uri}")),
            uri,
            phones,
            waiting: Vec::new(),
            answered: 0,
            challenged: 0,
            refused: 0,
            keep_alives: 0,
        })
    }

    /// Registers the phones that `next` names until it names none, and waits for the last answer.
    fn run(&mut self, mut next: impl FnMut() -> Option<usize>) -> Result<(), Box<dyn Error>> {
        let mut more = true;
        let mut progress = Instant::now();
        let mut sent_again = Instant::now();
        while more || !self.waiting.is_empty() {
            while more && self.waiting.len() < WINDOW {
                match next() {
                    // One that is still being answered, with fewer phones than the window.
                    Some(phone) if self.waiting.contains(&phone) => break,
                    Some(phone) => {
                        self.waiting.push(phone);
                        self.send(phone);
                    }
                    None => more = false,
                }
            }
            let before = self.waiting.len();
            self.serve(Duration::from_millis(50))?;
            if self.waiting.len() < before {
                progress = Instant::now();
            } else if progress.elapsed() > GIVE_UP {
                return Err(format!("{} phones are not answered", before).into());
            } else if progress.max(sent_again).elapsed() > STALLED {
                sent_again = Instant::now();
                for &phone in &self.waiting {
                    self.socket.push(self.phones[phone].request.as_bytes());
                }
            }
        }
        Ok(())
    }

    /// Sends what is to be sent and takes what comes within `wait`.
    fn serve(&mut self, wait: Duration) -> Result<(), Box<dyn Error>> {
        self.socket.flush()?;
        let mut messages = Vec::new();
        self.socket.receive(wait, |datagram| {
            messages.extend(Message::parse(datagram));
        })?;
        for message in messages {
            match message.status() {
                Some(status) => self.answer(&message, status),
                None if message.method() == Some("OPTIONS") => {
                    self.keep_alives += 1;
                    let response = message.respond("200 OK", "phone", "", "");
                    self.socket.push(response.as_bytes());
                }
                None => {}
            }
        }
        Ok(())
    }

    fn answer(&mut self, message: &Message, status: u16) {
        let Ok(at) = usize::from_str_radix(message.header("call-id"), 16) else {
            return;
        };
        let Some(phone) = self.phones.get_mut(at) else {
            return;
        };
        let Some(place) = self.waiting.iter().position(|&waiting| waiting == at) else {
            return;
        };
        if message.sequence() != phone.sequence {
            return;
        }
        match status {
            200 => {
                self.answered += 1;
                self.waiting.swap_remove(place);
            }
            401 => {
                self.challenged += 1;
                message
                    .nonce()
                    .unwrap_or_default()
                    .clone_into(&mut phone.nonce);
                phone.uses = 0;
                self.send(at);
            }
            _ => {
                self.refused += 1;
                self.waiting.swap_remove(place);
            }
        }
    }

    fn send(&mut self, at: usize) {
        let port = self.socket.port();
        let phone = &mut self.phones[at];
        phone.sequence += 1;
        let Account { number, .. } = &self.accounts[phone.account];
        let (uri, device, sequence) = (&self.uri, phone.device, phone.sequence);
        let authorization = if phone.nonce.is_empty() {
            String::new()
        } else {
            phone.uses += 1;
            let (nonce, uses) = (&phone.nonce, phone.uses);
            let (secret, request) = (&self.secrets[phone.account], &self.request_hash);
            let text = format!("{secret}:{nonce}:{uses:08x}:{at:08x}:auth:{request}");
            let response = hexadecimal(&Md5::digest(text.as_bytes()));
            format!(
                "Authorization: Digest username=\"{number}\", realm=\"ramal\", nonce=\"{nonce}\", uri=\"{uri}\", \
                 response=\"{response}\", algorithm=MD5, cnonce=\"{at:08x}\", qop=auth, nc={uses:08x}\r\n"
            )
        };
        phone.request = format!(
            "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{at:x}.{sequence:x};rport\r\n\
             Max-Forwards: 70\r\nFrom: <{uri}>;tag={at:x}\r\nTo: <sip:{number}@127.0.0.1>\r\nCall-ID: {at:016x}\r\n\
             CSeq: {sequence} REGISTER\r\n\
             Contact: <sip:{number}-{device}@127.0.0.1:{port}>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-{at:012x}>\"\r\n\
             Expires: 3600\r\nUser-Agent: Load generator\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n\
             {authorization}Content-Length: 0\r\n\r\n"
        );
        self.socket.push(phone.request.as_bytes());
    }
}
