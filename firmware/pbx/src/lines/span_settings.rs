//! What the configuration of an E1 trunk means for its driver.

use std::sync::Arc;

use ramal_isdn::{NameService, Role, Selection, Settings as Isdn};
use ramal_lines::LineError;
use ramal_lines::dahdi::span::{Signalling, SpanConfig};
use ramal_model::{CallingNameService, ChannelOrder, E1Signalling, E1Trunk, IsdnSide};
use ramal_r2::{Preset, Settings as R2, Variant};

/// The driver's settings for a trunk.
///
/// # Errors
/// The variant of MFC-R2 is not known to this version.
pub(super) fn span_config(trunk: &E1Trunk) -> Result<SpanConfig, LineError> {
    Ok(SpanConfig {
        name: trunk.name.clone(),
        device: trunk.device.clone(),
        crc4: trunk.crc4,
        clock_rank: trunk.clock_rank,
        echo_cancellation: trunk.echo_cancellation,
        signalling: signalling(trunk)?,
    })
}

fn signalling(trunk: &E1Trunk) -> Result<Signalling, LineError> {
    match &trunk.signalling {
        E1Signalling::E1Pri {
            side,
            overlap,
            calling_name,
        } => {
            let mut settings = Isdn::new(match side {
                IsdnSide::User => Role::User,
                IsdnSide::Network => Role::Network,
            });
            settings.overlap_receiving = *overlap;
            settings.name_service = match calling_name {
                CallingNameService::Off => NameService::None,
                CallingNameService::Display => NameService::Display,
                CallingNameService::Facility => NameService::Facility,
            };
            settings.selection = match trunk.channel_order {
                ChannelOrder::Ascending => Selection::Ascending,
                ChannelOrder::Descending => Selection::Descending,
                ChannelOrder::RoundRobin => Selection::RoundRobin,
            };
            Ok(Signalling::Pri(Box::new(settings)))
        }
        E1Signalling::E1R2 {
            variant,
            called_digits,
            caller_digits,
            double_answer,
            forced_release,
            ..
        } => {
            let unknown = || {
                LineError::Start(format!(
                    "there is no variant {variant} of MFC-R2; choose another"
                ))
            };
            let preset = Preset::find(variant).and_then(Preset::settings);
            let mut settings = match preset {
                Some(settings) => settings,
                None => R2::new(Variant::find(variant).ok_or_else(unknown)?),
            };
            settings.max_dnis = *called_digits;
            settings.max_ani = *caller_digits;
            settings.double_answer = *double_answer;
            settings.forced_release = *forced_release;
            Ok(Signalling::R2(Arc::new(settings)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ramal_model::E1TrunkId;

    fn trunk(signalling: E1Signalling) -> E1Trunk {
        E1Trunk {
            id: E1TrunkId(1),
            name: "Operator".to_owned(),
            enabled: true,
            device: "TE2/0/1".to_owned(),
            crc4: true,
            clock_rank: 1,
            echo_cancellation: true,
            signalling,
            channel_order: ChannelOrder::Ascending,
            blocked: Vec::new(),
            priority: 50,
            outbound: Vec::new(),
            inbound: Vec::new(),
            inbound_default: None,
            foreign_caller_id: false,
        }
    }

    fn r2(variant: &str) -> E1Signalling {
        E1Signalling::E1R2 {
            variant: variant.to_owned(),
            called_digits: 6,
            caller_digits: 11,
            collect_calls: false,
            double_answer: true,
            forced_release: false,
        }
    }

    #[test]
    fn an_isdn_trunk_takes_the_side_and_order_it_is_given() {
        let signalling = E1Signalling::E1Pri {
            side: IsdnSide::Network,
            overlap: true,
            calling_name: CallingNameService::Facility,
        };
        let config = span_config(&trunk(signalling)).unwrap();
        let Signalling::Pri(settings) = config.signalling else {
            panic!("not ISDN");
        };
        assert_eq!(settings.role, Role::Network);
        assert_eq!(settings.selection, Selection::Ascending);
        assert!(settings.overlap_receiving && config.crc4);
        assert_eq!(settings.name_service, NameService::Facility);
    }

    #[test]
    fn every_variant_and_preset_can_be_chosen_and_others_are_refused() {
        let known = ramal_r2::VARIANTS.iter().map(|variant| variant.code);
        for name in known.chain(ramal_r2::PRESETS.iter().map(|preset| preset.id)) {
            let config = span_config(&trunk(r2(name))).unwrap();
            let Signalling::R2(settings) = config.signalling else {
                panic!("not R2");
            };
            assert_eq!((settings.max_dnis, settings.max_ani), (6, 11), "{name}");
            assert!(settings.double_answer);
        }
        let refused = span_config(&trunk(r2("none"))).unwrap_err();
        assert!(refused.to_string().contains("none"), "{refused}");
    }
}
