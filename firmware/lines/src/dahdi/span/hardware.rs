//! What a span's thread works on: a span of the kernel's, or one in memory.

use std::os::fd::AsFd;

use nix::errno::Errno;

use super::super::{
    ChannelDevice, ChannelEvent, Control, DahdiError, Received, Span, SpanCounters, configure,
    spans,
};
use super::SpanConfig;

/// More events than the kernel's queue holds (64): a channel that has even more never rests, and others want their turn.
const EVENTS: usize = 128;
/// Timeslots of an E1 that a driver shows: all but the one that frames (G.704 §2.3).
const E1: usize = 31;

/// A span as its thread sees it.
pub trait SpanHardware: Send {
    /// One timeslot while it is used.
    type Channel: SpanChannel;

    /// Whether the span is there.
    fn is_there(&self, config: &SpanConfig) -> bool;

    /// Looks for the span and brings it to its configuration.
    ///
    /// # Errors
    /// It is not there, or the kernel refuses the configuration.
    fn bring_up(&mut self, config: &SpanConfig) -> Result<(), DahdiError>;

    /// How many timeslots it has, from 1.
    fn timeslots(&self) -> u8;

    /// Alarms and errors.
    ///
    /// # Errors
    /// The span is gone.
    fn counters(&self) -> Result<SpanCounters, DahdiError>;

    /// Opens a timeslot.
    ///
    /// # Errors
    /// There is none of this number, or somebody else has it.
    fn open(&self, timeslot: u8) -> Result<Self::Channel, DahdiError>;
}

/// A timeslot that is used. Its descriptor is readable when sound or a frame waits, and has priority data when an event
/// does. What each call means and when it fails stands at [`ChannelDevice`].
#[allow(clippy::missing_errors_doc, reason = "the kernel's, see ChannelDevice")]
pub trait SpanChannel: AsFd {
    /// Makes a clear channel carry sound.
    fn set_audio_mode(&self) -> Result<(), DahdiError>;
    /// Carries sound in blocks of so many octets.
    fn carry_sound(&self, octets: usize) -> Result<(), DahdiError>;
    /// Has the card take out the far end's echo, or leave it. An error where the card does not do this.
    fn set_echo_canceller(&self, on: bool) -> Result<(), DahdiError>;
    /// Carries HDLC frames.
    fn carry_frames(&self) -> Result<(), DahdiError>;
    /// The signalling bits that come in.
    fn received_bits(&self) -> Result<u8, DahdiError>;
    /// Sets the signalling bits that go out.
    fn set_bits(&self, bits: u8) -> Result<(), DahdiError>;
    /// Forgets what waits to be sent.
    fn drop_unsent(&self) -> Result<(), DahdiError>;
    /// Blocks that wait to be sent.
    fn waiting_to_send(&self) -> Result<usize, DahdiError>;
    /// The oldest event that waits.
    fn next_event(&self) -> Result<Option<ChannelEvent>, DahdiError>;
    /// Takes a block or a frame.
    fn receive(&self, octets: &mut [u8]) -> Received;
    /// Gives a block or a frame.
    fn transmit(&self, octets: &[u8]) -> Received;

    /// Fetches all events that wait: sound and frames stand still meanwhile.
    ///
    /// # Errors
    /// The channel is gone, or its events cannot be fetched, so that it can be used no more.
    fn drain(&self, mut notice: impl FnMut(ChannelEvent)) -> Result<(), DahdiError> {
        for _ in 0..EVENTS {
            match self.next_event()? {
                None => break,
                Some(ChannelEvent::Removed) => return Err(gone()),
                Some(event) => notice(event),
            }
        }
        Ok(())
    }
}

/// A channel has disappeared while it was used.
pub(super) fn gone() -> DahdiError {
    DahdiError::new("use a channel of the span any longer", Errno::ENODEV)
}

impl SpanChannel for ChannelDevice {
    fn set_audio_mode(&self) -> Result<(), DahdiError> {
        self.set_audio_mode()
    }

    fn carry_sound(&self, octets: usize) -> Result<(), DahdiError> {
        self.carry_sound(octets)
    }

    fn set_echo_canceller(&self, on: bool) -> Result<(), DahdiError> {
        self.set_echo_canceller(on)
    }

    fn carry_frames(&self) -> Result<(), DahdiError> {
        self.carry_frames()
    }

    fn received_bits(&self) -> Result<u8, DahdiError> {
        self.received_bits()
    }

    fn set_bits(&self, bits: u8) -> Result<(), DahdiError> {
        self.set_bits(bits)
    }

    fn drop_unsent(&self) -> Result<(), DahdiError> {
        self.drop_unsent()
    }

    fn waiting_to_send(&self) -> Result<usize, DahdiError> {
        self.waiting_to_send()
    }

    fn next_event(&self) -> Result<Option<ChannelEvent>, DahdiError> {
        self.next_event()
    }

    fn receive(&self, octets: &mut [u8]) -> Received {
        self.receive(octets)
    }

    fn transmit(&self, octets: &[u8]) -> Received {
        self.transmit(octets)
    }
}

/// A span of the kernel's, found by its driver's name for it.
#[derive(Debug, Default)]
pub(super) struct KernelSpan {
    found: Option<(Control, Span)>,
}

impl KernelSpan {
    fn found(&self) -> Result<&(Control, Span), DahdiError> {
        self.found
            .as_ref()
            .ok_or_else(|| DahdiError::new("use a span before it is found", Errno::ENXIO))
    }
}

impl SpanHardware for KernelSpan {
    type Channel = ChannelDevice;

    fn is_there(&self, config: &SpanConfig) -> bool {
        find(&config.device).is_some()
    }

    fn bring_up(&mut self, config: &SpanConfig) -> Result<(), DahdiError> {
        self.found = None;
        let missing = || DahdiError::new(format!("find the span {}", config.device), Errno::ENXIO);
        let span = find(&config.device).ok_or_else(missing)?;
        let timeslots = span.channels.len();
        if timeslots != E1 {
            return Err(DahdiError::not_e1(&config.device, timeslots));
        }
        let control = Control::open()?;
        // A card that comes back knows nothing, and nobody has calls on it.
        configure(&control, &span, &config.setup(), None)?;
        self.found = Some((control, span));
        Ok(())
    }

    fn timeslots(&self) -> u8 {
        self.found
            .as_ref()
            .and_then(|(_, span)| u8::try_from(span.channels.len()).ok())
            .unwrap_or(0)
    }

    fn counters(&self) -> Result<SpanCounters, DahdiError> {
        let (control, span) = self.found()?;
        control.counters(span.number)
    }

    fn open(&self, timeslot: u8) -> Result<ChannelDevice, DahdiError> {
        let (_, span) = self.found()?;
        let place = usize::from(timeslot).checked_sub(1);
        let channel = place.and_then(|place| span.channels.get(place));
        let missing = || DahdiError::new(format!("use timeslot {timeslot}"), Errno::ENXIO);
        ChannelDevice::open(channel.ok_or_else(missing)?.number)
    }
}

/// The span with this name of its driver's.
fn find(device: &str) -> Option<Span> {
    let spans = spans().unwrap_or_default();
    spans
        .into_iter()
        .find(|span| span.name == device && span.first_channel > 0)
}
