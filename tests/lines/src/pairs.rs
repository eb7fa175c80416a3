//! Analogue lines with battery, polarity and plugs: a card of our own module `dahdi_pairs` (`board/test-modules`), two FXO
//! ports and an FXS port, wired to far ends.

use std::fs;
use std::process::Command;

use ramal_lines::PortKind;
use ramal_lines::dahdi::{AnalogueSpan, Control, Span, SpanSetup, SpanUse, configure, spans};

use crate::until;

/// The ports of the card.
const PORTS: [PortKind; 3] = [PortKind::Fxo, PortKind::Fxo, PortKind::Fxs];
const PARAMETERS: &str = "/sys/module/dahdi_pairs/parameters";

/// The card, in the machine until dropped.
#[derive(Debug)]
pub struct LinePairs {
    /// The ends that are not the gateway's.
    pub far: Span,
}

impl LinePairs {
    /// Puts the card into the machine.
    ///
    /// # Panics
    /// When the module cannot be loaded.
    #[must_use]
    pub fn insert() -> Self {
        Self::insert_with(&[])
    }

    /// Puts the card into the machine with these parameters of the module.
    ///
    /// # Panics
    /// When the module cannot be loaded.
    #[must_use]
    pub fn insert_with(parameters: &[&str]) -> Self {
        let done = Command::new("insmod")
            .args(["/mnt/modules/dahdi_pairs.ko", "fxo=2", "fxs=1"])
            .args(parameters)
            .status()
            .expect("a program of the image");
        assert!(done.success(), "dahdi_pairs: {done}");
        let far = until("the card's spans", || {
            let spans = spans().unwrap_or_default();
            spans
                .into_iter()
                .find(|span| span.name == "PAIRS/1" && span.first_channel > 0)
        });
        let control = Control::open().expect("DAHDI");
        let other = PORTS.map(|kind| match kind {
            PortKind::Fxo => Some(PortKind::Fxs),
            PortKind::Fxs => Some(PortKind::Fxo),
        });
        let setup = SpanSetup {
            usage: SpanUse::Analogue(other.to_vec()),
            crc4: false,
            clock_rank: 0,
        };
        configure(&control, &far, &setup, None).expect("the far ends");
        control.load_zone("ramal", &[1000, 4000]).expect("a zone");
        Self { far }
    }

    /// The card as the driver finds it.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn modules() -> AnalogueSpan {
        let found = ramal_lines::dahdi::DahdiLines::find().expect("DAHDI");
        let card = found.into_iter().find(|span| span.device == "PAIRS/0");
        card.expect("the card is found by its modules")
    }

    /// The channel at the far end of a port, from 0.
    #[must_use]
    pub fn channel(&self, port: u32) -> u32 {
        self.far.first_channel + port
    }

    /// The kernel's word for what the card's canceller does on a port: `ACTIVE`, `INACTIVE`, or nothing.
    ///
    /// # Panics
    /// When the kernel does not tell.
    #[must_use]
    pub fn echo_state(&self, port: u32) -> String {
        let near = spans().unwrap_or_default();
        let near = near.into_iter().find(|span| span.name == "PAIRS/0");
        let near = near.expect("the card");
        let path = format!(
            "/sys/bus/dahdi_channels/devices/dahdi!chan!{:03}!{:03}/ec_state",
            near.number,
            port + 1
        );
        let state = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        state.trim().to_owned()
    }

    /// Pulls the plug of a port, or none.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn unplug(&self, port: Option<u32>) {
        let mask = port.map_or(0, |port| 1 << port);
        self.set_parameter("unplugged", &mask.to_string());
    }

    /// A parameter of the module.
    ///
    /// # Panics
    /// When the kernel has none of the name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> String {
        let text = fs::read_to_string(format!("{PARAMETERS}/{name}")).expect("a parameter");
        text.trim().to_owned()
    }

    /// Sets a parameter of the module.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_parameter(&self, name: &str, value: &str) {
        fs::write(format!("{PARAMETERS}/{name}"), value).expect("a parameter");
    }
}

impl Drop for LinePairs {
    fn drop(&mut self) {
        // Whoever used it may need a moment to let go.
        for _ in 0..200 {
            let done = Command::new("rmmod").arg("dahdi_pairs").output();
            if done.is_ok_and(|done| done.status.success()) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}
