//! What callers and owners of voicemail boxes hear: leaving a message ([`leave`]), listening to those there are
//! ([`listen`]), speaking a greeting ([`greeting`]); all of them record somebody alone ([`take`]).

mod greeting;
mod leave;
mod listen;
mod take;

use std::time::Duration;

pub(super) use self::leave::leave_message;
pub(super) use self::listen::{Whose, listen};

use self::take::{Ended, Limits, Take};
use super::voice::{Interrupted, Voice};

/// How long somebody may think about what to press.
const PATIENCE: Duration = Duration::from_secs(8);

/// What somebody wants of what he has spoken.
enum Verdict {
    /// It is good.
    Keep,
    /// He speaks it again.
    Again,
}

/// Lets somebody hear what he has spoken, and keep it or speak it again. Who says nothing keeps it.
async fn review(voice: &mut Voice<'_>, take: &Take) -> Result<Verdict, Interrupted> {
    for _ in 0..3 {
        match voice.ask(&["vm-review"], PATIENCE).await? {
            Some('2') => {
                if let Some(sound) = voice.open(take.path.clone()).await? {
                    voice.play_until_key(vec![sound]).await?;
                }
            }
            Some('3') => return Ok(Verdict::Again),
            Some('1') | None => return Ok(Verdict::Keep),
            Some(_) => {}
        }
    }
    Ok(Verdict::Keep)
}
