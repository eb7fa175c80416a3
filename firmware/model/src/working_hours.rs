//! When people work (F242): at other times they count as offline for numbers and queues, whatever their phones do.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::{Configuration, ExtensionId, Period, Problems, User, UserId, flow::nested, text};

/// Periods in which one user works.
const MAX_PERIODS: usize = 50;

impl User {
    /// Whether he works at a moment of the company's clock.
    #[must_use]
    pub fn works_at(&self, now: &Zoned) -> bool {
        self.working_hours.is_empty() || self.working_hours.iter().any(|period| period.holds(now))
    }
}

impl Configuration {
    /// The company's clock at a moment; UTC before there is a company.
    #[must_use]
    pub fn local_time(&self, moment: Timestamp) -> Zoned {
        let zone = self
            .company()
            .and_then(|company| TimeZone::get(&company.time_zone).ok());
        moment.to_zoned(zone.unwrap_or(TimeZone::UTC))
    }

    /// Whether somebody works at an extension at a moment: the agent who has logged in there, else whose extension it is.
    /// One that is nobody's is always manned.
    #[must_use]
    pub fn is_manned_at(
        &self,
        extension: ExtensionId,
        agent: Option<UserId>,
        moment: Timestamp,
    ) -> bool {
        let somebody = match agent {
            Some(agent) => self.user(agent),
            None => self.user_at(extension),
        };
        // Most have no working hours, and need no clock.
        somebody.is_none_or(|user| {
            user.working_hours.is_empty() || user.works_at(&self.local_time(moment))
        })
    }
}

/// Checks the periods of a user.
pub(crate) fn check(hours: &[Period], problems: &mut Problems) {
    text::at_most(problems, "working_hours", hours.len(), MAX_PERIODS);
    for (index, period) in hours.iter().enumerate() {
        nested(problems, &format!("working_hours[{index}]"), |inner| {
            period.check(inner)
        });
    }
}
