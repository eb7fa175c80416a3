//! Which codecs are offered, understood and taken.

use ramal_media::{Codec, Format, OpusPreferences, Payloads};
use ramal_sip::sdp::{AudioDescription, RtpCodec};

use crate::leg::sip::media::{Carried, MediaSettings};

/// Dynamic payload types (RFC 3551 §3).
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;
/// Names that stand for no sound of their own.
const NO_SOUND: [&str; 5] = ["CN", "red", "ulpfec", "flexfec-03", "rtx"];

fn is_decoded(codec: Codec) -> bool {
    codec.sample_rate().is_some()
}

/// What to offer a leg when the other leg speaks `others`, best first: a codec both speak before one that has to
/// be transcoded. When the other leg speaks nothing that can be transcoded, only what can be carried.
pub(super) fn to_offer(media: &MediaSettings, others: &[Codec]) -> Vec<Codec> {
    let carried = others
        .iter()
        .copied()
        .filter(|codec| !is_decoded(*codec) && media.carries(codec.name()));
    let carried: Vec<Codec> = carried.collect();
    if !carried.is_empty() && !others.iter().copied().any(is_decoded) {
        return carried;
    }
    let relayed = |codec: &Codec| others.iter().any(|other| other.is_relayed_to(*codec));
    let mut offered = Vec::new();
    if media.ours_decide {
        offered.extend(media.codecs.iter().copied().filter(relayed));
    } else {
        let allowed = |codec: &&Codec| media.codecs.contains(codec);
        offered.extend(others.iter().filter(allowed).copied());
    }
    for codec in &media.codecs {
        if !offered.contains(codec) {
            offered.push(*codec);
        }
    }
    offered.extend(carried);
    offered
}

/// Descriptions of codecs under numbers that differ from each other and from that of telephone events.
pub(super) fn described(codecs: &[Codec], telephone_event: u8) -> Vec<RtpCodec> {
    let mut taken = vec![telephone_event];
    let mut described = Vec::new();
    for codec in codecs.iter().copied().map(rtp) {
        let mut number = codec.payload_type;
        if taken.contains(&number) {
            let Some(free) = DYNAMIC.rev().find(|number| !taken.contains(number)) else {
                continue;
            };
            number = free;
        }
        taken.push(number);
        described.push(RtpCodec {
            payload_type: number,
            ..codec
        });
    }
    described
}

/// The codecs of a description that we may use, best first; those that are only carried after all others. A format
/// that was `offered` is known as what it was offered as.
pub(super) fn known(
    media: &MediaSettings,
    offered: &[Codec],
    audio: &AudioDescription,
) -> Vec<Codec> {
    let find = |codecs: &[Codec], theirs: &RtpCodec| {
        let mut codecs = codecs.iter().copied();
        codecs.find(|ours| rtp(*ours).is_same_encoding(theirs))
    };
    let theirs = || audio.codecs.iter();
    let mut known: Vec<Codec> = theirs()
        .filter_map(|theirs| find(&media.codecs, theirs))
        .collect();
    if media.ours_decide {
        known.sort_by_key(|codec| media.codecs.iter().position(|one| one == codec));
    }
    let foreign = |theirs: &&RtpCodec| {
        find(&Codec::DECODED, theirs).is_none()
            && !NO_SOUND
                .iter()
                .any(|name| theirs.name.eq_ignore_ascii_case(name))
            && media.carries(&theirs.name)
    };
    known.extend(theirs().filter(foreign).filter_map(|theirs| {
        find(offered, theirs).or_else(|| {
            Format::new(
                &theirs.name,
                theirs.clock_rate,
                theirs.channels,
                theirs.fmtp.as_deref(),
                theirs.payload_type,
            )
            .map(Codec::Passthrough)
        })
    }));
    known
}

/// Which of the `known` codecs is taken when the other leg speaks `prefer`: that one, or one that can be transcoded
/// to it. `None` when there is neither.
pub(super) fn to_answer(known: &[Codec], prefer: Option<Codec>) -> Option<Codec> {
    if let Some(same) = prefer.filter(|codec| known.contains(codec)) {
        return Some(same);
    }
    let mut decoded = known.iter().copied().filter(|codec| is_decoded(*codec));
    match prefer {
        Some(codec) if !is_decoded(codec) => None,
        // Of two codecs that need no transcoding the phone's own choice.
        Some(codec) => {
            let relayed = |known: &Codec| known.is_relayed_to(codec);
            decoded.clone().find(relayed).or_else(|| decoded.next())
        }
        None => decoded.next(),
    }
}

/// A codec as we describe it.
pub(super) fn rtp(codec: Codec) -> RtpCodec {
    RtpCodec {
        channels: codec.channels(),
        fmtp: parameters(codec).map(str::to_owned),
        ..RtpCodec::new(codec.payload_type(), codec.name(), codec.clock_rate())
    }
}

/// Format parameters of a codec.
fn parameters(codec: Codec) -> Option<&'static str> {
    match codec {
        // RFC 7587 §6.1: lost packets are repaired out of the next one.
        Codec::Opus => Some("useinbandfec=1"),
        Codec::Passthrough(format) => format.parameters(),
        Codec::Pcma | Codec::Pcmu | Codec::G722 | Codec::L16(_) => None,
    }
}

/// The numbers under which a side wants to receive a codec, and what it asks of who sends it.
pub(super) fn payloads(side: &AudioDescription, codec: Codec) -> Option<Payloads> {
    let theirs = side
        .codecs
        .iter()
        .find(|theirs| rtp(codec).is_same_encoding(theirs))?;
    let parameters = theirs.fmtp.as_deref().filter(|_| codec == Codec::Opus);
    Some(Payloads {
        audio: theirs.payload_type,
        codec,
        telephone_event: side.telephone_event,
        opus: parameters.map(OpusPreferences::of).unwrap_or_default(),
    })
}

impl MediaSettings {
    /// Whether a format of this name may be carried.
    fn carries(&self, name: &str) -> bool {
        match &self.carried {
            Carried::Everything => true,
            Carried::Only(names) => names.iter().any(|one| one.eq_ignore_ascii_case(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(codecs: &[Codec]) -> MediaSettings {
        MediaSettings {
            codecs: codecs.to_vec(),
            ours_decide: true,
            carried: Carried::Only(vec!["G729"]),
            ..MediaSettings::default()
        }
    }

    fn format(name: &str, payload_type: u8) -> Codec {
        Codec::Passthrough(Format::new(name, 8_000, 1, None, payload_type).unwrap())
    }

    #[test]
    fn a_codec_both_legs_speak_is_offered_before_one_that_is_transcoded() {
        let phone = MediaSettings::default();
        assert_eq!(
            to_offer(&phone, &[Codec::Opus, Codec::Pcmu]),
            [Codec::Opus, Codec::Pcmu, Codec::Pcma, Codec::G722]
        );
        let wide = trunk(&[Codec::G722, Codec::Pcma]);
        assert_eq!(to_offer(&wide, &[Codec::Pcmu]), [Codec::Pcma, Codec::G722]);
        assert_eq!(
            to_offer(&wide, &[Codec::G722, Codec::Pcma]),
            [Codec::G722, Codec::Pcma]
        );
        assert_eq!(to_offer(&wide, &[]), [Codec::G722, Codec::Pcma]);
    }

    #[test]
    fn what_is_only_carried_comes_last_or_alone_and_only_where_it_may() {
        let (g729, ilbc) = (format("G729", 18), format("iLBC", 97));
        let phone = MediaSettings::default();
        assert_eq!(to_offer(&phone, &[g729, ilbc]), [g729, ilbc]);
        assert_eq!(to_offer(&phone, &[g729, Codec::Pcma]).last(), Some(&g729));
        let carrier = trunk(&[Codec::Pcma]);
        assert_eq!(to_offer(&carrier, &[g729, ilbc]), [g729]);
        assert_eq!(to_offer(&carrier, &[ilbc]), [Codec::Pcma]);
    }

    #[test]
    fn an_answer_matches_the_other_leg() {
        let g729 = format("G729", 18);
        let known = [Codec::Opus, Codec::Pcmu, Codec::Pcma, g729];
        assert_eq!(to_answer(&known, Some(Codec::Pcma)), Some(Codec::Pcma));
        assert_eq!(to_answer(&known[..2], Some(Codec::Pcma)), Some(Codec::Pcmu));
        assert_eq!(to_answer(&known[..2], Some(Codec::G722)), Some(Codec::Opus));
        assert_eq!(to_answer(&known, Some(g729)), Some(g729));
        assert_eq!(to_answer(&known[..3], Some(g729)), None);
        assert_eq!(to_answer(&[g729], Some(Codec::Pcma)), None);
        assert_eq!(to_answer(&[g729], None), None);
        assert_eq!(to_answer(&known, None), Some(Codec::Opus));
    }

    #[test]
    fn what_the_far_end_asks_of_opus_is_known_to_who_sends_it() {
        let mut opus = rtp(Codec::Opus);
        opus.fmtp = Some("maxaveragebitrate=20000;useinbandfec=1".to_owned());
        let address = std::net::Ipv4Addr::LOCALHOST.into();
        let theirs = AudioDescription::new(address, 4_000, vec![opus, rtp(Codec::Pcma)]);
        let asked = payloads(&theirs, Codec::Opus).unwrap().opus;
        assert_eq!(
            (asked.max_average_bitrate, asked.in_band_fec),
            (Some(20_000), true)
        );
        let other = payloads(&theirs, Codec::Pcma).unwrap().opus;
        assert_eq!(other, OpusPreferences::default());
    }

    #[test]
    fn numbers_in_an_offer_never_meet() {
        let codecs = [
            Codec::Pcma,
            format("A", 101),
            format("B", 8),
            format("C", 111),
            Codec::Opus,
        ];
        let described = described(&codecs, 101);
        let mut numbers: Vec<u8> = described.iter().map(|codec| codec.payload_type).collect();
        numbers.push(101);
        numbers.sort_unstable();
        assert!(
            numbers.windows(2).all(|pair| pair[0] != pair[1]),
            "{numbers:?}"
        );
        assert_eq!(numbers.len(), 6);
    }
}
