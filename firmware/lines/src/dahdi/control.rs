//! The device that configures spans and channels.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd, RawFd};

use nix::errno::Errno;

use super::abi::{
    self, AttachEchoCanceller, ChannelConfig, DynamicSpan, LineConfig, Params, SpanInfo, padded,
    text,
};
use super::{DahdiError, sysfs};

/// The kernel's name for the echo canceller that a card has itself. It can be given to any channel.
const CARDS_OWN: &str = "HWEC";

/// `/dev/dahdi/ctl`.
#[derive(Debug)]
pub struct Control {
    file: File,
}

/// Counters and alarms of a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanCounters {
    /// Alarm bits in force (`DAHDI_ALARM_*`).
    pub alarms: i32,
    /// Bipolar violations.
    pub bipolar_violations: u32,
    /// CRC-4 errors of what came in.
    pub crc4_errors: u32,
    /// CRC-4 errors that the far end reports.
    pub e_bits: u32,
    /// Errors of the frame alignment signal.
    pub frame_alignment_errors: u32,
    /// Seconds with an error.
    pub errored_seconds: u32,
    /// Frames lost or repeated because the two ends' clocks differ (G.822), where the card counts them.
    pub slips: u32,
    /// The driver's name of the span whose line the card takes its clock from; none when it runs on its own, or its driver
    /// does not tell.
    pub clock_source: Option<String>,
    /// Its kind in the driver's word, such as `E1`.
    pub kind: String,
}

impl Control {
    /// Opens the device.
    ///
    /// # Errors
    /// There is none (no driver is loaded) or it may not be used.
    pub fn open() -> Result<Self, DahdiError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/dahdi/ctl")
            .map_err(|error| DahdiError::from_io("open the control device of the lines", &error))?;
        Ok(Self { file })
    }

    fn ask(
        &self,
        action: impl FnOnce() -> String,
        request: impl FnOnce(RawFd) -> nix::Result<i32>,
    ) -> Result<(), DahdiError> {
        request(self.file.as_raw_fd())
            .map(drop)
            .map_err(|errno| DahdiError::new(action(), errno))
    }

    pub(super) fn span(&self, span: u32) -> Result<SpanInfo, DahdiError> {
        // SAFETY: the structure is made of integers and octets, for which zero is a value.
        let mut info: SpanInfo = unsafe { std::mem::zeroed() };
        info.span = number(span);
        self.ask(
            || format!("read the state of span {span}"),
            // SAFETY: the request reads and writes one structure that lives through the call.
            |fd| unsafe { abi::span_status(fd, &raw mut info) },
        )?;
        Ok(info)
    }

    /// What the kernel knows about a channel.
    pub(super) fn channel(&self, channel: u32) -> Result<Params, DahdiError> {
        // SAFETY: the structure is made of integers and octets, for which zero is a value.
        let mut params: Params = unsafe { std::mem::zeroed() };
        params.channel = number(channel);
        self.ask(
            || format!("read the state of channel {channel}"),
            // SAFETY: the request reads and writes one structure that lives through the call.
            |fd| unsafe { abi::get_params(fd, &raw mut params) },
        )?;
        Ok(params)
    }

    /// Sets line code and framing of a span (`DAHDI_CONFIG_*`) and its rank as a source of the clock.
    pub(super) fn configure_span(
        &self,
        span: u32,
        line_config: i32,
        sync: i32,
    ) -> Result<(), DahdiError> {
        let config = LineConfig {
            span: number(span),
            name: [0; 20],
            line_build_out: 0,
            line_config,
            sync,
        };
        self.ask(
            || format!("set line code and framing of span {span}"),
            // SAFETY: the request reads one structure that lives through the call.
            |fd| unsafe { abi::span_config(fd, &raw const config) },
        )
    }

    /// Gives a channel its signalling (`DAHDI_SIG_*`), its law and the bits it sends when idle.
    pub(super) fn configure_channel(
        &self,
        channel: u32,
        signalling: i32,
        law: i32,
        idle_bits: u8,
    ) -> Result<(), DahdiError> {
        let mut config = ChannelConfig {
            channel: number(channel),
            name: [0; 40],
            signalling,
            law,
            master: 0,
            idle_bits: i32::from(idle_bits),
            network_device: [0; 16],
        };
        self.ask(
            || format!("set the signalling of channel {channel}"),
            // SAFETY: the request reads and writes one structure that lives through the call.
            |fd| unsafe { abi::channel_config(fd, &raw mut config) },
        )
    }

    /// Starts a span: its line comes up.
    pub(super) fn start(&self, span: u32) -> Result<(), DahdiError> {
        let wanted = number(span);
        self.ask(
            || format!("start span {span}"),
            // SAFETY: the request reads one int that lives through the call.
            |fd| unsafe { abi::start_up(fd, &raw const wanted) },
        )
    }

    /// Stops a span and takes the signalling from its channels.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn stop(&self, span: u32) -> Result<(), DahdiError> {
        let wanted = number(span);
        self.ask(
            || format!("stop span {span}"),
            // SAFETY: the request reads one int that lives through the call.
            |fd| unsafe { abi::shut_down(fd, &raw const wanted) },
        )
    }

    /// What is wrong with a span, and how often.
    ///
    /// # Errors
    /// The kernel's answer; `ENXIO` or `EINVAL` when there is no such span.
    pub fn counters(&self, span: u32) -> Result<SpanCounters, DahdiError> {
        let info = self.span(span)?;
        // Cards without a counter answer -1.
        let count = |value: i32| u32::try_from(value).unwrap_or(0);
        Ok(SpanCounters {
            alarms: info.alarms,
            bipolar_violations: count(info.bipolar_violations),
            crc4_errors: count(info.crc4_errors),
            e_bits: count(info.e_bits),
            frame_alignment_errors: count(info.frame_alignment_errors),
            errored_seconds: info.errored_seconds,
            slips: sysfs::slips(span),
            clock_source: self.clock_source(&info),
            kind: text(&{ info.span_type }),
        })
    }

    /// The name of the span that a span's card takes its clock from.
    fn clock_source(&self, info: &SpanInfo) -> Option<String> {
        let source = u32::try_from(info.sync_source).ok()?;
        if source == 0 {
            return None;
        }
        // It may go away at any moment.
        let source = self.span(source).ok()?;
        Some(text(&{ source.name }))
    }

    /// Has a channel use the card's echo canceller whenever it is to have one. Some drivers tell only then that the card
    /// has none ([`ChannelDevice::set_echo_canceller`](super::ChannelDevice::set_echo_canceller)).
    ///
    /// # Errors
    /// The kernel's answer; `EINVAL` when the card has none.
    pub fn attach_echo_canceller(&self, channel: u32) -> Result<(), DahdiError> {
        let attach = AttachEchoCanceller {
            channel: number(channel),
            name: padded(CARDS_OWN),
        };
        self.ask(
            || format!("give channel {channel} its card's echo canceller"),
            // SAFETY: the request reads one structure that lives through the call.
            |fd| unsafe { abi::attach_echo_canceller(fd, &raw const attach) },
        )
    }

    /// Loads the zone that ringing needs, with this cadence (ms on and off in turns). Tones are not the kernel's here.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn load_zone(&self, name: &str, cadence: &[i32]) -> Result<(), DahdiError> {
        let mut header = abi::ZoneHeader {
            tones: 0,
            zone: 0,
            cadence: abi::RingCadence::default(),
            name: padded(name),
        };
        for (place, time) in header.cadence.times.iter_mut().zip(cadence) {
            *place = *time;
        }
        let loaded = self.ask(
            || format!("load the tone zone {name:?}"),
            // SAFETY: the request reads the header, which lives through the call, and no tone after it.
            |fd| unsafe { abi::load_zone(fd, &raw const header) },
        );
        match loaded {
            // It is there already; whether it can be used shows now.
            Err(error) if matches!(error.errno, Errno::EBUSY | Errno::EINVAL) => {}
            other => other?,
        }
        let zone = 0;
        self.ask(
            || format!("use the tone zone {name:?}"),
            // SAFETY: the request reads one int that lives through the call.
            |fd| unsafe { abi::default_zone(fd, &raw const zone) },
        )
    }

    /// Makes a span without hardware (`dahdi_dynamic`): by `loc`, two of one key are wired together; by `eth` it runs
    /// over Ethernet. Gives the number of the span.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn create_dynamic(
        &self,
        driver: &str,
        address: &str,
        channels: u32,
        timing: i32,
    ) -> Result<u32, DahdiError> {
        let mut span = DynamicSpan {
            driver: padded(driver),
            address: padded(address),
            channels: number(channels),
            timing,
            span: 0,
        };
        self.ask(
            || format!("make the span {driver}/{address}"),
            // SAFETY: the request reads and writes one structure that lives through the call.
            |fd| unsafe { abi::dynamic_create(fd, &raw mut span) },
        )?;
        Ok(u32::try_from(span.span).unwrap_or(0))
    }

    /// Removes such a span.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn destroy_dynamic(&self, driver: &str, address: &str) -> Result<(), DahdiError> {
        let span = DynamicSpan {
            driver: padded(driver),
            address: padded(address),
            channels: 0,
            timing: 0,
            span: 0,
        };
        self.ask(
            || format!("remove the span {driver}/{address}"),
            // SAFETY: the request reads one structure that lives through the call.
            |fd| unsafe { abi::dynamic_destroy(fd, &raw const span) },
        )
    }
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
