//! Nothing is locked on a media thread for a packet.
//!
//! What a lock costs is one atomic read-modify-write instruction when nobody else holds it, and no system call: only the
//! processor sees it. So the thread is made to execute its way through packets instruction by instruction, and none of them
//! may be such an instruction: not one with a LOCK prefix, no exchange with memory, which has it implied (Intel SDM volume 2A,
//! §2.1.1 and XCHG). What the thread does after it has read its timer or its wake-up is not a packet's: it looks there for
//! commands, under a lock.

#![cfg(target_arch = "x86_64")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write, stdin};
use std::mem;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

use far_end::{connected, engine_by, keys, payload, speaking_to, statistics};
use nix::libc;
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;
use ramal_media::{Codec, Multiplexing, Protection, Recorder, RecorderConfig, Suite};

/// Says to a process of this test that it is the one to be traced, and by what it multiplexes.
const ROLE: &str = "RAMAL_TRACED_MULTIPLEXING";
/// Packets of each call before the thread is traced, and while it is.
const BEFORE: u32 = 20;
const TRACED: u32 = 5;

#[test]
fn no_packet_takes_a_lock() {
    match std::env::var(ROLE).as_deref() {
        Ok("epoll") => carry_calls(Multiplexing::Epoll),
        Ok(_) => carry_calls(Multiplexing::Automatic),
        Err(_) => {
            for multiplexing in ["automatic", "epoll"] {
                let traced = trace(multiplexing);
                // The detector does see locks where there are some.
                assert!(traced.others > 0, "{multiplexing}: {traced:?}");
                // Each packet is taken off its socket once, by a call of its own or by that which waited for it, as nobody says
                // the next before the last was heard; and brings at least some hundred instructions.
                let packets = TRACED * CALLS;
                assert!(traced.received >= packets, "{multiplexing}: {traced:?}");
                assert!(
                    traced.steps > u64::from(packets) * 100,
                    "{multiplexing}: {traced:?}"
                );
                assert!(traced.locks.is_empty(), "{multiplexing}: {traced:?}");
            }
        }
    }
}

/// Calls that are carried: relayed, companded anew, recorded, sealed.
const CALLS: u32 = 4;

fn carry_calls(multiplexing: Multiplexing) {
    let engine = engine_by(multiplexing, 22_350..=22_399, 1);
    let phones = [
        Codec::Pcma,
        Codec::Pcma,
        Codec::Pcma,
        Codec::Pcmu,
        Codec::Pcma,
        Codec::Pcma,
    ];
    let mut number = 0;
    let mut ends: Vec<_> = phones
        .into_iter()
        .map(|codec| {
            number += 1;
            connected(&engine, number, codec)
        })
        .collect();
    for pair in ends.chunks(2) {
        engine.bridge(&pair[0].0, &pair[1].0).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(&RecorderConfig {
        folder: folder.path().to_owned(),
        reserve: 0,
    })
    .unwrap();
    let (mut recording, _end) = recorder.begin("call.wav", Codec::Pcma);
    recording.tap(&ends[4].0).unwrap();
    // Between two streams of the gateway voice goes sealed, and back in clear to whoever said it. By this suite, whose
    // arithmetic is assembly; that of the other takes a million instructions a packet where nothing is optimised.
    let [near_keys, far_keys] = keys(Suite::AeadAes128Gcm);
    let near = speaking_to(&engine, (far_end::GATEWAY, 9).into(), Protection::None);
    let to_near = (far_end::GATEWAY, near.local_port()).into();
    let far = speaking_to(&engine, to_near, far_keys);
    let to_far = (far_end::GATEWAY, far.local_port()).into();
    far_end::aim(&near, to_far, near_keys);
    let (clear, mut sealed) = connected(&engine, 7, Codec::Pcma);
    engine.bridge(&clear, &near).unwrap();
    far.echo().unwrap();
    statistics(&far);
    let mut talk = |packets: u32| {
        for _ in 0..packets {
            for pair in ends.chunks_mut(2) {
                let [(_, from), (_, to)] = pair else {
                    unreachable!("they come in pairs")
                };
                from.send(&payload(1));
                to.receive();
            }
            sealed.send(&payload(1));
            sealed.receive();
        }
    };
    talk(BEFORE);
    let mut line = String::new();
    for packets in [0, TRACED] {
        talk(packets);
        println!("\n{ROLE} {packets}");
        stdin().read_line(&mut line).unwrap();
    }
}

/// What was seen of a thread.
#[derive(Debug, Default)]
struct Traced {
    /// Instructions that were looked at.
    steps: u64,
    /// Calls that brought a datagram: receptions, and waits by io_uring.
    received: u32,
    /// Where locking instructions were, as offsets into the file they come from, and behind which system calls.
    locks: Vec<String>,
    /// Locking instructions behind the reading of the timer or the wake-up.
    others: u32,
}

/// Runs [`carry_calls`] in a process of its own and looks at its media thread.
fn trace(multiplexing: &str) -> Traced {
    // On one processor each takes its turn without interrupting another.
    let mut processors = CpuSet::new();
    processors.set(sched_getcpu().unwrap()).unwrap();
    sched_setaffinity(Pid::from_raw(0), &processors).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["no_packet_takes_a_lock", "--exact", "--nocapture"])
        .env(ROLE, multiplexing)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut input = child.stdin.take().unwrap();
    await_line(&mut output, &format!("{ROLE} 0"));
    let media = media_thread(child.id());
    let mut tracee = Tracee::seize(child.id(), media);
    // The rest of what it says is awaited by a thread, as its media thread goes on only while this one traces it.
    writeln!(input).unwrap();
    let listener = std::thread::spawn(move || {
        await_line(&mut output, &format!("{ROLE} {TRACED}"));
        output
    });
    let mut traced = Traced::default();
    while !listener.is_finished() {
        tracee.go_on(&mut traced);
    }
    tracee.leave();
    let mut output = listener.join().unwrap();
    writeln!(input).unwrap();
    output.read_to_string(&mut String::new()).unwrap();
    assert!(child.wait().unwrap().success());
    traced
}

fn await_line(output: &mut impl BufRead, wanted: &str) {
    let mut line = String::new();
    while line.trim_end() != wanted {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "it ended");
    }
}

fn media_thread(process: u32) -> libc::pid_t {
    fs::read_dir(format!("/proc/{process}/task"))
        .unwrap()
        .map(|task| task.unwrap())
        .find(|task| fs::read_to_string(task.path().join("comm")).unwrap().trim() == "media-0")
        .and_then(|task| task.file_name().to_str()?.parse().ok())
        .expect("the media thread")
}

/// A thread that stops for every instruction.
struct Tracee {
    thread: libc::pid_t,
    memory: fs::File,
    maps: String,
    /// Whether the last system call was the reading of the timer or the wake-up.
    beside: bool,
    /// The last system call it made.
    last: u64,
    /// The system call it is about to execute.
    call: Option<u64>,
}

impl Tracee {
    fn seize(process: u32, thread: libc::pid_t) -> Tracee {
        let tracee = Tracee {
            thread,
            memory: fs::File::open(format!("/proc/{process}/mem")).unwrap(),
            maps: fs::read_to_string(format!("/proc/{process}/maps")).unwrap(),
            beside: false,
            last: 0,
            call: None,
        };
        tracee.ptrace(libc::PTRACE_SEIZE, 0, 0);
        tracee.ptrace(libc::PTRACE_INTERRUPT, 0, 0);
        tracee.await_stop();
        tracee
    }

    fn leave(self) {
        self.ptrace(libc::PTRACE_DETACH, 0, 0);
    }

    fn ptrace(&self, request: libc::c_uint, address: usize, data: usize) {
        // SAFETY: none of the requests made writes to memory but PTRACE_GETREGS, whose `data` is the address of registers.
        let done = unsafe { libc::ptrace(request, self.thread, address, data) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }

    fn await_stop(&self) {
        let mut status = 0;
        // SAFETY: the status is valid for the call.
        let stopped = unsafe { libc::waitpid(self.thread, &raw mut status, libc::__WALL) };
        assert_eq!(stopped, self.thread);
        assert!(libc::WIFSTOPPED(status), "it ended: {status:x}");
    }

    fn registers(&self) -> libc::user_regs_struct {
        // SAFETY: all-zero registers are valid ones.
        let mut registers: libc::user_regs_struct = unsafe { mem::zeroed() };
        self.ptrace(libc::PTRACE_GETREGS, 0, &raw mut registers as usize);
        registers
    }

    /// One instruction.
    fn go_on(&mut self, traced: &mut Traced) {
        let registers = self.registers();
        let receives = |call: &u64| {
            [libc::SYS_recvfrom, libc::SYS_io_uring_enter].contains(&call.cast_signed())
        };
        if self.call.take().is_some_and(|call| receives(&call)) && registers.rax.cast_signed() >= 0
        {
            traced.received += 1;
        }
        let mut octets = [0; 15];
        // Shorter only at the end of a mapping. What the kernel maps itself (the clock) cannot be read there.
        let length = self
            .memory
            .read_at(&mut octets, registers.rip)
            .unwrap_or_default();
        match Instruction::of(&octets[..length]) {
            Instruction::Call => {
                self.call = Some(registers.rax);
                self.last = registers.rax;
                self.beside = registers.rax == libc::SYS_read as u64;
            }
            Instruction::Locking if self.beside => traced.others += 1,
            Instruction::Locking => traced.locks.push(format!(
                "{} behind call {}",
                self.place(registers.rip),
                self.last
            )),
            Instruction::Other => {}
        }
        traced.steps += 1;
        // Beside packets a lock has to be found once; the rest of what is done there is skipped, to the next system call.
        let skipped = self.beside && self.call.is_none() && traced.others > 0;
        let request = match skipped {
            true => libc::PTRACE_SYSCALL,
            false => libc::PTRACE_SINGLESTEP,
        };
        self.ptrace(request, 0, 0);
        self.await_stop();
        if skipped {
            // The thread is within the call now, and will be told of its end.
            let number = self.registers().orig_rax;
            self.call = Some(number);
            self.last = number;
            self.beside = number == libc::SYS_read as u64;
            self.ptrace(libc::PTRACE_SINGLESTEP, 0, 0);
            self.await_stop();
        }
    }

    /// An address as `addr2line` takes it.
    fn place(&self, address: u64) -> String {
        let holds = |line: &&str| {
            let range = line.split_whitespace().next()?.split_once('-')?;
            let [start, end] =
                [range.0, range.1].map(|end| u64::from_str_radix(end, 16).unwrap_or(0));
            (start..end).contains(&address).then_some(())
        };
        let line = self.maps.lines().find(|line| holds(line).is_some());
        let fields: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
        let start = fields.first().and_then(|range| range.split_once('-'));
        let hex = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
        let start = start.map_or(0, |(start, _)| hex(start));
        let offset = fields.get(2).map_or(0, |offset| hex(offset));
        let file = fields.get(5).unwrap_or(&"?");
        format!("{file}+{:#x}", address - start + offset)
    }
}

enum Instruction {
    /// A system call.
    Call,
    /// Locks the memory it changes.
    Locking,
    Other,
}

impl Instruction {
    fn of(octets: &[u8]) -> Instruction {
        let legacy = |octet: &&u8| {
            matches!(
                octet,
                0x66 | 0x67 | 0xF0 | 0xF2 | 0xF3 | 0x2E | 0x36 | 0x3E | 0x26 | 0x64 | 0x65
            )
        };
        let prefixes = octets.iter().take_while(legacy).count();
        let (prefixes, rest) = octets.split_at(prefixes);
        if prefixes.contains(&0xF0) {
            return Instruction::Locking;
        }
        let rest = match rest {
            [0x40..=0x4F, rest @ ..] => rest,
            rest => rest,
        };
        match rest {
            [0x0F, 0x05, ..] => Instruction::Call,
            // XCHG with memory; with a register the upper two bits of its operands are set.
            [0x86 | 0x87, operands, ..] if operands >> 6 != 3 => Instruction::Locking,
            _ => Instruction::Other,
        }
    }
}
