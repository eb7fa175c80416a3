//! Priority of the threads that carry sound.

/// The media threads have the same: sound that is late at either is late.
const PRIORITY: i32 = 10;

/// Asks for real-time scheduling of the calling thread; without the right to it the thread runs as any other.
pub(crate) fn request() {
    let parameters = nix::libc::sched_param {
        sched_priority: PRIORITY,
    };
    // SAFETY: the parameter block lives through the call; 0 is the calling thread.
    let refused =
        unsafe { nix::libc::sched_setscheduler(0, nix::libc::SCHED_FIFO, &raw const parameters) };
    if refused != 0 {
        tracing::debug!("a thread of lines runs without real-time priority");
    }
}
