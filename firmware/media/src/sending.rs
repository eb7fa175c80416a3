//! What a stream sends that did not come to it ready: frames made here, and packets of another codec.

use std::time::Instant;

use ramal_dsp::{FRAME_SAMPLES, Law, alaw_to_ulaw};

use crate::codec::{Encoder, LONGEST_FRAME};
use crate::far::Far;
use crate::reactor::{Datagram, Reactor};
use crate::recording::Tap;
use crate::rtp::{HEADER_LENGTH, RtpHeader, RtpPacket};
use crate::secure::Security;
use crate::stream::{RtpStream, Sockets};
use crate::token::Token;
use crate::transcoder::Transcoder;
use crate::transmission::{Slot, Source, Transmission};
use crate::{Codec, OpusPreferences, SampleRate, socket};

impl RtpStream {
    /// Makes the encoder for what will be sent, unless it is there: `band` is that of the sound. Allocates, so call
    /// control's commands bring it about and never a packet.
    pub(crate) fn prepare_encoder(&mut self, band: SampleRate) {
        let Some(codec) = self.negotiated() else {
            self.encoder = None;
            return;
        };
        let preferences = self.opus_preferences();
        let fits = |encoder: &Encoder| encoder.codec() == codec && encoder.fits(band, preferences);
        if !self.encoder.as_deref().is_some_and(fits) {
            self.encoder = Encoder::for_far_end(codec, band, preferences).map(Box::new);
        }
    }

    fn opus_preferences(&self) -> OpusPreferences {
        let far = self.far.as_ref();
        far.map(|far| far.remote.payloads.opus).unwrap_or_default()
    }

    /// Whether the far end takes what was encoded in advance, as prompts are, in the codec it is sent.
    pub(crate) fn takes_prepared(&self) -> bool {
        self.send_codec() != Some(Codec::Opus)
            || self.opus_preferences().takes_standard(SampleRate::Wide)
    }

    /// Makes ready for packets of `from`, the codec of the bridge's other side.
    pub(crate) fn prepare_transcoder(&mut self, from: Option<Codec>) {
        let pair = from.zip(self.negotiated());
        let Some((from, _)) = pair.filter(|(from, to)| !from.is_relayed_to(*to)) else {
            self.transcoder = None;
            return;
        };
        if self.transcoder.as_deref().map(Transcoder::from) != Some(from) {
            self.transcoder = Transcoder::new(from).map(Box::new);
        }
        self.prepare_encoder(from.sample_rate().unwrap_or(SampleRate::Narrow));
    }

    /// Sends on a packet accepted by another stream in another codec.
    pub(crate) fn transcode(
        &mut self,
        datagram: &[u8],
        packet: &RtpPacket,
        codec: Codec,
        source: Source,
        now: Instant,
        out: &mut Reactor,
    ) {
        let (Some(transcoder), Some(encoder), Some(far)) =
            (&mut self.transcoder, &mut self.encoder, &self.far)
        else {
            return;
        };
        let source = match source {
            Source::Relay { channel, epoch } => Source::Transcoded { channel, epoch },
            other => other,
        };
        let payload = packet.payload(datagram);
        let clock_rate = far.remote.payloads.codec.clock_rate();
        let mut outlet = Outlet {
            out,
            token: self.token,
            sockets: &self.sockets,
            far,
            security: &mut self.security,
            transmission: &mut self.transmission,
            tap: self.tap.as_deref_mut(),
        };
        transcoder.process(packet, payload, (codec, source), encoder, |frame| {
            let slot =
                outlet
                    .transmission
                    .generate(source, frame.units, frame.lost, now, clock_rate);
            let slot = Slot {
                first: slot.first || frame.marker,
                ..slot
            };
            outlet.send_audio(slot, frame.octets, now);
        });
    }

    /// Sends on a packet of a telephone event between transcoded ones.
    pub(crate) fn pass_event(
        &mut self,
        datagram: &[u8],
        packet: &RtpPacket,
        payload_type: u8,
        now: Instant,
        out: &mut Reactor,
    ) {
        if let Some(transcoder) = &mut self.transcoder {
            transcoder.skip(packet.sequence);
        }
        let clock_rate = self.clock_rate();
        let Some(far) = &self.far else { return };
        let slot = self.transmission.event(packet.timestamp, now, clock_rate);
        let slot = Slot {
            first: packet.marker,
            ..slot
        };
        let payload = packet.payload(datagram);
        let mut outlet = Outlet {
            out,
            token: self.token,
            sockets: &self.sockets,
            far,
            security: &mut self.security,
            transmission: &mut self.transmission,
            tap: None,
        };
        outlet.send(payload_type, slot, payload);
    }

    /// Sends a packet of a telephone event made here; `number` tells one event from the next.
    pub(crate) fn send_event(
        &mut self,
        payload: &[u8],
        number: u32,
        first: bool,
        now: Instant,
        out: &mut Reactor,
    ) {
        let (fax, clock_rate) = (self.is_fax(), self.clock_rate());
        let Some(far) = self.far.as_ref().filter(|far| far.remote.send && !fax) else {
            return;
        };
        let Some(payload_type) = far.remote.payloads.telephone_event else {
            return;
        };
        let slot = self.transmission.event(number, now, clock_rate);
        let mut outlet = Outlet {
            out,
            token: self.token,
            sockets: &self.sockets,
            far,
            security: &mut self.security,
            transmission: &mut self.transmission,
            tap: None,
        };
        outlet.send(payload_type, Slot { first, ..slot }, payload);
    }

    /// Sends a 20 ms frame made here, encoded with [`Self::send_codec`].
    pub(crate) fn send_frame(
        &mut self,
        frame: &[u8],
        source: Source,
        now: Instant,
        out: &mut Reactor,
    ) {
        let fax = self.is_fax();
        let Some(far) = self.far.as_ref().filter(|far| far.remote.send && !fax) else {
            return;
        };
        let clock_rate = far.remote.payloads.codec.clock_rate();
        let slot = self
            .transmission
            .generate(source, clock_rate / 50, 0, now, clock_rate);
        let mut outlet = Outlet {
            out,
            token: self.token,
            sockets: &self.sockets,
            far,
            security: &mut self.security,
            transmission: &mut self.transmission,
            tap: self.tap.as_deref_mut(),
        };
        outlet.send_audio(slot, frame, now);
    }

    /// Sends 20 ms of linear samples made here.
    pub(crate) fn send_samples(
        &mut self,
        samples: &[i16],
        rate: SampleRate,
        source: Source,
        now: Instant,
        out: &mut Reactor,
    ) {
        if self.send_codec().is_none() {
            return;
        }
        let Some(encoder) = &mut self.encoder else {
            return;
        };
        let mut octets = [0u8; LONGEST_FRAME];
        let length = encoder.encode(samples, rate, &mut octets);
        if length > 0 {
            self.send_frame(&octets[..length], source, now, out);
        }
    }

    /// Sends 20 ms in which nothing is heard.
    pub(crate) fn send_silence(&mut self, source: Source, now: Instant, out: &mut Reactor) {
        match self.send_codec().and_then(Codec::law) {
            Some(law) => self.send_frame(&[law.silence(); FRAME_SAMPLES], source, now, out),
            None => self.send_samples(&[0; FRAME_SAMPLES], SampleRate::Narrow, source, now, out),
        }
    }

    /// Sends 20 ms of A-law made here, encoding them for the far end.
    pub(crate) fn send_alaw(
        &mut self,
        alaw: &[u8; FRAME_SAMPLES],
        source: Source,
        now: Instant,
        out: &mut Reactor,
    ) {
        match self.send_codec() {
            Some(Codec::Pcma) => self.send_frame(alaw, source, now, out),
            Some(Codec::Pcmu) => {
                let mut frame = *alaw;
                alaw_to_ulaw(&mut frame);
                self.send_frame(&frame, source, now, out);
            }
            Some(_) => {
                let mut samples = [0; FRAME_SAMPLES];
                Law::A.decode(alaw, &mut samples);
                self.send_samples(&samples, SampleRate::Narrow, source, now, out);
            }
            None => {}
        }
    }
}

/// The parts of a stream that a packet leaves by.
struct Outlet<'a> {
    out: &'a mut Reactor,
    token: Token,
    sockets: &'a Sockets,
    far: &'a Far,
    security: &'a mut Security,
    transmission: &'a mut Transmission,
    tap: Option<&'a mut Tap>,
}

impl Outlet<'_> {
    /// Sends audio in its slot, and records it.
    fn send_audio(&mut self, slot: Slot, payload: &[u8], now: Instant) {
        let payloads = self.far.remote.payloads;
        self.send(payloads.audio, slot, payload);
        if let Some(tap) = &mut self.tap {
            tap.sent(payloads.codec, slot.timestamp, payload, now);
        }
    }

    /// Sends a payload in its slot.
    fn send(&mut self, payload_type: u8, slot: Slot, payload: &[u8]) {
        let header = RtpHeader {
            marker: slot.first,
            payload_type,
            sequence: slot.sequence,
            timestamp: slot.timestamp,
            ssrc: self.transmission.ssrc,
        };
        let mut datagram = [0u8; HEADER_LENGTH + LONGEST_FRAME];
        let length = HEADER_LENGTH + payload.len();
        let Some(room) = datagram.get_mut(HEADER_LENGTH..length) else {
            return;
        };
        room.copy_from_slice(payload);
        datagram[..HEADER_LENGTH].copy_from_slice(&header.encode());
        let sealed = self.security.seal_rtp(&datagram[..length]);
        let sent = sealed.is_some_and(|octets| {
            self.out.send(&Datagram {
                sender: self.token,
                socket: socket::descriptor(&self.sockets.rtp),
                octets,
                to: self.far.way(),
                payload: payload.len(),
            })
        });
        self.transmission.count(payload.len(), sent);
    }
}
