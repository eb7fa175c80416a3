//! What the process asks of the allocator and of the kernel, so that it is small while nothing happens.

/// Has all threads take memory from one heap that grows in large steps. By default each has its own, which grows page by
/// page and keeps what the others could use; ours seldom want memory at the same time.
pub(crate) fn share() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in [
        (nix::libc::M_ARENA_MAX, 1),
        (nix::libc::M_TOP_PAD, 512 << 10),
        (nix::libc::M_TRIM_THRESHOLD, 4 << 20),
        (nix::libc::M_MMAP_THRESHOLD, 1 << 20),
    ] {
        // SAFETY: takes no pointers; no other thread runs yet.
        unsafe { nix::libc::mallopt(parameter, value) };
    }
}

/// Gives back to the kernel what only starting took: some 3 MB of heap, as certificates and prompts are read into more memory
/// than they are kept in, and the code that has run, of which most never runs again.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes no pointers; the allocator locks itself.
    unsafe {
        nix::libc::malloc_trim(0)
    };
    if let Err(error) = give_back_code() {
        tracing::debug!(%error, "the code of the start stays in memory");
    }
}

/// Lets go of the pages of the program's file: 20 of the 31 MB that are resident after the start, 6 of which are soon back. Whatever
/// runs again is taken from the page cache, as when it ran first.
fn give_back_code() -> nix::Result<()> {
    unsafe extern "C" {
        /// First octet of the program's file in memory, and the first behind its code (ld(1)).
        static __executable_start: u8;
        static etext: u8;
    }
    const PAGE: usize = 4096;
    let first = (&raw const __executable_start).addr();
    let end = (&raw const etext).addr() / PAGE * PAGE;
    let Some(length) = end
        .checked_sub(first)
        .filter(|_| first.is_multiple_of(PAGE))
    else {
        return Err(nix::errno::Errno::EINVAL);
    };
    let start = (&raw const __executable_start)
        .cast_mut()
        .cast::<nix::libc::c_void>();
    // SAFETY: between the two lie constants and code, mapped from the file and never written to: a page that is let go is read
    // from the file again, as it was.
    let result = unsafe { nix::libc::madvise(start, length, nix::libc::MADV_DONTNEED) };
    nix::errno::Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_was_given_back_runs_again() {
        give_back_code().expect("given back");
        give_back();
        assert_eq!("12".parse::<u8>(), Ok(12));
    }
}
