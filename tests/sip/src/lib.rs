//! The gateway's SIP side against peers that nobody here wrote (SIPp, baresip, tshark) and against bad input.
//!
//! There is no code here: each file in `tests/` is one family of checks. They need `sipp`, `baresip` and `tshark`.
