//! What the tests of the store begin with.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use ramal_model::{
    Actor, CallId, CallRecord, Direction, Language, NewAdmin, NewCompany, NewExtension, Party,
    Secret,
};
use ramal_store::{BackupTimes, HashCost, Options, Store};

pub const PASSWORD: &str = "quatro gatos no telhado";
/// 2026-11-21T02:00:00Z
pub const START: i64 = 1_795_226_400_000;

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub struct Hands(Arc<AtomicI64>);

impl Hands {
    pub fn forward(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

/// Opens a store with a clock of its own and cheap hashes.
pub fn open(dir: &Path) -> (Store, Hands) {
    let hands = Hands(Arc::new(AtomicI64::new(START)));
    let time = Arc::clone(&hands.0);
    let options = Options {
        clock: Arc::new(move || time.load(Ordering::Relaxed)),
        hash_cost: HashCost {
            memory_kib: 64,
            passes: 1,
        },
        // Only when a test asks.
        backups: BackupTimes {
            after: NEVER,
            apart: NEVER,
            whole_after: NEVER,
        },
    };
    (Store::open_with(dir, options).unwrap(), hands)
}

/// Longer than any test.
pub const NEVER: Duration = Duration::from_secs(86_400);

pub fn company() -> NewCompany {
    NewCompany {
        legal_name: "Padaria Aurora Ltda".into(),
        tax_id: String::new(),
        contact_name: String::new(),
        contact_phone: String::new(),
        cnl: String::new(),
        country: "BR".into(),
        country_code: None,
        area_code: Some("11".into()),
        language: None,
        time_zone: None,
        music_class: None,
        limits: None,
        park_seconds: None,
    }
}

pub fn admin() -> NewAdmin {
    NewAdmin {
        login: "helena".into(),
        name: "Helena Prado".into(),
        password: Secret::new(PASSWORD.into()),
        language: Language::PtBr,
    }
}

pub async fn set_up(store: &Store) {
    store.set_up(company(), admin()).await.unwrap();
}

pub fn extension(number: &str) -> NewExtension {
    NewExtension {
        number: number.into(),
        ..NewExtension::default()
    }
}

pub fn actor() -> Actor {
    Actor::Local
}

/// A call that began `second` seconds after the start.
pub fn call(second: i64, caller: &str, callee: &str) -> CallRecord {
    let started_at = START + second * 1000;
    CallRecord {
        id: CallId::new(started_at, [7; 10]),
        started_at,
        answered_at: None,
        ended_at: None,
        direction: Direction::Internal,
        caller: Party {
            number: caller.into(),
            name: String::new(),
        },
        callee: Party {
            number: callee.into(),
            name: String::new(),
        },
        result: None,
        end_reason: String::new(),
        legs: Vec::new(),
        trace: Vec::new(),
        ivr_path: String::new(),
        company: ramal_model::CompanyId::DEFAULT,
        caller_e164: None,
        callee_e164: None,
    }
}
