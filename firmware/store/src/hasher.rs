//! Password hashing, on one thread of its own: it is slow and takes memory by design, so never two at once.

use std::thread;

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use ramal_model::Secret;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Result, StoreError};

/// Hashes that may wait. Whoever comes later is told to try again, instead of waiting behind an attacker.
const QUEUE: usize = 16;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Default for HashCost {
    /// The OWASP recommendation for Argon2id with one lane, which a small board can spare: 19 MiB, two passes.
    fn default() -> Self {
        HashCost {
            memory_kib: 19 * 1024,
            passes: 2,
        }
    }
}

/// Bounds of what is accepted from an imported document, so that nobody imports a hash that takes minutes to verify.
const MOST_MEMORY_KIB: u32 = 64 * 1024;
const MOST_PASSES: u32 = 10;

enum Job {
    Hash(Secret, oneshot::Sender<Result<String>>),
    Verify(Secret, Option<String>, oneshot::Sender<bool>),
}

/// Handle of the hashing thread.
#[derive(Clone)]
pub(crate) struct Hasher {
    queue: mpsc::Sender<Job>,
}

impl Hasher {
    pub fn start(cost: HashCost) -> Result<Hasher> {
        let argon2 = argon2(cost)?;
        let decoy = decoy(cost);
        let (queue, mut jobs) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("store-hasher".into())
            .spawn(move || {
                while let Some(job) = jobs.blocking_recv() {
                    match job {
                        Job::Hash(password, reply) => {
                            let _ = reply.send(hash(&argon2, &password));
                        }
                        // A caller that gave up gets no work done; a flood of log-ins melts away by itself.
                        Job::Verify(_, _, reply) if reply.is_closed() => {}
                        Job::Verify(password, stored, reply) => {
                            let matches = verify(&password, stored.as_deref().unwrap_or(&decoy));
                            let _ = reply.send(matches && stored.is_some());
                        }
                    }
                }
            })
            .map_err(|error| {
                StoreError::Database(format!("cannot start the hashing thread: {error}"))
            })?;
        Ok(Hasher { queue })
    }

    /// The PHC string of a new hash.
    pub async fn hash(&self, password: Secret) -> Result<String> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .try_send(Job::Hash(password, reply))
            .map_err(refused)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Whether the password has this hash. Without a hash it works as long and says no.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> Result<bool> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .try_send(Job::Verify(password, stored, reply))
            .map_err(refused)?;
        answer.await.map_err(|_| StoreError::Closed)
    }
}

fn refused<T>(error: mpsc::error::TrySendError<T>) -> StoreError {
    match error {
        mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
        mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
    }
}

fn argon2(cost: HashCost) -> Result<Argon2<'static>> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, None)
        .map_err(|error| StoreError::Database(format!("unusable hash parameters: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(argon2: &Argon2<'_>, password: &Secret) -> Result<String> {
    argon2
        .hash_password(password.as_str().as_bytes())
        .map(|hash: PasswordHash| hash.to_string())
        .map_err(|error| StoreError::Database(format!("a password could not be hashed: {error}")))
}

fn verify(password: &Secret, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_str().as_bytes(), &hash)
            .is_ok()
    })
}

/// A hash that no password has, of the same cost as the others.
fn decoy(cost: HashCost) -> String {
    format!(
        "$argon2id$v=19$m={},t={},p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        cost.memory_kib, cost.passes
    )
}

/// Whether an imported text is an Argon2id hash of acceptable cost.
pub(crate) fn is_acceptable(stored: &str) -> bool {
    let Ok(hash) = PasswordHash::new(stored) else {
        return false;
    };
    let within = |name: &str, most: u32| {
        hash.params
            .get_decimal(name)
            .is_some_and(|value| (1..=most).contains(&value))
    };
    hash.algorithm.as_str() == "argon2id"
        && within("m", MOST_MEMORY_KIB)
        && within("t", MOST_PASSES)
        && within("p", 4)
        && hash.salt.is_some()
        && hash.hash.is_some()
        && Params::try_from(&hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_argon2id_of_bearable_cost_is_acceptable() {
        let own = hash(
            &argon2(HashCost {
                memory_kib: 64,
                passes: 1,
            })
            .unwrap(),
            &Secret::new("x".into()),
        )
        .unwrap();
        assert!(is_acceptable(&own), "{own}");
        assert!(is_acceptable(&decoy(HashCost::default())));
        assert!(!is_acceptable(&decoy(HashCost {
            memory_kib: 4 * 1024 * 1024,
            passes: 2
        })));
        assert!(!is_acceptable(&decoy(HashCost {
            memory_kib: 64,
            passes: 100_000
        })));
        assert!(!is_acceptable(&own.replace("argon2id", "argon2i")));
        assert!(!is_acceptable("secret"));
        assert!(!is_acceptable(""));
        assert!(!is_acceptable("$argon2id$v=19$m=64,t=1,p=1"));
    }

    #[test]
    fn the_decoy_parses_and_fits_no_password() {
        let decoy = decoy(HashCost {
            memory_kib: 64,
            passes: 1,
        });
        assert!(PasswordHash::new(&decoy).is_ok());
        assert!(!verify(&Secret::new(String::new()), &decoy));
    }
}
