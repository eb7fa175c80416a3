//! U10, U11: lights, reset button, lifeline relay, temperatures and the disk of a box, on the kernel's `gpio-sim`, `i2c-stub`
//! and ext4, with the gateway itself.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use embedded_hal::i2c::I2c;
use gateway_under_test::{Gateway, GatewayError, Options};
use line_tests::gpio::{SimulatedChip, read, run, write};
use line_tests::line_card::{BOARD, FarEnds, SimulatedCard};
use line_tests::until;
use ramal_chassis::{Board, Bus, Chassis, Disk, Gateway as Told, Phase, lm75};
use ramal_lines::{PortId, PortKind, PortStatus};
use serde_json::Value;

type Result<T = ()> = std::result::Result<T, GatewayError>;

/// The front of the box, beside the line card of [`BOARD`].
const FRONT: &str = r#"
[chassis]
pins = "front-panel"
status = 0
alarm = 1
reset_button = 2
active_low = [2]

[chassis.lifeline]
relay = 3
pulse_ms = 50
ports = ["FXS 1", "FXO 1"]

[[chassis.port_light]]
port = "FXS 1"
pin = 5

[[chassis.sensor]]
kind = "lm75"
name = "inside"
bus = "SMBus stub driver"
address = 0x48
high = 60
critical = 75
"#;

const STATUS: u32 = 0;
const ALARM: u32 = 1;
const BUTTON: u32 = 2;
const RELAY: u32 = 3;
const TELEPHONE: u32 = 5;

fn options(board: &str) -> Result<Options> {
    let path = "/tmp/chassis-board.toml";
    fs::write(path, board)?;
    Ok(Options {
        arguments: vec!["--board".to_owned(), path.to_owned()],
        ..Options::default()
    })
}

/// The box's front with nobody at its button.
fn front() -> SimulatedChip {
    let chip = SimulatedChip::insert("front-panel", 8);
    chip.pull(BUTTON, true);
    chip
}

/// How often a pin changes within a second.
fn changes(chip: &SimulatedChip, pin: u32) -> u32 {
    let (end, mut was, mut count) = (Instant::now() + Duration::from_secs(1), chip.is_set(pin), 0);
    while Instant::now() < end {
        let is = chip.is_set(pin);
        count += u32::from(is != was);
        was = is;
        std::thread::sleep(Duration::from_millis(2));
    }
    count
}

/// Waits until a pin changes so often within a second.
fn until_changes(chip: &SimulatedChip, pin: u32, often: std::ops::RangeInclusive<u32>) {
    until(
        &format!("pin {pin} changes {often:?} times a second"),
        || often.contains(&changes(chip, pin)).then_some(()),
    );
}

/// A pin that stays as it is for a second.
fn until_steady(chip: &SimulatedChip, pin: u32, high: bool) {
    until(&format!("pin {pin} stays {high}"), || {
        (changes(chip, pin) == 0 && chip.is_set(pin) == high).then_some(())
    });
}

/// Waits until an answer of the API is so: longer than a cooled sensor takes to end its alarm.
async fn wait(gateway: &Gateway, path: &str, what: &str, is: impl Fn(&Value) -> bool) -> Result {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(150);
    loop {
        let answer = gateway.api().get(path).await?.expect(200)?;
        if is(&answer) {
            return Ok(());
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{what} did not come: {answer}\n{}",
            gateway.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn chassis(gateway: &Gateway, what: &str, is: impl Fn(&Value) -> bool) -> Result {
    wait(gateway, "/api/v1/system", what, |system| {
        is(&system["chassis"])
    })
    .await
}

async fn alarm(gateway: &Gateway, id: &str, raised: bool) -> Result {
    wait(gateway, "/api/v1/alarms", id, |alarms| {
        let mut alarms = alarms.as_array().into_iter().flatten();
        alarms.any(|alarm| alarm["id"] == id) == raised
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_relay_pulses_while_the_gateway_works_and_drops_when_it_is_killed() -> Result {
    let (card, chip) = (SimulatedCard::insert(), front());
    let far = FarEnds::silent();
    let mut gateway = Gateway::start_with(options(&format!("{BOARD}{FRONT}"))?).await?;
    chassis(&gateway, "the lifeline is energised", |chassis| {
        chassis["lifeline"]["energised"] == true
    })
    .await?;
    // 20 changes a second; emulation loses a few.
    until_changes(&chip, RELAY, 12..=22);
    until_steady(&chip, TELEPHONE, false);

    card.lift(true);
    until_steady(&chip, TELEPHONE, true);
    until_changes(&chip, RELAY, 12..=22);
    card.lift(false);
    until_steady(&chip, TELEPHONE, false);

    // Whoever is killed sets no pin any more, and the relay drops by itself.
    gateway.crash().await?;
    assert_eq!(changes(&chip, RELAY), 0);
    gateway.restart().await?;
    until_changes(&chip, RELAY, 12..=22);

    // An orderly end releases it, too, and all is dark.
    gateway.stop().await?;
    for pin in [STATUS, ALARM, RELAY, TELEPHONE] {
        until_steady(&chip, pin, false);
    }
    drop(far);
    Ok(())
}

/// A gateway that serves, with its telephone so.
fn told(off_hook: bool, healthy: bool) -> Told {
    let port = |id, kind, name: &str| PortStatus {
        id: PortId(id),
        kind,
        name: name.to_owned(),
        number: String::new(),
        off_hook,
        ringing: false,
        fault: None,
    };
    Told {
        phase: Phase::Serving,
        healthy,
        ports: vec![
            port(1, PortKind::Fxo, "FXO 1"),
            port(2, PortKind::Fxs, "FXS 1"),
        ],
        ..Told::default()
    }
}

#[test]
fn the_relay_is_not_released_within_a_call_however_ill_the_gateway_is() {
    let chip = front();
    let chassis = Chassis::start(Board::parse(FRONT).unwrap(), Path::new("/tmp")).unwrap();
    until("the relay has pulses", || {
        chassis.tell(told(false, true));
        (changes(&chip, RELAY) >= 12).then_some(())
    });
    // Call control hangs within a call, and then nobody tells anything any more: three times as long as an idle relay stays.
    chassis.tell(told(true, false));
    for second in 0..30 {
        let pulses = changes(&chip, RELAY);
        assert!(pulses >= 12, "{pulses} changes in second {second}");
    }
    // The call is over.
    chassis.tell(told(false, false));
    until("the relay has no pulses", || {
        (changes(&chip, RELAY) == 0).then_some(())
    });
    chassis.stop();
    until_steady(&chip, STATUS, false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn u11_the_button_held_at_the_start_and_let_go_deletes_everything() -> Result {
    let chip = front();
    let mut gateway = Gateway::start_with(options(FRONT)?).await?;
    let set_up = async |gateway: &Gateway| {
        let status = gateway.api().get("/api/v1/status").await?.expect(200)?;
        Ok::<_, GatewayError>(status["set_up"] == true)
    };
    assert!(set_up(&gateway).await?);

    // While it runs the button is shown, and does nothing.
    chip.pull(BUTTON, false);
    chassis(&gateway, "the button is pressed", |chassis| {
        chassis["reset_button"] == "pressed"
    })
    .await?;
    chip.pull(BUTTON, true);
    chassis(&gateway, "the button is released", |chassis| {
        chassis["reset_button"] == "released"
    })
    .await?;
    assert!(set_up(&gateway).await?);

    // Let go too early: it starts as always.
    gateway.stop().await?;
    chip.pull(BUTTON, false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            until_changes(&chip, STATUS, 3..=5);
            chip.pull(BUTTON, true);
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(gateway.restart())
        })
    })?;
    assert!(set_up(&gateway).await?);

    // Let go when the light flashes fast: it starts empty.
    gateway.stop().await?;
    chip.pull(BUTTON, false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            until_changes(&chip, STATUS, 12..=18);
            chip.pull(BUTTON, true);
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(gateway.restart())
        })
    })?;
    assert!(!set_up(&gateway).await?, "{}", gateway.log());
    until_steady(&chip, STATUS, true);
    Ok(())
}

/// Two LM75 on the kernel's bus without hardware: 0x48 is the board's, 0x49 the kernel's driver's.
struct Sensors(Bus);

impl Sensors {
    fn insert() -> Self {
        run("modprobe", &["i2c-dev"]);
        run("modprobe", &["i2c-stub", "chip_addr=0x48,0x49"]);
        let bus = until("the bus is there", || Bus::open("SMBus stub driver").ok());
        Sensors(bus)
    }

    /// In half degrees.
    fn set(&mut self, address: u8, halves: i16) {
        let [high, low] = (halves << 7).to_be_bytes();
        self.0.write(address, &[0, high, low]).unwrap();
    }

    /// The adapter's folder.
    fn adapter() -> PathBuf {
        let adapters = fs::read_dir("/sys/bus/i2c/devices").unwrap().flatten();
        let mut adapters = adapters.map(|entry| entry.path());
        adapters
            .find(|path| {
                fs::read_to_string(path.join("name"))
                    .is_ok_and(|name| name.trim() == "SMBus stub driver")
            })
            .unwrap()
    }
}

impl Drop for Sensors {
    fn drop(&mut self) {
        let _ = fs::write(Self::adapter().join("delete_device"), "0x49");
    }
}

fn temperature(chassis: &Value, name: &str) -> Option<f64> {
    let temperatures = chassis["temperatures"].as_array()?;
    let one = temperatures.iter().find(|one| one["name"] == name)?;
    one["celsius"].as_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn u10_heat_that_lasts_is_an_alarm_and_cooling_ends_it() -> Result {
    let chip = front();
    let mut sensors = Sensors::insert();
    sensors.set(0x48, 51);
    sensors.set(0x49, 62);
    assert_eq!(lm75(&mut sensors.0, 0x48).unwrap(), 25.5);
    // The kernel's own driver for the other.
    run("modprobe", &["lm75"]);
    write(&Sensors::adapter().join("new_device"), "lm75 0x49");
    let gateway = Gateway::start_with(options(FRONT)?).await?;
    chassis(&gateway, "both temperatures", |chassis| {
        temperature(chassis, "inside") == Some(25.5) && temperature(chassis, "lm75") == Some(31.0)
    })
    .await?;
    until_steady(&chip, ALARM, false);

    sensors.set(0x48, 130);
    alarm(&gateway, "chassis_hot:inside", true).await?;
    // Major: the alarm light is steady, the status light flashes twice in two seconds.
    until_steady(&chip, ALARM, true);
    until_changes(&chip, STATUS, 1..=3);
    sensors.set(0x48, 160);
    alarm(&gateway, "chassis_too_hot:inside", true).await?;
    alarm(&gateway, "chassis_hot:inside", false).await?;
    let metrics = gateway.api().get("/api/v1/metrics").await?;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let sample = "ramal_temperature_celsius{sensor=\"inside\"} 80";
    assert!(metrics.contains(sample), "{metrics}");
    sensors.set(0x48, 60);
    alarm(&gateway, "chassis_too_hot:inside", false).await?;
    until_steady(&chip, STATUS, true);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn u10_a_front_panel_that_is_gone_is_an_alarm_until_it_is_back() -> Result {
    let mut chip = front();
    let gateway = Gateway::start_with(options(FRONT)?).await?;
    until_steady(&chip, STATUS, true);
    chip.take_out();
    alarm(&gateway, "chassis_pins", true).await?;
    chip.put_back();
    chip.pull(BUTTON, true);
    alarm(&gateway, "chassis_pins", false).await?;
    until_steady(&chip, STATUS, true);
    Ok(())
}

#[test]
fn u10_errors_of_the_file_system_are_seen_as_the_kernel_counts_them() {
    run("modprobe", &["-a", "loop", "ext4"]);
    let (file, folder) = ("/tmp/disk.img", Path::new("/tmp/disk"));
    fs::File::create(file).unwrap().set_len(16 << 20).unwrap();
    run("mkfs.ext4", &["-q", "-F", file]);
    fs::create_dir_all(folder).unwrap();
    run("mount", &["-o", "loop", file, "/tmp/disk"]);
    let disk = Disk::of(folder).expect("a disk");
    assert!(disk.device.starts_with("loop"), "{disk:?}");
    assert_eq!(disk.file_system_errors, Some(0));
    let trigger = Path::new("/sys/fs/ext4").join(&disk.device);
    write(&trigger.join("trigger_fs_error"), "a test");
    let damaged = Disk::of(folder).expect("a disk");
    assert_eq!(read(&trigger.join("errors_count")), "1");
    assert_eq!(damaged.file_system_errors, Some(1));
    assert!(damaged.damaged());
    run("umount", &["/tmp/disk"]);
}
