//! What E1 trunks are made and changed by.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rules::timeslots;
use super::signalling::{E1SignallingInput, put};
use super::{ChannelOrder, E1SignallingKind, E1Trunk, E1TrunkId, MAX_E1_TRUNKS};
use crate::{
    Configuration, DEFAULT_PRIORITY, ExtensionId, InboundNumber, Invalid, OutboundPrefix,
    problem::{Problems, code},
    text,
    trunk::check_name,
};

/// Input for an E1 trunk. A new one needs `name`, `device` and `signalling`; everything else has a default. In a change,
/// what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct E1TrunkInput {
    /// 1-40 characters, unique among all trunks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Defaults to true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The span it is on, by its driver's name, such as `TE2/0/1`; 1-19 characters, one trunk for each. The span need not be there yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Whether the multiframe with CRC-4 is used; by default with PRI and not with R2. Both ends must agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crc4: Option<bool>,
    /// Rank as a source of the clock, 1-16, default 1; 0 gives the clock to the far end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 16)]
    pub clock_rank: Option<i64>,
    /// Whether the echo of far ends is taken out of calls, default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo_cancellation: Option<bool>,
    /// What signals the calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signalling: Option<E1SignallingInput>,
    /// Defaults to descending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_order: Option<ChannelOrder>,
    /// Timeslots that are taken out of use, 1-15 and 17-31.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 30)]
    pub blocked: Option<Vec<i64>>,
    /// 1-99, default 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 99)]
    pub priority: Option<i64>,
    /// Which numbers go out here; every number by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 50)]
    pub outbound: Option<Vec<OutboundPrefix>>,
    /// Where incoming numbers lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 1000)]
    pub inbound: Option<Vec<InboundNumber>>,
    /// Where all other incoming numbers lead; null refuses them.
    #[serde(
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<i64>)]
    pub inbound_default: Option<Option<ExtensionId>>,
    /// Whether it shows verified numbers of users that its carrier has not given; by default not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign_caller_id: Option<bool>,
}

impl E1TrunkInput {
    /// The trunk a new input makes, under the identity `id`.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn validate_new(
        &self,
        id: E1TrunkId,
        configuration: &Configuration,
    ) -> Result<E1Trunk, Invalid> {
        let mut problems = Problems::default();
        if configuration.e1_trunks().len() >= MAX_E1_TRUNKS {
            problems.add(
                "name",
                code::TOO_MANY,
                Some(&MAX_E1_TRUNKS.to_string()),
                format!("the gateway holds at most {MAX_E1_TRUNKS} E1 trunks"),
            );
        }
        let input = self.signalling.clone().unwrap_or_default();
        let signalling = input.applied(None, &mut problems);
        let trunk = E1Trunk {
            id,
            name: String::new(),
            enabled: true,
            device: String::new(),
            crc4: signalling.kind() == E1SignallingKind::E1Pri,
            clock_rank: 1,
            echo_cancellation: true,
            signalling,
            channel_order: ChannelOrder::default(),
            blocked: Vec::new(),
            priority: DEFAULT_PRIORITY,
            outbound: vec![OutboundPrefix::default()],
            inbound: Vec::new(),
            inbound_default: None,
            foreign_caller_id: false,
        };
        self.apply(trunk, configuration, problems)
    }

    /// `current` after this change.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn validate_change(
        &self,
        current: &E1Trunk,
        configuration: &Configuration,
    ) -> Result<E1Trunk, Invalid> {
        let mut problems = Problems::default();
        let mut trunk = current.clone();
        if let Some(input) = &self.signalling {
            trunk.signalling = input.applied(Some(&current.signalling), &mut problems);
        }
        self.apply(trunk, configuration, problems)
    }

    fn apply(
        &self,
        mut trunk: E1Trunk,
        configuration: &Configuration,
        mut problems: Problems,
    ) -> Result<E1Trunk, Invalid> {
        put(&mut trunk.name, &self.name);
        put(&mut trunk.enabled, &self.enabled);
        put(&mut trunk.device, &self.device);
        put(&mut trunk.crc4, &self.crc4);
        put(&mut trunk.echo_cancellation, &self.echo_cancellation);
        put(&mut trunk.channel_order, &self.channel_order);
        put(&mut trunk.outbound, &self.outbound);
        put(&mut trunk.inbound, &self.inbound);
        put(&mut trunk.inbound_default, &self.inbound_default);
        put(&mut trunk.foreign_caller_id, &self.foreign_caller_id);
        let problem = &mut problems;
        if let Some(rank) = self.clock_rank {
            trunk.clock_rank = text::range(problem, "clock_rank", rank, 0, 16);
        }
        if let Some(priority) = self.priority {
            trunk.priority = text::range(problem, "priority", priority, 1, 99);
        }
        if let Some(blocked) = &self.blocked {
            trunk.blocked = timeslots(problem, blocked);
        }
        trunk.check_alone(problem);
        let sip = configuration
            .trunk_by_name(&trunk.name)
            .map(|other| other.name.as_str());
        let e1 = configuration
            .e1_trunk_by_name(&trunk.name)
            .filter(|other| other.id != trunk.id)
            .map(|other| other.name.as_str());
        check_name(problem, sip.or(e1));
        if let Some(other) = configuration
            .e1_trunks()
            .iter()
            .find(|other| other.id != trunk.id && other.device == trunk.device)
        {
            problem.add(
                "device",
                code::TAKEN,
                Some(&other.name),
                format!("trunk {} is on this span already", other.name),
            );
        }
        trunk.check_references(problem, |id| configuration.extension(id).is_some());
        problems.finish(trunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CallingNameService, E1Signalling, IsdnSide, TrunkId, TrunkInput};

    fn span(name: &str, device: &str) -> E1TrunkInput {
        serde_json::from_value(serde_json::json!({
            "name": name, "device": device, "signalling": { "kind": "e1_pri" },
        }))
        .unwrap()
    }

    fn read(json: serde_json::Value) -> E1TrunkInput {
        serde_json::from_value(json).unwrap()
    }

    fn with(trunks: Vec<E1Trunk>) -> Configuration {
        Configuration::default().with_e1_trunks(trunks)
    }

    fn new(input: &E1TrunkInput) -> Result<E1Trunk, Invalid> {
        input.validate_new(E1TrunkId(7), &Configuration::default())
    }

    #[test]
    fn a_new_trunk_has_the_defaults_of_its_signalling() {
        let pri = new(&span("Operadora", "TE2/0/1")).unwrap();
        assert!(pri.enabled && pri.crc4);
        assert_eq!((pri.clock_rank, pri.priority), (1, DEFAULT_PRIORITY));
        assert_eq!(pri.outbound_number("33334444"), Some("33334444"));
        let side = IsdnSide::User;
        assert_eq!(
            pri.signalling,
            E1Signalling::E1Pri {
                side,
                overlap: false,
                calling_name: CallingNameService::Off,
            }
        );
        let r2 = E1TrunkInput {
            signalling: read(serde_json::json!({
                "signalling": { "kind": "e1_r2", "variant": " BR-Embratel " }
            }))
            .signalling,
            ..span("R2", "TE2/0/2")
        };
        let r2 = new(&r2).unwrap();
        assert!(!r2.crc4);
        let E1Signalling::E1R2 {
            variant,
            called_digits,
            caller_digits,
            ..
        } = r2.signalling
        else {
            panic!("{r2:?}")
        };
        assert_eq!(
            (&*variant, called_digits, caller_digits),
            ("br-embratel", 4, 20)
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let invalid = new(&E1TrunkInput::default()).unwrap_err();
        for field in ["name", "device", "signalling.kind"] {
            assert!(invalid.names(field, code::REQUIRED), "{field}: {invalid}");
        }
        let r2 = read(serde_json::json!({ "signalling": { "kind": "e1_r2" } }));
        let invalid = new(&r2).unwrap_err();
        assert!(
            invalid.names("signalling.variant", code::REQUIRED),
            "{invalid}"
        );
    }

    #[test]
    fn every_broken_rule_is_named_with_its_limit() {
        let other = new(&span("Operadora", "TE2/0/1")).unwrap();
        let configuration = with(vec![E1Trunk {
            id: E1TrunkId(3),
            ..other
        }]);
        let input = read(serde_json::json!({
            "name": "OPERADORA", "device": "TE2/0/1", "clock_rank": 17, "priority": 100,
            "blocked": [0, 16, 32, 5, 5, -1],
            "signalling": {
                "kind": "e1_r2", "variant": "xx", "called_digits": 21, "caller_digits": -1, "side": "user",
            },
            "outbound": [{ "prefix": "15", "strip": 3 }],
            "inbound": [{ "number": "51x", "extension": 77 }],
            "inbound_default": 78,
        }));
        let invalid = input
            .validate_new(E1TrunkId(7), &configuration)
            .unwrap_err();
        for (field, code, limit) in [
            ("name", code::TAKEN, Some("Operadora")),
            ("device", code::TAKEN, Some("Operadora")),
            ("clock_rank", code::OUT_OF_RANGE, Some("0-16")),
            ("priority", code::OUT_OF_RANGE, Some("1-99")),
            ("blocked[0]", code::OUT_OF_RANGE, Some("1-15, 17-31")),
            ("blocked[1]", code::OUT_OF_RANGE, Some("1-15, 17-31")),
            ("blocked[2]", code::OUT_OF_RANGE, Some("1-15, 17-31")),
            ("blocked[4]", code::DUPLICATE, None),
            ("blocked[5]", code::OUT_OF_RANGE, Some("1-15, 17-31")),
            ("signalling.called_digits", code::OUT_OF_RANGE, Some("1-20")),
            ("signalling.caller_digits", code::OUT_OF_RANGE, Some("0-20")),
            ("outbound[0].strip", code::OUT_OF_RANGE, Some("0-2")),
            ("inbound[0].number", code::DIGITS_ONLY, Some("1-31")),
            ("inbound[0].extension", code::NO_SUCH_OBJECT, None),
            ("inbound_default", code::NO_SUCH_OBJECT, None),
        ] {
            let found = invalid
                .problems
                .iter()
                .find(|problem| problem.field == field && problem.code == code);
            let found = found.unwrap_or_else(|| panic!("{field} {code}: {invalid}"));
            assert_eq!(found.limit.as_deref(), limit, "{field}");
        }
        assert!(invalid.names("signalling.variant", code::UNKNOWN_VARIANT));
        assert!(invalid.names("signalling.side", code::UNKNOWN_FIELD));
    }

    #[test]
    fn a_device_is_printable_ascii_of_at_most_19_characters() {
        for (device, code) in [
            ("12345678901234567890", code::TOO_LONG),
            ("TÉ2/0/1", code::CHARACTER),
            ("  ", code::REQUIRED),
            ("TE2\t0", code::CONTROL_CHARACTER),
        ] {
            let invalid = new(&span("E1", device)).unwrap_err();
            assert!(invalid.names("device", code), "{device}: {invalid}");
        }
        assert_eq!(
            new(&span("E1", " 1234567890123456789 ")).unwrap().device,
            "1234567890123456789"
        );
    }

    #[test]
    fn names_are_unique_among_trunks_of_all_kinds() {
        let e1 = new(&span("Operadora", "TE2/0/1")).unwrap();
        let sip = |name: &str| {
            serde_json::from_value::<TrunkInput>(serde_json::json!({
                "name": name, "hosts": ["192.0.2.1"], "auth": "none",
            }))
            .unwrap()
        };
        let refused = sip("operadora").validate_new(TrunkId(9), &with(vec![e1]));
        assert!(refused.unwrap_err().names("name", code::TAKEN));
        let sip = sip("VoIP").validate_new(TrunkId(9), &Configuration::default());
        let configuration =
            Configuration::default().with_trunks(vec![sip.unwrap().trunk], Default::default());
        let refused = span("voip", "TE2/0/1").validate_new(E1TrunkId(7), &configuration);
        assert!(refused.unwrap_err().names("name", code::TAKEN));
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let r2 = read(serde_json::json!({
            "name": "R2", "device": "TE2/0/1", "blocked": [31, 1],
            "signalling": { "kind": "e1_r2", "variant": "br", "called_digits": 8, "double_answer": true },
        }));
        let r2 = new(&r2).unwrap();
        assert_eq!(r2.blocked, [1, 31]);
        let configuration = with(vec![r2.clone()]);
        let change = |json| read(json).validate_change(&r2, &configuration);
        let changed = change(serde_json::json!({ "signalling": { "caller_digits": 0 } })).unwrap();
        let expected = E1Signalling::E1R2 {
            variant: "br".into(),
            called_digits: 8,
            caller_digits: 0,
            collect_calls: false,
            double_answer: true,
            forced_release: false,
        };
        assert_eq!(changed.signalling, expected);
        assert_eq!(
            (changed.name, changed.blocked),
            (r2.name.clone(), vec![1, 31])
        );
        // Another kind begins with its own defaults.
        let changed = change(
            serde_json::json!({ "signalling": { "kind": "e1_pri", "side": "network", "calling_name": "facility" } }),
        );
        let expected = E1Signalling::E1Pri {
            side: IsdnSide::Network,
            overlap: false,
            calling_name: CallingNameService::Facility,
        };
        assert_eq!(changed.unwrap().signalling, expected);
        let refused = change(serde_json::json!({ "signalling": { "overlap": true } })).unwrap_err();
        assert!(refused.names("signalling.overlap", code::UNKNOWN_FIELD));
    }

    #[test]
    fn there_are_no_more_than_the_limit() {
        let one = new(&span("E1", "TE2/0/1")).unwrap();
        let full = (0..MAX_E1_TRUNKS as i64).map(|id| E1Trunk {
            id: E1TrunkId(id),
            name: format!("E1 {id}"),
            device: format!("D{id}"),
            ..one.clone()
        });
        let refused = span("More", "TE9/0/1").validate_new(E1TrunkId(999), &with(full.collect()));
        let invalid = refused.unwrap_err();
        assert!(invalid.names("name", code::TOO_MANY), "{invalid}");
    }
}
