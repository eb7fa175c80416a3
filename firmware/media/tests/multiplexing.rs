//! The engine finds out itself whether it may use io_uring.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::mem::offset_of;
use std::os::fd::{FromRawFd, OwnedFd};

use far_end::{connected, engine, payload};
use nix::libc;
use ramal_media::Codec;

/// Flags of io_uring_setup(2).
const SINGLE_ISSUER: u32 = 1 << 12;
const DEFER_TASKRUN: u32 = 1 << 13;

/// Carries a call; the answer is whether it did so by io_uring.
fn carries_a_call(port: u16) -> bool {
    let engine = engine(port..=port + 9, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    for number in 0..50 {
        phone_a.send(&payload(number));
        assert_eq!(phone_b.receive().payload, payload(number));
    }
    engine.uses_io_uring()
}

/// Has this thread, and those it starts, refused a system call with `EPERM`, as a filter of system calls does.
fn forbid(call: libc::c_long) {
    let statement = |code: u32, if_true: u8, if_false: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt: if_true,
        jf: if_false,
        k,
    };
    let mut filter = [
        statement(
            libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
            0,
            0,
            offset_of!(libc::seccomp_data, nr) as u32,
        ),
        statement(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            call as u32,
        ),
        statement(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
        ),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: takes no pointer.
    let bound = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(bound, 0);
    // SAFETY: the program is valid for the call, which copies it.
    let filtered = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    };
    assert_eq!(filtered, 0);
}

#[test]
fn io_uring_is_used_where_the_system_has_it() {
    // struct io_uring_params, with flags for what the engine needs.
    let mut parameters = [0u32; 30];
    parameters[2] = SINGLE_ISSUER | DEFER_TASKRUN;
    // SAFETY: the parameters are as long as the kernel reads and writes.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) };
    if ring >= 0 {
        // SAFETY: it was just opened and is used by nobody else.
        drop(unsafe { OwnedFd::from_raw_fd(ring as i32) });
    }
    assert_eq!(carries_a_call(22_300), ring >= 0);
}

#[test]
fn calls_go_on_where_any_system_call_of_io_uring_is_forbidden() {
    for (number, call) in [
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
    ]
    .into_iter()
    .enumerate()
    {
        let thread = std::thread::spawn(move || {
            forbid(call);
            carries_a_call(22_310 + number as u16 * 10)
        });
        assert!(!thread.join().unwrap());
    }
}
