//! Call recording: which calls are recorded, what the parties are told, and how long recordings are kept.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AudioFileId, CallId, Company, Country, Invalid,
    problem::{Problems, code},
    text,
};

/// Days recordings are kept when nothing else is said.
pub const DEFAULT_KEEP_DAYS: u16 = 90;
/// Share of the data partition that is kept free of recordings when nothing else is said, in percent.
pub const DEFAULT_MIN_FREE_PERCENT: u8 = 10;

/// Which calls are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingMode {
    /// None.
    #[default]
    Off,
    /// Every call, from its beginning to its end.
    All,
    /// Those for which somebody in the call (`*3`) or a supervisor asks for it.
    OnDemand,
}

impl RecordingMode {
    /// What holds for a call with these settings of the extensions in it, the trunk it goes over and the company. The
    /// trunk stands for the company's numbers and goes before the extensions; of two extensions that differ, the one
    /// that is not to be recorded decides, then the one that always is.
    pub fn of_call(
        trunk: Option<RecordingMode>,
        extensions: &[Option<RecordingMode>],
        company: RecordingMode,
    ) -> RecordingMode {
        let said = |mode| extensions.contains(&Some(mode)).then_some(mode);
        trunk
            .or_else(|| said(RecordingMode::Off))
            .or_else(|| said(RecordingMode::All))
            .or_else(|| said(RecordingMode::OnDemand))
            .unwrap_or(company)
    }
}

/// The company's settings for recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordingSettings {
    /// What holds where neither trunk nor extension says otherwise.
    pub mode: RecordingMode,
    /// Whether the party outside is told that the call is recorded, before the recording begins.
    pub notice: bool,
    /// What it is told; null is the gateway's own words, in the language of the number that the call is made by.
    #[serde(default)]
    pub notice_file: Option<AudioFileId>,
    /// Why it is not told, in the words of whoever decided so; at most 200 characters. Needed in Brazil (Law
    /// 13.709/2018) to switch the notice off.
    pub notice_waiver: String,
    /// Days recordings are kept, 1-3650; 0 keeps them until the space is needed.
    #[schema(minimum = 0, maximum = 3650)]
    pub keep_days: u16,
    /// Share of the data partition that is kept free, 5-90 percent: the oldest recordings go when less is.
    #[schema(minimum = 5, maximum = 90)]
    pub min_free_percent: u8,
}

impl Default for RecordingSettings {
    fn default() -> Self {
        RecordingSettings {
            mode: RecordingMode::Off,
            notice: true,
            notice_file: None,
            notice_waiver: String::new(),
            keep_days: DEFAULT_KEEP_DAYS,
            min_free_percent: DEFAULT_MIN_FREE_PERCENT,
        }
    }
}

/// Changes to the settings for recording; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecordingSettingsChange {
    /// What holds where neither trunk nor extension says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<RecordingMode>,
    /// Whether the party outside is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<bool>,
    /// What it is told, or null for the gateway's own words.
    #[serde(
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<AudioFileId>)]
    pub notice_file: Option<Option<AudioFileId>>,
    /// Why it is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice_waiver: Option<String>,
    /// Days, 0-3650.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 3650)]
    pub keep_days: Option<i64>,
    /// Percent, 5-90.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 5, maximum = 90)]
    pub min_free_percent: Option<i64>,
}

impl RecordingSettingsChange {
    /// The company after this change.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn validate(&self, company: &Company) -> Result<RecordingSettings, Invalid> {
        let mut problems = Problems::default();
        let mut settings = company.recording.clone();
        if let Some(mode) = self.mode {
            settings.mode = mode;
        }
        if let Some(notice) = self.notice {
            settings.notice = notice;
        }
        if let Some(file) = self.notice_file {
            settings.notice_file = file;
        }
        if let Some(waiver) = &self.notice_waiver {
            settings.notice_waiver = waiver.clone();
        }
        if let Some(days) = self.keep_days {
            settings.keep_days = text::range(&mut problems, "keep_days", days, 0u16, 3650);
        }
        if let Some(percent) = self.min_free_percent {
            settings.min_free_percent =
                text::range(&mut problems, "min_free_percent", percent, 5u8, 90);
        }
        settings.check(&mut problems, company.country);
        problems.finish(settings)
    }
}

impl RecordingSettings {
    /// Everything there is to check in an imported document.
    pub(crate) fn check_imported(&mut self, problems: &mut Problems, country: Country) {
        text::range(problems, "keep_days", self.keep_days.into(), 0u16, 3650);
        text::range(
            problems,
            "min_free_percent",
            self.min_free_percent.into(),
            5u8,
            90,
        );
        self.check(problems, country);
    }

    /// Checks what belongs together.
    fn check(&mut self, problems: &mut Problems, country: Country) {
        self.notice_waiver = text::line(problems, "notice_waiver", &self.notice_waiver, 0, 200);
        if self.notice {
            // Told again: the reason is no reason any more.
            self.notice_waiver.clear();
        }
        if !self.notice && country.requires_recording_notice() && self.notice_waiver.is_empty() {
            problems.add(
                "notice_waiver",
                code::REQUIRED,
                Some("1-200"),
                format!("the notice is required by law in {country}: say why it is not given"),
            );
        }
    }
}

impl Country {
    /// Whether callers have to be told that their call is recorded (Brazil: Law 13.709/2018).
    pub fn requires_recording_notice(self) -> bool {
        self.to_string() == "BR"
    }
}

/// Identifies a recording. Never used again.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct RecordingId(pub i64);

impl std::fmt::Display for RecordingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Why there is no recording, or it ended before the call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingProblem {
    /// The disk is full.
    DiskFull,
    /// The disk fails.
    DiskFailed,
    /// The file has its greatest size: 74 hours.
    TooLong,
    /// Nothing can be recorded of the codec the call uses.
    Codec,
    /// The notice is not installed, so the party outside could not be told.
    NoNotice,
    /// The gateway stopped in the middle of it; what had reached the disk is there.
    Interrupted,
    /// The file is gone, or is no recording.
    FileLost,
}

/// One recording of a call, or why there is none. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordingRecord {
    /// Identifies it.
    pub id: RecordingId,
    /// The call it is of.
    pub call: CallId,
    /// Name of its file.
    pub file: String,
    /// When it began.
    pub started_at: i64,
    /// When it ended; none while it lasts.
    pub ended_at: Option<i64>,
    /// Its length, pauses left out.
    pub duration_ms: i64,
    /// Size of its file; 0 when there is none.
    pub bytes: i64,
    /// When the notice to the party outside had been played; none when none was.
    pub notice_played_at: Option<i64>,
    /// Whether somebody in the call or a supervisor asked for it.
    pub on_demand: bool,
    /// Packets that are missing because the disk was too slow.
    pub lost_packets: i64,
    /// Why there is none, or it ended early.
    pub problem: Option<RecordingProblem>,
    /// When it was deleted.
    pub deleted_at: Option<i64>,
    /// Who deleted it, or what rule: `age`, `space`.
    pub deleted_by: Option<String>,
    /// The reason given for that.
    pub deleted_because: Option<String>,
}

impl RecordingRecord {
    /// Whether there is a file to listen to.
    pub fn is_playable(&self) -> bool {
        self.ended_at.is_some() && self.deleted_at.is_none() && self.bytes > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RecordingMode::{All, Off, OnDemand};

    #[test]
    fn f078_trunk_before_extensions_before_company() {
        let of = RecordingMode::of_call;
        assert_eq!(of(None, &[None, None], All), All);
        assert_eq!(of(None, &[Some(Off)], All), Off);
        assert_eq!(of(Some(All), &[Some(Off)], Off), All);
        assert_eq!(of(Some(Off), &[Some(All)], All), Off);
        assert_eq!(of(None, &[Some(All), Some(Off)], All), Off);
        assert_eq!(of(None, &[Some(OnDemand), Some(All)], Off), All);
        assert_eq!(of(None, &[Some(OnDemand), None], Off), OnDemand);
    }

    fn company(country: &str) -> Company {
        serde_json::from_value::<crate::NewCompany>(
            serde_json::json!({"legal_name": "A", "country": country}),
        )
        .unwrap()
        .validate(&crate::Configuration::default())
        .unwrap()
    }

    #[test]
    fn f084_in_brazil_the_notice_needs_a_reason_to_go() {
        let mut change = RecordingSettingsChange {
            notice: Some(false),
            ..RecordingSettingsChange::default()
        };
        let refused = change.validate(&company("BR")).unwrap_err();
        assert_eq!(refused.problems[0].field, "notice_waiver");
        assert!(!change.validate(&company("GB")).unwrap().notice);
        change.notice_waiver = Some("Both ends are told in writing.".into());
        let settings = change.validate(&company("BR")).unwrap();
        assert!(!settings.notice);
        let mut later = company("BR");
        later.recording = settings;
        change.notice = Some(true);
        let settings = change.validate(&later).unwrap();
        assert_eq!(settings.notice_waiver, "");
    }

    #[test]
    fn limits_are_named() {
        let change = RecordingSettingsChange {
            keep_days: Some(4000),
            min_free_percent: Some(2),
            ..RecordingSettingsChange::default()
        };
        let refused = change.validate(&company("ES")).unwrap_err();
        let fields: Vec<&str> = refused
            .problems
            .iter()
            .map(|one| one.field.as_str())
            .collect();
        assert_eq!(fields, ["keep_days", "min_free_percent"]);
    }
}
