//! The pins of a line card through the kernel's GPIO character device (`GPIO_V2_*`).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use embedded_hal::digital::{Error, ErrorKind, ErrorType, InputPin, OutputPin};
use gpiocdev::Request;
use gpiocdev::line::{Offset, Value, Values};

/// Who holds the pins, as `gpioinfo` shows it.
const CONSUMER: &str = "ramald";
/// Between two attempts at a chip that is gone.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A pin of a chip as a board describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its number on the chip, from 0.
    pub offset: Offset,
    /// It means yes when its voltage is low.
    pub active_low: bool,
}

/// The pins of one chip, read all together: behind such a chip lies a bus on which every reading takes time.
#[derive(Debug)]
pub struct GpioChip {
    label: String,
    inputs: Vec<Pin>,
    outputs: Vec<(Pin, Value)>,
    request: Option<Request>,
    next_try: Instant,
    values: Values,
    /// Inputs that were looked at since the last reading. One that is looked at again wants a new one.
    seen: Vec<bool>,
}

/// Why a pin could not be read or set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpioError {
    /// There is no chip with this label.
    #[error("there is no GPIO chip {0}; check the card, its driver, and the board's description")]
    Missing(String),
    /// The kernel's refusal.
    #[error("the GPIO chip {0} refuses: {1}")]
    Refused(String, String),
}

impl Error for GpioError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

/// A chip whose pins are requested by more than one owner, all of them on one thread.
#[derive(Clone, Debug)]
pub struct SharedChip(Arc<Mutex<GpioChip>>);

impl SharedChip {
    /// The chip with this label, as `gpiodetect` shows it. It is looked for when the first pin is used.
    #[must_use]
    pub fn new(label: &str) -> Self {
        SharedChip(Arc::new(Mutex::new(GpioChip {
            label: label.to_owned(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            request: None,
            next_try: Instant::now(),
            values: Values::default(),
            seen: Vec::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, GpioChip> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pin to be read.
    #[must_use]
    pub fn input(&self, pin: Pin) -> GpioInput {
        let mut chip = self.lock();
        chip.inputs.push(pin);
        chip.seen.push(true);
        GpioInput {
            chip: self.clone(),
            place: chip.inputs.len() - 1,
        }
    }

    /// A pin to be set; it is off at first.
    #[must_use]
    pub fn output(&self, pin: Pin) -> GpioOutput {
        let mut chip = self.lock();
        chip.outputs.push((pin, Value::Inactive));
        GpioOutput {
            chip: self.clone(),
            place: chip.outputs.len() - 1,
        }
    }
}

impl GpioChip {
    fn refused(&self, error: &dyn fmt::Display) -> GpioError {
        GpioError::Refused(self.label.clone(), error.to_string())
    }

    /// Requests all pins, if they are not held already. A chip that was gone gets back what its outputs were set to.
    fn open(&mut self) -> Result<(), GpioError> {
        if self.request.is_some() {
            return Ok(());
        }
        let missing = || GpioError::Missing(self.label.clone());
        let now = Instant::now();
        if now < self.next_try {
            return Err(missing());
        }
        self.next_try = now + AGAIN_AFTER;
        let chips = gpiocdev::chip::chips().map_err(|error| self.refused(&error))?;
        let path = chips.into_iter().find(|path| {
            gpiocdev::chip::Chip::from_path(path)
                .and_then(|chip| chip.info())
                .is_ok_and(|info| info.label == self.label)
        });
        let mut request = Request::builder();
        request
            .on_chip(path.ok_or_else(missing)?)
            .with_consumer(CONSUMER);
        for (pin, value) in &self.outputs {
            request.with_line(pin.offset).as_output(*value);
            level(&mut request, *pin);
        }
        for pin in &self.inputs {
            request.with_line(pin.offset).as_input();
            level(&mut request, *pin);
        }
        self.request = Some(request.request().map_err(|error| self.refused(&error))?);
        let offsets: Vec<_> = self.inputs.iter().map(|pin| pin.offset).collect();
        self.values = Values::from_offsets(&offsets);
        self.seen.fill(true);
        Ok(())
    }

    fn read(&mut self, place: usize) -> Result<bool, GpioError> {
        self.open()?;
        let seen = self
            .seen
            .get_mut(place)
            .map(|seen| std::mem::replace(seen, true));
        if seen != Some(false)
            && let Some(request) = &self.request
        {
            if let Err(error) = request.values(&mut self.values) {
                self.request = None;
                return Err(self.refused(&error));
            }
            self.seen.fill(false);
            if let Some(seen) = self.seen.get_mut(place) {
                *seen = true;
            }
        }
        let pin = self.inputs.get(place);
        Ok(pin.and_then(|pin| self.values.get(pin.offset)) == Some(Value::Active))
    }

    fn set(&mut self, place: usize, on: bool) -> Result<(), GpioError> {
        let Some((pin, value)) = self.outputs.get_mut(place) else {
            return Ok(());
        };
        *value = Value::from(on);
        let (pin, value) = (*pin, *value);
        self.open()?;
        if let Some(request) = &self.request
            && let Err(error) = request.set_value(pin.offset, value)
        {
            self.request = None;
            return Err(self.refused(&error));
        }
        Ok(())
    }
}

fn level(request: &mut gpiocdev::request::Builder, pin: Pin) {
    if pin.active_low {
        request.as_active_low();
    } else {
        request.as_active_high();
    }
}

/// A pin that is read.
#[derive(Debug)]
pub struct GpioInput {
    chip: SharedChip,
    place: usize,
}

/// A pin that is set.
#[derive(Debug)]
pub struct GpioOutput {
    chip: SharedChip,
    place: usize,
}

impl ErrorType for GpioInput {
    type Error = GpioError;
}

impl ErrorType for GpioOutput {
    type Error = GpioError;
}

impl InputPin for GpioInput {
    fn is_high(&mut self) -> Result<bool, GpioError> {
        self.chip.lock().read(self.place)
    }

    fn is_low(&mut self) -> Result<bool, GpioError> {
        self.is_high().map(|high| !high)
    }
}

impl OutputPin for GpioOutput {
    fn set_low(&mut self) -> Result<(), GpioError> {
        self.chip.lock().set(self.place, false)
    }

    fn set_high(&mut self) -> Result<(), GpioError> {
        self.chip.lock().set(self.place, true)
    }
}
