//! Further companies on the gateway (F234): partitions with people, numbers, greetings and callers' numbers of their own.
//! They share the machine, its trunks and the one numbering plan with the company that the gateway is set up for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::flow::plays;
use crate::problem::{Problems, code};
use crate::{
    AudioFileId, Configuration, Direction, ExtensionId, Id, MusicClassId, Number, Object,
    Reference, UsedBy, UserId, tax_id::tax_id, text,
};

/// The company that something belongs to: 0 is the one that the gateway is set up for, any other the id of a further one.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(transparent)]
pub struct CompanyId(pub i64);

impl CompanyId {
    /// The company that the gateway is set up for.
    pub const DEFAULT: Self = Self(0);

    /// Whether it is the company that the gateway is set up for.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::DEFAULT
    }

    /// The further company this is, when it is one.
    #[must_use]
    pub fn hosted(self) -> Option<Id<HostedCompany>> {
        (!self.is_default()).then(|| Id::new(self.0))
    }

    /// Tells of the further company that an object belongs to.
    pub(crate) fn references(self, tell: &mut dyn FnMut(Reference)) {
        if let Some(id) = self.hosted() {
            tell(Reference::to("company", id));
        }
    }
}

impl std::fmt::Display for CompanyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Companies on one gateway, the one it is set up for included (F234).
pub const MAX_COMPANIES: usize = 20;

/// A further company. Country, area code, time zone and all that belongs to the machine are the gateway's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HostedCompany {
    /// Registered name, 1-200 characters, unique.
    pub name: String,
    /// Tax number of the kind that the gateway's country has; may stay blank.
    pub tax_id: String,
    /// Whom to ask, at most 100 characters.
    pub contact_name: String,
    /// How to reach them: a number of 1-32 digits with a leading `+` where there is one; may stay blank.
    pub contact_phone: String,
    /// National locality code (CNL), 4-6 digits; blank outside conurbations.
    pub cnl: String,
    /// What callers of its voicemail boxes hear that have no greeting of their own; null is the gateway's own words.
    pub voicemail_greeting: Option<AudioFileId>,
    /// What the party outside is told before its calls are recorded; null is the gateway's own words.
    pub recording_notice: Option<AudioFileId>,
    /// What those hear who are held, where nothing closer to them says otherwise; null is the default company's.
    pub music_class: Option<MusicClassId>,
    /// The number of this company that those see whom its people call who have no number of their own.
    #[schema(value_type = Option<i64>)]
    pub outbound_number: Option<Id<Number>>,
}

impl Object for HostedCompany {
    const KIND: &'static str = "hosted_company";
    const WORDS: &'static str = "company";
    const LIST: &'static str = "hosted_companies";
    const MAX: usize = MAX_COMPANIES - 1;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 200);
        self.contact_name = text::line(problems, "contact_name", &self.contact_name, 0, 100);
        self.contact_phone = self.contact_phone.trim().to_owned();
        if !self.contact_phone.is_empty() {
            self.contact_phone = text::did(problems, "contact_phone", &self.contact_phone);
        }
        self.cnl = self.cnl.trim().to_owned();
        if !self.cnl.is_empty() {
            self.cnl = text::digits(problems, "cnl", &self.cnl, 4, 6);
        }
        // Kept as the default company's is: without what is written between the digits.
        let digits = self.tax_id.chars();
        let digits = digits.filter(|c| !matches!(c, '.' | '-' | '/' | ' '));
        self.tax_id = digits.flat_map(char::to_uppercase).collect();
    }

    fn check_among(&self, _: Id<Self>, configuration: &Configuration, problems: &mut Problems) {
        let Some(company) = configuration.company() else {
            return;
        };
        tax_id(problems, &self.tax_id, company.country);
        if self.name.to_lowercase() == company.legal_name.to_lowercase() {
            let message = "the default company has this name";
            problems.add("name", code::TAKEN, Some(&company.legal_name), message);
        }
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        plays(tell, "voicemail_greeting", self.voicemail_greeting);
        plays(tell, "recording_notice", self.recording_notice);
        if let Some(class) = self.music_class {
            tell(Reference::to_music_class("music_class", class));
        }
        if let Some(number) = self.outbound_number {
            tell(Reference::to("outbound_number", number));
        }
    }

    fn company(&self, id: Id<Self>) -> Option<CompanyId> {
        Some(CompanyId(id.number()))
    }
}

impl Configuration {
    /// Whether there is any other company than the one that the gateway is set up for.
    pub fn hosts_companies(&self) -> bool {
        !self.catalogue().hosted_companies.is_empty()
    }

    /// The further company this is; none for the default one, and for one that is gone.
    pub fn hosted_company(&self, id: CompanyId) -> Option<&HostedCompany> {
        let found = self.catalogue().hosted_companies.get(id.hosted()?)?;
        Some(&found.settings)
    }

    /// Whether there is such a company.
    pub fn has_company(&self, id: CompanyId) -> bool {
        id.is_default() || self.hosted_company(id).is_some()
    }

    /// Its registered name; blank when there is no such company or nobody has filled it in.
    pub fn company_name(&self, id: CompanyId) -> &str {
        match self.hosted_company(id) {
            Some(company) => &company.name,
            None if id.is_default() => self.company().map_or("", |company| &company.legal_name),
            None => "",
        }
    }

    /// What callers of a company's voicemail boxes hear that have no greeting of their own.
    pub fn voicemail_greeting_of(&self, id: CompanyId) -> Option<AudioFileId> {
        match id.hosted() {
            Some(_) => self.hosted_company(id)?.voicemail_greeting,
            None => self.company()?.voicemail_greeting,
        }
    }

    /// What the party outside is told before a company's calls are recorded, where the number says nothing else.
    pub fn recording_notice_of(&self, id: CompanyId) -> Option<AudioFileId> {
        match id.hosted() {
            Some(_) => self.hosted_company(id)?.recording_notice,
            None => self.company()?.recording.notice_file,
        }
    }

    /// What those hear who are held by a company's people where nothing closer says otherwise.
    pub fn music_class_of(&self, id: CompanyId) -> Option<MusicClassId> {
        let own = self
            .hosted_company(id)
            .and_then(|company| company.music_class);
        own.or_else(|| self.company()?.music_class)
    }

    /// The company of the extension with this number, as it is dialled inside.
    pub fn company_at(&self, number: &str) -> Option<CompanyId> {
        Some(self.extension_by_number(number)?.company)
    }

    /// The company whose call it is, as far as caller and dialled number say: that of the number called from outside, or of the
    /// extension that calls.
    pub fn company_of_call(&self, direction: Direction, caller: &str, dialled: &str) -> CompanyId {
        if !self.hosts_companies() {
            return CompanyId::DEFAULT;
        }
        let found = if direction == Direction::Inbound {
            let mut numbers = self.catalogue().numbers.iter();
            let number =
                numbers.find(|one| one.is_dialled(one.trunk.map(|trunk| trunk.0), dialled));
            number
                .map(|one| one.company)
                .or_else(|| self.company_at(dialled))
        } else {
            self.company_at(caller)
        };
        found.unwrap_or_default()
    }

    /// Whether a number of the public network belongs to companies other than this one.
    pub fn is_number_of_others(&self, number: &str, company: CompanyId) -> bool {
        if !self.hosts_companies() {
            return false;
        }
        let plain = |number: &str| {
            self.e164(number)
                .unwrap_or_else(|| number.trim_start_matches('+').to_owned())
        };
        let number = plain(number);
        let mut of_others = false;
        for one in self.catalogue().numbers.iter() {
            if plain(&one.number) == number {
                if one.company == company {
                    return false;
                }
                of_others = true;
            }
        }
        of_others
    }

    /// The company that an object belongs to; none when there is no such object, or it belongs to the gateway.
    pub fn company_of(&self, kind: &str, id: i64) -> Option<CompanyId> {
        match kind {
            "extension" => Some(self.extension(ExtensionId(id))?.company),
            "user" => Some(self.user(UserId(id))?.company),
            kind => self.catalogue().find(kind, id)?.company(),
        }
    }

    /// Refuses a company that does not exist, and one other than that of the objects which refer to this one.
    pub(crate) fn check_company(
        &self,
        problems: &mut Problems,
        (kind, id): (&str, i64),
        company: CompanyId,
    ) {
        if !self.has_company(company) {
            let message = format!("there is no company {company}");
            problems.add("company", code::NO_SUCH_OBJECT, None, message);
            return;
        }
        if !self.hosts_companies() {
            return;
        }
        let by = self.referring_to(kind, id);
        let others = by
            .iter()
            .filter(|one| self.company_of(&one.object, one.id) != Some(company))
            .filter(|one| self.company_of(&one.object, one.id).is_some());
        if let Some(other) = others.into_iter().next() {
            let message = format!("{other} belongs to another company and leads to it");
            problems.add(
                "company",
                code::OTHER_COMPANY,
                Some(&other.to_string()),
                message,
            );
        }
    }

    /// Who belongs to a further company, but for objects of the catalogue.
    pub(crate) fn people_of_company(&self, id: i64) -> impl Iterator<Item = UsedBy> {
        let company = CompanyId(id);
        let users = self.users().iter();
        let users = users.filter(move |user| user.company == company);
        let extensions = self.extensions().iter();
        let extensions = extensions.filter(move |extension| extension.company == company);
        users
            .map(|user| UsedBy::new("user", user.id.0, &user.login))
            .chain(
                extensions
                    .map(|extension| UsedBy::new("extension", extension.id.0, &extension.number)),
            )
    }
}

#[cfg(test)]
mod tests;
