//! A thread that gets no processor for a while.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nix::libc;

use crate::until;

/// The longest name that the kernel keeps of a thread.
const NAME: usize = 15;

static STALL_MS: AtomicU64 = AtomicU64::new(0);
static OVER: AtomicBool = AtomicBool::new(false);

extern "C" fn stall(_: libc::c_int) {
    let ms = STALL_MS.load(Ordering::Relaxed);
    let mut rest = libc::timespec {
        tv_sec: (ms / 1000) as libc::time_t,
        tv_nsec: (ms % 1000 * 1_000_000) as libc::c_long,
    };
    // SAFETY: both are the same structure, which lives through the call; the call is allowed in a signal handler.
    while unsafe { libc::nanosleep(&raw const rest, &raw mut rest) } != 0 {}
    OVER.store(true, Ordering::Relaxed);
}

/// Holds one thread of this process up for a while, wherever it is: it spends the time in a signal's handler. All others,
/// the drivers and the line go on. Returns when it is over.
///
/// # Panics
/// When there is no thread of the name.
pub fn stall_thread(name: &str, time: Duration) {
    let name = name.get(..NAME).unwrap_or(name);
    let thread = fs::read_dir("/proc/self/task")
        .expect("threads")
        .filter_map(Result::ok)
        .find(|task| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
        })
        .and_then(|task| task.file_name().to_str()?.parse::<libc::pid_t>().ok())
        .unwrap_or_else(|| panic!("there is no thread {name}"));
    STALL_MS.store(
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        Ordering::Relaxed,
    );
    OVER.store(false, Ordering::Relaxed);
    // SAFETY: the handler does only what handlers may; the thread is one of this process.
    unsafe {
        libc::signal(libc::SIGUSR1, stall as *const () as libc::sighandler_t);
        let sent = libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGUSR1);
        assert_eq!(sent, 0, "the thread {name} is gone");
    }
    until("the end of the stall", || {
        OVER.load(Ordering::Relaxed).then_some(())
    });
}
