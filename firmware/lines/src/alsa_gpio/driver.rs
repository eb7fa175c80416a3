//! The threads of a line card.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use embedded_hal::digital::{InputPin, OutputPin};
use ramal_dsp::Law;
use ramal_model::Country;

use super::{CodecCard, LinePins, POLL, Pcm, PcmError, Poller};
use crate::{Driver, LineError, Port, PortNames, PortStatus};

/// Between two attempts at a card that is gone.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A line card that runs. Ends when dropped.
pub struct CodecLines {
    ports: Vec<Port>,
    status: Arc<Mutex<Vec<PortStatus>>>,
    stop: Arc<AtomicBool>,
}

impl CodecLines {
    /// Starts both threads of a card; arguments as [`CodecCard::new`].
    ///
    /// # Errors
    /// [`LineError::Start`].
    pub fn start<P, I, O>(
        pcm: P,
        law: Law,
        pins: Vec<LinePins<I, O>>,
        country: Country,
        names: &mut PortNames,
    ) -> Result<Self, LineError>
    where
        P: Pcm + 'static,
        I: InputPin + Send + 'static,
        O: OutputPin + Send + 'static,
    {
        let (card, ports, poller) = CodecCard::new(pcm, law, pins, country, names);
        let status = Arc::new(Mutex::new(card.status().cloned().collect()));
        let stop = Arc::new(AtomicBool::new(false));
        let lines = CodecLines {
            ports,
            status: Arc::clone(&status),
            stop: Arc::clone(&stop),
        };
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new()
                .name(name.into())
                .spawn(work)
                .map_err(|error| LineError::Start(error.to_string()))
        };
        let stopped = Arc::clone(&stop);
        spawn("line-pins", Box::new(move || look(poller, &stopped)))?;
        spawn("line-sound", Box::new(move || sound(card, &status, &stop)))?;
        Ok(lines)
    }
}

fn look<I: InputPin, O: OutputPin>(mut poller: Poller<I, O>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        poller.poll(now);
        thread::sleep(POLL.saturating_sub(now.elapsed()));
    }
}

fn sound<P: Pcm>(mut card: CodecCard<P>, status: &Mutex<Vec<PortStatus>>, stop: &AtomicBool) {
    let mut was_gone = false;
    while !stop.load(Ordering::Relaxed) {
        let result = card.block(Instant::now);
        let gone = matches!(result, Err(PcmError::Gone(_)));
        match result {
            Err(error) if !was_gone => tracing::warn!(%error, "a line card"),
            _ => {}
        }
        was_gone = gone;
        if gone {
            thread::sleep(AGAIN_AFTER);
        }
        let mut shown = status.lock().unwrap_or_else(PoisonError::into_inner);
        for (shown, now) in shown.iter_mut().zip(card.status()) {
            if shown != now {
                shown.clone_from(now);
            }
        }
    }
}

impl Driver for CodecLines {
    fn name(&self) -> &'static str {
        "alsa_gpio"
    }

    fn take_ports(&mut self) -> Vec<Port> {
        std::mem::take(&mut self.ports)
    }

    fn status(&self) -> Vec<PortStatus> {
        self.status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for CodecLines {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
