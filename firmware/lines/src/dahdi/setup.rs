//! Brings spans and channels to the configuration they are to have, touching nothing that has it already.

use super::abi::{self, law, line, signalling};
use super::control::Control;
use super::{DahdiError, Span};
use crate::PortKind;

/// What a span is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanUse {
    /// ISDN primary rate: timeslot 16 carries signalling, all others sound.
    Pri,
    /// MFC-R2: timeslot 16 carries the signalling bits of all others.
    R2,
    /// Analogue ports: the kind of each channel, none for a place without a module.
    Analogue(Vec<Option<PortKind>>),
}

/// How a span is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanSetup {
    /// What it is used for.
    pub usage: SpanUse,
    /// Whether the multiframe with CRC-4 is used (G.704 §2.3.3). Both ends must agree.
    pub crc4: bool,
    /// Its rank as a source of the clock, from 1; 0 means that the span gives the clock to the far end.
    pub clock_rank: u8,
}

/// Bits of an R2 timeslot that nobody serves, which the kernel sends while it is closed: blocked, A=1 B=1 C=0 D=1 (Q.421
/// §2.1). An exchange that saw it idle would send calls there.
pub(super) const R2_UNSERVED: u8 = 0b1101;
/// The timeslot of an E1 that signals.
pub(super) const SIGNALLING_TIMESLOT: u32 = 16;

/// Brings a span and its channels to `setup` and starts it. Channels that have their configuration already are not
/// touched, so calls on them go on; `previous` is what it was brought to the last time. Says how many channels were
/// changed.
///
/// # Errors
/// The kernel's first refusal; what was changed until then stays so.
pub fn configure(
    control: &Control,
    span: &Span,
    setup: &SpanSetup,
    previous: Option<&SpanSetup>,
) -> Result<usize, DahdiError> {
    let info = control.span(span.number)?;
    // A span without line codes to choose from (analogue, or without hardware) has nothing to set.
    if info.line_compatibility != 0 {
        let wanted = line_config(setup);
        let current = info.line_config & (line::AMI | line::CCS | line::HDB3 | line::CRC4);
        let same_clock = previous.is_some_and(|previous| previous.clock_rank == setup.clock_rank);
        if current != wanted || !same_clock {
            control.configure_span(span.number, wanted, i32::from(setup.clock_rank))?;
        }
    }
    let mut changed = 0;
    for (place, channel) in (1..=span_channels(&info)).zip(span.first_channel..) {
        let Some((wanted, idle_bits)) = signalling_of(setup, place) else {
            continue;
        };
        let params = control.channel(channel)?;
        let hdlc = params.capabilities & signalling::HARD_HDLC == signalling::HARD_HDLC;
        // Cards with an HDLC controller do the frames themselves.
        let wanted = match wanted {
            signalling::HDLC_FCS if hdlc => signalling::HARD_HDLC,
            other => other,
        };
        // The kernel shows a channel's law only while it is open; who configured it before knows.
        let same = params.signalling == wanted
            && previous.is_some_and(|previous| previous.usage == setup.usage)
            && (wanted != signalling::CAS || params.idle_bits & 0xf == i32::from(idle_bits));
        if !same {
            control.configure_channel(channel, wanted, law::A, idle_bits)?;
            changed += 1;
        }
    }
    control.start(span.number)?;
    Ok(changed)
}

fn span_channels(info: &abi::SpanInfo) -> u32 {
    u32::try_from(info.total_channels).unwrap_or(0)
}

fn line_config(setup: &SpanSetup) -> i32 {
    let base = match setup.usage {
        SpanUse::Pri => line::CCS | line::HDB3,
        SpanUse::R2 => line::HDB3,
        SpanUse::Analogue(_) => return 0,
    };
    if setup.crc4 { base | line::CRC4 } else { base }
}

/// Signalling and idle bits of the channel at a place of the span, from 1; none when it has no use.
fn signalling_of(setup: &SpanSetup, place: u32) -> Option<(i32, u8)> {
    match &setup.usage {
        SpanUse::Pri if place == SIGNALLING_TIMESLOT => Some((signalling::HDLC_FCS, 0)),
        SpanUse::Pri => Some((signalling::CLEAR, 0)),
        // The card itself takes the bits out of timeslot 16.
        SpanUse::R2 if place == SIGNALLING_TIMESLOT => None,
        SpanUse::R2 => Some((signalling::CAS, R2_UNSERVED)),
        SpanUse::Analogue(kinds) => {
            let index = usize::try_from(place).ok()?.checked_sub(1)?;
            match kinds.get(index).copied().flatten()? {
                PortKind::Fxo => Some((signalling::FXS_KEWL, 0)),
                PortKind::Fxs => Some((signalling::FXO_KEWL, 0)),
            }
        }
    }
}

/// The kind of the port that a channel's hardware can be; none for a channel that is no analogue port. What can be
/// either (channels of a channel bank) needs to be told.
pub(super) fn port_kind(capabilities: i32) -> Option<PortKind> {
    let fxo = capabilities & signalling::FXS_KEWL == signalling::FXS_KEWL;
    let fxs = capabilities & signalling::FXO_KEWL == signalling::FXO_KEWL;
    match (fxo, fxs) {
        (true, false) => Some(PortKind::Fxo),
        (false, true) => Some(PortKind::Fxs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeslots_get_the_signalling_of_their_use() {
        let pri = SpanSetup {
            usage: SpanUse::Pri,
            crc4: true,
            clock_rank: 1,
        };
        assert_eq!(signalling_of(&pri, 16), Some((signalling::HDLC_FCS, 0)));
        assert_eq!(signalling_of(&pri, 1), Some((signalling::CLEAR, 0)));
        assert_eq!(line_config(&pri), 256 | 512 | 1024);
        let r2 = SpanSetup {
            usage: SpanUse::R2,
            crc4: false,
            clock_rank: 0,
        };
        assert_eq!(signalling_of(&r2, 16), None);
        assert_eq!(signalling_of(&r2, 31), Some((signalling::CAS, 0b1101)));
        let ports = SpanSetup {
            usage: SpanUse::Analogue(vec![Some(PortKind::Fxo), None, Some(PortKind::Fxs)]),
            crc4: false,
            clock_rank: 0,
        };
        // A port is driven by the signalling of its other end.
        assert_eq!(signalling_of(&ports, 1), Some((signalling::FXS_KEWL, 0)));
        assert_eq!(signalling_of(&ports, 2), None);
        assert_eq!(signalling_of(&ports, 3), Some((signalling::FXO_KEWL, 0)));
        assert_eq!(signalling_of(&ports, 4), None);
        assert_eq!(line_config(&ports), 0);
    }

    #[test]
    fn a_port_is_what_its_hardware_can_be() {
        assert_eq!(port_kind(0x2004), Some(PortKind::Fxo));
        assert_eq!(port_kind(0x1008 | 0x1010 | 0x1020), Some(PortKind::Fxs));
        assert_eq!(port_kind(0x2004 | 0x1020), None);
        assert_eq!(port_kind(0x80), None);
    }
}
