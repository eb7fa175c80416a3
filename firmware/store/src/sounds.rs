//! Audio files and classes of music. The sounds themselves lie beside the database.

use ramal_model::{
    Actor, AudioFile, AudioFileChange, AudioFileId, MusicClass, MusicClassId, MusicClassInput,
    NewAudioFile, Recorded,
};

use crate::{
    Store,
    catalogue::refuse_used,
    error::{Result, StoreError},
};

impl Store {
    /// Adds an audio file whose sound lies on the disk.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub async fn create_audio_file(
        &self,
        actor: &Actor,
        input: NewAudioFile,
        sound: Recorded,
    ) -> Result<AudioFile> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let id = AudioFileId(write.next_id()?);
                let file = input.validate(id, sound, &write.configuration)?;
                let mut draft = write.configuration.draft();
                draft.audio_files.insert(id, file.clone());
                write.save(&actor, draft, &[])?;
                Ok(file)
            })
            .await
    }

    /// Changes an audio file, and its sound if there is another one. Gives it as it was and as it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Invalid`].
    pub async fn update_audio_file(
        &self,
        actor: &Actor,
        id: AudioFileId,
        change: AudioFileChange,
        sound: Option<Recorded>,
    ) -> Result<(AudioFile, AudioFile)> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let before = write.configuration.audio_file(id).cloned();
                let before = before.ok_or_else(|| StoreError::not_found("audio file", id))?;
                let after = change.validate(&before, sound, &write.configuration)?;
                let mut draft = write.configuration.draft();
                draft.audio_files.insert(id, after.clone());
                write.save(&actor, draft, &[])?;
                Ok((before, after))
            })
            .await
    }

    /// Deletes an audio file; whoever keeps the sounds deletes its sound.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Referenced`] while something plays it.
    pub async fn delete_audio_file(&self, actor: &Actor, id: AudioFileId) -> Result<AudioFile> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let by = write.configuration.users_of_audio_file(id);
                let mut draft = write.configuration.draft();
                let file = draft
                    .audio_files
                    .remove(&id)
                    .ok_or_else(|| StoreError::not_found("audio file", id))?;
                refuse_used("audio file", &file.name, &by)?;
                write.save(&actor, draft, &[])?;
                Ok(file)
            })
            .await
    }

    /// Adds a class of music.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub async fn create_music_class(
        &self,
        actor: &Actor,
        input: MusicClassInput,
    ) -> Result<MusicClass> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let id = MusicClassId(write.next_id()?);
                let class = input.validate_new(id, &write.configuration)?;
                let mut draft = write.configuration.draft();
                draft.music_classes.insert(id, class.clone());
                write.save(&actor, draft, &[])?;
                Ok(class)
            })
            .await
    }

    /// Changes a class of music.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Invalid`].
    pub async fn update_music_class(
        &self,
        actor: &Actor,
        id: MusicClassId,
        input: MusicClassInput,
    ) -> Result<MusicClass> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let current = write.configuration.music_class(id);
                let current = current.ok_or_else(|| StoreError::not_found("class of music", id))?;
                let class = input.validate_change(current, &write.configuration)?;
                let mut draft = write.configuration.draft();
                draft.music_classes.insert(id, class.clone());
                write.save(&actor, draft, &[])?;
                Ok(class)
            })
            .await
    }

    /// Deletes a class of music; its audio files stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Referenced`] while somebody hears it.
    pub async fn delete_music_class(&self, actor: &Actor, id: MusicClassId) -> Result<()> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let by = write.configuration.users_of_music_class(id);
                let mut draft = write.configuration.draft();
                let class = draft
                    .music_classes
                    .remove(&id)
                    .ok_or_else(|| StoreError::not_found("class of music", id))?;
                refuse_used("class of music", &class.name, &by)?;
                write.save(&actor, draft, &[])
            })
            .await
    }
}
