//! A bundle that was taken and verified.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Largest file that is taken for an update, in octets: more than both partitions of a system hold.
pub const BUNDLE_MAX: u64 = 384 << 20;

/// How a bundle begins (squashfs, little-endian).
pub(crate) const MAGIC: &[u8] = b"hsqs";

/// An update that waits to be installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = UpdateBundle)]
pub struct Bundle {
    /// The version it brings.
    pub version: String,
    /// SHA-256 of its manifest, which names everything in it.
    pub manifest_hash: String,
    /// Octets of the file.
    pub octets: u64,
    /// When it came, UTC milliseconds.
    pub at: i64,
    /// Who sent it.
    pub by: String,
}

/// Whether `version` is at least `least`, as Semantic Versioning 2.0 (§11) orders them.
#[must_use]
pub fn is_newer_or_same(version: &str, least: &str) -> bool {
    compare(version, least) != Ordering::Less
}

fn compare(a: &str, b: &str) -> Ordering {
    let (a, a_before) = parts(a);
    let (b, b_before) = parts(b);
    let numbers = |text: &str| -> Vec<u64> {
        let mut numbers: Vec<u64> = text.split('.').map(|n| n.parse().unwrap_or(0)).collect();
        numbers.resize(numbers.len().max(3), 0);
        numbers
    };
    numbers(a)
        .cmp(&numbers(b))
        .then_with(|| match (a_before, b_before) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => identifiers(a, b),
        })
}

/// Version without build metadata, and its pre-release identifiers.
fn parts(version: &str) -> (&str, Option<&str>) {
    let version = version.trim();
    let core = version.split_once('+').map_or(version, |(core, _)| core);
    match core.split_once('-') {
        Some((core, before)) => (core, Some(before)),
        None => (core, None),
    }
}

fn identifiers(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_semantic_versioning_says() {
        let ascending = [
            "0.0.9",
            "0.1.0-alpha",
            "0.1.0-alpha.1",
            "0.1.0-alpha.beta",
            "0.1.0-beta.2",
            "0.1.0-beta.11",
            "0.1.0",
            "0.2.0",
            "0.10.0",
            "1.0.0",
            "99.1.0",
        ];
        for pair in ascending.windows(2) {
            assert!(is_newer_or_same(pair[1], pair[0]), "{pair:?}");
            assert!(!is_newer_or_same(pair[0], pair[1]), "{pair:?}");
        }
        assert!(is_newer_or_same("1.0.0+7", "1.0.0"));
        assert!(is_newer_or_same("1.0.0", "1.0.0+7"));
    }
}
