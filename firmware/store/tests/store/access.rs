//! Users, passwords, sessions and API tokens.

use std::time::Instant;

use crate::support::{PASSWORD, actor, open, set_up};
use ramal_model::{Language, NewUser, Role, Secret, UserChange, UserId, code};
use ramal_store::{
    NewToken, SESSION_IDLE_MS, SESSION_LIFETIME_MS, SessionOrigin, Store, StoreError,
};

fn auditor(login: &str) -> NewUser {
    NewUser {
        login: login.into(),
        name: String::new(),
        email: None,
        role: Role::Auditor,
        language: None,
        active: None,
        extension: None,
        company: ramal_model::CompanyId::DEFAULT,
        outbound_number: None,
        external_calls: None,
        agent_pin: None,
        profile: None,
        working_hours: Vec::new(),
        voicedrops: Vec::new(),
        password: Secret::new("telefone-azul-72-vento".into()),
    }
}

async fn logs_in(store: &Store, login: &str, password: &str) -> bool {
    store
        .verify_password(login, Secret::new(password.into()))
        .await
        .unwrap()
        .is_some()
}

#[tokio::test]
async fn only_the_right_password_of_an_active_user_logs_in() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    assert!(!logs_in(&store, "helena", PASSWORD).await);
    set_up(&store).await;
    assert!(logs_in(&store, "helena", PASSWORD).await);
    assert!(logs_in(&store, " HELENA ", PASSWORD).await);
    assert!(!logs_in(&store, "helena", "quatro gatos no telhadO").await);
    assert!(!logs_in(&store, "helena", "").await);
    assert!(!logs_in(&store, "nobody", PASSWORD).await);
    assert!(!logs_in(&store, "helena", &PASSWORD.repeat(1000)).await);
    let user = store
        .create_user(&actor(), auditor("caixa1"))
        .await
        .unwrap();
    assert_eq!(
        (user.language, user.name.as_str()),
        (Language::PtBr, "caixa1")
    );
    assert!(logs_in(&store, "caixa1", "telefone-azul-72-vento").await);
    let off = UserChange {
        active: Some(false),
        ..Default::default()
    };
    store.update_user(&actor(), user.id, off).await.unwrap();
    assert!(!logs_in(&store, "caixa1", "telefone-azul-72-vento").await);
}

#[tokio::test]
async fn an_unknown_login_takes_as_long_as_a_wrong_password() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    set_up(&store).await;
    let mut shortest = [u128::MAX; 2];
    for _ in 0..3 {
        for (slot, login) in ["helena", "nobody"].into_iter().enumerate() {
            let begin = Instant::now();
            assert!(!logs_in(&store, login, "not the password").await);
            shortest[slot] = shortest[slot].min(begin.elapsed().as_micros());
        }
    }
    assert!(
        shortest[1] * 2 > shortest[0] && shortest[0] * 2 > shortest[1],
        "{shortest:?}"
    );
}

#[tokio::test]
async fn a_flood_of_log_ins_is_turned_away_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    set_up(&store).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let store = store.clone();
        tasks.spawn(async move {
            store
                .verify_password("helena", Secret::new("guess".into()))
                .await
        });
    }
    let outcomes = tasks.join_all().await;
    assert!(
        outcomes
            .iter()
            .any(|outcome| matches!(outcome, Err(StoreError::Overloaded)))
    );
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Ok(None))));
    assert!(logs_in(&store, "helena", PASSWORD).await);
}

#[tokio::test]
async fn logins_are_unique_without_regard_to_case() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let Err(StoreError::Invalid(invalid)) = store.create_user(&actor(), auditor("Helena")).await
    else {
        panic!()
    };
    assert!(invalid.names("login", code::TAKEN));
    let Err(StoreError::Invalid(invalid)) = store.create_user(&actor(), auditor("caixa 1")).await
    else {
        panic!()
    };
    assert!(invalid.names("login", code::CHARACTER));
    let mut bad = auditor("caixa1");
    bad.email = Some("caixa1 at example".into());
    bad.password = Secret::new("caixa1caixa1".into());
    bad.name = "Caixa1 Caixa1".into();
    let Err(StoreError::Invalid(invalid)) = store.create_user(&actor(), bad).await else {
        panic!()
    };
    assert!(invalid.names("email", code::EMAIL) && invalid.names("password", code::SAME_AS_NAME));
}

#[tokio::test]
async fn the_last_active_administrator_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let id = store.configuration().user_by_login("helena").unwrap().id;
    for (change, field) in [
        (
            UserChange {
                active: Some(false),
                ..Default::default()
            },
            "active",
        ),
        (
            UserChange {
                role: Some(Role::User),
                ..Default::default()
            },
            "role",
        ),
    ] {
        let Err(StoreError::Invalid(invalid)) = store.update_user(&actor(), id, change).await
        else {
            panic!()
        };
        assert!(invalid.names(field, code::LAST_ADMIN));
    }
    let Err(StoreError::Invalid(invalid)) = store.delete_user(&actor(), id).await else {
        panic!()
    };
    assert!(invalid.names("id", code::LAST_ADMIN));
    let mut second = auditor("segunda");
    second.role = Role::Admin;
    store.create_user(&actor(), second).await.unwrap();
    store.delete_user(&actor(), id).await.unwrap();
    assert!(!logs_in(&store, "helena", PASSWORD).await);
    assert!(matches!(
        store.delete_user(&actor(), id).await,
        Err(StoreError::NotFound { .. })
    ));
}

#[tokio::test]
async fn a_session_ends_by_idleness_by_age_by_log_out_and_by_a_new_password() {
    let dir = tempfile::tempdir().unwrap();
    let (store, hands) = open(dir.path());
    set_up(&store).await;
    let id = store.configuration().user_by_login("helena").unwrap().id;
    let origin = SessionOrigin {
        address: "192.0.2.7".into(),
        user_agent: "x".repeat(500),
    };
    let start = async || store.create_session(id, origin.clone()).await.unwrap();
    let alive = async |token: &Secret| store.session(token.as_str()).await.unwrap().is_some();

    let token = start().await;
    let session = store.session(token.as_str()).await.unwrap().unwrap();
    assert_eq!(
        (session.user.login.as_str(), session.user_agent.len()),
        ("helena", 200)
    );
    assert!(store.session("another").await.unwrap().is_none());
    hands.forward(SESSION_IDLE_MS - 1);
    assert!(alive(&token).await);
    // That use was noted by a write nobody waits for; one that is waited for comes after it.
    start().await;
    hands.forward(SESSION_IDLE_MS - 1);
    assert!(alive(&token).await, "use postpones the end");
    start().await;
    hands.forward(SESSION_IDLE_MS);
    assert!(!alive(&token).await, "idle");

    let token = start().await;
    let mut age = 0;
    while age + SESSION_IDLE_MS / 2 < SESSION_LIFETIME_MS {
        assert!(alive(&token).await);
        start().await;
        hands.forward(SESSION_IDLE_MS / 2);
        age += SESSION_IDLE_MS / 2;
    }
    hands.forward(SESSION_LIFETIME_MS - age);
    assert!(!alive(&token).await, "old");

    let token = start().await;
    store.end_session(token.as_str()).await.unwrap();
    assert!(!alive(&token).await, "logged out");

    let token = start().await;
    let change = UserChange {
        password: Some(Secret::new("outra frase bem comprida".into())),
        ..Default::default()
    };
    store.update_user(&actor(), id, change).await.unwrap();
    assert!(!alive(&token).await, "new password");
    assert!(logs_in(&store, "helena", "outra frase bem comprida").await);
    assert!(matches!(
        store.create_session(UserId(999), origin).await,
        Err(StoreError::NotFound { .. })
    ));
}

#[tokio::test]
async fn one_user_holds_at_most_twenty_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let (store, hands) = open(dir.path());
    set_up(&store).await;
    let id = store.configuration().user_by_login("helena").unwrap().id;
    let mut tokens = Vec::new();
    for _ in 0..25 {
        tokens.push(
            store
                .create_session(id, SessionOrigin::default())
                .await
                .unwrap(),
        );
        hands.forward(1);
    }
    let mut alive = Vec::new();
    for token in &tokens {
        alive.push(store.session(token.as_str()).await.unwrap().is_some());
    }
    assert_eq!(alive, [vec![false; 5], vec![true; 20]].concat());
}

#[tokio::test]
async fn tokens_are_shown_once_found_by_secret_and_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let (store, hands) = open(dir.path());
    set_up(&store).await;
    let new = NewToken {
        name: " painel ".into(),
        role: Some(Role::Auditor),
        permissions: None,
    };
    let (token, secret) = store.create_token(&actor(), new.clone()).await.unwrap();
    assert_eq!(
        (token.name.as_str(), token.role, token.created_by.as_str()),
        ("painel", Role::Auditor, "command line")
    );
    assert_eq!(
        store.token(secret.as_str()).await.unwrap().unwrap().id,
        token.id
    );
    assert!(store.token("ramal_0000").await.unwrap().is_none());
    let Err(StoreError::Invalid(invalid)) = store.create_token(&actor(), new).await else {
        panic!()
    };
    assert!(invalid.names("name", code::TAKEN));
    let blank = NewToken {
        name: " ".into(),
        role: None,
        permissions: None,
    };
    let Err(StoreError::Invalid(invalid)) = store.create_token(&actor(), blank).await else {
        panic!()
    };
    assert!(invalid.names("name", code::REQUIRED));
    hands.forward(61_000);
    store.token(secret.as_str()).await.unwrap();
    let version = store.configuration().version();
    store
        .create_token(
            &actor(),
            NewToken {
                name: "outro".into(),
                role: None,
                permissions: None,
            },
        )
        .await
        .unwrap();
    assert_eq!(
        store.configuration().version(),
        version + 1,
        "a token is in the journal"
    );
    let tokens = store.tokens().await.unwrap();
    assert_eq!(tokens[0].last_used_at, Some(crate::support::START + 61_000));
    store.delete_token(&actor(), token.id).await.unwrap();
    assert!(store.token(secret.as_str()).await.unwrap().is_none());
    assert!(matches!(
        store.delete_token(&actor(), token.id).await,
        Err(StoreError::NotFound { .. })
    ));
}

#[tokio::test]
async fn no_secret_lies_readable_in_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    set_up(&store).await;
    let id = store.configuration().user_by_login("helena").unwrap().id;
    let session = store
        .create_session(id, SessionOrigin::default())
        .await
        .unwrap();
    let (_, token) = store
        .create_token(
            &actor(),
            NewToken {
                name: "painel".into(),
                role: None,
                permissions: None,
            },
        )
        .await
        .unwrap();
    let (_, secret) = store
        .create_extension(&actor(), crate::support::extension("2001"))
        .await
        .unwrap();
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} is readable by others", path.display());
        bytes.extend(std::fs::read(path).unwrap());
    }
    let found = |needle: &str| {
        bytes
            .windows(needle.len())
            .any(|window| window == needle.as_bytes())
    };
    assert!(found("helena") && found("2001"), "the search itself works");
    for needle in [PASSWORD, session.as_str(), token.as_str(), secret.as_str()] {
        assert!(!found(needle));
    }
}
