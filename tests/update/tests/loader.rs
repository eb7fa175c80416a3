//! GRUB itself (Debian's `grub-emu`) with the board's own configuration chooses between systems on a small disk: after
//! every kind of cut and damage it starts what the boot state says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on ends"
)]

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ramal_boot::area::{COPIES, TRIED};
use ramal_boot::record::{RECORD, SECTOR};
use ramal_boot::{Area, Second, Slot, Start, State};
use tempfile::TempDir;

const MIB: u64 = 1 << 20;
/// Where the boot state begins on the disk, and the boot partitions of a and b.
const STATE: u64 = 2 * MIB;
const BOOT: [u64; 2] = [4 * MIB, 6 * MIB];

/// What the loader has started: slot, kind of start, generation.
type Started = (String, String, u64);

struct Disk {
    folder: TempDir,
}

fn run(command: &mut Command) {
    let output = command.output().expect("the program is there");
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// An ext2 image with these files.
fn file_system(folder: &Path, name: &str, files: &[(&str, Vec<u8>)]) -> PathBuf {
    let content = folder.join(format!("{name}.files"));
    for (file, octets) in files {
        let path = content.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
    }
    let image = folder.join(name);
    File::create(&image).unwrap().set_len(MIB).unwrap();
    run(Command::new("mke2fs")
        .args(["-q", "-t", "ext2", "-b", "4096", "-m", "0", "-d"])
        .args([&content, &image]));
    image
}

impl Disk {
    /// As from the factory, with a system in both places; what they start is a line on the screen.
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path();
        let disk = path.join("disk");
        File::create(&disk).unwrap().set_len(12 * MIB).unwrap();
        let table = path.join("table");
        fs::write(
            &table,
            format!(
                "label: gpt\n{}",
                "size=1MiB\nsize=2MiB\nsize=1MiB\nsize=1MiB\nsize=1MiB\n"
            ),
        )
        .unwrap();
        run(Command::new("sfdisk")
            .arg("-q")
            .arg(&disk)
            .stdin(File::open(&table).unwrap()));

        let configuration =
            PathBuf::from(std::env::var("RAMAL_BOARD_DIR").expect("RAMAL_BOARD_DIR is set"));
        let loader = fs::read(configuration.join("esp/grub.cfg")).unwrap();
        let esp = file_system(path, "esp", &[("boot/grub/grub.cfg", loader)]);
        let mut parts = vec![(esp, MIB)];
        for (slot, at) in ["a", "b"].into_iter().zip(BOOT) {
            let files = path.join(format!("system-{slot}"));
            fs::create_dir(&files).unwrap();
            fs::write(
                files.join("grub.cfg"),
                "echo STARTED $slot $start $generation\nexit\n",
            )
            .unwrap();
            fs::write(files.join("vmlinuz"), format!("kernel of {slot}")).unwrap();
            let sums = Command::new("sha256sum")
                .args(["grub.cfg", "vmlinuz"])
                .current_dir(&files)
                .output()
                .unwrap();
            let image = file_system(
                path,
                &format!("boot-{slot}"),
                &[
                    ("grub.cfg", fs::read(files.join("grub.cfg")).unwrap()),
                    ("vmlinuz", fs::read(files.join("vmlinuz")).unwrap()),
                    ("sha256sums", sums.stdout),
                ],
            );
            parts.push((image, at));
        }
        let file = OpenOptions::new().write(true).open(&disk).unwrap();
        for (image, at) in parts {
            file.write_all_at(&fs::read(image).unwrap(), at).unwrap();
        }
        fs::write(path.join("map"), format!("(hd0) {}\n", disk.display())).unwrap();
        let disk = Self { folder };
        disk.edit(|area| {
            area.create(Slot::A).unwrap();
        });
        disk
    }

    fn file(&self) -> File {
        let path = self.folder.path().join("disk");
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap()
    }

    fn octets(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("disk")).unwrap()
    }

    fn put(&self, octets: &[u8], at: u64) {
        self.file().write_all_at(octets, at).unwrap();
    }

    fn state_sectors(&self) -> Vec<u8> {
        let mut octets = vec![0; 2 * usize::try_from(MIB).unwrap()];
        self.file().read_exact_at(&mut octets, STATE).unwrap();
        octets
    }

    /// Works on the boot state as the gateway does.
    fn edit(&self, edit: impl FnOnce(&mut Area<File>)) {
        let path = self.folder.path().join("state");
        fs::write(&path, self.state_sectors()).unwrap();
        let mut area = Area::open(&path).unwrap();
        edit(&mut area);
        self.put(&fs::read(&path).unwrap(), STATE);
    }

    fn state(&self) -> State {
        let mut state = None;
        self.edit(|area| state = Some(area.read().unwrap()));
        state.unwrap()
    }

    fn set(&self, proven: Slot, second: Second) {
        self.edit(|area| {
            let generation = 0;
            area.write(State {
                generation,
                proven,
                second,
            })
            .unwrap();
        });
    }

    /// Flips a bit in the kernel of a system.
    fn damage_kernel(&self, slot: Slot) {
        let text = format!("kernel of {slot}");
        let octets = self.octets();
        let at = octets
            .windows(text.len())
            .position(|part| part == text.as_bytes())
            .unwrap();
        self.put(&[octets[at] ^ 1], at as u64);
    }

    /// One start of the loader.
    fn start(&self) -> Started {
        let output = Command::new("timeout")
            .args(["60", "grub-emu", "-d", "/boot/grub", "-r", "hd0,gpt1", "-m"])
            .arg(self.folder.path().join("map"))
            .output()
            .unwrap();
        let screen = String::from_utf8_lossy(&output.stdout);
        let words: Vec<_> = screen
            .split_once("STARTED ")
            .unwrap_or_else(|| panic!("nothing was started: {screen}"))
            .1
            .split_whitespace()
            .collect();
        (words[0].into(), words[1].into(), words[2].parse().unwrap())
    }

    fn starts(&self, slot: &str, start: &str) {
        let (was, kind, _) = self.start();
        assert_eq!(
            (was.as_str(), kind.as_str()),
            (slot, start),
            "{:?}",
            self.state()
        );
    }
}

#[test]
fn the_factorys_system_starts_and_nothing_is_written() {
    let disk = Disk::new();
    let before = disk.octets();
    for _ in 0..5 {
        disk.starts("a", "proven");
    }
    assert!(disk.octets() == before, "a good start has cost something");
}

#[test]
fn a_trial_is_started_once() {
    let disk = Disk::new();
    for (proven, old, new) in [
        (Slot::A, "a", "b"),
        (Slot::B, "b", "a"),
        (Slot::A, "a", "b"),
    ] {
        disk.set(proven, Second::Trial);
        disk.starts(new, "trial");
        disk.starts(old, "proven");
        disk.starts(old, "proven");
        disk.edit(|area| {
            let mut state = area.read().unwrap();
            assert!(area.is_tried(state.generation));
            state.settle(proven, Start::Proven, true);
            assert!(matches!(state.second, Second::Failed(_)));
        });
    }
}

#[test]
fn a_proven_update_keeps_starting() {
    let disk = Disk::new();
    disk.set(Slot::A, Second::Trial);
    disk.starts("b", "trial");
    disk.edit(|area| {
        let mut state = area.read().unwrap();
        state.succeed(Slot::B, Slot::B).unwrap();
        area.write(state).unwrap();
    });
    for _ in 0..3 {
        disk.starts("b", "proven");
    }
}

#[test]
fn systems_whose_files_are_damaged_are_passed_over() {
    let disk = Disk::new();
    disk.damage_kernel(Slot::B);
    disk.set(Slot::A, Second::Trial);
    disk.starts("a", "proven");

    let disk = Disk::new();
    disk.damage_kernel(Slot::A);
    disk.set(Slot::A, Second::Ready);
    disk.starts("b", "other");
    disk.starts("b", "other");
}

#[test]
fn a_system_found_damaged_at_its_start_is_left_for_good() {
    let disk = Disk::new();
    disk.set(Slot::A, Second::Ready);
    disk.edit(|area| area.note_start(Some(Slot::A)).unwrap());
    disk.starts("a", "proven");
    disk.edit(|area| {
        assert!(area.is_unclean(Slot::A));
        area.leave(Slot::A, Start::Proven, "block 7 is damaged")
            .unwrap();
        // Either copy tells it.
        for copy in COPIES {
            let mut medium = tempfile::tempfile().unwrap();
            std::io::copy(
                &mut File::open(disk.folder.path().join("state")).unwrap(),
                &mut medium,
            )
            .unwrap();
            medium
                .write_all_at(&[0; RECORD], copy * SECTOR as u64)
                .unwrap();
            let state = Area::new(medium).read().unwrap();
            assert_eq!(state.proven, Slot::B);
            assert_eq!(state.second, Second::Failed("block 7 is damaged".into()));
        }
    });
    for _ in 0..2 {
        disk.starts("b", "proven");
    }
}

#[test]
fn a_trial_started_before_is_kept_when_nothing_else_starts() {
    let disk = Disk::new();
    disk.set(Slot::A, Second::Trial);
    disk.starts("b", "trial");
    disk.damage_kernel(Slot::A);
    disk.starts("b", "other");
    disk.edit(|area| {
        let mut state = area.read().unwrap();
        // A damaged block of it is no reason to start over for ever.
        area.leave(Slot::B, Start::Other, "block 7 is damaged")
            .unwrap_err();
        state.settle(Slot::B, Start::Other, area.is_tried(state.generation));
        area.write(state).unwrap();
    });
    for _ in 0..2 {
        disk.starts("b", "proven");
    }
}

#[test]
fn without_any_state_something_is_started() {
    let disk = Disk::new();
    disk.put(&vec![0xff; RECORD], STATE);
    disk.put(&vec![0; RECORD], STATE + COPIES[1] * SECTOR as u64);
    disk.starts("a", "proven");
    disk.damage_kernel(Slot::A);
    disk.starts("b", "other");
}

#[test]
fn a_trial_that_cannot_be_noted_is_not_started() {
    let disk = Disk::new();
    disk.set(Slot::A, Second::Trial);
    for sector in TRIED {
        disk.put(&[0; SECTOR], STATE + sector * SECTOR as u64);
    }
    disk.starts("a", "proven");

    // One place is enough.
    disk.edit(|area| {
        let state = area.read().unwrap();
        area.repair(&state).unwrap();
    });
    disk.put(&[0xff; SECTOR], STATE + TRIED[0] * SECTOR as u64);
    disk.starts("b", "trial");
    disk.starts("a", "proven");
}

/// Octets at which a write of `length` is cut: all of them when `RAMAL_CUTS=all`, else some.
fn cuts(length: usize) -> Vec<usize> {
    if std::env::var("RAMAL_CUTS").is_ok_and(|cuts| cuts == "all") {
        return (0..=length).collect();
    }
    let mut some = vec![
        0,
        1,
        25,
        37,
        47,
        SECTOR - 1,
        SECTOR,
        SECTOR + 1,
        RECORD - 3,
        RECORD - 1,
        RECORD,
    ];
    some.extend((0..12).map(|step| step * 83 + 7));
    some.retain(|cut| *cut <= length);
    some
}

#[test]
fn power_may_go_while_the_state_is_written() {
    let disk = Disk::new();
    // An update is installed; it is started; the system that runs is called good.
    for (proven, second) in [(Slot::A, Second::Trial), (Slot::B, Second::Ready)] {
        let old = disk.state_sectors();
        disk.set(proven, second);
        let new = disk.state_sectors();
        let generation = disk.state().generation;
        let older = usize::from(copy_generation(&old, 0) > copy_generation(&old, 1));
        for copy in [older, 1 - older] {
            let at = usize::try_from(COPIES[copy]).unwrap() * SECTOR;
            for cut in cuts(RECORD) {
                let mut torn = old.clone();
                if copy != older {
                    // The first copy lies there whole.
                    let first = usize::try_from(COPIES[older]).unwrap() * SECTOR;
                    torn[first..first + RECORD].copy_from_slice(&new[first..first + RECORD]);
                }
                torn[at..at + cut].copy_from_slice(&new[at..at + cut]);
                disk.put(&torn, STATE);
                // The loader and the gateway read the same: the state before or the state after.
                let state = disk.state();
                let expected = if state.generation == generation {
                    "b"
                } else {
                    "a"
                };
                let (slot, _, read) = disk.start();
                assert_eq!(
                    (slot.as_str(), read),
                    (expected, state.generation),
                    "copy {copy}, cut at {cut}"
                );
                assert!(copy == older || expected == "b");
            }
        }
        disk.put(&new, STATE);
        disk.start();
    }
}

/// The generation a copy of these sectors tells; 0 when it is not whole.
fn copy_generation(sectors: &[u8], copy: usize) -> u64 {
    let at = usize::try_from(COPIES[copy]).unwrap() * SECTOR;
    ramal_boot::record::decode(&sectors[at..at + RECORD], COPIES[copy])
        .map_or(0, |state| state.generation)
}

#[test]
fn power_may_go_while_the_loader_notes_a_trial() {
    let disk = Disk::new();
    disk.set(Slot::A, Second::Trial);
    let old = disk.state_sectors();
    disk.starts("b", "trial");
    let new = disk.state_sectors();
    for (index, sector) in TRIED.into_iter().enumerate() {
        let at = usize::try_from(sector).unwrap() * SECTOR;
        assert!(old[at..at + SECTOR] != new[at..at + SECTOR]);
        for cut in cuts(SECTOR) {
            let mut torn = old.clone();
            if index == 1 {
                let first = usize::try_from(TRIED[0]).unwrap() * SECTOR;
                torn[first..first + SECTOR].copy_from_slice(&new[first..first + SECTOR]);
            }
            torn[at..at + cut].copy_from_slice(&new[at..at + cut]);
            disk.put(&torn, STATE);
            let (slot, _, _) = disk.start();
            // Cut before the note was whole, the trial has not been started yet; never is it started twice.
            if slot == "b" {
                assert_eq!(index, 0, "cut at {cut}");
                disk.starts("a", "proven");
            }
        }
    }
}
