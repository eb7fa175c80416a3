//! Files of the `age` program, and what is not whole.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// Made by `age-keygen` and `age` 1.1.1 of Debian.
const SECRET: &str = "AGE-SECRET-KEY-1HRE7PE8725V2FZXAE9CR869W7VVFM59G063QLMSQ0MC526P7YDNSHS5FQW";
const PUBLIC: &str = "age127ckel4rp4dstk465xve3almvujmm8qxsn3k6p8xvx3duuugwqkq5yjjza";
const FOR_KEY: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBuUVdLT0NyMVh2cW8zbEl2bXUvTmlVYmx1TzlzSFQ5VUdESGlTMzNkdEMwCngvTU1SUTdZUzlVQmM4MWtSTGM3eXBUM2xVL25mOXNkN3ZWbE5mVy9yQkkKLS0tIFRvWGR6dnVyc0ZIM0tSQ3pwSStaYWJVQlE2dXhlMFZJOVFBY3NMVlVhOG8KqN+nhzPRZXJwmwU6su3+BkaKwEHo13gl++8LZqTSukr7GyrCnHm+4nRsdGyCWmM=";
const WITH_PASSPHRASE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBnZFlpMnZCRVZvbzZ1R1hwT2s3THJRIDE4Cm1iaUtiMEkvOVd2RjRwbkswRS9hMUNTN0Z4MVRXNFhISDc2aVVxSE9QcVUKLS0tIERMNXpJYjNId2FiS2dnZFkxWFB6RG9pWVZHOW1Nb1dweUtTOVdHcmx2ZE0KN3Qh6hqS0ZRHJojrmDNfAWX7iLBZZoqagYKmPV3k6s5bqF1lYK03t0DT6coLCGo=";

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

fn encrypted(recipient: &Recipient, content: &[u8]) -> Vec<u8> {
    let mut encryptor = Encryptor::new(Vec::new(), recipient).unwrap();
    for piece in content.chunks(7_001) {
        encryptor.write_all(piece).unwrap();
    }
    encryptor.finish().unwrap()
}

fn decrypted(file: &[u8], identity: &Identity) -> Result<Vec<u8>, AgeError> {
    let mut content = Vec::new();
    Decryptor::new(file, identity)?
        .read_to_end(&mut content)
        .map_err(AgeError::from_io)?;
    Ok(content)
}

#[test]
fn what_the_age_program_wrote_is_opened() {
    let file = STANDARD.decode(FOR_KEY).unwrap();
    let key = Identity::from_text(format!(" {SECRET}\n"));
    assert_eq!(decrypted(&file, &key).unwrap(), b"written by age\n");
    let secret: SecretKey = SECRET.parse().unwrap();
    assert_eq!(secret.public().to_string(), PUBLIC);
    assert_eq!(*secret.to_text(), SECRET);
    assert_eq!(PUBLIC.parse::<PublicKey>().unwrap(), secret.public());
    // It takes 256 MiB to check a passphrase, which a gateway may not have.
    let file = STANDARD.decode(WITH_PASSPHRASE).unwrap();
    let refused = decrypted(&file, &Identity::from_text("um girassol na janela".into()));
    assert!(matches!(refused, Err(AgeError::TooCostly(18))));
}

#[test]
fn contents_of_all_sizes_around_a_chunk_come_back() {
    let recipient = SecretKey::generate().unwrap();
    let other = SecretKey::generate().unwrap();
    let recipients = Recipient::Keys(vec![other.public(), recipient.public()]);
    for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
        let content: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let file = encrypted(&recipients, &content);
        for key in [&recipient, &other] {
            let identity = Identity::Key(key.clone());
            assert_eq!(decrypted(&file, &identity).unwrap(), content, "{size}");
        }
        let stranger = Identity::Key(SecretKey::generate().unwrap());
        assert!(matches!(
            decrypted(&file, &stranger),
            Err(AgeError::WrongSecret)
        ));
    }
}

#[test]
fn a_passphrase_opens_its_own_file_only() {
    let file = encrypted(&Recipient::Passphrase(passphrase("vento azul")), b"content");
    let right = Identity::from_text("vento azul".into());
    assert_eq!(decrypted(&file, &right).unwrap(), b"content");
    let wrong = Identity::from_text("vento verde".into());
    assert!(matches!(
        decrypted(&file, &wrong),
        Err(AgeError::WrongSecret)
    ));
    let key = Identity::Key(SecretKey::generate().unwrap());
    assert!(matches!(
        decrypted(&file, &key),
        Err(AgeError::OtherSecret(_))
    ));
}

#[test]
fn a_file_cut_off_anywhere_is_no_file() {
    let key = SecretKey::generate().unwrap();
    let file = encrypted(&Recipient::Keys(vec![key.public()]), &[7; 140_000]);
    let identity = Identity::Key(key);
    let header = file.len() - 140_000 - 3 * 16;
    let ends = (0..=header).chain([
        header + 1,
        header + 65_551,
        header + 65_552,
        header + 65_553,
        file.len() - 1,
    ]);
    for end in ends {
        let refused = decrypted(&file[..end], &identity).unwrap_err();
        assert!(
            matches!(
                refused,
                AgeError::Truncated | AgeError::Foreign | AgeError::Damaged
            ),
            "{end}: {refused}"
        );
    }
}

#[test]
fn a_changed_octet_anywhere_is_found() {
    let key = SecretKey::generate().unwrap();
    let file = encrypted(&Recipient::Keys(vec![key.public()]), &[7; 300]);
    let identity = Identity::Key(key);
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert!(decrypted(&changed, &identity).is_err(), "octet {at}");
    }
}

#[test]
fn other_files_are_foreign() {
    let identity = Identity::from_text("any".into());
    for file in [
        &b""[..],
        b"PK\x03\x04",
        b"SQLite format 3\0",
        &[0xFF; 100_000],
        &[b'a'; 100_000],
        b"age-encryption.org/v2\n",
    ] {
        assert!(matches!(decrypted(file, &identity), Err(AgeError::Foreign)));
    }
}
