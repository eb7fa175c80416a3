//! Why something is not done, in one sentence that says what to do. These are the only words there are for it: API, web
//! interface, `ramalctl` and the fleet's server show them as they stand here.

use thiserror::Error;

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// There are no two systems to update.
    #[error(
        "This gateway was not started from a disk with two systems, so there is nothing to update: use its image."
    )]
    Unsupported,
    /// The file is something else, or cut off.
    #[error("This file is no update, or not all of it: get it again.")]
    NoBundle,
    /// Signed by nobody who is trusted.
    #[error(
        "This update is not signed by the maker of this gateway: get it from the maker, and do not install this one."
    )]
    NotSigned,
    /// For something else.
    #[error("This update is for {bundle}: get the one for {gateway}.")]
    OtherGateway {
        /// What it is for.
        bundle: String,
        /// What this is.
        gateway: String,
    },
    /// Older than may be installed.
    #[error(
        "This update is version {bundle}, too old for this gateway: get version {least} or a later one."
    )]
    TooOld {
        /// Its version.
        bundle: String,
        /// The oldest that is taken.
        least: String,
    },
    /// Larger than any update.
    #[error("This file is larger than any update ({} MiB at most): get the right one.", .0 >> 20)]
    TooLarge(u64),
    /// The data partition is full.
    #[error("The update takes {} MiB and {} MiB are free: delete recordings or old files first.", needed.div_ceil(1 << 20), free >> 20)]
    NoRoom {
        /// Octets wanted.
        needed: u64,
        /// Octets free.
        free: u64,
    },
    /// It did not come whole.
    #[error("The update did not come whole: send it again.")]
    BrokeOff,
    /// Not as long as was said.
    #[error("{expected} octets were announced and {received} came: send the update again.")]
    OtherLength {
        /// What was said.
        expected: u64,
        /// What came.
        received: u64,
    },
    /// Something is going on that has to end first.
    #[error("{0}")]
    Busy(&'static str),
    /// There is nothing to do it with.
    #[error("{0}")]
    Nothing(&'static str),
    /// It was tried, and did not work.
    #[error(
        "Version {version} was tried and did not work ({reason}): get a later one, or say that it shall be tried again."
    )]
    FailedBefore {
        /// Its version.
        version: String,
        /// What was wrong.
        reason: String,
    },
    /// The other system cannot be started.
    #[error("There is no system to go back to: {0}.")]
    NoWayBack(String),
    /// Whatever else RAUC says.
    #[error("The update was not installed ({0}): try it again; if it fails again, ask the maker.")]
    Rauc(String),
    /// Disk or system.
    #[error("The update cannot be kept on the disk ({0}): check the disk.")]
    Disk(String),
}

impl Refusal {
    /// What a sentence of RAUC's means.
    #[must_use]
    pub fn from_rauc(said: &str) -> Self {
        // What stands between quotes: what is wanted, then what there is.
        let quoted = |nth: usize| said.split('\'').nth(2 * nth + 1).unwrap_or("?").to_owned();
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if says(&["Compatible mismatch:"]) {
            return Self::OtherGateway {
                gateway: quoted(0),
                bundle: quoted(1),
            };
        }
        if says(&["Version mismatch:"]) {
            return Self::TooOld {
                least: quoted(0),
                bundle: quoted(1),
            };
        }
        if says(&["signature verification failed"])
            || (says(&["signature"]) && says(&["certificate"]))
        {
            return Self::NotSigned;
        }
        if says(&[
            "Invalid bundle format:",
            "Signature size",
            "ignature size",
            "bundle size",
            "Failed to check bundle",
            "bundle is too small",
            "Invalid bundle identifier",
            "not a bundle",
            "Failed to parse signature",
        ]) {
            return Self::NoBundle;
        }
        Self::Rauc(said.trim().to_owned())
    }

    /// Whether the bundle itself is at fault, not the moment.
    #[must_use]
    pub fn is_of_bundle(&self) -> bool {
        matches!(
            self,
            Self::NoBundle
                | Self::NotSigned
                | Self::OtherGateway { .. }
                | Self::TooOld { .. }
                | Self::TooLarge(_)
                | Self::OtherLength { .. }
                | Self::BrokeOff
        )
    }

    /// The word for it, by which programs tell them apart.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::NoBundle => "no_bundle",
            Self::NotSigned => "not_signed",
            Self::OtherGateway { .. } => "other_gateway",
            Self::TooOld { .. } => "too_old",
            Self::TooLarge(_) => "too_large",
            Self::NoRoom { .. } => "no_room",
            Self::BrokeOff => "broke_off",
            Self::OtherLength { .. } => "other_length",
            Self::Busy(_) => "busy",
            Self::Nothing(_) => "nothing",
            Self::FailedBefore { .. } => "failed_before",
            Self::NoWayBack(_) => "no_way_back",
            Self::Rauc(_) => "rauc",
            Self::Disk(_) => "disk",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rauc_says_becomes_what_to_do() {
        for (said, wanted) in [
            (
                "Compatible mismatch: Expected 'ramal-pc-x86_64' but bundle manifest has 'other-gateway'",
                "This update is for other-gateway: get the one for ramal-pc-x86_64.",
            ),
            (
                "Version mismatch: Expected at least '0.1.0' but bundle manifest has '0.0.9'",
                "This update is version 0.0.9, too old for this gateway: get version 0.1.0 or a later one.",
            ),
            (
                "signature verification failed: Verify error: unable to get local issuer certificate",
                "This update is not signed by the maker of this gateway: get it from the maker, and do not install this one.",
            ),
            (
                "Signature size (123456789) exceeds bundle size",
                "This file is no update, or not all of it: get it again.",
            ),
            (
                "Installation error: target slot not writable",
                "The update was not installed (Installation error: target slot not writable): try it again; if it fails again, ask the maker.",
            ),
        ] {
            assert_eq!(Refusal::from_rauc(said).to_string(), wanted);
        }
        assert!(Refusal::from_rauc("Signature size (1) exceeds").is_of_bundle());
        assert!(!Refusal::from_rauc("no loop device").is_of_bundle());
    }

    #[test]
    fn room_is_told_in_mebibytes() {
        let refusal = Refusal::NoRoom {
            needed: (100 << 20) + 1,
            free: 7 << 20,
        };
        assert!(
            refusal
                .to_string()
                .contains("takes 101 MiB and 7 MiB are free")
        );
    }
}
