//! SIP peers that nobody here wrote, as processes: baresip and linphone telephones and SIPp scenarios from Debian.
//!
//! [`Baresip`] is a telephone that sends a tone from a file and records what it hears; [`Baresip::heard`] gives the
//! recording, [`Baresip::statistics`] its RTP figures. [`Linphone`] is another one. [`sipp`] runs one of the scenarios in `sipp/`;
//! [`MailSink`] is a mail server; [`Carrier`] is one that stands for a carrier, at an address of its own.

mod baresip;
mod carrier;
mod linphone;
mod mail;
pub mod sipp;
mod wave;

pub use baresip::{Account, Baresip, RtpStatistics, Transport};
pub use carrier::Carrier;
pub use linphone::Linphone;
pub use mail::MailSink;

/// What can go wrong with a peer.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Files or the process.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The peer ended, or said something else than expected; with the end of its output.
    #[error("{peer}: {what}; its output ends with:\n{output}")]
    Peer {
        /// Program.
        peer: &'static str,
        /// What was expected.
        what: String,
        /// Last lines of its output.
        output: String,
    },
}

/// The last lines of `output`, for messages.
fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}
