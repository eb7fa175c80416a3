//! Menus that callers choose from by key (F100-F122).

use std::time::Duration;

use ramal_model::{Destination, Ivr, Stored};

use super::{Journey, Next, Say, Switch};
use crate::call::trace::Step;

/// Keys that interrupt what is said.
const ANY_KEY: &str = "0123456789*#";
/// How long after a digit another one may follow that belongs to the same number.
const BETWEEN_DIGITS: Duration = Duration::from_secs(3);
/// Digits the number of an extension has at most.
const LONGEST_NUMBER: usize = 7;

/// Lets the caller choose.
pub(super) async fn menu<S: Switch>(
    switch: &mut S,
    journey: &mut Journey,
    ivr: &Stored<Ivr>,
) -> Result<Next<S::Taken>, S::Over> {
    switch.step(Step::Ivr {
        ivr: ivr.name.clone(),
    });
    journey.menus += 1;
    switch.answer().await?;
    let mut pressed = match ivr.greeting {
        Some(greeting) => switch.play(&[Say::File(greeting)], ANY_KEY).await?,
        None => None,
    };
    let wait = Duration::from_secs(ivr.wait.clamp(1, 30).unsigned_abs());
    let mut failures = 0;
    while failures < ivr.attempts {
        if pressed.is_none() {
            let language = switch.configuration().spoken_language();
            let spoken = || ivr.speech(language).map(|speech| Say::Spoken(speech.key()));
            let menu: Vec<_> = ivr
                .menu
                .map(Say::File)
                .or_else(spoken)
                .into_iter()
                .collect();
            pressed = switch.play(&menu, ANY_KEY).await?;
        }
        if pressed.is_none() {
            pressed = switch.key(wait).await?;
        }
        let Some(first) = pressed.take() else {
            switch.step(Step::IvrTimeout);
            failures += 1;
            if failures < ivr.attempts {
                let timeout = ivr.timeout.map_or(Say::Own("ivr-timeout"), Say::File);
                pressed = switch.play(&[timeout], ANY_KEY).await?;
            }
            continue;
        };
        let key = first.to_string();
        if ivr.repeat_key.as_deref() == Some(key.as_str()) {
            continue;
        }
        let choice = ivr.keys.iter().find(|one| one.key == key);
        if ivr.dial_extensions && first.is_ascii_digit() {
            let digits = number(switch, first, choice.is_some()).await?;
            let extension = switch.configuration().extension_by_number(&digits);
            if let Some(extension) = extension.filter(|extension| extension.enabled) {
                let id = extension.id;
                switch.step(Step::IvrExtension { number: digits });
                return Ok(Next::Go(Destination::Extension { id }));
            }
            if digits.len() > 1 {
                pressed = invalid(switch, ivr, digits, &mut failures).await?;
                continue;
            }
        }
        let Some(choice) = choice else {
            pressed = invalid(switch, ivr, key, &mut failures).await?;
            continue;
        };
        switch.chose(first);
        switch.step(Step::IvrKey {
            key,
            label: choice.label.clone(),
        });
        return Ok(Next::Go(choice.destination.clone()));
    }
    switch.step(Step::IvrExceeded);
    if let Some(exceeded) = ivr.exceeded {
        switch.play(&[Say::File(exceeded)], "").await?;
    }
    Ok(Next::Go(ivr.on_exceeded.clone()))
}

/// Tells the caller that what he pressed leads nowhere; what he presses meanwhile.
async fn invalid<S: Switch>(
    switch: &mut S,
    ivr: &Ivr,
    keys: String,
    failures: &mut i64,
) -> Result<Option<char>, S::Over> {
    switch.step(Step::IvrInvalid { keys });
    *failures += 1;
    if *failures >= ivr.attempts {
        return Ok(None);
    }
    let invalid = ivr.invalid.map_or(Say::Own("ivr-invalid"), Say::File);
    switch.play(&[invalid], ANY_KEY).await
}

/// The digits of a number that begins with this one, as far as the caller presses them and they can still be one.
async fn number<S: Switch>(
    switch: &mut S,
    first: char,
    is_choice: bool,
) -> Result<String, S::Over> {
    let mut digits = first.to_string();
    loop {
        let configuration = switch.configuration();
        let mut longer = configuration.extensions().iter();
        let may_go_on =
            longer.any(|one| one.number.len() > digits.len() && one.number.starts_with(&digits));
        if !may_go_on || digits.len() >= LONGEST_NUMBER {
            return Ok(digits);
        }
        // A key of the menu must not wait long for what may never come.
        let wait = if is_choice && digits.len() == 1 {
            BETWEEN_DIGITS / 2
        } else {
            BETWEEN_DIGITS
        };
        match switch.key(wait).await? {
            Some(digit) if digit.is_ascii_digit() => digits.push(digit),
            _ => return Ok(digits),
        }
    }
}
