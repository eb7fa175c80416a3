//! The company that owns the gateway.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AudioFileId, Configuration, Country, FeatureCodes, Invalid, Language, LimitsProfile,
    MusicClassId, RecordingSettings, SipSettings, TollSettings,
    problem::{Problems, code},
    sound::check_class,
    tax_id::tax_id,
    text,
};

/// The company: names it, and gives numbers, prompts and clocks their context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Company {
    /// Registered name; blank until someone filled it in after the first set-up.
    pub legal_name: String,
    /// Tax number of the kind its country has, without what is written between the digits; blank when nobody filled it in.
    #[serde(default)]
    pub tax_id: String,
    /// Whom to ask about the gateway; blank when nobody is named.
    #[serde(default)]
    pub contact_name: String,
    /// How to reach them; blank when nothing is said.
    #[serde(default)]
    pub contact_phone: String,
    /// National locality code (CNL), 4-6 digits; blank outside conurbations.
    #[serde(default)]
    pub cnl: String,
    /// Country, which presets tones, languages and number formats.
    pub country: Country,
    /// ITU-T E.164 country code without `+`, such as `55`.
    pub country_code: String,
    /// Area code for local dialling, such as `11`; blank where the country has none.
    pub area_code: String,
    /// Language of prompts where nothing closer to the caller says otherwise.
    pub language: Language,
    /// IANA time zone, such as `America/Sao_Paulo`.
    pub time_zone: String,
    /// What those hear who are held, where nothing closer to them says otherwise; null is the gateway's own music.
    #[serde(default)]
    pub music_class: Option<MusicClassId>,
    /// What callers of voicemail boxes hear that have no greeting of their own; null is the gateway's own words.
    #[serde(default)]
    pub voicemail_greeting: Option<AudioFileId>,
    /// Which calls are recorded and how long that is kept.
    #[serde(default)]
    pub recording: RecordingSettings,
    /// How SIP is spoken towards networks of others.
    #[serde(default)]
    pub sip: SipSettings,
    /// How much of something there may be.
    #[serde(default)]
    pub limits: LimitsProfile,
    /// What people dial to have something done.
    #[serde(default)]
    pub feature_codes: FeatureCodes,
    /// Seconds after which a parked call that nobody took goes back to whoever parked it.
    #[serde(default = "park_seconds")]
    pub park_seconds: u16,
    /// Which other countries may be called.
    #[serde(default = "TollSettings::before")]
    pub toll: TollSettings,
}

/// Seconds a call is parked where nothing else is said.
const fn park_seconds() -> u16 {
    60
}

/// Input for a company. What is left out comes from the country; the settings for recording stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCompany {
    /// Registered name, at most 200 characters; may stay blank until somebody has filled it in.
    #[serde(default)]
    pub legal_name: String,
    /// Tax number of the kind its country has; blank outside Brazil and until somebody has filled it in.
    #[serde(default)]
    pub tax_id: String,
    /// Whom to ask about the gateway, at most 100 characters.
    #[serde(default)]
    pub contact_name: String,
    /// How to reach them: a number of 1-32 digits with a leading `+` where there is one.
    #[serde(default)]
    pub contact_phone: String,
    /// National locality code (CNL), 4-6 digits.
    #[serde(default)]
    pub cnl: String,
    /// ISO 3166-1 alpha-2 code of a known country.
    pub country: String,
    /// E.164 country code, 1-3 digits.
    #[serde(default)]
    pub country_code: Option<String>,
    /// Area code, up to 5 digits.
    #[serde(default)]
    pub area_code: Option<String>,
    /// Language of prompts.
    #[serde(default)]
    pub language: Option<Language>,
    /// IANA time zone.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Class of music on hold; null is the gateway's own music.
    #[serde(default)]
    pub music_class: Option<MusicClassId>,
    /// How much of something there may be; stays when left out.
    #[serde(default)]
    pub limits: Option<LimitsProfile>,
    /// Seconds after which a parked call that nobody took goes back to whoever parked it, 10-3600; stays when left out, 60 at
    /// first.
    #[serde(default)]
    pub park_seconds: Option<i64>,
}

impl NewCompany {
    /// Checks the input of the first set-up, where much may stay blank.
    pub fn validate_set_up(&self) -> Result<Company, Invalid> {
        self.check(None)
    }

    /// Checks the input of a later change. What was blank may stay so; a legal name, and in Brazil a tax number, that is known
    /// is not taken away.
    pub fn validate(&self, configuration: &Configuration) -> Result<Company, Invalid> {
        let mut problems = Problems::default();
        let company = self
            .check(configuration.company())
            .map_err(|invalid| problems.nest("", invalid))
            .ok();
        check_class(&mut problems, self.music_class, |id| {
            configuration.music_class(id).is_some()
        });
        problems.finish(())?;
        company.ok_or_else(|| Invalid::one("", code::INVALID, None, "cannot be read"))
    }

    fn check(&self, before: Option<&Company>) -> Result<Company, Invalid> {
        let mut problems = Problems::default();
        let shortest_name = before.map_or(0, |before| usize::from(!before.legal_name.is_empty()));
        let legal_name = text::line(
            &mut problems,
            "legal_name",
            &self.legal_name,
            shortest_name,
            200,
        );
        let country: Option<Country> = self.country.parse().ok();
        if country.is_none() {
            problems.add(
                "country",
                code::UNKNOWN_COUNTRY,
                None,
                format!(
                    "country `{}` is not in the list of known countries",
                    self.country
                ),
            );
        }
        // With an unknown country the other fields are checked all the same, against nobody's defaults.
        let country = country.unwrap_or_default();
        let defaults = country.defaults();
        let tax_id = tax_id(&mut problems, &self.tax_id, country);
        let had_one = before.is_some_and(|before| !before.tax_id.is_empty());
        if tax_id.is_empty() && had_one && country.code() == "BR" {
            let message = "is not taken away from a company in Brazil";
            problems.add("tax_id", code::REQUIRED, Some("CNPJ"), message);
        }
        let contact_name = text::line(&mut problems, "contact_name", &self.contact_name, 0, 100);
        let contact_phone = blank_or(&self.contact_phone, |value| {
            text::did(&mut problems, "contact_phone", value)
        });
        let cnl = blank_or(&self.cnl, |value| {
            text::digits(&mut problems, "cnl", value, 4, 6)
        });
        let (country_code, area_code, time_zone) = self.given(&mut problems);
        let seconds = self.park_seconds.unwrap_or_else(|| park_seconds().into());
        let park_seconds = text::range(&mut problems, "park_seconds", seconds, 10u16, 3600);
        problems.finish(Company {
            legal_name,
            tax_id,
            contact_name,
            contact_phone,
            cnl,
            country,
            country_code: country_code.unwrap_or_else(|| defaults.dialling_code.to_owned()),
            area_code: area_code.unwrap_or_default(),
            language: self.language.unwrap_or(defaults.language),
            time_zone: time_zone.unwrap_or_else(|| defaults.time_zone.to_owned()),
            music_class: self.music_class,
            voicemail_greeting: None,
            recording: RecordingSettings::default(),
            sip: SipSettings::default(),
            limits: self.limits.unwrap_or_default(),
            feature_codes: FeatureCodes::default(),
            park_seconds,
            toll: TollSettings::default(),
        })
    }

    fn given(&self, problems: &mut Problems) -> (Option<String>, Option<String>, Option<String>) {
        let filled = |value: &Option<String>| value.clone().filter(|text| !text.trim().is_empty());
        (
            filled(&self.country_code)
                .map(|value| text::digits(problems, "country_code", &value, 1, 3)),
            filled(&self.area_code).map(|value| text::digits(problems, "area_code", &value, 1, 5)),
            filled(&self.time_zone).map(|value| time_zone(problems, &value)),
        )
    }
}

impl From<&Company> for NewCompany {
    fn from(company: &Company) -> Self {
        NewCompany {
            legal_name: company.legal_name.clone(),
            tax_id: company.tax_id.clone(),
            contact_name: company.contact_name.clone(),
            contact_phone: company.contact_phone.clone(),
            cnl: company.cnl.clone(),
            country: company.country.to_string(),
            country_code: Some(company.country_code.clone()),
            area_code: Some(company.area_code.clone()),
            language: Some(company.language),
            time_zone: Some(company.time_zone.clone()),
            music_class: company.music_class,
            limits: Some(company.limits),
            park_seconds: Some(company.park_seconds.into()),
        }
    }
}

/// What is filled in, checked; blank stays blank.
fn blank_or(value: &str, check: impl FnOnce(&str) -> String) -> String {
    match value.trim() {
        "" => String::new(),
        value => check(value),
    }
}

/// The zone's name as the IANA database spells it.
fn time_zone(problems: &mut Problems, value: &str) -> String {
    match TimeZone::get(value.trim()) {
        Ok(zone) => zone.iana_name().unwrap_or(value).to_owned(),
        Err(_) => {
            problems.add(
                "time_zone",
                code::UNKNOWN_TIME_ZONE,
                None,
                format!("time zone `{value}` is not in the IANA database; America/Sao_Paulo would be one"),
            );
            value.to_owned()
        }
    }
}
