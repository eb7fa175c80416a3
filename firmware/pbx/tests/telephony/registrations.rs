//! Registrations: who may, how many, for how long.

use ramal_model::{Actor, MAX_REGISTRATIONS};
use sipphone::{Phone, Protocol};

use crate::gateway::{Gateway, SOON, incoming};

#[tokio::test(flavor = "multi_thread")]
async fn md5_and_sha256_over_udp_and_tcp() {
    let gateway = Gateway::start().await;
    let (extension, secret) = gateway.extension("2001").await;
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        for md5_only in [false, true] {
            let mut config = gateway.config(&extension, &secret);
            config.protocol = protocol;
            config.md5_only = md5_only;
            let phone = Phone::start(config).await.unwrap();
            let registered = phone.register(600).await.unwrap();
            assert_eq!(registered.expires, 600);
            let live = gateway.pbx.live();
            let registration = live.registrations.last().unwrap();
            assert_eq!(registration.source, phone.local().to_string());
            assert_eq!(phone.register(0).await.unwrap().contacts.len(), 0);
            gateway
                .wait("un-registration", |live| live.registrations.is_empty())
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_user_do_not_register() {
    let gateway = Gateway::start().await;
    let (extension, secret) = gateway.extension("2001").await;
    let mut config = gateway.config(&extension, &secret);
    config.secret = "wrong".into();
    assert!(
        Phone::start(config)
            .await
            .unwrap()
            .register(600)
            .await
            .is_err()
    );
    let mut config = gateway.config(&extension, &secret);
    config.user = "2009".into();
    assert!(
        Phone::start(config)
            .await
            .unwrap()
            .register(600)
            .await
            .is_err()
    );
    assert!(gateway.pbx.live().registrations.is_empty());
    let counters = gateway.pbx.counters().await.unwrap();
    assert!(counters.authentication.failed >= 2, "{counters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_shuts_out_the_guesser_and_nobody_else() {
    let gateway = Gateway::start().await;
    let (extension, secret) = gateway.extension("2001").await;
    let mut config = gateway.config(&extension, &secret);
    config.secret = "guess".into();
    let thief = Phone::start(config).await.unwrap();
    for _ in 0..12 {
        assert!(thief.register(600).await.is_err());
    }
    let counters = gateway.pbx.counters().await.unwrap().authentication;
    let bans = gateway.pbx.bans().await.unwrap();
    assert_eq!(bans.len(), 1, "{bans:?}");
    assert!(counters.banned >= 2, "{counters:?}");
    // The same address, another user.
    gateway.phone("2002").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_survive_a_restart() {
    let mut gateway = Gateway::start().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let before = gateway.pbx.live().registrations;
    gateway.restart().await;
    let after = gateway.pbx.live().registrations;
    assert_eq!(after, before);
    drop(ana);
    let carla = gateway.phone("2003").await;
    let mut out = carla.call("2002").await.unwrap();
    let inn = incoming(&bruno).await;
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_phone_too_many_takes_the_place_of_the_oldest() {
    let gateway = Gateway::start().await;
    let (extension, secret) = gateway.extension("2001").await;
    let mut phones = Vec::new();
    for _ in 0..=MAX_REGISTRATIONS {
        let phone = Phone::start(gateway.config(&extension, &secret))
            .await
            .unwrap();
        phone.register(600).await.unwrap();
        phones.push(phone);
    }
    let live = gateway.pbx.live();
    assert_eq!(live.registrations.len(), MAX_REGISTRATIONS);
    let first = phones[0].local().to_string();
    assert!(
        live.registrations
            .iter()
            .all(|registration| registration.source != first)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_ends_the_registrations_made_with_the_old_one() {
    let gateway = Gateway::start().await;
    let (extension, secret) = gateway.extension("2001").await;
    let phone = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    phone.register(600).await.unwrap();
    gateway
        .store
        .regenerate_secret(&Actor::System, extension.id)
        .await
        .unwrap();
    gateway
        .wait("un-registration", |live| live.registrations.is_empty())
        .await;
    assert!(phone.register(600).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_on_tcp_is_called_over_its_connection_and_forgotten_with_it() {
    let gateway = Gateway::start().await;
    let ana = gateway.phone("2001").await;
    let (extension, secret) = gateway.extension("2002").await;
    let mut config = gateway.config(&extension, &secret);
    config.protocol = Protocol::Tcp;
    let bruno = Phone::start(config).await.unwrap();
    bruno.register(600).await.unwrap();
    let mut out = ana.call("2002").await.unwrap();
    let mut inn = incoming(&bruno).await;
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    inn.wait_answered(SOON).await.unwrap();
    drop(inn);
    out.wait_ended(SOON).await.unwrap();
    drop(bruno);
    gateway
        .wait("the end of the connection", |live| {
            live.registrations.len() == 1
        })
        .await;
}
