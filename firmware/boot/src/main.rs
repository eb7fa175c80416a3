//! `ramal-boot`: the boot state and the verified root as commands. In the initramfs, in the running system, as RAUC's
//! back end for the boot loader, and where disks are made.

use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use nix::sys::reboot::{RebootMode, reboot};
use ramal_boot::disk::{Disk, Role};
use ramal_boot::watch::{NAME, Watch};
use ramal_boot::{Area, AreaError, Second, Slot, Start, State, damage, verity};

const USAGE: &str = "\
usage: ramal-boot COMMAND
  open                      in the initramfs: map the system to start as /dev/dm-N and print that name
  settle                    in the running system: note what the start itself has told
  end                       in the running system: it comes to an orderly end
  fail REASON               the running system is not to be started again
  status                    the boot state as JSON
  get-current, get-primary, set-primary SLOT, get-state SLOT, set-state SLOT good|bad
                            as RAUC calls them
  create FILE SLOT          a boot state where SLOT works and the other is empty
  uuid PARTITION            the GUID of a partition
";

/// Where other programs of the running system find the state.
const PUBLISHED: &str = "/run/ramal-boot/state.json";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ramal-boot: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Outcome<()> {
    match words {
        ["open"] => open(),
        ["watch", state, slot, start] => watch(Path::new(state), slot.parse()?, start.parse()?),
        ["settle"] => settle(),
        ["end"] => Ok(area()?.note_start(None)?),
        ["fail", reason] => publish(&area()?.leave(running()?, start()?, reason)?),
        ["status"] => {
            print!("{}", describe(&area()?.read()?)?);
            Ok(())
        }
        ["get-current"] => print_line(running()?),
        ["get-primary"] => print_line(area()?.read()?.next()),
        ["set-primary", slot] => {
            let slot = slot.parse()?;
            change(|state| {
                state.activate(slot);
                Ok(())
            })
        }
        ["get-state", slot] => {
            let good = area()?.read()?.is_good(slot.parse()?);
            print_line(if good { "good" } else { "bad" })
        }
        ["set-state", slot, "good"] => {
            let (slot, running) = (slot.parse()?, running()?);
            change(|state| Ok(state.succeed(slot, running)?))
        }
        ["set-state", slot, "bad"] => {
            let slot = slot.parse()?;
            change(|state| Ok(state.empty(slot)?))
        }
        ["create", file, slot] => {
            let file = fs::OpenOptions::new().read(true).write(true).open(file)?;
            Area::new(file).create(slot.parse()?)?;
            Ok(())
        }
        ["uuid", role] => print_line(role.parse::<Role>()?.guid()),
        _ => Err(USAGE.into()),
    }
}

fn print_line(text: impl std::fmt::Display) -> Outcome<()> {
    println!("{text}");
    Ok(())
}

/// A word of the kernel's command line.
fn kernel_word(name: &str) -> Outcome<String> {
    let line = fs::read_to_string("/proc/cmdline")?;
    line.split_whitespace()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        .map(str::to_owned)
        .ok_or_else(|| format!("the kernel was started without {name}=").into())
}

fn running() -> Outcome<Slot> {
    Ok(kernel_word("ramal.slot")?.parse()?)
}

fn start() -> Outcome<Start> {
    Ok(kernel_word("ramal.start")?.parse()?)
}

fn area() -> Outcome<Area<fs::File>> {
    let named = Path::new("/dev/ramal/state");
    Ok(Area::open(&if named.exists() {
        named.to_owned()
    } else {
        Disk::find()?.device(Role::State)
    })?)
}

/// Changes the state, if the change is permitted and is one.
fn change(edit: impl FnOnce(&mut State) -> Outcome<()>) -> Outcome<()> {
    let mut area = area()?;
    let before = area.read()?;
    let mut state = before.clone();
    edit(&mut state)?;
    if state != before {
        state = area.write(state)?;
    }
    publish(&state)
}

/// Lets everybody on the system read the state; in the initramfs nobody does.
fn publish(state: &State) -> Outcome<()> {
    let path = Path::new(PUBLISHED);
    if !path.parent().is_some_and(Path::exists) {
        return Ok(());
    }
    let new = path.with_extension("new");
    fs::write(&new, describe(state)?)?;
    fs::rename(new, path)?;
    Ok(())
}

fn describe(state: &State) -> Outcome<String> {
    let (second, reason) = match &state.second {
        Second::Empty => ("empty", ""),
        Second::Trial => ("trial", ""),
        Second::Ready => ("ready", ""),
        Second::Failed(reason) => ("failed", reason.as_str()),
    };
    Ok(format!(
        "{{\"running\":\"{}\",\"proven\":\"{}\",\"second\":\"{second}\",\"reason\":\"{}\",\"generation\":{}}}\n",
        running()?,
        state.proven,
        // Nothing else in a reason needs it: it is printable ASCII without backslashes.
        reason.replace('"', "\\\""),
        state.generation,
    ))
}

fn settle() -> Outcome<()> {
    let running = running()?;
    let mut area = area()?;
    let state = match area.read() {
        Ok(before) => {
            let mut state = before.clone();
            state.settle(running, start()?, area.is_tried(before.generation));
            if state == before {
                state
            } else {
                area.write(state)?
            }
        }
        Err(AreaError::NoCopy) => {
            eprintln!(
                "ramal-boot: the boot state was lost; system {running} runs and is taken for the proven one"
            );
            let state = area.create(running)?;
            area.note_start(Some(running))?;
            state
        }
        Err(error) => return Err(error.into()),
    };
    area.repair(&state)?;
    publish(&state)
}

fn open() -> Outcome<()> {
    let (slot, start) = (running()?, start()?);
    let tree: verity::Tree = kernel_word("ramal.verity")?.parse()?;
    let disk = Disk::find()?;
    let partition = disk.device(match slot {
        Slot::A => Role::SystemA,
        Slot::B => Role::SystemB,
    });
    let minor = verity::open("system", &partition, &tree)?;
    let device = format!("/dev/dm-{minor}");
    if let Err(error) = before_start(&disk.device(Role::State), slot, start, || {
        let device = fs::File::open(&device)?;
        Ok(damage::first_damaged(tree.blocks(), |buffer, offset| {
            device.read_exact_at(buffer, offset)
        }))
    }) {
        // Better a start than none.
        log(&format!("the start is not noted: {error}"));
    }

    fs::create_dir_all("/dev/ramal")?;
    for role in Role::ALL {
        let name = Path::new("/dev/ramal").join(role.name());
        // Left from a first try.
        let _ = fs::remove_file(&name);
        symlink(PathBuf::from("..").join(disk.partition(role)), name)?;
    }
    fs::create_dir_all("/run/udev/rules.d")?;
    fs::write(
        "/run/udev/rules.d/10-ramal-disk.rules",
        disk.udev_rules().to_string(),
    )?;

    // It says when it is ready and stays.
    let mut watch = Command::new("/proc/self/exe")
        .arg0(NAME)
        .arg("watch")
        .arg(disk.device(Role::State))
        .arg(slot.to_string())
        .arg(kernel_word("ramal.start")?)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut ready = [0];
    watch
        .stdout
        .take()
        .ok_or("no pipe")?
        .read_exact(&mut ready)
        .map_err(|_| "the watch over the system's blocks does not start")?;
    print_line(device)
}

/// Notes the start, and reads the system whole when it is its first one or the last one did not end in order: what then is damaged is
/// found here, where nothing of the system is needed yet. Does not return when the other system is to be started.
fn before_start(
    state: &Path,
    slot: Slot,
    start: Start,
    scan: impl FnOnce() -> io::Result<Option<u64>>,
) -> Outcome<()> {
    let mut area = Area::open(state)?;
    let doubtful = start != Start::Proven || area.is_unclean(slot);
    area.note_start(Some(slot))?;
    if !doubtful {
        return Ok(());
    }
    log(&format!("every block of system {slot} is verified"));
    let Some(block) = scan()? else {
        return Ok(());
    };
    let reason = damage::reason(block);
    match area.leave(slot, start, &reason) {
        Ok(_) => {
            log(&format!("system {slot} is left: {reason}"));
            reboot(RebootMode::RB_AUTOBOOT)?;
        }
        Err(error) => log(&format!("{reason}; it is started all the same: {error}")),
    }
    Ok(())
}

/// Says something where the kernel does.
fn log(text: &str) {
    // What the log cannot take is lost.
    let _ = fs::write("/dev/kmsg", format!("<2>ramal: {text}\n"));
}

fn watch(state: &Path, slot: Slot, start: Start) -> Outcome<()> {
    let watch = Watch::start(state, slot, start)?;
    std::io::stdout().write_all(b".")?;
    std::io::stdout().flush()?;
    watch.run();
    Ok(())
}
