//! The kernel's interface: structures and requests of `include/dahdi/user.h`.
//!
//! Sizes are part of a request's code, so a structure of the wrong size is refused by the kernel; the assertions below
//! say so at compile time already.

use std::mem::size_of;

/// `struct dahdi_params`: a channel as the kernel knows it.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Params {
    pub channel: i32,
    pub span: i32,
    /// Place in the span, from 1.
    pub position: i32,
    pub signalling: i32,
    pub capabilities: i32,
    pub received_off_hook: i32,
    pub received_bits: i32,
    pub transmitted_bits: i32,
    pub transmitted_hook: i32,
    pub received_hook: i32,
    pub law: i32,
    pub idle_bits: i32,
    pub name: [u8; 40],
    pub prewink: i32,
    pub preflash: i32,
    pub wink: i32,
    /// Length of a flash sent, ms.
    pub flash: i32,
    pub start: i32,
    pub received_wink: i32,
    /// Longest opening of the loop that counts as a flash, ms.
    pub received_flash: i32,
    pub debounce: i32,
    pub pulse_break: i32,
    pub pulse_make: i32,
    pub pulse_after: i32,
    pub alarms: u32,
}
const _: () = assert!(size_of::<Params>() == 136);

/// `struct dahdi_spaninfo`.
#[repr(C, packed)]
#[derive(Clone, Copy)]
pub(super) struct SpanInfo {
    pub span: i32,
    pub name: [u8; 20],
    pub description: [u8; 40],
    pub alarms: i32,
    pub transmit_level: i32,
    pub receive_level: i32,
    pub bipolar_violations: i32,
    pub crc4_errors: i32,
    pub e_bits: i32,
    pub frame_alignment_errors: i32,
    pub framing_errors: u32,
    pub code_violations: u32,
    pub bit_errors: u32,
    pub prbs: u32,
    pub errored_seconds: u32,
    pub irq_misses: i32,
    pub sync_source: i32,
    pub configured_channels: i32,
    pub total_channels: i32,
    pub total_spans: i32,
    pub line_build_out: i32,
    pub line_config: i32,
    pub line_build_out_name: [u8; 40],
    pub location: [u8; 40],
    pub manufacturer: [u8; 40],
    pub device_type: [u8; 40],
    pub irq: i32,
    pub line_compatibility: i32,
    pub span_type: [u8; 6],
}
const _: () = assert!(size_of::<SpanInfo>() == 314);

/// `struct dahdi_lineconfig`.
#[repr(C)]
pub(super) struct LineConfig {
    pub span: i32,
    pub name: [u8; 20],
    pub line_build_out: i32,
    pub line_config: i32,
    /// Rank as a source of the clock, from 1; 0 is never.
    pub sync: i32,
}
const _: () = assert!(size_of::<LineConfig>() == 36);

/// `struct dahdi_chanconfig`.
#[repr(C)]
pub(super) struct ChannelConfig {
    pub channel: i32,
    pub name: [u8; 40],
    pub signalling: i32,
    pub law: i32,
    pub master: i32,
    pub idle_bits: i32,
    pub network_device: [u8; 16],
}
const _: () = assert!(size_of::<ChannelConfig>() == 76);

/// `struct dahdi_bufferinfo`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct BufferInfo {
    pub transmit_policy: i32,
    pub receive_policy: i32,
    pub buffers: i32,
    pub size: i32,
    pub readable: i32,
    pub written: i32,
}
const _: () = assert!(size_of::<BufferInfo>() == 24);

/// `struct dahdi_dynamic_span`.
#[repr(C)]
pub(super) struct DynamicSpan {
    pub driver: [u8; 20],
    pub address: [u8; 40],
    pub channels: i32,
    pub timing: i32,
    pub span: i32,
}
const _: () = assert!(size_of::<DynamicSpan>() == 72);

/// `struct dahdi_attach_echocan`.
#[repr(C)]
pub(super) struct AttachEchoCanceller {
    pub channel: i32,
    pub name: [u8; 16],
}
const _: () = assert!(size_of::<AttachEchoCanceller>() == 20);

/// `struct dahdi_ring_cadence`: ms on and off in turns, ended by 0.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct RingCadence {
    pub times: [i32; 16],
}
const _: () = assert!(size_of::<RingCadence>() == 64);

/// `struct dahdi_tone_def_header`: a zone without tones, ours are made by `ramal-dsp`.
#[repr(C)]
pub(super) struct ZoneHeader {
    pub tones: i32,
    pub zone: i32,
    pub cadence: RingCadence,
    pub name: [u8; 40],
}
const _: () = assert!(size_of::<ZoneHeader>() == 112);

const DAHDI: u8 = 0xda;

nix::ioctl_readwrite!(get_params, DAHDI, 5, Params);
nix::ioctl_write_ptr!(set_params, DAHDI, 5, Params);
nix::ioctl_write_ptr!(hook, DAHDI, 7, i32);
nix::ioctl_read!(get_event, DAHDI, 8, i32);
nix::ioctl_readwrite!(span_status, DAHDI, 10, SpanInfo);
nix::ioctl_write_ptr!(span_config, DAHDI, 18, LineConfig);
nix::ioctl_write_ptr!(channel_config, DAHDI, 19, ChannelConfig);
nix::ioctl_write_ptr!(load_zone, DAHDI, 25, ZoneHeader);
nix::ioctl_write_ptr!(default_zone, DAHDI, 24, i32);
nix::ioctl_write_ptr!(flush, DAHDI, 3, i32);
nix::ioctl_read!(get_buffers, DAHDI, 27, BufferInfo);
nix::ioctl_write_ptr!(set_buffers, DAHDI, 27, BufferInfo);
nix::ioctl_write_ptr!(audio_mode, DAHDI, 32, i32);
nix::ioctl_write_ptr!(echo_cancel, DAHDI, 33, i32);
nix::ioctl_write_ptr!(specify, DAHDI, 38, i32);
nix::ioctl_write_ptr!(set_law, DAHDI, 39, i32);
nix::ioctl_write_ptr!(set_linear, DAHDI, 40, i32);
nix::ioctl_write_ptr!(set_cadence, DAHDI, 42, RingCadence);
nix::ioctl_read!(get_received_bits, DAHDI, 43, i32);
nix::ioctl_write_ptr!(set_transmitted_bits, DAHDI, 43, i32);
nix::ioctl_write_ptr!(on_hook_transfer, DAHDI, 51, i32);
nix::ioctl_write_ptr!(attach_echo_canceller, DAHDI, 59, AttachEchoCanceller);
nix::ioctl_readwrite!(dynamic_create, DAHDI, 80, DynamicSpan);
nix::ioctl_write_ptr!(dynamic_destroy, DAHDI, 81, DynamicSpan);
nix::ioctl_write_ptr!(set_polarity, DAHDI, 92, i32);
nix::ioctl_write_ptr!(start_up, DAHDI, 99, i32);
nix::ioctl_write_ptr!(shut_down, DAHDI, 100, i32);

/// The error of `read` and `write` while an event is queued (`ELAST`).
pub(super) const EVENT_QUEUED: i32 = 500;

/// Signalling of a channel (`DAHDI_SIG_*`). A port for telephones uses FXO signalling, and the reverse.
pub(super) mod signalling {
    pub const FXS_KEWL: i32 = 0x2004;
    pub const FXO_KEWL: i32 = 0x1020;
    pub const CLEAR: i32 = 0x80;
    pub const HDLC_FCS: i32 = 0x380;
    pub const HARD_HDLC: i32 = 0x8_0080;
    pub const CAS: i32 = 0x8000;
}

/// Line configuration of a span (`DAHDI_CONFIG_*`).
pub(super) mod line {
    pub const AMI: i32 = 64;
    pub const CCS: i32 = 256;
    pub const HDB3: i32 = 512;
    pub const CRC4: i32 = 1024;
}

/// Alarms of a span (`DAHDI_ALARM_*`).
pub(super) mod alarm {
    pub const RECOVER: i32 = 1;
    pub const LOOPBACK: i32 = 2;
    pub const YELLOW: i32 = 4;
    pub const RED: i32 = 8;
    pub const BLUE: i32 = 16;
    pub const NOT_OPEN: i32 = 32;
    pub const LOS: i32 = 256;
    pub const LFA: i32 = 512;
    pub const LMFA: i32 = 1024;
    /// Those that leave nothing to signal over; yellow is the far end's.
    pub const DEAD: i32 = RED | BLUE | NOT_OPEN | LOS | LFA | LMFA;
}

/// Laws (`DAHDI_LAW_*`).
pub(super) mod law {
    pub const A: i32 = 2;
}

/// A name in a field of fixed length, ended by a zero octet. Longer ones are cut.
pub(super) fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [0; N];
    for (place, octet) in field
        .iter_mut()
        .take(N.saturating_sub(1))
        .zip(text.as_bytes())
    {
        *place = *octet;
    }
    field
}

/// The text of a field that ends at its first zero octet.
pub(super) fn text(field: &[u8]) -> String {
    let end = field.iter().position(|octet| *octet == 0);
    String::from_utf8_lossy(field.get(..end.unwrap_or(field.len())).unwrap_or_default())
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_codes_are_those_of_the_header() {
        assert_eq!(
            nix::request_code_readwrite!(DAHDI, 5, size_of::<Params>()),
            0xc088_da05
        );
        assert_eq!(
            nix::request_code_readwrite!(DAHDI, 10, size_of::<SpanInfo>()),
            0xc13a_da0a
        );
        assert_eq!(
            nix::request_code_write!(DAHDI, 18, size_of::<LineConfig>()),
            0x4024_da12
        );
        assert_eq!(
            nix::request_code_write!(DAHDI, 19, size_of::<ChannelConfig>()),
            0x404c_da13
        );
        assert_eq!(
            nix::request_code_write!(DAHDI, 25, size_of::<ZoneHeader>()),
            0x4070_da19
        );
        assert_eq!(
            nix::request_code_write!(DAHDI, 27, size_of::<BufferInfo>()),
            0x4018_da1b
        );
        assert_eq!(
            nix::request_code_write!(DAHDI, 42, size_of::<RingCadence>()),
            0x4040_da2a
        );
        assert_eq!(
            nix::request_code_write!(DAHDI, 59, size_of::<AttachEchoCanceller>()),
            0x4014_da3b
        );
        assert_eq!(
            nix::request_code_readwrite!(DAHDI, 80, size_of::<DynamicSpan>()),
            0xc048_da50
        );
        assert_eq!(
            nix::request_code_write!(DAHDI, 99, size_of::<i32>()),
            0x4004_da63
        );
    }

    #[test]
    fn names_are_cut_and_ended() {
        assert_eq!(&padded::<4>("loc"), b"loc\0");
        assert_eq!(&padded::<4>("long"), b"lon\0");
        assert_eq!(text(b"E1\0\0"), "E1");
        assert_eq!(text(b"full"), "full");
    }
}
