//! Who is shut out, who never is, and that it ends.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::*;

const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
const LAN: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 20));

fn at(start: Instant, seconds: u64) -> Now {
    Now {
        instant: start + Duration::from_secs(seconds),
        utc_ms: 1_700_000_000_000 + i64::try_from(seconds).unwrap() * 1000,
    }
}

fn message(user_agent: &str) -> Vec<u8> {
    format!("OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nUser-Agent: {user_agent}\r\n\r\n").into_bytes()
}

#[test]
fn a_scanner_hears_nothing_and_each_time_for_longer() {
    let start = Instant::now();
    let mut defence = Defence::default();
    let phone = message("Telefon 1.0");
    let mut now = 0;
    for minutes in [1, 2, 4] {
        assert!(defence.admits(at(start, now), STRANGER, &phone));
        assert!(!defence.admits(at(start, now), STRANGER, &message("friendly-scanner")));
        let end = now + minutes * 60;
        assert!(!defence.admits(at(start, end - 1), STRANGER, &phone));
        now = end;
    }
    assert!(defence.admits(at(start, now), STRANGER, &phone));
    let counters = defence.counters(start);
    assert_eq!(
        (counters.scanners, counters.silenced, counters.bans),
        (3, 3, 3)
    );
}

#[test]
fn a_source_with_a_registered_phone_is_never_banned_as_a_whole() {
    let start = Instant::now();
    let mut defence = Defence::default();
    defence.proved(start, LAN, "2001");
    defence.malformed(at(start, 1), LAN, 100_000);
    for number in 0..200 {
        let account = number.to_string();
        defence.failed(at(start, 2), LAN, &account);
        defence.may_challenge(at(start, 2), LAN, &account, false);
    }
    assert!(!defence.is_banned(start + Duration::from_secs(3), LAN));
    assert!(defence.may_challenge(at(start, 3), LAN, "2001", true));
    assert_eq!(defence.counters(start).bans, 0);
    // An hour later nobody there is known any more.
    defence.malformed(at(start, 3700), LAN, 100_000);
    assert!(defence.is_banned(start + Duration::from_secs(3701), LAN));
}

#[test]
fn asking_for_many_accounts_that_do_not_exist_is_scanning_and_for_one_is_not() {
    let start = Instant::now();
    let mut defence = Defence::default();
    for second in 0..300 {
        assert!(defence.may_challenge(at(start, second), STRANGER, "9999", false));
    }
    let asked = (100..200)
        .filter(|number| {
            defence.may_challenge(at(start, 301), STRANGER, &number.to_string(), false)
        })
        .count();
    assert!(asked < 10, "{asked}");
    assert!(defence.is_banned(start + Duration::from_secs(302), STRANGER));
    let [ban] = &defence.bans(start + Duration::from_secs(302))[..] else {
        panic!("one ban");
    };
    assert_eq!(ban.address, "203.0.113.9");
    assert_eq!(ban.reason, BanReason::UnknownAccounts);
    assert_eq!(ban.until - ban.since, 60_000);
}

#[test]
fn a_flood_without_credentials_ends_in_silence() {
    let start = Instant::now();
    let mut defence = Defence::default();
    let answered = (0..10_000)
        .filter(|_| defence.may_challenge(at(start, 0), STRANGER, "2001", true))
        .count();
    assert_eq!(answered, 500);
    assert!(defence.is_banned(start, STRANGER));
    // On our own networks all phones may come at once after a power cut.
    let mut defence = Defence::default();
    assert!((0..10_000).all(|_| defence.may_challenge(at(start, 0), LAN, "2001", true)));
}

#[test]
fn strangers_may_not_inquire() {
    let start = Instant::now();
    let mut defence = Defence::default();
    assert!(!defence.may_inquire(start, STRANGER));
    assert!(defence.may_inquire(start, LAN));
    defence.proved(start, STRANGER, "2001");
    assert!(defence.may_inquire(start, STRANGER));
}

#[test]
fn a_ban_is_shown_and_lifted() {
    let start = Instant::now();
    let mut defence = Defence::default();
    let now = at(start, 0);
    let v6: IpAddr = "2001:db8:1:2::9".parse().unwrap();
    defence.malformed(now, v6, 1000);
    for _ in 0..10 {
        defence.failed(now, LAN, "2001");
    }
    let bans: Vec<_> = defence
        .bans(start)
        .into_iter()
        .map(|ban| (ban.address, ban.account))
        .collect();
    assert_eq!(
        bans,
        [
            ("192.168.1.20".to_owned(), Some("2001".to_owned())),
            ("2001:db8:1:2::/64".to_owned(), None)
        ]
    );
    let neighbour: IpAddr = "2001:db8:1:2::77".parse().unwrap();
    assert!(
        defence.is_banned(start, neighbour),
        "one customer's network"
    );
    assert!(defence.lift(start, neighbour));
    assert!(!defence.is_banned(start, v6));
    assert!(defence.lift(start, LAN));
    assert!(!defence.is_account_banned(start, LAN, "2001"));
    assert!(!defence.lift(start, LAN));
}

#[test]
fn made_up_addresses_do_not_fill_the_memory_nor_free_the_banned() {
    let start = Instant::now();
    let mut defence = Defence::default();
    defence.malformed(at(start, 0), STRANGER, 1000);
    for n in 0..100_000_u32 {
        let now = Now {
            instant: start + Duration::from_micros(u64::from(n) * 50),
            utc_ms: 0,
        };
        defence.malformed(now, Ipv4Addr::from(n).into(), 1);
    }
    assert!(defence.sources.len() <= 16_384);
    assert!(defence.is_banned(start + Duration::from_secs(10), STRANGER));
}

#[test]
fn bans_and_their_number_outlive_a_restart() {
    let start = Instant::now() + Duration::from_secs(1_000_000);
    let mut before = Defence::default();
    let v6: IpAddr = "2001:db8:1:2::9".parse().unwrap();
    assert!(!before.admits(at(start, 0), STRANGER, &message("friendly-scanner")));
    before.malformed(at(start, 0), v6, 1000);
    for _ in 0..10 {
        before.failed(at(start, 0), LAN, "2001");
    }
    assert!(before.has_unwritten());
    let written = before.take_unwritten();
    assert!(!before.has_unwritten());

    // The clock that never jumps begins anew.
    let restarted = start + Duration::from_secs(500_000);
    let later = |seconds: u64| Now {
        instant: restarted + Duration::from_secs(seconds),
        ..at(start, seconds)
    };
    let mut after = Defence::default();
    after.restore(later(20), written.saved(), &[LAN]);
    assert_eq!(
        after.bans(later(20).instant),
        before.bans(at(start, 20).instant)
    );
    assert!(after.is_banned(later(59).instant, STRANGER));
    assert!(!after.is_banned(later(60).instant, STRANGER));
    assert!(after.is_account_banned(later(29).instant, LAN, "2001"));
    assert!(!after.is_account_banned(later(30).instant, LAN, "2001"));
    // The next one is the second, and twice as long.
    assert!(!after.admits(later(70), STRANGER, &message("friendly-scanner")));
    assert!(after.is_banned(later(70 + 119).instant, STRANGER));
    assert!(!after.is_banned(later(70 + 120).instant, STRANGER));
    // A LAN whose phones are registered is no stranger after the restart.
    after.malformed(later(80), LAN, 100_000);
    assert!(!after.is_banned(later(81).instant, LAN));
}

#[test]
fn a_ban_that_was_lifted_does_not_come_back() {
    let start = Instant::now();
    let mut defence = Defence::default();
    defence.malformed(at(start, 0), STRANGER, 1000);
    for _ in 0..10 {
        defence.failed(at(start, 0), STRANGER, "2001");
    }
    let mut stored = defence.take_unwritten();
    assert_eq!(stored.saved().len(), 2);
    assert!(defence.lift(start, STRANGER));
    stored = defence.take_unwritten();
    assert_eq!((stored.saved().len(), stored.removed().len()), (0, 2));
}
