//! G.722 against the speech of ITU-T's Software Tool Library (G.191), bit by bit.
//!
//! `cargo run --release -p ramal-dsp --example g722_vectors FOLDER`: the folder is `src/g722/test_data` of that library, which is
//! not ours to pass on. Encodes `inpsp.bin` and compares with `codspw.cod`; decodes that and compares with `outsp1.bin`, the
//! decoder's output at 64 kbit/s. Fails at the first difference.

use std::path::Path;

use ramal_dsp::{G722Decoder, G722Encoder};

/// A file of 16-bit numbers, the low octet first.
fn words(folder: &Path, name: &str) -> std::io::Result<Vec<i16>> {
    let octets = std::fs::read(folder.join(name))?;
    let words = octets.as_chunks::<2>().0;
    Ok(words.iter().map(|&two| i16::from_le_bytes(two)).collect())
}

/// Says how two sequences compare; whether they are equal.
fn equal<T: PartialEq>(what: &str, ours: &[T], theirs: &[T]) -> bool {
    let first = (0..ours.len().max(theirs.len())).find(|&at| ours.get(at) != theirs.get(at));
    match first {
        None => println!("{what}: {} equal", ours.len()),
        Some(at) => println!(
            "{what}: the first difference is at {at} of {}",
            theirs.len()
        ),
    }
    first.is_none() && !ours.is_empty()
}

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("g722_vectors wants the folder of the vectors");
        std::process::exit(2);
    };
    let folder = Path::new(&folder);
    let speech = words(folder, "inpsp.bin")?;
    let codes = words(folder, "codspw.cod")?;
    let codes: Vec<u8> = codes.iter().map(|&code| code.to_le_bytes()[0]).collect();

    let mut octets = vec![0; speech.len() / 2];
    G722Encoder::new().encode(&speech, &mut octets);
    let encoded = equal("codes", &octets, &codes);

    let mut samples = vec![0; codes.len() * 2];
    G722Decoder::new().decode(&codes, &mut samples);
    let decoded = equal("samples", &samples, &words(folder, "outsp1.bin")?);

    std::process::exit(i32::from(!(encoded && decoded)));
}
