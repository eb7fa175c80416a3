//! What an extension may call, and how much.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TollClass;
use crate::problem::Problems;
use crate::text;

/// Calls a minute that a new extension may begin to the public network.
const CALLS_PER_MINUTE: u16 = 10;
/// Minutes a day that a new extension may talk there: a working day.
const MINUTES_PER_DAY: u16 = 480;

/// What an extension may call, and how much of it: a stolen password must not cost a fortune. Emergency numbers can always
/// be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassOfService {
    /// What it may call.
    pub classes: BTreeSet<TollClass>,
    /// Calls it may begin to the public network within a minute, 0-600; 0 is as many as it likes.
    #[schema(minimum = 0, maximum = 600)]
    pub calls_per_minute: u16,
    /// Minutes a day that it may talk there, 0-10000, in all its calls and those it forwards; 0 is as many as it likes. The
    /// day is that of the company's time zone. Calls that go on when they are over are ended within 15 s, unless somebody in
    /// them called for help.
    #[schema(minimum = 0, maximum = 10000)]
    pub minutes_per_day: u16,
}

/// Changes to a class of service; what is left out stays, or takes the default of a new extension.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClassOfServiceChange {
    /// What it may call; by default inside the company, local, national and mobile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<BTreeSet<TollClass>>,
    /// Calls it may begin to the public network within a minute, 0-600; 0 is as many as it likes. Default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 600)]
    pub calls_per_minute: Option<i64>,
    /// Minutes a day that it may talk there, 0-10000; 0 is as many as it likes. Default 480.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 10000)]
    pub minutes_per_day: Option<i64>,
}

impl Default for ClassOfService {
    /// What a new extension may do.
    fn default() -> Self {
        Self {
            classes: TollClass::usual(),
            calls_per_minute: CALLS_PER_MINUTE,
            minutes_per_day: MINUTES_PER_DAY,
        }
    }
}

impl ClassOfService {
    /// What extensions from before there were classes may do: all that the outbound routes let them.
    pub(crate) fn before() -> Self {
        Self {
            classes: TollClass::ALL.into(),
            calls_per_minute: 0,
            minutes_per_day: 0,
        }
    }

    /// The same after a change.
    pub(crate) fn changed(
        &self,
        problems: &mut Problems,
        change: Option<&ClassOfServiceChange>,
    ) -> Self {
        let mut changed = self.clone();
        let Some(change) = change else {
            return changed;
        };
        if let Some(classes) = &change.classes {
            changed.classes.clone_from(classes);
        }
        if let Some(calls) = change.calls_per_minute {
            let field = "class_of_service.calls_per_minute";
            changed.calls_per_minute = text::range(problems, field, calls, 0u16, 600);
        }
        if let Some(minutes) = change.minutes_per_day {
            let field = "class_of_service.minutes_per_day";
            changed.minutes_per_day = text::range(problems, field, minutes, 0u16, 10_000);
        }
        changed
    }

    /// Everything that can be said without another object; for imported documents.
    pub(crate) fn check(&mut self, problems: &mut Problems) {
        let change = ClassOfServiceChange {
            classes: None,
            calls_per_minute: Some(self.calls_per_minute.into()),
            minutes_per_day: Some(self.minutes_per_day.into()),
        };
        *self = self.changed(problems, Some(&change));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Configuration, Extension, ExtensionChange, ExtensionId, NewExtension};

    fn new(class: serde_json::Value) -> Extension {
        let input = serde_json::json!({ "number": "2001", "class_of_service": class });
        let input: NewExtension = serde_json::from_value(input).unwrap();
        let nothing = Configuration::default();
        input.validate(ExtensionId(1), &nothing).unwrap()
    }

    #[test]
    fn d09_new_extensions_are_limited_and_those_from_before_are_not() {
        let extension = new(serde_json::Value::Null);
        assert_eq!(extension.class_of_service, ClassOfService::default());
        let mut stored = serde_json::to_value(&extension).unwrap();
        stored.as_object_mut().unwrap().remove("class_of_service");
        let stored: Extension = serde_json::from_value(stored).unwrap();
        let before = stored.class_of_service;
        assert_eq!(before.classes, TollClass::ALL.into());
        assert_eq!((before.calls_per_minute, before.minutes_per_day), (0, 0));
    }

    #[test]
    fn what_a_change_leaves_out_stays() {
        let extension = new(serde_json::json!({ "calls_per_minute": 3 }));
        assert_eq!(extension.class_of_service.calls_per_minute, 3);
        assert_eq!(extension.class_of_service.minutes_per_day, MINUTES_PER_DAY);
        let change = |class| -> ExtensionChange {
            serde_json::from_value(serde_json::json!({ "class_of_service": class })).unwrap()
        };
        let nothing = Configuration::default();
        let local = change(serde_json::json!({ "classes": ["local", "local"] }));
        let changed = local.validate(&extension, &nothing).unwrap();
        assert_eq!(changed.class_of_service.classes, [TollClass::Local].into());
        assert_eq!(changed.class_of_service.calls_per_minute, 3);
        for (field, value) in [("calls_per_minute", 601), ("minutes_per_day", -1)] {
            let wrong = change(serde_json::json!({ field: value }));
            let invalid = wrong.validate(&extension, &nothing).unwrap_err();
            let problem = &invalid.problems[0];
            assert_eq!(problem.field, format!("class_of_service.{field}"));
            assert!(problem.limit.is_some());
        }
    }
}
