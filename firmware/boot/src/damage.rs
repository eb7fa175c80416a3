//! Reads a system whole before it is started, so that a damaged block is found by a program that does not lie on it.

use std::io;

/// Octets of a block, as in the hash tree.
const BLOCK: usize = 4096;
/// Octets read at once.
const PART: usize = 256 * BLOCK;

/// The first of `blocks` blocks that cannot be read: what `read` (buffer, offset in octets) refuses.
pub fn first_damaged(
    blocks: u64,
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<()>,
) -> Option<u64> {
    let mut buffer = vec![0; PART];
    let end = blocks * BLOCK as u64;
    let mut offset = 0;
    while offset < end {
        let length = usize::try_from(end - offset).map_or(PART, |left| left.min(PART));
        if read(&mut buffer[..length], offset).is_err() {
            for start in (offset..offset + length as u64).step_by(BLOCK) {
                if read(&mut buffer[..BLOCK], start).is_err() {
                    return Some(start / BLOCK as u64);
                }
            }
            // Blocks that can be read one by one are whole.
        }
        offset += length as u64;
    }
    None
}

/// What is said and kept of a damaged block.
#[must_use]
pub fn reason(block: impl std::fmt::Display) -> String {
    format!("block {block} of its disk partition is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(blocks: u64, damaged: &[u64]) -> (Option<u64>, u64) {
        let mut octets = 0;
        let found = first_damaged(blocks, |buffer, offset| {
            let block = BLOCK as u64;
            let (first, last) = (offset / block, (offset + buffer.len() as u64 - 1) / block);
            assert!(last < blocks, "beyond the end");
            if damaged.iter().any(|bad| (first..=last).contains(bad)) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            octets += buffer.len() as u64;
            Ok(())
        });
        (found, octets)
    }

    #[test]
    fn a_whole_system_is_read_once() {
        for blocks in [0, 1, 255, 256, 257, 25_000] {
            assert_eq!(scan(blocks, &[]), (None, blocks * BLOCK as u64));
        }
    }

    #[test]
    fn the_first_damaged_block_is_named() {
        for bad in [0, 1, 255, 256, 4711, 24_999] {
            assert_eq!(scan(25_000, &[24_999, bad]).0, Some(bad));
        }
    }
}
