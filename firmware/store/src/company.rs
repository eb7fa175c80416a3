//! The first set-up, and the company.

use ramal_model::{
    Actor, AudioFileId, Company, FeatureCodes, Invalid, NewAdmin, NewCompany, NewSipSettings,
    NewTollSettings, RecordingSettings, RecordingSettingsChange, SipSettings, TollSettings, UserId,
    code,
};

use crate::{
    Store,
    error::{Result, StoreError},
};

impl Store {
    /// Does the first set-up: the company and its first administrator, both or neither.
    ///
    /// # Errors
    /// [`StoreError::AlreadySetUp`] after the first time; [`StoreError::Invalid`] with the fields of both, the
    /// administrator's as `admin.login` and so on, the company's as `company.country`.
    pub async fn set_up(&self, company: NewCompany, admin: NewAdmin) -> Result<UserId> {
        if self.configuration().is_set_up() {
            return Err(StoreError::AlreadySetUp);
        }
        // Before the costly hash; the writer checks again.
        check(&company, &admin, UserId(1))?;
        let hash = self.hasher.hash(admin.password.clone()).await?;
        self.writer
            .run(move |write| {
                if write.configuration.is_set_up() {
                    return Err(StoreError::AlreadySetUp);
                }
                let id = UserId(write.next_id()?);
                let (company, user) = check(&company, &admin, id)?;
                let mut draft = write.configuration.draft();
                draft.company = Some(company);
                draft.users.insert(id, user);
                write.save(&Actor::SetUp, draft, &[(id, hash)])?;
                Ok(id)
            })
            .await
    }

    /// Changes the company; fields left out go back to the country's defaults.
    ///
    /// # Errors
    /// [`StoreError::NotSetUp`], [`StoreError::Invalid`].
    pub async fn change_company(&self, actor: &Actor, company: NewCompany) -> Result<Company> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                if !write.configuration.is_set_up() {
                    return Err(StoreError::NotSetUp);
                }
                let (limits, park_seconds) = (company.limits, company.park_seconds);
                let mut company = company.validate(&write.configuration)?;
                let mut draft = write.configuration.draft();
                if let Some(before) = draft.company.take() {
                    company.recording = before.recording;
                    company.voicemail_greeting = before.voicemail_greeting;
                    company.feature_codes = before.feature_codes;
                    company.sip = before.sip;
                    company.toll = before.toll;
                    company.limits = limits.unwrap_or(before.limits);
                    if park_seconds.is_none() {
                        company.park_seconds = before.park_seconds;
                    }
                    // Moved to a country that asks for a notice: it is given again.
                    if let Err(invalid) = RecordingSettingsChange::default().validate(&company) {
                        tracing::warn!(%invalid, "the recording notice is switched on again");
                        company.recording.notice = true;
                    }
                }
                draft.company = Some(company.clone());
                write.save(&actor, draft, &[])?;
                Ok(company)
            })
            .await
    }

    /// Says what callers of voicemail boxes hear that have no greeting of their own; none is the gateway's own words.
    ///
    /// # Errors
    /// [`StoreError::NotSetUp`], [`StoreError::Invalid`] when there is no such audio file.
    pub async fn change_voicemail_greeting(
        &self,
        actor: &Actor,
        greeting: Option<AudioFileId>,
    ) -> Result<()> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                if let Some(id) = greeting
                    && write.configuration.audio_file(id).is_none()
                {
                    let message = format!("there is no audio file {id}");
                    return Err(
                        Invalid::one("greeting", code::NO_SUCH_OBJECT, None, message).into(),
                    );
                }
                let mut draft = write.configuration.draft();
                let company = draft.company.as_mut().ok_or(StoreError::NotSetUp)?;
                company.voicemail_greeting = greeting;
                write.save(&actor, draft, &[])
            })
            .await
    }

    /// Changes the feature codes.
    ///
    /// # Errors
    /// [`StoreError::NotSetUp`], [`StoreError::Invalid`] with each code that cannot be told from another, or from what
    /// else can be dialled.
    pub async fn change_feature_codes(
        &self,
        actor: &Actor,
        codes: FeatureCodes,
    ) -> Result<FeatureCodes> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let codes = codes.validate(&write.configuration)?;
                let mut draft = write.configuration.draft();
                let company = draft.company.as_mut().ok_or(StoreError::NotSetUp)?;
                company.feature_codes = codes.clone();
                write.save(&actor, draft, &[])?;
                Ok(codes)
            })
            .await
    }

    /// Changes the settings of SIP.
    ///
    /// # Errors
    /// [`StoreError::NotSetUp`], [`StoreError::Invalid`].
    pub async fn change_sip_settings(
        &self,
        actor: &Actor,
        settings: NewSipSettings,
    ) -> Result<SipSettings> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let settings = settings.validate()?;
                let mut draft = write.configuration.draft();
                let company = draft.company.as_mut().ok_or(StoreError::NotSetUp)?;
                company.sip = settings.clone();
                write.save(&actor, draft, &[])?;
                Ok(settings)
            })
            .await
    }

    /// Changes which other countries may be called.
    ///
    /// # Errors
    /// [`StoreError::NotSetUp`], [`StoreError::Invalid`].
    pub async fn change_toll_settings(
        &self,
        actor: &Actor,
        settings: NewTollSettings,
    ) -> Result<TollSettings> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let settings = settings.validate()?;
                let mut draft = write.configuration.draft();
                let company = draft.company.as_mut().ok_or(StoreError::NotSetUp)?;
                company.toll = settings.clone();
                write.save(&actor, draft, &[])?;
                Ok(settings)
            })
            .await
    }

    /// Changes the settings for recording.
    ///
    /// # Errors
    /// [`StoreError::NotSetUp`], [`StoreError::Invalid`].
    pub async fn change_recording_settings(
        &self,
        actor: &Actor,
        change: RecordingSettingsChange,
    ) -> Result<RecordingSettings> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                if let Some(Some(id)) = change.notice_file
                    && write.configuration.audio_file(id).is_none()
                {
                    let message = format!("there is no audio file {id}");
                    return Err(
                        Invalid::one("notice_file", code::NO_SUCH_OBJECT, None, message).into(),
                    );
                }
                let mut draft = write.configuration.draft();
                let company = draft.company.as_mut().ok_or(StoreError::NotSetUp)?;
                company.recording = change.validate(company)?;
                let settings = company.recording.clone();
                write.save(&actor, draft, &[])?;
                Ok(settings)
            })
            .await
    }
}

fn check(
    company: &NewCompany,
    admin: &NewAdmin,
    id: UserId,
) -> Result<(Company, ramal_model::User)> {
    let mut problems = ramal_model::Problems::default();
    let company = company
        .validate_set_up()
        .map_err(|invalid| problems.nest("company", invalid))
        .ok();
    let user = admin
        .validate(id)
        .map_err(|invalid| problems.nest("admin", invalid))
        .ok();
    problems.finish(())?;
    company.zip(user).ok_or(StoreError::NotSetUp)
}
