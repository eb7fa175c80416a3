//! What a channel reports (`DAHDI_EVENT_*`).

/// An event of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelEvent {
    /// The far end went on-hook; on an FXO port the exchange has opened the loop.
    OnHook,
    /// FXS: the telephone was lifted. FXO: a ring has ended.
    RingOffHook,
    /// The loop was open for a moment: a flash.
    Flash,
    /// The line has an alarm.
    Alarm,
    /// The alarm is over.
    AlarmClear,
    /// The far end ended an HDLC frame early.
    HdlcAbort,
    /// An HDLC frame was too long or came too fast.
    HdlcOverrun,
    /// An HDLC frame came damaged.
    HdlcBadFcs,
    /// The hook operation that was begun is over.
    HookComplete,
    /// The signalling bits have changed.
    BitsChanged,
    /// A digit dialled by pulses begins.
    PulseStart,
    /// A digit dialled by pulses.
    PulseDigit(char),
    /// The battery was reversed.
    Polarity,
    /// Ringing voltage began.
    RingBegin,
    /// The canceller heard a modem and stepped aside.
    EchoCancellerDisabled,
    /// The channel is gone; its card was removed.
    Removed,
    /// Sound was lost on the way in or out because nobody fetched or gave it in time.
    Underrun,
    /// Anything else, by its number.
    Other(i32),
}

/// Or-ed to the digit of a pulse event.
const PULSE_DIGIT: i32 = 1 << 16;

impl ChannelEvent {
    /// Reads the kernel's number; 0 is no event.
    pub(super) fn read(code: i32) -> Option<Self> {
        if code & PULSE_DIGIT != 0 {
            let digit = u32::try_from(code & 0xff).ok().and_then(char::from_u32)?;
            return Some(Self::PulseDigit(digit));
        }
        Some(match code {
            0 => return None,
            1 => Self::OnHook,
            2 => Self::RingOffHook,
            3 => Self::Flash,
            4 => Self::Alarm,
            5 => Self::AlarmClear,
            6 => Self::HdlcAbort,
            7 => Self::HdlcOverrun,
            8 => Self::HdlcBadFcs,
            12 => Self::HookComplete,
            13 => Self::BitsChanged,
            14 => Self::PulseStart,
            17 => Self::Polarity,
            18 => Self::RingBegin,
            19 => Self::EchoCancellerDisabled,
            20 => Self::Removed,
            29 | 30 => Self::Underrun,
            other => Self::Other(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read() {
        assert_eq!(ChannelEvent::read(0), None);
        assert_eq!(ChannelEvent::read(13), Some(ChannelEvent::BitsChanged));
        assert_eq!(
            ChannelEvent::read((1 << 16) | i32::from(b'7')),
            Some(ChannelEvent::PulseDigit('7'))
        );
        assert_eq!(ChannelEvent::read(99), Some(ChannelEvent::Other(99)));
    }
}
