//! Session keys from a master key (RFC 3711 §4.3, RFC 7714 §11).

use aes::cipher::KeyInit;
use aes::{Aes128, Aes256};

use super::MasterKey;
use super::transform::counter_mode;

/// What a session key is for: the label of RFC 3711 §4.3.1 and §4.3.2.
#[derive(Clone, Copy, Debug)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// A session key of `N` octets. The keys are derived once, for all packets (key derivation rate 0).
pub(super) fn derive<const N: usize>(master: &MasterKey, label: Label) -> [u8; N] {
    let mut block = [0u8; 16];
    block[..14].copy_from_slice(&master.salt());
    // The label stands above the 48 bits of the packet index, which are 0 here.
    block[7] ^= label as u8;
    let mut key = [0u8; N];
    if let Ok(cipher) = Aes128::new_from_slice(master.key()) {
        counter_mode(&cipher, block, &mut key);
    } else if let Ok(cipher) = Aes256::new_from_slice(master.key()) {
        counter_mode(&cipher, block, &mut key);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::super::Suite;
    use super::super::vectors::octets;
    use super::*;

    /// RFC 3711 §B.3.
    #[test]
    fn session_keys_are_those_of_the_rfc() {
        let master = octets("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
        let master = MasterKey::new(Suite::AesCm128HmacSha1_80, &master).unwrap();
        let cipher: [u8; 16] = derive(&master, Label::RtpEncryption);
        assert_eq!(cipher[..], octets("C61E7A93744F39EE10734AFE3FF7A087"));
        let salt: [u8; 14] = derive(&master, Label::RtpSalt);
        assert_eq!(salt[..], octets("30CBBC08863D8C85D49DB34A9AE1"));
        let authentication: [u8; 94] = derive(&master, Label::RtpAuthentication);
        let expected = octets(
            "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE \
             E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25 \
             6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2",
        );
        assert_eq!(authentication[..], expected);
    }
}
