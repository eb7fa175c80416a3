//! Cards that are in the machine and that no driver works with, most often because a firmware file is missing.
//!
//! Some drivers load a file into the card when what its flash memory holds is of another version, and give up without
//! it. The files are the makers' and come with no distribution. A card that was given up has no span, so nothing but the
//! bus knows about it.

use std::path::Path;
use std::{fs, io};

use serde::Serialize;
use utoipa::ToSchema;

/// A card that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnusableCard {
    /// Its name, as its maker sells it.
    pub name: String,
    /// Where it is: its address on the bus.
    pub location: String,
    /// The file that its driver may want and does not find; none when it needs none, or has it.
    pub missing_firmware: Option<String>,
}

/// A model that has a driver in the image.
struct Model {
    /// Vendor and device, as the bus has them.
    ids: [&'static str; 2],
    name: &'static str,
    /// What the driver asks for (`request_firmware`).
    firmware: Option<&'static str>,
}

const fn pci(device: &'static str, name: &'static str, firmware: Option<&'static str>) -> Model {
    Model {
        ids: ["d161", device],
        name,
        firmware,
    }
}

const fn usb(product: &'static str, firmware: &'static str) -> Model {
    Model {
        ids: ["e4e4", product],
        name: "Astribank",
        firmware: Some(firmware),
    }
}

/// Cards of the drivers' own tables (`wcte13xp`, `wcte43x`, `wcaxx`, `wct4xxp`, `wctc4xxp`, `wctdm24xxp`).
const PCI: [Model; 15] = [
    pci("800a", "TE133", Some("dahdi-fw-te133.bin")),
    pci("800b", "TE134", Some("dahdi-fw-te134.bin")),
    pci("800e", "TE235/TE435", Some("dahdi-fw-te435.bin")),
    pci("8013", "TE236/TE436", Some("dahdi-fw-te436.bin")),
    pci("800c", "A8A", Some("dahdi-fw-a8a.bin")),
    pci("800d", "A8B", Some("dahdi-fw-a8b.bin")),
    pci("800f", "A4A", Some("dahdi-fw-a4a.bin")),
    pci("8010", "A4B", Some("dahdi-fw-a4b.bin")),
    pci("1820", "TE820", Some("dahdi-fw-te820.bin")),
    pci("3400", "TC400P", Some("dahdi-fw-tc400m.bin")),
    pci("8004", "TCE400", Some("dahdi-fw-tc400m.bin")),
    pci("2400", "TDM2400P", None),
    pci("8003", "AEX2400", None),
    pci("8007", "HA8-0000", None),
    pci("8008", "HB8-0000", None),
];

/// Astribanks show another product once a file was loaded into them; these wait for one (`xpp_usb` takes 11x2).
const USB: [Model; 8] = [
    usb("1130", "USB_FW.hex"),
    usb("1140", "USB_FW.hex"),
    usb("1150", "USB_FW.hex"),
    usb("1160", "USB_FW.hex"),
    usb("1131", "FPGA_FXS.hex"),
    usb("1141", "FPGA_1141.hex"),
    usb("1151", "FPGA_1151.hex"),
    usb("1161", "FPGA_1161.hex"),
];

/// Folders in which the kernel looks for firmware files.
const FIRMWARE: [&str; 3] = ["lib/firmware/updates", "lib/firmware", "usr/share/dahdi"];

/// Cards of known models without a driver. A machine without such a bus has none.
///
/// # Errors
/// A bus is there and cannot be read.
pub fn unusable_cards() -> io::Result<Vec<UnusableCard>> {
    unusable_cards_below(Path::new("/"))
}

/// Like [`unusable_cards`], in another root directory.
///
/// # Errors
/// As [`unusable_cards`].
pub fn unusable_cards_below(root: &Path) -> io::Result<Vec<UnusableCard>> {
    let mut cards = Vec::new();
    let buses = [
        ("sys/bus/pci/devices", ["vendor", "device"], &PCI[..]),
        ("sys/bus/usb/devices", ["idVendor", "idProduct"], &USB[..]),
    ];
    for (bus, files, models) in buses {
        let devices = match fs::read_dir(root.join(bus)) {
            Ok(devices) => devices,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for device in devices {
            let device = device?;
            let ids = files.map(|file| {
                let text = fs::read_to_string(device.path().join(file)).unwrap_or_default();
                text.trim().trim_start_matches("0x").to_owned()
            });
            let model = models.iter().find(|model| model.ids == ids);
            let Some(model) = model else { continue };
            // An Astribank's interfaces have drivers, not the device, and those wait for a file by what they are.
            if bus.contains("pci") && device.path().join("driver").exists() {
                continue;
            }
            let there = |file: &&str| {
                FIRMWARE
                    .iter()
                    .any(|folder| root.join(folder).join(file).exists())
            };
            cards.push(UnusableCard {
                name: model.name.to_owned(),
                location: device.file_name().to_string_lossy().into_owned(),
                missing_firmware: model
                    .firmware
                    .filter(|file| !there(file))
                    .map(str::to_owned),
            });
        }
    }
    cards.sort_by(|one, other| one.location.cmp(&other.location));
    Ok(cards)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(root: &Path, bus: &str, location: &str, files: [(&str, &str); 2], driven: bool) {
        let folder = root
            .join("sys/bus")
            .join(bus)
            .join("devices")
            .join(location);
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            fs::write(folder.join(file), format!("{text}\n")).unwrap();
        }
        if driven {
            fs::create_dir(folder.join("driver")).unwrap();
        }
    }

    #[test]
    fn cards_without_a_driver_are_named_with_the_file_they_lack() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        assert_eq!(unusable_cards_below(root).unwrap(), []);
        let pci = |location, id, driven| {
            let files = [("vendor", "0xd161"), ("device", id)];
            device(root, "pci", location, files, driven);
        };
        pci("0000:03:00.0", "0x800a", false);
        pci("0000:04:00.0", "0x800a", true);
        pci("0000:05:00.0", "0x8010", false);
        pci("0000:06:00.0", "0x2400", false);
        let other = [("vendor", "0x8086"), ("device", "0x800a")];
        device(root, "pci", "0000:00:1f.0", other, false);
        let astribank = [("idVendor", "e4e4"), ("idProduct", "1160")];
        device(root, "usb", "1-4", astribank, true);
        fs::create_dir_all(root.join("lib/firmware")).unwrap();
        fs::write(root.join("lib/firmware/dahdi-fw-a4b.bin"), "").unwrap();
        let found = unusable_cards_below(root).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|card| {
                (
                    card.name.as_str(),
                    card.location.as_str(),
                    card.missing_firmware.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("TE133", "0000:03:00.0", Some("dahdi-fw-te133.bin")),
                ("A4B", "0000:05:00.0", None),
                ("TDM2400P", "0000:06:00.0", None),
                ("Astribank", "1-4", Some("USB_FW.hex")),
            ]
        );
    }
}
