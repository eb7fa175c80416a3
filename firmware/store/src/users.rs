//! Users and their passwords.

use ramal_model::{
    Actor, NewUser, Secret, User, UserChange, UserId, Verification, VerifiedNumber,
    validate_deletion,
};
use rusqlite::OptionalExtension;

use crate::{
    Store,
    catalogue::refuse_used,
    error::{Result, StoreError},
};

impl Store {
    /// Adds a user.
    ///
    /// # Errors
    /// [`StoreError::Invalid`], [`StoreError::Overloaded`].
    pub async fn create_user(&self, actor: &Actor, new: NewUser) -> Result<User> {
        let actor = actor.clone();
        new.validate(UserId(0), &self.configuration())?;
        let hash = self.hasher.hash(new.password.clone()).await?;
        let pin = match new.agent_pin.clone() {
            Some(pin) => Some(self.hasher.hash(pin).await?),
            None => None,
        };
        self.writer
            .run(move |write| {
                let id = UserId(write.next_id()?);
                let user = new.validate(id, &write.configuration)?;
                let mut draft = write.configuration.draft();
                draft.users.insert(id, user.clone());
                draft.follow_companies();
                draft.agent_pins.extend(pin.map(|pin| (id, pin)));
                write.save(&actor, draft, &[(id, hash)])?;
                Ok(user)
            })
            .await
    }

    /// Changes a user. A new password or deactivation ends his sessions.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Invalid`], [`StoreError::Overloaded`].
    pub async fn update_user(&self, actor: &Actor, id: UserId, change: UserChange) -> Result<User> {
        let actor = actor.clone();
        let configuration = self.configuration();
        change.validate(
            configuration.user(id).ok_or_else(|| missing(id))?,
            &configuration,
        )?;
        let hash = match &change.password {
            Some(password) => Some(self.hasher.hash(password.clone()).await?),
            None => None,
        };
        let pin = match &change.agent_pin {
            Some(Some(pin)) => Some(Some(self.hasher.hash(pin.clone()).await?)),
            Some(None) => Some(None),
            None => None,
        };
        self.writer
            .run(move |write| {
                let current = write.configuration.user(id).ok_or_else(|| missing(id))?;
                let user = change.validate(current, &write.configuration)?;
                let log_out = hash.is_some() || !user.active;
                let mut draft = write.configuration.draft();
                draft.users.insert(id, user.clone());
                draft.follow_companies();
                match pin {
                    Some(Some(pin)) => drop(draft.agent_pins.insert(id, pin)),
                    Some(None) => drop(draft.agent_pins.remove(&id)),
                    None => {}
                }
                let passwords: Vec<_> = hash.into_iter().map(|hash| (id, hash)).collect();
                write.save(&actor, draft, &passwords)?;
                if log_out {
                    write
                        .connection
                        .prepare_cached("DELETE FROM sessions WHERE user = ?1")?
                        .execute([id.0])?;
                }
                Ok(user)
            })
            .await
    }

    /// Notes that a number is a user's own; one that he has already is his in this way from now on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Invalid`].
    pub async fn verify_number(
        &self,
        actor: &Actor,
        id: UserId,
        number: String,
        verified_by: Verification,
    ) -> Result<User> {
        self.change_numbers(actor, id, move |user, now| {
            user.verified_numbers.retain(|one| one.number != number);
            user.verified_numbers.push(VerifiedNumber {
                number,
                verified_by,
                verified_at: now,
            });
            Ok(())
        })
        .await
    }

    /// Takes a verified number from a user, who shows it no more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also when it is none of his.
    pub async fn forget_number(&self, actor: &Actor, id: UserId, number: String) -> Result<User> {
        self.change_numbers(actor, id, move |user, _| {
            let has = |one: &VerifiedNumber| one.number == number;
            if !user.verified_numbers.iter().any(has) {
                return Err(StoreError::not_found("verified number", &number));
            }
            user.verified_numbers.retain(|one| !has(one));
            user.caller_id.take_if(|shown| *shown == number);
            Ok(())
        })
        .await
    }

    async fn change_numbers(
        &self,
        actor: &Actor,
        id: UserId,
        change: impl FnOnce(&mut User, i64) -> Result<()> + Send + 'static,
    ) -> Result<User> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let mut user = write.configuration.user(id).cloned();
                let user = user.as_mut().ok_or_else(|| missing(id))?;
                change(user, write.now)?;
                // Nothing else changes, and everything is checked.
                let user = UserChange::default().validate(user, &write.configuration)?;
                let mut draft = write.configuration.draft();
                draft.users.insert(id, user.clone());
                write.save(&actor, draft, &[])?;
                Ok(user)
            })
            .await
    }

    /// Deletes a user with his sessions. The last active administrator stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Invalid`], [`StoreError::Referenced`] while something rings him.
    pub async fn delete_user(&self, actor: &Actor, id: UserId) -> Result<()> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                validate_deletion(id, &write.configuration)?;
                let mut draft = write.configuration.draft();
                let user = draft.users.remove(&id).ok_or_else(|| missing(id))?;
                draft.agent_pins.remove(&id);
                let by = write.configuration.referring_to("user", id.0);
                refuse_used("user", &user.login, &by)?;
                write.save(&actor, draft, &[])
            })
            .await
    }

    /// Whether this is an agent's PIN. One that he does not have takes as long as a wrong one.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`].
    pub async fn verify_agent_pin(&self, id: UserId, pin: Secret) -> Result<bool> {
        let stored = self.configuration().agent_pin_hash(id).map(str::to_owned);
        self.hasher.verify(pin, stored).await
    }

    /// The active user with this login, when the password is his. An unknown login takes as long as a wrong password.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`].
    pub async fn verify_password(&self, login: &str, password: Secret) -> Result<Option<User>> {
        let user = self.configuration().user_by_login(login).cloned();
        let id = user.as_ref().map_or(UserId(0), |user| user.id);
        let stored = self
            .readers
            .run(move |connection| {
                Ok(connection
                    .prepare_cached("SELECT hash FROM user_passwords WHERE user = ?1")?
                    .query_row([id.0], |row| row.get(0))
                    .optional()?)
            })
            .await?;
        // Longer passwords than are ever accepted are not worth their hashing.
        let longest = 4 * ramal_model::password::MAX_LENGTH;
        let matches =
            password.as_str().len() <= longest && self.hasher.verify(password, stored).await?;
        Ok(user.filter(|user| matches && user.active))
    }
}

fn missing(id: UserId) -> StoreError {
    StoreError::not_found("user", id)
}
