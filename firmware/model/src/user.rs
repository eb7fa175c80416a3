//! People who administer or watch the gateway.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AudioFileId, CompanyId, Configuration, ExtensionId, Id, Invalid, Language, Number, Period,
    Profile, Secret, VerifiedNumber, password,
    problem::{Problems, code},
    text, verified_number, working_hours,
};

/// Identifies a user for as long as he exists. Never used again after deletion.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct UserId(pub i64);

impl std::fmt::Display for UserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Lines, network and hardware; no users, no recordings.
    Installer,
    /// Live view, queues and reports of his people.
    Supervisor,
    /// His own calls and pauses.
    Agent,
    /// Reads calls, reports and the audit log; changes nothing.
    Auditor,
    /// His own extension.
    User,
}

/// Users in one gateway.
pub const MAX_USERS: usize = 2_000;
/// Messages that one user, or whoever calls with a number, may leave on answering machines.
pub(crate) const MAX_VOICEDROPS: usize = 20;

fn yes() -> bool {
    true
}

/// A user. His password hash is kept by the store alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Stays the same when the login changes.
    pub id: UserId,
    /// 5-64 characters, unique without regard to case.
    pub login: String,
    /// Full name, at most 100 characters.
    pub name: String,
    /// Needed for password reset and voicemail by mail.
    #[serde(default)]
    pub email: Option<String>,
    /// The company he belongs to; 0 is the one that the gateway is set up for.
    #[serde(default, skip_serializing_if = "CompanyId::is_default")]
    pub company: CompanyId,
    /// What he may do.
    pub role: Role,
    /// Language of the UI for him.
    pub language: Language,
    /// An inactive user cannot log in; his history stays.
    pub active: bool,
    /// The extension he is reached at, nobody else's; null when he has none.
    #[serde(default)]
    pub extension: Option<ExtensionId>,
    /// The number of the company that those see whom he calls; null is what the route or trunk shows.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub outbound_number: Option<Id<Number>>,
    /// Whether he may call outside the company; numbers for help he always may. Ends when his `outbound_number` is taken from
    /// him (F009).
    #[serde(default = "yes")]
    pub external_calls: bool,
    /// Numbers of lines elsewhere that are known to be his, at most 10; changed by operations of their own.
    #[serde(default)]
    pub verified_numbers: Vec<VerifiedNumber>,
    /// The one of them that those see whom he calls by a trunk that allows it; by others they see what they would without
    /// it. Null shows none.
    #[serde(default)]
    pub caller_id: Option<String>,
    /// Whether he has a PIN for agents' codes at other people's phones.
    #[serde(default)]
    pub agent_pin_set: bool,
    /// What he may do, instead of what the role allows; null is what the role allows.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub profile: Option<Id<Profile>>,
    /// When he works, by the company's clock, at most 50 periods: at other times he counts as offline for numbers and queues.
    /// Always when empty.
    #[serde(default)]
    pub working_hours: Vec<Period>,
    /// Messages he may leave on answering machines, at most 20; the feature code leaves the first.
    #[serde(default)]
    pub voicedrops: Vec<AudioFileId>,
}

/// The administrator made at the first set-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAdmin {
    /// 5-64 characters.
    pub login: String,
    /// Full name; the login when blank.
    #[serde(default)]
    pub name: String,
    /// At least 10 characters, not a common password.
    pub password: Secret,
    /// Language of the UI for him.
    pub language: Language,
}

/// Input for a new user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// 5-64 characters.
    pub login: String,
    /// Full name; the login when blank.
    #[serde(default)]
    pub name: String,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The company he belongs to; 0 is the one that the gateway is set up for.
    #[serde(default)]
    pub company: CompanyId,
    /// What he may do.
    pub role: Role,
    /// Language of the UI; the company's when left out.
    #[serde(default)]
    pub language: Option<Language>,
    /// Defaults to true.
    #[serde(default)]
    pub active: Option<bool>,
    /// The extension he is reached at, nobody else's; null when he has none.
    #[serde(default)]
    pub extension: Option<ExtensionId>,
    /// The number of the company that those see whom he calls; null is what the route or trunk shows.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub outbound_number: Option<Id<Number>>,
    /// Whether he may call outside the company; numbers for help he always may. Defaults to true.
    #[serde(default)]
    pub external_calls: Option<bool>,
    /// What he enters to log in as an agent at a phone that is not his own, 4-10 digits; he cannot there when null.
    #[serde(default)]
    pub agent_pin: Option<Secret>,
    /// What he may do, instead of what the role allows; null is what the role allows.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub profile: Option<Id<Profile>>,
    /// When he works, by the company's clock, at most 50 periods; always when empty.
    #[serde(default)]
    pub working_hours: Vec<Period>,
    /// Messages he may leave on answering machines, at most 20.
    #[serde(default)]
    pub voicedrops: Vec<AudioFileId>,
    /// At least 10 characters, not a common password.
    pub password: Secret,
}

/// Changes to a user; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// A new login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An address, or null to remove it.
    #[serde(
        default,
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub email: Option<Option<String>>,
    /// Another company; his extension goes with him.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<CompanyId>,
    /// A new role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// A new UI language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Whether he may log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// The extension he is reached at, or null to take it from him.
    #[serde(
        default,
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<ExtensionId>)]
    pub extension: Option<Option<ExtensionId>>,
    /// The number those see whom he calls, or null. Taking away the one he had ends his calls outside, unless
    /// `external_calls` goes with it; giving him one allows them again (F009).
    #[serde(
        default,
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<i64>)]
    pub outbound_number: Option<Option<Id<Number>>>,
    /// Whether he may call outside the company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_calls: Option<bool>,
    /// One of his verified numbers, or null.
    #[serde(
        default,
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub caller_id: Option<Option<String>>,
    /// A new PIN for agents' codes at other people's phones, 4-10 digits, or null to remove it.
    #[serde(
        default,
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<Secret>)]
    pub agent_pin: Option<Option<Secret>>,
    /// What he may do instead of what the role allows, or null.
    #[serde(
        default,
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<i64>)]
    pub profile: Option<Option<Id<Profile>>>,
    /// When he works; always when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_hours: Option<Vec<Period>>,
    /// Messages he may leave on answering machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voicedrops: Option<Vec<AudioFileId>>,
    /// A new password; ends his sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
}

impl NewAdmin {
    /// The user this input makes, under the identity `id`.
    pub fn validate(&self, id: UserId) -> Result<User, Invalid> {
        let input = NewUser {
            login: self.login.clone(),
            name: self.name.clone(),
            email: None,
            company: CompanyId::DEFAULT,
            role: Role::Admin,
            language: Some(self.language),
            active: Some(true),
            extension: None,
            outbound_number: None,
            external_calls: None,
            agent_pin: None,
            profile: None,
            working_hours: Vec::new(),
            voicedrops: Vec::new(),
            password: self.password.clone(),
        };
        input.validate(id, &Configuration::default())
    }
}

impl NewUser {
    /// The user this input makes, under the identity `id`. The password is checked, and hashed elsewhere.
    pub fn validate(&self, id: UserId, configuration: &Configuration) -> Result<User, Invalid> {
        let mut problems = Problems::default();
        if configuration.users().len() >= MAX_USERS {
            problems.add(
                "login",
                code::TOO_MANY,
                Some(&MAX_USERS.to_string()),
                format!("the gateway holds at most {MAX_USERS} users"),
            );
        }
        let company = configuration.company();
        let mut user = User {
            id,
            login: self.login.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            company: self.company,
            role: self.role,
            language: self
                .language
                .or(company.map(|company| company.language))
                .unwrap_or(Language::En),
            active: self.active.unwrap_or(true),
            extension: self.extension,
            outbound_number: self.outbound_number,
            external_calls: self.external_calls.unwrap_or(true),
            verified_numbers: Vec::new(),
            caller_id: None,
            agent_pin_set: self.agent_pin.is_some(),
            profile: self.profile,
            working_hours: self.working_hours.clone(),
            voicedrops: self.voicedrops.clone(),
        };
        if user.name.trim().is_empty() {
            user.name = user.login.trim().to_owned();
        }
        user.check(&mut problems, configuration);
        check_pin(&mut problems, self.agent_pin.as_ref());
        password::check(
            &mut problems,
            "password",
            self.password.as_str(),
            &user.login,
            &user.name,
        );
        problems.finish(user)
    }
}

impl UserChange {
    /// `current` after this change.
    pub fn validate(&self, current: &User, configuration: &Configuration) -> Result<User, Invalid> {
        let mut problems = Problems::default();
        let mut user = current.clone();
        if let Some(login) = &self.login {
            user.login = login.clone();
        }
        if let Some(name) = &self.name {
            user.name = name.clone();
        }
        if let Some(email) = &self.email {
            user.email = email.clone();
        }
        if let Some(company) = self.company {
            user.company = company;
        }
        if let Some(role) = self.role {
            user.role = role;
        }
        if let Some(language) = self.language {
            user.language = language;
        }
        if let Some(active) = self.active {
            user.active = active;
        }
        if let Some(extension) = self.extension {
            user.extension = extension;
        }
        match self.outbound_number {
            Some(Some(number)) => {
                user.outbound_number = Some(number);
                user.external_calls = true;
            }
            Some(None) => user.lose_outbound_number(),
            None => {}
        }
        if let Some(may) = self.external_calls {
            user.external_calls = may;
        }
        if let Some(number) = &self.caller_id {
            user.caller_id.clone_from(number);
            let extension = self.extension.unwrap_or(current.extension);
            let is_number = number.as_deref().is_some_and(verified_number::is_e164);
            if is_number && !configuration.may_show_foreign_numbers(extension) {
                let message = "no trunk that he calls outside by shows numbers of others, and analogue lines never do";
                problems.add("caller_id", code::NO_FOREIGN_CALLER_ID, None, message);
            }
        }
        if let Some(pin) = &self.agent_pin {
            user.agent_pin_set = pin.is_some();
            check_pin(&mut problems, pin.as_ref());
        }
        if let Some(profile) = self.profile {
            user.profile = profile;
        }
        if let Some(hours) = &self.working_hours {
            user.working_hours.clone_from(hours);
        }
        if let Some(messages) = &self.voicedrops {
            user.voicedrops.clone_from(messages);
        }
        user.check(&mut problems, configuration);
        if let Some(password) = &self.password {
            password::check(
                &mut problems,
                "password",
                password.as_str(),
                &user.login,
                &user.name,
            );
        }
        if !user.is_active_admin()
            && current.is_active_admin()
            && !another_admin(current.id, configuration)
        {
            let field = match &user {
                user if !user.active => "active",
                user if !user.company.is_default() => "company",
                user if user.role == Role::Admin => "profile",
                _ => "role",
            };
            problems.add(
                field,
                code::LAST_ADMIN,
                None,
                "the last active administrator has to stay one",
            );
        }
        problems.finish(user)
    }
}

/// Whether `id` may be deleted: an active administrator has to be left.
pub fn validate_deletion(id: UserId, configuration: &Configuration) -> Result<(), Invalid> {
    match configuration.user(id) {
        Some(user) if user.is_active_admin() && !another_admin(id, configuration) => {
            Err(Invalid::one(
                "id",
                code::LAST_ADMIN,
                None,
                "the last active administrator cannot be deleted",
            ))
        }
        _ => Ok(()),
    }
}

fn check_pin(problems: &mut Problems, pin: Option<&Secret>) {
    if let Some(pin) = pin {
        text::digits(problems, "agent_pin", pin.as_str(), 4, 10);
    }
}

fn another_admin(id: UserId, configuration: &Configuration) -> bool {
    configuration
        .users()
        .iter()
        .any(|user| user.id != id && user.is_active_admin())
}

impl User {
    /// An administrator who can log in and whom neither a profile nor a company of his own limits.
    pub fn is_active_admin(&self) -> bool {
        let is_limited = self.profile.is_some() || !self.company.is_default();
        self.active && self.role == Role::Admin && !is_limited
    }

    /// Takes the number from him that he calls with. Who had one and lost it calls nobody outside until he is given another
    /// or may again; who never had one calls with what the route or trunk shows (F009, F012).
    pub fn lose_outbound_number(&mut self) {
        if self.outbound_number.take().is_some() {
            self.external_calls = false;
        }
    }

    fn check(&mut self, problems: &mut Problems, configuration: &Configuration) {
        self.check_alone(problems);
        if let Some(other) = configuration.user_by_login(&self.login)
            && other.id != self.id
        {
            problems.add(
                "login",
                code::TAKEN,
                Some(&other.name),
                format!("login {} is in use", self.login),
            );
        }
        if let Some(id) = self.outbound_number {
            let number = configuration.catalogue().numbers.get(id);
            if number.is_none() {
                let message = format!("there is no number with id {id}");
                problems.add("outbound_number", code::NO_SUCH_OBJECT, None, message);
            } else if number.is_some_and(|number| !number.is_assigned_to(self)) {
                let message = "the number is not assigned to him";
                problems.add("outbound_number", code::NOT_ASSIGNED, None, message);
            }
        }
        configuration.check_company(problems, ("user", self.id.0), self.company);
        if let Some(id) = self.extension
            && configuration.company_of("extension", id.0) != Some(self.company)
        {
            // It goes with him, and what leads to it has to belong to his company as well.
            let mut inner = Problems::default();
            configuration.check_company(&mut inner, ("extension", id.0), self.company);
            if let Err(invalid) = inner.finish(()) {
                for problem in invalid.problems {
                    problems.add(
                        "extension",
                        &problem.code,
                        problem.limit.as_deref(),
                        problem.message,
                    );
                }
            }
        }
        if let Some(id) = self.profile
            && configuration.catalogue().profiles.get(id).is_none()
        {
            let message = format!("there is no profile with id {id}");
            problems.add("profile", code::NO_SUCH_OBJECT, None, message);
        }
        text::at_most(
            problems,
            "voicedrops",
            self.voicedrops.len(),
            MAX_VOICEDROPS,
        );
        for (index, id) in self.voicedrops.iter().enumerate() {
            if configuration.audio_file(*id).is_none() {
                let field = format!("voicedrops[{index}]");
                let message = format!("there is no audio file with id {id}");
                problems.add(&field, code::NO_SUCH_OBJECT, None, message);
            }
        }
        let Some(id) = self.extension else { return };
        if configuration.extension(id).is_none() {
            let message = format!("there is no extension with id {id}");
            problems.add("extension", code::NO_SUCH_OBJECT, None, message);
        }
        let mut others = configuration
            .users()
            .iter()
            .filter(|other| other.id != self.id);
        if let Some(other) = others.find(|other| other.extension == Some(id)) {
            let message = format!("the extension belongs to {}", other.name);
            problems.add("extension", code::TAKEN, Some(&other.login), message);
        }
    }

    /// The part of the check that needs no other object.
    pub(crate) fn check_alone(&mut self, problems: &mut Problems) {
        self.login = text::line(problems, "login", &self.login, 5, 64);
        if !self
            .login
            .chars()
            .all(|c| c.is_alphanumeric() || "._-@+".contains(c))
        {
            problems.add(
                "login",
                code::CHARACTER,
                Some("a-z 0-9 . _ - @ +"),
                "takes letters, digits and . _ - @ + only",
            );
        }
        self.name = text::line(problems, "name", &self.name, 1, 100);
        self.email = self
            .email
            .take()
            .map(|email| email.trim().to_owned())
            .filter(|email| !email.is_empty());
        if let Some(email) = &self.email {
            text::email(problems, "email", email);
        }
        working_hours::check(&self.working_hours, problems);
        verified_number::check(problems, &self.verified_numbers, self.caller_id.as_ref());
    }
}
