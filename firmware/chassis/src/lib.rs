//! What a gateway's box has besides lines: lights, a reset button, the lifeline relay, temperatures, the disk's health and the
//! hardware's watchdog.
//!
//! [`Board`] says what there is: the `chassis` table of the board's description. [`Chassis`] has two threads: one looks at the
//! pins every [`TICK`] and sets them ([`Front`]), the other measures every [`MEASURE`] ([`Sensors`]). The gateway tells how it is
//! ([`Chassis::tell`], a [`Gateway`]); what the chassis knows is its [`State`], and of that what is wrong are
//! [`State::alarms`].
//!
//! All decisions are made without pins and clocks: [`Lifeline`], [`StartButton`] and [`Contact`], [`Pattern`], [`Thermometer`]
//! take readings and the time. Pins are [`embedded_hal::digital`]'s and sensors [`embedded_hal::i2c`]'s, so that the same code
//! runs on any board and in tests; on a machine they are those of `gpiocdev` and `linux-embedded-hal`.
//!
//! Data flows `pins -> Front -> State -> the gateway -> Gateway -> Front -> pins` and `sysfs, I2C -> Sensors -> State`.

mod board;
mod button;
mod chassis;
mod disk;
mod front;
mod hwmon;
mod i2c;
mod lifeline;
mod light;
mod sensors;
mod state;
mod temperature;
mod watchdog;

pub use board::{Board, BoardError, LifelineRelay, PortPin, Sensor, SensorKind};
pub use button::{AtStart, BOUNCE, Button, CONFIRM, Contact, HOLD, STUCK, StartButton};
pub use chassis::{Chassis, MEASURE, TICK};
pub use disk::{Disk, SpareBlocks};
pub use front::{Front, FrontPins, STALE};
pub use i2c::{Bus, BusError};
pub use lifeline::{Conditions, Lifeline, Reason};
pub use light::{Pattern, PortLight, Status, alarm_pattern};
pub use sensors::{Measured, Places, Sensors, lm75};
pub use state::{Gateway, LifelineState, Phase, State, Temperature};
pub use temperature::{DEFAULT_LIMITS, Heat, Limits, Thermometer};
pub use watchdog::Watchdog;
