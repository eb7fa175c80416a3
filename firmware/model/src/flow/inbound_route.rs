//! Where calls to ranges of numbers go (F198-F203).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Destination, DialledRange, nested};
use crate::{Object, Problems, Reference, TrunkId, text};

/// Where calls go that come in for some numbers. The narrowest route that fits decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InboundRoute {
    /// 1-64 characters, unique.
    pub name: String,
    /// At most 200 characters.
    pub description: String,
    /// The numbers dialled: a number, a pattern such as `5133334X`, or a range such as `51333300-51333399`; all when null.
    #[schema(value_type = Option<String>)]
    pub did: Option<DialledRange>,
    /// The SIP or E1 trunk they come over; any when null.
    pub trunk: Option<TrunkId>,
    /// The numbers of those who call, as `did`; all when null, those withheld included.
    #[schema(value_type = Option<String>)]
    pub caller: Option<DialledRange>,
    /// Where the calls go.
    pub destination: Destination,
}

impl InboundRoute {
    /// Whether it is for a call.
    #[must_use]
    pub fn takes(&self, trunk: Option<i64>, did: &str, caller: Option<&str>) -> bool {
        self.did.as_ref().is_none_or(|range| range.holds(did))
            && self.trunk.is_none_or(|one| Some(one.0) == trunk)
            && self
                .caller
                .as_ref()
                .is_none_or(|range| caller.is_some_and(|caller| range.holds(caller)))
    }

    /// How narrow it is.
    #[must_use]
    pub fn narrowness(&self) -> impl Ord + use<> {
        let narrow = |range: &Option<DialledRange>| range.as_ref().map(DialledRange::narrowness);
        (
            narrow(&self.did),
            narrow(&self.caller),
            self.trunk.is_some(),
        )
    }
}

impl Object for InboundRoute {
    const KIND: &'static str = "inbound_route";
    const WORDS: &'static str = "inbound route";
    const LIST: &'static str = "inbound_routes";
    const MAX: usize = 2000;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        self.description = text::line(problems, "description", &self.description, 0, 200);
        nested(problems, "destination", |inner| {
            self.destination.check(inner)
        });
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        if let Some(trunk) = self.trunk {
            tell(Reference::to_trunk("trunk", trunk));
        }
        self.destination.references("destination", tell);
    }
}
